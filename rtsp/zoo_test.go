package rtsp

import (
	"context"
	"log/slog"
	"net/url"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"gatehouse/rtsp/rtsptest"
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
			synctest.Test(t, func(t *testing.T) {
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

// newVisit reads a camera for as long as its Must says. It is for a bubble of
// synctest.
func newVisit(t *testing.T, cam rtsptest.Camera, must rtsptest.Must) *visit {
	t.Helper()
	time.Sleep(time.Until(time.Date(2026, 11, 21, 21, 0, 0, 0, time.UTC))) // the bubble's clock begins in 2000
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
