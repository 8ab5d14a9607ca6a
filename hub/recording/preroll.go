package recording

import (
	"context"
	"log/slog"
	"sync/atomic"
	"time"

	"gatehouse/rtsp"
)

// Motion tells when something moves in view of a camera.
type Motion interface {
	// Moved is the newest span of motion at a camera, by this machine's clock.
	// from is zero if nothing has moved since the start of the program, to while
	// the motion lasts.
	Moved(camera string) (from, to time.Time)
}

// OnMotion has a stream recorded only around motion: from the last key frame
// that came Pre or more before it, up to the first key frame that comes Post
// or more after it. What is under a hold is recorded whether anything moves or
// not, and so are the last seconds before a camera goes away.
type OnMotion struct {
	Motion    Motion
	Pre, Post time.Duration
}

// maxPreroll bounds what waits in memory for motion, bytes a stream: 20 s of a
// generous camera. With more the pre-roll is shorter.
const maxPreroll = 32 << 20

const (
	// lateMotion is how long after its start motion may be told of: what the
	// pre-roll needs is kept that much longer.
	lateMotion = 5 * time.Second
	// minGroup keeps streams without groups of pictures (sound, all key frames)
	// from making one of each unit.
	minGroup = 500 * time.Millisecond
	// sayEvery is how often the index hears how far nothing moved. A crash makes
	// the time since then look like time in which the hub did not run.
	sayEvery = time.Minute
)

// gate is Units that stop where nothing moves. What it lets go is told by
// Breaks with reason no-motion: the first, right behind the Units, closes the
// segment; those that follow without a Session between tell in From up to where
// Units are gone for good. If motion comes before a first Unit is gone, nothing
// is missing.
type gate struct {
	Units
	when    OnMotion
	camera  string
	held    func(camera string) bool
	log     *slog.Logger
	waiting atomic.Bool  // the camera sends, and nothing moves
	opened  atomic.Int64 // when it went from waiting to open, Unix microseconds; 0 while not open

	out     []rtsp.Item // out[given:] is to be given out before anything else is read
	given   int
	open    bool
	session *rtsp.Session // newest read
	head    *rtsp.Session // of the first group
	groups  []group
	bytes   int
	short   bool      // the bound on bytes was reached before
	told    time.Time // arrival of the Unit at which no-motion was told last; zero if it is not told yet
}

// group is Units from a Random one on, with what came between it and the next.
type group struct {
	items   []rtsp.Item
	arrived time.Time // of the first Unit
	utc     time.Time
	bytes   int
}

// Next implements Units.
func (g *gate) Next(ctx context.Context) (rtsp.Item, error) {
	for g.given == len(g.out) {
		g.out, g.given = g.out[:0], 0
		item, err := g.Units.Next(ctx)
		if err != nil {
			g.waiting.Store(false)
			return item, err
		}
		switch {
		case item.Session != nil:
			g.begin(item)
		case item.Break != nil:
			g.interrupt(item)
		case item.Unit != nil:
			g.unit(item)
		}
		g.waiting.Store(!g.open && g.session != nil)
	}
	item := g.out[g.given]
	g.out[g.given] = rtsp.Item{}
	g.given++
	return item, nil
}

func (g *gate) begin(item rtsp.Item) {
	g.session = item.Session
	switch {
	case g.open:
		g.give(item)
	case len(g.groups) == 0:
		g.head = item.Session
	default:
		g.add(item)
	}
}

func (g *gate) interrupt(item rtsp.Item) {
	switch {
	case brief(item.Break.Reason):
		if g.open {
			g.give(item)
		} else if len(g.groups) > 0 {
			g.add(item)
		}
		return
	case g.open, item.Break.Reason == rtsp.ReasonShutdown:
	default: // the camera is gone: its last seconds may show why
		g.release()
	}
	g.give(item)
	g.open, g.session, g.told = false, nil, time.Time{}
	g.opened.Store(0)
	g.clear()
}

func (g *gate) unit(item rtsp.Item) {
	u := item.Unit
	starts := u.Format.Track == 0 && u.Random
	since, wanted := g.wanted(u.Arrived)
	if g.open && (wanted || !starts) {
		g.give(item)
		return
	}
	if g.open { // no group of pictures is torn apart
		g.open, g.head, g.told = false, g.session, time.Time{}
		g.opened.Store(0)
		g.give(still(u.UTC))
	}
	if n := len(g.groups); starts && (n == 0 || u.Arrived.Sub(g.groups[n-1].arrived) >= minGroup) {
		g.groups = append(g.groups, group{arrived: u.Arrived, utc: u.UTC})
	} else if n == 0 {
		return // of a group that was too large
	}
	g.add(item)
	if !wanted {
		g.trim(u.Arrived.Add(-lateMotion-g.when.Pre), u.Arrived)
		g.bound(u.Arrived)
		return
	}
	g.trim(since.Add(-g.when.Pre), u.Arrived)
	g.release()
	g.open = true
	g.opened.Store(u.Arrived.UnixMicro())
}

// wanted reports whether what arrives now is to be recorded, and since when.
func (g *gate) wanted(now time.Time) (since time.Time, ok bool) {
	from, to := g.when.Motion.Moved(g.camera)
	if !from.IsZero() && (to.IsZero() || now.Before(to.Add(g.when.Post))) {
		return from, true
	}
	return now, g.held(g.camera)
}

func (g *gate) give(item rtsp.Item) { g.out = append(g.out, item) }

// add puts an item into the newest group.
func (g *gate) add(item rtsp.Item) {
	last := &g.groups[len(g.groups)-1]
	last.items = append(last.items, item)
	if item.Unit != nil {
		n := item.Unit.Size() + itemBytes
		last.bytes += n
		g.bytes += n
	}
}

// itemBytes is what a Unit in memory costs beside its payload.
const itemBytes = 256

// trim lets go of groups that are not needed to begin at a time.
func (g *gate) trim(begin, now time.Time) {
	for len(g.groups) > 1 && !g.groups[1].arrived.After(begin) {
		g.drop(now)
	}
}

// bound lets go of what memory has no room for.
func (g *gate) bound(now time.Time) {
	if g.bytes > maxPreroll && !g.short {
		g.short = true
		g.log.Warn("pre-roll is shortened, the stream is too large", "bytes", g.bytes, "dur", now.Sub(g.groups[0].arrived))
	}
	for g.bytes > maxPreroll {
		g.drop(now)
	}
}

// drop lets go of the first group.
func (g *gate) drop(now time.Time) {
	first := g.groups[0]
	for _, item := range first.items {
		if item.Session != nil {
			g.head = item.Session
		}
		if item.Unit != nil {
			item.Unit.Release() // it was never given out
		}
	}
	g.bytes -= first.bytes
	g.groups[0] = group{}
	g.groups = g.groups[1:]
	switch {
	case g.told.IsZero():
		g.give(still(first.utc))
		g.told = now
	case now.Sub(g.told) >= sayEvery && len(g.groups) > 0:
		g.give(still(g.groups[0].utc))
		g.told = now
	}
}

// release gives out all that waits.
func (g *gate) release() {
	if len(g.groups) > 0 {
		g.give(rtsp.Item{Session: g.head})
	}
	for _, gr := range g.groups {
		g.out = append(g.out, gr.items...)
	}
	g.clear()
}

// well reports whether a stream of which nothing was written for a while does
// as it should: it waits, or has waited up to a moment ago.
func (g *gate) well(now time.Time, moment time.Duration) bool {
	return g.waiting.Load() || since(now, time.UnixMicro(g.opened.Load())) < moment
}

func (g *gate) clear() { g.groups, g.bytes, g.head = nil, 0, nil }

func still(at time.Time) rtsp.Item {
	return rtsp.Item{Break: &rtsp.Break{Reason: rtsp.ReasonNoMotion, From: at, Detail: "nothing moved"}}
}
