package ui

import (
	"net/http"
	"strings"

	"gatehouse/hub/account"
)

// youView is a person's own page: who they are here, and where they are logged in.
type youView struct {
	Problem  *problem
	Role     string // locale key
	Cameras  []string
	Sessions []sessionRow
	Passkeys []passkeyRow
}

// sessionRow is one log-in.
type sessionRow struct {
	ID      string
	Browser string // as it names itself, shortened; empty if it does not
	System  string
	First   moment
	Last    moment
	Peer    string
	Here    bool // the one that shows the page
}

func (c *console) you(w http.ResponseWriter, r *http.Request) {
	c.showYou(w, r, http.StatusOK, nil)
}

func (c *console) showYou(w http.ResponseWriter, r *http.Request, status int, p *problem) {
	l := visitor(r)
	list, err := c.cfg.Accounts.Sessions(r.Context(), l.Person.Number)
	if err != nil {
		c.fail(w, r, err)
		return
	}
	v := youView{Problem: p, Role: "role." + string(l.Person.Role), Cameras: c.calledAll(l.Person.Cameras)}
	if v.Passkeys, err = c.passkeyRows(r); err != nil {
		c.fail(w, r, err)
		return
	}
	for _, s := range list {
		row := sessionRow{
			ID: s.ID(), First: c.at(s.Created, dayForm+", "+clockForm), Last: c.at(s.Seen, dayForm+", "+clockForm),
			Peer: s.Peer, Here: s.TokenHash == l.TokenHash,
		}
		row.Browser, row.System = device(s.Agent)
		v.Sessions = append(v.Sessions, row)
	}
	c.render(w, r, status, "you", view{Title: "you.title", Place: "you", Body: v})
}

// device names a browser and its system by its User-Agent: what a person would
// call them, not what they are built from. The first word that fits counts.
func device(agent string) (browser, system string) {
	for _, b := range [][2]string{{"Edg", "Edge"}, {"OPR/", "Opera"}, {"SamsungBrowser", "Samsung Internet"}, {"Firefox", "Firefox"}, {"FxiOS", "Firefox"}, {"CriOS", "Chrome"}, {"Chrome", "Chrome"}, {"Safari", "Safari"}, {"curl", "curl"}} {
		if strings.Contains(agent, b[0]) {
			browser = b[1]
			break
		}
	}
	for _, s := range [][2]string{{"iPhone", "iPhone"}, {"iPad", "iPad"}, {"Android", "Android"}, {"Windows", "Windows"}, {"Mac OS X", "macOS"}, {"CrOS", "ChromeOS"}, {"Linux", "Linux"}} {
		if strings.Contains(agent, s[0]) {
			system = s[1]
			break
		}
	}
	return browser, system
}

// changePassphrase also ends every session of the person, this one too.
func (c *console) changePassphrase(w http.ResponseWriter, r *http.Request) {
	if err := c.tryChange(r); err != nil {
		p := c.explainFor(r, err)
		c.showYou(w, r, p.Status, &p)
		return
	}
	setCookie(w, r, "")
	http.Redirect(w, r, "/login?note=passphrase-changed", http.StatusSeeOther)
}

func (c *console) tryChange(r *http.Request) error {
	if err := r.ParseForm(); err != nil {
		return errBadForm
	}
	if r.PostFormValue("passphrase") != r.PostFormValue("repeat") {
		return errRepeat
	}
	return c.cfg.Accounts.ChangePassphrase(r.Context(), visitor(r).Person, peer(r), r.PostFormValue("current"), r.PostFormValue("passphrase"))
}

// endSession ends one of the person's own sessions. It needs no passphrase: to
// log out is never made harder.
func (c *console) endSession(w http.ResponseWriter, r *http.Request) {
	if err := r.ParseForm(); err != nil {
		c.fail(w, r, errBadForm)
		return
	}
	if err := c.cfg.Accounts.EndSession(r.Context(), visitor(r).Person.Number, r.PostFormValue("session")); err != nil {
		c.fail(w, r, err)
		return
	}
	http.Redirect(w, r, "/you?note=session-ended", http.StatusSeeOther)
}

// endSessions logs the person out everywhere, here too.
func (c *console) endSessions(w http.ResponseWriter, r *http.Request) {
	if err := c.cfg.Accounts.EndSessions(r.Context(), visitor(r).Person.Number); err != nil {
		c.fail(w, r, err)
		return
	}
	setCookie(w, r, "")
	http.Redirect(w, r, "/login?note=logged-out-everywhere", http.StatusSeeOther)
}

// roles are what a person may be, in the order offered.
var roles = []account.Role{account.Viewer, account.Approver, account.Owner}
