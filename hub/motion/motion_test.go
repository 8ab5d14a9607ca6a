package motion

import (
	"context"
	"log/slog"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"gatehouse/hub/finding"
	"gatehouse/rtsp/rtsptest/bubble"
)

// nowhere keeps nothing: these tests are about time, not about storing.
type nowhere struct{ Store }

func (nowhere) AddMotion(context.Context, Motion) (int64, error)               { return 1, nil }
func (nowhere) EndMotion(context.Context, int64, time.Time, float64) error     { return nil }
func (nowhere) EndOpenMotions(context.Context, time.Duration, time.Time) error { return nil }
func (nowhere) MotionCameras(context.Context) ([]string, error)                { return nil, nil }

// inTime runs a test of a running Service in virtual time. heard are what
// Notify was told, "+porch" and "-porch".
func inTime(t *testing.T, test func(s *Service, heard *[]string)) {
	bubble.Test(t, func(t *testing.T) {
		var heard []string
		s := New(Config{Store: nowhere{}, Log: slog.New(slog.DiscardHandler), Notify: func(camera string, moving bool) {
			heard = append(heard, map[bool]string{true: "+", false: "-"}[moving]+camera)
		}})
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- s.Run(ctx) }()
		synctest.Wait()
		test(s, &heard)
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

func TestScriptsReport(t *testing.T) {
	inTime(t, func(s *Service, heard *[]string) {
		start := time.Now()
		s.Report("porch", 30*time.Second)
		time.Sleep(10 * time.Second)
		s.Report("porch", 30*time.Second) // 40 s in all
		s.Report("porch", 5*time.Second)  // no news
		time.Sleep(29 * time.Second)
		if from, to := s.Moved("porch"); !from.Equal(start) || !to.IsZero() || !s.Moving() {
			t.Errorf("after 39 s motion from %v to %v", from.Sub(start), to)
		}
		time.Sleep(2 * time.Second)
		if from, to := s.Moved("porch"); !from.Equal(start) || to.Sub(start) != 40*time.Second || s.Moving() {
			t.Errorf("after 41 s motion from %v to %v", from.Sub(start), to.Sub(start))
		}
		s.Report("porch", time.Hour)
		synctest.Wait()
		s.Report("porch", 0) // and it is over
		synctest.Wait()
		if want := []string{"+porch", "-porch", "+porch", "-porch"}; !slices.Equal(*heard, want) {
			t.Errorf("heard %v, want %v", *heard, want)
		}
		if from, _ := s.Moved("yard"); !from.IsZero() {
			t.Error("motion at a camera nobody named")
		}
	})
}

// TestSourcesAreOneSpan: the newest span is that of all sources, whichever
// tells first or last.
func TestSourcesAreOneSpan(t *testing.T) {
	inTime(t, func(s *Service, heard *[]string) {
		start := time.Now()
		at := func(sec int) time.Time { return start.Add(time.Duration(sec) * time.Second) }
		time.Sleep(100 * time.Second)
		s.tell("porch", ONVIF, true, at(50), 0)
		s.tell("porch", Pictures, true, at(48), 0.1) // it looks seconds apart, and is late
		s.tell("porch", ONVIF, false, at(60), 0)
		if from, to := s.Moved("porch"); from != at(48) || !to.IsZero() {
			t.Errorf("from %v to %v", from.Sub(start), to)
		}
		s.tell("porch", Pictures, false, at(58), 0)
		if from, to := s.Moved("porch"); from != at(48) || to != at(60) {
			t.Errorf("from %v to %v", from.Sub(start), to.Sub(start))
		}
		s.tell("yard", ONVIF, false, at(1), 0) // an end without a start
		synctest.Wait()
		if want := []string{"+porch", "-porch"}; !slices.Equal(*heard, want) {
			t.Errorf("heard %v, want %v", *heard, want)
		}
	})
}

// TestBlindCameraIsRecorded: where motion cannot be told, everything counts.
func TestBlindCameraIsRecorded(t *testing.T) {
	inTime(t, func(s *Service, heard *[]string) {
		start := time.Now()
		s.see("porch", false, finding.New("motion-silent"))
		if from, _ := s.Moved("porch"); !from.IsZero() || len(s.Problems()) > 0 {
			t.Error("a camera counts as blind at once")
		}
		time.Sleep(blindness)
		if from, to := s.Moved("porch"); !from.Equal(start) || !to.IsZero() {
			t.Errorf("blind, but from %v to %v", from, to)
		}
		if p := s.Problems(); len(p) != 1 || p[0].String() != "Motion at camera porch is not known well: Its ONVIF service has not answered yet." {
			t.Errorf("problems %q", p)
		}
		s.see("porch", true, nil)
		if from, _ := s.Moved("porch"); !from.IsZero() || len(s.Problems()) > 0 || len(*heard) > 0 {
			t.Errorf("it sees again, but motion from %v, problems %q, heard %q", from, s.Problems(), *heard)
		}
	})
}

// TestFloodIsBounded: a source that flaps makes one row of what settles, and a
// store that does not answer makes nobody wait.
func TestFloodIsBounded(t *testing.T) {
	s := New(Config{Store: nowhere{}, Log: slog.New(slog.DiscardHandler)})
	at := time.Now()
	for i := range 20 * maxTodo {
		s.tell("porch", ONVIF, i%2 == 0, at.Add(time.Duration(i)*time.Second), 0)
	}
	if len(s.todo) != maxTodo {
		t.Errorf("%d changes wait, at most %d", len(s.todo), maxTodo)
	}
	ids := map[*int64]bool{}
	for _, ch := range s.todo {
		ids[ch.id] = true
	}
	if len(ids) != 1 {
		t.Errorf("an alarm that flaps every second made %d rows", len(ids))
	}
}

func FuzzZones(f *testing.F) {
	f.Add(0.0, 0.0, 1.0, 0.0, 1.0, 1.0, true)
	f.Fuzz(func(t *testing.T, a, b, c, d, e, g float64, ignore bool) {
		_, n := watched([]Zone{{Area: []Point{{a, b}, {c, d}, {e, g}}, Ignore: ignore}})
		if n < 0 || n > cells {
			t.Fatal(n)
		}
	})
}
