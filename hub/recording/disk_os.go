package recording

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"gatehouse/hub/internal/durable"
)

// files is the part of a file system that recording uses; tests inject faults
// through it. Names are absolute.
type files interface {
	// Create makes a file; one of that name already is fs.ErrExist. Missing folders are made.
	Create(name string) (file, error)
	// Open opens a file for reading and, if write, for writing.
	Open(name string, write bool) (file, error)
	// Remove unlinks a file; none of that name is no error.
	Remove(name string) error
	// SyncDir makes creations and removals in a folder durable.
	SyncDir(name string) error
	// ReadFile returns a small file's content.
	ReadFile(name string) ([]byte, error)
	// Free returns the bytes an ordinary process may still write.
	Free(name string) (int64, error)
}

// file is a segment's file.
type file interface {
	io.ReaderAt
	io.WriterAt
	io.Closer
	Truncate(size int64) error
	// Sync makes all writes so far durable (fdatasync). After an error nothing is known of any of them.
	Sync() error
	Size() (int64, error)
}

type osFiles struct{}

func (osFiles) Create(name string) (file, error) {
	f, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o640)
	if errors.Is(err, fs.ErrNotExist) {
		if err := durable.MkdirAll(filepath.Dir(name), 0o750); err != nil {
			return nil, err
		}
		f, err = os.OpenFile(name, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o640)
	}
	if err != nil {
		return nil, err
	}
	return osFile{f}, nil
}

func (osFiles) Open(name string, write bool) (file, error) {
	mode := os.O_RDONLY
	if write {
		mode = os.O_RDWR
	}
	f, err := os.OpenFile(name, mode, 0)
	if err != nil {
		return nil, err
	}
	return osFile{f}, nil
}

func (osFiles) Remove(name string) error {
	if err := os.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

func (osFiles) SyncDir(name string) error            { return durable.SyncDir(name) }
func (osFiles) ReadFile(name string) ([]byte, error) { return os.ReadFile(name) }

func (osFiles) Free(name string) (int64, error) {
	var st unix.Statfs_t
	if err := unix.Statfs(name, &st); err != nil {
		return 0, &fs.PathError{Op: "statfs", Path: name, Err: err}
	}
	return int64(st.Bavail) * int64(st.Bsize), nil
}

type osFile struct{ *os.File }

func (f osFile) Sync() error { return datasync(f.File) }

func (f osFile) Size() (int64, error) {
	i, err := f.Stat()
	if err != nil {
		return 0, err
	}
	return i.Size(), nil
}
