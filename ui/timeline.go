package ui

import (
	"context"
	"net/http"
	"net/url"
	"time"

	"gatehouse/hub/clip"
	"gatehouse/hub/recording"
	"gatehouse/hub/request"
)

// timelineView is one day of one camera.
type timelineView struct {
	Camera  string
	Cameras []string
	Day     string // YYYY-MM-DD
	Title   string
	Days    []dayLink
	Cover   coverage
	Hours   []hourRow
	Asked   []asked
	Play    *play // nil if nothing is recorded that day
	From    string
	To      string
	Min     string
	Max     string
	Problem *problem
}

type dayLink struct {
	Day, Label string
	Current    bool
}

// hourRow is an hour of the day that has footage.
type hourRow struct {
	Label    string
	Recorded string
	URL      string
}

// asked is a part of the day that a waiting request asks for.
type asked struct {
	ID, Agency, When string
	Bar              bar
}

// play is what the player shows.
type play struct {
	Source   string
	When     string
	Download string // empty if it is too long
}

// maxDays bounds the list of days.
const maxDays = 60

func (c *console) timelineFirst(w http.ResponseWriter, r *http.Request) {
	cameras := c.cameras(r)
	if len(cameras) == 0 {
		c.render(w, r, http.StatusOK, "timeline", view{Title: "timeline.title", Place: "timeline", Body: timelineView{}})
		return
	}
	http.Redirect(w, r, timelinePath(cameras[0].Name), http.StatusSeeOther)
}

func timelinePath(camera string) string { return "/timeline/" + url.PathEscape(camera) }

// watchURL is the timeline at the footage that a coverage found.
func (c *console) watchURL(camera string, have coverage) string {
	if !have.Some {
		return timelinePath(camera)
	}
	q := url.Values{
		"day":  {have.first.In(c.cfg.Home.TimeZone).Format(time.DateOnly)},
		"from": {c.field(have.first)}, "to": {c.field(have.last)},
	}
	return timelinePath(camera) + "?" + q.Encode()
}

func (c *console) timeline(w http.ResponseWriter, r *http.Request) {
	cam, ok := c.camera(r.PathValue("camera"))
	if !ok {
		c.fail(w, r, errNoPage)
		return
	}
	start := midnight(c.cfg.Now().In(c.cfg.Home.TimeZone))
	if t, err := time.ParseInLocation(time.DateOnly, r.FormValue("day"), c.cfg.Home.TimeZone); err == nil {
		start = t
	}
	v, err := c.timelineBody(r, cam.Name, start)
	if err != nil {
		c.fail(w, r, err)
		return
	}
	status := http.StatusOK
	if err := c.choosePlay(r, &v); err != nil {
		p := explain(err)
		status, v.Problem = p.Status, &p
	}
	c.render(w, r, status, "timeline", view{Title: "timeline.title", Place: "timeline", Body: v})
}

// midnight is the start of a day, which is not always 24 h before its end.
func midnight(t time.Time) time.Time {
	return time.Date(t.Year(), t.Month(), t.Day(), 0, 0, 0, 0, t.Location())
}

func (c *console) timelineBody(r *http.Request, camera string, start time.Time) (timelineView, error) {
	end := midnight(start.AddDate(0, 0, 1))
	v := timelineView{Camera: camera, Day: start.Format(time.DateOnly), Title: c.text.date(start, dayForm)}
	ctx, who := r.Context(), visitor(r).Person
	for _, cam := range c.cameras(r) {
		v.Cameras = append(v.Cameras, cam.Name)
	}
	var err error
	if v.Days, err = c.days(ctx, camera, start); err != nil {
		return v, err
	}
	segs, err := c.cfg.Archive.Segments(ctx, camera, recording.Main, start, end)
	if err != nil {
		return v, err
	}
	gaps, err := c.cfg.Archive.Gaps(ctx, camera, recording.Main, start, end)
	if err != nil {
		return v, err
	}
	v.Cover = c.coverOf(camera, segs, gaps, start, end)
	v.Cover.From, v.Cover.To = c.at(start, clockForm), c.at(end, clockForm)
	v.Hours = c.hours(camera, segs, start, end)
	if !who.Decides() {
		return v, nil
	}
	v.Asked, err = c.askedFor(ctx, camera, start, end)
	for _, a := range v.Asked {
		v.Cover.Bars = append(v.Cover.Bars, a.Bar)
	}
	return v, err
}

// days lists the days that have footage, newest first.
func (c *console) days(ctx context.Context, camera string, current time.Time) ([]dayLink, error) {
	status, err := c.cfg.Archive.Status(ctx)
	if err != nil {
		return nil, err
	}
	day := midnight(c.cfg.Now().In(c.cfg.Home.TimeZone))
	oldest := day
	for _, s := range status {
		if s.Camera == camera && !s.Oldest.IsZero() && s.Oldest.Before(oldest) {
			oldest = s.Oldest
		}
	}
	var out []dayLink
	for len(out) < maxDays && day.AddDate(0, 0, 1).After(oldest) {
		out = append(out, dayLink{Day: day.Format(time.DateOnly), Label: c.text.date(day, "Mon 2 Jan"), Current: day.Equal(current)})
		day = midnight(day.AddDate(0, 0, -1))
	}
	return out, nil
}

func (c *console) hours(camera string, segs []recording.Segment, start, end time.Time) []hourRow {
	var out []hourRow
	for t := start; t.Before(end); t = t.Add(time.Hour) {
		have := c.coverOf(camera, segs, nil, t, t.Add(time.Hour))
		if !have.Some {
			continue
		}
		out = append(out, hourRow{Label: t.Format(clockForm), Recorded: have.Recorded, URL: c.watchURL(camera, have)})
	}
	return out
}

// askedFor lists what waiting requests ask for of this camera on a day.
func (c *console) askedFor(ctx context.Context, camera string, start, end time.Time) ([]asked, error) {
	list, err := c.cfg.Requests.ListIn(ctx, request.Waiting, request.Prepared)
	if err != nil {
		return nil, err
	}
	var out []asked
	for _, rec := range list {
		for _, m := range rec.Matches {
			s := stretch{later(m.From, start), earlier(m.To, end)}
			if m.Camera != camera || !s.to.After(s.from) {
				continue
			}
			out = append(out, asked{ID: rec.ID, Agency: agencyName(rec), When: c.span(m.From, m.To), Bar: c.bar("asked", s, start, end)})
		}
	}
	return out, nil
}

// choosePlay takes the range from the address, or the last ten minutes of the
// day's footage.
func (c *console) choosePlay(r *http.Request, v *timelineView) error {
	if !v.Cover.Some {
		return nil
	}
	from, to := later(v.Cover.first, v.Cover.last.Add(-10*time.Minute)), v.Cover.last
	v.Min, v.Max = c.field(v.Cover.first.Truncate(time.Second)), c.field(v.Cover.last.Add(time.Second))
	var err error
	if s := r.FormValue("from"); s != "" {
		from, err = c.parseField(s)
	}
	if s := r.FormValue("to"); s != "" && err == nil {
		to, err = c.parseField(s)
	}
	if err == nil && (!to.After(from) || to.Sub(from) > maxVOD) {
		err = errTime
	}
	if err != nil {
		v.From, v.To = r.FormValue("from"), r.FormValue("to")
		return err
	}
	v.From, v.To = c.field(from), c.field(to)
	q := url.Values{"from": {from.UTC().Format(time.RFC3339)}, "to": {to.UTC().Format(time.RFC3339)}}
	stream := "/cameras/" + url.PathEscape(v.Camera) + "/main/"
	v.Play = &play{Source: stream + "vod.m3u8?" + q.Encode(), When: c.span(from, to)}
	if to.Sub(from) <= clip.MaxExport {
		q.Set("download", "1")
		v.Play.Download = stream + "clip.mp4?" + q.Encode()
	}
	return nil
}
