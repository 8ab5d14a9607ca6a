package onvif

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"sync/atomic"
	"time"
)

// link is what is known of a device after the first contact.
type link struct {
	offset    atomic.Int64 // the device's clock minus ours, in nanoseconds
	clockAt   atomic.Int64 // when it was asked for, Unix seconds
	login     atomic.Int32 // the way to log in that worked last
	proven    atomic.Bool  // the device accepted the login
	digest    digestState
	ownPort   string // by which the device knows its own device service; empty if it does not say
	media     *url.URL
	media2    *url.URL
	events    *url.URL
	eventsRaw string // the event service as the device calls it
}

func (l *link) clockOffset() time.Duration { return time.Duration(l.offset.Load()) }

// link returns what is known of the device, asking for its time and its
// services if that has not been done.
func (c *Camera) link(ctx context.Context) (*link, error) {
	c.mu.Lock()
	l := c.known
	c.mu.Unlock()
	if l != nil {
		return l, nil
	}
	l = &link{}
	if err := c.askClock(ctx, l); err != nil {
		return nil, fmt.Errorf("asking for the time: %w", err)
	}
	if err := c.askServices(ctx, l); err != nil {
		return nil, fmt.Errorf("asking for the services: %w", err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.known = l
	return l, nil
}

// forget makes the next call ask for everything anew, as after a reboot.
func (c *Camera) forget() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.known, c.still = nil, nil
}

// askClock asks for the device's time (GetSystemDateAndTime, Core 8.3.5), which
// needs no login, so that tokens can be dated by it. A device that wants a login
// for it, or has no time to tell, is taken to be right.
func (c *Camera) askClock(ctx context.Context, l *link) error {
	before := time.Now()
	n, err := c.exchange(ctx, request{
		to: c.base, action: nsDevice + "/GetSystemDateAndTime", body: `<GetSystemDateAndTime xmlns="` + nsDevice + `"/>`,
	}, proof{})
	var f *fault
	if isRefusal(err) || errors.As(err, &f) {
		return nil
	}
	if err != nil {
		return err
	}
	now := time.Now()
	l.clockAt.Store(now.Unix())
	t, ok := parseClock(n)
	if !ok {
		return nil
	}
	// The answer is cut to the second it was made in, which is half a second on average.
	offset := t.Add(time.Second / 2).Sub(before.Add(now.Sub(before) / 2))
	l.offset.Store(int64(offset))
	c.mu.Lock()
	defer c.mu.Unlock()
	c.state.Offset, c.state.ClockKnown = offset, true
	return nil
}

// renewClock asks for the time again, at most every ten seconds, and reports
// whether it has been set since.
func (c *Camera) renewClock(ctx context.Context, l *link) bool {
	if time.Now().Unix()-l.clockAt.Load() < 10 {
		return false
	}
	old := l.clockOffset()
	return c.askClock(ctx, l) == nil && (l.clockOffset()-old).Abs() > 2*time.Second
}

// parseClock reads the UTC of a GetSystemDateAndTimeResponse.
func parseClock(n *node) (time.Time, bool) {
	utc := n.at("SystemDateAndTime", "UTCDateTime")
	number := func(least, most int, names ...string) int {
		v, err := strconv.Atoi(utc.value(names...))
		if err != nil || v < least || v > most {
			return -1
		}
		return v
	}
	year, month, day := number(1970, 2199, "Date", "Year"), number(1, 12, "Date", "Month"), number(1, 31, "Date", "Day")
	hour, minute, second := number(0, 23, "Time", "Hour"), number(0, 59, "Time", "Minute"), number(0, 60, "Time", "Second")
	if min(year, month, day, hour, minute, second) < 0 {
		return time.Time{}, false
	}
	return time.Date(year, time.Month(month), day, hour, minute, second, 0, time.UTC), true
}

// askServices asks where the services are: with GetServices (Core 8.1.2), or
// with GetCapabilities (8.1.2.2 of versions before 2.1) where that is not known.
func (c *Camera) askServices(ctx context.Context, l *link) error {
	n, err := c.call(ctx, l, request{
		to: c.base, action: nsDevice + "/GetServices", open: true,
		body: `<GetServices xmlns="` + nsDevice + `"><IncludeCapability>false</IncludeCapability></GetServices>`,
	})
	if err == nil && c.takeServices(l, n) {
		return nil
	}
	var f *fault
	var h *httpError
	if err != nil && !errors.As(err, &f) && !errors.As(err, &h) {
		return err
	}
	n, err = c.call(ctx, l, request{
		to: c.base, action: nsDevice + "/GetCapabilities", open: true,
		body: `<GetCapabilities xmlns="` + nsDevice + `"><Category>All</Category></GetCapabilities>`,
	})
	if err != nil {
		return err
	}
	c.takeCapabilities(l, n)
	return nil
}

// takeServices reads a GetServicesResponse and reports whether it names media.
func (c *Camera) takeServices(l *link, n *node) bool {
	said := map[string]string{}
	for _, s := range n.all("Service") {
		said[s.value("Namespace")] = s.value("XAddr")
	}
	c.takeAddresses(l, said)
	return l.media != nil || l.media2 != nil
}

func (c *Camera) takeCapabilities(l *link, n *node) {
	caps := n.child("Capabilities")
	c.takeAddresses(l, map[string]string{
		nsDevice: caps.value("Device", "XAddr"), nsMedia: caps.value("Media", "XAddr"), nsEvents: caps.value("Events", "XAddr"),
	})
}

func (c *Camera) takeAddresses(l *link, said map[string]string) {
	if u, err := url.Parse(said[nsDevice]); err == nil && u.Host != "" {
		l.ownPort = portOf(u)
	}
	l.media = c.resolve(said[nsMedia], l.ownPort, "http", "https")
	l.media2 = c.resolve(said[nsMedia2], l.ownPort, "http", "https")
	l.events = c.resolve(said[nsEvents], l.ownPort, "http", "https")
	l.eventsRaw = said[nsEvents]
}
