// Bench measures the hub beside ffmpeg on the same work: 16 looped 1080p15
// streams recorded over TCP. Each side is measured in the same run from
// /proc, the camera server runs in a process of its own. It prints the table of
// docs/benchmarks.md.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"text/tabwriter"
	"time"
)

var (
	streams = flag.Int("streams", 16, "number of cameras")
	length  = flag.Duration("time", 60*time.Second, "how long each side records")
	cameras = flag.String("cameras", "", "internal: serve the clip given at -addr instead of measuring")
	addr    = flag.String("addr", "127.0.0.1:18554", "address of the cameras")
)

func main() {
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	run := bench
	if *cameras != "" {
		run = serveCameras
	}
	if err := run(ctx); err != nil && !errors.Is(err, context.Canceled) {
		slog.Error("bench failed", "err", err)
		os.Exit(1)
	}
}

func bench(ctx context.Context) error {
	dir, err := os.MkdirTemp("", "gatehouse-bench")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	clip, hub := filepath.Join(dir, "clip.mp4"), filepath.Join(dir, "gatehouse")
	if err := errors.Join(makeClip(ctx, clip), command(ctx, "go", "build", "-o", hub, "./hub").Run()); err != nil {
		return fmt.Errorf("preparing: %w", err)
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	server := command(ctx, self, "-cameras", clip, "-addr", *addr, "-streams", fmt.Sprint(*streams))
	if err := server.Start(); err != nil {
		return fmt.Errorf("starting the cameras: %w", err)
	}
	defer func() { _ = server.Process.Kill(); _ = server.Wait() }()
	time.Sleep(time.Second)

	ours, err := measureHub(ctx, hub, filepath.Join(dir, "hub"))
	if err != nil {
		return fmt.Errorf("measuring the hub: %w", err)
	}
	peer, err := measureFFmpeg(ctx, filepath.Join(dir, "ffmpeg"))
	if err != nil {
		return fmt.Errorf("measuring ffmpeg: %w", err)
	}
	table(ours, peer)
	return nil
}

// makeClip makes 20 s of 1080p15 at about 2 Mbit/s with sound.
func makeClip(ctx context.Context, path string) error {
	return command(ctx, "ffmpeg", "-v", "error", "-f", "lavfi", "-i", "testsrc2=s=1920x1080:r=15:d=20",
		"-f", "lavfi", "-i", "anoisesrc=d=20:a=0.05:r=32000", "-vf", "noise=alls=12:allf=t", "-c:v", "libx264", "-preset", "ultrafast", "-profile:v", "main",
		"-b:v", "2M", "-minrate", "2M", "-maxrate", "2M", "-bufsize", "2M", "-g", "30", "-bf", "0", "-pix_fmt", "yuv420p",
		"-c:a", "aac", "-b:a", "64k", "-ac", "1", "-movflags", "+faststart", "-y", path).Run()
}

func command(ctx context.Context, name string, args ...string) *exec.Cmd {
	c := exec.CommandContext(ctx, name, args...)
	c.Stderr = os.Stderr
	return c
}

func cameraURL(i int) string { return fmt.Sprintf("rtsp://%s/cam%d", *addr, i) }

func measureHub(ctx context.Context, hub, data string) (usage, error) {
	var cfg strings.Builder
	fmt.Fprintln(&cfg, "listen: 127.0.0.1:0\ncameras:")
	for i := range *streams {
		fmt.Fprintf(&cfg, "  - {name: cam%d, url: %q}\n", i, cameraURL(i))
	}
	if err := errors.Join(os.MkdirAll(data, 0o700), os.WriteFile(filepath.Join(data, "gatehouse.yml"), []byte(cfg.String()), 0o600)); err != nil {
		return usage{}, err
	}
	c := command(ctx, hub, "serve", "--data", data)
	c.Stderr = nil
	u, err := measure(ctx, c)
	u.name = "Gatehouse"
	u.written = size(filepath.Join(data, "footage"))
	return u, err
}

func measureFFmpeg(ctx context.Context, dir string) (usage, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return usage{}, err
	}
	var all []*exec.Cmd
	for i := range *streams {
		all = append(all, command(ctx, "ffmpeg", "-v", "quiet", "-rtsp_transport", "tcp", "-i", cameraURL(i), "-map", "0", "-c", "copy",
			"-f", "segment", "-segment_time", "60", "-segment_format_options", "movflags=frag_keyframe+empty_moov",
			filepath.Join(dir, fmt.Sprintf("cam%d-%%d.mp4", i))))
	}
	u, err := measure(ctx, all...)
	u.name = fmt.Sprintf("%d × ffmpeg -c copy -f segment", *streams)
	u.written = size(dir)
	return u, err
}

func size(dir string) (n int64) {
	_ = filepath.WalkDir(dir, func(_ string, d fs.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() {
			if info, err := d.Info(); err == nil {
				n += info.Size()
			}
		}
		return nil
	})
	return n
}

func table(ours, peer usage) {
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 1, ' ', 0)
	fmt.Fprintf(w, "| %d streams, %v \t| CPU s \t| resident MB \t| recorded MB \t|\n|---\t|---:\t|---:\t|---:\t|\n", *streams, *length)
	for _, u := range []usage{ours, peer} {
		fmt.Fprintf(w, "| %s \t| %.2f \t| %.0f \t| %.1f \t|\n", u.name, u.cpu.Seconds(), float64(u.resident)/1e6, float64(u.written)/1e6)
	}
	fmt.Fprintf(w, "| ratio \t| %.2f \t| %.2f \t| %.2f \t|\n", ours.cpu.Seconds()/peer.cpu.Seconds(),
		float64(ours.resident)/float64(peer.resident), float64(ours.written)/float64(peer.written))
	w.Flush()
}
