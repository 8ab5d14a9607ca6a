package ui

import (
	"net/http"
	"path/filepath"
	"slices"
	"time"

	"gatehouse/hub/config"
	"gatehouse/hub/survey"
)

// FirstRun remembers the step of set-up; config.FirstRun is one.
type FirstRun interface {
	Step() int // 0 once it is over
	Reach(step int) error
}

// steps are the pages of set-up after the passphrase, which is the first.
var steps = []string{"home", "storage", "cameras", "sharing"}

const passphraseStep = 1

// firstRunPage is the body of a step.
type firstRunPage struct {
	Key      string
	Step     int
	Of       int
	Back     string
	Form     formView
	Now      moment
	Zone     string
	Disks    []diskChoice
	Measured bool
	Later    bool // a disk chosen now is used at the next start
	Cameras  []cameraRow
	Found    []foundRow
}

// diskChoice is a disk to keep footage on.
type diskChoice struct {
	Path        string // empty for the data folder
	Free, Total string
	Days        int
	Current     bool
}

// usualRate is what one camera sends where none was measured: 4 Mbit/s, in bytes a second.
const usualRate = 500_000

func (c *console) firstStep() int {
	if c.cfg.FirstRun == nil {
		return 0
	}
	return c.cfg.FirstRun.Step()
}

// firstRunPath is the page of a step.
func firstRunPath(step int) string {
	if i := step - passphraseStep - 1; i >= 0 && i < len(steps) {
		return "/setup/" + steps[i]
	}
	return "/"
}

// step is the number of the page asked for; 0 and an answer if there is none.
func (c *console) step(w http.ResponseWriter, r *http.Request) int {
	if c.cfg.FirstRun != nil && c.cfg.Settings != nil && c.cfg.Survey != nil {
		for i, key := range steps {
			if key == r.PathValue("step") {
				return i + passphraseStep + 1
			}
		}
	}
	c.fail(w, r, errNoPage)
	return 0
}

func (c *console) firstRun(w http.ResponseWriter, r *http.Request) {
	n := c.step(w, r)
	if n == 0 {
		return
	}
	if c.firstStep() == 0 {
		http.Redirect(w, r, "/settings", http.StatusSeeOther)
		return
	}
	file, version, err := c.file()
	if err != nil {
		c.fail(w, r, err)
		return
	}
	p := firstRunPage{}
	if f, ok := formOf(settingsForms, r.PathValue("step")); ok {
		p.Form = c.fill(f, r.URL.Path, file, version)
	}
	c.showFirstRun(w, r, http.StatusOK, n, p)
}

func (c *console) showFirstRun(w http.ResponseWriter, r *http.Request, status, n int, p firstRunPage) {
	p.Key, p.Step, p.Of = steps[n-passphraseStep-1], n, len(steps)+passphraseStep
	p.Now, p.Zone = c.at(c.cfg.Now(), dayForm+", "+exactForm), c.zone()
	if n > passphraseStep+1 {
		p.Back = firstRunPath(n - 1)
	}
	switch p.Key {
	case "storage":
		p.Disks, p.Measured = c.diskChoices(r)
		p.Later = !c.nothingYet()
	case "cameras":
		for _, cam := range present(c.cfg.Cameras) {
			p.Cameras = append(p.Cameras, cameraRow{cam.Name, cam.Called(), cameraPath(cam.Name), c.cameraState(cam.State())})
		}
		known := c.hosts()
		found, _ := c.cfg.Survey.Found()
		for _, f := range found {
			row := foundRow{Address: f.Address(), Name: f.Name, Kind: f.Hardware}
			for _, host := range known {
				row.Known = row.Known || host == f.Source.String()
			}
			p.Found = append(p.Found, row)
		}
	}
	c.render(w, r, status, "firstrun", view{Title: "setup.title", Bare: true, Body: p})
}

// diskChoices are the disks there are, and whether their days rest on what the
// cameras were measured to send.
func (c *console) diskChoices(r *http.Request) (list []diskChoice, measured bool) {
	file, _, err := c.file()
	if err != nil || c.cfg.Disks == nil {
		return nil, false
	}
	now := file.Value("storage[0].path")
	rate := c.rate(r)
	if measured = rate > 0; !measured {
		rate = usualRate
	}
	for _, d := range c.cfg.Disks() {
		path := storagePath(d)
		list = append(list, diskChoice{
			Path: path, Free: c.text.size(d.Free), Total: c.text.size(d.Total),
			Days: int(float64(d.Free) / float64(rate) / (24 * time.Hour).Seconds()), Current: path == now || d.Data && (now == "" || now == inData),
		})
	}
	return list, measured
}

// inData is the folder for footage in the data folder, where nothing else is said.
const inData = "footage"

// storagePath is the folder for footage on a disk.
func storagePath(d survey.Disk) string {
	if d.Data {
		return "" // the data folder, which needs no word in the file
	}
	return filepath.Join(d.Path, "gatehouse")
}

// rate is what all cameras together were recorded with in the last hour, in
// bytes a second; 0 if nothing was.
func (c *console) rate(r *http.Request) (sum int64) {
	status, err := c.cfg.Archive.Status(r.Context())
	if err != nil {
		return 0
	}
	for _, s := range status {
		sum += c.flow(r.Context(), s.Camera, s.Stream).Rate
	}
	return sum
}

// firstRunDo takes a step's form over and goes on.
func (c *console) firstRunDo(w http.ResponseWriter, r *http.Request) {
	n := c.step(w, r)
	if n == 0 {
		return
	}
	if r.ParseForm() != nil {
		c.fail(w, r, errBadForm)
		return
	}
	if c.firstStep() == 0 {
		http.Redirect(w, r, "/", http.StatusSeeOther)
		return
	}
	if r.PostFormValue("later") == "" && !c.takeStep(w, r, n) {
		return
	}
	storage := steps[n-passphraseStep-1] == "storage"
	if storage {
		_ = c.cfg.Survey.Find(r.Context()) // the next page says if none was found, and can look again
	}
	next := n + 1
	if next > len(steps)+passphraseStep {
		next = 0
	}
	if err := c.cfg.FirstRun.Reach(next); err != nil {
		c.fail(w, r, err)
		return
	}
	page := firstRunPath(next)
	if storage && c.storageWaits() {
		if c.nothingYet() {
			c.cfg.Restart.Begin()
		} else {
			page += "?note=saved-later"
		}
	}
	http.Redirect(w, r, page, http.StatusSeeOther)
}

// nothingYet reports whether a new start costs nothing: there is no camera, and
// nothing was recorded.
func (c *console) nothingYet() bool { return len(c.cfg.Cameras) == 0 && c.cfg.Restart.Begin != nil }

// storageWaits reports whether storage that was chosen is used at the next start only.
func (c *console) storageWaits() bool {
	return c.cfg.Restart.Waiting != nil && slices.Contains(c.cfg.Restart.Waiting(), "storage")
}

// takeStep writes what a step asks for; false if it has answered.
func (c *console) takeStep(w http.ResponseWriter, r *http.Request, n int) bool {
	file, version, err := c.file()
	if err != nil {
		c.fail(w, r, err)
		return false
	}
	var f form
	var p firstRunPage
	var changes []config.Change
	switch steps[n-passphraseStep-1] {
	case "home":
		f, _ = formOf(settingsForms, "home")
		p.Form = c.fill(f, r.URL.Path, file, version)
		changes = f.changes(p.Form, file, r)
	case "storage":
		changes = c.chooseDisk(file, r.PostFormValue("path"))
	}
	if len(changes) == 0 {
		return true
	}
	if steps[n-passphraseStep-1] == "storage" {
		err = c.claim(r.PostFormValue("path"), file.Value("storage[0].path"), "storage[0].path", changes)
	}
	if err == nil {
		_, err = c.cfg.Settings.Edit(r.PostFormValue("version"), changes...)
	}
	if err == nil {
		return true
	}
	p.Form.retype(r)
	status, ok := c.refuse(&p.Form, f, err)
	if !ok {
		c.fail(w, r, err)
		return false
	}
	c.showFirstRun(w, r, status, n, p)
	return false
}

// chooseDisk records to one of the disks that were shown; nothing changes for any other.
func (c *console) chooseDisk(file config.Written, path string) []config.Change {
	if c.cfg.Disks == nil {
		return nil
	}
	now := file.Value("storage[0].path")
	for _, d := range c.cfg.Disks() {
		if storagePath(d) != path || path == now {
			continue
		}
		switch {
		case path == "":
			return []config.Change{config.Set("storage[0].path", inData)}
		case file.Len("storage") == 0:
			return []config.Change{config.Append("storage", config.Map{{Key: "path", Value: path}})}
		}
		return []config.Change{config.Set("storage[0].path", path)}
	}
	return nil
}
