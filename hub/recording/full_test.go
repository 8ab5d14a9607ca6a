package recording_test

import (
	"math"
	"strings"
	"syscall"
	"testing"
	"time"

	"gatehouse/hub/recording"
	"gatehouse/rtsp"
)

// TestFullDiskDeletesEarlyThenStopsAndGoesOn fills a disk: by number, as a file
// system tells, and by a quota, of which its numbers say nothing.
func TestFullDiskDeletesEarlyThenStopsAndGoesOn(t *testing.T) {
	for name, err := range map[string]error{"by number": syscall.ENOSPC, "by a quota": syscall.EDQUOT} {
		t.Run(name, func(t *testing.T) {
			spent := false
			fsys := &faulty{room: func() recording.Room {
				if spent && err == syscall.ENOSPC {
					return recording.MakeRoom(0, 1<<40, false)
				}
				return recording.MakeRoom(1<<39, 1<<40, false)
			}}
			fsys.hook = func(o op) (int, error) {
				if spent && o.kind == "write" {
					return o.size / 3, err
				}
				return 0, nil
			}
			s := newStore(t, 1).start(t, fsys)
			fillsAndGoesOn(t, s, &spent)
		})
	}
}

func fillsAndGoesOn(t *testing.T, s *store, spent *bool) {
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
			*spent = true
		case len(src.items) / 2:
			if why := s.Trouble(); !strings.Contains(why, "full") && !strings.Contains(why, "quota") {
				t.Errorf("trouble %q", why)
			}
			for range 3 { // in vain, and without a word more
				s.retain(t)
			}
			if why := s.Trouble(); !strings.Contains(why, "kept from deletion") {
				t.Errorf("trouble %q says nothing of what is held", why)
			}
		case 2 * len(src.items) / 3:
			*spent = false
			s.retain(t)
		}
	}
	s.until(t, src)
	rows, err := s.index.Chain(t.Context(), "porch", recording.Main, 0, math.MaxInt64)
	if err != nil {
		t.Fatal(err)
	}
	if len(rows) != 4 || !rows[0].Deleted.IsZero() || rows[1].Deleted.IsZero() {
		t.Errorf("not the oldest that is not held went: %+v", rows)
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
	all := s.all(t)
	if end := all[len(all)-1].End(); !end.Equal(long.Session.Zero.Add(20 * time.Second)) {
		t.Errorf("recorded up to %v", end)
	}
	if n := s.log.count("store is not usable"); n != 1 || s.log.count("store is well") != 1 {
		t.Errorf("%d lines of trouble, %d of its end", n, s.log.count("store is well"))
	}
	s.sound(t)
}

// Lack of room that deletion ends costs nothing at all: no gap, no new segment.
func TestRoomIsMadeInTheMiddleOfASegment(t *testing.T) {
	free := int64(1 << 39)
	fsys := &faulty{room: func() recording.Room { return recording.MakeRoom(free, 1<<40, false) }}
	fsys.hook = func(o op) (int, error) {
		switch {
		case o.kind == "remove" && free == 0:
			free = 1 << 39
		case o.kind == "write" && free == 0:
			return o.size / 2, syscall.ENOSPC
		}
		return 0, nil
	}
	s := newStore(t, 1).start(t, fsys)
	f := twoSeconds(t)
	s.record(t, items(f)...)
	long := tile(later(f, time.Minute), 6, 2*time.Second)
	list := items(long)
	s.until(t, &script{items: list, at: func(i int) {
		if i == len(list)/2 {
			free = 0
		}
	}})
	all := s.all(t)
	if len(all) != 1 || all[0].State != recording.Closed || all[0].Duration != 12*time.Second {
		t.Errorf("%+v", all)
	}
	for _, g := range s.gaps(t) {
		if g.Reason == rtsp.ReasonStore {
			t.Errorf("gap %+v", g)
		}
	}
	s.sound(t)
}

func TestReadOnlyStore(t *testing.T) {
	ro := false
	fsys := &faulty{room: func() recording.Room { return recording.MakeRoom(1<<39, 1<<40, ro) }}
	fsys.hook = func(o op) (int, error) {
		if ro && strings.Contains("create mkdir rename remove write truncate", o.kind) {
			return 0, syscall.EROFS
		}
		return 0, nil
	}
	s := newStore(t, 1).start(t, fsys)
	s.until(t, s.during(t, sessions(t, 3), func() { ro = true }, func() {
		if why := s.Trouble(); !strings.Contains(why, "read-only") {
			t.Errorf("trouble %q", why)
		}
		ro = false
	}, nil))
	// The last second of the second session has room again.
	if got := s.disks(t); got != "aaa" || s.Trouble() != "" || s.log.count("store is not usable") != 1 {
		t.Errorf("recorded on %q, trouble %q", got, s.Trouble())
	}
	s.sound(t)
}
