package ui

import (
	"net/http"

	"gatehouse/hub/bulletin"
	"gatehouse/hub/request"
)

// addView is the form of a request that came by hand.
type addView struct {
	Paste            string
	Who, Reference   string
	Text, Place      string
	Link, Host       string
	Hosts            int // different hosts that the text names
	Read             bool
	InPerson         bool
	From, To, Answer string // datetime-local
	Cameras          []addCamera
	Problem          *problem
}

type addCamera struct {
	Name   string
	Label  string
	Chosen bool
}

func (c *console) addForm(w http.ResponseWriter, r *http.Request) {
	c.showAdd(w, r, http.StatusOK, c.emptyAdd(), nil)
}

func (c *console) emptyAdd() addView {
	v := addView{}
	for _, cam := range c.cfg.Cameras {
		v.Cameras = append(v.Cameras, addCamera{Name: cam.Name, Label: cam.Called()})
	}
	return v
}

func (c *console) showAdd(w http.ResponseWriter, r *http.Request, status int, v addView, p *problem) {
	v.Problem = p
	c.render(w, r, status, "add", view{Title: "add.request", Place: "requests", Body: v})
}

// typed is the form as it came back.
func (c *console) typed(r *http.Request) addView {
	f := r.PostForm
	v := addView{
		Who: f.Get("who"), Reference: f.Get("reference"), Text: f.Get("text"), Place: f.Get("place"), Link: f.Get("link"),
		InPerson: f.Get("way") == request.InPerson, From: f.Get("from"), To: f.Get("to"), Answer: f.Get("answer_by"),
	}
	for _, cam := range c.emptyAdd().Cameras {
		for _, name := range f["camera"] {
			cam.Chosen = cam.Chosen || name == cam.Name
		}
		v.Cameras = append(v.Cameras, cam)
	}
	return v
}

// addRead fills the form in with what a pasted text seems to say. Nothing is
// stored, and no address in it is asked for.
func (c *console) addRead(w http.ResponseWriter, r *http.Request) {
	v := c.emptyAdd()
	err := r.ParseForm()
	if err != nil {
		c.refuseAdd(w, r, v, errBadForm)
		return
	}
	p, err := request.ReadPasted(r.PostForm.Get("paste"))
	if err != nil {
		c.refuseAdd(w, r, v, err)
		return
	}
	v.Read, v.Text, v.Link, v.Host, v.Hosts, v.Reference = true, p.Text, p.Link, p.Host, p.Hosts, p.Reference
	c.showAdd(w, r, http.StatusOK, v, nil)
}

func (c *console) refuseAdd(w http.ResponseWriter, r *http.Request, v addView, err error) {
	p := c.explainFor(r, err)
	c.showAdd(w, r, p.Status, v, &p)
}

// addSave files the request. Its footage is kept from then on; nobody is told.
func (c *console) addSave(w http.ResponseWriter, r *http.Request) {
	if err := r.ParseForm(); err != nil {
		c.refuseAdd(w, r, c.emptyAdd(), errBadForm)
		return
	}
	v := c.typed(r)
	m := request.Manual{
		Who: v.Who, Reference: v.Reference, Text: v.Text, Place: v.Place, Link: v.Link, Way: request.ByPortal, Cameras: r.PostForm["camera"],
	}
	if v.InPerson {
		m.Way = request.InPerson
	}
	var err error
	if m.Window, err = c.windowOf(v); err == nil && v.Answer != "" {
		m.AnswerBy, err = c.parseField(v.Answer)
	}
	var rec request.Record
	if err == nil {
		rec, err = c.cfg.Requests.Add(r.Context(), m)
	}
	if err != nil {
		c.refuseAdd(w, r, v, err)
		return
	}
	http.Redirect(w, r, requestPath(rec.ID), http.StatusSeeOther)
}

func (c *console) windowOf(v addView) (w bulletin.Window, err error) {
	if w.From, err = c.parseField(v.From); err == nil {
		w.To, err = c.parseField(v.To)
	}
	return w, err
}

// manualView is what the owner entered. All of it is somebody's word.
type manualView struct {
	Who, Reference, Text, Place string
	Link, Host                  string
	Window, WindowLong          string
	InPerson                    bool
	Answer                      moment
	Left                        string
}

func (c *console) manual(rec request.Record) *manualView {
	m := rec.Manual
	v := &manualView{
		Who: m.Who, Reference: m.Reference, Text: m.Text, Place: m.Place, Link: m.Link, Host: m.LinkHost(),
		Window: c.span(m.Window.From, m.Window.To), WindowLong: length(m.Window.To.Sub(m.Window.From)),
		InPerson: m.Way == request.InPerson, Answer: c.at(m.AnswerBy, dayForm+", "+clockForm),
	}
	if left := m.AnswerBy.Sub(c.cfg.Now()); left > 0 {
		v.Left = length(left)
	}
	return v
}
