package clip

import (
	"bytes"
	"context"
	"fmt"
	"time"

	"gatehouse/hub/internal/ffmpeg"
)

const maxJPEG = 4 << 20

// decodeLimits bound one decoding; one 8 megapixel picture takes under 400 MB.
var decodeLimits = ffmpeg.Limits{Time: 15 * time.Second, CPU: 10 * time.Second, Memory: 1 << 30}

// decode turns a film of one picture into a JPEG of at most 1280 pixels' width.
func decode(ctx context.Context, path string, film []byte) ([]byte, error) {
	jpeg, err := ffmpeg.Run(ctx, path, decodeLimits, film, maxJPEG, "-threads", "1", "-f", "mov", "-i", "pipe:0",
		"-an", "-frames:v", "1", "-filter_threads", "1", "-vf", `scale=w=min(1280\,iw):h=-2`, "-pix_fmt", "yuvj420p",
		"-threads", "1", "-c:v", "mjpeg", "-q:v", "4", "-f", "image2pipe", "pipe:1")
	if err != nil {
		return nil, fmt.Errorf("decoding picture: %w", err)
	}
	if !bytes.HasPrefix(jpeg, []byte{0xff, 0xd8}) || !bytes.HasSuffix(jpeg, []byte{0xff, 0xd9}) {
		return nil, fmt.Errorf("decoding picture: no whole JPEG in %d bytes", len(jpeg))
	}
	return jpeg, nil
}
