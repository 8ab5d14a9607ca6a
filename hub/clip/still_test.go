package clip

import (
	"bytes"
	"context"
	"errors"
	"image/jpeg"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"gatehouse/hub/internal/mp4/mp4test"
	"gatehouse/rtsp"
)

func installed(t testing.TB) string {
	t.Helper()
	p, err := exec.LookPath("ffmpeg")
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestStill(t *testing.T) {
	for _, codec := range []rtsp.Codec{rtsp.H264, rtsp.H265} {
		f := mp4test.Make(t, mp4test.Shot{Video: codec, Audio: rtsp.AAC, Seconds: 8, Width: 1920, Rate: 5, GOP: 10})
		var s shelf
		s.film(t, f, 2)
		c := newService(&s, installed(t))
		got, err := c.Still(t.Context(), "Yard", f.Session.Zero.Add(5*time.Second))
		if err != nil {
			t.Fatal(err)
		}
		img, err := jpeg.Decode(bytes.NewReader(got.JPEG))
		if at := got.Taken.Sub(f.Session.Zero); at != 4*time.Second || got.Origin != FromKeyFrame {
			t.Errorf("%s taken at %v", got.Origin, at)
		}
		if err != nil || img.Bounds().Dx() != 1280 || img.Bounds().Dy() != 720 {
			t.Fatalf("%v %v", img.Bounds(), err)
		}
		s.data = nil
		again, err := c.Still(t.Context(), "Yard", f.Session.Zero.Add(5500*time.Millisecond))
		if err != nil || !bytes.Equal(got.JPEG, again.JPEG) {
			t.Fatalf("not from the cache: %v", err)
		}
		if other, err := c.Still(t.Context(), "Yard", f.Session.Zero.Add(3*time.Second)); !errors.Is(err, ErrNoPicture) || len(other.JPEG) == 0 {
			t.Fatalf("another group of pictures gave the same picture: %v", err)
		}
	}
}

func TestCards(t *testing.T) {
	f := mp4test.Make(t, mp4test.Shot{Video: rtsp.H264, Seconds: 2})
	var s shelf
	s.film(t, f, 2)
	damaged := shelf{rows: s.rows, data: map[int64][]byte{1: bytes.Clone(s.data[1])}}
	table, err := readTable(&s, s.rows[0])
	if err != nil {
		t.Fatal(err)
	}
	fr := table.file.Fragments[0]
	for i := fr.Offset + fr.Data; i < fr.Offset+fr.Size; i++ {
		damaged.data[1][i] = 0xff
	}
	for name, v := range map[string]struct {
		s      *shelf
		ffmpeg string
		at     time.Duration
	}{
		"no ffmpeg":        {&s, "", time.Second},
		"ffmpeg that dies": {&s, "/bin/false", time.Second},
		"no such ffmpeg":   {&s, "/nowhere/ffmpeg", time.Second},
		"before":           {&s, installed(t), -time.Second},
		"long after":       {&s, installed(t), time.Hour},
		"damaged":          {&damaged, installed(t), time.Second},
	} {
		b, err := newService(v.s, v.ffmpeg).Still(t.Context(), strings.Repeat("Yard ", 30), f.Session.Zero.Add(v.at))
		if !errors.Is(err, ErrNoPicture) {
			t.Errorf("%s: %v", name, err)
		}
		if img, err := jpeg.Decode(bytes.NewReader(b.JPEG)); err != nil || img.Bounds().Dx() != cardWidth || b.Origin != FromNothing {
			t.Errorf("%s: %v", name, err)
		}
		for i := range v.s.rows {
			v.s.rows[i].Camera = strings.Repeat("Yard ", 30)
		}
	}
}

func TestStillEndsWithItsContext(t *testing.T) {
	f := mp4test.Make(t, mp4test.Shot{Video: rtsp.H264, Seconds: 2})
	var s shelf
	s.film(t, f, 2)
	c := newService(&s, "/bin/cat")
	c.stills.turn <- struct{}{} // another picture is being made
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := c.Still(ctx, "Yard", f.Session.Zero.Add(time.Second)); !errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("%v", err)
	}
}

func TestStillsAtOnce(t *testing.T) {
	f := mp4test.Make(t, mp4test.Shot{Video: rtsp.H264, Seconds: 4})
	var s shelf
	s.film(t, f, 2)
	c := newService(&s, installed(t))
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			if _, err := c.Still(t.Context(), "Yard", f.Session.Zero.Add(time.Duration(i)*500*time.Millisecond)); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if c.stills.recent.Len() != 2 {
		t.Errorf("%d pictures kept", c.stills.recent.Len())
	}
}

func TestStillsAreBounded(t *testing.T) {
	s := newStills("")
	for i := range 100 {
		s.keep(cacheKey{segment: int64(i)}, make([]byte, 1<<20))
	}
	if s.bytes > maxStillBytes || s.recent.Len() != 8 || len(s.byKey) != 8 {
		t.Errorf("%d bytes in %d pictures", s.bytes, s.recent.Len())
	}
}
