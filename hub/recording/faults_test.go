package recording_test

import (
	"errors"
	"math/rand/v2"
	"os"
	"runtime"
	"sync"
	"testing"

	"gatehouse/hub/recording"
)

// faulty is the real file system with hooks before its operations.
type faulty struct {
	recording.OSFiles
	write func(name string, off int64, n int) (short int, err error)
	sync  func(name string) error
	free  func(name string) (int64, error)
}

func (f *faulty) wrap(name string, file recording.RawFile, err error) (recording.RawFile, error) {
	if err != nil {
		return nil, err
	}
	return &faultyFile{file, f, name}, nil
}

func (f *faulty) Create(name string) (recording.RawFile, error) {
	file, err := f.OSFiles.Create(name)
	return f.wrap(name, file, err)
}

func (f *faulty) Open(name string, write bool) (recording.RawFile, error) {
	file, err := f.OSFiles.Open(name, write)
	return f.wrap(name, file, err)
}

func (f *faulty) Free(name string) (int64, error) {
	if f.free != nil {
		return f.free(name)
	}
	return 1 << 40, nil
}

type faultyFile struct {
	recording.RawFile
	fs   *faulty
	name string
}

func (f *faultyFile) WriteAt(b []byte, off int64) (int, error) {
	if f.fs.write != nil {
		if short, err := f.fs.write(f.name, off, len(b)); err != nil {
			n, werr := f.RawFile.WriteAt(b[:short], off)
			return n, errors.Join(err, werr)
		}
	}
	return f.RawFile.WriteAt(b, off)
}

func (f *faultyFile) Sync() error {
	if f.fs.sync != nil {
		if err := f.fs.sync(f.name); err != nil {
			return err
		}
	}
	return f.RawFile.Sync()
}

// power is a file system whose power can be cut: what was not synced then
// reaches the disk in part, torn, or not at all.
type power struct {
	recording.OSFiles
	mu    sync.Mutex
	count int // operations so far
	stop  int // the operation at which the power goes; 0 for never
	off   bool
	files map[string]*powerFile // by name
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

func (p *power) Create(name string) (recording.RawFile, error) {
	p.op()
	file, err := p.OSFiles.Create(name)
	if err != nil {
		return nil, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.files == nil {
		p.files = map[string]*powerFile{}
	}
	f := &powerFile{RawFile: file, fs: p, name: name}
	p.files[name] = f
	return f, nil
}

func (p *power) SyncDir(name string) error { p.op(); return p.OSFiles.SyncDir(name) }

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
	b, err := os.ReadFile(f.name)
	f.durable = b
	return err
}

// cut leaves the files as a power cut may.
func (p *power) cut(t *testing.T, r *rand.Rand) {
	t.Helper()
	for name, f := range p.files {
		b := append([]byte{}, f.durable...)
		for _, c := range f.changes {
			switch r.IntN(4) {
			case 0: // lost
				continue
			case 1: // torn
				c.data = c.data[:r.IntN(len(c.data)+1)]
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
		write(t, name, b)
	}
}
