package ui

import (
	"context"
	"sort"
	"time"

	"gatehouse/hub/recording"
)

// coverage is a stretch of time of one camera: what is recorded and what is
// missing, as a bar and as a list.
type coverage struct {
	Camera   string
	Label    string
	Index    int
	From, To moment
	Bars     []bar
	Gaps     []gap
	Recorded string // in words
	Whole    string
	Some     bool   // anything is recorded
	Watch    string // address of this footage on the timeline
	first    time.Time
	last     time.Time
	missed   []stretch // of Gaps
}

// bar is a part of a coverage bar, in per cent of its width.
type bar struct {
	X, Width string
	Kind     string // recorded gap asked
}

// gap is one stretch without footage.
type gap struct {
	When   string
	Long   string
	Reason string // locale key
	Open   bool   // it still lasts
}

// stretch is [from, to) in time.
type stretch struct{ from, to time.Time }

// cover looks up what a camera's main stream has of a range.
func (c *console) cover(ctx context.Context, camera string, from, to time.Time) (coverage, error) {
	segs, err := c.cfg.Archive.Segments(ctx, camera, recording.Main, from, to)
	if err != nil {
		return coverage{}, err
	}
	gaps, err := c.cfg.Archive.Gaps(ctx, camera, recording.Main, from, to)
	if err != nil {
		return coverage{}, err
	}
	return c.coverOf(camera, segs, gaps, from, to), nil
}

// coverOf sums up segments and gaps that overlap a range.
func (c *console) coverOf(camera string, segs []recording.Segment, gaps []recording.Gap, from, to time.Time) coverage {
	v := coverage{Camera: camera, Label: c.called(camera), From: c.at(from, exactForm), To: c.at(to, exactForm), Whole: length(to.Sub(from))}
	var total time.Duration
	for _, s := range joined(segs, from, to) {
		total += s.to.Sub(s.from)
		v.Bars = append(v.Bars, c.bar("recorded", s, from, to))
		if v.first.IsZero() {
			v.first = s.from
		}
		v.last = s.to
	}
	v.Some, v.Recorded = total > 0, length(total)
	for _, g := range gaps {
		s := c.clip(g, from, to)
		if !s.to.After(s.from) {
			continue
		}
		v.Bars = append(v.Bars, c.bar("gap", s, from, to))
		v.Gaps, v.missed = append(v.Gaps, c.gap(g, s)), append(v.missed, s)
	}
	return v
}

// clip cuts a gap to a range; one that lasts ends now.
func (c *console) clip(g recording.Gap, from, to time.Time) stretch {
	s := stretch{g.From, g.To}
	if s.to.IsZero() {
		s.to = c.cfg.Now()
	}
	if s.from.Before(from) {
		s.from = from
	}
	if s.to.After(to) {
		s.to = to
	}
	return s
}

func (c *console) gap(g recording.Gap, s stretch) gap {
	return gap{When: c.clockSpan(s.from, s.to), Long: length(s.to.Sub(s.from)), Reason: c.reason(g), Open: g.To.IsZero()}
}

// reason is the locale key of why footage is missing.
func (c *console) reason(g recording.Gap) string {
	if key := "reason." + string(g.Reason); c.text.has(key) {
		return key
	}
	return "reason.unknown"
}

func (c *console) bar(kind string, s stretch, from, to time.Time) bar {
	whole := to.Sub(from)
	return bar{X: percent(s.from.Sub(from), whole), Width: percent(s.to.Sub(s.from), whole), Kind: kind}
}

// joined merges segments that touch, within the range. Starts and ends of
// neighbours may differ by a frame.
func joined(segs []recording.Segment, from, to time.Time) []stretch {
	segs = append([]recording.Segment(nil), segs...)
	sort.Slice(segs, func(i, j int) bool { return segs[i].Start.Before(segs[j].Start) })
	var out []stretch
	for _, s := range segs {
		a, b := s.Start, s.End()
		if a.Before(from) {
			a = from
		}
		if b.After(to) {
			b = to
		}
		if !b.After(a) {
			continue
		}
		if n := len(out); n > 0 && a.Sub(out[n-1].to) < 250*time.Millisecond {
			if b.After(out[n-1].to) {
				out[n-1].to = b
			}
			continue
		}
		out = append(out, stretch{a, b})
	}
	return out
}
