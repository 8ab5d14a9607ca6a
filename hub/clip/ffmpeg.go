package clip

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"strings"
	"time"
)

// Limits of one decoding. The film comes from a camera, which is not trusted:
// ffmpeg runs in a process of its own with no files, no network protocol and
// these bounds.
const (
	decodeTime   = 15 * time.Second
	decodeCPU    = 10      // seconds
	decodeMemory = 1 << 30 // bytes of address space; one 8 megapixel picture takes under 400 MB
	maxJPEG      = 4 << 20
)

// decode turns a film of one picture into a JPEG of at most 1280 pixels' width.
func decode(ctx context.Context, ffmpeg string, film []byte) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, decodeTime)
	defer cancel()
	cmd := exec.CommandContext(ctx, ffmpeg, "-hide_banner", "-nostdin", "-loglevel", "error", "-threads", "1",
		"-protocol_whitelist", "pipe", "-f", "mov", "-i", "pipe:0", "-an", "-frames:v", "1", "-filter_threads", "1",
		"-vf", `scale=w=min(1280\,iw):h=-2`, "-pix_fmt", "yuvj420p", "-threads", "1",
		"-c:v", "mjpeg", "-q:v", "4", "-f", "image2pipe", "pipe:1")
	cmd.Env = []string{} // not nil: that would be the hub's own
	cmd.Dir = "/"
	cmd.WaitDelay = time.Second
	out, said := &limited{left: maxJPEG}, &limited{left: 4 << 10}
	cmd.Stdout, cmd.Stderr = out, said
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, fmt.Errorf("starting ffmpeg: %w", err)
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("starting ffmpeg: %w", err)
	}
	// It waits for its input, so the limits are in force before the first byte.
	err = limitProcess(cmd.Process.Pid)
	if err == nil {
		_, _ = io.Copy(in, bytes.NewReader(film)) // ffmpeg may have read enough
	}
	_ = in.Close() // its end is what matters; a broken pipe shows in Wait
	if err := errors.Join(err, cmd.Wait()); err != nil {
		return nil, fmt.Errorf("decoding picture: %w: %s", err, strings.TrimSpace(said.buf.String()))
	}
	jpeg := out.buf.Bytes()
	if out.left < 0 || !bytes.HasPrefix(jpeg, []byte{0xff, 0xd8}) || !bytes.HasSuffix(jpeg, []byte{0xff, 0xd9}) {
		return nil, fmt.Errorf("decoding picture: no whole JPEG in %d bytes", len(jpeg))
	}
	return jpeg, nil
}

// limited keeps the first bytes written and takes the rest without keeping it.
type limited struct {
	buf  bytes.Buffer
	left int
}

// Write implements io.Writer.
func (l *limited) Write(b []byte) (int, error) {
	if l.left >= len(b) {
		l.buf.Write(b)
	}
	l.left -= len(b)
	return len(b), nil
}
