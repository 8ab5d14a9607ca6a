package ui

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"time"

	"gatehouse/hub/keep"
	"gatehouse/hub/motion"
	"gatehouse/hub/recording"
	"gatehouse/hub/request"
)

// Bounds of what the timeline is told at once.
const (
	// maxLanes is the longest stretch: a day of 25 hours, and some more.
	maxLanes = 26 * time.Hour
	// maxSpans is how many spans a lane has at most. A day of 2,000 events is
	// told as it was; of more, those that are close to each other become one.
	maxSpans = 4000
)

// lanes are a stretch of time of a camera as the timeline draws it. Spans are
// in milliseconds from From.
type lanes struct {
	From     int64      `json:"from"` // Unix time in ms, as To and Now
	To       int64      `json:"to"`
	Now      int64      `json:"now"`
	Day      string     `json:"day"`
	Zone     [][2]int64 `json:"zone"`           // from when (Unix ms) the clock is how many minutes ahead of UTC
	Step     int64      `json:"step,omitempty"` // spans whose starts are nearer than this were joined
	Recorded [][2]int64 `json:"recorded"`
	Motion   [][3]int64 `json:"motion"` // and the largest part of the picture that moved, in per cent; 0: not known
	Gaps     []laneGap  `json:"gaps"`
	Held     []laneHold `json:"held"`
	Asked    []laneAsk  `json:"asked"`
}

type laneGap struct {
	Span [2]int64 `json:"span"`
	Why  string   `json:"why"`
	Long string   `json:"long"`
	Open bool     `json:"open,omitempty"`
}

type laneHold struct {
	Span [2]int64 `json:"span"`
	Why  string   `json:"why"`
	Own  bool     `json:"own,omitempty"` // the household keeps it, no request
}

type laneAsk struct {
	Span   [2]int64 `json:"span"`
	Agency string   `json:"agency"`
	URL    string   `json:"url"`
}

// dayStart reads a day of the home's calendar. Days outside what a clock of a
// camera can say are none.
func (c *console) dayStart(s string) (time.Time, bool) {
	t, err := time.ParseInLocation(time.DateOnly, s, c.cfg.Home.TimeZone)
	return t, err == nil && t.Year() >= 1970 && t.Year() < 2200
}

// timelineData answers a day, or the part of it between from and to, as JSON.
func (c *console) timelineData(w http.ResponseWriter, r *http.Request) {
	cam, err := c.footageOf(r)
	if err != nil {
		c.fail(w, r, err)
		return
	}
	from, ok := c.dayStart(r.FormValue("day"))
	to := midnight(from.AddDate(0, 0, 1))
	if r.FormValue("from") != "" {
		var errFrom, errTo error
		from, errFrom = time.Parse(time.RFC3339, r.FormValue("from"))
		to, errTo = time.Parse(time.RFC3339, r.FormValue("to"))
		ok = errFrom == nil && errTo == nil && from.Year() >= 1970 && from.Year() < 2200
	}
	if !ok || !from.Before(to) || to.Sub(from) > maxLanes {
		c.fail(w, r, errTime)
		return
	}
	l, err := c.lanes(r, cam.Name, from, to)
	if err != nil {
		c.fail(w, r, err)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(l)
}

// lanes looks up everything that the timeline draws of a stretch.
func (c *console) lanes(r *http.Request, camera string, from, to time.Time) (lanes, error) {
	from = from.Truncate(time.Second)
	l := lanes{
		From: from.UnixMilli(), To: to.UnixMilli(), Now: c.cfg.Now().UnixMilli(),
		Day: from.In(c.cfg.Home.TimeZone).Format(time.DateOnly), Zone: zoneOf(from.In(c.cfg.Home.TimeZone), to),
		Recorded: [][2]int64{}, Motion: [][3]int64{}, Gaps: []laneGap{}, Held: []laneHold{}, Asked: []laneAsk{},
	}
	segs, gaps, motions, err := c.recordings(r.Context(), camera, from, to)
	if err != nil {
		return l, err
	}
	span := func(s stretch) [2]int64 {
		return [2]int64{s.from.Sub(from).Milliseconds(), s.to.Sub(from).Milliseconds()}
	}
	step := time.Duration(0)
	var recorded []moved
	for _, s := range joined(segs, from, to) {
		recorded = append(recorded, moved{stretch: s})
	}
	for _, s := range coarse(recorded, to.Sub(from), &step) {
		l.Recorded = append(l.Recorded, span(s.stretch))
	}
	for _, s := range coarse(motions, to.Sub(from), &step) {
		at := span(s.stretch)
		l.Motion = append(l.Motion, [3]int64{at[0], at[1], int64(100*s.score + 0.5)})
	}
	l.Step = step.Milliseconds()
	for _, g := range gaps[:min(len(gaps), maxSpans)] {
		if s := c.clip(g, from, to); s.to.After(s.from) {
			l.Gaps = append(l.Gaps, laneGap{span(s), c.text.say(c.reason(g)), length(s.to.Sub(s.from)), g.To.IsZero()})
		}
	}
	holds, err := c.holdsOf(r, camera, from, to)
	for _, h := range holds {
		l.Held = append(l.Held, laneHold{span(h.stretch), h.Why, h.Own})
	}
	if err != nil {
		return l, err
	}
	asked, err := c.askedFor(r, camera, from, to)
	for _, a := range asked {
		l.Asked = append(l.Asked, laneAsk{span(a.stretch), a.Agency, "/requests/" + a.ID})
	}
	return l, err
}

// recordings lists what is recorded and missing of a camera's main stream, and
// when something moved, in order.
func (c *console) recordings(ctx context.Context, camera string, from, to time.Time) (segs []recording.Segment, gaps []recording.Gap, motions []moved, err error) {
	if segs, err = c.cfg.Archive.Segments(ctx, camera, recording.Main, from, to); err != nil {
		return nil, nil, nil, err
	}
	if gaps, err = c.cfg.Archive.Gaps(ctx, camera, recording.Main, from, to); err != nil {
		return nil, nil, nil, err
	}
	var list []motion.Motion
	if c.cfg.Motions != nil {
		list, err = c.cfg.Motions.Motions(ctx, camera, from, to)
	}
	return segs, gaps, movedIn(list, from, to, c.cfg.Now()), err
}

// moved is motion, clipped to a range; score is the largest part of the picture.
type moved struct {
	stretch
	score float64
}

// movedIn joins what overlaps; what lasts ends now.
func movedIn(list []motion.Motion, from, to, now time.Time) (out []moved) {
	slices.SortFunc(list, func(a, b motion.Motion) int { return a.From.Compare(b.From) })
	for _, m := range list {
		if m.To.IsZero() {
			m.To = later(now, m.From.Add(time.Second))
		}
		s := moved{stretch{later(m.From, from), earlier(m.To, to)}, m.Score}
		if !s.to.After(s.from) {
			continue
		}
		if n := len(out); n > 0 && !s.from.After(out[n-1].to) {
			out[n-1].to, out[n-1].score = later(out[n-1].to, s.to), max(out[n-1].score, s.score)
			continue
		}
		out = append(out, s)
	}
	return out
}

// coarse joins spans, which are in order, until there are no more than
// maxSpans, and notes how near those were that it joined.
func coarse(list []moved, whole time.Duration, step *time.Duration) []moved {
	if len(list) <= maxSpans {
		return list
	}
	near := whole/maxSpans + 1
	*step = max(*step, near)
	var out []moved
	for _, next := range list {
		if n := len(out); n > 0 && next.from.Sub(out[n-1].from) < near {
			out[n-1].to, out[n-1].score = later(out[n-1].to, next.to), max(out[n-1].score, next.score)
			continue
		}
		out = append(out, next)
	}
	return out
}

// zoneOf lists from when which offset to UTC holds in a range, in minutes: a
// browser need not know the home's zone.
func zoneOf(from, to time.Time) (list [][2]int64) {
	for t := from; t.Before(to); {
		_, offset := t.Zone()
		list = append(list, [2]int64{t.UnixMilli(), int64(offset / 60)})
		_, end := t.ZoneBounds()
		if end.IsZero() {
			break
		}
		t = end
	}
	return list
}

// held is footage of a camera that is kept from deletion.
type held struct {
	stretch
	Why string
	URL string // of the request, or of what the household keeps
	Own bool
}

// holdsOf lists what is kept of a camera in a range, for requests and for the
// household, for those who decide about requests.
func (c *console) holdsOf(r *http.Request, camera string, from, to time.Time) (out []held, err error) {
	if !visitor(r).Person.Decides() {
		return nil, nil
	}
	list, err := c.cfg.Archive.Holds(r.Context())
	if err != nil {
		return nil, err
	}
	kept, err := c.cfg.Keeps.List(r.Context())
	if err != nil {
		return nil, err
	}
	for _, h := range list {
		s := stretch{later(h.From, from), earlier(h.To, to)}
		if h.Camera != camera || !s.to.After(s.from) || !h.Until.After(c.cfg.Now()) || len(out) == maxSpans {
			continue
		}
		if i := slices.IndexFunc(kept, func(k keep.Kept) bool { return k.ID == h.ID }); i >= 0 {
			why := c.text.say("timeline.kept")
			if kept[i].Note != "" {
				why = c.text.say("timeline.kept-note", "note", kept[i].Note)
			}
			out = append(out, held{s, why, "/kept/" + h.ID, true})
			continue
		}
		rec, err := c.cfg.Requests.Get(r.Context(), h.ID)
		switch {
		case err == nil:
			out = append(out, held{s, c.text.say("timeline.held-for", "agency", agencyName(rec)), "/requests/" + rec.ID, false})
		case errors.Is(err, request.ErrNotFound): // released or answered this moment
		default:
			return nil, err
		}
	}
	return out, nil
}
