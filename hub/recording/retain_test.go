package recording_test

import (
	"context"
	"database/sql"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"gatehouse/hub/internal/mp4/mp4test"
	"gatehouse/hub/recording"
	"gatehouse/rtsp"
)

// days records two seconds at the same time of n days.
func days(t *testing.T, s *store, n int) mp4test.Footage {
	t.Helper()
	f := mp4test.Make(t, mp4test.Shot{Video: rtsp.H264, Seconds: 2})
	for i := range n {
		s.record(t, items(later(f, time.Duration(i)*24*time.Hour))...)
	}
	return f
}

func (s *store) retain(t *testing.T) {
	t.Helper()
	if err := recording.Retain(s.Archive, t.Context()); err != nil {
		t.Fatal(err)
	}
}

// kept is the days whose footage is there, on disk and in the index.
func (s *store) kept(t *testing.T, f mp4test.Footage) string {
	t.Helper()
	var b strings.Builder
	for _, g := range s.all(t) {
		if _, err := os.Stat(s.path(t, g)); err != nil {
			t.Errorf("in the index and not on disk: %v", err)
		}
		b.WriteByte('0' + byte(g.Start.Sub(f.Session.Zero)/(24*time.Hour)))
	}
	return b.String()
}

func TestRetention(t *testing.T) {
	s := newStore(t, 1)
	s.start(t, recording.OSFiles{})
	f := days(t, s, 7)
	size := s.all(t)[0].Bytes
	s.cfg.Disks[0].Keep = recording.Keep{Days: 5, Bytes: 4*size + size/2}
	s.clock = f.Session.Zero.Add(6*24*time.Hour + time.Minute)
	room := int64(1 << 40)
	fsys := &faulty{room: func() recording.Room { return recording.MakeRoom(room, 1<<40, false) }}
	s.start(t, fsys)

	hold := recording.Hold{
		ID: "GH-1", Camera: "porch", From: f.Session.Zero.Add(time.Second), To: f.Session.Zero.Add(90 * time.Minute),
		Until: time.Now().Add(time.Hour),
	}
	if err := s.Hold(t.Context(), hold); err != nil {
		t.Fatal(err)
	}
	s.retain(t)
	// Day 0 is held, 1 is too old; 2 and 3 go for the bytes, to which the held one counts.
	if got := s.kept(t, f); got != "0456" {
		t.Errorf("kept days %s", got)
	}
	if list := s.Crowded(); len(list) != 0 {
		t.Errorf("a quarter is held: %q", list)
	}
	wide := hold
	wide.ID, wide.To = "own-1", f.Session.Zero.Add(5*24*time.Hour+time.Second)
	if err := s.Hold(t.Context(), wide); err != nil {
		t.Fatal(err)
	}
	s.retain(t)
	disks, err := s.Disks(t.Context())
	if list := s.Crowded(); err != nil || len(list) != 1 || !strings.Contains(list[0].String(), "kept from deletion") || disks[0].Held != 3*size {
		t.Errorf("three quarters are held: %q, %+v, %v", list, disks, err)
	}
	for _, id := range []string{"GH-1", "own-1"} {
		if err := s.Release(t.Context(), id); err != nil {
			t.Fatal(err)
		}
	}
	s.retain(t)
	if got := s.kept(t, f); got != "456" {
		t.Errorf("kept days %s after the release, want 456", got)
	}
	damage, notes := s.findings(t)
	if len(damage) > 0 || len(notes) == 0 || notes[0].Kind != "deleted" {
		t.Errorf("check finds %+v, notes %+v", damage, notes)
	}
	empty := filepath.Join(s.cfg.Disks[0].Path, "recordings/porch/main", f.Session.Zero.Format(time.DateOnly))
	if _, err := os.Stat(empty); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the folder of a day without footage is left: %v", err)
	}
	room = 0
	s.retain(t)
	if got := s.kept(t, f); got != "" {
		t.Errorf("kept days %s on a full disk", got)
	}
	s.sound(t)
}

// The clock has leapt years ahead, which is not believed: nothing is old by it.
func TestLeapOfTheClockMakesNothingOld(t *testing.T) {
	s := newStore(t, 1)
	s.cfg.Disks[0].Keep = recording.Keep{Days: 5}
	s.start(t, recording.OSFiles{})
	f := days(t, s, 7)
	believed := f.Session.Zero.Add(6*24*time.Hour + time.Minute)
	s.clock = believed.AddDate(30, 0, 0)
	s.cfg.Old = func() time.Time { return believed }
	s.start(t, recording.OSFiles{})
	s.retain(t)
	if got := s.kept(t, f); got != "23456" {
		t.Errorf("kept days %s", got)
	}
	s.sound(t)
}

// Each stream has its own days and bytes; the disk's days are for the others.
func TestLimitsOfStreams(t *testing.T) {
	s := newStore(t, 2)
	s.cfg.Disks[0].Keep = recording.Keep{Days: 3}
	s.start(t, recording.OSFiles{})
	f := days(t, s, 7)
	for i := range 7 {
		if err := s.Recorder("porch", recording.Sub, &script{items: items(later(f, time.Duration(i)*24*time.Hour))}).Run(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	s.clock = f.Session.Zero.Add(6*24*time.Hour + time.Minute)
	size := s.all(t)[0].Bytes
	subs := func() int {
		list, err := s.Segments(t.Context(), "porch", recording.Sub, time.Unix(0, 0), recording.FarFuture)
		if err != nil {
			t.Fatal(err)
		}
		return len(list)
	}
	s.SetLimits([]recording.Limit{{Camera: "porch", Stream: recording.Sub, Days: 6}})
	s.retain(t)
	if main, sub := s.kept(t, f), subs(); main != "456" || sub != 6 {
		t.Errorf("kept days %s of main, %d of sub", main, sub)
	}
	hold := recording.Hold{ID: "GH-1", Camera: "porch", From: s.all(t)[0].Start, To: s.all(t)[0].End(), Until: time.Now().Add(time.Hour)}
	if err := s.Hold(t.Context(), hold); err != nil {
		t.Fatal(err)
	}
	s.SetLimits([]recording.Limit{{Camera: "porch", Stream: recording.Sub, Days: 6, Bytes: 9 * size}, {Camera: "porch", Stream: recording.Main, Bytes: 2 * size}})
	s.retain(t)
	if main, sub := s.kept(t, f), subs(); main != "46" || sub != 6 { // 4 is held
		t.Errorf("kept days %s of main, %d of sub", main, sub)
	}
	s.sound(t)
}

func TestGarbageIsDeletedLater(t *testing.T) {
	s := newStore(t, 1).start(t, recording.OSFiles{})
	f := days(t, s, 2)
	s.clock = f.Session.Zero.Add(36 * time.Hour)
	s.cfg.Disks[0].Keep.Days = 1
	var stuck error = syscall.EPERM // as after chattr +i
	fsys := &faulty{hook: func(o op) (int, error) {
		if o.kind == "remove" {
			return 0, stuck
		}
		return 0, nil
	}}
	s.start(t, fsys)
	s.retain(t)
	s.retain(t)
	if why := s.Trouble(); !strings.Contains(why, "may not be deleted") {
		t.Errorf("trouble %q", why)
	}
	if garbage, err := s.index.Garbage(t.Context()); err != nil || len(garbage) != 1 {
		t.Fatalf("garbage %v %v", garbage, err)
	}
	if damage, _ := s.findings(t); len(damage) > 0 {
		t.Errorf("check takes a file that waits to be deleted for damage: %+v", damage)
	}
	stuck = nil
	s.retain(t)
	if why := s.Trouble(); why != "" {
		t.Errorf("trouble %q", why)
	}
	if garbage, err := s.index.Garbage(t.Context()); err != nil || len(garbage) != 0 {
		t.Errorf("garbage %v %v", garbage, err)
	}
	if got := s.kept(t, f); got != "1" {
		t.Errorf("kept days %s", got)
	}
}

func TestCheckTellsTamperingFromRules(t *testing.T) {
	f := mp4test.Make(t, mp4test.Shot{Video: rtsp.H264, Seconds: 2})
	record := func(t *testing.T) *store {
		s := newStore(t, 1).start(t, recording.OSFiles{})
		for i := range 4 {
			s.record(t, items(later(f, time.Duration(i)*time.Minute))...)
		}
		return s
	}
	change := func(t *testing.T, s *store, statement string) {
		t.Helper()
		db, err := sql.Open("sqlite", filepath.Join(filepath.Dir(s.cfg.Disks[0].Path), "index.db"))
		if err != nil {
			t.Fatal(err)
		}
		_, err = db.ExecContext(t.Context(), statement)
		if err := errors.Join(err, db.Close()); err != nil {
			t.Fatal(err)
		}
	}
	for name, c := range map[string]struct {
		tamper func(*testing.T, *store)
		kinds  string
	}{
		"file deleted":       {func(t *testing.T, s *store) { os.Remove(s.path(t, s.all(t)[1])) }, "missing"},
		"file cut":           {func(t *testing.T, s *store) { os.Truncate(s.path(t, s.all(t)[1]), 9000) }, "bit"},
		"files swapped":      {swap, "bit bit"},
		"row deleted":        {func(t *testing.T, s *store) { change(t, s, "DELETE FROM segment WHERE seq = 1") }, "order"},
		"first rows deleted": {func(t *testing.T, s *store) { change(t, s, "DELETE FROM segment WHERE seq < 2") }, "order"},
		"row moved in time": {func(t *testing.T, s *store) {
			change(t, s, "UPDATE segment SET start_us = start_us + 1000 WHERE seq = 1")
		}, "chain index bit"},
		"clock made better": {func(t *testing.T, s *store) { change(t, s, "UPDATE segment SET clock = 2 WHERE seq = 1") }, "chain"},
		"gap shortened":     {func(t *testing.T, s *store) { change(t, s, "UPDATE gap SET from_us = from_us + 1000000 WHERE id = 2") }, "index"},
		"gap hidden":        {func(t *testing.T, s *store) { change(t, s, "DELETE FROM gap WHERE id = 2") }, "index"},
		"deleted by nobody": {func(t *testing.T, s *store) { change(t, s, "UPDATE segment SET deleted_us = 1 WHERE seq = 1") }, "deleted"},
		"key frames":        {func(t *testing.T, s *store) { change(t, s, "UPDATE segment SET keyframes = 99 WHERE seq = 1") }, "index"},
		"marker gone":       {func(t *testing.T, s *store) { os.Remove(filepath.Join(s.cfg.Disks[0].Path, ".gatehouse-store")) }, "missing missing missing missing missing"},
	} {
		t.Run(name, func(t *testing.T) {
			s := record(t)
			s.sound(t)
			c.tamper(t, s)
			damage, _ := s.findings(t)
			var kinds []string
			for _, d := range damage {
				kinds = append(kinds, d.Kind)
			}
			if got := strings.Join(kinds, " "); got != c.kinds {
				t.Errorf("found %q, want %q: %+v", got, c.kinds, damage)
			}
		})
	}
	t.Run("stray", func(t *testing.T) {
		s := record(t)
		write(t, s.path(t, s.all(t)[0])+".extra", []byte("x"))
		damage, notes := s.findings(t)
		if len(damage) != 0 || len(notes) != 1 || notes[0].Kind != "stray" {
			t.Errorf("%+v %+v", damage, notes)
		}
	})
}

func swap(t *testing.T, s *store) {
	a, b := s.path(t, s.all(t)[1]), s.path(t, s.all(t)[2])
	x, y := read(t, a), read(t, b)
	write(t, a, y)
	write(t, b, x)
}

func TestFoldersThatAreNotStores(t *testing.T) {
	s := newStore(t, 1)
	dir := s.cfg.Disks[0].Path
	if err := os.MkdirAll(dir, 0o750); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, "holiday.jpg"), []byte("x"))
	s.start(t, recording.OSFiles{})
	s.record(t, items(twoSeconds(t))...)
	status, err := s.Status(t.Context())
	if err != nil || len(s.all(t)) != 0 || len(status) != 1 {
		t.Errorf("recorded into a folder of other files: %+v %v", status, err)
	}
	write(t, filepath.Join(dir, ".gatehouse-store"), nil) // the owner means it
	s.start(t, recording.OSFiles{})
	s.record(t, items(twoSeconds(t))...)
	if len(s.all(t)) != 1 {
		t.Error("an empty marker did not make the folder a store")
	}
}

func TestRunSyncsAndEnds(t *testing.T) {
	s := newStore(t, 1).start(t, recording.OSFiles{})
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	f := tile(twoSeconds(t), 5, 2*time.Second)
	src := &script{items: items(f)}
	src.at = func(i int) {
		if i != len(src.items)-1 {
			return
		}
		end := time.Now().Add(10 * time.Second)
		for s.all(t)[0].Duration < 8*time.Second {
			if time.Now().After(end) {
				t.Errorf("durable for %v only", s.all(t)[0].Duration)
				return
			}
			time.Sleep(20 * time.Millisecond)
		}
	}
	if err := s.Recorder("porch", recording.Main, src).Run(ctx); err != nil {
		t.Error(err)
	}
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
	s.sound(t)
}
