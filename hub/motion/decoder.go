package motion

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"gatehouse/hub/internal/ffmpeg"
	"gatehouse/hub/internal/mp4"
	"gatehouse/rtsp"
)

// decoder turns key frames into small gray pictures: one ffmpeg that lives as
// long as the stream, fed an MP4 of key frames alone, one fragment each. To
// start one for each picture would cost thirty times as much.
type decoder struct {
	process  *ffmpeg.Process
	cancel   context.CancelFunc
	track    mp4.Track
	buf      []byte
	number   uint32
	waiting  []time.Time // of the key frames that were given and not answered
	behind   int         // how many of those are usual: of a stream with reordered pictures
	answered bool
	pictures chan []byte // closed when ffmpeg ends
}

// decoderLimits: an 8 megapixel stream takes about 400 MB with all its
// reference pictures.
var decoderLimits = ffmpeg.Limits{Memory: 1 << 30, Nice: 10}

const (
	// giveTime bounds what a child may take to read a key frame.
	giveTime = 10 * time.Second
	// patience is how long an answer is waited for: a stream with reordered
	// pictures is answered one or two behind.
	patience = 2 * time.Second
	// maxWaiting is how many key frames may be without an answer.
	maxWaiting = 3
	maxKey     = 8 << 20 // bytes of a key frame
)

var errDecoder = errors.New("the decoder gives no pictures")

// startDecoder starts ffmpeg for a format. It must be closed.
func startDecoder(ctx context.Context, path string, f *rtsp.Format) (*decoder, error) {
	lead := *f
	lead.Track = 0
	track, err := mp4.NewTrack(1, &lead)
	if err != nil {
		return nil, fmt.Errorf("starting decoder: %w", err)
	}
	ctx, cancel := context.WithCancel(ctx)
	p, err := ffmpeg.Start(ctx, path, decoderLimits,
		"-probesize", "32", "-analyzeduration", "0", "-fpsprobesize", "0", "-flags", "low_delay", "-threads", "1",
		"-f", "mov", "-i", "pipe:0", "-an", "-filter_threads", "1",
		"-vf", fmt.Sprintf("scale=%d:%d:flags=area,format=gray", width, height), "-fps_mode", "passthrough",
		"-threads", "1", "-f", "rawvideo", "-flush_packets", "1", "pipe:1")
	if err != nil {
		cancel()
		return nil, err
	}
	d := &decoder{process: p, cancel: cancel, track: track, pictures: make(chan []byte, maxWaiting+1)}
	d.buf = mp4.AppendHead(nil, []mp4.Track{track}, mp4.Ident{Start: time.Unix(0, 0)})
	go func() {
		defer close(d.pictures)
		for {
			b := make([]byte, width*height)
			if _, err := io.ReadFull(p.Out, b); err != nil {
				return
			}
			select {
			case d.pictures <- b:
			case <-ctx.Done():
				return
			}
		}
	}()
	return d, nil
}

// close ends ffmpeg and returns what it said of its end.
func (d *decoder) close() error {
	d.cancel()
	for range d.pictures {
	}
	return d.process.Wait()
}

// give has a key frame decoded.
func (d *decoder) give(u *rtsp.Unit) error {
	if len(d.waiting) >= maxWaiting {
		return errDecoder
	}
	if mp4.SampleSize(u) > maxKey {
		return nil
	}
	b := mp4.AppendPicture(d.buf, d.track, d.number, u)
	d.number++
	watchdog := time.AfterFunc(giveTime, d.cancel)
	defer watchdog.Stop()
	_, err := d.process.In.Write(b)
	d.buf = b[:0]
	if err != nil {
		return fmt.Errorf("giving a picture to ffmpeg: %w", err)
	}
	d.waiting = append(d.waiting, u.Arrived)
	return nil
}

// next returns a decoded picture and when its key frame came, or nil if there
// is none for now.
func (d *decoder) next(ctx context.Context) (gray []byte, at time.Time, err error) {
	wait := patience
	if len(d.waiting) <= d.behind {
		wait = 0
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case b, ok := <-d.pictures:
		if !ok || len(d.waiting) == 0 {
			return nil, at, errDecoder
		}
		at, d.waiting, d.answered = d.waiting[0], d.waiting[1:], true
		return b, at, nil
	case <-timer.C:
		if d.answered { // else it starts, which takes as long as this machine is busy
			d.behind = max(d.behind, len(d.waiting))
		}
		return nil, at, nil
	case <-ctx.Done():
		return nil, at, nil
	}
}
