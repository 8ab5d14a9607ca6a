// Bench measures the hub beside ffmpeg on the same work: 16 looped 1080p15
// streams recorded over TCP. The sides take turns, in rounds that begin with
// the other side each time, and are measured from /proc; the camera server runs
// in a process of its own. It prints the table of docs/benchmarks.md.
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
	"slices"
	"strings"
	"text/tabwriter"
	"time"
)

var (
	streams = flag.Int("streams", 16, "number of cameras")
	length  = flag.Duration("time", 60*time.Second, "how long each side records in a round")
	rounds  = flag.Int("rounds", 2, "how often each side records")
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

	ours, peer, err := takeTurns(ctx, hub, dir)
	if err != nil {
		return err
	}
	if ours.written == 0 {
		return fmt.Errorf("%s is in memory: set TMPDIR to a folder on a disk", dir)
	}
	table(ours, peer)
	return nil
}

// takeTurns returns what each side took in all rounds together.
func takeTurns(ctx context.Context, hub, dir string) (ours, peer usage, err error) {
	turns := []func(int) error{
		func(round int) error {
			u, err := measureHub(ctx, hub, filepath.Join(dir, fmt.Sprint("hub", round)))
			ours.add(u)
			return wrap(err, "measuring the hub")
		},
		func(round int) error {
			u, err := measureFFmpeg(ctx, filepath.Join(dir, fmt.Sprint("ffmpeg", round)))
			peer.add(u)
			return wrap(err, "measuring ffmpeg")
		},
	}
	for round := range *rounds {
		for _, turn := range turns {
			if err := turn(round); err != nil {
				return ours, peer, err
			}
		}
		slices.Reverse(turns)
	}
	return ours, peer, nil
}

func wrap(err error, doing string) error {
	if err != nil {
		err = fmt.Errorf("%s: %w", doing, err)
	}
	return err
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
	u.recorded = size(filepath.Join(data, "footage"))
	return u, err
}

// measureFFmpeg has ffmpeg look at a stream for 1 s before it writes, instead of
// 5 s, so that it starts about as early as the hub.
func measureFFmpeg(ctx context.Context, dir string) (usage, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return usage{}, err
	}
	var all []*exec.Cmd
	for i := range *streams {
		all = append(all, command(ctx, "ffmpeg", "-v", "quiet", "-rtsp_transport", "tcp", "-analyzeduration", "1M", "-i", cameraURL(i), "-map", "0", "-c", "copy",
			"-f", "segment", "-segment_time", "60", "-segment_format_options", "movflags=frag_keyframe+empty_moov",
			filepath.Join(dir, fmt.Sprintf("cam%d-%%d.mp4", i))))
	}
	u, err := measure(ctx, all...)
	u.recorded = size(dir)
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

// table prints the mean of the rounds.
func table(ours, peer usage) {
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 1, ' ', 0)
	fmt.Fprintf(w, "| %d streams, %v \t| CPU s \t| resident MB \t| sent to disk MB \t| recorded MB \t| CPU ms per recorded MB \t|\n", *streams, *length)
	fmt.Fprint(w, "|---\t|---:\t|---:\t|---:\t|---:\t|---:\t|\n")
	row := func(name string, u usage) [5]float64 {
		n := float64(*rounds)
		v := [5]float64{
			u.cpu.Seconds() / n, float64(u.resident) / 1e6 / n, float64(u.written) / 1e6 / n, float64(u.recorded) / 1e6 / n,
			u.cpu.Seconds() * 1e3 / (float64(u.recorded) / 1e6),
		}
		fmt.Fprintf(w, "| %s \t| %.2f \t| %.0f \t| %.1f \t| %.1f \t| %.2f \t|\n", name, v[0], v[1], v[2], v[3], v[4])
		return v
	}
	a := row("Gatehouse", ours)
	b := row(fmt.Sprintf("%d × ffmpeg -c copy -f segment", *streams), peer)
	fmt.Fprint(w, "| ratio \t")
	for i := range a {
		fmt.Fprintf(w, "| %.2f \t", a[i]/b[i])
	}
	fmt.Fprintln(w, "|")
	w.Flush()
}
