package recording_test

import (
	"context"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"gatehouse/hub/internal/mp4/mp4test"
	"gatehouse/hub/recording"
	"gatehouse/rtsp"
	"gatehouse/rtsp/rtsptest/bubble"
)

// TestSyncCadence records four cameras for a while on each profile, and holds
// the syncs to what the profile promises: how often, what is durable at any
// moment beside what the owner is told, and one sync at a time on a disk.
func TestSyncCadence(t *testing.T) {
	for _, c := range []struct {
		name    string
		profile recording.Profile
		gop     int // pictures of a fifteenth of a second
		held    bool
		syncs   int           // of a camera in 56 s, but for opening and closing two segments
		told    int           // seconds, at most lost
		durable time.Duration // the longest that footage was not
	}{
		{"disk", recording.ProfileDisk, 15, false, 26, 7, 3100 * time.Millisecond},
		{"disk, long groups", recording.ProfileDisk, 60, false, 12, 7, 6100 * time.Millisecond},
		{"sd", recording.ProfileSD, 15, false, 5, 15, 11100 * time.Millisecond},
		{"hold", recording.ProfileSD, 15, true, 54, 5, 1100 * time.Millisecond},
	} {
		f := mp4test.Make(t, mp4test.Shot{Video: rtsp.H264, Seconds: 4, GOP: c.gop})
		dir := memory(t)
		t.Run(c.name, func(t *testing.T) {
			bubble.Test(t, func(t *testing.T) {
				s := newStoreIn(t, dir, 1)
				s.cfg.Disks[0].Profile = c.profile
				s.cfg.Now = time.Now
				w := s.watched(t, f, c.held)
				for camera, n := range w.syncs {
					// Two segments cost three each. A round at the very moment of a
					// fragment sees it or does not: that may be one round more.
					if d := n - c.syncs; d < 0 || d > 7 {
						t.Errorf("%s was synced %d times, want %d and up to 7", camera, n, c.syncs)
					}
				}
				if len(w.syncs) != 4 || w.most.Load() != 1 {
					t.Errorf("%d cameras, %d syncs at once", len(w.syncs), w.most.Load())
				}
				if w.told != c.told || w.worst > c.durable || w.worst < c.durable/2 {
					t.Errorf("%v were not durable, want about %v; told were %d s, want %d", w.worst, c.durable, w.told, c.told)
				}
			})
		})
	}
}

// watching is what was seen of a recording.
type watching struct {
	syncs     map[string]int
	worst     time.Duration
	told      int
	now, most atomic.Int32 // syncs under way
	mu        sync.Mutex
}

// timed gives units out at their time.
type timed struct{ script }

func (u *timed) Next(ctx context.Context) (rtsp.Item, error) {
	item, err := u.script.Next(ctx)
	if item.Unit != nil {
		time.Sleep(time.Until(item.Unit.UTC))
	}
	return item, err
}

// watched records four cameras for 56 s and looks at the status four times a second.
func (s *store) watched(t *testing.T, f mp4test.Footage, held bool) *watching {
	w := &watching{syncs: map[string]int{}}
	started := false
	s.start(t, &faulty{hook: func(o op) (int, error) {
		if o.kind != "sync" || !started {
			return 0, nil
		}
		w.most.Store(max(w.most.Load(), w.now.Add(1)))
		for range 20 { // another one could begin now
			runtime.Gosched()
		}
		w.now.Add(-1)
		w.mu.Lock()
		defer w.mu.Unlock()
		w.syncs[strings.Split(o.name, "/")[1]]++
		return 0, nil
	}})
	started = true
	zero := time.Now()
	film := tile(later(f, zero.Sub(f.Session.Zero)), 14, 4*time.Second)
	if held {
		for i := range 4 {
			err := s.Hold(t.Context(), recording.Hold{ID: "h", Camera: fmt.Sprint("camera", i), From: zero, To: zero.Add(time.Hour), Until: zero.Add(time.Hour)})
			if err != nil {
				t.Error(err)
			}
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	var sink, recorders sync.WaitGroup
	sink.Go(func() {
		if err := s.Run(ctx); err != nil {
			t.Error(err)
		}
	})
	for i := range 4 {
		recorders.Go(func() {
			src := &timed{script{items: items(film)}}
			if err := s.Recorder(fmt.Sprint("camera", i), recording.Main, src).Run(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
	for time.Since(zero) < 50*time.Second {
		time.Sleep(250 * time.Millisecond)
		status, err := s.Status(t.Context())
		if err != nil {
			t.Error(err)
		}
		for _, st := range status {
			if st.AtMost == 0 {
				continue
			}
			gone := time.Since(st.LastDurable)
			w.told, w.worst = st.AtMost, max(w.worst, gone)
			if gone > time.Duration(st.AtMost)*time.Second {
				t.Errorf("%s: %v were not durable, told were %d s", st.Camera, gone, st.AtMost)
			}
		}
	}
	recorders.Wait()
	cancel()
	sink.Wait()
	return w
}
