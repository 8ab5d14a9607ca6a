package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// side is a recorder that takes its turn.
type side struct {
	key, name string
	streams   int
	commands  func(ctx context.Context, dir string, streams int) ([]*exec.Cmd, error)
	rounds    []usage
}

func sides(hub string) []*side {
	ours := hubWith(hub, "")
	all := []*side{
		{key: "hub", name: "Gatehouse", streams: *few, commands: ours},
		{key: "mediamtx", name: "MediaMTX 1.15.3", streams: *few, commands: mediamtxCommand},
		{key: "ffmpeg", name: fmt.Sprintf("%d × ffmpeg -c copy -f segment", *few), streams: *few, commands: ffmpegCommands},
		{key: "large", name: "Gatehouse", streams: *many, commands: ours},
	}
	if *only == "" {
		return all
	}
	all = append(all, // these are measured when they are named
		&side{key: "pictures", name: "Gatehouse, motion from pictures", streams: *few, commands: hubWith(hub, ", motion: {from: pictures}")},
		&side{key: "preroll", name: "Gatehouse, waiting for motion", streams: *few, commands: hubWith(hub, ", record: motion, motion: {from: off}")})
	var some []*side
	for _, s := range all {
		if strings.Contains(","+*only+",", ","+s.key+",") {
			some = append(some, s)
		}
	}
	return some
}

// measure records into a new folder.
func (s *side) measure(ctx context.Context, dir string) (usage, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return usage{}, err
	}
	all, err := s.commands(ctx, dir, s.streams)
	if err != nil {
		return usage{}, err
	}
	return measure(ctx, dir, all)
}

// hubWith has a hub record; more is added to the configuration of each camera.
func hubWith(hub, more string) func(ctx context.Context, dir string, n int) ([]*exec.Cmd, error) {
	return func(ctx context.Context, dir string, n int) ([]*exec.Cmd, error) {
		var cfg strings.Builder
		fmt.Fprintln(&cfg, "listen: 127.0.0.1:0\ncameras:")
		for i := range n {
			fmt.Fprintf(&cfg, "  - {name: cam%d, url: %q%s}\n", i, cameraURL(i), more)
		}
		c := command(ctx, hub, "serve", "--data", dir)
		c.Stderr = nil
		return []*exec.Cmd{c}, os.WriteFile(filepath.Join(dir, "gatehouse.yml"), []byte(cfg.String()), 0o600)
	}
}

// mediamtxCommand has MediaMTX record and do nothing else: fragmented MP4 with
// a part a second, which is its default, and a file a minute, as ours.
func mediamtxCommand(ctx context.Context, dir string, n int) ([]*exec.Cmd, error) {
	bin, err := exec.LookPath("mediamtx")
	if err != nil {
		return nil, errors.New("no mediamtx in PATH: make bench builds it")
	}
	var cfg strings.Builder
	fmt.Fprintln(&cfg, "logLevel: error\nrtsp: no\nrtmp: no\nhls: no\nwebrtc: no\nsrt: no")
	fmt.Fprintf(&cfg, "pathDefaults: {rtspTransport: tcp, record: yes, recordFormat: fmp4, recordPartDuration: 1s, recordSegmentDuration: 60s, recordPath: %q}\npaths:\n",
		filepath.Join(dir, "%path", "%Y-%m-%d_%H-%M-%S-%f"))
	for i := range n {
		fmt.Fprintf(&cfg, "  cam%d: {source: %q}\n", i, cameraURL(i))
	}
	file := filepath.Join(dir, "mediamtx.yml")
	return []*exec.Cmd{command(ctx, bin, file)}, os.WriteFile(file, []byte(cfg.String()), 0o600)
}

// ffmpegCommands have ffmpeg look at a stream for 1 s before it writes, instead
// of 5 s, so that it starts about as early as the others.
func ffmpegCommands(ctx context.Context, dir string, n int) (all []*exec.Cmd, err error) {
	for i := range n {
		all = append(all, command(ctx, "ffmpeg", "-v", "quiet", "-rtsp_transport", "tcp", "-analyzeduration", "1M", "-i", cameraURL(i), "-map", "0", "-c", "copy",
			"-f", "segment", "-segment_time", "60", "-segment_format_options", "movflags=frag_keyframe+empty_moov",
			filepath.Join(dir, fmt.Sprintf("cam%d-%%d.mp4", i))))
	}
	return all, nil
}

// size is the sum of the footage below a folder.
func size(dir string) (n int64) {
	_ = filepath.WalkDir(dir, func(_ string, d fs.DirEntry, err error) error {
		if err == nil && strings.HasSuffix(d.Name(), ".mp4") {
			if info, err := d.Info(); err == nil {
				n += info.Size()
			}
		}
		return nil
	})
	return n
}
