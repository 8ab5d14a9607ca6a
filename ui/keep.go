package ui

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"

	"gatehouse/hub/keep"
	"gatehouse/hub/recording"
)

// Keeps is the household's own hold on footage; *keep.Service is one. Errors are
// those of package keep.
type Keeps interface {
	List(ctx context.Context) ([]keep.Kept, error)
	Get(ctx context.Context, id string) (keep.Kept, error)
	Keep(ctx context.Context, k keep.Kept, by keep.Person) (keep.Kept, error)
	Change(ctx context.Context, id, note string, end time.Time, by keep.Person) error
	Release(ctx context.Context, id string, by keep.Person) error
}

// keepView is the form by which a range of the timeline is kept.
type keepView struct {
	Camera, Label, When, Long string
	Back                      string // the timeline, there
	In, Out                   string // exact
	Cameras                   []keepCamera
	Note                      string
	End                       endView
	Problem                   *problem
}

// keepCamera is a camera that may be kept of.
type keepCamera struct {
	Name, Label, Size string // no size: nothing is recorded
	Current           bool
}

// endView is a choice of an end.
type endView struct {
	Options       []endOption
	Day, Min, Max string // of the day that is typed
	MaxNote       int
}

type endOption struct {
	Value, Label string // the label is a locale key
	Until        string // the day it comes to
	Current      bool
}

// keepDays are the ends that are offered, in days; the first is the usual one.
var keepDays = []int{30, 90, 365}

// keeper is who acts, for package keep.
func keeper(r *http.Request) keep.Person {
	p := visitor(r).Person
	return keep.Person{Number: p.Number, Words: p.Words(), Owner: p.Role == "owner"}
}

func (c *console) keepForm(w http.ResponseWriter, r *http.Request) { c.showKeep(w, r, nil) }

// showKeep draws the form for the range of its address, or again with what was
// typed.
func (c *console) showKeep(w http.ResponseWriter, r *http.Request, p *problem) {
	cam, err := c.footageOf(r)
	from, to, rangeErr := c.formRange(r)
	if err = errors.Join(err, rangeErr); err != nil {
		c.fail(w, r, err)
		return
	}
	list, err := c.allCameras(r)
	if err != nil {
		c.fail(w, r, err)
		return
	}
	v := keepView{
		Camera: cam.Name, Label: cam.Label, When: c.span(from, to), Long: length(to.Sub(from)), Back: c.rangeURL(cam.Name, from, to), Note: r.PostFormValue("note"),
		In: from.UTC().Format(time.RFC3339Nano), Out: to.UTC().Format(time.RFC3339Nano), End: c.ends(r, strconv.Itoa(keepDays[0]), time.Time{}), Problem: p,
	}
	chosen := r.PostForm["camera"]
	if r.Method == http.MethodGet {
		chosen = append(r.URL.Query()["with"], cam.Name)
	}
	for _, l := range list {
		n, err := c.bytesOf(r.Context(), keep.Kept{Cameras: []string{l.Name}, From: from, To: to}, map[heldSegment]bool{})
		if err != nil {
			c.fail(w, r, err)
			return
		}
		k := keepCamera{Name: l.Name, Label: l.Label, Current: slices.Contains(chosen, l.Name)}
		if n > 0 {
			k.Size = c.text.size(n)
		}
		v.Cameras = append(v.Cameras, k)
	}
	status := http.StatusOK
	if p != nil {
		status = p.Status
	}
	c.render(w, r, status, "keep", view{Title: "keeping.title", Place: "timeline", Body: v})
}

// rangeURL is the timeline with a range chosen.
func (c *console) rangeURL(camera string, from, to time.Time) string {
	return timelinePath(camera) + "?" + url.Values{"in": {from.UTC().Format(time.RFC3339Nano)}, "out": {to.UTC().Format(time.RFC3339Nano)}}.Encode()
}

// ends are the choices of an end, as it was typed or else the usual one. One
// that is kept already has its own end first.
func (c *console) ends(r *http.Request, usual string, is time.Time) endView {
	now := c.cfg.Now()
	day := func(t time.Time) string { return c.text.date(t.In(c.cfg.Home.TimeZone), "2 Jan 2006") }
	v := endView{
		MaxNote: keep.MaxNote, Day: r.PostFormValue("day"), Min: now.In(c.cfg.Home.TimeZone).Format(time.DateOnly),
		Max: now.Add(keep.MaxUntil - 48*time.Hour).In(c.cfg.Home.TimeZone).Format(time.DateOnly),
	}
	if !is.IsZero() {
		v.Options = append(v.Options, endOption{Value: "same", Label: "keeping.end.same", Until: day(is)})
	}
	for _, n := range keepDays {
		v.Options = append(v.Options, endOption{Value: strconv.Itoa(n), Label: "keeping.end.days-" + strconv.Itoa(n), Until: day(now.AddDate(0, 0, n))})
	}
	v.Options = append(v.Options, endOption{Value: "never", Label: "keeping.end.never"}, endOption{Value: "day", Label: "keeping.end.day"})
	if typed := r.PostFormValue("end"); typed != "" {
		usual = typed
	}
	for i := range v.Options {
		v.Options[i].Current = v.Options[i].Value == usual
	}
	return v
}

// end reads a choice of an end; zero is none. A day is kept to its end.
func (c *console) end(r *http.Request, is time.Time) (time.Time, error) {
	choice := r.PostFormValue("end")
	switch choice {
	case "same":
		return is, nil
	case "never":
		return time.Time{}, nil
	case "day":
		t, ok := c.dayStart(r.PostFormValue("day"))
		if !ok {
			return t, keep.ErrUntil
		}
		return midnight(t.AddDate(0, 0, 1)), nil
	}
	n, err := strconv.Atoi(choice)
	if err != nil || !slices.Contains(keepDays, n) {
		return time.Time{}, errBadForm
	}
	return c.cfg.Now().AddDate(0, 0, n), nil
}

func (c *console) keepDo(w http.ResponseWriter, r *http.Request) {
	if err := r.ParseForm(); err != nil {
		c.fail(w, r, errBadForm)
		return
	}
	err := c.tryKeep(r)
	if err != nil {
		p := c.explainFor(r, err)
		c.showKeep(w, r, &p)
		return
	}
	http.Redirect(w, r, "/kept?note=kept", http.StatusSeeOther)
}

func (c *console) tryKeep(r *http.Request) error {
	from, to, err := c.formRange(r)
	if err != nil {
		return err
	}
	until, err := c.end(r, time.Time{})
	if err != nil {
		return err
	}
	list := r.PostForm["camera"]
	if len(list) == 0 {
		return errNoClip
	}
	_, err = c.cfg.Keeps.Keep(r.Context(), keep.Kept{Cameras: list, From: from, To: to, Until: until, Note: r.PostFormValue("note")}, keeper(r))
	return err
}

// heldSegment names a segment, so that what is kept twice counts once.
type heldSegment struct {
	camera string
	id     int64
}

// bytesOf is how much there is of what is kept, but for what was seen before.
func (c *console) bytesOf(ctx context.Context, k keep.Kept, seen map[heldSegment]bool) (sum int64, err error) {
	for _, camera := range k.Cameras {
		var list []recording.Segment
		if list, err = c.cfg.Archive.Segments(ctx, camera, "", k.From, k.To); err != nil {
			return 0, err
		}
		for _, s := range list {
			if key := (heldSegment{camera, s.ID}); !seen[key] {
				seen[key] = true
				sum += s.Bytes
			}
		}
	}
	return sum, nil
}
