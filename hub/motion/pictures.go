package motion

import (
	"context"
	"errors"
	"time"

	"gatehouse/hub/finding"
	"gatehouse/rtsp"
)

const (
	// readerBytes bounds what waits between two key frames. It is shared with the
	// recorder's and costs little of its own.
	readerBytes = 16 << 20
	// lookEvery bounds what streams of key frames alone cost.
	lookEvery = 400 * time.Millisecond
	// sparse is how far apart key frames may be for motion to be seen well.
	sparse = 10 * time.Second

	readerRetry  = time.Second
	decoderRetry = time.Second // doubled up to the longest
	longestRetry = time.Minute
	// failures in a row make the detector blind.
	blindFailures = 2
)

// eyes watch the pictures of one camera.
type eyes struct {
	s       *Service
	camera  Camera
	detect  *detector
	session *rtsp.Session
	decode  *decoder
	failed  int       // decoders in a row that gave nothing
	retry   time.Time // no decoder is started before
	looked  time.Time // arrival of the newest key frame given to a decoder
	told    bool
}

// look watches a camera's pictures until ctx ends.
func (s *Service) look(ctx context.Context, c Camera) {
	if s.cfg.FFmpeg == "" {
		s.see(c.Name, false, finding.New("motion-ffmpeg"))
		<-ctx.Done()
		return
	}
	e := &eyes{s: s, camera: c, detect: newDetector(c.Zones, c.Sensitivity)}
	defer e.stop()
	for ctx.Err() == nil {
		if r := s.cfg.Reader(c.Name, readerBytes); r != nil {
			r.Batch(time.Hour) // it wakes for key frames
			e.read(ctx, r)
			r.Close()
		}
		select {
		case <-ctx.Done():
		case <-time.After(readerRetry):
		}
	}
}

// read watches a reader until it ends.
func (e *eyes) read(ctx context.Context, r *rtsp.Reader) {
	for {
		item, err := r.Next(ctx)
		switch {
		case err != nil:
			e.rest()
			return
		case item.Session != nil:
			if item.Session != e.session {
				e.stop()
			}
			e.session = item.Session
		case item.Break != nil && item.Break.Reason != rtsp.ReasonLost && item.Break.Reason != rtsp.ReasonSlow:
			e.rest()
			// The other stream may go on, and is recorded then.
			e.s.see(e.camera.Name, false, finding.New("motion-no-pictures"))
		case item.Unit != nil && item.Unit.Random && item.Unit.Format.Video():
			if err := e.unit(ctx, item.Unit); err != nil && ctx.Err() == nil {
				e.failure(err)
			}
		}
		if item.Unit != nil {
			item.Unit.Release() // a decoder was given a copy
		}
	}
}

// rest ends motion and the decoder while the camera is away.
func (e *eyes) rest() {
	e.stop()
	e.session, e.looked = nil, time.Time{}
	if e.told {
		e.told = false
		e.s.tell(e.camera.Name, Pictures, false, e.detect.last, 0)
	}
	e.detect.told, e.detect.weak = false, false
}

func (e *eyes) stop() {
	if e.decode != nil {
		_ = e.decode.close() // it was told to end
		e.decode = nil
	}
}

// failure gives up a decoder that does not work; the next is started later.
func (e *eyes) failure(err error) {
	if e.decode != nil {
		err = errors.Join(err, e.decode.close())
		e.decode = nil
	}
	wait := min(decoderRetry<<min(e.failed, 10), longestRetry)
	e.failed++
	e.retry = time.Now().Add(wait)
	e.s.cfg.Log.Warn("decoding for motion failed", "camera", e.camera.Name, "err", err, "dur", wait)
	if e.failed >= blindFailures {
		e.s.see(e.camera.Name, false, finding.New("motion-undecoded"))
	}
}

// unit looks at a key frame.
func (e *eyes) unit(ctx context.Context, u *rtsp.Unit) error {
	apart := u.Arrived.Sub(e.looked)
	if apart < lookEvery || time.Now().Before(e.retry) {
		return nil
	}
	if e.decode == nil {
		var err error
		if e.decode, err = startDecoder(ctx, e.s.cfg.FFmpeg, u.Format); err != nil {
			return err
		}
	}
	if err := e.decode.give(u); err != nil {
		return err
	}
	first := e.looked.IsZero()
	e.looked = u.Arrived
	for len(e.decode.waiting) > 0 {
		gray, at, err := e.decode.next(ctx)
		if err != nil || gray == nil {
			return err
		}
		e.failed = 0
		e.sees(apart, first)
		e.show(e.detect.picture(gray, at))
	}
	return nil
}

func (e *eyes) sees(apart time.Duration, first bool) {
	var problem finding.Words
	if !first && apart > sparse {
		problem = finding.New("motion-sparse", "n", int(apart.Seconds()))
	}
	e.s.see(e.camera.Name, true, problem)
}

// show tells what the detector found.
func (e *eyes) show(v sight) {
	switch {
	case v.moving:
		e.s.tell(e.camera.Name, Pictures, true, v.since, v.score)
	case e.told:
		e.s.tell(e.camera.Name, Pictures, false, v.last, 0)
	}
	e.told = v.moving
}
