package ui

import (
	"net/http"
	"slices"
	"time"

	"gatehouse/hub/recording"
)

// line is one line of the list beside the drawn timeline: the same, for eyes
// and ears that read.
type line struct {
	Kind  string // motion gap hold kept recorded: chooses icon and colour
	Icon  string
	Clock moment
	Text  string
	URL   string // of the moment, or of the request
	at    time.Time
}

// maxEntries bounds the motion in the list of an hour. Where there is more, what
// begins right after a line is left out.
const maxEntries = 300

// hours lists those with footage or motion. They are hours of real time: a day
// on which the clocks change has one more or one less.
func (c *console) hours(camera string, segs []recording.Segment, motions []moved, start, end, at time.Time) []hourRow {
	var out []hourRow
	form := clockForm
	if end.Sub(start) != 24*time.Hour {
		form = "15:04 MST"
	}
	for t := start; t.Before(end); t = t.Add(time.Hour) {
		next := t.Add(time.Hour)
		have := c.coverOf(camera, segs, nil, t, next)
		n := 0
		for _, m := range motions {
			if !m.from.Before(t) && m.from.Before(next) {
				n++
			}
		}
		if !have.Some && n == 0 {
			continue
		}
		out = append(out, hourRow{
			Label: t.Format(form), Recorded: have.Recorded, Motions: n, URL: c.momentURL(camera, later(have.first, t)),
			Current: !at.Before(t) && at.Before(next),
		})
	}
	return out
}

// listHour fills in the list of the hour that at is in.
func (c *console) listHour(r *http.Request, v *timelineView, segs []recording.Segment, gaps []recording.Gap, motions []moved, at time.Time) error {
	if at.IsZero() {
		return nil
	}
	from := at.Truncate(time.Hour)
	to := from.Add(time.Hour)
	v.Hour = c.span(from, to)
	add := func(kind, icon string, t time.Time, text, url string) {
		if url == "" {
			url = c.momentURL(v.Camera, later(t, from))
		}
		v.Entries = append(v.Entries, line{kind, icon, c.at(t, exactForm), text, url, t})
	}
	within := func(s stretch) bool { return s.from.Before(to) && s.to.After(from) }
	motions = slices.DeleteFunc(slices.Clone(motions), func(m moved) bool { return !within(m.stretch) })
	last := time.Time{}
	for _, m := range motions {
		if len(motions) > maxEntries && m.from.Sub(last) < time.Hour/maxEntries {
			continue
		}
		last = m.from
		add("motion", "activity", m.from, c.text.say("timeline.motion-for", "long", length(m.to.Sub(m.from))), "")
	}
	for _, g := range gaps {
		if s := c.clip(g, from, to); s.to.After(s.from) {
			add("gap", "circle-dashed", s.from, c.text.say("timeline.gap-for", "long", length(s.to.Sub(s.from)), "why", c.text.say(c.reason(g))), "")
		}
	}
	holds, err := c.holdsOf(r, v.Camera, from, to)
	for _, h := range holds {
		if h.Own {
			add("kept", "bookmark", h.from, h.Why, h.URL)
		} else {
			add("hold", "lock", h.from, h.Why, h.URL)
		}
	}
	for _, a := range v.Asked {
		if within(a.stretch) {
			add("hold", "inbox", later(a.from, from), c.text.say("timeline.asked", "agency", a.Agency, "when", a.When), "/requests/"+a.ID)
		}
	}
	for _, s := range joined(segs, from, to) {
		add("recorded", "video", s.from, c.text.say("timeline.recorded-for", "long", length(s.to.Sub(s.from))), "")
	}
	slices.SortStableFunc(v.Entries, func(a, b line) int { return a.at.Compare(b.at) })
	return err
}
