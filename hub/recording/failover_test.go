package recording_test

import (
	"errors"
	"os"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"gatehouse/hub/recording"
	"gatehouse/rtsp"
)

// away takes a disk's folder away, as an unmount does, and leaves an empty one.
func (s *store) away(t *testing.T, disk int) {
	t.Helper()
	dir := s.cfg.Disks[disk].Path
	if err := errors.Join(os.Rename(dir, dir+".away"), os.Mkdir(dir, 0o750)); err != nil {
		t.Error(err)
	}
}

// back puts it back; nothing may have been written where it was.
func (s *store) back(t *testing.T, disk int) {
	t.Helper()
	dir := s.cfg.Disks[disk].Path
	if err := errors.Join(os.Remove(dir), os.Rename(dir+".away", dir)); err != nil {
		t.Error("wrote below the mount point: ", err)
	}
}

// disks is on which disk each segment of the camera is, in time's order: "aab".
func (s *store) disks(t *testing.T) string {
	t.Helper()
	var b strings.Builder
	for _, g := range s.all(t) {
		for i, d := range s.cfg.Disks {
			for _, dir := range []string{d.Path, d.Path + ".away"} {
				marker, err := os.ReadFile(dir + "/.gatehouse-store")
				if err == nil && strings.Contains(string(marker), g.Disk) {
					b.WriteByte('a' + byte(i))
				}
			}
		}
	}
	return b.String()
}

// sessions is footage of n connections, ten seconds from one to the next.
func sessions(t *testing.T, n int) []rtsp.Item {
	t.Helper()
	f := tile(twoSeconds(t), 2, 2*time.Second)
	var list []rtsp.Item
	for i := range n {
		list = append(list, items(later(f, time.Duration(i)*10*time.Second))...)
		list = append(list, broken(rtsp.ReasonClosed, time.Time{}))
	}
	return list
}

// during calls f[i] late in session i, and retention before its last unit.
func (s *store) during(t *testing.T, list []rtsp.Item, f ...func()) *script {
	per := len(list) / len(f)
	return &script{items: list, at: func(i int) {
		switch {
		case i < len(list) && i%per == per*3/4:
			if f[i/per] != nil {
				f[i/per]()
			}
			if err := s.SyncAll(t.Context()); err != nil {
				t.Error(err)
			}
		case i%per == per-1:
			if err := recording.Retain(s.Archive, t.Context()); err != nil {
				t.Error(err)
			}
		}
	}}
}

func TestVanishedAndSwappedDisks(t *testing.T) {
	s := newStore(t, 3).start(t, recording.OSFiles{})
	s.until(t, s.during(t, sessions(t, 6),
		nil,
		func() { s.away(t, 0) },
		func() { s.away(t, 1) },
		func() { s.back(t, 1) },
		func() { s.back(t, 0) },
		nil,
	))
	// A disk that goes in the middle of a session is followed by the next one
	// that is here; the first that is here begins each new segment.
	if got := s.disks(t); got != "aabbccba" {
		t.Errorf("recorded on %q", got)
	}
	if n := s.log.count("store is not usable"); n != 2 || s.log.count("store is well") != 2 || s.Trouble() != "" {
		t.Errorf("%d lines of trouble, %d of its end, trouble %q", n, s.log.count("store is well"), s.Trouble())
	}
	s.sound(t)

	// Another store in its place is as good as none.
	other := newStore(t, 1).start(t, recording.OSFiles{})
	first := s.cfg.Disks[0].Path
	if err := errors.Join(os.Rename(first, first+".away"), os.Rename(other.cfg.Disks[0].Path, first)); err != nil {
		t.Fatal(err)
	}
	s.record(t, items(later(twoSeconds(t), time.Hour))...)
	names, err := os.ReadDir(first)
	if err != nil || len(names) != 1 || !strings.Contains(s.Trouble(), "Another disk is in its place") {
		t.Errorf("%v %v, trouble %q", names, err, s.Trouble())
	}
	if got := s.disks(t); !strings.HasSuffix(got, "b") {
		t.Errorf("recorded on %q", got)
	}
}

// After a restart an empty folder is not taken for a new disk, and what a crash
// left open on one that is missing is recovered when it is back.
func TestDiskMissingAtTheStart(t *testing.T) {
	s := newStore(t, 2).start(t, recording.OSFiles{})
	src := &script{items: sessions(t, 1)}
	src.at = func(i int) {
		if i == len(src.items)-1 {
			runtime.Goexit()
		}
	}
	s.until(t, src)
	s.away(t, 0)
	s.start(t, recording.OSFiles{})
	list := sessions(t, 3)
	s.until(t, s.during(t, list[len(list)/3:], func() {
		if g := s.all(t)[0]; g.State != recording.Open {
			t.Errorf("%+v", g)
		}
		s.back(t, 0)
	}, nil))
	if got := s.disks(t); got != "aba" {
		t.Errorf("recorded on %q", got)
	}
	if g := s.all(t)[0]; g.State != recording.Recovered || g.Duration != 3*time.Second {
		t.Errorf("%+v", g)
	}
	damage, notes := s.findings(t)
	if len(damage) != 0 || len(notes) != 1 || notes[0].Kind != "chain" {
		t.Errorf("check finds %+v, notes %+v", damage, notes)
	}
}

// A failed sync is the disk's end until the hub restarts: what it claims after
// that proves nothing.
func TestFailedSyncFailsTheDisk(t *testing.T) {
	n, first := 0, ""
	fsys := &faulty{hook: func(o op) (int, error) {
		if o.kind == "sync" && o.disk == first {
			if n++; n == 3 {
				return 0, syscall.EIO
			}
		}
		return 0, nil
	}}
	s := newStore(t, 2)
	s.start(t, fsys)
	first = s.cfg.Disks[0].Path
	n = 1 // the marker's
	s.until(t, s.during(t, sessions(t, 3), nil, nil, nil))
	if got := s.disks(t); got != "abbb" {
		t.Errorf("recorded on %q", got)
	}
	all := s.all(t)
	if g := s.gaps(t); g[0].Reason != rtsp.ReasonStore || !g[0].From.Equal(all[0].End()) || !g[0].To.Equal(all[1].Start) || all[0].State != recording.Recovered {
		t.Errorf("segments %+v, gaps %+v", all, g)
	}
	if why := s.Trouble(); !strings.Contains(why, "sync") || s.log.count("store is not usable") != 1 {
		t.Errorf("trouble %q", why)
	}
	s.sound(t)
	s.start(t, recording.OSFiles{})
	s.record(t, items(later(twoSeconds(t), time.Minute))...)
	if got := s.disks(t); got != "abbba" {
		t.Errorf("after a restart on %q", got)
	}
}

func TestOneDiskStopsRedAndGoesOnAfterARestart(t *testing.T) {
	n := 0
	s := newStore(t, 1).start(t, &faulty{hook: func(o op) (int, error) {
		if o.kind == "write" && o.size > 1000 {
			if n++; n >= 3 {
				return o.size / 2, syscall.EIO
			}
		}
		return 0, nil
	}})
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
	s.start(t, recording.OSFiles{})
	s.record(t, items(later(f, time.Minute))...)
	if g := s.gaps(t); !g[0].To.Equal(f.Session.Zero.Add(time.Minute)) {
		t.Errorf("after the restart %+v", g[0])
	}
	s.sound(t)
}

// A camera whose footage goes to the second disk notices nothing of what
// happens to the first.
func TestFaultDisturbsNoOtherDisk(t *testing.T) {
	broke, first := false, ""
	s := newStore(t, 2)
	s.start(t, &faulty{hook: func(o op) (int, error) {
		if broke && o.disk == first && o.kind != "marker" && o.kind != "volume" {
			return 0, syscall.EIO
		}
		return 0, nil
	}})
	first = s.cfg.Disks[0].Path
	s.away(t, 0)
	list := items(tile(twoSeconds(t), 6, 2*time.Second))
	garden := &script{items: list, at: func(i int) {
		if i == len(list)/2 {
			broke = true
		}
	}}
	porch := &script{items: list, at: func(i int) {
		if i != len(list)/2 {
			return
		}
		s.back(t, 0)
		apart(func() {
			if err := s.Recorder("garden", recording.Main, garden).Run(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}}
	s.until(t, porch)
	if all := s.all(t); s.disks(t) != "b" || all[0].State != recording.Closed || all[0].Duration != 12*time.Second {
		t.Errorf("porch: %+v", all)
	}
	if g := s.gaps(t); len(g) != 1 || g[0].Reason != rtsp.ReasonShutdown {
		t.Errorf("porch: gaps %+v", g)
	}
	g, err := s.index.Segments(t.Context(), "garden", recording.Main, time.Unix(0, 0), recording.FarFuture)
	if err != nil || len(g) != 2 || g[0].Disk == g[1].Disk || g[1].State != recording.Closed {
		t.Errorf("garden: %+v %v", g, err)
	}
	s.sound(t)
}
