package clip

import (
	"bytes"
	"context"
	"fmt"
	"image/jpeg"
	"time"

	"gatehouse/hub/internal/ffmpeg"
	"gatehouse/hub/internal/mp4"
	"gatehouse/rtsp"
)

const maxJPEG = 4 << 20

// decodeLimits bound one decoding; one 8 megapixel picture takes under 400 MB.
var decodeLimits = ffmpeg.Limits{Time: 15 * time.Second, CPU: 10 * time.Second, Memory: 1 << 30}

// decode turns a film of one picture into a JPEG of at most 1280 pixels' width.
func decode(ctx context.Context, path string, film []byte) ([]byte, error) {
	picture, err := ffmpeg.Run(ctx, path, decodeLimits, film, maxJPEG, "-threads", "1", "-f", "mov", "-i", "pipe:0",
		"-an", "-frames:v", "1", "-filter_threads", "1", "-vf", `scale=w=min(1280\,iw):h=-2`, "-pix_fmt", "yuvj420p",
		"-threads", "1", "-c:v", "mjpeg", "-q:v", "4", "-f", "image2pipe", "pipe:1")
	if err != nil {
		return nil, fmt.Errorf("decoding picture: %w", err)
	}
	if err := checkJPEG(picture); err != nil {
		return nil, fmt.Errorf("decoding picture: %w", err)
	}
	return picture, nil
}

// Picture makes a JPEG of a unit that decoding can start with, of a stream that
// is not recorded. It takes its turn among the pictures of recorded ones.
func (s *Service) Picture(ctx context.Context, u *rtsp.Unit) ([]byte, error) {
	if mp4.SampleSize(u) > maxPicture {
		return nil, fmt.Errorf("picture of %d bytes", u.Size())
	}
	if u.Format.Codec == rtsp.MJPEG {
		b := bytes.Join(u.Data, nil)
		return b, checkJPEG(b)
	}
	if s.stills.ffmpeg == "" {
		return nil, ErrNoDecoder
	}
	f := *u.Format
	f.Track = 0
	t, err := mp4.NewTrack(1, &f)
	if err != nil {
		return nil, fmt.Errorf("decoding picture: %w", err)
	}
	film := mp4.AppendPicture(mp4.AppendHead(nil, []mp4.Track{t}, mp4.Ident{Start: u.UTC}), t, 0, u)
	if err := s.stills.enter(ctx); err != nil {
		return nil, err
	}
	defer s.stills.leave()
	return decode(ctx, s.stills.ffmpeg, film)
}

// Bounds of a JPEG that is handed on: what a browser decodes without harm.
const (
	maxSide   = 16384
	maxPixels = 64 << 20
)

// checkJPEG looks for a whole JPEG (ITU-T T.81 annex B) of a sane size.
func checkJPEG(b []byte) error {
	if len(b) > maxPicture || !bytes.HasPrefix(b, []byte{0xff, 0xd8}) || !bytes.HasSuffix(b, []byte{0xff, 0xd9}) {
		return fmt.Errorf("no whole JPEG in %d bytes", len(b))
	}
	c, err := jpeg.DecodeConfig(bytes.NewReader(b))
	if err != nil {
		return fmt.Errorf("reading the JPEG's header: %w", err)
	}
	if c.Width < 1 || c.Height < 1 || c.Width > maxSide || c.Height > maxSide || c.Width*c.Height > maxPixels {
		return fmt.Errorf("a JPEG of %d × %d pixels", c.Width, c.Height)
	}
	return nil
}
