package recording

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"golang.org/x/sys/unix"

	"gatehouse/hub/internal/durable"
)

// files opens storage folders; tests inject faults through it.
type files interface {
	// Volume opens a folder. What is done through it happens in the file system
	// that is there now or fails, whatever is mounted, unmounted or renamed later.
	Volume(path string) (volume, error)
	// Make makes a folder and its parents, durably.
	Make(path string) error
}

// volume is an open storage folder. Names are relative to it, with slashes; one
// that leads out of it, by a symbolic link too, is refused.
type volume interface {
	io.Closer
	// Create makes a file; one of that name already is fs.ErrExist.
	Create(name string) (file, error)
	// Open opens a file for reading and, if write, for writing.
	Open(name string, write bool) (file, error)
	// Mkdir makes a folder; one that is there is no error.
	Mkdir(name string) error
	Rename(from, to string) error
	// Remove unlinks a file or an empty folder; none of that name is no error.
	Remove(name string) error
	// SyncDir makes creations, renames and removals in a folder durable.
	SyncDir(name string) error
	// ReadFile returns a small file's content.
	ReadFile(name string) ([]byte, error)
	// List returns the names in the folder itself.
	List() ([]string, error)
	// Room asks the file system how much may still be written.
	Room() (room, error)
}

// room is what a file system says of itself.
type room struct {
	free, total int64 // bytes; free is what an ordinary process may still write
	readOnly    bool
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

func (osFiles) Make(path string) error { return durable.MkdirAll(path, 0o750) }

func (osFiles) Volume(path string) (volume, error) {
	root, err := os.OpenRoot(path)
	if err != nil {
		return nil, err
	}
	return osVolume{root}, nil
}

type osVolume struct{ *os.Root }

func (v osVolume) Create(name string) (file, error) {
	return v.open(name, os.O_RDWR|os.O_CREATE|os.O_EXCL)
}

func (v osVolume) Open(name string, write bool) (file, error) {
	if write {
		return v.open(name, os.O_RDWR)
	}
	return v.open(name, os.O_RDONLY)
}

func (v osVolume) open(name string, mode int) (file, error) {
	f, err := v.OpenFile(name, mode, 0o640)
	if err != nil {
		return nil, err
	}
	return osFile{f}, nil
}

func (v osVolume) Mkdir(name string) error {
	if err := v.Root.Mkdir(name, 0o750); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return nil
}

func (v osVolume) Remove(name string) error {
	if err := v.Root.Remove(name); err != nil && !gone(err) {
		return err
	}
	return nil
}

func (v osVolume) SyncDir(name string) error {
	d, err := v.Root.Open(name)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

func (v osVolume) List() (names []string, err error) {
	d, err := v.Root.Open(".")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, d.Close()) }()
	return d.Readdirnames(-1)
}

func (v osVolume) Room() (r room, err error) {
	d, err := v.Root.Open(".")
	if err != nil {
		return r, err
	}
	defer func() { err = errors.Join(err, d.Close()) }()
	var st unix.Statfs_t
	if err := unix.Fstatfs(int(d.Fd()), &st); err != nil {
		return r, fmt.Errorf("asking for free space: %w", err)
	}
	const readOnlyFlag = 1 // ST_RDONLY of Linux, MNT_RDONLY of the BSDs
	return room{
		free: int64(st.Bavail) * int64(st.Bsize), total: int64(st.Blocks) * int64(st.Bsize),
		readOnly: st.Flags&readOnlyFlag != 0,
	}, nil
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
