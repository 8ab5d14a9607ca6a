package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"gatehouse/hub/internal/mp4/mp4test"
	"gatehouse/hub/recording"
	"gatehouse/hub/sqlite"
	"gatehouse/rtsp"
)

// lasting is a camera that sent the same scene for a long time, on one timeline.
type lasting struct {
	scene        mp4test.Footage
	length, left time.Duration
	next         int // of the scene's units
	shift        time.Duration
}

func (l *lasting) Next(context.Context) (rtsp.Item, error) {
	if l.next == 0 && l.shift == 0 {
		l.next++
		return rtsp.Item{Session: l.scene.Session}, nil
	}
	if l.next > len(l.scene.Units) {
		l.next = 1
		l.shift += l.length
	}
	if l.shift >= l.left {
		return rtsp.Item{}, io.EOF
	}
	u := *l.scene.Units[l.next-1]
	l.next++
	ticks := int64(l.shift.Seconds() * float64(u.Format.ClockRate))
	u.PTS, u.DTS, u.UTC, u.Arrived = u.PTS+ticks, u.DTS+ticks, u.UTC.Add(l.shift), u.Arrived.Add(l.shift)
	return rtsp.Item{Unit: &u}, nil
}

// recordLong records a scene of ten seconds again and again, through the recorder.
func recordLong(t *testing.T, data string, from time.Time, long time.Duration) {
	t.Helper()
	ctx := t.Context()
	index, err := sqlite.OpenIndex(ctx, filepath.Join(data, indexDB))
	if err != nil {
		t.Fatal(err)
	}
	defer index.Close()
	archive, err := recording.OpenArchive(ctx, recording.ArchiveConfig{
		Index: index, Log: slog.New(slog.DiscardHandler), Now: func() time.Time { return from.Add(long) },
		Disks: []recording.DiskConfig{{Path: filepath.Join(data, "footage"), Profile: recording.ProfileDisk}},
	})
	if err != nil {
		t.Fatal(err)
	}
	scene := mp4test.Make(t, mp4test.Shot{Video: rtsp.H264, Seconds: 10, Width: 640, Rate: 15, GOP: 30, Start: from})
	if err := archive.Recorder("porch", recording.Main, &lasting{scene: scene, length: 10 * time.Second, left: long}).Run(ctx); err != nil {
		t.Fatal(err)
	}
}

// TestSeekInChromium jumps to moments of a real hub's recording at random: each
// shows its picture. With BARS it is a whole day and fifty jumps, and the bar
// holds; the tests have an hour and five.
func TestSeekInChromium(t *testing.T) {
	from, long, jumps := time.Now().UTC().AddDate(0, 0, -2).Truncate(24*time.Hour), time.Hour, 5
	if os.Getenv("BARS") != "" {
		long, jumps = 24*time.Hour, 50
	}
	data := t.TempDir()
	writeConfig(t, data, "listen: 127.0.0.1:0\nhome: {timezone: UTC}\nstorage: [{path: footage}]\ncameras:\n  - {name: porch, url: 'rtsp://127.0.0.1:1/', paused: true}\n")
	recordLong(t, data, from, long)
	h := startHub(t, data)
	cmd := exec.Command("node", "--test", "--test-reporter=spec", "seek.spec.mjs")
	cmd.Dir = filepath.Join("..", "ui", "e2e")
	cmd.Env = append(os.Environ(), "CONSOLE_URL="+h.console(), "FROM="+from.Format(time.RFC3339),
		fmt.Sprintf("SECONDS_RECORDED=%d", int(long.Seconds())), fmt.Sprintf("JUMPS=%d", jumps))
	out, err := cmd.CombinedOutput()
	t.Logf("%s", out)
	if err != nil {
		t.Error(err)
	}
}
