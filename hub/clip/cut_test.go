package clip

import (
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"gatehouse/hub/internal/mp4/mp4test"
	"gatehouse/hub/recording"
	"gatehouse/rtsp"
)

// export opens an export that the test closes.
func export(t testing.TB, c *Service, r Range, o Options) *Export {
	t.Helper()
	e, err := c.Export(t.Context(), r, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := e.Close(); err != nil {
			t.Error(err)
		}
	})
	return e
}

// keep writes file i of an export to disk for other programs.
func keep(t testing.TB, e *Export, i int) string {
	t.Helper()
	m, err := e.MP4(i)
	if err != nil {
		t.Fatal(err)
	}
	b := make([]byte, m.Size())
	if _, err := m.ReadAt(b, 0); err != nil {
		t.Fatal(err)
	}
	name := filepath.Join(t.TempDir(), "clip.mp4")
	if err := os.WriteFile(name, b, 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

// between is the range of some seconds after the footage's start.
func between(f mp4test.Footage, from, to float64) Range {
	at := func(s float64) time.Time {
		return f.Session.Zero.Add(time.Duration(math.Round(s*1e6)) * time.Microsecond)
	}
	return Range{"Yard", recording.Main, at(from), at(to)}
}

// taken lists the numbers of the pictures whose time is in a range.
func taken(f mp4test.Footage, r Range) (out []int) {
	var all []time.Time
	for _, u := range f.Units {
		if u.Format.Video() {
			all = append(all, f.Session.Zero.Add(ticks(u.PTS, uint32(u.Format.ClockRate))))
		}
	}
	slices.SortFunc(all, time.Time.Compare) // the encoder's first picture may be late
	for n, at := range all {
		if at = at.Round(time.Microsecond); !at.Before(r.From) && at.Before(r.To) {
			out = append(out, n)
		}
	}
	return out
}

// TestExact: ffmpeg shows exactly the pictures whose time is in the range, and
// plays the sound that was beside them.
func TestExact(t *testing.T) {
	for _, shot := range []mp4test.Shot{
		{Video: rtsp.H264, Audio: rtsp.AAC},
		{Video: rtsp.H264, B: 2, Audio: rtsp.AAC},
		{Video: rtsp.H265, B: 2, Audio: rtsp.PCMU},
		{Video: rtsp.H264, GOP: 1},
		{Audio: rtsp.AAC},
	} {
		t.Run(fmt.Sprint(shot.Video, shot.B, shot.Audio, shot.GOP), func(t *testing.T) {
			shot.Seconds, shot.Numbered = 10, true
			f := mp4test.Make(t, shot)
			var s shelf
			s.film(t, f, 3)
			c := newService(&s, "")
			var heard []int16
			if shot.Audio != "" {
				whole := export(t, c, between(f, -1, 60), Options{Audio: true})
				heard = mp4test.Sound(t, keep(t, whole, 0), 16000)
			}
			for _, v := range [][2]float64{
				{4, 8}, {1.93, 2.01}, {3.0333, 7.777}, {5.4, 5.5}, {-5, 0.5}, {9.2, 60},
			} {
				t.Run(fmt.Sprint(v), func(t *testing.T) {
					r := between(f, v[0], v[1])
					e := export(t, c, r, Options{Audio: true})
					if e.Len() != 1 {
						t.Fatalf("%d files", e.Len())
					}
					name := keep(t, e, 0)
					if want := taken(f, r); len(want) > 0 {
						if diff := cmp.Diff(want, mp4test.Numbers(t, name)); diff != "" {
							t.Errorf("pictures (-taken +shown)\n%s", diff)
						}
					}
					if from, to := e.Span(0); heard != nil {
						inStep(t, heard, mp4test.Sound(t, name, 16000), from.Sub(f.Session.Zero), to.Sub(from))
					}
				})
			}
		})
	}
}

// aacFrame is the length of a frame at 16 kHz.
const aacFrame = 64 * time.Millisecond

// inStep compares the sound of a clip with that of all: it must be that from at
// on, and as long as said, each within a frame.
func inStep(t *testing.T, all, got []int16, at, length time.Duration) {
	t.Helper()
	samples := func(d time.Duration) int { return int(d * 16000 / time.Second) }
	frame := samples(aacFrame)
	if off := len(got) - samples(length); off < -frame || off > frame {
		t.Errorf("%d samples of sound, want %d", len(got), samples(length))
	}
	skip := min(frame, len(got)/4) // the decoder's start may mute the first frame
	got = got[skip:min(len(got), skip+8000)]
	want, best, lag := samples(at)+skip, math.MaxFloat64, 0
	for d := -2 * frame; d <= 2*frame; d++ {
		if want+d < 0 || want+d+len(got) > len(all) {
			continue
		}
		var sum float64
		for i, v := range got {
			diff := float64(v) - float64(all[want+d+i])
			sum += diff * diff
		}
		if sum < best {
			best, lag = sum, d
		}
	}
	if lag < -frame || lag > frame {
		t.Errorf("sound is off by %d samples", lag)
	}
}
