package ui

import (
	"context"
	"net/http"
	"strconv"
	"time"

	"gatehouse/hub/keep"
)

// keptView is the list of what is kept.
type keptView struct {
	Rows         []keptRow
	Number       int    // that are in force
	Size         string // of all, what is kept twice counted once
	Newer, Older string
}

// keptRow is a range that is kept.
type keptRow struct {
	ID      string
	Cameras []cameraLink // to the moment
	When    string
	Long    string
	Note    string
	State   badge
	Size    string // empty if nothing is left of it
	By      string // empty for somebody who was removed
	Made    moment
	May     bool // the visitor may change it
}

// keptOne is the page of one.
type keptOne struct {
	Row     keptRow
	Note    string
	End     endView
	Asking  bool // whether it is to be released
	Problem *problem
}

// keptRows is how many a page shows.
const keptRows = 50

func (c *console) kept(w http.ResponseWriter, r *http.Request) {
	list, err := c.cfg.Keeps.List(r.Context())
	if err != nil {
		c.fail(w, r, err)
		return
	}
	names, err := c.names(r.Context())
	if err != nil {
		c.fail(w, r, err)
		return
	}
	n, err := strconv.Atoi(r.FormValue("page"))
	if err != nil {
		n = 1
	}
	n = min(max(n-1, 0), max(len(list)-1, 0)/keptRows)
	var v keptView
	var all int64
	seen := map[heldSegment]bool{}
	for i, k := range list {
		fresh, err := int64(0), error(nil)
		if !k.Ended(c.cfg.Now()) {
			v.Number++
			fresh, err = c.bytesOf(r.Context(), k, seen)
		}
		if all += fresh; err == nil && i/keptRows == n {
			var row keptRow
			row, err = c.keptRow(r, k, names)
			v.Rows = append(v.Rows, row)
		}
		if err != nil {
			c.fail(w, r, err)
			return
		}
	}
	v.Size = c.text.size(all)
	if n > 0 {
		v.Newer = "/kept?page=" + strconv.Itoa(n)
	}
	if (n+1)*keptRows < len(list) {
		v.Older = "/kept?page=" + strconv.Itoa(n+2)
	}
	c.render(w, r, http.StatusOK, "kept", view{Title: "kept.title", Place: "timeline", Body: v})
}

// names are what people are called, by number.
func (c *console) names(ctx context.Context) (map[int64]string, error) {
	people, err := c.cfg.Accounts.People(ctx)
	names := map[int64]string{}
	for _, p := range people {
		names[p.Number] = p.Called()
	}
	return names, err
}

func (c *console) keptRow(r *http.Request, k keep.Kept, names map[int64]string) (keptRow, error) {
	me := keeper(r)
	v := keptRow{
		ID: k.ID, When: c.span(k.From, k.To), Long: length(k.To.Sub(k.From)), Note: k.Note, By: names[k.By],
		Made: c.at(k.Made, dayForm), May: me.Owner || k.By == me.Number,
	}
	for _, camera := range k.Cameras {
		v.Cameras = append(v.Cameras, cameraLink{Name: camera, Label: c.called(camera), URL: c.rangeURL(camera, k.From, k.To)})
	}
	switch v.State = (badge{Key: "kept.until", Icon: "bookmark", Tone: "ok", Since: c.at(k.Until, dayForm)}); {
	case k.Until.IsZero():
		v.State.Key = "kept.until-released"
	case k.Ended(c.cfg.Now()):
		v.State.Key, v.State.Icon, v.State.Tone = "kept.ended", "circle-dashed", "quiet"
	}
	n, err := c.bytesOf(r.Context(), k, map[heldSegment]bool{})
	if n > 0 {
		v.Size = c.text.size(n)
	}
	return v, err
}

func (c *console) keptOne(w http.ResponseWriter, r *http.Request) { c.showKept(w, r, nil) }

func (c *console) showKept(w http.ResponseWriter, r *http.Request, p *problem) {
	k, err := c.cfg.Keeps.Get(r.Context(), r.PathValue("id"))
	if err != nil {
		c.fail(w, r, err)
		return
	}
	names, err := c.names(r.Context())
	if err != nil {
		c.fail(w, r, err)
		return
	}
	row, err := c.keptRow(r, k, names)
	if err != nil {
		c.fail(w, r, err)
		return
	}
	v := keptOne{Row: row, Note: k.Note, Problem: p, Asking: row.May && r.URL.Query().Has("release")}
	switch {
	case k.Until.IsZero():
		v.End = c.ends(r, "never", k.Until)
	case k.Ended(c.cfg.Now()):
		v.End = c.ends(r, strconv.Itoa(keepDays[0]), time.Time{})
	default:
		v.End = c.ends(r, "same", k.Until)
	}
	status := http.StatusOK
	if p != nil {
		status, v.Note = p.Status, r.PostFormValue("note")
	}
	c.render(w, r, status, "keptone", view{Title: "kept.one", Place: "timeline", Body: v})
}

func (c *console) keptChange(w http.ResponseWriter, r *http.Request) {
	id := r.PathValue("id")
	k, err := c.cfg.Keeps.Get(r.Context(), id)
	if err == nil {
		if until, endErr := c.end(r, k.Until); endErr != nil {
			err = endErr
		} else {
			err = c.cfg.Keeps.Change(r.Context(), id, r.PostFormValue("note"), until, keeper(r))
		}
	}
	if err != nil {
		p := c.explainFor(r, err)
		c.showKept(w, r, &p)
		return
	}
	http.Redirect(w, r, "/kept?note=kept-changed", http.StatusSeeOther)
}

func (c *console) keptRelease(w http.ResponseWriter, r *http.Request) {
	if err := c.cfg.Keeps.Release(r.Context(), r.PathValue("id"), keeper(r)); err != nil {
		c.fail(w, r, err)
		return
	}
	http.Redirect(w, r, "/kept?note=kept-released", http.StatusSeeOther)
}
