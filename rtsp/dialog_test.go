package rtsp

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/textproto"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/bluenviron/gortsplib/v4/pkg/base"
	"github.com/google/go-cmp/cmp"

	"gatehouse/rtsp/rtsptest"
	"gatehouse/rtsp/rtsptest/bubble"
)

// tap records what is written to a connection.
type tap struct {
	net.Conn
	log *logs
}

func (c *tap) Write(b []byte) (int, error) {
	c.log.Write(b)
	return c.Conn.Write(b)
}

// TestAsksForWantedMediaOnly: two SETUPs, no back channel, and every request
// names Gatehouse, by either transport.
func TestAsksForWantedMediaOnly(t *testing.T) {
	for _, transport := range []Transport{TCP, UDP} {
		t.Run(string(transport), func(t *testing.T) {
			t.Parallel()
			said := &logs{}
			r := newRig(t, rtsptest.ScriptNamed("metadata-and-back-channel").Camera, func(c *Config) {
				c.Transport = transport
				c.Dial = func(ctx context.Context, network, address string) (net.Conn, error) {
					conn, err := (&net.Dialer{}).DialContext(ctx, network, address)
					return &tap{conn, said}, err
				}
			})
			r.checkWithin(r.items(10*time.Second, videoUnits(5)), 2*time.Second)
			var lines []string
			for _, request := range strings.SplitAfter(said.String(), "\r\n\r\n") {
				line, rest, _ := strings.Cut(request, " RTSP/1.0\r\n")
				if line == "" {
					continue
				}
				lines = append(lines, strings.Replace(line, r.server.URL(r.name), "URL", 1))
				if !strings.Contains(rest, "User-Agent: "+UserAgent+"\r\n") || strings.Contains(rest, "Require:") {
					t.Errorf("request %s", request)
				}
			}
			want := []string{"OPTIONS URL", "DESCRIBE URL", "SETUP URL/trackID=0", "SETUP URL/trackID=1", "PLAY URL/"}
			if diff := cmp.Diff(want, lines); diff != "" {
				t.Errorf("requests (-want +got):\n%s", diff)
			}
		})
	}
}

// TestEncoderRestartIsShort: pictures go on within two seconds of an SSRC
// change, without a reconnect if the encoder brings its parameter sets.
func TestEncoderRestartIsShort(t *testing.T) {
	t.Parallel()
	cam := rtsptest.ScriptNamed("new-ssrc").Camera
	cam.Faults = []rtsptest.Fault{{Kind: rtsptest.NewSSRC, After: 31}} // as far from the next key frame as can be
	r := newRig(t, cam, nil)
	items := r.items(10*time.Second, videoUnits(60))
	var before, after *Unit
	broken := false
	for _, it := range items {
		broken = broken || it.Break != nil
		switch {
		case it.Unit == nil || it.Unit.Format.Track != 0:
		case !broken:
			before = it.Unit
		case after == nil:
			after = it.Unit
		}
	}
	if before == nil || after == nil {
		t.Fatal(describe(items))
	}
	gap := after.Arrived.Sub(before.Arrived)
	if n := r.server.Stats(r.name).Connections; gap > 2*time.Second || n != 1 {
		t.Errorf("%v between pictures, %d connections", gap, n)
	}
	t.Logf("%v between pictures", gap)
}

// TestWatchdogCountsPictures: a camera that sends packets all the time but no
// whole picture is stalled.
func TestWatchdogCountsPictures(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		const stall = 10 * time.Second
		ours, theirs := net.Pipe()
		start := time.Now()
		var wg sync.WaitGroup
		wg.Go(func() {
			part := byte(0x85) // a fragment that begins an IDR slice; none ends it
			for i := 0; ; i++ {
				p := rtpPacket(uint16(i), 1, false, append([]byte{0x7c, part}, make([]byte, 100)...))
				if _, err := theirs.Write(interleave(0, p)); err != nil {
					return
				}
				part = 0x05
				time.Sleep(40 * time.Millisecond)
			}
		})
		st := newStream(newFeed().Source, stall, time.Now())
		tr := newVideo(H264)
		tr.pt = 96
		tr.clock.rate = 90000
		st.addTrack(tr)
		st.ready.Store(true)
		_, err := newDemux(ours, st).Read(make([]byte, 1))
		if took := time.Since(start); err != errStall || took > stall*3/2+2*lateGrace {
			t.Errorf("%v after %v", err, took)
		}
		ours.Close()
		wg.Wait()
	})
}

// answers is a camera whose every answer the test writes.
type answers struct {
	t    *testing.T
	l    net.Listener
	mu   sync.Mutex
	seen []string // method and address of each request
	full []textproto.MIMEHeader
}

// serveAnswers serves until the test ends. reply returns status and headers, ""
// for no answer.
func serveAnswers(t *testing.T, reply func(a *answers, method, url string, h textproto.MIMEHeader) string) *answers {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	a := &answers{t: t, l: l}
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			wg.Go(func() { a.talk(c, reply) })
		}
	})
	t.Cleanup(func() { l.Close(); wg.Wait() })
	return a
}

func (a *answers) talk(c net.Conn, reply func(*answers, string, string, textproto.MIMEHeader) string) {
	defer c.Close()
	r := textproto.NewReader(bufio.NewReader(c))
	for {
		line, err := r.ReadLine()
		if err != nil {
			return
		}
		h, err := r.ReadMIMEHeader()
		if err != nil {
			return
		}
		f := strings.Fields(line)
		a.mu.Lock()
		a.seen, a.full = append(a.seen, f[0]+" "+f[1]), append(a.full, h)
		a.mu.Unlock()
		if text := reply(a, f[0], f[1], h); text != "" {
			status, rest, _ := strings.Cut(text, "\r\n")
			fmt.Fprintf(c, "RTSP/1.0 %s\r\nCSeq: %s\r\n%s", status, h.Get("CSeq"), rest)
		}
	}
}

// requests are those that came so far of one method.
func (a *answers) requests(method string) (urls []string, headers []textproto.MIMEHeader) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for i, s := range a.seen {
		if m, u, _ := strings.Cut(s, " "); m == method {
			urls, headers = append(urls, u), append(headers, a.full[i])
		}
	}
	return urls, headers
}

// read starts a Source on the camera for the length of the test.
func (a *answers) read(path string) (*Source, *Reader) {
	s := NewSource(Config{
		Camera: "c", URL: "rtsp://admin:secret@" + a.l.Addr().String() + path, Log: slog.New(slog.DiscardHandler), Retry: time.Second,
	})
	r := s.Reader(1 << 20)
	background(a.t, "source", s.Run)
	return s, r
}

const (
	basicLogin = "401 Unauthorized\r\nWWW-Authenticate: Basic realm=\"c\"\r\n\r\n"
	videoSDP   = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=c\r\nt=0 0\r\nm=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\na=control:trackID=0\r\n"
)

func withBody(status, headers, body string) string {
	return fmt.Sprintf("%s\r\n%sContent-Length: %d\r\n\r\n%s", status, headers, len(body), body)
}

// TestLoginStaysOnTheHost: a redirection to another host, or another scheme, is
// not followed; nothing is sent there.
func TestLoginStaysOnTheHost(t *testing.T) {
	trap := serveAnswers(t, func(*answers, string, string, textproto.MIMEHeader) string { return "" })
	_, port, _ := net.SplitHostPort(trap.l.Addr().String())
	for _, to := range []string{
		"rtsp://localhost:" + port + "/x", "//localhost:" + port + "/x", "rtsp://127.0.0.1.nip.invalid:" + port + "/",
		"http://127.0.0.1:" + port + "/", "rtsps://127.0.0.1:" + port + "/", "", "rtsp://[::1", "x/y",
	} {
		a := serveAnswers(t, func(_ *answers, method, _ string, h textproto.MIMEHeader) string {
			switch {
			case method == "OPTIONS":
				return "200 OK\r\n\r\n"
			case h.Get("Authorization") == "":
				return basicLogin
			}
			return "302 Found\r\nLocation: " + to + "\r\n\r\n"
		})
		_, r := a.read("/here")
		it, err := r.Next(t.Context())
		if err != nil || it.Break == nil || it.Break.Reason != ReasonRefused || strings.Contains(it.Break.Detail, "x") && strings.Contains(it.Break.Detail, port) {
			t.Errorf("to %q: %+v %v", to, it.Break, err)
		}
	}
	if len(trap.seen) > 0 {
		t.Errorf("followed: %v", trap.seen)
	}
}

// A redirection on the same host is followed, with the login, and not for ever.
func TestRedirectOnTheHost(t *testing.T) {
	there := serveAnswers(t, func(_ *answers, method, _ string, h textproto.MIMEHeader) string {
		if method == "OPTIONS" {
			return "200 OK\r\n\r\n"
		}
		if h.Get("Authorization") == "" {
			return basicLogin
		}
		return "404 Not Found\r\n\r\n"
	})
	here := serveAnswers(t, func(_ *answers, method, url string, _ textproto.MIMEHeader) string {
		switch {
		case method == "OPTIONS":
			return "200 OK\r\n\r\n"
		case strings.HasSuffix(url, "/loop"):
			return "301 Moved Permanently\r\nLocation: /loop\r\n\r\n"
		}
		return "302 Found\r\nLocation: rtsp://" + there.l.Addr().String() + "/there?a=b\r\n\r\n"
	})
	_, r := here.read("/here")
	it, err := r.Next(t.Context())
	if err != nil || it.Break == nil || it.Break.Detail != "The camera answered with error 404." {
		t.Errorf("%+v %v", it.Break, err)
	}
	if urls, _ := there.requests("DESCRIBE"); len(urls) != 2 || !strings.HasSuffix(urls[1], "/there?a=b") {
		t.Errorf("asked for %v", urls)
	}
	_, r = here.read("/loop")
	it, err = r.Next(t.Context())
	if err != nil || it.Break == nil || !strings.Contains(it.Break.Detail, "without end") {
		t.Errorf("%+v %v", it.Break, err)
	}
	if urls, _ := here.requests("DESCRIBE"); len(urls) != 1+maxMoves+1 {
		t.Errorf("%d times", len(urls)-1)
	}
}

// TestOddTimeouts: a session's timeout that no clock can count with neither
// ends the session nor makes keep-alives a flood.
func TestOddTimeouts(t *testing.T) {
	for _, session := range []string{"abc;timeout=4294967295", "abc;timeout=18446744073709551616", "abc;timeout=0", "abc;timeout=-1", "abc; timeout = 60;x", "abc;timeout=1"} {
		t.Run(session, func(t *testing.T) {
			t.Parallel()
			a := serveAnswers(t, func(_ *answers, method, url string, h textproto.MIMEHeader) string {
				switch method {
				case "DESCRIBE":
					return withBody("200 OK", "Content-Base: rtsp://0.0.0.0:9/cam\r\n", videoSDP)
				case "SETUP":
					return "200 OK\r\nTransport: " + h.Get("Transport") + ";mode=\"live\";source=no.such.host.invalid\r\nSession: " + session + "\r\n\r\n"
				}
				return "200 OK\r\nPublic: GET_PARAMETER\r\n\r\n"
			})
			a.read("/x")
			time.Sleep(2500 * time.Millisecond)
			urls, headers := a.requests("PLAY")
			if len(urls) != 1 || headers[0].Get("Session") != "abc" {
				t.Fatalf("PLAY %v %v", urls, headers)
			}
			if urls, _ := a.requests("SETUP"); urls[0] != "rtsp://"+a.l.Addr().String()+"/cam/trackID=0" {
				t.Errorf("SETUP %v", urls)
			}
			if alive, _ := a.requests("GET_PARAMETER"); len(alive) > 1 {
				t.Errorf("%d keep-alives in 2.5 s", len(alive))
			}
		})
	}
}

// TestKeepAlive: what a camera thinks of keep-alives does not end its session;
// a new nonce, a new session id and another method are found at once.
func TestKeepAlive(t *testing.T) {
	t.Parallel()
	var n, nonce int
	a := serveAnswers(t, func(a *answers, method, url string, h textproto.MIMEHeader) string {
		a.mu.Lock()
		defer a.mu.Unlock()
		if method == "OPTIONS" && n == 0 {
			return "400 Bad Request\r\nPublic: GET_PARAMETER\r\n\r\n" // before the session
		}
		if !strings.Contains(h.Get("Authorization"), fmt.Sprintf(`nonce="n%d"`, nonce)) {
			return fmt.Sprintf("401 Unauthorized\r\nWWW-Authenticate: Digest realm=\"c\", nonce=\"n%d\", stale=TRUE\r\n\r\n", nonce)
		}
		nonce++ // each is good once
		n++
		session := fmt.Sprintf("Session: s%d;timeout=2\r\n", n)
		switch method {
		case "DESCRIBE":
			return withBody("200 OK", "", videoSDP)
		case "SETUP":
			return "200 OK\r\nTransport: " + h.Get("Transport") + "\r\n" + session + "\r\n"
		case "GET_PARAMETER":
			return "451 Parameter Not Understood\r\n" + session + "\r\n"
		case "OPTIONS":
			return "400 Bad Request\r\n" + session + "\r\n"
		}
		return "200 OK\r\n" + session + "\r\n"
	})
	_, r := a.read("/x")
	ctx, cancel := context.WithTimeout(t.Context(), 7*time.Second)
	defer cancel()
	if it, err := r.Next(ctx); err == nil {
		t.Fatalf("%+v: %v", it.Break, a.seen)
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	var got []string
	for i, s := range a.seen {
		method, _, _ := strings.Cut(s, " ")
		got = append(got, method+" "+a.full[i].Get("Session"))
	}
	// A request with a nonce that is used up is made again with the next.
	want := []string{
		"OPTIONS ", "DESCRIBE ", "DESCRIBE ", "SETUP ", "SETUP ", "PLAY s2", "PLAY s2",
		"GET_PARAMETER s3", "GET_PARAMETER s3", "OPTIONS s4", "OPTIONS s4",
	}
	if diff := cmp.Diff(want, got[:min(len(got), len(want))]); diff != "" {
		t.Errorf("requests (-want +got):\n%s", diff)
	}
}

func TestParseSetupAnswer(t *testing.T) {
	for header, want := range map[string]setupAnswer{
		"RTP/AVP/TCP;unicast;interleaved=0-1":                 {channels: [2]byte{0, 1}, has: true},
		"rtp/avp/tcp; Interleaved = \"4\" ;mode=play;ssrc=no": {channels: [2]byte{4, 5}, has: true},
		"RTP/AVP/TCP": {},
		"RTP/AVP;unicast;client_port=5000-5001;server_port=6000-6001":    {udp: true, ports: [2]int{6000, 6001}},
		"RTP/AVP/UDP;source=cam.lan;server_port=6000,RTP/AVP/TCP":        {udp: true, ports: [2]int{6000, 6001}},
		"RTP/AVP;server_port=0-0":                                        {udp: true},
		"RTP/AVP;server_port=65535":                                      {udp: true},
		"RTP/SAVP/TCP;interleaved=2-3":                                   {secure: true, channels: [2]byte{2, 3}, has: true},
		"RTP/AVP;multicast;destination=224.0.0.1;port=5000-5001;ttl=255": {udp: true, many: true},
		"RTP/AVP/TCP;unicast;interleaved=254-255;interleaved_x=999999-1": {channels: [2]byte{254, 255}, has: true},
	} {
		if got, err := parseSetupAnswer(header); err != nil || got != want {
			t.Errorf("%s: %+v, %v", header, got, err)
		}
	}
	for _, header := range []string{"", "RAW/RAW/UDP;unicast", "RTP/AVP/TCP;interleaved=255", "RTP/AVP/TCP;interleaved=256-257", "RTP/AVP/TCP;interleaved=3-3", "RTP/AVP/TCP;interleaved=-1"} {
		if got, err := parseSetupAnswer(header); err == nil {
			t.Errorf("%q: %+v", header, got)
		}
	}
}

func FuzzSetupAnswer(f *testing.F) {
	f.Add("RTP/AVP/TCP;unicast;interleaved=0-1", "abc;timeout=60")
	f.Add("RTP/AVP;unicast;client_port=5000-5001;server_port=6000-6001", ";timeout=99999999999")
	f.Fuzz(func(t *testing.T, header, session string) {
		a, err := parseSetupAnswer(header)
		if err == nil && (a.has && a.channels[0] == a.channels[1] || a.ports != [2]int{} && (a.ports[0] < 1 || a.ports[1] > 65535)) {
			t.Errorf("%q: %+v", header, a)
		}
		if id, seconds := parseSession(session); seconds < 0 || len(id) > len(session) {
			t.Errorf("%q: %q %d", session, id, seconds)
		}
	})
}

// FuzzAnswers gives the hooks a whole conversation of a camera's answers.
func FuzzAnswers(f *testing.F) {
	f.Add("RTSP/1.0 200 OK\r\nCSeq: 1\r\nSession: a;timeout=5\r\nContent-Base: rtsp://[::1]:9/x\r\n\r\n", "rtsp://10.0.0.9:554/y")
	f.Add("RTSP/1.0 302 Found\r\nCSeq: 1\r\nLocation: rtsp://evil/x\r\n\r\n", "rtsp://CAM/z")
	f.Add("RTSP/1.0 200 OK\r\nCSeq: 1\r\n\r\n", "rtsps://cam/x")
	f.Add("RTSP/1.0 401 Unauthorized\r\nWWW-Authenticate: Digest realm=\"a\", nonce=\"b\", stale=true\r\n\r\n", "/a b")
	u, err := parseAddress("rtsp://admin:secret@cam:8554/x?y=z")
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, answer, location string) {
		if to := follow(u, location); to != nil && (!strings.EqualFold(to.Hostname(), "cam") || to.Scheme != "rtsp") {
			t.Errorf("%q is followed to %s", location, to)
		}
		ours, theirs := net.Pipe()
		defer ours.Close()
		theirs.Close()
		for _, method := range []base.Method{base.Options, base.Describe, base.Setup, base.Play, base.GetParameter} {
			d := &dialog{target: &target{u: u}, at: u, u: u, conn: ours}
			for i := range 2 {
				d.onRequest(&base.Request{Method: method, URL: u, Header: base.Header{
					"CSeq": base.HeaderValue{"7"}, "Transport": base.HeaderValue{"RTP/AVP/TCP;unicast;interleaved=0-1"},
				}})
				d.playing = i == 1
				var res base.Response
				if res.Unmarshal(bufio.NewReader(bytes.NewReader([]byte(answer)))) != nil {
					return
				}
				d.onResponse(&res)
				if len(res.Header["Location"]) > 0 && method == base.Describe && string(res.Header["CSeq"][0]) == "7" && res.StatusCode != base.StatusUnauthorized {
					t.Error("the library would follow")
				}
				if d.base != nil && (d.base.Host != u.Host || d.base.User != nil) {
					t.Errorf("base %s", d.base)
				}
			}
		}
	})
}
