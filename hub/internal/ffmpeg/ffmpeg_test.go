package ffmpeg

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func found(t *testing.T) string {
	t.Helper()
	path := Find()
	if path == "" {
		t.Fatal("ffmpeg is not installed")
	}
	return path
}

var gray = []string{"-f", "rawvideo", "-pix_fmt", "gray", "-s", "4x2", "-i", "pipe:0"}

func TestRun(t *testing.T) {
	in := []byte("abcdefgh")
	args := append(gray[:len(gray):len(gray)], "-f", "rawvideo", "-pix_fmt", "gray", "pipe:1")
	out, err := Run(t.Context(), found(t), Limits{Time: 20 * time.Second, CPU: time.Second, Memory: 1 << 30, Nice: 5}, in, 8, args...)
	if err != nil || !bytes.Equal(out, in) {
		t.Fatalf("got %q, %v", out, err)
	}
	if _, err := Run(t.Context(), found(t), Limits{}, in, 7, args...); !errors.Is(err, ErrTooLong) {
		t.Errorf("8 bytes where 7 may be: %v", err)
	}
	if _, err := Run(t.Context(), "/nowhere/ffmpeg", Limits{}, in, 8, args...); err == nil {
		t.Error("ran a program that is not there")
	}
	_, err = Run(t.Context(), found(t), Limits{}, nil, 8, "-f", "mov", "-i", "pipe:0", "-f", "rawvideo", "pipe:1")
	if err == nil || !strings.Contains(err.Error(), "pipe:0") {
		t.Errorf("a failing child's words are not told: %v", err)
	}
}

func TestChildIsConfined(t *testing.T) {
	written := filepath.Join(t.TempDir(), "out")
	if _, err := Run(t.Context(), found(t), Limits{}, []byte("abcdefgh"), 8, append(gray[:len(gray):len(gray)], "-f", "rawvideo", written)...); err == nil {
		t.Error("wrote a file")
	}
	if f, err := os.Stat(written); err == nil && f.Size() > 0 {
		t.Errorf("wrote %d bytes to a file", f.Size())
	}
	if _, err := Run(t.Context(), found(t), Limits{}, nil, 8, "-f", "mov", "-i", "/etc/hostname", "-f", "rawvideo", "pipe:1"); err == nil ||
		!strings.Contains(err.Error(), "whitelist") {
		t.Errorf("read a file: %v", err)
	}
	if _, err := Run(t.Context(), found(t), Limits{Memory: 1 << 20}, []byte("abcdefgh"), 8, append(gray[:len(gray):len(gray)], "-f", "rawvideo", "pipe:1")...); err == nil {
		t.Error("a megabyte was enough")
	}
}

func TestChildEndsInTime(t *testing.T) {
	start := time.Now()
	p, err := Start(t.Context(), found(t), Limits{Time: 300 * time.Millisecond}, append(gray[:len(gray):len(gray)], "-f", "rawvideo", "pipe:1")...)
	if err != nil {
		t.Fatal(err)
	}
	_, _ = io.Copy(io.Discard, p.Out)
	if err := p.Wait(); err == nil {
		t.Error("a child that waits for ever ended well")
	}
	ctx, cancel := context.WithCancel(t.Context())
	if p, err = Start(ctx, found(t), Limits{}, append(gray[:len(gray):len(gray)], "-f", "rawvideo", "pipe:1")...); err != nil {
		t.Fatal(err)
	}
	cancel()
	_, _ = io.Copy(io.Discard, p.Out)
	if err := p.Wait(); err == nil {
		t.Error("a killed child ended well")
	}
	if d := time.Since(start); d > 20*time.Second {
		t.Errorf("took %v", d)
	}
}
