// Bench measures the hub beside its peers on the same work: looped 1080p15
// streams recorded over TCP. The sides take turns, in rounds that run through
// them forwards and backwards, and are measured from /proc; the camera server
// runs in a process of its own. It prints the tables of docs/benchmarks.md and
// says which of the project's bars are met; with -check it fails if one is not.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"time"
)

var (
	length  = flag.Duration("time", 40*time.Second, "how long each side is measured in a round")
	warm    = flag.Duration("warm", 8*time.Second, "how long each side runs before it is measured")
	rounds  = flag.Int("rounds", 5, "how often each side records; the medians count")
	few     = flag.Int("streams", 16, "number of cameras")
	many    = flag.Int("many", 64, "number of cameras of the large hub")
	only    = flag.String("only", "", "comma-separated sides to run: hub, mediamtx, ffmpeg, large, pictures, preroll")
	parts   = flag.Bool("parts", true, "measure single parts of the hub as well")
	check   = flag.Bool("check", false, "exit with 1 if a bar is missed")
	cameras = flag.String("cameras", "", "internal: serve the clip given at -addr instead of measuring")
	addr    = flag.String("addr", "127.0.0.1:18554", "address of the cameras")
)

var errMissed = errors.New("a bar is missed")

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
	if err := errors.Join(makeClip(ctx, clip), command(ctx, "go", "build", "-trimpath", "-o", hub, "./hub").Run()); err != nil {
		return fmt.Errorf("preparing: %w", err)
	}
	stop, err := startCameras(ctx, clip)
	if err != nil {
		return err
	}
	all, err := takeTurns(ctx, sides(hub), dir)
	stop()
	if err != nil {
		return err
	}
	bars := table(all)
	if *parts {
		more, err := measureParts(ctx)
		if err != nil {
			return err
		}
		bars = append(bars, more...)
	}
	if met := verdict(bars); !met && *check {
		return errMissed
	}
	return nil
}

// startCameras serves the clip as every camera from another process.
func startCameras(ctx context.Context, clip string) (stop func(), err error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	c := command(ctx, self, "-cameras", clip, "-addr", *addr, "-many", fmt.Sprint(max(*many, *few)))
	if err := c.Start(); err != nil {
		return nil, fmt.Errorf("starting the cameras: %w", err)
	}
	time.Sleep(time.Second)
	return func() { _ = c.Process.Kill(); _ = c.Wait() }, nil
}

// takeTurns measures every side once a round, forwards and backwards in turn.
func takeTurns(ctx context.Context, all []*side, dir string) ([]*side, error) {
	order := slices.Clone(all)
	for round := range *rounds {
		for _, s := range order {
			place := filepath.Join(dir, fmt.Sprint(s.key, round))
			u, err := s.measure(ctx, place)
			if err != nil {
				return nil, fmt.Errorf("measuring %s: %w", s.name, err)
			}
			if u.written == 0 && s.key != "preroll" {
				return nil, fmt.Errorf("%s is in memory: set TMPDIR to a folder on a disk", dir)
			}
			s.rounds = append(s.rounds, u)
			slog.Info("measured", "side", s.name, "round", round+1, "cpu", u.cpu, "resident", u.resident>>10)
			if err := os.RemoveAll(place); err != nil {
				return nil, err
			}
		}
		slices.Reverse(order)
	}
	return all, nil
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
