package recording_test

import (
	"errors"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"gatehouse/hub/internal/mp4/mp4test"
	"gatehouse/hub/recording"
	"gatehouse/hub/sqlite"
	"gatehouse/rtsp"
)

func TestRebuildFindsEverythingInTheFiles(t *testing.T) {
	f := mp4test.Make(t, mp4test.Shot{Video: rtsp.H264, Audio: rtsp.AAC, Seconds: 2})
	s := newStore(t, 1).start(t, recording.OSFiles{})
	list := items(tile(f, 40, 2*time.Second))
	for i, reason := range []rtsp.Reason{rtsp.ReasonLost, rtsp.ReasonStalled, rtsp.ReasonSSRC} {
		list = append(list, broken(reason, time.Time{}))
		list = append(list, items(later(f, time.Duration(2+i)*time.Minute))...)
	}
	s.record(t, list...)
	old, gaps := s.all(t), s.gaps(t)
	if len(old) < 5 || len(gaps) != 4 {
		t.Fatalf("%d segments, %d gaps", len(old), len(gaps))
	}
	if _, err := recording.Rebuild(t.Context(), s.cfg, nil); !errors.Is(err, recording.ErrNotEmpty) {
		t.Errorf("rebuilding an index that is there: %v", err)
	}

	index, err := sqlite.OpenIndex(t.Context(), filepath.Join(t.TempDir(), "index.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer index.Close()
	s.index, s.cfg.Index = index, index
	n, err := recording.Rebuild(t.Context(), s.cfg, func(f recording.Finding) { t.Errorf("%+v", f) })
	if err != nil || n != len(old) {
		t.Fatalf("%d segments, %v", n, err)
	}
	s.start(t, recording.OSFiles{})
	if diff := cmp.Diff(old[:n-1], s.all(t)[:n-1], cmpopts.IgnoreFields(recording.Segment{}, "ID")); diff != "" {
		t.Errorf("segments (-old +rebuilt):\n%s", diff)
	}
	rebuilt := s.gaps(t)
	// Nothing confirms the gap before the last segment; its reason is not known.
	for i := range 2 {
		if g, w := rebuilt[i], gaps[i]; g.Reason != w.Reason || !g.From.Equal(w.From) || !g.To.Equal(w.To) {
			t.Errorf("gap %+v, was %+v", g, w)
		}
	}
	s.sound(t)
	s.record(t, items(later(f, time.Hour))...)
	s.sound(t)
}
