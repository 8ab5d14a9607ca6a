package clip

import (
	"context"
	"fmt"
	"sync"
	"time"
)

// Snapshotter is a camera that takes pictures when it is asked to.
// *onvif.Camera and *onvif.Picture are such.
type Snapshotter interface {
	// Snapshot returns a JPEG picture of now.
	Snapshot(ctx context.Context) ([]byte, error)
}

// Bounds of pictures of now.
const (
	// snapshotTime is how long a camera may take: somebody looks at a page.
	snapshotTime = 4 * time.Second
	// stillTime is how long a picture of now may take in all.
	stillTime = 20 * time.Second
	// freshness is how long a picture of now is one, for all who ask.
	freshness = 2 * time.Second
	// grudge is how long a camera is not asked again after it failed.
	grudge = 30 * time.Second
	// maxFresh bounds how many cameras' pictures are kept.
	maxFresh = 64
)

// StillNow returns a picture of now: the camera's own, at most freshness old; if
// it gives none, what Still has of now. However many ask at once, one picture is
// made. Errors are Still's.
func (s *Service) StillNow(ctx context.Context, camera string) (Still, error) {
	c, mine := s.fresh.call(camera)
	if mine {
		// Others wait for it: it goes on when the one who asked first has left.
		own, cancel := context.WithTimeout(context.WithoutCancel(ctx), stillTime)
		defer cancel()
		c.finish(s.makeStill(own, camera, c))
	}
	select {
	case <-c.done:
		return c.still, c.err
	case <-ctx.Done():
		return Still{}, ctx.Err()
	}
}

func (s *Service) makeStill(ctx context.Context, camera string, c *call) (Still, error) {
	if s.snapshotter != nil && time.Now().After(c.grudge) {
		if from := s.snapshotter(camera); from != nil {
			b, err := snapshot(ctx, from)
			if err == nil {
				return Still{b, time.Now().UTC(), FromCamera}, nil
			}
			c.grudge = time.Now().Add(grudge)
			s.log.Debug("a camera gave no snapshot", "camera", camera, "err", err)
		}
	}
	return s.Still(ctx, camera, time.Now())
}

func snapshot(ctx context.Context, from Snapshotter) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, snapshotTime)
	defer cancel()
	b, err := from.Snapshot(ctx)
	if err != nil {
		return nil, fmt.Errorf("asking for a snapshot: %w", err)
	}
	return b, checkJPEG(b)
}

// call is a picture of now that is being made or was made.
type call struct {
	done   chan struct{} // closed once the rest is set
	still  Still
	err    error
	made   time.Time
	grudge time.Time // the camera itself is not asked before
}

func (c *call) finish(still Still, err error) {
	c.still, c.err, c.made = still, err, time.Now()
	close(c.done)
}

// calls are the newest of each camera.
type calls struct {
	mu     sync.Mutex // guards newest
	newest map[string]*call
}

// call returns a call that is running or fresh, or makes one, which the caller
// must then finish.
func (c *calls) call(camera string) (_ *call, mine bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	last := c.newest[camera]
	next := &call{done: make(chan struct{})}
	if last != nil {
		select {
		case <-last.done:
			if time.Since(last.made) < freshness {
				return last, false
			}
			next.grudge = last.grudge
		default:
			return last, false
		}
	}
	if len(c.newest) >= maxFresh {
		clear(c.newest)
	}
	c.newest[camera] = next
	return next, true
}
