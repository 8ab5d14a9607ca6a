package ui

import (
	"encoding/json"
	"net/http"
	"slices"
	"time"
)

// cut is what the script needs to show pictures of a camera's choice: the times
// that the fields may have, gaps within, and the home's clock.
type cut struct {
	Media       string // the camera's address
	First, Last int64  // Unix ms
	Gaps        string // JSON: [[from, to, reason], …] in Unix ms
	Zone        string // JSON: from when (Unix ms) the clock is how many minutes ahead of UTC
}

func (c *console) cutOf(have coverage, from, to time.Time) cut {
	gaps := [][3]any{}
	for i, g := range have.missed[:min(len(have.missed), maxSpans)] {
		gaps = append(gaps, [3]any{g.from.UnixMilli(), g.to.UnixMilli(), c.text.say(have.Gaps[i].Reason)})
	}
	return cut{
		Media: mediaPath(have.Camera), First: from.UnixMilli(), Last: to.UnixMilli(),
		Gaps: asJSON(gaps), Zone: asJSON(zoneOf(from.In(c.cfg.Home.TimeZone), to)),
	}
}

// asJSON writes numbers and words, which cannot fail.
func asJSON(v any) string {
	text, _ := json.Marshal(v)
	return string(text)
}

// takeLinked fills a choice that was made on the timeline into the form: the
// cameras "camera" and "with", the times "from" and "to". It chooses and stores
// nothing; what lies outside of what may be sent is left out, and said so.
func (c *console) takeLinked(r *http.Request, v *requestView) {
	q := r.URL.Query()
	if !q.Has("camera") || !v.Decide {
		return
	}
	v.Linked = "send.linked-not"
	from, errFrom := c.parseField(q.Get("from"))
	to, errTo := c.parseField(q.Get("to"))
	if errFrom != nil || errTo != nil || !to.After(from) {
		return
	}
	for _, camera := range append(q["camera"][:1:1], q["with"]...) {
		i := slices.IndexFunc(v.Pick, func(p pick) bool { return p.Camera == camera })
		if i < 0 {
			continue
		}
		p := &v.Pick[i]
		a, b := later(from, time.UnixMilli(p.Cut.First)), earlier(to, time.UnixMilli(p.Cut.Last))
		if !b.After(a) {
			continue
		}
		p.Chosen = true
		p.choose(c, a, b)
		v.Linked = "send.linked"
	}
}
