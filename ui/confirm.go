package ui

import (
	"context"
	"net/http"

	"gatehouse/hub/account"
)

// confirm lets on whose session gave the passphrase again a short while ago,
// or gives it with this form. The request it returns knows of that.
func (c *console) confirm(r *http.Request) (*http.Request, error) {
	if err := r.ParseForm(); err != nil {
		return r, errBadForm
	}
	l, given := visitor(r), r.PostFormValue("passphrase")
	if given == "" {
		if c.cfg.Accounts.Confirmed(l) {
			return r, nil
		}
		return r, errConfirm
	}
	if err := c.cfg.Accounts.Confirm(r.Context(), l, peer(r), given); err != nil {
		return r, err
	}
	l.Confirmed = c.cfg.Now()
	return withLogin(r, l), nil
}

func withLogin(r *http.Request, l account.Login) *http.Request {
	return r.WithContext(context.WithValue(r.Context(), loginKey{}, l))
}

// exporting reports whether footage may be taken away: it asks for the
// passphrase first, on a page that leads back.
func (c *console) exporting(w http.ResponseWriter, r *http.Request) bool {
	if c.cfg.Accounts.Confirmed(visitor(r)) {
		return true
	}
	http.Redirect(w, r, confirmPath(r.URL.RequestURI()), http.StatusSeeOther)
	return false
}

func (c *console) confirmForm(w http.ResponseWriter, r *http.Request) {
	c.showConfirm(w, r, http.StatusOK, nil)
}

func (c *console) showConfirm(w http.ResponseWriter, r *http.Request, status int, p *problem) {
	c.render(w, r, status, "confirm", view{Title: "confirm.title", Bare: true, Body: entry{
		Problem: p, Next: onward(r.FormValue("next")),
	}})
}

func (c *console) confirmDo(w http.ResponseWriter, r *http.Request) {
	r, err := c.confirm(r)
	if err != nil {
		p := c.explainFor(r, err)
		c.showConfirm(w, r, p.Status, &p)
		return
	}
	http.Redirect(w, r, onward(r.PostFormValue("next")), http.StatusSeeOther)
}
