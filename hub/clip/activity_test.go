package clip

import (
	"errors"
	"slices"
	"testing"
	"time"

	"gatehouse/hub/internal/mp4/mp4test"
	"gatehouse/rtsp"
)

// TestActivity: pictures that take more bytes than is usual show, wherever
// fragments and steps begin; what is not recorded is nothing.
func TestActivity(t *testing.T) {
	f := mp4test.Make(t, mp4test.Shot{Video: rtsp.H264, Audio: rtsp.AAC, Seconds: 30, GOP: 30})
	zero := f.Session.Zero
	filler := make([]byte, 20000)
	filler[0] = 0x0c // ITU-T H.264 7.3.2.7
	for _, u := range f.Units {
		if at := u.UTC.Sub(zero); at >= 12*time.Second && at < 16*time.Second && u.Format.Video() {
			u.Data = append(slices.Clone(u.Data), filler)
		}
	}
	var s shelf
	ids := s.film(t, f, 5) // of 10 s
	c := newService(&s, "")
	levels, err := c.Activity(t.Context(), "Yard", zero.Add(-10*time.Second), zero.Add(40*time.Second), 50)
	if err != nil {
		t.Fatal(err)
	}
	for k, v := range levels {
		at := time.Duration(k-10) * time.Second
		switch {
		case at < 0 || at >= 30*time.Second:
			if v != 0 {
				t.Errorf("%v: level %.2f though nothing is recorded", at, v)
			}
		case at >= 12*time.Second && at < 16*time.Second:
			if v < 3 {
				t.Errorf("%v: level %.2f though much happened", at, v)
			}
		case v < 0.3 || v > 2:
			t.Errorf("%v: level %.2f though nothing happened", at, v)
		}
	}
	s.data[ids[0]] = nil // a file that cannot be read leaves a hole
	s.cut = map[int64]int64{ids[0]: 0}
	if levels, err = c.Activity(t.Context(), "Yard", zero, zero.Add(30*time.Second), 3); err != nil || levels[0] != 0 || levels[1] == 0 {
		t.Errorf("%v %v", levels, err)
	}
	if levels, err = c.Activity(t.Context(), "Hall", zero, zero.Add(time.Hour), 4); err != nil || !slices.Equal(levels, make([]float64, 4)) {
		t.Errorf("a camera without footage: %v %v", levels, err)
	}
	for _, bad := range []struct {
		length time.Duration
		n      int
	}{{0, 1}, {-time.Second, 1}, {26 * time.Hour, 1}, {time.Hour, 0}, {time.Hour, maxSteps + 1}} {
		if _, err := c.Activity(t.Context(), "Yard", zero, zero.Add(bad.length), bad.n); !errors.Is(err, ErrSteps) {
			t.Errorf("%+v: %v", bad, err)
		}
	}
}
