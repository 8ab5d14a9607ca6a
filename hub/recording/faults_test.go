package recording_test

import (
	"errors"
	"sync"

	"gatehouse/hub/recording"
)

// op is one operation on a disk.
type op struct {
	n    int // counted from 1
	kind string
	name string // below the disk's folder
	disk string // its folder
	size int    // of a write
}

// faulty is the real file system with a hook before each of its operations. The
// hook's error is the operation's; of a write, short bytes arrive all the same.
type faulty struct {
	recording.OSFiles
	hook func(op) (short int, err error)
	room func() recording.Room // what the file system says of its room, if set

	mu sync.Mutex
	n  int
}

func (f *faulty) do(kind, disk, name string, size int) (int, error) {
	f.mu.Lock()
	f.n++
	o := op{f.n, kind, name, disk, size}
	f.mu.Unlock()
	if f.hook == nil {
		return 0, nil
	}
	return f.hook(o)
}

func (f *faulty) Make(path string) error {
	if _, err := f.do("make", path, "", 0); err != nil {
		return err
	}
	return f.OSFiles.Make(path)
}

func (f *faulty) Volume(path string) (recording.Volume, error) {
	if _, err := f.do("volume", path, "", 0); err != nil {
		return nil, err
	}
	v, err := f.OSFiles.Volume(path)
	if err != nil {
		return nil, err
	}
	return &faultyVolume{v, f, path}, nil
}

type faultyVolume struct {
	recording.Volume
	fs   *faulty
	path string
}

// before asks the hook and then does the operation.
func (v *faultyVolume) before(kind, name string, f func() error) error {
	if _, err := v.fs.do(kind, v.path, name, 0); err != nil {
		return err
	}
	return f()
}

func (v *faultyVolume) file(kind, name string, f func() (recording.RawFile, error)) (recording.RawFile, error) {
	var file recording.RawFile
	err := v.before(kind, name, func() (err error) { file, err = f(); return err })
	if err != nil {
		return nil, err
	}
	return &faultyFile{RawFile: file, v: v, name: name}, nil
}

func (v *faultyVolume) Create(name string) (recording.RawFile, error) {
	return v.file("create", name, func() (recording.RawFile, error) { return v.Volume.Create(name) })
}

func (v *faultyVolume) Open(name string, write bool) (recording.RawFile, error) {
	return v.file("open", name, func() (recording.RawFile, error) { return v.Volume.Open(name, write) })
}

func (v *faultyVolume) Mkdir(name string) error {
	return v.before("mkdir", name, func() error { return v.Volume.Mkdir(name) })
}

func (v *faultyVolume) Rename(from, to string) error {
	return v.before("rename", to, func() error { return v.Volume.Rename(from, to) })
}

func (v *faultyVolume) Remove(name string) error {
	return v.before("remove", name, func() error { return v.Volume.Remove(name) })
}

func (v *faultyVolume) SyncDir(name string) error {
	return v.before("syncdir", name, func() error { return v.Volume.SyncDir(name) })
}

func (v *faultyVolume) ReadFile(name string) (b []byte, err error) {
	err = v.before("marker", name, func() error { b, err = v.Volume.ReadFile(name); return err })
	return b, err
}

func (v *faultyVolume) List() (names []string, err error) {
	err = v.before("list", "", func() error { names, err = v.Volume.List(); return err })
	return names, err
}

func (v *faultyVolume) Room() (r recording.Room, err error) {
	err = v.before("room", "", func() error {
		if v.fs.room != nil {
			r = v.fs.room()
			return nil
		}
		r, err = v.Volume.Room()
		return err
	})
	return r, err
}

type faultyFile struct {
	recording.RawFile
	v      *faultyVolume
	name   string
	synced int64 // bytes
}

func (f *faultyFile) WriteAt(b []byte, off int64) (int, error) {
	if short, err := f.v.fs.do("write", f.v.path, f.name, len(b)); err != nil {
		n, werr := f.RawFile.WriteAt(b[:short], off)
		return n, errors.Join(err, werr)
	}
	return f.RawFile.WriteAt(b, off)
}

func (f *faultyFile) ReadAt(b []byte, off int64) (n int, err error) {
	if _, err := f.v.fs.do("read", f.v.path, f.name, len(b)); err != nil {
		return 0, err
	}
	return f.RawFile.ReadAt(b, off)
}

func (f *faultyFile) Truncate(size int64) error {
	return f.v.before("truncate", f.name, func() error { return f.RawFile.Truncate(size) })
}

// Sync, if it fails, loses what was written since the last, as Linux does: the
// pages are clean from then on, and the next sync succeeds.
func (f *faultyFile) Sync() error {
	size, err := f.Size()
	if err != nil {
		return err
	}
	if err := f.v.before("sync", f.name, f.RawFile.Sync); err != nil {
		_, werr := f.RawFile.WriteAt(make([]byte, max(size-f.synced, 0)), f.synced)
		return errors.Join(err, werr)
	}
	f.synced = size
	return nil
}
