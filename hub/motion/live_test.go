package motion_test

import (
	"context"
	"fmt"
	"log/slog"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"gatehouse/hub/internal/ffmpeg"
	"gatehouse/hub/motion"
	"gatehouse/hub/recording"
	"gatehouse/hub/sqlite"
	"gatehouse/rtsp"
	"gatehouse/rtsp/onvif"
	"gatehouse/rtsp/onvif/onviftest"
	"gatehouse/rtsp/rtsptest"
)

// home is a hub's recording and motion, wired as the program wires them.
type home struct {
	index   *sqlite.Index
	archive *recording.Archive
	fleet   *recording.Fleet
	motions *motion.Service
}

func newHome(t *testing.T, path string) *home {
	t.Helper()
	dir, log := t.TempDir(), slog.New(slog.DiscardHandler)
	h := &home{}
	var err error
	if h.index, err = sqlite.OpenIndex(t.Context(), filepath.Join(dir, "index.db")); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = h.index.Close() })
	h.archive, err = recording.OpenArchive(t.Context(), recording.ArchiveConfig{
		Index: h.index, Log: log, Disks: []recording.DiskConfig{{Path: filepath.Join(dir, "disk")}},
	})
	if err != nil {
		t.Fatal(err)
	}
	h.fleet = recording.NewFleet(h.archive, log, func(err error) { t.Error(err) })
	h.motions = motion.New(motion.Config{
		Store: h.index, Log: log, FFmpeg: path, Oldest: h.archive.Oldest,
		Reader: func(camera string, n int) *rtsp.Reader { return h.fleet.Reader(camera, recording.Main, n) },
	})
	return h
}

// run runs what lives long until the function it returns is called.
func run(t *testing.T, of ...func(context.Context) error) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	for _, f := range of {
		wg.Go(func() {
			if err := f(ctx); err != nil {
				t.Error(err)
			}
		})
	}
	var once sync.Once
	stop = func() { once.Do(func() { cancel(); wg.Wait() }) }
	t.Cleanup(stop)
	return stop
}

// until waits for something to become true.
func until(t *testing.T, what string, most time.Duration, is func() bool) {
	t.Helper()
	for end := time.Now().Add(most); !is(); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("after %v still not: %s", most, what)
		}
	}
}

func (h *home) rows(t *testing.T) []motion.Motion {
	t.Helper()
	all, err := h.motions.Motions(t.Context(), "porch", time.Unix(0, 0), time.Now().Add(time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// TestMotionFromPictures: a real stream, real ffmpeg, real files. A box crosses
// the picture; what is recorded is that, with its pre-roll and post-roll.
func TestMotionFromPictures(t *testing.T) {
	t.Parallel()
	const pre, post, gop = 2 * time.Second, 2 * time.Second, time.Second
	film := filepath.Join(t.TempDir(), "film.mp4")
	out, err := exec.Command("ffmpeg", "-v", "error", "-f", "lavfi", "-i",
		"testsrc=s=320x180:r=10,trim=end_frame=1,loop=-1:1,setpts=N/10/TB,noise=alls=8:allf=t[bg];color=0x205080:s=40x60:r=10[box];"+
			"[bg][box]overlay=x='-40+80*(t-7)':y=90:enable='between(t,7,11)'",
		"-t", "26", "-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p",
		"-g", "10", "-x264-params", "scenecut=0:keyint=10:min-keyint=10:bframes=0", "-threads", "1", film).CombinedOutput()
	if err != nil {
		t.Fatalf("ffmpeg: %v: %s", err, out)
	}
	server, err := rtsptest.NewServer(rtsptest.Config{Log: slog.New(slog.DiscardHandler), Cameras: map[string]rtsptest.Camera{"porch": {File: film}}})
	if err != nil {
		t.Fatal(err)
	}
	h := newHome(t, ffmpeg.Find())
	run(t, server.Run)
	run(t, h.archive.Run)
	stop := run(t, h.motions.Run)
	h.fleet.Apply([]recording.Source{{
		Camera: "porch", Stream: recording.Main, URL: server.URL("porch"),
		When: recording.OnMotion{Motion: h.motions, Pre: pre, Post: post},
	}})
	h.motions.Watch([]motion.Camera{{Name: "porch", From: motion.Pictures}})
	until(t, "motion is seen", 25*time.Second, func() bool { return len(h.rows(t)) > 0 })
	until(t, "motion ends", 25*time.Second, func() bool { return !h.rows(t)[0].To.IsZero() })
	time.Sleep(2 * gop)
	h.fleet.Stop()
	stop()
	h.check(t, pre, post, gop)
}

// check holds what was recorded to the one motion there was, of about five seconds.
func (h *home) check(t *testing.T, pre, post, gop time.Duration) {
	t.Helper()
	rows := h.rows(t)
	all, err := h.archive.Segments(t.Context(), "porch", recording.Main, time.Unix(0, 0), time.Now().Add(time.Hour))
	if err != nil || len(rows) != 1 || len(all) != 1 {
		t.Fatalf("motion %+v, segments %+v, %v", rows, all, err)
	}
	m, s := rows[0], all[0]
	if d := m.To.Sub(m.From); m.Source != motion.Pictures || d < time.Second || d > 6*time.Second || m.Score <= 0 {
		t.Errorf("motion of %v: %+v", d, m)
	}
	const quiet = 8 * time.Second        // its end is told so late
	const clocks = 50 * time.Millisecond // between a camera's sender reports and arrival
	if before := m.From.Sub(s.Start); before < pre-clocks || before > pre+gop+clocks {
		t.Errorf("recorded from %v before the motion, want %v to %v", before, pre, pre+gop)
	}
	if after := s.End().Sub(m.To); after < post-clocks || after > max(post, quiet)+3*gop+clocks {
		t.Errorf("recorded up to %v after the motion", after)
	}
	gaps, err := h.archive.Gaps(t.Context(), "porch", recording.Main, time.Unix(0, 0), time.Now().Add(time.Hour))
	if err != nil || len(gaps) < 2 || gaps[0].Reason != rtsp.ReasonNoMotion || !gaps[0].To.Equal(s.Start) || gaps[1].Reason != rtsp.ReasonNoMotion && gaps[1].Reason != rtsp.ReasonShutdown {
		t.Errorf("gaps %+v, %v", gaps, err)
	}
}

// TestMotionFromONVIF: a camera's own alarm, over real sockets, its end and the
// end of the hub.
func TestMotionFromONVIF(t *testing.T) {
	t.Parallel()
	device, err := onviftest.New(onviftest.Config{User: "owner", Password: "pass"})
	if err != nil {
		t.Fatal(err)
	}
	h := newHome(t, "")
	run(t, device.Run)
	stop := run(t, h.motions.Run)
	h.motions.Watch([]motion.Camera{{Name: "porch", From: motion.ONVIF, ONVIF: onvif.Config{URL: fmt.Sprintf("http://owner:pass@%s", device.Addr())}}})
	until(t, "the camera is listened to", 10*time.Second, func() bool { return device.Subscriptions() > 0 })
	before := time.Now()
	device.Motion(true)
	until(t, "motion is told", 10*time.Second, h.motions.Moving)
	if from, to := h.motions.Moved("porch"); from.Before(before.Add(-2*time.Second)) || from.After(time.Now()) || !to.IsZero() {
		t.Errorf("motion from %v to %v", from, to)
	}
	device.Motion(false)
	until(t, "the end is told", 10*time.Second, func() bool { return !h.motions.Moving() })
	time.Sleep(3500 * time.Millisecond) // what comes back sooner is the same motion
	device.Motion(true)
	until(t, "motion is told again", 10*time.Second, h.motions.Moving)
	stop()
	rows := h.rows(t)
	if len(rows) != 2 || rows[0].Source != motion.ONVIF || rows[0].To.IsZero() || rows[1].To.IsZero() || rows[1].From.Before(rows[0].To) {
		t.Errorf("rows %+v", rows)
	}
}

// TestCrashEndsMotion: what a crash left open ends at the next start.
func TestCrashEndsMotion(t *testing.T) {
	h := newHome(t, "")
	old := time.Now().Add(-time.Hour).UTC().Truncate(time.Microsecond)
	if _, err := h.index.AddMotion(t.Context(), motion.Motion{Camera: "porch", From: old, Source: motion.Script}); err != nil {
		t.Fatal(err)
	}
	run(t, h.motions.Run)
	until(t, "the old motion has an end", 5*time.Second, func() bool { return h.rows(t)[0].To.Equal(old.Add(2 * time.Minute)) })
}

// TestPicturesWithoutFFmpeg: the owner is told what is missing.
func TestPicturesWithoutFFmpeg(t *testing.T) {
	t.Parallel()
	h := newHome(t, "")
	run(t, h.motions.Run)
	h.motions.Watch([]motion.Camera{{Name: "porch", From: motion.Pictures}})
	until(t, "the owner is told", 15*time.Second, func() bool { return len(h.motions.Problems()) == 1 })
	h.motions.Watch(nil)
	until(t, "nothing is wrong", 5*time.Second, func() bool { return len(h.motions.Problems()) == 0 })
}
