package backup

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"

	"gatehouse/hub/internal/durable"
)

// ErrNotEmpty means that the folder to restore into has files.
var ErrNotEmpty = errors.New("the folder is not empty; a backup is only restored into an empty one")

// CheckEmpty returns ErrNotEmpty unless a folder has no files, or is not there.
// A lock and what a disk has of its own do not count.
func CheckEmpty(dir string) error {
	list, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("looking into the folder: %w", err)
	}
	for _, f := range list {
		if f.Name() != "lock" && f.Name() != "lost+found" {
			return fmt.Errorf("%w (it has %s)", ErrNotEmpty, f.Name())
		}
	}
	return nil
}

// Restore unpacks an archive into an empty folder, which the caller has locked.
// All is written beside first, and check looks at it there, and may change it;
// only then it is moved into place: house.db first and the keys last, without
// which no hub starts, so that a power cut in between leaves no half hub that
// runs. After an error the folder is as it was.
func Restore(r io.Reader, passphrase, dir string, check func(staged string, m Manifest) error) (m Manifest, err error) {
	if err := CheckEmpty(dir); err != nil {
		return m, err
	}
	staged := filepath.Join(dir, Staging+"restore")
	if err := os.Mkdir(staged, 0o700); err != nil {
		return m, fmt.Errorf("making a folder: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(staged)) }()
	root, err := os.OpenRoot(staged)
	if err != nil {
		return m, fmt.Errorf("opening a folder: %w", err)
	}
	m, err = Read(r, passphrase, func(f File) (io.WriteCloser, error) { return create(root, f.Name) })
	if err = errors.Join(err, root.Close()); err != nil {
		return m, err
	}
	if err := check(staged, m); err != nil {
		return m, err
	}
	return m, moveIn(staged, dir)
}

// create makes a file that a root cannot be left by, and its folder.
func create(root *os.Root, name string) (io.WriteCloser, error) {
	if folder := filepath.Dir(filepath.FromSlash(name)); folder != "." {
		if err := root.Mkdir(folder, 0o700); err != nil && !errors.Is(err, os.ErrExist) {
			return nil, fmt.Errorf("making a folder: %w", err)
		}
	}
	f, err := root.OpenFile(filepath.FromSlash(name), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, fmt.Errorf("making a file: %w", err)
	}
	return synced{f}, nil
}

// synced is a file whose bytes survive a power cut once it is closed.
type synced struct{ *os.File }

func (s synced) Close() error { return errors.Join(s.Sync(), s.File.Close()) }

// moveIn moves what was checked into the folder, or nothing.
func moveIn(staged, dir string) (err error) {
	list, err := os.ReadDir(staged)
	if err != nil {
		return fmt.Errorf("looking at what was restored: %w", err)
	}
	place := func(name string) int { // in which order
		switch name {
		case House:
			return 0
		case "keys":
			return 2
		}
		return 1
	}
	slices.SortStableFunc(list, func(a, b os.DirEntry) int { return cmp.Compare(place(a.Name()), place(b.Name())) })
	var moved []string
	defer func() {
		for _, name := range moved {
			if err != nil {
				err = errors.Join(err, os.RemoveAll(filepath.Join(dir, name)))
			}
		}
	}()
	for _, f := range list {
		if f.IsDir() {
			if err := durable.SyncDir(filepath.Join(staged, f.Name())); err != nil {
				return fmt.Errorf("putting %s into place: %w", f.Name(), err)
			}
		}
		to := filepath.Join(dir, f.Name())
		if _, err := os.Lstat(to); !errors.Is(err, os.ErrNotExist) {
			return fmt.Errorf("%w (%s came meanwhile)", ErrNotEmpty, f.Name())
		}
		if err := durable.Rename(filepath.Join(staged, f.Name()), to); err != nil {
			return fmt.Errorf("putting %s into place: %w", f.Name(), err)
		}
		moved = append(moved, f.Name())
	}
	return nil
}
