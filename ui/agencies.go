package ui

import (
	"errors"
	"io"
	"net/http"
	"net/url"
	"sort"

	"gatehouse/hub/bulletin"
	"gatehouse/hub/request"
)

// agenciesView is the allowlist and what could be added to it.
type agenciesView struct {
	Problem *problem
	Allowed []allowedRow
	Known   []knownRow
	Chosen  string // root of the form that was refused
}

type allowedRow struct {
	Agency, Name, CallBack string
	Added                  moment
	Words, Root            string
	Changed                []knownRow // what the bulletin shows with other root keys
}

type knownRow struct {
	Agency, Name, CallBack, Policy, Oversight string
	Level                                     string // locale key
	Words, Root                               string
	RootID                                    string // as the form sends it: what is confirmed is what was shown
	Expires                                   moment
	Hosts                                     []string
}

func (c *console) agencies(w http.ResponseWriter, r *http.Request) {
	c.showAgencies(w, r, http.StatusOK, nil)
}

func (c *console) showAgencies(w http.ResponseWriter, r *http.Request, status int, p *problem) {
	known, err := c.cfg.Requests.Known(r.Context())
	if err != nil {
		c.fail(w, r, err)
		return
	}
	v := agenciesView{Problem: p}
	if v.Chosen = r.FormValue("card"); p != nil && r.PostForm != nil {
		v.Chosen = r.PostForm.Get("root")
	}
	listed := map[string]bool{}
	for _, a := range c.cfg.Requests.Allowlist() {
		listed[a.Agency] = true
		row := allowedRow{
			Agency: a.Agency, Name: a.Name, CallBack: a.CallBack, Added: c.at(a.Added, dayForm),
			Words: hashWords(a.Root), Root: group(a.Root),
		}
		for _, k := range request.Changed(a, known, c.cfg.Now()) {
			row.Changed = append(row.Changed, c.knownRow(k))
		}
		v.Allowed = append(v.Allowed, row)
	}
	for _, k := range known {
		if !listed[k.Agency] {
			v.Known = append(v.Known, c.knownRow(k))
		}
	}
	sort.SliceStable(v.Known, func(i, j int) bool { return v.Known[i].Name < v.Known[j].Name })
	c.render(w, r, status, "agencies", view{Title: "agencies.title", Place: "requests", Body: v})
}

func (c *console) knownRow(k bulletin.VerifiedProfile) knownRow {
	row := knownRow{
		Agency: k.Agency, Name: k.Name, CallBack: k.CallBack, Policy: k.Policy, Oversight: k.Oversight,
		Level: "level." + k.Level, Words: hashWords(k.RootID), Root: group(k.RootID), RootID: k.RootID,
		Expires: c.at(k.Expires, dayForm),
	}
	if !c.text.has(row.Level) {
		row.Level = "level.other"
	}
	for _, h := range k.UploadHosts {
		row.Hosts = append(row.Hosts, h.Host)
	}
	return row
}

// allow needs the passphrase again: from here on an agency may ask this home.
func (c *console) allow(w http.ResponseWriter, r *http.Request) {
	r, err := c.confirm(r)
	if err == nil {
		_, err = c.cfg.Requests.Allow(r.Context(), r.PostFormValue("agency"), r.PostFormValue("root"), visitor(r).Person.Words())
	}
	c.afterAgency(w, r, err, "agency-added")
}

// disallow needs none: saying no is never made harder.
func (c *console) disallow(w http.ResponseWriter, r *http.Request) {
	err := r.ParseForm()
	if err != nil {
		err = errBadForm
	} else {
		err = c.cfg.Requests.Disallow(r.Context(), r.PostFormValue("agency"), visitor(r).Person.Words())
	}
	c.afterAgency(w, r, err, "agency-removed")
}

// card takes an agency's key card, a file; what it says is then shown like a
// profile of the bulletin. It needs no passphrase: nothing is allowed by it.
func (c *console) card(w http.ResponseWriter, r *http.Request) {
	p, err := c.readCard(r)
	if err != nil {
		shown := c.explainFor(r, err)
		c.showAgencies(w, r, shown.Status, &shown)
		return
	}
	http.Redirect(w, r, "/agencies?card="+url.QueryEscape(p.RootID)+"#known", http.StatusSeeOther)
}

func (c *console) readCard(r *http.Request) (bulletin.VerifiedProfile, error) {
	if err := r.ParseMultipartForm(maxForm); err != nil {
		return bulletin.VerifiedProfile{}, errBadForm
	}
	f, _, err := r.FormFile("card")
	if err != nil {
		return bulletin.VerifiedProfile{}, errNoCard
	}
	defer f.Close() //nolint:errcheck // read only
	data, err := io.ReadAll(f)
	if err != nil {
		return bulletin.VerifiedProfile{}, errBadForm
	}
	p, err := c.cfg.Requests.TakeCard(r.Context(), data)
	var refusal *bulletin.Refusal
	if errors.As(err, &refusal) && refusal.Code != bulletin.OldProfile && refusal.Code != bulletin.RootChanged {
		err = errBadCard // what is wrong with its bytes is for the agency to find out
	}
	return p, err
}

func (c *console) afterAgency(w http.ResponseWriter, r *http.Request, err error, note string) {
	if err != nil {
		p := c.explainFor(r, err)
		c.showAgencies(w, r, p.Status, &p)
		return
	}
	http.Redirect(w, r, "/agencies?note="+note, http.StatusSeeOther)
}

// targetHost is where a delivery goes, for people.
func targetHost(t bulletin.Target) string {
	u, err := url.Parse(t.URL)
	if err != nil || u.Host == "" {
		return t.Kind
	}
	return u.Host
}
