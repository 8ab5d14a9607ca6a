package recording_test

import (
	"maps"
	"math/rand/v2"
	"os"
	"path"
	"path/filepath"
	"runtime"
	"slices"
	"sync"
	"testing"

	"gatehouse/hub/recording"
)

// power is a file system whose power can be cut. What was not synced then
// reaches the disk in part, torn, or not at all: contents by the file's sync,
// names by their folder's.
type power struct {
	recording.OSFiles
	mu      sync.Mutex
	root    string
	count   int // operations that change something, so far
	stop    int // the operation at which the power goes; 0 for never
	off     bool
	files   map[string]*powerFile // by name
	durable map[string]bool       // names that a power cut leaves
	pending map[string]bool       // names that were made (true) or removed since their folder was synced
}

// op counts an operation that changes something. The operation at which the
// power goes does not happen, nor does anything after.
func (p *power) op() {
	p.mu.Lock()
	p.count++
	if p.count == p.stop {
		p.off = true
	}
	off := p.off
	p.mu.Unlock()
	if off {
		runtime.Goexit()
	}
}

func (p *power) name(name string, there bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.pending[name] = there
}

func (p *power) Volume(root string) (recording.Volume, error) {
	v, err := p.OSFiles.Volume(root)
	if err != nil {
		return nil, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.files == nil {
		p.root, p.files, p.durable, p.pending = root, map[string]*powerFile{}, map[string]bool{}, map[string]bool{}
	}
	return &powerVolume{v, p}, nil
}

type powerVolume struct {
	recording.Volume
	fs *power
}

func (v *powerVolume) Create(name string) (recording.RawFile, error) {
	v.fs.op()
	file, err := v.Volume.Create(name)
	if err != nil {
		return nil, err
	}
	v.fs.name(name, true)
	v.fs.mu.Lock()
	defer v.fs.mu.Unlock()
	f := &powerFile{RawFile: file, fs: v.fs, name: name}
	v.fs.files[name] = f
	return f, nil
}

func (v *powerVolume) Mkdir(name string) error {
	v.fs.op()
	if _, err := os.Stat(filepath.Join(v.fs.root, name)); err == nil {
		return nil
	}
	v.fs.name(name, true)
	return v.Volume.Mkdir(name)
}

func (v *powerVolume) Rename(from, to string) error {
	v.fs.op()
	v.fs.name(from, false)
	v.fs.name(to, true)
	v.fs.mu.Lock()
	f := v.fs.files[from]
	f.name = to
	v.fs.files[to] = f
	delete(v.fs.files, from)
	v.fs.mu.Unlock()
	return v.Volume.Rename(from, to)
}

func (v *powerVolume) Remove(name string) error {
	v.fs.op()
	err := v.Volume.Remove(name)
	if err == nil {
		v.fs.name(name, false)
	}
	return err
}

func (v *powerVolume) SyncDir(name string) error {
	v.fs.op()
	v.fs.mu.Lock()
	defer v.fs.mu.Unlock()
	for n, there := range v.fs.pending {
		if path.Dir(n) == name {
			v.fs.durable[n] = there
			delete(v.fs.pending, n)
		}
	}
	return nil
}

type change struct {
	off  int64
	data []byte
}

type powerFile struct {
	recording.RawFile
	fs      *power
	name    string
	durable []byte
	changes []change // since the last sync
}

func (f *powerFile) WriteAt(b []byte, off int64) (int, error) {
	f.fs.op()
	f.changes = append(f.changes, change{off, append([]byte{}, b...)})
	return f.RawFile.WriteAt(b, off)
}

func (f *powerFile) Sync() error {
	f.fs.op()
	f.changes = nil
	b, err := os.ReadFile(filepath.Join(f.fs.root, f.name))
	f.durable = b
	return err
}

// cut leaves the files as a power cut may.
func (p *power) cut(t *testing.T, r *rand.Rand) {
	t.Helper()
	if p.files == nil {
		return // nothing was made
	}
	for _, name := range slices.Sorted(maps.Keys(p.pending)) {
		if r.IntN(2) == 0 {
			p.durable[name] = p.pending[name]
		}
	}
	if err := os.RemoveAll(p.root); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(p.root, 0o750); err != nil {
		t.Fatal(err)
	}
	var names []string
	for name, there := range p.durable {
		if there {
			names = append(names, name)
		}
	}
	slices.Sort(names) // a folder before what is in it
	for _, name := range names {
		at := filepath.Join(p.root, name)
		if _, err := os.Stat(filepath.Dir(at)); err != nil {
			continue // lost with its folder
		}
		f := p.files[name]
		if f == nil {
			if err := os.Mkdir(at, 0o750); err != nil {
				t.Fatal(err)
			}
			continue
		}
		write(t, at, f.left(r))
	}
}

// sector is what a disk writes whole or not at all.
const sector = 512

// left is a file's content after a power cut.
func (f *powerFile) left(r *rand.Rand) []byte {
	b := append([]byte{}, f.durable...)
	for _, c := range f.changes {
		switch r.IntN(4) {
		case 0: // lost
			continue
		case 1: // torn between two sectors
			end := c.off + r.Int64N(int64(len(c.data))+1)
			c.data = c.data[:max(end/sector*sector-c.off, 0)]
		case 2: // length without content
			if c.off >= int64(len(b)) {
				c.data = make([]byte, len(c.data))
			}
		}
		if grow := c.off + int64(len(c.data)) - int64(len(b)); grow > 0 {
			b = append(b, make([]byte, grow)...)
		}
		copy(b[c.off:], c.data)
	}
	return b
}
