package ui

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"gatehouse/hub/config"
	"gatehouse/hub/label"
	"gatehouse/hub/survey"
	"gatehouse/rtsp"
	"gatehouse/rtsp/onvif"
)

// Survey looks for cameras; *survey.Survey is one.
type Survey interface {
	Find(ctx context.Context) error
	Found() ([]onvif.Found, time.Time)
	Ask(ctx context.Context, l survey.Login) (survey.Draft, error)
	Alike(ctx context.Context, of survey.Draft, known []string) []survey.Draft
	Draft(id string) (survey.Draft, bool)
	Drop(id string)
	Try(ctx context.Context, cfg rtsp.Config) (survey.Measured, error)
	Note(camera string, m survey.Measured)
	Noted(camera string) (survey.Measured, bool)
}

// foundRow is a camera that answered.
type foundRow struct {
	Address, Name, Kind string
	Known               bool
}

// addPage is the body of the page that adds a camera.
type addPage struct {
	Problem *problem
	Detail  string // in English, of what failed
	Found   []foundRow
	Looked  bool
	First   bool // in first run
	Address string
	User    string
	TLS     string
}

// draftPage is the body of the page of a camera that answered.
type draftPage struct {
	Problem  *problem
	Detail   string
	Errors   []string
	ID, Host string
	Kind     string
	Label    string
	Name     string
	Usual    string    // the name that is given if neither is typed
	Taken    string    // names that cameras have, with spaces between
	Mistakes [2]string // about the label and the name, in words of package config
	Picture  bool
	Clock    string // by how much its clock is off; empty if it is right
	Profiles []profileCard
	Pasted   bool
	Outside  bool
	Main     string
	Sub      string
	Alike    []draftLink
}

type draftLink struct{ Link, Host string }

// profileCard is one profile.
type profileCard struct {
	Token, Name, Picture, Rate string
	FPS                        string
	Warnings                   []string // locale keys
}

// hosts are those of the cameras of the file.
func (c *console) hosts() (list []string) {
	file, _, err := c.file()
	if err != nil {
		return nil
	}
	for i := range file.Len("cameras") {
		for _, key := range []string{"url", "onvif"} {
			if u, err := url.Parse(file.Value(fmt.Sprintf("cameras[%d].%s", i, key))); err == nil && u.Hostname() != "" {
				list = append(list, u.Hostname())
			}
		}
	}
	return list
}

func (c *console) addable(w http.ResponseWriter, r *http.Request) bool {
	if c.cfg.Settings == nil || c.cfg.Survey == nil {
		c.fail(w, r, errNoPage)
		return false
	}
	if r.Method == http.MethodPost && r.ParseForm() != nil {
		c.fail(w, r, errBadForm)
		return false
	}
	return true
}

func (c *console) addCamera(w http.ResponseWriter, r *http.Request) {
	if c.addable(w, r) {
		c.showAddCamera(w, r, http.StatusOK, addPage{Address: r.FormValue("address")})
	}
}

func (c *console) showAddCamera(w http.ResponseWriter, r *http.Request, status int, p addPage) {
	known := c.hosts()
	found, looked := c.cfg.Survey.Found()
	p.Looked, p.First = !looked.IsZero(), c.firstStep() > 0
	for _, f := range found {
		p.Found = append(p.Found, foundRow{f.Address(), f.Name, f.Hardware, slices.Contains(known, f.Source.String())})
	}
	c.render(w, r, status, "addcamera", view{Title: "add.title", Place: "settings", Body: p})
}

// findCameras calls the cameras of this network, because the owner said so.
func (c *console) findCameras(w http.ResponseWriter, r *http.Request) {
	if !c.addable(w, r) {
		return
	}
	if err := c.cfg.Survey.Find(r.Context()); err != nil {
		p := explain(errNoSearch)
		c.showAddCamera(w, r, p.Status, addPage{Problem: &p})
		return
	}
	http.Redirect(w, r, "/settings/cameras/add", http.StatusSeeOther)
}

func (c *console) askCamera(w http.ResponseWriter, r *http.Request) {
	if !c.addable(w, r) {
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), 25*time.Second)
	defer cancel()
	l := survey.Login{Address: r.PostFormValue("address"), User: r.PostFormValue("user"), Password: r.PostFormValue("password"), TLS: r.PostFormValue("tls")}
	d, err := c.cfg.Survey.Ask(ctx, l)
	if err != nil {
		p, detail := explainCamera(err)
		c.showAddCamera(w, r, p.Status, addPage{Problem: &p, Detail: detail, Address: withoutUser(l.Address), User: l.User, TLS: l.TLS})
		return
	}
	next := draftPath(d.ID)
	if r.PostFormValue("alike") != "" {
		q := url.Values{}
		for _, other := range c.cfg.Survey.Alike(ctx, d, c.hosts()) {
			q.Add("also", other.ID)
		}
		if len(q) > 0 {
			next += "?" + q.Encode()
		}
	}
	http.Redirect(w, r, next, http.StatusSeeOther)
}

// withoutUser takes the login out of an address that is shown again.
func withoutUser(address string) string {
	if u, err := url.Parse(strings.TrimSpace(address)); err == nil && u.User != nil {
		u.User = nil
		return u.String()
	}
	return address
}

func draftPath(id string) string { return "/settings/cameras/add/" + url.PathEscape(id) }

// explainCamera is the step at which a camera failed, in words.
func explainCamera(err error) (problem, string) {
	var o *onvif.Error
	var f *survey.Failure
	step := survey.StepConnect
	detail := ""
	switch {
	case errors.Is(err, survey.ErrAddress):
		step = survey.StepAddress
	case errors.As(err, &f):
		step, detail = f.Step, f.Detail
	case errors.As(err, &o):
		detail = o.Text
		switch o.Reason {
		case onvif.ReasonAuth:
			step = survey.StepLogin
		case onvif.ReasonCertificate:
			step = survey.StepTrust
		case onvif.ReasonUnsupported, onvif.ReasonRefused, onvif.ReasonGarbage:
			step = "service"
		}
	}
	key := "trial." + string(step)
	return problem{Status: http.StatusUnprocessableEntity, What: key + ".what", Safe: "trial.safe", Do: key + ".do"}, detail
}

func (c *console) draft(w http.ResponseWriter, r *http.Request) (survey.Draft, bool) {
	if !c.addable(w, r) {
		return survey.Draft{}, false
	}
	d, ok := c.cfg.Survey.Draft(r.PathValue("draft"))
	if !ok {
		http.Redirect(w, r, "/settings/cameras/add?note=draft-old", http.StatusSeeOther)
	}
	return d, ok
}

func (c *console) draftCamera(w http.ResponseWriter, r *http.Request) {
	if d, ok := c.draft(w, r); ok {
		c.showDraft(w, r, http.StatusOK, d, draftPage{Outside: true, Main: d.Main, Sub: d.Sub})
	}
}

func (c *console) draftPicture(w http.ResponseWriter, r *http.Request) {
	d, ok := c.draft(w, r)
	if !ok {
		return
	}
	if len(d.Picture) == 0 {
		http.NotFound(w, r)
		return
	}
	w.Header().Set("Content-Type", "image/jpeg")
	w.Header().Set("Cache-Control", "no-store")
	_, _ = w.Write(d.Picture)
}

// suggest is a name, for what a camera is called, that no camera has or had.
func (c *console) suggest(called string) string {
	return label.Slug(called, "camera", func(name string) bool {
		_, taken := c.camera(name)
		return taken
	})
}

func (c *console) showDraft(w http.ResponseWriter, r *http.Request, status int, d survey.Draft, p draftPage) {
	p.Usual = c.suggest(d.Info.Model)
	for _, cam := range c.cfg.Cameras {
		p.Taken += cam.Name + " "
	}
	p.ID, p.Host, p.Picture, p.Pasted = d.ID, d.Host, len(d.Picture) > 0, len(d.Profiles) == 0
	p.Kind = strings.TrimSpace(d.Info.Manufacturer + " " + d.Info.Model)
	if d.Clock.Abs() > 2*time.Second {
		p.Clock = offsetText(d.Clock)
	}
	for _, x := range d.Profiles {
		card := profileCard{Token: x.Token, Name: x.Name, Picture: codecText(codecOf(x.Codec), x.Width, x.Height)}
		if x.Bitrate > 0 {
			card.Rate = c.text.number(float64(x.Bitrate)/1000, 1) + " Mbit/s"
		}
		if x.FPS > 0 {
			card.FPS = c.text.number(x.FPS, 0)
		}
		for _, warning := range (survey.Measured{Codec: codecOf(x.Codec)}).Warnings() {
			card.Warnings = append(card.Warnings, "warn."+warning)
		}
		p.Profiles = append(p.Profiles, card)
	}
	for _, id := range r.URL.Query()["also"] {
		if other, ok := c.cfg.Survey.Draft(id); ok {
			p.Alike = append(p.Alike, draftLink{draftPath(id), other.Host})
		}
	}
	c.render(w, r, status, "draft", view{Title: "add.title", Place: "settings", Body: p})
}

// codecOf is the codec that ONVIF names.
func codecOf(name string) rtsp.Codec {
	switch name {
	case "H264":
		return rtsp.H264
	case "H265":
		return rtsp.H265
	case "JPEG":
		return rtsp.MJPEG
	}
	return rtsp.Codec(name)
}

// saveCamera tries the chosen streams with real packets, and then writes the camera.
func (c *console) saveCamera(w http.ResponseWriter, r *http.Request) {
	d, ok := c.draft(w, r)
	if !ok {
		return
	}
	p := draftPage{
		Label: strings.TrimSpace(r.PostFormValue("label")), Name: strings.TrimSpace(r.PostFormValue("name")), Outside: r.PostFormValue("exterior") != "",
		Main: r.PostFormValue("main"), Sub: r.PostFormValue("sub"),
	}
	if p.Name == "" {
		p.Name = c.suggest(cmp.Or(p.Label, d.Info.Model))
	}
	m, err := c.trySave(r, d, p)
	name := form{base: "cameras[]"}
	v := formView{Fields: []fieldView{{Name: "label"}, {Name: "name"}}}
	status, owners := http.StatusOK, true
	var f *survey.Failure
	switch {
	case err == nil:
		c.cfg.Survey.Note(p.Name, m)
		c.cfg.Survey.Drop(d.ID)
		next := cameraPath(p.Name) + "?note=camera-saved"
		if c.firstStep() > 0 {
			next = "/setup/cameras?note=camera-saved"
		}
		http.Redirect(w, r, next, http.StatusSeeOther)
		return
	case errors.As(err, &f), errors.Is(err, survey.ErrAddress):
		what, detail := explainCamera(err)
		p.Problem, p.Detail, status = &what, detail, what.Status
	default:
		if status, owners = c.refuse(&v, name, err); !owners {
			c.fail(w, r, err)
			return
		}
		p.Problem, p.Errors, p.Mistakes = v.Problem, v.Errors, [2]string{v.Fields[0].Error, v.Fields[1].Error}
	}
	c.showDraft(w, r, status, d, p)
}

func (c *console) trySave(r *http.Request, d survey.Draft, p draftPage) (m survey.Measured, err error) {
	a, err := d.Addresses(p.Main, p.Sub)
	if err != nil {
		return m, err
	}
	entry := config.Map{{Key: "name", Value: p.Name}}
	for _, x := range [][2]string{{"label", p.Label}, {"url", a.Main}, {"sub", a.Sub}, {"onvif", a.ONVIF}, {"tls", a.TLS}} {
		if x[1] != "" {
			entry = entry.With(x[0], x[1])
		}
	}
	if !p.Outside {
		entry = entry.With("exterior", false)
	}
	add := config.Append("cameras", entry)
	if err := c.cfg.Settings.Try(add); err != nil { // a bad name is said before ten seconds are spent
		return m, err
	}
	var subErr error
	var wg sync.WaitGroup
	if a.Sub != "" {
		wg.Go(func() { _, subErr = c.cfg.Survey.Try(r.Context(), a.Stream(a.Sub)) })
	}
	m, err = c.cfg.Survey.Try(r.Context(), a.Stream(a.Main))
	wg.Wait()
	if err := errors.Join(err, subErr); err != nil {
		return m, err
	}
	_, err = c.cfg.Settings.Edit("", add)
	return m, err
}

var errNoSearch = errors.New("the network could not be asked for cameras")
