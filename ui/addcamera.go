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
	"time"

	"gatehouse/hub/config"
	"gatehouse/hub/finding"
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
	Trial(ctx context.Context, id string, c survey.Choice) error
	Save(id, name string, write func() error) (saved string, err error)
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
	Cause   finding.Words // of what failed, more exactly; nil if there is no more
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
	Cause    finding.Words
	Errors   []string
	ID, Host string
	Kind     string
	Usual    string    // the name that is given if neither is typed
	Taken    string    // names that cameras have, with spaces between
	Mistakes [2]string // about the label and the name, in words of package config
	Picture  bool
	Clock    string // by how much its clock is off; empty if it is right
	Profiles []profileCard
	Choice   survey.Choice
	Unsaid   bool // nobody said whether it looks outside
	Alike    []draftLink
	Query    string        // of the page, which names those alike
	Main     *measuredView // of the trial; nil before it
	Small    *measuredView
}

// Outside and Inside report what was said; neither is chosen for anybody.
func (p draftPage) Outside() bool { return p.Choice.Outside != nil && *p.Choice.Outside }
func (p draftPage) Inside() bool  { return p.Choice.Outside != nil && !*p.Choice.Outside }

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
		p, cause := explainCamera(err)
		c.showAddCamera(w, r, p.Status, addPage{Problem: &p, Cause: cause, Address: withoutUser(l.Address), User: l.User, TLS: l.TLS})
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
func explainCamera(err error) (problem, finding.Words) {
	var o *onvif.Error
	var f *survey.Failure
	step := survey.StepConnect
	var cause rtsp.Cause
	switch {
	case errors.Is(err, survey.ErrAddress):
		step = survey.StepAddress
	case errors.As(err, &f):
		step, cause = f.Step, f.Cause
	case errors.As(err, &o):
		cause = o.Cause
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
	p := problem{Status: http.StatusUnprocessableEntity, What: key + ".what", Safe: "trial.safe", Do: key + ".do"}
	if cause.Code == "" {
		return p, nil
	}
	return p, cause
}

func (c *console) draft(w http.ResponseWriter, r *http.Request) (survey.Draft, bool) {
	if !c.addable(w, r) {
		return survey.Draft{}, false
	}
	d, ok := c.cfg.Survey.Draft(r.PathValue("draft"))
	switch {
	case !ok:
		http.Redirect(w, r, "/settings/cameras/add?note=draft-old", http.StatusSeeOther)
	case d.Saved != "":
		c.cameraSaved(w, r, d.Saved)
	}
	return d, ok && d.Saved == ""
}

// cameraSaved goes on from a draft that is a camera now.
func (c *console) cameraSaved(w http.ResponseWriter, r *http.Request, name string) {
	next := cameraPath(name) + "?note=camera-saved"
	if c.firstStep() > 0 {
		next = "/setup/cameras?note=camera-saved"
	}
	http.Redirect(w, r, next, http.StatusSeeOther)
}

func (c *console) draftCamera(w http.ResponseWriter, r *http.Request) {
	d, ok := c.draft(w, r)
	if !ok {
		return
	}
	p := draftPage{Choice: survey.Choice{Main: d.Main, Sub: d.Sub}}
	if d.Trial != nil {
		p.Choice = d.Trial.Choice
	}
	c.showDraft(w, r, http.StatusOK, d, p)
}

func (c *console) draftPicture(w http.ResponseWriter, r *http.Request) {
	d, ok := c.draft(w, r)
	if !ok {
		return
	}
	picture := draftStills(d)[r.PathValue("picture")]
	if len(picture) == 0 {
		http.NotFound(w, r)
		return
	}
	w.Header().Set("Content-Type", "image/jpeg")
	w.Header().Set("Cache-Control", "no-store")
	_, _ = w.Write(picture)
}

// draftStills are the pictures of a draft, by the last part of their address.
func draftStills(d survey.Draft) map[string][]byte {
	all := map[string][]byte{"picture.jpg": d.Picture}
	if d.Trial == nil {
		return all
	}
	for i, b := range d.Trial.Measured.Stills {
		all[stillName("main", i)] = b
	}
	if d.Trial.Small != nil {
		for i, b := range d.Trial.Small.Stills {
			all[stillName("sub", i)] = b
		}
	}
	return all
}

func stillName(stream string, i int) string { return fmt.Sprintf("%s-%d.jpg", stream, i+1) }

// tried is what a trial found, with its pictures.
func (c *console) tried(d survey.Draft, stream string, m survey.Measured) *measuredView {
	v := c.measuredOf(m)
	for i := range m.Stills {
		v.Stills = append(v.Stills, stillView{draftPath(d.ID) + "/" + stillName(stream, i), i + 1})
	}
	return v
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
	p.ID, p.Host, p.Picture, p.Query = d.ID, d.Host, len(d.Picture) > 0, r.URL.RawQuery
	if d.Trial.Of(p.Choice) {
		p.Main = c.tried(d, "main", d.Trial.Measured)
		if d.Trial.Small != nil {
			p.Small = c.tried(d, "sub", *d.Trial.Small)
		}
	}
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

// saveCamera tries the chosen streams with real packets and shows what came;
// pressed once more, on streams that were tried, it writes the camera.
func (c *console) saveCamera(w http.ResponseWriter, r *http.Request) {
	d, ok := c.draft(w, r)
	if !ok {
		return
	}
	p := draftPage{Choice: choiceOf(r)}
	if p.Choice.Name == "" {
		p.Choice.Name = c.suggest(cmp.Or(p.Choice.Label, d.Info.Model))
	}
	p.Unsaid = p.Choice.Outside == nil
	a, err := d.Addresses(p.Choice.Main, p.Choice.Sub)
	var add config.Change
	if err == nil {
		add = config.Append("cameras", cameraEntry(a, p.Choice))
		err = c.cfg.Settings.Try(add) // a bad name is said before ten seconds are spent
	}
	switch {
	case err != nil:
	case p.Unsaid:
		what := explain(errField)
		p.Problem = &what
		c.showDraft(w, r, what.Status, d, p)
		return
	case r.PostFormValue("save") == "" || !d.Trial.Of(p.Choice):
		if err = c.cfg.Survey.Trial(r.Context(), d.ID, p.Choice); err == nil {
			to := url.URL{Path: draftPath(d.ID), RawQuery: r.URL.RawQuery, Fragment: "trial"}
			http.Redirect(w, r, to.String(), http.StatusSeeOther)
			return
		}
	default:
		var saved string
		if saved, err = c.cfg.Survey.Save(d.ID, p.Choice.Name, func() error {
			_, err := c.cfg.Settings.Edit("", add)
			return err
		}); err == nil {
			c.cameraSaved(w, r, saved)
			return
		}
	}
	c.refuseDraft(w, r, d, p, err)
}

// refuseDraft shows a draft again with why it is no camera.
func (c *console) refuseDraft(w http.ResponseWriter, r *http.Request, d survey.Draft, p draftPage, err error) {
	v := formView{Fields: []fieldView{{Name: "label"}, {Name: "name"}}}
	var f *survey.Failure
	if errors.Is(err, survey.ErrDraft) { // it grew old meanwhile
		http.Redirect(w, r, "/settings/cameras/add?note=draft-old", http.StatusSeeOther)
		return
	}
	if errors.As(err, &f) || errors.Is(err, survey.ErrAddress) {
		what, cause := explainCamera(err)
		p.Problem, p.Cause = &what, cause
		c.showDraft(w, r, what.Status, d, p)
		return
	}
	status, ok := c.refuse(&v, form{base: "cameras[]"}, err)
	if !ok {
		c.fail(w, r, err)
		return
	}
	p.Problem, p.Errors, p.Mistakes = v.Problem, v.Errors, [2]string{v.Fields[0].Error, v.Fields[1].Error}
	c.showDraft(w, r, status, d, p)
}

// choiceOf reads what was chosen of a draft.
func choiceOf(r *http.Request) survey.Choice {
	ch := survey.Choice{
		Label: strings.TrimSpace(r.PostFormValue("label")), Name: strings.TrimSpace(r.PostFormValue("name")), Main: r.PostFormValue("main"), Sub: r.PostFormValue("sub"),
		Sound: r.PostFormValue("sound") != "",
	}
	switch outside := r.PostFormValue("exterior"); outside {
	case "true", "false":
		yes := outside == "true"
		ch.Outside = &yes
	}
	return ch
}

// cameraEntry is a chosen camera as it stands in the file. Where it looks and
// whether it is heard are written down: they were chosen, and are no default.
func cameraEntry(a survey.Addresses, ch survey.Choice) config.Map {
	entry := config.Map{{Key: "name", Value: ch.Name}}
	for _, x := range [][2]string{{"label", ch.Label}, {"url", a.Main}, {"sub", a.Sub}, {"onvif", a.ONVIF}, {"tls", a.TLS}} {
		if x[1] != "" {
			entry = entry.With(x[0], x[1])
		}
	}
	if ch.Outside != nil {
		entry = entry.With("exterior", *ch.Outside)
	}
	return entry.With("sound", ch.Sound)
}

var errNoSearch = errors.New("the network could not be asked for cameras")
