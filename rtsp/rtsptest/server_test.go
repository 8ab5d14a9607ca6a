package rtsptest

import (
	"bytes"
	"context"
	"io/fs"
	"log/slog"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/bluenviron/gortsplib/v4"
	"github.com/bluenviron/gortsplib/v4/pkg/base"
	"github.com/bluenviron/gortsplib/v4/pkg/description"
	"github.com/bluenviron/gortsplib/v4/pkg/format"
	"github.com/pion/rtp"
)

// run serves cameras until the test ends, and checks that Run then returns.
func run(t *testing.T, cams map[string]Camera) *Server {
	t.Helper()
	s, err := NewServer(Config{Log: slog.New(slog.DiscardHandler), Cameras: cams})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		select {
		case err := <-done:
			if err != nil {
				t.Error(err)
			}
		case <-time.After(2 * time.Second):
			t.Error("Run did not return within 2 s")
		}
	})
	return s
}

type got struct {
	track int
	rtp.Header
	payload []byte
}

// watch plays a camera with the library's client, which nobody here wrote, for
// n video packets.
func watch(t *testing.T, address string, n int) []got {
	t.Helper()
	u, err := base.ParseURL(address)
	if err != nil {
		t.Fatal(err)
	}
	tcp := gortsplib.TransportTCP
	c := &gortsplib.Client{Scheme: u.Scheme, Host: u.Host, Transport: &tcp}
	if err := c.Start2(); err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	desc, _, err := c.Describe(u)
	if err != nil {
		t.Fatal(err)
	}
	if err := c.SetupAll(desc.BaseURL, desc.Medias); err != nil {
		t.Fatal(err)
	}
	pkts := make(chan got, 10000)
	c.OnPacketRTPAny(func(m *description.Media, _ format.Format, p *rtp.Packet) {
		track := 0
		if len(desc.Medias) > 1 && m == desc.Medias[1] {
			track = 1
		}
		pkts <- got{track, p.Header, p.Payload}
	})
	if _, err := c.Play(nil); err != nil {
		t.Fatal(err)
	}
	var all []got
	for limit := time.After(20 * time.Second); n > 0; {
		select {
		case p := <-pkts:
			all = append(all, p)
			if p.track == 0 {
				n--
			}
		case <-limit:
			t.Fatalf("%d packets missing", n)
		}
	}
	return all
}

// The clips are 4 s long; RTP times and numbers must go on across the seam.
func TestLoopIsSeamless(t *testing.T) {
	t.Parallel()
	s := run(t, map[string]Camera{"c": {FS: Clips(), File: "h264-aac.mp4", Loop: true}})
	last := map[int]got{}
	frames := 0
	for _, p := range watch(t, s.URL("c"), 90) {
		l, ok := last[p.track]
		last[p.track] = p
		if !ok {
			continue
		}
		if p.SequenceNumber != l.SequenceNumber+1 {
			t.Fatalf("track %d: number %d after %d", p.track, p.SequenceNumber, l.SequenceNumber)
		}
		step := p.Timestamp - l.Timestamp
		want := map[int]uint32{0: 6000, 1: 1024}[p.track]
		if step != 0 && step != want {
			t.Fatalf("track %d: RTP time moved by %d, want %d", p.track, step, want)
		}
		frames++
	}
	if st := s.Stats("c"); st.Units < 120 || st.Connections != 1 || st.Playing != 1 && st.Playing != 0 {
		t.Errorf("stats %+v", st)
	}
}

// Two viewers of one camera see the same picture at the same time.
func TestViewersSeeTheSame(t *testing.T) {
	t.Parallel()
	s := run(t, map[string]Camera{"c": {FS: Clips(), File: "h264-aac.mp4", Loop: true}})
	first := watch(t, s.URL("c"), 30)
	time.Sleep(300 * time.Millisecond)
	second := watch(t, s.URL("c"), 10)
	between := second[0].Timestamp - first[0].Timestamp
	if between%6000 != 0 || between < 30*3000 || between > 90000*20 {
		t.Errorf("the second viewer began %d ticks after the first", between)
	}
}

func TestDialog(t *testing.T) {
	t.Parallel()
	s := run(t, map[string]Camera{"c": {FS: Clips(), File: "h264-aac.mp4", Loop: true, User: "u", Pass: "p"}, "open": {Tone: "pcma", Loop: true}})
	for _, c := range []struct{ name, request, want string }{
		{"options", "OPTIONS * RTSP/1.0\r\nCSeq: 1\r\n\r\n", "RTSP/1.0 200 OK\r\n"},
		{"unknown camera", "DESCRIBE rtsp://h/x RTSP/1.0\r\nCSeq: 1\r\n\r\n", "RTSP/1.0 404 Not Found\r\n"},
		{"login", "DESCRIBE rtsp://h/c RTSP/1.0\r\nCSeq: 1\r\n\r\n", "RTSP/1.0 401 Unauthorized\r\n"},
		{"description", "DESCRIBE rtsp://h/open RTSP/1.0\r\nCSeq: 1\r\n\r\n", "RTSP/1.0 200 OK\r\n"},
		{"udp", "SETUP rtsp://h/open/trackID=0 RTSP/1.0\r\nCSeq: 1\r\nTransport: RTP/AVP;unicast;client_port=5000-5001\r\n\r\n", "RTSP/1.0 200 OK\r\n"},
		{"multicast", "SETUP rtsp://h/open/trackID=0 RTSP/1.0\r\nCSeq: 1\r\nTransport: RTP/AVP;multicast\r\n\r\n", "RTSP/1.0 461 "},
		{"no such track", "SETUP rtsp://h/open/trackID=7 RTSP/1.0\r\nCSeq: 1\r\nTransport: RTP/AVP/TCP;interleaved=0-1\r\n\r\n", "RTSP/1.0 404 "},
		{"play before setup", "PLAY rtsp://h/open RTSP/1.0\r\nCSeq: 1\r\n\r\n", "RTSP/1.0 455 "},
		{"unknown method", "RECORD rtsp://h/open RTSP/1.0\r\nCSeq: 1\r\n\r\n", "RTSP/1.0 501 "},
	} {
		nc, err := net.Dial("tcp", s.Addr())
		if err != nil {
			t.Fatal(err)
		}
		nc.SetDeadline(time.Now().Add(5 * time.Second))
		nc.Write([]byte(c.request))
		b := make([]byte, 4096)
		n, err := nc.Read(b)
		if err != nil || !strings.HasPrefix(string(b[:n]), c.want) {
			t.Errorf("%s: %v %q", c.name, err, b[:n])
		}
		nc.Close()
	}
}

// A client that does not read must not hold Run. The cleanup of run checks it.
func TestClientThatDoesNotRead(t *testing.T) {
	s := run(t, map[string]Camera{"open": {Tone: "pcmu", Loop: true}})
	nc, err := net.Dial("tcp", s.Addr())
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	nc.Write([]byte("SETUP rtsp://h/open/trackID=0 RTSP/1.0\r\nCSeq: 1\r\nTransport: RTP/AVP/TCP;interleaved=0-1\r\n\r\n" +
		"PLAY rtsp://h/open RTSP/1.0\r\nCSeq: 2\r\n\r\n"))
	for end := time.Now().Add(5 * time.Second); s.Stats("open").Packets == 0; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("nothing was sent")
		}
	}
}

func TestLoadingFails(t *testing.T) {
	for name, c := range map[string]Camera{
		"no file":       {FS: Clips(), File: "none.mp4"},
		"not MP4":       {FS: Clips(), File: "README.md"},
		"nothing":       {},
		"unknown tone":  {Tone: "opus"},
		"other codec":   {FS: Clips(), File: "h264-aac.mp4", Second: "h265.mp4"},
		"missing other": {FS: Clips(), File: "h264-aac.mp4", Second: "none.mp4"},
	} {
		if s, err := NewServer(Config{Log: slog.New(slog.DiscardHandler), Cameras: map[string]Camera{"c": c}}); err == nil {
			s.Close()
			t.Errorf("%s: no error", name)
		}
	}
}

func TestScriptsAreSound(t *testing.T) {
	seen := map[string]bool{}
	for _, s := range Scripts() {
		if seen[s.Name] || s.Doc == "" || !strings.HasSuffix(s.Doc, ".") {
			t.Errorf("script %q: %q", s.Name, s.Doc)
		}
		seen[s.Name] = true
	}
	if len(seen) < 30 {
		t.Errorf("%d scripts", len(seen))
	}
}

func TestParseClip(t *testing.T) {
	for _, c := range []struct {
		file, video, audio string
		pictures, keys     int
		reorders           bool
	}{
		{"h264-aac.mp4", "h264", "aac", 60, 4, false},
		{"h264-bframes.mp4", "h264", "", 60, 4, true},
		{"h264-slices.mp4", "h264", "", 45, 3, false},
		{"h265.mp4", "h265", "", 60, 4, false},
		{"h265-bframes.mp4", "h265", "", 60, 4, true},
	} {
		b, err := readFile(Clips(), c.file)
		if err != nil {
			t.Fatal(err)
		}
		clip, err := parseClip(b)
		if err != nil {
			t.Fatalf("%s: %v", c.file, err)
		}
		keys, reorders := 0, false
		for _, m := range clip.video.samples {
			if m.sync {
				keys++
			}
			reorders = reorders || m.pts != m.dts
		}
		audio := ""
		if clip.audio != nil {
			audio = clip.audio.codec
		}
		if clip.video.codec != c.video || audio != c.audio || len(clip.video.samples) != c.pictures || keys != c.keys || reorders != c.reorders {
			t.Errorf("%s: %s %s, %d pictures, %d keys, reorders %v", c.file, clip.video.codec, audio, len(clip.video.samples), keys, reorders)
		}
		if clip.video.rate != 90000 || clip.video.length != int64(c.pictures)*6000 {
			t.Errorf("%s: %d ticks of %d", c.file, clip.video.length, clip.video.rate)
		}
	}
}

func FuzzParseClip(f *testing.F) {
	names, err := fs.Glob(Clips(), "h264-s*.mp4") // the smallest; the fuzzer crawls on large seeds
	if err != nil || len(names) == 0 {
		f.Fatal("no clips")
	}
	for _, name := range names {
		b, err := readFile(Clips(), name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		c, err := parseClip(bytes.Clone(b))
		if err != nil {
			return
		}
		for _, s := range []*stream{c.video, c.audio} {
			if s != nil && (len(s.samples) == 0 || s.length <= 0 || s.rate <= 0) {
				t.Errorf("%d samples, length %d, rate %d", len(s.samples), s.length, s.rate)
			}
		}
	})
}
