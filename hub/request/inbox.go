package request

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"
	"unicode"

	"gatehouse/hub/bulletin"
	"gatehouse/hub/finding"
	"gatehouse/hub/internal/durable"
)

const (
	inboxDone    = "done"
	inboxRefused = "refused"
	inboxSource  = "inbox"
	stable       = time.Second // a file is complete when it has not changed for this long
	retry        = 5 * time.Second
)

// inbox takes in the .ghb files that somebody drops into a folder. Those taken
// in move to done, the others to refused with a .txt that says why. Whoever can
// write the folder chooses names and contents, and a share may go away: none of
// that ends the hub, it is a problem that the owner is told of.
type inbox struct {
	s     *Service
	dir   string
	seen  map[string]sighting // by file name
	stuck map[string]outcome  // taken in or refused, but could not be moved away; by file name
}

type sighting struct {
	size    int64
	changed time.Time
	since   time.Time
}

func (s sighting) same(t sighting) bool { return s.size == t.size && s.changed.Equal(t.changed) }

// outcome is where a file goes, and why.
type outcome struct {
	of             sighting
	folder, reason string
}

func (b *inbox) look(ctx context.Context) (again time.Duration, err error) {
	again, trouble, err := b.lookOnce(ctx)
	var found finding.Finding
	if trouble != nil {
		found = finding.New("inbox").Quoting(plainCause(trouble))
	}
	if b.s.setProblem("inbox", found) && trouble != nil {
		b.s.cfg.Log.Warn("inbox in trouble", "err", trouble)
	}
	return again, err
}

// plainCause is a file system's error without its path.
func plainCause(err error) string {
	var errno syscall.Errno
	if errors.As(err, &errno) {
		return errno.Error()
	}
	return "it cannot be used"
}

// lookOnce returns an error only if the hub is broken; what is wrong with the folder is trouble.
func (b *inbox) lookOnce(ctx context.Context) (again time.Duration, trouble, err error) {
	files, trouble := os.ReadDir(b.dir)
	if trouble != nil {
		return 0, trouble, nil
	}
	seen, stuck := map[string]sighting{}, map[string]outcome{}
	for _, f := range files {
		if err := ctx.Err(); err != nil {
			return 0, nil, err
		}
		name := f.Name()
		info, err := f.Info()
		if err != nil || f.IsDir() || strings.HasPrefix(name, ".") || unfinished(name) {
			continue // gone again, ours, or still being written
		}
		now := sighting{size: info.Size(), changed: info.ModTime(), since: time.Now()}
		out, done := b.stuck[name]
		if !done || !out.of.same(now) {
			if was, ok := b.seen[name]; ok && was.same(now) {
				now.since = was.since
			}
			if time.Since(now.since) < stable {
				seen[name] = now
				again = stable
				continue
			}
			if out, err = b.take(ctx, name, info); err != nil {
				return 0, nil, err
			}
			out.of = now
		}
		if err := b.move(name, out); err != nil {
			trouble, again = err, retry
			stuck[name] = out
		}
	}
	b.seen, b.stuck = seen, stuck
	return again, trouble, nil
}

// unfinished reports names that copiers and browsers give to what they are still writing.
func unfinished(name string) bool {
	return slices.Contains([]string{".tmp", ".part", ".partial", ".crdownload"}, strings.ToLower(filepath.Ext(name)))
}

// take returns an error only if the hub is broken; a bad file is refused.
func (b *inbox) take(ctx context.Context, name string, info fs.FileInfo) (outcome, error) {
	data, refusal := b.read(name, info)
	if refusal == nil {
		err := b.s.Take(ctx, inboxSource, data)
		if err != nil && !errors.As(err, &refusal) {
			return outcome{}, err
		}
	}
	if refusal == nil {
		return outcome{folder: inboxDone}, nil
	}
	b.s.cfg.Log.Info("inbox file refused", "reason", string(refusal.Code))
	return outcome{folder: inboxRefused, reason: refusal.Detail}, nil
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
	f, err := b.open(name)
	if err != nil {
		return nil, bad("It cannot be opened.")
	}
	data, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err := errors.Join(err, f.Close()); err != nil || len(data) > maxFile {
		return nil, bad("It cannot be read, or grew while it was.")
	}
	return data, nil
}

// open does not wait for the other end of a pipe that has taken a file's place.
func (b *inbox) open(name string) (*os.File, error) {
	root, err := os.OpenRoot(b.dir)
	if err != nil {
		return nil, err
	}
	f, err := root.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err := errors.Join(err, root.Close()); err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = errors.New("not a regular file")
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

// move puts a file away under a name of its own, and the reason beside it.
func (b *inbox) move(name string, out outcome) error {
	from, dir := filepath.Join(b.dir, name), filepath.Join(b.dir, out.folder)
	if info, err := os.Lstat(dir); err == nil && !info.IsDir() {
		if name != out.folder { // what is in the way goes when its own turn comes
			return &fs.PathError{Op: "mkdir", Path: dir, Err: syscall.EEXIST}
		}
		aside := filepath.Join(b.dir, "."+name+"-"+rand.Text())
		if err := os.Rename(from, aside); err != nil {
			return ignoreGone(err)
		}
		from = aside
	}
	if err := durable.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	to := freeName(dir, name)
	if err := durable.Rename(from, filepath.Join(dir, to)); err != nil {
		return ignoreGone(err)
	}
	if out.reason == "" {
		return nil
	}
	return durable.WriteFile(filepath.Join(dir, to+".txt"), []byte(out.reason+"\n"), 0o600)
}

func ignoreGone(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

const keptName = 80 // bytes of a file's name

// freeName is short and plain whatever the file was called, and ends with a
// number or a random word if its name is taken.
func freeName(dir, name string) string {
	plain := strings.TrimLeft(strings.Map(func(r rune) rune {
		if r < 128 && (r == ' ' || r == '.' || r == '-' || r == '(' || r == ')' || unicode.IsLetter(r) || unicode.IsDigit(r)) {
			return r
		}
		return '_'
	}, name), ".")
	ext := filepath.Ext(plain)
	if len(ext) > 8 {
		ext = ""
	}
	base := strings.TrimSuffix(plain, ext)
	base = base[:min(len(base), keptName)]
	for i := 1; i < 10; i++ {
		to := base + ext
		if i > 1 {
			to = fmt.Sprintf("%s (%d)%s", base, i, ext)
		}
		_, err1 := os.Lstat(filepath.Join(dir, to))
		_, err2 := os.Lstat(filepath.Join(dir, to+".txt"))
		if to != "" && errors.Is(err1, fs.ErrNotExist) && errors.Is(err2, fs.ErrNotExist) {
			return to
		}
	}
	return base + "-" + rand.Text() + ext
}
