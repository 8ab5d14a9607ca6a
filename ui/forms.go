package ui

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net/http"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"gatehouse/hub/config"
)

// settingsForms are the pages of settings, in the order of their links.
var settingsForms = []form{
	{key: "home", base: "home", fields: []field{
		{name: "name", kind: textField, usual: "Home"},
		{name: "timezone", kind: textField},
		{name: "position.lat", kind: numberField},
		{name: "position.lon", kind: numberField},
	}},
	{key: "telling", base: "sharing", fields: []field{
		{name: "digest", kind: textField, usual: "18:00"},
		{name: "quiet_hours", kind: hoursField},
		{name: "rings", kind: wholeField, usual: "3"},
	}},
	{key: "sending", base: "sharing", fields: []field{
		{name: "opt_out", kind: checkField, usual: "false"},
		{name: "cool_down.min", kind: textField, usual: "5m"},
		{name: "cool_down.max", kind: textField, usual: "60m"},
		{name: "hold_quota", kind: textField, usual: "10%"},
	}},
	{key: "limits", base: "sharing", again: true, fields: []field{
		{name: "approvals", kind: wholeField, usual: "1"},
		{name: "per_case.time", kind: textField, usual: "12h"},
		{name: "per_case.km2", kind: numberField, usual: "1.295"},
	}},
	{key: "doorbell", base: "homekit", later: true, fields: []field{
		{name: "enabled", kind: checkField, usual: "false"},
		{name: "listen", kind: textField, usual: "127.0.0.1:0"},
		{name: "interfaces", kind: listField},
		{name: "name", kind: textField, usual: "Video request"},
		{name: "neutral", kind: checkField, usual: "false"},
		{name: "language", kind: choiceField, usual: "en", choices: config.Languages},
	}},
	{key: "lock", base: "homekit", again: true, fields: []field{
		{name: "consent_lock", kind: checkField, usual: "false"},
	}},
	{key: "access", later: true, fields: []field{
		{name: "listen", kind: textField, usual: "127.0.0.1:8080"},
		{name: "hosts", kind: listField},
		{name: "intake.listen", kind: textField},
	}},
	{key: "https", base: "https", later: true, more: "/trust", check: certificateReadable, fields: []field{
		{name: "mode", kind: choiceField, usual: "auto", choices: []string{"auto", "off"}},
		{name: "certificate", kind: textField},
		{name: "key", kind: textField},
	}},
	{key: "live", base: "live", later: true, fields: []field{
		{name: "port", kind: wholeField},
		{name: "addresses", kind: listField},
	}},
}

// certificateReadable tries a certificate of the owner's own: with one that does
// not work the console would answer this machine alone after the next start.
func certificateReadable(r *http.Request) error {
	certificate, key := strings.TrimSpace(r.PostFormValue("certificate")), strings.TrimSpace(r.PostFormValue("key"))
	if !filepath.IsAbs(certificate) || !filepath.IsAbs(key) {
		return nil // the file's checks have words for it
	}
	if _, err := tls.LoadX509KeyPair(certificate, key); err != nil {
		return fmt.Errorf("%w: %w", errCertificate, err)
	}
	return nil
}

// settingsLists are the settings that are lists of alike things.
var settingsLists = []form{
	{key: "storage", base: "storage", later: true, fields: []field{
		{name: "path", kind: textField},
		{name: "profile", kind: choiceField, usual: "disk", choices: []string{"disk", "sd"}},
		{name: "keep.days", kind: wholeField},
		{name: "keep.bytes", kind: textField},
		{name: "keep.free", kind: textField, usual: "1GB"},
	}},
	{key: "feeds", base: "bulletins", later: true, fields: []field{
		{name: "url", kind: textField},
		{name: "log", kind: textField},
		{name: "witnesses", kind: listField},
		{name: "mirrors", kind: listField},
		{name: "every", kind: textField, usual: "1h"},
	}},
}

// settingsTable are the routes of settings, cameras and set-up.
func (c *console) settingsTable() []route {
	return []route{
		{"GET /setup/{step}", page, owners, c.firstRun},
		{"POST /setup/{step}", inPage, owners, c.firstRunDo},

		{"GET /settings/health", page, owners, c.healthPage},
		{"GET /settings/health/diagnostics.txt", inPage, owners, c.diagnostics},
		{"GET /settings/cameras", page, owners, c.cameraList},
		{"GET /settings/cameras/add", page, owners, c.addCamera},
		{"POST /settings/cameras/find", inPage, owners, c.findCameras},
		{"POST /settings/cameras/ask", inPage, owners, c.askCamera},
		{"GET /settings/cameras/add/{draft}", page, owners, c.draftCamera},
		{"POST /settings/cameras/add/{draft}", inPage, owners, c.saveCamera},
		{"GET /settings/cameras/add/{draft}/{picture}", inPage, owners, c.draftPicture},
		{"GET /settings/camera/{camera}", page, owners, c.cameraPage},
		{"POST /settings/camera/{camera}", inPage, owners, c.cameraDo},
		{"POST /settings/camera/{camera}/pause", inPage, owners, c.cameraPause},
		{"POST /settings/camera/{camera}/rename", inPage, owners, c.cameraRename},
		{"POST /settings/camera/{camera}/remove", inPage, owners, c.cameraRemove},

		{"GET /settings/{form}", page, owners, c.settingsForm},
		{"POST /settings/{form}", inPage, owners, c.settingsFormDo},
		{"GET /settings/{form}/{entry}", page, owners, c.settingsEntry},
		{"POST /settings/{form}/{entry}", inPage, owners, c.settingsEntryDo},
	}
}

func formOf(list []form, key string) (form, bool) {
	for _, f := range list {
		if f.key == key {
			return f, true
		}
	}
	return form{}, false
}

// formPage is the body of a page of settings.
type formPage struct {
	Key     string // in the texts form.KEY and form.KEY-lead
	Form    formView
	Now     moment // of the home's page, so that a wrong clock is seen
	Zone    string
	Entries []entryRow // of a list
	List    bool
	More    string // page to read beside it
	Remove  string // address of the form that removes the entry; empty if there is none
}

// entryRow is a line of a list.
type entryRow struct{ Link, Title string }

// file reads the file for a form.
func (c *console) file() (config.Written, string, error) {
	text, version, err := c.cfg.Settings.Read()
	if err != nil {
		return config.Written{}, "", fmt.Errorf("opening settings: %w", err)
	}
	file, err := config.Values(text)
	if err != nil {
		return file, "", fmt.Errorf("%w: %w", errUneditable, err)
	}
	return file, version, nil
}

func (c *console) settingsForm(w http.ResponseWriter, r *http.Request) {
	key := r.PathValue("form")
	f, single := formOf(settingsForms, key)
	l, list := formOf(settingsLists, key)
	if c.cfg.Settings == nil || !single && !list {
		c.fail(w, r, errNoPage)
		return
	}
	file, version, err := c.file()
	if err != nil {
		c.fail(w, r, err)
		return
	}
	if single {
		c.showForm(w, r, http.StatusOK, formPage{Key: key, More: f.more, Form: c.fill(f, "/settings/"+key, file, version)})
		return
	}
	page := formPage{Key: key, List: true, Form: formView{Later: l.later}}
	for i := range file.Len(l.base) {
		title := file.Value(fmt.Sprintf("%s[%d].%s", l.base, i, l.fields[0].name))
		page.Entries = append(page.Entries, entryRow{fmt.Sprintf("/settings/%s/%d", key, i), title})
	}
	c.showForm(w, r, http.StatusOK, page)
}

func (c *console) showForm(w http.ResponseWriter, r *http.Request, status int, p formPage) {
	l := visitor(r)
	p.Form.Confirmed, p.Form.Who = c.cfg.Accounts.Confirmed(l), l.Person.Name
	p.Now, p.Zone = c.at(c.cfg.Now(), dayForm+", "+exactForm), c.zone()
	c.render(w, r, status, "form", view{Title: "form." + p.Key, Place: "settings", Body: p})
}

func (c *console) settingsFormDo(w http.ResponseWriter, r *http.Request) {
	f, ok := formOf(settingsForms, r.PathValue("form"))
	if c.cfg.Settings == nil || !ok {
		c.fail(w, r, errNoPage)
		return
	}
	c.save(w, r, f, formPage{Key: f.key, More: f.more}, "/settings/"+f.key, "")
}

// save takes a form over, and goes on, or shows it again with everything that
// was typed. add is the list that the form is a new entry of.
func (c *console) save(w http.ResponseWriter, r *http.Request, f form, page formPage, next, add string) {
	if err := r.ParseForm(); err != nil {
		c.fail(w, r, errBadForm)
		return
	}
	file, version, err := c.file()
	if err != nil {
		c.fail(w, r, err)
		return
	}
	page.Form = c.fill(f, r.URL.Path, file, version)
	if f.again && f.sets(page.Form, r) {
		if _, err := c.confirm(r); err != nil {
			p := c.explainFor(r, err)
			page.Form.retype(r)
			page.Form.Problem = &p
			c.showForm(w, r, p.Status, page)
			return
		}
	}
	changes := f.changes(page.Form, file, r)
	if add != "" {
		changes = []config.Change{config.Append(add, f.entry(r))}
	}
	if f.check != nil {
		err = f.check(r)
	}
	if err == nil && f.key == "storage" {
		err = c.claim(strings.TrimSpace(r.PostFormValue("path")), page.Form.Fields[0].Value, f.path("path"), changes)
	}
	if err == nil {
		err = c.editFile(r, changes)
	}
	if err == nil {
		c.done(w, r, next, f.later || slices.Contains(c.waitingFor(), f.key))
		return
	}
	page.Form.retype(r)
	status, ok := c.refuse(&page.Form, f, err)
	if !ok {
		c.fail(w, r, err)
		return
	}
	c.showForm(w, r, status, page)
}

// editFile edits the file that the form was drawn from. No change is a button pressed
// twice: the file says already what was typed.
func (c *console) editFile(r *http.Request, changes []config.Change) error {
	if len(changes) == 0 {
		return nil
	}
	_, err := c.cfg.Settings.Edit(r.PostFormValue("version"), changes...)
	return err
}

// done goes on after an edit, and says when it is used.
func (c *console) done(w http.ResponseWriter, r *http.Request, next string, later bool) {
	note := "saved"
	if later {
		note = "saved-later"
	}
	http.Redirect(w, r, next+"?note="+note, http.StatusSeeOther)
}

// entryForm is the form of one entry of a list, by its number, or of a new one.
func (c *console) entryForm(r *http.Request) (f form, base string, added bool, ok bool) {
	l, ok := formOf(settingsLists, r.PathValue("form"))
	if c.cfg.Settings == nil || !ok {
		return f, "", false, false
	}
	base = l.base
	if r.PathValue("entry") == "new" {
		l.base += "[new]"
		return l, base, true, true
	}
	n, err := strconv.Atoi(r.PathValue("entry"))
	file, _, ferr := c.file()
	if err != nil || ferr != nil || n < 0 || n >= file.Len(l.base) {
		return f, "", false, false
	}
	l.base = fmt.Sprintf("%s[%d]", base, n)
	return l, base, false, true
}

func (c *console) settingsEntry(w http.ResponseWriter, r *http.Request) {
	f, _, added, ok := c.entryForm(r)
	file, version, err := config.Written{}, "", errNoPage
	if ok {
		file, version, err = c.file()
	}
	if err != nil {
		c.fail(w, r, err)
		return
	}
	page := formPage{Key: f.key, Form: c.fill(f, r.URL.Path, file, version)}
	if !added {
		page.Remove = r.URL.Path
	}
	c.showForm(w, r, http.StatusOK, page)
}

func (c *console) settingsEntryDo(w http.ResponseWriter, r *http.Request) {
	f, base, added, ok := c.entryForm(r)
	if !ok {
		c.fail(w, r, errNoPage)
		return
	}
	if !added && r.PostFormValue("remove") != "" {
		c.removeEntry(w, r, f)
		return
	}
	page := formPage{Key: f.key}
	if !added {
		base, page.Remove = "", r.URL.Path
	}
	c.save(w, r, f, page, "/settings/"+f.key, base)
}

func (c *console) removeEntry(w http.ResponseWriter, r *http.Request, f form) {
	if _, err := c.cfg.Settings.Edit(r.PostFormValue("version"), config.Delete(f.base)); err != nil {
		c.failEdit(w, r, err)
		return
	}
	c.done(w, r, "/settings/"+f.key, f.later)
}

// failEdit shows why a button's edit was not made.
func (c *console) failEdit(w http.ResponseWriter, r *http.Request, err error) {
	var v formView
	if _, ok := c.refuse(&v, form{}, err); !ok {
		c.fail(w, r, err)
		return
	}
	c.render(w, r, v.Problem.Status, "error", view{Title: "error.title", Place: "settings", Body: *v.Problem})
}

// Errors of forms.
var (
	errField       = errors.New("a value is wrong")
	errCertificate = errors.New("certificate and key cannot be used")
	errBrokenFile  = errors.New("gatehouse.yml has mistakes")
	errUneditable  = errors.New("gatehouse.yml cannot be edited as it is written")
)
