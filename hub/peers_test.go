package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"gatehouse/hub/config"
	"gatehouse/hub/recording"
)

// peerSeconds is how long the peers' file is; it is recorded whole.
const peerSeconds = 64

// TestRecordsPeers records cameras nobody here wrote, a go2rtc and a GStreamer
// RTSP server, and compares what is on disk with the file they play.
func TestRecordsPeers(t *testing.T) {
	if testing.Short() {
		t.Fatal("this test takes a minute and has no short form; leave it out with -skip")
	}
	dir := t.TempDir()
	source := filepath.Join(dir, "source.mp4")
	tool(t, "ffmpeg", "-v", "error", "-f", "lavfi", "-i", fmt.Sprintf("testsrc2=s=640x360:r=15:d=%d", peerSeconds),
		"-f", "lavfi", "-i", fmt.Sprintf("sine=440:r=32000:d=%d", peerSeconds), "-c:v", "libx264", "-preset", "veryfast", "-profile:v", "main",
		"-g", "30", "-bf", "0", "-pix_fmt", "yuv420p", "-c:a", "aac", "-ac", "1", "-movflags", "+faststart", source)
	want := pictures(t, source)

	go2rtcURL := startGo2rtc(t, dir, source)
	gstURL := startGStreamer(t, source)
	data := filepath.Join(dir, "data")
	writeConfig(t, data, fmt.Sprintf(`listen: 127.0.0.1:0
cameras:
  - {name: go2rtc, url: %q}
  - {name: gstreamer, url: %q}
`, go2rtcURL, gstURL))
	h := startHub(t, data)
	for _, camera := range []string{"go2rtc", "gstreamer"} {
		t.Run(camera, func(t *testing.T) {
			got, files := awaitPictures(t, h, camera, time.Now().Add((peerSeconds+40)*time.Second), len(want)-15)
			comparePictures(t, want, got)
			for _, f := range files {
				probeDecodes(t, f)
			}
		})
	}
}

// comparePictures wants the recorded pictures to be the file's, bit for bit
// and without a hole, from a key frame in the first two seconds on, to the end. A
// peer that plays its file again adds pictures after that.
func comparePictures(t *testing.T, want, got [][32]byte) {
	t.Helper()
	if len(got) == 0 {
		t.Fatal("nothing was recorded")
	}
	first := slices.Index(want, got[0])
	if first < 0 || first > 30 {
		t.Fatalf("recording begins with picture %d of the file", first)
	}
	rest := want[first:]
	if len(got) < len(rest) {
		t.Fatalf("%d pictures are recorded, %d were sent", len(got), len(rest))
	}
	for i := range rest {
		if got[i] != rest[i] {
			t.Fatalf("picture %d differs from what was sent", i)
		}
	}
	t.Logf("%d of %d pictures are byte-identical, from picture %d on", len(rest), len(want), first)
}

// awaitPictures waits until enough pictures of the first run are durable and
// returns their hashes and the files.
func awaitPictures(t *testing.T, h *hub, camera string, until time.Time, enough int) ([][32]byte, []string) {
	t.Helper()
	for {
		segs, err := h.archive.Segments(t.Context(), camera, recording.Main, time.Time{}, time.Now().Add(time.Hour))
		if err != nil {
			t.Fatal(err)
		}
		var files []string
		var total time.Duration
		for _, s := range segs {
			if s.Run == segs[0].Run {
				files = append(files, filepath.Join(h.data, "footage", filepath.FromSlash(s.Path)))
				total += s.Duration
			}
		}
		done := len(segs) > 0 && segs[len(segs)-1].Run != segs[0].Run
		if done || int(total.Seconds()*15) >= enough && segs[len(files)-1].State == recording.Closed {
			var all [][32]byte
			for _, f := range files {
				all = append(all, pictures(t, f)...)
			}
			return all, files
		}
		if time.Now().After(until) {
			t.Fatalf("%s: only %v recorded", camera, total)
		}
		time.Sleep(time.Second)
	}
}

// pictures returns the hash of each picture's VCL NAL units (types 1 and 5, ITU-T H.264
// table 7-1) in file order, read with ffmpeg.
func pictures(t *testing.T, path string) [][32]byte {
	t.Helper()
	out := tool(t, "ffmpeg", "-v", "error", "-i", path, "-map", "0:v", "-c", "copy", "-bsf:v", "h264_mp4toannexb", "-f", "h264", "-")
	var list [][32]byte
	for _, nal := range bytes.Split(out, []byte{0, 0, 1}) {
		nal = bytes.TrimRight(nal, "\x00") // the zero_byte of the next start code
		if len(nal) > 0 && (nal[0]&31 == 1 || nal[0]&31 == 5) {
			list = append(list, sha256.Sum256(nal))
		}
	}
	return list
}

// probeDecodes wants ffprobe to read a file and its tables to agree with what decodes.
func probeDecodes(t *testing.T, path string) {
	t.Helper()
	var probe struct {
		Streams []struct {
			CodecType string `json:"codec_type"`
			Counted   string `json:"nb_read_frames"`
			Packets   string `json:"nb_read_packets"`
		}
	}
	out := tool(t, "ffprobe", "-v", "error", "-count_frames", "-count_packets", "-show_streams", "-of", "json", path)
	if err := json.Unmarshal(out, &probe); err != nil {
		t.Fatal(err)
	}
	if len(probe.Streams) != 2 {
		t.Fatalf("%s has %d streams, want picture and sound", path, len(probe.Streams))
	}
	for _, s := range probe.Streams {
		if s.Counted != s.Packets {
			t.Errorf("%s: of %s packets of %s, %s decode", path, s.Packets, s.CodecType, s.Counted)
		}
	}
}

func tool(t *testing.T, name string, args ...string) []byte {
	t.Helper()
	var stderr strings.Builder
	c := exec.CommandContext(t.Context(), name, args...)
	c.Stderr = &stderr
	out, err := c.Output()
	if err != nil {
		t.Fatalf("%s: %v\n%s", name, err, stderr.String())
	}
	if stderr.Len() > 0 {
		t.Errorf("%s complains: %s", name, stderr.String())
	}
	return out
}

func startGo2rtc(t *testing.T, dir, source string) string {
	t.Helper()
	rtsp, api := freePort(t), freePort(t)
	cfg := fmt.Sprintf("api: {listen: 127.0.0.1:%d}\nrtsp: {listen: 127.0.0.1:%d}\nwebrtc: {listen: ''}\nlog: {level: error}\n"+
		"streams:\n  cam: 'ffmpeg:%s#video=copy#audio=copy'\n", api, rtsp, source)
	path := filepath.Join(dir, "go2rtc.yaml")
	if err := os.WriteFile(path, []byte(cfg), 0o600); err != nil {
		t.Fatal(err)
	}
	background(t, exec.Command("go2rtc", "-config", path))
	waitPort(t, rtsp)
	return fmt.Sprintf("rtsp://127.0.0.1:%d/cam", rtsp)
}

func startGStreamer(t *testing.T, source string) string {
	t.Helper()
	port := freePort(t)
	c := exec.Command("/usr/bin/python3", "testdata/peers/gst-camera.py", fmt.Sprint(port), source)
	out, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	background(t, c)
	if line, err := bufio.NewReader(out).ReadString('\n'); err != nil || line != "ready\n" {
		t.Fatalf("the GStreamer server said %q, %v", line, err)
	}
	return fmt.Sprintf("rtsp://127.0.0.1:%d/cam", port)
}

func background(t *testing.T, c *exec.Cmd) {
	t.Helper()
	c.Stderr = os.Stderr
	if err := c.Start(); err != nil {
		t.Fatalf("%v (make test installs it)", err)
	}
	t.Cleanup(func() { _ = c.Process.Kill(); _ = c.Wait() })
}

// freePort finds a port for a peer that cannot pick one itself.
func freePort(t *testing.T) int {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	return ln.Addr().(*net.TCPAddr).Port
}

func waitPort(t *testing.T, port int) {
	t.Helper()
	for range 100 {
		if c, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", port)); err == nil {
			c.Close()
			return
		}
		time.Sleep(100 * time.Millisecond)
	}
	t.Fatalf("nothing listens on %d", port)
}

func writeConfig(t *testing.T, data, text string) {
	t.Helper()
	if err := os.MkdirAll(data, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(data, config.File), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// startHub runs a hub in this process until the test ends.
func startHub(t *testing.T, data string) *hub {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	up, done := make(chan *hub, 1), make(chan error, 1)
	go func() {
		done <- serve(ctx, serveOptions{data: data, log: slog.New(slog.NewTextHandler(t.Output(), nil)), ready: func(h *hub) { up <- h }})
	}()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("the hub ended with %v", err)
		}
	})
	select {
	case h := <-up:
		return h
	case err := <-done:
		done <- nil
		t.Fatalf("the hub did not start: %v", err)
		return nil
	}
}
