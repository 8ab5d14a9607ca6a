package ui

import (
	"net/http"
	"strings"

	"gatehouse/hub/account"
)

// entry is the body of first run and log-in.
type entry struct {
	Problem  *problem
	NeedCode bool
	Trust    bool // there is a page about certificates
	Next     string
	Passkeys bool // somebody has one for where the browser is
	Named    bool // there is more than one person
	Name     string
	Now      moment // so that a wrong clock is seen
	Zone     string
}

func (c *console) setupForm(w http.ResponseWriter, r *http.Request) {
	has, err := c.cfg.Accounts.HasOwner(r.Context())
	if err != nil {
		c.fail(w, r, err)
		return
	}
	if has {
		http.Redirect(w, r, "/login", http.StatusSeeOther)
		return
	}
	c.showSetup(w, r, http.StatusOK, nil)
}

func (c *console) showSetup(w http.ResponseWriter, r *http.Request, status int, p *problem) {
	now := c.cfg.Now()
	c.render(w, r, status, "setup", view{Title: "setup.title", Bare: true, Body: entry{
		Problem: p, NeedCode: !local(r), Trust: c.cfg.Trust.Root != nil,
		Now: c.at(now, dayForm+", "+clockForm), Zone: c.zone(),
	}})
}

// setupDo sets the owner's passphrase. It is open only until there is an
// owner, and then only to the hub itself or to who has the code of its log.
func (c *console) setupDo(w http.ResponseWriter, r *http.Request) {
	err := c.trySetup(r)
	if err != nil {
		p := c.explainFor(r, err)
		c.showSetup(w, r, p.Status, &p)
		return
	}
	c.enter(w, r, "", r.PostFormValue("passphrase"), "/")
}

func (c *console) trySetup(r *http.Request) error {
	if err := r.ParseForm(); err != nil {
		return errBadForm
	}
	has, err := c.cfg.Accounts.HasOwner(r.Context())
	if err != nil {
		return err
	}
	if has {
		return account.ErrExists
	}
	if !local(r) {
		if err := c.cfg.Memory.setup.try(c.cfg.Now(), c.cfg.SetupCode, r.PostFormValue("code")); err != nil {
			return err
		}
	}
	if r.PostFormValue("passphrase") != r.PostFormValue("repeat") {
		return errRepeat
	}
	if err := c.cfg.Accounts.SetPassphrase(r.Context(), r.PostFormValue("passphrase"), false); err != nil {
		return err
	}
	if c.cfg.FirstRun != nil {
		if err := c.cfg.FirstRun.Reach(passphraseStep + 1); err != nil {
			c.cfg.Log.Warn("set-up cannot be resumed", "err", err) // every step is a page of settings as well
		}
	}
	return nil
}

// enter logs in and goes on.
func (c *console) enter(w http.ResponseWriter, r *http.Request, name, passphrase, next string) {
	token, err := c.cfg.Accounts.LogIn(r.Context(), peer(r), r.UserAgent(), strings.TrimSpace(name), passphrase)
	if err != nil {
		p := c.explainFor(r, err)
		c.showLogin(w, r, p.Status, &p)
		return
	}
	c.entered(w, r, token, next)
}

// entered goes on with a new session. The one that the browser came with ends:
// whoever shares it, or put it there, is not to have it beside the new one.
func (c *console) entered(w http.ResponseWriter, r *http.Request, token, next string) {
	if err := c.leave(r); err != nil {
		c.fail(w, r, err)
		return
	}
	setCookie(w, r, token)
	http.Redirect(w, r, onward(next), http.StatusSeeOther)
}

// leave ends the session of a request's cookie; none is no error.
func (c *console) leave(r *http.Request) error {
	ck, err := r.Cookie(cookieName(r))
	if err != nil {
		return nil //nolint:nilerr // there is no cookie
	}
	return c.cfg.Accounts.LogOut(r.Context(), ck.Value)
}

func (c *console) loginForm(w http.ResponseWriter, r *http.Request) {
	if !c.owned(w, r) {
		return
	}
	if _, ok, err := c.login(r); err == nil && ok {
		http.Redirect(w, r, onward(r.FormValue("next")), http.StatusSeeOther)
		return
	}
	c.showLogin(w, r, http.StatusOK, nil)
}

func (c *console) showLogin(w http.ResponseWriter, r *http.Request, status int, p *problem) {
	people, err := c.cfg.Accounts.People(r.Context())
	if err != nil {
		c.fail(w, r, err)
		return
	}
	c.render(w, r, status, "login", view{Title: "login.title", Bare: true, Body: entry{
		Problem: p, Next: onward(r.FormValue("next")), Named: len(people) > 1, Name: r.PostFormValue("name"), Passkeys: c.passkeyLogIn(r),
	}})
}

func (c *console) loginDo(w http.ResponseWriter, r *http.Request) {
	if err := r.ParseForm(); err != nil {
		p := explain(errBadForm)
		c.showLogin(w, r, p.Status, &p)
		return
	}
	c.enter(w, r, r.PostFormValue("name"), r.PostFormValue("passphrase"), r.PostFormValue("next"))
}

func (c *console) logout(w http.ResponseWriter, r *http.Request) {
	if err := c.leave(r); err != nil {
		c.fail(w, r, err)
		return
	}
	setCookie(w, r, "")
	http.Redirect(w, r, "/login?note=logged-out", http.StatusSeeOther)
}

// zone names the home's time zone; the machine's own has a short name only.
func (c *console) zone() string {
	if name := c.cfg.Home.TimeZone.String(); name != "Local" {
		return name
	}
	return c.cfg.Now().In(c.cfg.Home.TimeZone).Format("MST")
}
