package request

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"gatehouse/hub/bulletin"
	"gatehouse/hub/internal/durable"
)

const (
	inboxDone    = "done"
	inboxRefused = "refused"
	inboxSource  = "inbox"
	stable       = time.Second // a file is complete when it has not changed for this long
)

// inbox takes in the .ghb files that somebody drops into a folder. Those taken
// in move to done, the others to refused with a .txt that says why.
type inbox struct {
	s    *Service
	dir  string
	seen map[string]sighting // by file name
}

type sighting struct {
	size    int64
	changed time.Time
	since   time.Time
}

func (b *inbox) look(ctx context.Context) (again time.Duration, err error) {
	files, err := os.ReadDir(b.dir)
	if err != nil {
		return 0, fmt.Errorf("reading inbox: %w", err)
	}
	seen := map[string]sighting{}
	for _, f := range files {
		name := f.Name()
		info, err := f.Info()
		if err != nil || f.IsDir() || strings.HasPrefix(name, ".") || unfinished(name) {
			continue // gone again, ours, or still being written
		}
		now := sighting{size: info.Size(), changed: info.ModTime(), since: time.Now()}
		if was, ok := b.seen[name]; ok && was.size == now.size && was.changed.Equal(now.changed) {
			now.since = was.since
		}
		if time.Since(now.since) < stable {
			seen[name] = now
			again = stable
			continue
		}
		if err := b.take(ctx, name, info); err != nil {
			return 0, err
		}
	}
	b.seen = seen
	return again, nil
}

// unfinished reports names that copiers and browsers give to what they are still writing.
func unfinished(name string) bool {
	return slices.Contains([]string{".tmp", ".part", ".partial", ".crdownload"}, strings.ToLower(filepath.Ext(name)))
}

// take returns an error only if the hub is broken; a bad file is moved away.
func (b *inbox) take(ctx context.Context, name string, info fs.FileInfo) error {
	data, refusal := b.read(name, info)
	if refusal == nil {
		err := b.s.Take(ctx, inboxSource, data)
		if err != nil && !errors.As(err, &refusal) {
			return err
		}
	}
	if refusal == nil {
		return b.move(name, inboxDone, "")
	}
	b.s.cfg.Log.Info("inbox file refused", "reason", string(refusal.Code))
	return b.move(name, inboxRefused, refusal.Detail)
}

func (b *inbox) read(name string, info fs.FileInfo) ([]byte, *bulletin.Refusal) {
	bad := func(why string) *bulletin.Refusal { return &bulletin.Refusal{Code: bulletin.BadFile, Detail: why} }
	switch {
	case filepath.Ext(name) != ".ghb":
		return nil, bad("Its name does not end in .ghb.")
	case !info.Mode().IsRegular():
		return nil, bad("It is not a regular file.")
	case info.Size() > maxFile:
		return nil, bad("It is larger than 8 MiB.")
	}
	f, err := os.OpenInRoot(b.dir, name)
	if err != nil {
		return nil, bad("It cannot be opened.")
	}
	data, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err := errors.Join(err, f.Close()); err != nil || len(data) > maxFile {
		return nil, bad("It cannot be read, or grew while it was.")
	}
	return data, nil
}

// move puts a file away under a name of its own, and the reason beside it.
func (b *inbox) move(name, folder, reason string) error {
	dir := filepath.Join(b.dir, folder)
	if err := durable.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("sorting inbox: %w", err)
	}
	to := name
	for i := 2; ; i++ {
		if _, err := os.Lstat(filepath.Join(dir, to)); errors.Is(err, fs.ErrNotExist) {
			break
		}
		ext := filepath.Ext(name)
		to = fmt.Sprintf("%s (%d)%s", strings.TrimSuffix(name, ext), i, ext)
	}
	if err := durable.Rename(filepath.Join(b.dir, name), filepath.Join(dir, to)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("sorting inbox: %w", err)
	}
	if reason == "" {
		return nil
	}
	if err := durable.WriteFile(filepath.Join(dir, to+".txt"), []byte(reason+"\n"), 0o600); err != nil {
		return fmt.Errorf("sorting inbox: %w", err)
	}
	return nil
}
