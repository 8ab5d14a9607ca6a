package homekit

import (
	"bytes"
	"context"
	"image"
	"image/jpeg"
	"sync"
	"time"

	"golang.org/x/image/draw"
)

const (
	freshFor   = 12 * time.Second // a home app that looks at a camera asks every 10 s
	refreshAll = 5 * time.Second  // how often a picture somebody looks at is taken
	lookedAt   = time.Minute      // how long a picture that was asked for is looked at
	waitFor    = 3 * time.Second  // for a picture nobody has asked for lately
	takeFor    = 10 * time.Second // the camera's time for a picture
	sizesMax   = 8                // of one picture that are kept
	pictureMax = 40_000_000       // pixels of what a camera may send
)

// warm keeps a camera's picture at hand while somebody looks at it, so that
// nobody waits for the camera, and takes none while nobody does.
type warm struct {
	take func(ctx context.Context) ([]byte, error)

	mu      sync.Mutex
	asked   time.Time
	sizes   map[size]time.Time // asked for, and when
	jpegs   map[size][]byte    // of the newest picture
	taken   time.Time
	failed  bool          // the newest try
	renewed chan struct{} // closed by the next try, good or bad
	poke    chan struct{}
}

func newWarm(take func(ctx context.Context) ([]byte, error)) *warm {
	return &warm{take: take, sizes: map[size]time.Time{}, jpegs: map[size][]byte{}, renewed: make(chan struct{}), poke: make(chan struct{}, 1)}
}

// run takes pictures while somebody looks, until ctx ends.
func (w *warm) run(ctx context.Context) {
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-w.poke:
		case <-timer.C:
		}
		if wait := w.due(time.Now()); wait > 0 {
			timer.Reset(wait)
			continue
		}
		w.renew(ctx)
		timer.Reset(refreshAll)
	}
}

// due is how long the next picture has time.
func (w *warm) due(now time.Time) time.Duration {
	w.mu.Lock()
	defer w.mu.Unlock()
	if now.Sub(w.asked) > lookedAt {
		return time.Hour
	}
	return refreshAll - now.Sub(w.taken)
}

// renew takes a picture in the sizes that are asked for.
func (w *warm) renew(ctx context.Context) {
	take, cancel := context.WithTimeout(ctx, takeFor)
	defer cancel()
	began := time.Now()
	jpegs := map[size][]byte{}
	b, err := w.take(take)
	var img image.Image
	if err == nil {
		img, err = decodePicture(b)
	}
	if err == nil {
		for _, s := range w.wanted(began) {
			jpegs[s] = scaled(img, s)
		}
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.failed = err != nil; !w.failed {
		w.jpegs, w.taken = jpegs, began
	}
	close(w.renewed)
	w.renewed = make(chan struct{})
}

// wanted forgets the sizes nobody asks for any more.
func (w *warm) wanted(now time.Time) (list []size) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for s, at := range w.sizes {
		if now.Sub(at) > lookedAt {
			delete(w.sizes, s)
			continue
		}
		list = append(list, s)
	}
	return list
}

// picture returns the camera's picture in a size, at once if somebody looks at
// the camera already; nil if there is none.
func (w *warm) picture(ctx context.Context, s size) []byte {
	until, cancel := context.WithTimeout(ctx, waitFor)
	defer cancel()
	for {
		b, renewed := w.at(s, time.Now())
		if b != nil || renewed == nil {
			return b
		}
		select {
		case <-until.Done():
			return nil
		case <-renewed:
		}
		w.mu.Lock()
		failed := w.failed
		w.mu.Unlock()
		if failed {
			return nil
		}
	}
}

// at returns the picture, or what to wait for; neither if the size is one too many.
func (w *warm) at(s size, now time.Time) ([]byte, <-chan struct{}) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if _, known := w.sizes[s]; !known && len(w.sizes) >= sizesMax {
		return nil, nil
	}
	w.asked, w.sizes[s] = now, now
	if b := w.jpegs[s]; b != nil && now.Sub(w.taken) < freshFor {
		return b, nil
	}
	if w.jpegs[s] == nil {
		w.taken = time.Time{} // a size that the newest picture does not have
	}
	select {
	case w.poke <- struct{}{}:
	default:
	}
	return nil, w.renewed
}

// decodePicture decodes a camera's JPEG of a bearable size.
func decodePicture(b []byte) (image.Image, error) {
	c, err := jpeg.DecodeConfig(bytes.NewReader(b))
	if err != nil {
		return nil, err
	}
	if c.Width*c.Height > pictureMax {
		return nil, jpeg.UnsupportedError("picture too large")
	}
	return jpeg.Decode(bytes.NewReader(b))
}

// scaled is a picture in a size, with bars where the shapes differ.
func scaled(img image.Image, s size) []byte {
	b := img.Bounds()
	k := min(float64(s.w)/float64(b.Dx()), float64(s.h)/float64(b.Dy()))
	w, h := max(int(float64(b.Dx())*k+0.5), 1), max(int(float64(b.Dy())*k+0.5), 1)
	at := image.Rect(0, 0, w, h).Add(image.Pt((s.w-w)/2, (s.h-h)/2))
	out := image.NewRGBA(image.Rect(0, 0, s.w, s.h))
	draw.Draw(out, out.Bounds(), image.Black, image.Point{}, draw.Src)
	draw.ApproxBiLinear.Scale(out, at, img, b, draw.Src, nil)
	var buf bytes.Buffer
	_ = jpeg.Encode(&buf, out, &jpeg.Options{Quality: 80}) // it fails for sizes above 65535 only
	return buf.Bytes()
}
