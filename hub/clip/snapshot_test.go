package clip

import (
	"bytes"
	"context"
	"errors"
	"image"
	"image/jpeg"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"gatehouse/hub/internal/mp4"
	"gatehouse/hub/internal/mp4/mp4test"
	"gatehouse/hub/recording"
	"gatehouse/rtsp"
	"gatehouse/rtsp/rtsptest/bubble"
)

// picture is a JPEG of some size.
func picture(t testing.TB, width, height int) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := jpeg.Encode(&b, image.NewGray(image.Rect(0, 0, width, height)), nil); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// lens is a camera that takes pictures as a test wants it.
type lens struct {
	asked atomic.Int64
	take  func(ctx context.Context) ([]byte, error)
}

func (l *lens) Snapshot(ctx context.Context) ([]byte, error) {
	l.asked.Add(1)
	return l.take(ctx)
}

func withLens(s archive, l *lens) *Service {
	c := newService(s, "")
	c.snapshotter = func(camera string) Snapshotter {
		if camera != "Yard" {
			return nil
		}
		return l
	}
	return c
}

// TestEightAskersCostOne: one picture for all who ask at once and shortly after,
// whoever leaves meanwhile.
func TestEightAskersCostOne(t *testing.T) {
	want := picture(t, 64, 36)
	bubble.Test(t, func(t *testing.T) {
		l := &lens{take: func(ctx context.Context) ([]byte, error) {
			select {
			case <-time.After(time.Second):
				return want, nil
			case <-ctx.Done():
				return nil, ctx.Err()
			}
		}}
		c := withLens(&shelf{}, l)
		first, leave := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		for i := range 8 {
			wg.Go(func() {
				ctx := t.Context()
				if i == 0 {
					ctx = first
				}
				got, err := c.StillNow(ctx, "Yard")
				if i > 0 && (err != nil || !bytes.Equal(got.JPEG, want) || got.Origin != FromCamera || time.Since(got.Taken) > time.Second) {
					t.Errorf("%v, taken at %v, %v", got.Origin, got.Taken, err)
				}
			})
		}
		time.Sleep(500 * time.Millisecond)
		leave()
		wg.Wait()
		time.Sleep(freshness - time.Millisecond)
		if _, err := c.StillNow(t.Context(), "Yard"); err != nil || l.asked.Load() != 1 {
			t.Errorf("asked %d times, %v", l.asked.Load(), err)
		}
		time.Sleep(2 * time.Millisecond)
		if _, err := c.StillNow(t.Context(), "Yard"); err != nil || l.asked.Load() != 2 {
			t.Errorf("asked %d times in all, %v", l.asked.Load(), err)
		}
		if _, err := c.StillNow(t.Context(), "Porch"); !errors.Is(err, ErrNoPicture) || l.asked.Load() != 2 {
			t.Errorf("another camera: %v", err)
		}
	})
}

// TestBadSnapshots: what is no picture, or none in time, is left for what is
// recorded, and the camera is left alone for a while.
func TestBadSnapshots(t *testing.T) {
	good := picture(t, 64, 36)
	huge := bytes.Clone(good)
	at := bytes.Index(huge, []byte{0xff, 0xc0}) + 5 // SOF0: lines and samples a line
	copy(huge[at:], []byte{0xff, 0xff, 0xff, 0xff})
	for name, take := range map[string]func(context.Context) ([]byte, error){
		"refused":  func(context.Context) ([]byte, error) { return nil, errors.New("401") },
		"hangs":    func(ctx context.Context) ([]byte, error) { <-ctx.Done(); return nil, ctx.Err() },
		"nothing":  func(context.Context) ([]byte, error) { return nil, nil },
		"a page":   func(context.Context) ([]byte, error) { return []byte("<html>busy</html>"), nil },
		"cut":      func(context.Context) ([]byte, error) { return good[:len(good)-2], nil },
		"no frame": func(context.Context) ([]byte, error) { return []byte{0xff, 0xd8, 0xff, 0xd9}, nil },
		"65535²":   func(context.Context) ([]byte, error) { return huge, nil },
		"too long": func(context.Context) ([]byte, error) {
			return append(append(bytes.Clone(good[:len(good)-2]), make([]byte, maxPicture)...), 0xff, 0xd9), nil
		},
	} {
		bubble.Test(t, func(t *testing.T) {
			l := &lens{take: take}
			c := withLens(&shelf{}, l)
			start := time.Now()
			got, err := c.StillNow(t.Context(), "Yard")
			if !errors.Is(err, ErrNoPicture) || got.Origin != FromNothing || time.Since(start) > snapshotTime {
				t.Errorf("%s: %s after %v, %v", name, got.Origin, time.Since(start), err)
			}
			time.Sleep(grudge - time.Second)
			if _, err = c.StillNow(t.Context(), "Yard"); l.asked.Load() != 1 {
				t.Errorf("%s: asked again at once, %v", name, err)
			}
			time.Sleep(freshness + time.Second)
			l.take = func(context.Context) ([]byte, error) { return good, nil }
			if got, err = c.StillNow(t.Context(), "Yard"); err != nil || got.Origin != FromCamera {
				t.Errorf("%s: never asked again: %s, %v", name, got.Origin, err)
			}
		})
	}
}

// TestJPEGStreams: a picture recorded as JPEG is handed on as it is, without
// ffmpeg, rather than a key frame of the other stream.
func TestJPEGStreams(t *testing.T) {
	f := mp4test.Make(t, mp4test.Shot{Video: rtsp.H264, Seconds: 6})
	var s shelf
	s.film(t, f, 3)
	pictures := [][]byte{picture(t, 16, 16), picture(t, 32, 16), picture(t, 48, 16)}
	s.motionJPEG(t, f.Session.Zero, time.Second, pictures)
	c := newService(&s, "")
	for at, want := range map[time.Duration]int{0: 0, 900 * time.Millisecond: 0, time.Second: 1, 60 * time.Second: 2} {
		got, err := c.Still(t.Context(), "Yard", f.Session.Zero.Add(at))
		taken := f.Session.Zero.Add(time.Duration(want) * time.Second)
		if err != nil || !bytes.Equal(got.JPEG, pictures[want]) || got.Origin != FromJPEG || !got.Taken.Equal(taken) {
			t.Errorf("at %v: %s taken at %v, %v", at, got.Origin, got.Taken, err)
		}
	}
	if got, err := c.Still(t.Context(), "Yard", f.Session.Zero.Add(maxAge+5*time.Second)); !errors.Is(err, ErrNoPicture) {
		t.Errorf("long after: %s, %v", got.Origin, err)
	}
	pictures[1][0] = 0
	c = newService(&s, installed(t))
	if got, err := c.Still(t.Context(), "Yard", f.Session.Zero.Add(time.Second)); err != nil || got.Origin != FromKeyFrame {
		t.Errorf("a damaged one: %s, %v", got.Origin, err)
	}
}

// motionJPEG puts a sub stream of JPEG pictures on the shelf, in one fragment.
func (s *shelf) motionJPEG(t testing.TB, start time.Time, apart time.Duration, pictures [][]byte) {
	t.Helper()
	entry := make([]byte, 86) // VisualSampleEntry, ISO/IEC 14496-12 12.1.3
	entry[3], entry[15] = 86, 1
	copy(entry[4:], "jpeg")
	tracks := []mp4.Track{{ID: 1, Timescale: 90000, Video: true, Width: 16, Height: 16, Entry: entry}}
	fr := mp4.Fragment{Number: 1, Base: 90000, PTS: 90000, UTC: start, Clock: 1}
	var data []byte
	for _, p := range pictures {
		fr.Samples = append(fr.Samples, mp4.Sample{Size: uint32(len(p)), Duration: uint32(apart.Seconds() * 90000), Sync: true})
		data = append(data, p...)
	}
	id := int64(len(s.rows) + 1)
	b := mp4.AppendHead(nil, tracks, mp4.Ident{Run: start.UnixMicro(), Start: start})
	b = append(mp4.AppendFragment(b, tracks[0], &fr), data...)
	s.data[id] = b
	s.rows = append(s.rows, recording.Segment{
		ID: id, Camera: "Yard", Stream: recording.Sub, Run: start.UnixMicro(), Start: start,
		Duration: time.Duration(len(pictures)) * apart, Bytes: int64(len(b)), State: recording.Recovered,
	})
	for i, p := range pictures { // the test damages what is on the shelf
		at := bytes.Index(b, p)
		pictures[i] = b[at : at+len(p)]
	}
}
