package rtsp

import (
	"context"
	"log/slog"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"gatehouse/rtsp/rtsptest"
	"gatehouse/rtsp/rtsptest/bubble"
)

// qualities are what Must.Clock may say.
var qualities = map[string]ClockQuality{
	"": ClockReport, "report": ClockReport, "suspect": ClockSuspect, "arrival": ClockArrival,
}

// TestZoo reads every camera of the zoo in virtual time, with the patience that
// the hub has, and holds what comes to the script's Must.
func TestZoo(t *testing.T) {
	for _, script := range rtsptest.Scripts() {
		must, ok := rtsptest.MustOf(script.Name)
		if !ok {
			t.Errorf("script %s has no row in the table of what must come of it", script.Name)
			continue
		}
		t.Run(script.Name, func(t *testing.T) {
			t.Parallel()
			bubble.Test(t, func(t *testing.T) {
				v := newVisit(t, script.Camera, must)
				v.checkWithin(v.items, must.Off)
				v.holds(must)
			})
		})
	}
}

// visit is what came of a camera of the zoo until end.
type visit struct {
	*rig
	items []Item
	end   time.Time
}

// sleepTo2026 sets the clock of a bubble of synctest, which begins in 2000.
func sleepTo2026() { time.Sleep(time.Until(time.Date(2026, 11, 21, 21, 0, 0, 0, time.UTC))) }

// newVisit reads a camera for as long as its Must says. It is for a bubble of
// synctest.
func newVisit(t *testing.T, cam rtsptest.Camera, must rtsptest.Must) *visit {
	t.Helper()
	sleepTo2026()
	name := t.Name()[strings.LastIndex(t.Name(), "/")+1:]
	net := rtsptest.ListenMemory("192.0.2.7:554")
	server, err := rtsptest.NewServer(rtsptest.Config{
		Listener: net, Log: slog.New(slog.DiscardHandler), Cameras: map[string]rtsptest.Camera{name: cam},
	})
	if err != nil {
		t.Fatal(err)
	}
	background(t, "server", server.Run)
	r := &rig{t: t, name: name, server: server, logs: &logs{}}
	r.source = NewSource(Config{
		Camera: name, URL: server.LoginURL(name), Log: slog.New(slog.NewTextHandler(r.logs, nil)), Dial: net.Dial,
	})
	r.reader = r.source.Reader(64 << 20)
	background(t, "source", r.source.Run)
	v := &visit{rig: r, end: time.Now().Add(must.For)}
	ctx, cancel := context.WithDeadline(t.Context(), v.end)
	defer cancel()
	for {
		item, err := r.reader.Next(ctx)
		if ctx.Err() != nil {
			return v
		}
		if err != nil {
			t.Fatal(err)
		}
		v.items = append(v.items, item)
	}
}

// holds holds the visit to the script's Must.
func (v *visit) holds(must rtsptest.Must) {
	v.t.Helper()
	var breaks []string
	for _, r := range reasons(v.items) {
		breaks = append(breaks, string(r))
	}
	if !slices.Equal(breaks, must.Breaks) {
		v.t.Errorf("breaks %v, want %v: %s", breaks, must.Breaks, describe(v.items))
	}
	silence, units := v.silence()
	if must.Nothing != (units == 0) {
		v.t.Errorf("%d units", units)
	}
	if units > 0 && silence > must.Silence {
		v.t.Errorf("no picture for %v, want %v at most", silence, must.Silence)
	}
	// The newest picture is known to be whole when the next one begins.
	if missing := v.whole() - units - 1; missing > must.Missing {
		v.t.Errorf("%d whole pictures are missing, want %d at most", missing, must.Missing)
	}
	if n := v.server.Accepted(); n > must.Tries {
		v.t.Errorf("%d connections, want %d at most", n, must.Tries)
	}
	if st := v.source.State(); units > 0 && st.Clock != qualities[must.Clock] {
		v.t.Errorf("clock quality %d, want %q (offset %v)", st.Clock, must.Clock, st.Offset)
	}
	v.logged(must.Log)
	u, err := url.Parse(v.source.cfg.URL)
	if err != nil {
		v.t.Fatal(err)
	}
	if pass, ok := u.User.Password(); ok {
		for _, secret := range []string{pass, url.QueryEscape(pass), url.PathEscape(pass)} {
			if strings.Contains(v.logs.String(), secret) {
				v.t.Errorf("password in log: %s", v.logs)
			}
		}
	}
}

// silence is the longest time without a unit of the leading track, after the
// first, and how many there were.
func (v *visit) silence() (longest time.Duration, units int) {
	var last time.Time
	for _, it := range v.items {
		if it.Unit == nil || it.Unit.Format.Track != 0 {
			continue
		}
		if units++; units > 1 {
			longest = max(longest, it.Unit.Arrived.Sub(last))
		}
		last = it.Unit.Arrived
	}
	return max(longest, v.end.Sub(last)), units
}

// whole is how many units of the leading track were sent whole.
func (v *visit) whole() int {
	n := 0
	lead := -1
	for _, s := range v.server.Sent(v.name) {
		if lead < 0 || s.Track < lead {
			lead = s.Track
			n = 0
		}
		if s.Track == lead && s.Whole {
			n++
		}
	}
	return n
}

// TestCamerasBehindOneHost reads eight streams of one host, as a network video
// recorder serves them. Each is read by itself: what befalls two of them is not
// noticed by the others.
func TestCamerasBehindOneHost(t *testing.T) {
	scripts := []string{"plain", "g711", "h265", "b-frames", "digest", "slices", "close", "loss"}
	bubble.Test(t, func(t *testing.T) {
		sleepTo2026()
		cameras := map[string]rtsptest.Camera{}
		for _, name := range scripts {
			cameras[name] = rtsptest.ScriptNamed(name).Camera
		}
		network := rtsptest.ListenMemory("192.0.2.7:554")
		server, err := rtsptest.NewServer(rtsptest.Config{Listener: network, Log: slog.New(slog.DiscardHandler), Cameras: cameras})
		if err != nil {
			t.Fatal(err)
		}
		background(t, "server", server.Run)
		var visits []*rig
		for _, name := range scripts {
			r := &rig{t: t, name: name, server: server, logs: &logs{}, ctx: t.Context()}
			r.source = NewSource(Config{Camera: name, URL: server.LoginURL(name), Log: slog.New(slog.NewTextHandler(r.logs, nil)), Dial: network.Dial})
			r.reader = r.source.Reader(64 << 20)
			background(t, "source", r.source.Run)
			visits = append(visits, r)
		}
		time.Sleep(10 * time.Second)
		for _, r := range visits {
			items := drain(t, r.reader)
			r.check(items)
			must, _ := rtsptest.MustOf(r.name)
			if got := reasons(items); len(got) != len(must.Breaks) || video(items) < 110 {
				t.Errorf("%s: %d units, breaks %v, want %v", r.name, video(items), got, must.Breaks)
			}
		}
	})
}

// TestZooOverTCP reads the cameras whose fault is one of the connection through
// the kernel too.
func TestZooOverTCP(t *testing.T) {
	for _, name := range []string{"plain", "close", "half-close", "reset", "garbage", "endless-garbage", "rtp-before-play", "bare-line-feeds"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			must, _ := rtsptest.MustOf(name)
			r := newRig(t, rtsptest.ScriptNamed(name).Camera, nil)
			items := r.items(20*time.Second, func(items []Item) bool {
				return video(items) >= 40 && len(reasons(items)) >= len(must.Breaks)
			})
			r.check(items)
			if got := reasons(items); len(got) != len(must.Breaks) || len(got) > 0 && string(got[0]) != must.Breaks[0] {
				t.Errorf("breaks %v, want %v: %s", got, must.Breaks, describe(items))
			}
			r.logged(must.Log)
		})
	}
}
