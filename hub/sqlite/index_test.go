package sqlite

import (
	"database/sql"
	"errors"
	"path/filepath"
	"testing"
	"time"

	"gatehouse/hub/recording"
	"gatehouse/hub/recording/recordingtest"
)

func TestIndex(t *testing.T) {
	recordingtest.TestIndex(t, func(t *testing.T) recording.Index {
		x, err := OpenIndex(t.Context(), filepath.Join(t.TempDir(), "index.db"))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := x.Close(); err != nil {
				t.Error(err)
			}
		})
		return x
	})
}

func TestIndexSyncsWhatFilesCannotTell(t *testing.T) {
	ctx := t.Context()
	x, err := OpenIndex(ctx, filepath.Join(t.TempDir(), "index.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer x.Close()
	level := func(q interface {
		QueryRow(string, ...any) *sql.Row
	},
	) (v int) {
		t.Helper()
		if err := q.QueryRow("PRAGMA synchronous").Scan(&v); err != nil {
			t.Fatal(err)
		}
		return v
	}
	const normal, full = 1, 2
	stop := errors.New("stop")
	for _, want := range []error{nil, stop} {
		err := x.durably(ctx, func(tx *sql.Tx) error {
			if v := level(tx); v != full {
				t.Errorf("synchronous %d within", v)
			}
			return want
		})
		if !errors.Is(err, want) {
			t.Errorf("%v", err)
		}
		if v := level(x.db.w); v != normal {
			t.Errorf("synchronous %d afterwards", v)
		}
	}
}

// No statement can mark a held segment, whatever the code around asks for.
func TestHeldSegmentsCannotBeMarked(t *testing.T) {
	x, err := OpenIndex(t.Context(), filepath.Join(t.TempDir(), "index.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer x.Close()
	start := time.Now().Add(-time.Hour)
	id, err := x.AddSegment(t.Context(), recording.Segment{
		Camera: "porch", Stream: recording.Main, Start: start, Duration: time.Minute, State: recording.Closed, Clock: 1, Path: "p",
	})
	if err != nil {
		t.Fatal(err)
	}
	hold := recording.Hold{ID: "a", Camera: "porch", From: start, To: start.Add(time.Second), Until: time.Now().Add(time.Hour)}
	if err := x.PutHold(t.Context(), hold); err != nil {
		t.Fatal(err)
	}
	mark := func() error {
		_, err := x.db.w.ExecContext(t.Context(), "UPDATE segment SET deleted_us = 1 WHERE id = ?", id)
		return err
	}
	if mark() == nil {
		t.Error("a held segment was marked")
	}
	if err := x.ReleaseHold(t.Context(), "a"); err != nil {
		t.Fatal(err)
	}
	if err := mark(); err != nil {
		t.Errorf("after the release: %v", err)
	}
}

// TestHoldsOutlastALeapOfTheClock: what the machine's clock calls over is kept
// while that clock is not believed.
func TestHoldsOutlastALeapOfTheClock(t *testing.T) {
	x, err := OpenIndex(t.Context(), filepath.Join(t.TempDir(), "index.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer x.Close()
	believed := time.Now().Add(-5000 * time.Hour) // the machine's clock has leapt ahead
	start := believed.Add(-time.Hour)
	id, err := x.AddSegment(t.Context(), recording.Segment{
		Camera: "porch", Stream: recording.Main, Start: start, Duration: time.Minute, State: recording.Closed, Clock: 1, Path: "p",
	})
	if err != nil {
		t.Fatal(err)
	}
	hold := recording.Hold{ID: "a", Camera: "porch", From: start, To: start.Add(time.Second), Until: believed.Add(time.Hour)}
	if err := x.PutHold(t.Context(), hold); err != nil {
		t.Fatal(err)
	}
	x.UseClock(func() time.Time { return believed })
	old, err := x.Oldest(t.Context(), "", "", "", time.Now(), 10)
	if err != nil || len(old) != 0 {
		t.Errorf("%d segments may be deleted, %v", len(old), err)
	}
	if err := x.MarkGarbage(t.Context(), []int64{id}, "room", time.Now()); !errors.Is(err, recording.ErrHeld) {
		t.Errorf("marked: %v", err)
	}
	believed = time.Now()
	if err := x.MarkGarbage(t.Context(), []int64{id}, "room", time.Now()); err != nil {
		t.Errorf("after the hold is over: %v", err)
	}
}
