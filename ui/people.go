package ui

import (
	"context"
	"errors"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"

	"gatehouse/hub/account"
	"gatehouse/hub/label"
)

// peopleView is the owner's page of who may log in.
type peopleView struct {
	Problem *problem
	People  []personRow
	Invites []inviteRow
	New     personForm
	Fresh   *freshInvite
}

type personRow struct {
	Name    string
	Label   string // what people read, the name if nothing else was said
	Typed   string // the label as it was said
	Role    string // locale key
	Cameras []string
	Fixed   bool // the first owner: not removed, not changed
	Last    moment
	Form    personForm
}

type inviteRow struct {
	Name, Label, Role string
	Until             moment
}

// personForm is a choice of role and cameras.
type personForm struct {
	ID      string // for ids of fields
	Name    string
	Label   string
	Taken   string // names that somebody has, with spaces between
	Roles   []choice
	Cameras []choice
}

// freshInvite is an invitation just made: its code is shown this once.
type freshInvite struct {
	Name, Label, Code string
	Links             []string // for the person's own device; the QR code is the first
	Until             moment
	QR                *qrPath // nil if no other device finds this console
}

func (c *console) people(w http.ResponseWriter, r *http.Request) {
	c.showPeople(w, r, http.StatusOK, nil, nil)
}

func (c *console) showPeople(w http.ResponseWriter, r *http.Request, status int, p *problem, fresh *freshInvite) {
	v := peopleView{Problem: p, Fresh: fresh}
	people, err := c.cfg.Accounts.People(r.Context())
	if err != nil {
		c.fail(w, r, err)
		return
	}
	for _, x := range people {
		row := personRow{
			Name: x.Name, Label: x.Called(), Typed: x.Label, Role: "role." + string(x.Role), Cameras: c.calledAll(x.Cameras),
			Fixed: x.Number == account.OwnerNumber, Form: c.personForm("p-"+x.Name, x),
		}
		seen, err := c.cfg.Accounts.Sessions(r.Context(), x.Number)
		if err != nil {
			c.fail(w, r, err)
			return
		}
		if len(seen) > 0 {
			row.Last = c.at(seen[0].Seen, dayForm+", "+clockForm)
		}
		v.People = append(v.People, row)
	}
	invites, err := c.cfg.Accounts.Invites(r.Context())
	if err != nil {
		c.fail(w, r, err)
		return
	}
	for _, i := range invites {
		v.Invites = append(v.Invites, inviteRow{i.Person.Name, i.Person.Called(), "role." + string(i.Person.Role), c.at(i.Expires, dayForm+", "+clockForm)})
	}
	v.New = c.personForm("new", account.Person{Role: account.Viewer})
	if p != nil && r.Pattern == "POST /people/invite" {
		v.New = c.personForm("new", typedPerson(r))
	}
	v.New.Taken = takenNames(people, invites)
	c.render(w, r, status, "people", view{Title: "people.title", Place: "settings", Body: v})
}

func (c *console) personForm(id string, p account.Person) personForm {
	f := personForm{ID: id, Name: p.Name, Label: p.Label}
	for _, role := range roles {
		f.Roles = append(f.Roles, choice{Value: string(role), Text: "role." + string(role), Current: role == p.Role})
	}
	for _, cam := range c.cfg.Cameras {
		f.Cameras = append(f.Cameras, choice{Value: cam.Name, Text: cam.Called(), Current: slices.Contains(p.Cameras, cam.Name)})
	}
	return f
}

// typedPerson reads a form. Cameras that were ticked for who is no viewer mean
// nothing: they see all.
func typedPerson(r *http.Request) account.Person {
	p := account.Person{Name: strings.TrimSpace(r.PostFormValue("name")), Label: r.PostFormValue("label"), Role: account.Role(r.PostFormValue("role"))}
	if p.Role == account.Viewer {
		p.Cameras = r.PostForm["camera"]
	}
	return p
}

// takenNames are the names that nobody can be given any more.
func takenNames(people []account.Person, invites []account.Invite) string {
	var list []string
	for _, p := range people {
		list = append(list, p.Name)
	}
	for _, i := range invites {
		list = append(list, i.Person.Name)
	}
	return strings.Join(list, " ")
}

// proposed is a name for a person who was given a label alone.
func (c *console) proposed(ctx context.Context, called string) (string, error) {
	people, err := c.cfg.Accounts.People(ctx)
	if err != nil {
		return "", err
	}
	invites, err := c.cfg.Accounts.Invites(ctx)
	if err != nil {
		return "", err
	}
	taken := strings.Fields(takenNames(people, invites))
	return label.Slug(called, "person", func(name string) bool { return slices.Contains(taken, name) }), nil
}

// afterPeople answers a change: every one of them needs the passphrase again.
func (c *console) afterPeople(w http.ResponseWriter, r *http.Request, note string, do func(*http.Request) error) {
	r, err := c.confirm(r)
	if err == nil {
		err = do(r)
	}
	if err != nil {
		p := c.explainFor(r, err)
		c.showPeople(w, r, p.Status, &p, nil)
		return
	}
	http.Redirect(w, r, "/people?note="+note, http.StatusSeeOther)
}

// labelPerson needs no passphrase: it changes what is read, and nothing that
// anybody may do.
func (c *console) labelPerson(w http.ResponseWriter, r *http.Request) {
	err := r.ParseForm()
	if err != nil {
		err = errBadForm
	} else {
		err = c.cfg.Accounts.Label(r.Context(), r.PostFormValue("name"), r.PostFormValue("label"))
	}
	if err != nil {
		p := c.explainFor(r, err)
		c.showPeople(w, r, p.Status, &p, nil)
		return
	}
	http.Redirect(w, r, "/people?note=person-changed", http.StatusSeeOther)
}

func (c *console) changePerson(w http.ResponseWriter, r *http.Request) {
	c.afterPeople(w, r, "person-changed", func(r *http.Request) error {
		return c.cfg.Accounts.ChangePerson(r.Context(), typedPerson(r))
	})
}

func (c *console) removePerson(w http.ResponseWriter, r *http.Request) {
	c.afterPeople(w, r, "person-removed", func(r *http.Request) error {
		return c.cfg.Accounts.RemovePerson(r.Context(), r.PostFormValue("name"))
	})
}

func (c *console) uninvite(w http.ResponseWriter, r *http.Request) {
	c.afterPeople(w, r, "uninvited", func(r *http.Request) error {
		return c.cfg.Accounts.Uninvite(r.Context(), r.PostFormValue("name"))
	})
}

// invite shows the code on the page that answers: it is stored nowhere, so a
// redirect would lose it.
func (c *console) invite(w http.ResponseWriter, r *http.Request) {
	fresh, r, err := c.tryInvite(r)
	if err != nil {
		p := c.explainFor(r, err)
		c.showPeople(w, r, p.Status, &p, nil)
		return
	}
	c.showPeople(w, r, http.StatusOK, nil, fresh)
}

func (c *console) tryInvite(r *http.Request) (*freshInvite, *http.Request, error) {
	r, err := c.confirm(r)
	if err != nil {
		return nil, r, err
	}
	p := typedPerson(r)
	if p.Name == "" && p.Label != "" {
		if p.Name, err = c.proposed(r.Context(), p.Label); err != nil {
			return nil, r, err
		}
	}
	code, until, err := c.cfg.Accounts.Invite(r.Context(), p)
	if errors.Is(err, account.ErrExists) {
		return nil, r, errTaken
	}
	if err != nil {
		return nil, r, err
	}
	fresh := &freshInvite{Name: p.Name, Label: p.Called(), Code: code, Until: c.at(until, dayForm+", "+clockForm)}
	for _, base := range c.elsewhere(r) {
		fresh.Links = append(fresh.Links, base+"/join?"+url.Values{"code": {code}}.Encode())
	}
	if len(fresh.Links) > 0 {
		if fresh.QR, err = drawQR(fresh.Links[0]); err != nil {
			return nil, r, err
		}
	}
	return fresh, r, nil
}

// elsewhere lists where another device opens this console: as this browser did,
// or, since a name such as localhost means another machine there, by the hub's
// addresses at home. It is empty if no other device can.
func (c *console) elsewhere(r *http.Request) []string {
	if !onlyHere(hostOf(r)) {
		scheme := "http"
		if r.TLS != nil {
			scheme = "https"
		}
		return []string{scheme + "://" + r.Host}
	}
	if c.cfg.Reach == nil {
		return nil
	}
	scheme := "http"
	if c.cfg.Trust.HTTPS {
		scheme = "https"
	}
	var list []string
	for _, at := range c.cfg.Reach() {
		list = append(list, scheme+"://"+at)
	}
	return list[:min(len(list), maxReach)]
}

// maxReach is how many addresses are shown: a machine with containers has many.
const maxReach = 4

// onlyHere reports whether a host name means the machine that it is used on.
func onlyHere(host string) bool {
	a, err := netip.ParseAddr(host)
	return err == nil && a.Unmap().IsLoopback() || host == "localhost" || strings.HasSuffix(host, ".localhost")
}

// joinView is the page on which an invited person sets their passphrase.
type joinView struct {
	Problem *problem
	Code    string
	Name    string // empty until a code is known to be good
	Label   string
	Role    string // locale key
	Cameras []string
}

func (c *console) joinForm(w http.ResponseWriter, r *http.Request) {
	if c.owned(w, r) {
		c.showJoin(w, r, http.StatusOK, nil)
	}
}

func (c *console) showJoin(w http.ResponseWriter, r *http.Request, status int, p *problem) {
	v := joinView{Problem: p, Code: strings.TrimSpace(r.FormValue("code"))}
	if v.Code != "" {
		who, err := c.cfg.Accounts.Invited(r.Context(), v.Code)
		if err == nil {
			v.Name, v.Label, v.Role, v.Cameras = who.Name, who.Called(), "role."+string(who.Role), c.calledAll(who.Cameras)
		} else if p == nil {
			q := c.explainFor(r, err)
			status, v.Problem = q.Status, &q
		}
	}
	c.render(w, r, status, "join", view{Title: "join.title", Bare: true, Body: v})
}

// joinDo makes the invited person and logs them in.
func (c *console) joinDo(w http.ResponseWriter, r *http.Request) {
	p, err := c.tryJoin(r)
	if err != nil {
		q := c.explainFor(r, err)
		c.showJoin(w, r, q.Status, &q)
		return
	}
	c.enter(w, r, p.Name, r.PostFormValue("passphrase"), "/")
}

func (c *console) tryJoin(r *http.Request) (account.Person, error) {
	if err := r.ParseForm(); err != nil {
		return account.Person{}, errBadForm
	}
	if r.PostFormValue("passphrase") != r.PostFormValue("repeat") {
		return account.Person{}, errRepeat
	}
	p, err := c.cfg.Accounts.Accept(r.Context(), r.PostFormValue("code"), r.PostFormValue("passphrase"))
	if errors.Is(err, account.ErrExists) {
		err = errTaken
	}
	return p, err
}

// confirmPath is the page that asks for the passphrase and leads on.
func confirmPath(next string) string { return "/confirm?next=" + url.QueryEscape(next) }
