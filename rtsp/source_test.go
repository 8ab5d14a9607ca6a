package rtsp

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"gatehouse/rtsp/rtsptest"
)

// TestNoCredentialsAnywhere makes a camera fail in every way that has a
// message, with an address full of secrets.
func TestNoCredentialsAnywhere(t *testing.T) {
	const user, pass = "us@er:/x", "p@ss:w/rd?#%"
	login := url.QueryEscape(user) + ":" + url.QueryEscape(pass)
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	closed.Close()
	for name, address := range map[string]string{
		"closed port":    "rtsp://" + login + "@" + closed.Addr().String() + "/secretpath?secretkey=1",
		"no such host":   "rtsp://" + login + "@no-such-host.invalid/secretpath?secretkey=1",
		"wrong scheme":   "http://" + login + "@127.0.0.1/secretpath",
		"not an address": "rtsp://" + user + ":" + pass + "@127.0.0.1:port/secretpath",
		"control bytes":  "rtsp://" + login + "@127.0.0.1/secretpath\x7f",
		"empty":          "",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			log := &logs{}
			s := NewSource(Config{Camera: "c", URL: address, Log: slog.New(slog.NewTextHandler(log, nil)), Retry: time.Millisecond})
			r := s.Reader(1 << 20)
			background(t, "source", s.Run)
			it, err := r.Next(t.Context())
			if err != nil || it.Break == nil || it.Break.Reason != ReasonRefused {
				t.Fatalf("%+v %v", it, err)
			}
			all := log.String() + it.Break.Detail + s.State().Detail
			for _, secret := range []string{user, pass, login, url.QueryEscape(pass), url.PathEscape(pass), "secretpath", "secretkey"} {
				if strings.Contains(all, secret) {
					t.Errorf("%q in %s", secret, all)
				}
			}
		})
	}
}

func TestScrub(t *testing.T) {
	u, err := parseAddress("rtsp://root:h%40rd@10.0.0.9/cam/realmonitor?channel=1&pw=abc")
	if err != nil {
		t.Fatal(err)
	}
	got := scrub(errors.New(`parse "rtsp://root:h%40rd@10.0.0.9/cam/realmonitor?channel=1&pw=abc": h@rd root bad`), u)
	for _, secret := range []string{"root", "h%40rd", "h@rd", "realmonitor", "pw=abc"} {
		if strings.Contains(got, secret) {
			t.Errorf("%q in %s", secret, got)
		}
	}
	if !strings.Contains(got, "10.0.0.9") || !strings.Contains(got, "bad") {
		t.Errorf("too much is gone: %s", got)
	}
}

// A camera that takes connections and never answers must not hold Run.
func TestMuteServer(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	s := NewSource(Config{Camera: "c", URL: "rtsp://" + l.Addr().String() + "/x", Log: slog.New(slog.DiscardHandler), Stall: 300 * time.Millisecond})
	r := s.Reader(1 << 20)
	background(t, "source", s.Run)
	start := time.Now()
	it, err := r.Next(t.Context())
	if err != nil || it.Break == nil || it.Break.Reason != ReasonRefused {
		t.Fatalf("%+v %v", it, err)
	}
	if d := time.Since(start); d > 2*time.Second {
		t.Errorf("noticed after %v", d)
	}
}

func TestRunEndsDuringHandshake(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	s := NewSource(Config{URL: "rtsp://" + l.Addr().String() + "/x", Log: slog.New(slog.DiscardHandler)})
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	start := time.Now()
	if err := s.Run(ctx); err != nil {
		t.Error(err)
	}
	if d := time.Since(start); d > 2*time.Second {
		t.Errorf("Run ended after %v", d)
	}
	if st := s.State(); st.Phase != PhaseOffline || st.Reason != ReasonShutdown {
		t.Errorf("state %+v", st)
	}
}

// A wrong password is not tried again and again: cameras lock the account.
func TestWrongPasswordIsNotHammered(t *testing.T) {
	t.Parallel()
	cam := rtsptest.ScriptNamed("digest").Camera
	r := newRig(t, cam, func(c *Config) { c.URL = strings.Replace(c.URL, "rtsp://", "rtsp://admin:wrong@", 1) })
	it, err := r.reader.Next(t.Context())
	if err != nil || it.Break == nil || it.Break.Reason != ReasonAuth {
		t.Fatalf("%+v %v", it, err)
	}
	time.Sleep(time.Second) // 20 first delays
	if n := strings.Count(r.logs.String(), "\n"); n != 1 {
		t.Errorf("log:\n%s", r.logs)
	}
	if got := r.source.State(); got.Phase != PhaseOffline || got.Reason != ReasonAuth {
		t.Errorf("state %+v", got)
	}
}

func TestStateOfLiveCamera(t *testing.T) {
	t.Parallel()
	cam := rtsptest.ScriptNamed("plain").Camera
	cam.Clock.Offset = 700 * time.Millisecond
	cam.Clock.Every = 200 * time.Millisecond
	r := newRig(t, cam, nil)
	r.items(10*time.Second, videoUnits(20))
	st := r.source.State()
	if st.Phase != PhaseLive || st.Reason != "" || len(st.Formats) != 2 || time.Since(st.LastUnit) > time.Second {
		t.Errorf("state %+v", st)
	}
	if f := st.Formats[0]; f.Width != 320 || f.Height != 180 || f.Codec != H264 {
		t.Errorf("format %+v", f)
	}
	if f := st.Formats[1]; f.Codec != AAC || f.SampleRate != 16000 || f.Channels != 1 || len(f.Config) == 0 {
		t.Errorf("format %+v", f)
	}
	if d := (st.Offset - 700*time.Millisecond).Abs(); d > 100*time.Millisecond {
		t.Errorf("offset %v", st.Offset)
	}
}

// A camera whose sound is not wanted is not asked for it: none of it is sent.
func TestSilentCamera(t *testing.T) {
	t.Parallel()
	r := newRig(t, rtsptest.ScriptNamed("plain").Camera, func(c *Config) { c.Silent = true })
	for _, it := range r.items(10*time.Second, videoUnits(20)) {
		if it.Unit != nil && !it.Unit.Format.Video() {
			t.Fatal("sound came")
		}
	}
	if st := r.source.State(); len(st.Formats) != 1 {
		t.Errorf("%d tracks", len(st.Formats))
	}
	for _, s := range r.server.Sent(r.name) {
		if s.Track != 0 {
			t.Fatal("the camera sent sound")
		}
	}
}

// Audio and video of a session share one zero: what was captured together has
// the same time.
func TestTracksShareZero(t *testing.T) {
	t.Parallel()
	r := newRig(t, rtsptest.ScriptNamed("g711").Camera, nil)
	items := r.items(10*time.Second, videoUnits(30))
	captured := map[string]time.Time{}
	for _, s := range r.server.Sent(r.name) {
		if _, ok := captured[string(s.Data[len(s.Data)-1])]; !ok {
			captured[string(s.Data[len(s.Data)-1])] = s.Captured
		}
	}
	var zero *time.Time
	for _, it := range items {
		if it.Unit == nil {
			continue
		}
		u := it.Unit
		at := captured[string(u.Data[len(u.Data)-1])]
		z := at.Add(-time.Duration(u.PTS) * time.Second / time.Duration(u.Format.ClockRate))
		if u.PTS > int64(u.Format.ClockRate)*9/10 {
			break // the tone repeats after a second
		}
		if zero == nil {
			zero = &z
		}
		if d := z.Sub(*zero).Abs(); d > 5*time.Millisecond {
			t.Fatalf("track %d, PTS %d: zero is off by %v", u.Format.Track, u.PTS, d)
		}
	}
}

func TestReconnectsByItself(t *testing.T) {
	t.Parallel()
	r := newRig(t, rtsptest.ScriptNamed("plain").Camera, nil)
	r.items(10*time.Second, videoUnits(5))
	r.server.Disconnect()
	items := r.items(10*time.Second, func(items []Item) bool {
		return len(reasons(items)) > 0 && items[len(items)-1].Unit != nil
	})
	if got := reasons(items); len(got) != 1 || got[0] != ReasonClosed {
		t.Errorf("breaks %v", got)
	}
	if n := r.server.Stats(r.name).Connections; n != 2 {
		t.Errorf("%d connections", n)
	}
}

// A camera that loses packets again and again is told of to Readers each time,
// and to the log once a minute.
func TestLossDoesNotFloodTheLog(t *testing.T) {
	cam := rtsptest.ScriptNamed("plain").Camera
	for _, after := range []int{20, 35, 50} {
		cam.Faults = append(cam.Faults, rtsptest.Fault{Kind: rtsptest.Drop, After: after, For: 2})
	}
	r := newRig(t, cam, nil)
	items := r.items(20*time.Second, func(items []Item) bool { return len(reasons(items)) >= 3 })
	r.check(items)
	r.logged([]string{"camera live", "camera packets lost"})

	log := &logs{}
	s := NewSource(Config{Camera: "porch", Log: slog.New(slog.NewTextHandler(log, nil))})
	start := time.Now()
	for _, at := range []time.Duration{0, time.Second, 59 * time.Second, 60 * time.Second, 61 * time.Second} {
		s.note(ReasonLost, start.Add(at))
	}
	s.note(ReasonSSRC, start)
	if diff := cmp.Diff([]string{"camera packets lost", "camera packets lost", "camera encoder restarted"}, log.messages()); diff != "" {
		t.Errorf("log (-want +got):\n%s", diff)
	}
}
