package ui

import (
	"errors"
	"net/http"
	"net/netip"
	"strings"

	"gatehouse/hub/account"
)

// passkeyRow is one passkey of a person.
type passkeyRow struct {
	Short, Name, Host string
	Made, Last        moment
}

// passkeyView is the page on which a passkey is made.
type passkeyView struct {
	Problem *problem
	Here    bool // one can be made where the browser opened the console
	Host    string
	Options string // for the browser, as JSON
	Name    string
}

// siteOf is where a request's browser opened the console, if browsers make
// passkeys there: at a name, over HTTPS or on the machine itself. The guard has
// checked that the name is the hub's. Behind a proxy that takes HTTPS the hub
// cannot know, and says no.
func siteOf(r *http.Request) (account.Site, bool) {
	host, at := hostOf(r), strings.ToLower(r.Host)
	if _, err := netip.ParseAddr(host); err == nil || host == "" || strings.Contains(at, ".:") || strings.HasSuffix(at, ".") {
		return account.Site{}, false
	}
	switch {
	case r.TLS != nil:
		return account.Site{Host: host, Origin: "https://" + at}, true
	case onlyHere(host):
		return account.Site{Host: host, Origin: "http://" + at}, true
	}
	return account.Site{}, false
}

// passkeyLogIn reports whether the page of log-in offers passkeys.
func (c *console) passkeyLogIn(r *http.Request) bool {
	site, ok := siteOf(r)
	if !ok {
		return false
	}
	has, err := c.cfg.Accounts.HasPasskeys(r.Context(), site.Host)
	if err != nil {
		c.cfg.Log.Error("console request failed", "path", r.Pattern, "err", err) // the passphrase is asked for all the same
	}
	return has
}

// passkeyAsk gives the script of the page of log-in a question for the browser.
func (c *console) passkeyAsk(w http.ResponseWriter, r *http.Request) {
	site, ok := siteOf(r)
	if !ok {
		c.fail(w, r, errNoPage)
		return
	}
	options, err := c.cfg.Accounts.BeginPasskeyLogIn(peer(r), site)
	if err != nil {
		c.fail(w, r, err)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(options)
}

// passkeyEnter logs in with what the browser answered.
func (c *console) passkeyEnter(w http.ResponseWriter, r *http.Request) {
	token, err := c.tryPasskey(r)
	if err != nil {
		p := c.explainFor(r, err)
		c.showLogin(w, r, p.Status, &p)
		return
	}
	c.entered(w, r, token, r.PostFormValue("next"))
}

func (c *console) tryPasskey(r *http.Request) (token string, err error) {
	if err := r.ParseForm(); err != nil {
		return "", errBadForm
	}
	site, ok := siteOf(r)
	if !ok {
		return "", account.ErrPasskey
	}
	return c.cfg.Accounts.LogInPasskey(r.Context(), peer(r), r.UserAgent(), site, []byte(r.PostFormValue("answer")))
}

// passkeyForm shows the page on which a passkey is made, after the passphrase.
func (c *console) passkeyForm(w http.ResponseWriter, r *http.Request) {
	c.showPasskey(w, r, http.StatusOK, nil)
}

const passkeyPath = "/you/passkeys/add"

func (c *console) showPasskey(w http.ResponseWriter, r *http.Request, status int, p *problem) {
	site, ok := siteOf(r)
	v := passkeyView{Problem: p, Here: ok, Host: site.Host, Name: r.PostFormValue("name")}
	if ok {
		options, err := c.cfg.Accounts.BeginPasskey(r.Context(), visitor(r), peer(r), site)
		if errors.Is(err, account.ErrUnconfirmed) {
			http.Redirect(w, r, confirmPath(passkeyPath), http.StatusSeeOther)
			return
		}
		if errors.Is(err, account.ErrPasskeys) {
			q := c.explainFor(r, err)
			c.showYou(w, r, q.Status, &q)
			return
		}
		if err != nil {
			c.fail(w, r, err)
			return
		}
		v.Options = string(options)
	}
	if browser, system := device(r.UserAgent()); v.Name == "" && browser != "" && system != "" {
		v.Name = c.text.say("you.device", "browser", browser, "system", system)
	}
	c.render(w, r, status, "passkey", view{Title: "passkey.title", Place: "you", Body: v})
}

// passkeyAdd stores what the browser made; what is wrong is said beside a new question.
func (c *console) passkeyAdd(w http.ResponseWriter, r *http.Request) {
	if err := c.tryAddPasskey(r); err != nil {
		p := c.explainFor(r, err)
		c.showPasskey(w, r, p.Status, &p)
		return
	}
	http.Redirect(w, r, "/you?note=passkey-added#passkeys", http.StatusSeeOther)
}

func (c *console) tryAddPasskey(r *http.Request) error {
	if err := r.ParseForm(); err != nil {
		return errBadForm
	}
	site, ok := siteOf(r)
	if !ok {
		return account.ErrPasskey
	}
	_, err := c.cfg.Accounts.AddPasskey(r.Context(), visitor(r), site, r.PostFormValue("name"), []byte(r.PostFormValue("answer")))
	return err
}

// passkeyRemove needs no passphrase: to open fewer doors is never made harder.
func (c *console) passkeyRemove(w http.ResponseWriter, r *http.Request) {
	if err := r.ParseForm(); err != nil {
		c.fail(w, r, errBadForm)
		return
	}
	if err := c.cfg.Accounts.RemovePasskey(r.Context(), visitor(r).Person.Number, r.PostFormValue("passkey")); err != nil {
		c.fail(w, r, err)
		return
	}
	http.Redirect(w, r, "/you?note=passkey-removed#passkeys", http.StatusSeeOther)
}

// passkeyRows are the visitor's own.
func (c *console) passkeyRows(r *http.Request) (rows []passkeyRow, err error) {
	list, err := c.cfg.Accounts.Passkeys(r.Context(), visitor(r).Person.Number)
	for _, p := range list {
		rows = append(rows, passkeyRow{p.Short(), p.Name, p.Host, c.at(p.Created, dayForm+", "+clockForm), c.at(p.Used, dayForm+", "+clockForm)})
	}
	return rows, err
}
