package recording_test

import (
	"database/sql"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"gatehouse/hub/internal/mp4/mp4test"
	"gatehouse/hub/recording"
	"gatehouse/rtsp"
)

// A segment that was open in a crash, and whose file is gone or holds nothing
// when the hub is back, ends: it is told as lost, and recording goes on.
func TestOpenSegmentWithoutAFileEnds(t *testing.T) {
	for name, ruin := range map[string]func(path string) error{
		"gone":  os.Remove,
		"empty": func(path string) error { return os.Truncate(path, 0) },
		"zeros": func(path string) error { return os.WriteFile(path, make([]byte, 1<<20), 0o600) },
	} {
		t.Run(name, func(t *testing.T) {
			f := mp4test.Make(t, mp4test.Shot{Video: rtsp.H264, Seconds: 2})
			s := newStore(t, 1).start(t, recording.OSFiles{})
			s.record(t, items(f)...)
			s.record(t, items(later(f, time.Minute))...)
			list := s.all(t)
			open := list[len(list)-1]
			open.State, open.Root, open.Link = recording.Open, recording.Hash{}, recording.Hash{}
			s.reopen(t, open)
			if err := ruin(s.path(t, open)); err != nil {
				t.Fatal(err)
			}
			for range 2 { // the second start has nothing left to do
				s.start(t, recording.OSFiles{})
				if n := s.seen(t); n != 1 {
					t.Errorf("%d segments to be seen", n)
				}
				left, err := s.index.OpenSegments(t.Context())
				if err != nil || len(left) != 0 {
					t.Errorf("%d are open, %v", len(left), err)
				}
			}
			s.record(t, items(later(f, time.Hour))...)
			if n := s.seen(t); n != 2 {
				t.Errorf("%d segments after recording went on", n)
			}
			gaps := s.gaps(t)
			last := gaps[len(gaps)-1]
			for _, g := range gaps {
				if g.To.Equal(later(f, time.Hour).Units[0].UTC) {
					last = g
				}
			}
			if last.From.After(open.Start) {
				t.Errorf("what is lost, from %s on, is in no gap: %+v", open.Start, gaps)
			}
			damage, _ := s.findings(t)
			if len(damage) != 1 || damage[0].Kind != "missing" && damage[0].Kind != "bit" {
				t.Errorf("check finds %+v", damage)
			}
		})
	}
}

// seen is the number of segments that are given out.
func (s *store) seen(t *testing.T) int {
	t.Helper()
	list, err := s.Segments(t.Context(), "porch", recording.Main, time.Unix(0, 0), recording.FarFuture)
	if err != nil {
		t.Fatal(err)
	}
	return len(list)
}

// reopen makes the index say again that a segment is open.
func (s *store) reopen(t *testing.T, g recording.Segment) {
	t.Helper()
	db, err := sql.Open("sqlite", filepath.Join(filepath.Dir(s.cfg.Disks[0].Path), "index.db"))
	if err != nil {
		t.Fatal(err)
	}
	_, err = db.ExecContext(t.Context(), "UPDATE segment SET state = 'open', root = zeroblob(32), link = zeroblob(32) WHERE id = ?", g.ID)
	if err == nil { // a crash leaves no gap that says the hub was stopped
		_, err = db.ExecContext(t.Context(), "DELETE FROM gap WHERE from_us > ?", g.Start.UnixMicro())
	}
	if err := errors.Join(err, db.Close()); err != nil {
		t.Fatal(err)
	}
}
