package ui

import (
	"net/http"
	"net/url"
	"slices"

	"gatehouse/hub/config"
	"gatehouse/hub/survey"
)

// cameraForm is what may be changed of a camera. Its login is never shown.
func cameraForm(name string) form {
	records := []string{"always", "motion", "off"}
	return form{key: "camera", base: "cameras[name=" + name + "]", fields: []field{
		{name: "label", kind: textField, usual: name},
		{name: "exterior", kind: checkField, usual: "true"},
		{name: "sound", kind: checkField, usual: "true"},
		{name: "record", kind: choiceField, usual: "always", choices: records, head: "camera.head-record"},
		{name: "record_sub", kind: choiceField, choices: append([]string{""}, records...)},
		{name: "keep.days", kind: wholeField},
		{name: "keep.bytes", kind: textField},
		{name: "keep_sub.days", kind: wholeField},
		{name: "keep_sub.bytes", kind: textField},
		{name: "motion.from", kind: choiceField, choices: []string{"", "onvif", "pictures", "off"}, head: "camera.head-motion"},
		{name: "motion.sensitivity", kind: wholeField, usual: "5"},
		{name: "motion.zones", kind: zonesField},
		{name: "motion.channel", kind: textField},
		{name: "motion.pre_roll", kind: textField, usual: "10s"},
		{name: "motion.post_roll", kind: textField, usual: "30s"},
		{name: "homekit", kind: choiceField, usual: "off", choices: []string{"off", "snapshots", "live"}, head: "camera.head-homekit"},
		{name: "url", kind: addressField, head: "camera.head-address"},
		{name: "sub", kind: addressField},
		{name: "onvif", kind: addressField},
		{name: "snapshot", kind: addressField},
		{name: "transport", kind: choiceField, usual: "tcp", choices: []string{"tcp", "udp"}},
		{name: "tls", kind: textField},
	}}
}

// cameraRow is a line of the list of cameras.
type cameraRow struct {
	Name, Label, Link string
	State             badge
}

// cameraPage is the body of a camera's page.
type cameraPage struct {
	Name     string
	Label    string
	Form     formView
	State    badge
	Paused   bool
	Measured *measuredView
}

// measuredView is what a trial of a camera's stream found.
type measuredView struct {
	Codec, Rate, FPS, Key string
	Sound                 bool
	More                  bool        // the key frames are further apart than could be seen
	Warnings              []string    // locale keys
	Stills                []stillView // none once the camera is saved
}

// stillView is a picture of a trial.
type stillView struct {
	Link string
	N    int // from 1
}

func (c *console) measuredOf(m survey.Measured) *measuredView {
	v := &measuredView{
		Codec: codecText(m.Codec, m.Width, m.Height), Rate: c.text.number(float64(m.Kbit)/1000, 1) + " Mbit/s",
		FPS: c.text.number(m.FPS, 0), Key: c.text.number(m.Key.Seconds(), 1) + " s", More: m.Open, Sound: m.Sound != "",
	}
	for _, w := range m.Warnings() {
		v.Warnings = append(v.Warnings, "warn."+w)
	}
	return v
}

func (c *console) cameraList(w http.ResponseWriter, r *http.Request) {
	var rows []cameraRow
	for _, cam := range present(c.cfg.Cameras) {
		rows = append(rows, cameraRow{cam.Name, cam.Called(), cameraPath(cam.Name), c.cameraState(cam.State())})
	}
	c.render(w, r, http.StatusOK, "cameras", view{Title: "cameras.title", Place: "settings", Body: rows})
}

func cameraPath(name string) string { return "/settings/camera/" + url.PathEscape(name) }

// configured finds a camera of the file.
func (c *console) configured(r *http.Request) (Camera, error) {
	cam, ok := c.camera(r.PathValue("camera"))
	if c.cfg.Settings == nil || !ok || cam.Former {
		return cam, errNoPage
	}
	return cam, nil
}

func (c *console) cameraPage(w http.ResponseWriter, r *http.Request) {
	cam, err := c.configured(r)
	if err != nil {
		c.fail(w, r, err)
		return
	}
	file, version, err := c.file()
	if err != nil {
		c.fail(w, r, err)
		return
	}
	f := cameraForm(cam.Name)
	c.showCamera(w, r, http.StatusOK, cam, c.fill(f, r.URL.Path, file, version), file.Value(f.path("paused")) == "true")
}

func (c *console) showCamera(w http.ResponseWriter, r *http.Request, status int, cam Camera, v formView, paused bool) {
	for i := range v.Fields {
		if v.Fields[i].Kind == string(zonesField) {
			v.Fields[i].Picture = mediaPath(cam.Name) + "still.jpg"
		}
	}
	p := cameraPage{Name: cam.Name, Label: cam.Called(), Form: v, State: c.cameraState(cam.State()), Paused: paused}
	if c.cfg.Survey != nil {
		if m, ok := c.cfg.Survey.Noted(cam.Name); ok {
			p.Measured = c.measuredOf(m)
		}
	}
	c.render(w, r, status, "cameraset", view{Title: "camera.title", Place: "settings", Body: p})
}

func (c *console) cameraDo(w http.ResponseWriter, r *http.Request) {
	cam, err := c.configured(r)
	if err == nil && r.ParseForm() != nil {
		err = errBadForm
	}
	if err != nil {
		c.fail(w, r, err)
		return
	}
	file, version, err := c.file()
	if err != nil {
		c.fail(w, r, err)
		return
	}
	f := cameraForm(cam.Name)
	v := c.fill(f, r.URL.Path, file, version)
	if err = c.editFile(r, f.changes(v, file, r)); err == nil {
		c.done(w, r, r.URL.Path, false)
		return
	}
	v.retype(r)
	status, ok := c.refuse(&v, f, err)
	if !ok {
		c.fail(w, r, err)
		return
	}
	c.showCamera(w, r, status, cam, v, file.Value(f.path("paused")) == "true")
}

// cameraEdit makes one change to a camera of the file, by a button.
func (c *console) cameraEdit(w http.ResponseWriter, r *http.Request, next func(name string) string, change func(path, name string) config.Change) {
	cam, err := c.configured(r)
	if err == nil && r.ParseForm() != nil {
		err = errBadForm
	}
	if err != nil {
		c.fail(w, r, err)
		return
	}
	if _, err := c.cfg.Settings.Edit(r.PostFormValue("version"), change(cameraForm(cam.Name).base, cam.Name)); err != nil {
		c.failEdit(w, r, err)
		return
	}
	http.Redirect(w, r, next(cam.Name), http.StatusSeeOther)
}

func (c *console) cameraPause(w http.ResponseWriter, r *http.Request) {
	c.cameraEdit(w, r, func(name string) string { return cameraPath(name) + "?note=saved" }, func(path, _ string) config.Change {
		if r.PostFormValue("paused") == "" {
			return config.Delete(path + ".paused")
		}
		return config.Set(path+".paused", true)
	})
}

// cameraRename gives a camera another name. Footage so far stays under the old
// one: it is what requests, holds and the ledger speak of.
func (c *console) cameraRename(w http.ResponseWriter, r *http.Request) {
	c.cameraEdit(w, r, func(string) string { return "/settings/cameras?note=saved" }, func(path, _ string) config.Change {
		return config.Set(path+".name", r.PostFormValue("name"))
	})
}

func (c *console) cameraRemove(w http.ResponseWriter, r *http.Request) {
	c.cameraEdit(w, r, func(string) string { return "/settings/cameras?note=camera-removed" }, func(path, _ string) config.Change {
		return config.Delete(path)
	})
}

// present are the cameras of the configuration, without those that only left footage.
func present(cameras []Camera) []Camera {
	return slices.DeleteFunc(slices.Clone(cameras), func(c Camera) bool { return c.Former })
}
