package ui

import (
	"context"
	"html/template"
	"net/http"
	"net/url"
	"slices"
	"time"

	"gatehouse/hub/clip"
	"gatehouse/hub/recording"
	"gatehouse/hub/request"
)

// timelineView is one day of one camera.
type timelineView struct {
	Camera  string
	Label   string
	Gone    bool // it is no longer set up; its footage is still here
	Cameras []cameraLink
	Many    bool // too many for a row of tabs
	Beside  []cameraLink
	Watched []watched
	Day     string // YYYY-MM-DD
	Today   string
	Title   string
	Prev    string
	Next    string // empty on the last day there is
	Days    []dayLink
	Long    string // of a day on which the clocks change; empty on others
	Future  bool
	Cover   coverage
	Hours   []hourRow
	Entries []line // of the hour that is looked at
	Hour    string
	Asked   []asked
	Play    *play // nil if nothing is recorded that day
	From    string
	To      string
	Min     string
	Max     string
	More    template.URL // the cameras beside it, for links to other days
	Problem *problem
}

// cameraLink leads to another camera at the same moment.
type cameraLink struct {
	Name, Label, URL string
	Current          bool // or watched beside
	Gone             bool
}

// watched is one picture of the player.
type watched struct {
	Camera string
	Label  string
	Media  string // its address without a stream
	Data   string
	Page   string
}

type dayLink struct {
	Day, Label string
	Current    bool
}

// hourRow is an hour of the day that has footage.
type hourRow struct {
	Label    string
	Recorded string
	Motions  int
	URL      string
	Current  bool
}

// asked is a part of the day that a waiting request asks for.
type asked struct {
	ID, Agency, When string
	Bar              bar
	stretch
}

// play is what the player shows.
type play struct {
	Source  string // a file that plays without scripts; empty if it is too long
	When    string
	At      int64  // Unix ms: where to begin
	Key     string // the same, as addresses have it
	In, Out int64  // Unix ms of the chosen range; 0 if none was chosen
}

// Bounds of the page.
const (
	maxDays   = 60 // in the list of days
	maxTabs   = 5  // cameras in a row
	maxBeside = 3  // more cameras in the player
	// plainPlay is what a player without scripts is given from a moment on.
	plainPlay = 10 * time.Minute
)

func (c *console) timelineFirst(w http.ResponseWriter, r *http.Request) {
	list, err := c.allCameras(r)
	if err != nil {
		c.fail(w, r, err)
		return
	}
	if len(list) == 0 {
		c.render(w, r, http.StatusOK, "timeline", view{Title: "timeline.title", Place: "timeline", Body: timelineView{}})
		return
	}
	if r.FormValue("camera") != "" { // of the list of cameras, where it is a form
		q := r.URL.Query()
		q.Del("camera")
		http.Redirect(w, r, timelinePath(r.FormValue("camera"))+"?"+q.Encode(), http.StatusSeeOther)
		return
	}
	http.Redirect(w, r, timelinePath(list[0].Name), http.StatusSeeOther)
}

// mediaPath is the address under which a camera's pictures and recordings are.
func mediaPath(camera string) string { return "/cameras/" + url.PathEscape(camera) + "/" }

func timelinePath(camera string) string { return "/timeline/" + url.PathEscape(camera) }

// allCameras lists the configured cameras that a visitor may see, then those
// that only their footage is left of.
func (c *console) allCameras(r *http.Request) ([]cameraLink, error) {
	var list []cameraLink
	for _, cam := range c.cameras(r) {
		list = append(list, cameraLink{Name: cam.Name, Label: cam.Called()})
	}
	status, err := c.cfg.Archive.Status(r.Context())
	for _, s := range status {
		known := slices.ContainsFunc(list, func(l cameraLink) bool { return l.Name == s.Camera })
		if !known && s.Segments > 0 && visitor(r).Person.Sees(s.Camera) {
			list = append(list, cameraLink{Name: s.Camera, Label: s.Camera, Gone: true})
		}
	}
	return list, err
}

// footageOf finds the camera of an address, which is configured or has footage.
func (c *console) footageOf(r *http.Request) (cameraLink, error) {
	name := r.PathValue("camera")
	if cam, ok := c.camera(name); ok {
		return cameraLink{Name: name, Label: cam.Called()}, nil // the guard has asked whether they may see it
	}
	list, err := c.allCameras(r)
	if err != nil {
		return cameraLink{}, err
	}
	if i := slices.IndexFunc(list, func(l cameraLink) bool { return l.Name == name }); i >= 0 {
		return list[i], nil
	}
	return cameraLink{}, errNoPage
}

// watchURL is the timeline at the footage that a coverage found.
func (c *console) watchURL(camera string, have coverage) string {
	if !have.Some {
		return timelinePath(camera)
	}
	return timelinePath(camera) + "?" + url.Values{
		"day":  {have.first.In(c.cfg.Home.TimeZone).Format(time.DateOnly)},
		"from": {c.field(have.first)}, "to": {c.field(have.last)},
	}.Encode()
}

// momentURL is the address of a moment.
func (c *console) momentURL(camera string, t time.Time) string {
	return timelinePath(camera) + "?" + url.Values{"at": {t.In(c.cfg.Home.TimeZone).Format(time.RFC3339)}}.Encode()
}

// moment is what an address points to.
type pointer struct {
	start    time.Time // of the day
	at       time.Time // zero: not said
	from, to time.Time // zero: no range is chosen
}

// pointed reads day, at, from and to. What cannot be read is left out, and told.
func (c *console) pointed(r *http.Request) (p pointer, err error) {
	p.start = midnight(c.cfg.Now().In(c.cfg.Home.TimeZone))
	if s := r.FormValue("day"); s != "" {
		if t, ok := c.dayStart(s); ok {
			p.start = t
		} else {
			err = errTime
		}
	}
	if r.FormValue("from") != "" || r.FormValue("in") != "" {
		from, to, rangeErr := c.formRange(r)
		if rangeErr != nil {
			return p, rangeErr
		}
		p.from, p.to, p.at = from, to, from
	}
	if s := r.FormValue("at"); s != "" {
		t, atErr := c.parseField(s)
		if atErr != nil || t.Year() < 1970 || t.Year() >= 2200 {
			return p, errTime
		}
		p.at = t
	}
	if !p.at.IsZero() {
		p.start = midnight(p.at.In(c.cfg.Home.TimeZone))
	}
	return p, err
}

// formRange reads the range of a form: in and out if a script put them there,
// which are exact, else from and to as a person reads them.
func (c *console) formRange(r *http.Request) (from, to time.Time, err error) {
	if r.FormValue("in") != "" {
		return clip.ParseRange(r.FormValue("in"), r.FormValue("out"), maxVOD)
	}
	if from, err = c.parseField(r.FormValue("from")); err == nil {
		to, err = c.parseField(r.FormValue("to"))
	}
	if err == nil && (!to.After(from) || to.Sub(from) > maxVOD || from.Year() < 1970 || to.Year() >= 2200) {
		err = errTime
	}
	return from, to, err
}

func (c *console) timeline(w http.ResponseWriter, r *http.Request) {
	cam, err := c.footageOf(r)
	if err != nil {
		c.fail(w, r, err)
		return
	}
	at, pointErr := c.pointed(r)
	v, err := c.timelineBody(r, cam, at)
	if err != nil {
		c.fail(w, r, err)
		return
	}
	status := http.StatusOK
	if pointErr != nil {
		p := explain(pointErr)
		status, v.Problem = p.Status, &p
		v.From, v.To = r.FormValue("from"), r.FormValue("to")
	}
	c.render(w, r, status, "timeline", view{Title: "timeline.title", Place: "timeline", Body: v})
}

// midnight is the start of a day, which is not always 24 h before its end.
func midnight(t time.Time) time.Time {
	return time.Date(t.Year(), t.Month(), t.Day(), 0, 0, 0, 0, t.Location())
}

func (c *console) timelineBody(r *http.Request, cam cameraLink, at pointer) (timelineView, error) {
	ctx, camera, start := r.Context(), cam.Name, at.start
	end := midnight(start.AddDate(0, 0, 1))
	v := timelineView{
		Camera: camera, Label: cam.Label, Gone: cam.Gone, Day: start.Format(time.DateOnly), Title: c.text.date(start, dayForm),
		Today: c.cfg.Now().In(c.cfg.Home.TimeZone).Format(time.DateOnly), Future: start.After(c.cfg.Now()),
		Prev: start.AddDate(0, 0, -1).Format(time.DateOnly),
	}
	if !end.After(c.cfg.Now()) {
		v.Next = end.Format(time.DateOnly)
	}
	if end.Sub(start) != 24*time.Hour {
		v.Long = length(end.Sub(start))
	}
	if err := c.timelineCameras(r, &v, at); err != nil {
		return v, err
	}
	var err error
	if v.Days, err = c.days(ctx, camera, start); err != nil {
		return v, err
	}
	segs, gaps, motions, err := c.recordings(ctx, camera, start, end)
	if err != nil {
		return v, err
	}
	v.Cover = c.coverOf(camera, segs, gaps, start, end)
	v.Cover.From, v.Cover.To = c.at(start, clockForm), c.at(end, clockForm)
	if v.Asked, err = c.askedFor(r, camera, start, end); err != nil {
		return v, err
	}
	for _, a := range v.Asked {
		v.Cover.Bars = append(v.Cover.Bars, a.Bar)
	}
	c.choosePlay(&v, at)
	if v.Play != nil && !visitor(r).Person.Decides() {
		v.Play.Source = ""
	}
	if v.Play != nil {
		at.at = time.UnixMilli(v.Play.At)
	}
	v.Hours = c.hours(camera, segs, motions, start, end, at.at)
	return v, c.listHour(r, &v, segs, gaps, motions, at.at)
}

// timelineCameras lists what can be looked at, and what is.
func (c *console) timelineCameras(r *http.Request, v *timelineView, at pointer) error {
	list, err := c.allCameras(r)
	if err != nil {
		return err
	}
	beside := r.URL.Query()["with"]
	v.Many = len(list) > maxTabs
	v.Watched = []watched{c.watch(v.Camera)}
	for _, l := range list {
		if l.Current = l.Name == v.Camera; at.at.IsZero() {
			l.URL = timelinePath(l.Name) + "?day=" + v.Day
		} else {
			l.URL = c.momentURL(l.Name, at.at)
		}
		v.Cameras = append(v.Cameras, l)
		if l.Current {
			continue
		}
		if l.Current = slices.Contains(beside, l.Name) && len(v.Watched) <= maxBeside; l.Current {
			v.Watched = append(v.Watched, c.watch(l.Name))
			v.More += template.URL("&" + url.Values{"with": {l.Name}}.Encode()) //nolint:gosec // encoded
		}
		v.Beside = append(v.Beside, l)
	}
	return nil
}

func (c *console) watch(camera string) watched {
	return watched{
		Camera: camera, Label: c.called(camera), Media: mediaPath(camera),
		Data: timelinePath(camera) + "/data", Page: timelinePath(camera),
	}
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

// askedFor lists what waiting requests ask for of this camera on a day, for
// those who decide about them.
func (c *console) askedFor(r *http.Request, camera string, start, end time.Time) ([]asked, error) {
	if !visitor(r).Person.Decides() {
		return nil, nil
	}
	list, err := c.cfg.Requests.ListIn(r.Context(), request.Waiting, request.Prepared)
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
			out = append(out, asked{ID: rec.ID, Agency: agencyName(rec), When: c.span(m.From, m.To), Bar: c.bar("asked", s, start, end), stretch: s})
		}
	}
	return out, nil
}

// choosePlay takes the moment or range of the address, or the last ten minutes
// of the day's footage.
func (c *console) choosePlay(v *timelineView, at pointer) {
	if !v.Cover.Some {
		return
	}
	v.Min, v.Max = c.field(v.Cover.first.Truncate(time.Second)), c.field(v.Cover.last.Add(time.Second))
	from, to := at.from, at.to
	v.Play = &play{In: at.from.UnixMilli(), Out: at.to.UnixMilli()}
	if from.IsZero() {
		v.Play.In, v.Play.Out = 0, 0
		if from = at.at; from.IsZero() {
			from = later(v.Cover.first, v.Cover.last.Add(-plainPlay))
		}
		to = from.Add(plainPlay)
	}
	v.From, v.To = c.field(from), c.field(to)
	v.Play.At = from.UnixMilli()
	if !at.at.IsZero() {
		v.Play.At = at.at.UnixMilli()
	}
	v.Play.Key = time.UnixMilli(v.Play.At).In(c.cfg.Home.TimeZone).Format(time.RFC3339)
	q := url.Values{"from": {from.UTC().Format(time.RFC3339Nano)}, "to": {to.UTC().Format(time.RFC3339Nano)}}
	v.Play.When = c.span(from, to)
	if to.Sub(from) <= clip.MaxExport {
		v.Play.Source = mediaPath(v.Camera) + recording.Main + "/clip.mp4?" + q.Encode()
	}
}

// timelineClip leads from the form to the file of the range.
func (c *console) timelineClip(w http.ResponseWriter, r *http.Request) {
	from, to, err := c.formRange(r)
	if err != nil {
		c.fail(w, r, err)
		return
	}
	q := url.Values{"from": {from.UTC().Format(time.RFC3339Nano)}, "to": {to.UTC().Format(time.RFC3339Nano)}, "download": {"1"}}
	http.Redirect(w, r, "/cameras/"+url.PathEscape(r.PathValue("camera"))+"/"+recording.Main+"/clip.mp4?"+q.Encode(), http.StatusSeeOther)
}
