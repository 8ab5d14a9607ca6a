package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/x509"
	"encoding/binary"
	"encoding/json"
	"encoding/pem"
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
	"gatehouse/rtsp/rtsptest"
)

// peerSeconds is how long the peers' file is; it is recorded whole.
const (
	peerSeconds = 64
	peerRate    = 15 // pictures a second
)

// peer is a camera nobody here wrote.
type peer struct {
	name  string
	start func(t *testing.T, dir, source string) (keys string) // of the camera's configuration
	// sends makes of an access unit of the file, as NAL units, what the peer sends.
	sends func(nals, params [][]byte) [][]byte
	// late is how much of the film's start may go by before the peer answers PLAY.
	late time.Duration
	kept int // AAC frames of the film's end that the peer may keep to itself
}

// lateSounds is how many AAC frames may come before the first picture is whole;
// sound without a picture is not stored. The first picture ends where the second
// begins, and one frame more is the encoder's priming.
const lateSounds = 5

// peers begin the film when they are asked for it and hand all NAL units on;
// which they add is stated here.
var peers = []peer{
	// go2rtc has ffmpeg send the film to it and passes ffmpeg's packets on. The
	// film runs from DESCRIBE on, so that it may be under way by PLAY; what is
	// sent then begins in the middle of a group of pictures, and recording with
	// the next key frame, at most two seconds into the film. ffmpeg puts four AAC
	// frames into a packet and never sends the last packet unless it is full.
	{"go2rtc", startGo2rtc, func(nals, _ [][]byte) [][]byte { return nals }, 2 * time.Second, 3},
	// GStreamer waits for PLAY. Its rtph264pay repeats the parameter sets before
	// each IDR slice, as config-interval=-1 has it. The first and the last AAC frame
	// are priming and padding to it and are not sent.
	{"gstreamer", startGStreamer, gstSends, 0, 1},
	{"gstreamer-udp", startGStreamerUDP, gstSends, 0, 1},
	{"gstreamer-tls", startGStreamerTLS, gstSends, 0, 1},
}

func gstSends(nals, params [][]byte) [][]byte {
	if i := slices.IndexFunc(nals, func(n []byte) bool { return nalType(n) == 5 }); i >= 0 {
		return slices.Concat(nals[:i], params, nals[i:])
	}
	return nals
}

// nalType is nal_unit_type of ITU-T H.264 7.3.1.
func nalType(nal []byte) byte { return nal[0] & 31 }

// TestRecordsPeers records a go2rtc and a GStreamer RTSP server and compares
// what is on disk, NAL unit by NAL unit and AAC frame by AAC frame, with the
// file they play. The file's access units have delimiters and SEI.
func TestRecordsPeers(t *testing.T) {
	if testing.Short() {
		t.Fatal("this test takes a minute and has no short form; leave it out with -skip")
	}
	dir := t.TempDir()
	source := filepath.Join(dir, "source.mp4")
	tool(t, "ffmpeg", "-v", "error", "-f", "lavfi", "-i", fmt.Sprintf("testsrc2=s=640x360:r=%d:d=%d", peerRate, peerSeconds),
		"-f", "lavfi", "-i", fmt.Sprintf("sine=440:r=32000:d=%d", peerSeconds), "-c:v", "libx264", "-preset", "veryfast", "-profile:v", "main",
		"-b:v", "800k", "-maxrate", "1200k", "-bufsize", "1200k", "-x264-params", "aud=1:nal-hrd=vbr",
		"-g", "30", "-bf", "0", "-pix_fmt", "yuv420p", "-c:a", "aac", "-ac", "1", "-movflags", "+faststart", source)
	pictures, sound, params := frames(t, source, "v"), frames(t, source, "a"), paramSets(t, source)

	config := "listen: 127.0.0.1:0\ncameras:\n"
	for _, p := range peers {
		config += fmt.Sprintf("  - {name: %s, %s}\n", p.name, p.start(t, dir, source))
	}
	data := filepath.Join(dir, "data")
	writeConfig(t, data, config)
	h := startHub(t, data)
	for _, p := range peers {
		t.Run(p.name, func(t *testing.T) {
			var want []string
			for _, picture := range pictures {
				want = append(want, describe(p.sends(nals(t, picture), params)))
			}
			files := awaitRun(t, h, p.name, peerSeconds-10, time.Now().Add((peerSeconds+40)*time.Second))
			var got, heard []string
			for _, f := range files {
				v, a := frames(t, f, "v"), frames(t, f, "a")
				probe(t, f, len(v), len(a))
				for _, picture := range v {
					got = append(got, describe(nals(t, picture)))
				}
				heard = append(heard, describeAll(a)...)
			}
			compare(t, "pictures", want, got, int(p.late.Seconds()*peerRate), 0)
			compare(t, "sounds", describeAll(sound), heard, int(p.late.Seconds()*32000/1024)+lateSounds, p.kept)
		})
	}
}

// compare wants got to be want without a hole, from at the latest number late on,
// to the end less kept, and nothing else.
func compare(t *testing.T, what string, want, got []string, late, kept int) {
	t.Helper()
	if len(got) == 0 {
		t.Fatalf("no %s were recorded", what)
	}
	first := slices.Index(want, got[0])
	if first < 0 || first > late {
		t.Fatalf("recorded %s begin with number %d of the file (-1: none of them), %s; the file with %s", what, first, got[0], want[0])
	}
	rest := want[first:]
	for i := range min(len(got), len(rest)) {
		if got[i] != rest[i] {
			t.Fatalf("%s: number %d of the file was recorded as\n%s, not\n%s", what, first+i, got[i], rest[i])
		}
	}
	if len(got) > len(rest) || len(got) < len(rest)-kept {
		t.Fatalf("%d %s are recorded, %d were sent", len(got), what, len(rest))
	}
	t.Logf("%d of %d %s are byte-identical, from number %d on", len(got), len(want), what, first)
}

// awaitRun waits until the camera's first run is over, which is when the film
// is, and returns its files. It lasts least seconds at least.
func awaitRun(t *testing.T, h *hub, camera string, least int, until time.Time) []string {
	t.Helper()
	last, seen := time.Duration(0), 0 // between two segments of a run all are closed, for a moment
	for {
		segs, err := h.archive.Segments(t.Context(), camera, recording.Main, time.Time{}, time.Now().Add(time.Hour))
		if err != nil {
			t.Fatal(err)
		}
		var files []string
		var total time.Duration
		over := false
		for _, s := range segs {
			if s.Run == segs[0].Run {
				files = append(files, filepath.Join(h.data, "footage", filepath.FromSlash(s.Path)))
				total += s.Duration
				over = s.State == recording.Closed
			}
		}
		if total != last {
			last, seen = total, 0
		}
		if seen++; over && total > time.Duration(least)*time.Second && seen > 3 {
			return files
		}
		if time.Now().After(until) {
			t.Fatalf("%s: only %v recorded", camera, total)
		}
		time.Sleep(time.Second)
	}
}

// frames returns the samples of one track of a file as they are stored, read
// with ffmpeg.
func frames(t *testing.T, path, track string) [][]byte {
	t.Helper()
	sizes := tool(t, "ffprobe", "-v", "error", "-ignore_editlist", "1", "-select_streams", track, "-show_entries", "packet=size", "-of", "json", path)
	data := tool(t, "ffmpeg", "-v", "error", "-ignore_editlist", "1", "-i", path, "-map", "0:"+track, "-c", "copy", "-f", "data", "-")
	var list struct {
		Packets []struct {
			Size int `json:"size,string"`
		}
	}
	if err := json.Unmarshal(sizes, &list); err != nil {
		t.Fatal(err)
	}
	var all [][]byte
	for _, p := range list.Packets {
		if p.Size > len(data) {
			t.Fatalf("%s: ffmpeg copied less than ffprobe counted", path)
		}
		all, data = append(all, data[:p.Size]), data[p.Size:]
	}
	if len(data) > 0 {
		t.Fatalf("%s: ffmpeg copied %d bytes more than ffprobe counted", path, len(data))
	}
	return all
}

// nals splits a sample at its four-byte lengths (ISO/IEC 14496-15 5.3.2).
func nals(t *testing.T, sample []byte) [][]byte {
	t.Helper()
	var all [][]byte
	for len(sample) > 0 {
		n := uint64(0)
		if len(sample) > 4 {
			n = uint64(binary.BigEndian.Uint32(sample))
		}
		if n == 0 || n > uint64(len(sample)-4) {
			t.Fatalf("a sample ends inside of a NAL unit")
		}
		all, sample = append(all, sample[4:4+n]), sample[4+n:]
	}
	return all
}

// paramSets returns SPS and PPS of a file.
func paramSets(t *testing.T, path string) [][]byte {
	t.Helper()
	var all [][]byte
	out := tool(t, "ffmpeg", "-v", "error", "-i", path, "-map", "0:v", "-c", "copy", "-frames:v", "1", "-bsf:v", "h264_mp4toannexb", "-f", "h264", "-")
	for _, nal := range bytes.Split(out, []byte{0, 0, 1}) {
		nal = bytes.TrimRight(nal, "\x00") // the zero_byte of the next start code
		if len(nal) > 0 && (nalType(nal) == 7 || nalType(nal) == 8) {
			all = append(all, nal)
		}
	}
	return all
}

// describe is a frame in a form that is equal when its parts are: type, size
// and hash of each.
func describe(parts [][]byte) string {
	var b strings.Builder
	for _, p := range parts {
		fmt.Fprintf(&b, "[%d: %d bytes %x]", nalType(p), len(p), sha256.Sum256(p))
	}
	return b.String()
}

func describeAll(frames [][]byte) []string {
	var all []string
	for _, f := range frames {
		all = append(all, describe([][]byte{f}))
	}
	return all
}

// probe wants ffprobe to list and to decode each frame that is stored. A second
// look, as a player has it, may leave out sound that the edit list places
// before the first picture; of that ffmpeg lists the last frame, and drops it
// once it is decoded.
func probe(t *testing.T, path string, pictures, sounds int) {
	t.Helper()
	for _, edits := range []string{"1", "0"} {
		var found struct {
			Streams []struct {
				Type    string `json:"codec_type"`
				Decoded int    `json:"nb_read_frames,string"`
				Packets int    `json:"nb_read_packets,string"`
			}
		}
		out := tool(t, "ffprobe", "-v", "error", "-ignore_editlist", edits, "-count_frames", "-count_packets", "-show_streams", "-of", "json", path)
		if err := json.Unmarshal(out, &found); err != nil {
			t.Fatal(err)
		}
		want := map[string]int{"video": pictures, "audio": sounds}
		for _, s := range found.Streams {
			n, hidden := want[s.Type], 0
			if edits == "0" && s.Type == "audio" && n-s.Packets < 10 {
				n = s.Packets
				hidden = n - s.Decoded
			}
			if n == 0 || s.Packets != n || s.Decoded != n-hidden || hidden < 0 || hidden > 1 {
				t.Errorf("%s: %d %s frames are stored, %d are listed, %d decode (ignore_editlist %s)",
					path, want[s.Type], s.Type, s.Packets, s.Decoded, edits)
			}
			delete(want, s.Type)
		}
		if len(want) > 0 {
			t.Errorf("%s lacks %v", path, want)
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
	path := filepath.Join(dir, fmt.Sprintf("go2rtc-%d.yaml", rtsp))
	if err := os.WriteFile(path, []byte(cfg), 0o600); err != nil {
		t.Fatal(err)
	}
	background(t, exec.Command("go2rtc", "-config", path))
	waitPort(t, rtsp)
	return fmt.Sprintf("url: 'rtsp://127.0.0.1:%d/cam'", rtsp)
}

func startGStreamer(t *testing.T, _, source string) string {
	t.Helper()
	return fmt.Sprintf("url: 'rtsp://127.0.0.1:%d/cam'", runGStreamer(t, source))
}

// startGStreamerUDP starts a camera that refuses TCP and sends large datagrams.
func startGStreamerUDP(t *testing.T, _, source string) string {
	t.Helper()
	return fmt.Sprintf("url: 'rtsp://127.0.0.1:%d/cam', transport: udp", runGStreamer(t, source, "udp"))
}

// startGStreamerTLS starts a camera that speaks RTSPS under a certificate of its
// own and asks for a login by Digest.
func startGStreamerTLS(t *testing.T, dir, source string) string {
	t.Helper()
	cert, fingerprint, err := rtsptest.SelfSigned(time.Now().AddDate(1, 0, 0))
	if err != nil {
		t.Fatal(err)
	}
	key, err := x509.MarshalPKCS8PrivateKey(cert.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	text := append(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert.Certificate[0]}),
		pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: key})...)
	path := filepath.Join(dir, "camera.pem")
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("url: 'rtsps://owner:p%%40ss@127.0.0.1:%d/cam', tls: '%s'", runGStreamer(t, source, path), fingerprint)
}

func runGStreamer(t *testing.T, source string, option ...string) (port int) {
	t.Helper()
	port = freePort(t)
	c := exec.Command("/usr/bin/python3", append([]string{"testdata/peers/gst-camera.py", fmt.Sprint(port), source}, option...)...)
	out, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	background(t, c)
	if line, err := bufio.NewReader(out).ReadString('\n'); err != nil || line != "ready\n" {
		t.Fatalf("the GStreamer server said %q, %v", line, err)
	}
	return port
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
