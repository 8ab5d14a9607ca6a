package recording_test

import (
	"bytes"
	"context"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"gatehouse/hub/internal/mp4"
	"gatehouse/hub/internal/mp4/mp4test"
	"gatehouse/hub/recording"
	"gatehouse/rtsp"
)

// until runs a recorder in a goroutine that may be ended by runtime.Goexit,
// as a process is by a crash.
func (s *store) until(t *testing.T, src *script) {
	t.Helper()
	apart(func() {
		if err := s.Recorder("porch", recording.Main, src).Run(context.WithoutCancel(t.Context())); err != nil {
			t.Error(err)
		}
	})
}

// apart runs f in a goroutine of its own and waits for its end, however it ends.
func apart(f func()) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		f()
	}()
	<-done
}

// waryIndex knows how much of the index a power cut leaves: what a durable
// change has synced.
type waryIndex struct {
	recording.Index
	wal    string
	synced int64 // bytes of the write-ahead log
}

func (w *waryIndex) AddSegment(ctx context.Context, s recording.Segment) (int64, error) {
	id, err := w.Index.AddSegment(ctx, s)
	if i, serr := os.Stat(w.wal); serr == nil {
		w.synced = i.Size()
	}
	return id, err
}

// cut returns a copy of the index as a power cut leaves it.
func (w *waryIndex) cut(t *testing.T, r *rand.Rand) (name string) {
	t.Helper()
	name = filepath.Join(memory(t), "index.db")
	wal := read(t, w.wal)
	write(t, name, read(t, w.wal[:len(w.wal)-len("-wal")]))
	write(t, name+"-wal", wal[:w.synced+r.Int64N(int64(len(wal))-w.synced+1)])
	return name
}

// TestPowerCutAtEveryOperation cuts the power before each operation of making
// a store and of a recording of two segments, then recovers and goes on. What
// was not synced is lost or torn: contents, names in folders, and index rows.
func TestPowerCutAtEveryOperation(t *testing.T) {
	f := tile(twoSeconds(t), 3, 2*time.Second)
	list := append(items(f), broken(rtsp.ReasonLost, time.Time{}))
	list = append(list, items(later(f, 6*time.Second))...)
	total := 0
	for stop := 0; stop == 0 || stop <= 2*total; stop++ { // each twice: what is lost is chance
		fsys := &power{stop: (stop + 1) / 2}
		s := newStore(t, 1)
		wary := &waryIndex{Index: s.index, wal: s.db + "-wal"}
		s.cfg.Index = wary
		src := &script{items: list, at: func(i int) {
			if i%40 == 39 {
				if err := s.SyncAll(t.Context()); err != nil {
					t.Error(err)
				}
			}
		}}
		apart(func() { s.start(t, fsys); s.until(t, src) })
		if stop == 0 {
			total = fsys.count
			if total < 30 {
				t.Fatalf("only %d operations", total)
			}
			continue
		}
		told := s.all(t)
		r := rand.New(rand.NewPCG(uint64(stop), 7))
		fsys.cut(t, r)
		s.openIndex(t, wary.cut(t, r))
		s.survives(t, stop, told, items(later(f, time.Minute)))
	}
}

// survives holds a store after a power cut to what the owner was told before.
func (s *store) survives(t *testing.T, stop int, told []recording.Segment, next []rtsp.Item) {
	t.Helper()
	for _, g := range s.all(t) {
		b := read(t, s.path(t, g))
		p, err := mp4.Parse(bytes.NewReader(b), int64(len(b)))
		if err != nil || string(b[mp4.PatchOffset+4:][:4]) == "mdat" != p.Closed {
			t.Errorf("cut before operation %d: players cannot read the file: %v", stop, err)
		}
	}
	s.start(t, recording.OSFiles{})
	after := s.all(t)
	if len(after) != len(told) {
		t.Fatalf("cut before operation %d: %d segments became %d", stop, len(told), len(after))
	}
	for i, g := range after {
		if g.State == recording.Open || g.Bytes < told[i].Bytes || g.Duration < told[i].Duration {
			t.Errorf("cut before operation %d: %+v after %+v", stop, g, told[i])
		}
		if p, err := mp4.Parse(bytes.NewReader(read(t, s.path(t, g))), g.Bytes); err != nil || !p.Closed {
			t.Errorf("cut before operation %d: the file is not finalised: %v", stop, err)
		}
		if stop%29 == 0 {
			if n := mp4test.Decode(t, s.path(t, g)); n != g.KeyFrames*15 {
				t.Errorf("cut before operation %d: %d pictures, %d key frames", stop, n, g.KeyFrames)
			}
		}
	}
	s.sound(t)
	s.record(t, next...)
	gaps := s.gaps(t)
	if len(after) > 0 && (len(gaps) < 2 || !gaps[len(gaps)-2].To.Equal(next[0].Session.Zero)) {
		t.Errorf("cut before operation %d: gaps %+v", stop, gaps)
	}
	s.sound(t)
}

func TestRecoveryRefusesFragmentsOfZeros(t *testing.T) {
	f := tile(twoSeconds(t), 3, 2*time.Second)
	s := newStore(t, 1).start(t, recording.OSFiles{})
	var row recording.Segment
	src := &script{items: items(f)}
	src.at = func(i int) {
		if i != len(src.items) {
			return
		}
		row = s.all(t)[0]
		b := read(t, s.path(t, row))
		p, err := mp4.Parse(bytes.NewReader(b), int64(len(b)))
		if err != nil {
			t.Error(err)
			return
		}
		last := p.Fragments[len(p.Fragments)-2]
		clear(b[last.Offset+last.Data : last.Offset+last.Size])
		write(t, s.path(t, row), b)
		row.Bytes = last.Offset
		runtime.Goexit()
	}
	s.until(t, src)
	s.start(t, recording.OSFiles{})
	g := s.all(t)[0]
	p, err := mp4.Parse(bytes.NewReader(read(t, s.path(t, g))), g.Bytes)
	if err != nil || p.End != row.Bytes || g.State != recording.Recovered {
		t.Errorf("recovered up to %d, want %d: %v", p.End, row.Bytes, err)
	}
	mp4test.Decode(t, s.path(t, g))
}
