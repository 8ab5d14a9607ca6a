package recording_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"runtime"
	"syscall"
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
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := s.Recorder("porch", recording.Main, src).Run(context.WithoutCancel(t.Context())); err != nil {
			t.Error(err)
		}
	}()
	<-done
}

// TestPowerCutAtEveryOperation cuts the power before each operation of a
// recording of two segments, then recovers and goes on.
func TestPowerCutAtEveryOperation(t *testing.T) {
	f := tile(twoSeconds(t), 3, 2*time.Second)
	next := items(later(f, time.Minute))
	list := append(items(f), broken(rtsp.ReasonLost, time.Time{}))
	list = append(list, items(later(f, 6*time.Second))...)
	total := 0
	for stop := 0; stop == 0 || stop <= 2*total; stop++ { // each twice: what is lost is chance
		fsys := &power{stop: (stop + 1) / 2}
		s := newStore(t, 1).start(t, fsys)
		src := &script{items: list, at: func(i int) {
			if i%40 == 39 {
				if err := s.SyncAll(t.Context()); err != nil {
					t.Error(err)
				}
			}
		}}
		s.until(t, src)
		if stop == 0 {
			total = fsys.count
			if total < 20 {
				t.Fatalf("only %d operations", total)
			}
			continue
		}
		before := s.all(t)
		fsys.cut(t, rand.New(rand.NewPCG(uint64(stop), 7)))
		for _, g := range before {
			b := read(t, s.path(t, g))
			p, err := mp4.Parse(bytes.NewReader(b), int64(len(b)))
			if err != nil || string(b[mp4.PatchOffset+4:][:4]) == "mdat" != p.Closed {
				t.Errorf("cut before operation %d: players cannot read the file: %v", stop, err)
			}
		}
		s.start(t, recording.OSFiles{})
		after := s.all(t)
		if len(after) != len(before) {
			t.Fatalf("cut before operation %d: %d segments became %d", stop, len(before), len(after))
		}
		for i, g := range after {
			if g.State == recording.Open || g.Bytes < before[i].Bytes || g.Duration < before[i].Duration {
				t.Errorf("cut before operation %d: %+v after %+v", stop, g, before[i])
			}
			if p, err := mp4.Parse(bytes.NewReader(read(t, s.path(t, g))), g.Bytes); err != nil || !p.Closed {
				t.Errorf("cut before operation %d: the file is not finalised: %v", stop, err)
			}
			if stop%23 == 0 {
				if n := mp4test.Decode(t, s.path(t, g)); n != g.KeyFrames*15 {
					t.Errorf("cut before operation %d: %d pictures, %d key frames", stop, n, g.KeyFrames)
				}
			}
		}
		s.sound(t)
		s.record(t, next...)
		gaps := s.gaps(t)
		if len(after) > 0 && (len(gaps) == 0 || !gaps[len(gaps)-2].To.Equal(f.Session.Zero.Add(time.Minute))) {
			t.Errorf("cut before operation %d: gaps %+v", stop, gaps)
		}
		s.sound(t)
	}
}

func TestRecoveryOfCutFiles(t *testing.T) {
	f := tile(twoSeconds(t), 3, 2*time.Second)
	whole := newStore(t, 1).start(t, recording.OSFiles{})
	var open []byte
	var row recording.Segment
	src := &script{items: items(f)}
	src.at = func(i int) {
		if i == len(src.items) {
			row = whole.all(t)[0]
			open = read(t, whole.path(t, row))
			runtime.Goexit()
		}
	}
	whole.until(t, src)
	p, err := mp4.Parse(bytes.NewReader(open), int64(len(open)))
	if err != nil || row.State != recording.Open {
		t.Fatalf("%v %+v", err, row)
	}
	var cuts []int64
	for _, fr := range p.Fragments[2:] {
		for d := int64(-1); d <= 1; d++ {
			cuts = append(cuts, fr.Offset+d)
		}
	}
	r := rand.New(rand.NewPCG(1, 2))
	for range 25 {
		cuts = append(cuts, p.Fragments[2].Offset+r.Int64N(int64(len(open))-p.Fragments[2].Offset))
	}
	for i, cut := range cuts {
		t.Run(fmt.Sprintf("at %d", cut), func(t *testing.T) {
			s := newStore(t, 1).start(t, recording.OSFiles{})
			cutAndRecover(t, s, row, open[:cut], i%5 == 0)
		})
	}
}

// cutAndRecover puts a cut file into a fresh store and recovers it.
func cutAndRecover(t *testing.T, s *store, row recording.Segment, b []byte, decode bool) {
	t.Helper()
	p, err := mp4.Parse(bytes.NewReader(b), int64(len(b)))
	if err != nil {
		t.Fatal(err)
	}
	status, err := os.ReadFile(s.cfg.Disks[0].Path + "/.gatehouse-store")
	if err != nil {
		t.Fatal(err)
	}
	row.Disk, row.Bytes, row.Duration = string(status[7:39]), 0, 0
	if _, err := s.index.AddSegment(t.Context(), row); err != nil {
		t.Fatal(err)
	}
	name := s.path(t, row)
	file, err := recording.OSFiles{}.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	if err := file.Close(); err != nil {
		t.Fatal(err)
	}
	write(t, name, b)
	s.start(t, recording.OSFiles{})
	g := s.all(t)[0]
	now := read(t, name)
	got, err := mp4.Parse(bytes.NewReader(now), int64(len(now)))
	if err != nil || !got.Closed || got.End != p.End || len(got.Fragments) != len(p.Fragments) || g.State != recording.Recovered {
		t.Fatalf("recovered %d of %d fragments, end %d of %d, %v", len(got.Fragments), len(p.Fragments), got.End, p.End, err)
	}
	if !bytes.Equal(now[mp4.InitOffset:p.End], b[mp4.InitOffset:p.End]) {
		t.Error("recovery changed recorded bytes")
	}
	tail, err := os.ReadFile(name + ".tail")
	want := b[p.End:]
	if len(bytes.Trim(want, "\x00")) == 0 {
		want = nil // zeros are not worth keeping
	}
	if !bytes.Equal(tail, want) {
		t.Errorf("%d bytes set aside of %d: %v", len(tail), len(want), err)
	}
	if decode {
		mp4test.Decode(t, name)
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

func TestFailedSyncFailsTheDisk(t *testing.T) {
	for name, fail := range map[string]func(*int) func(string) error{
		"while recording": func(n *int) func(string) error {
			return func(string) error {
				if *n++; *n == 3 {
					return syscall.EIO
				}
				return nil
			}
		},
		"at the first": func(n *int) func(string) error {
			return func(string) error {
				if *n++; *n == 1 {
					return syscall.EIO
				}
				return nil
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			n := 0
			fsys := &faulty{sync: fail(&n)}
			s := newStore(t, 2).start(t, fsys)
			f := tile(twoSeconds(t), 10, 2*time.Second)
			s.until(t, &script{items: items(f), at: func(i int) {
				if i%100 == 99 {
					if err := s.SyncAll(t.Context()); err != nil {
						t.Error(err)
					}
				}
			}})
			all := s.all(t)
			last := all[len(all)-1]
			if want := f.Session.Zero.Add(20 * time.Second); !last.End().Equal(want) {
				t.Errorf("recorded up to %v, want %v on the second disk", last.End(), want)
			}
			if name == "while recording" {
				if len(all) != 2 || all[0].Disk == all[1].Disk || all[0].State != recording.Recovered {
					t.Fatalf("%+v", all)
				}
				g := s.gaps(t)
				if len(g) != 2 || g[0].Reason != rtsp.ReasonStore || !g[0].From.Equal(all[0].End()) || !g[0].To.Equal(all[1].Start) {
					t.Errorf("gaps %+v", g)
				}
			}
			if status, err := s.Status(t.Context()); err != nil || len(status) != 1 {
				t.Errorf("%+v %v", status, err)
			}
			s.sound(t)
		})
	}
}

func TestShortWriteKeepsWholeFragments(t *testing.T) {
	n := 0
	fsys := &faulty{write: func(_ string, _ int64, size int) (int, error) {
		if n++; n == 3 {
			return size / 2, syscall.EIO
		}
		return 0, nil
	}}
	s := newStore(t, 1).start(t, fsys)
	f := tile(twoSeconds(t), 6, 2*time.Second)
	s.until(t, &script{items: items(f)})
	all := s.all(t)
	if len(all) != 1 || all[0].State != recording.Recovered || all[0].Duration != time.Second {
		t.Fatalf("%+v", all)
	}
	g := s.gaps(t)
	if len(g) != 1 || g[0].Reason != rtsp.ReasonStore || !g[0].From.Equal(all[0].End()) || !g[0].To.IsZero() {
		t.Errorf("gaps %+v", g)
	}
	s.sound(t)
	// The hub restarts; the disk is what it was before.
	s.start(t, recording.OSFiles{})
	s.record(t, items(later(f, time.Minute))...)
	if g := s.gaps(t); !g[0].To.Equal(f.Session.Zero.Add(time.Minute)) {
		t.Errorf("after the restart %+v", g[0])
	}
	s.sound(t)
}

func TestFullDiskDeletesEarlyThenStopsAndGoesOn(t *testing.T) {
	room := int64(1 << 40)
	fsys := &faulty{free: func(string) (int64, error) { return room, nil }}
	fsys.write = func(_ string, _ int64, size int) (int, error) {
		if room <= 0 {
			return size / 3, syscall.ENOSPC
		}
		return 0, nil
	}
	s := newStore(t, 1).start(t, fsys)
	f := twoSeconds(t)
	s.record(t, items(f)...)
	s.record(t, items(later(f, time.Minute))...)
	held := recording.Hold{ID: "h", Camera: "porch", From: f.Session.Zero, To: f.Session.Zero.Add(time.Second), Until: time.Now().Add(time.Hour)}
	if err := s.Hold(t.Context(), held); err != nil {
		t.Fatal(err)
	}

	long := tile(later(f, 2*time.Minute), 10, 2*time.Second)
	src := &script{items: items(long)}
	src.at = func(i int) {
		switch i {
		case len(src.items) / 3:
			room = 0
		case 2 * len(src.items) / 3:
			room = 1 << 40
			if err := recording.Retain(s.Archive, t.Context()); err != nil {
				t.Error(err)
			}
		}
	}
	s.until(t, src)
	var kept, deleted int
	rows, err := s.index.Chain(t.Context(), "porch", recording.Main, 0, math.MaxInt64)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range rows {
		if r.Deleted.IsZero() {
			kept++
		} else {
			deleted++
		}
	}
	all := s.all(t)
	if deleted == 0 || !all[0].Start.Equal(f.Session.Zero) {
		t.Errorf("%d deleted, the oldest kept is %v", deleted, all[0].Start)
	}
	store := 0
	for _, g := range s.gaps(t) {
		if g.Reason == rtsp.ReasonStore && g.To.After(g.From) {
			store++
		}
	}
	if store != 1 {
		t.Errorf("gaps %+v", s.gaps(t))
	}
	if end := all[len(all)-1].End(); !end.Equal(long.Session.Zero.Add(20 * time.Second)) {
		t.Errorf("recorded up to %v", end)
	}
	s.sound(t)
}

func TestVanishedAndSwappedDisks(t *testing.T) {
	s := newStore(t, 2).start(t, recording.OSFiles{})
	f := tile(twoSeconds(t), 8, 2*time.Second)
	first := s.cfg.Disks[0].Path
	src := &script{items: items(f)}
	src.at = func(i int) {
		if i != len(src.items)/2 {
			return
		}
		if err := errors.Join(os.Rename(first, first+".away"), os.Mkdir(first, 0o750)); err != nil {
			t.Error(err)
		}
		if err := s.SyncAll(t.Context()); err != nil {
			t.Error(err)
		}
	}
	s.until(t, src)
	if names, err := os.ReadDir(first); err != nil || len(names) != 0 {
		t.Errorf("wrote below the mount point: %v %v", names, err)
	}
	all := s.all(t)
	if len(all) != 2 || all[0].Disk == all[1].Disk {
		t.Fatalf("%+v", all)
	}
	// After a restart the empty folder is not taken for a new disk.
	s.start(t, recording.OSFiles{})
	s.record(t, items(later(f, time.Minute))...)
	if names, err := os.ReadDir(first); err != nil || len(names) != 0 {
		t.Errorf("initialised a mount point: %v %v", names, err)
	}
	if err := errors.Join(os.Remove(first), os.Rename(first+".away", first)); err != nil {
		t.Fatal(err)
	}
	s.start(t, recording.OSFiles{})
	s.sound(t)
}
