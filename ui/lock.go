package ui

import (
	"net/http"

	"gatehouse/hub/account"
	"gatehouse/hub/request"
)

// lockView is what the page of a request says of the lock of the Home app.
type lockView struct {
	Left bool   // the package is left to it
	Mine bool   // whose session it is has approved it
	Name string // of who left it, and what they are called
	By   string
	At   moment
}

// lockView is nil if the lock has nothing to do with a request.
func (c *console) lockView(rec request.Record, people []account.Person, mine bool) *lockView {
	if !c.cfg.Lock || rec.State != request.Prepared || rec.Package == nil || rec.Request == nil {
		return nil
	}
	if l := rec.Left; l != nil {
		name, called := nameOf(people, l.Person, l.By)
		return &lockView{Left: true, Name: name, By: called, At: c.at(l.At, dayForm+", "+clockForm)}
	}
	return &lockView{Mine: mine}
}

// leaveToLock asks for what an approval asks for: the passphrase and the digest
// of what was shown.
func (c *console) leaveToLock(w http.ResponseWriter, r *http.Request) {
	c.changeLock(w, r, func(id string) error {
		if err := r.ParseForm(); err != nil {
			return errBadForm
		}
		by, err := c.approverOf(r)
		if err != nil {
			return err
		}
		_, err = c.cfg.Requests.LeaveToLock(r.Context(), id, r.PostFormValue("digest"), by)
		return err
	})
}

func (c *console) takeFromLock(w http.ResponseWriter, r *http.Request) {
	c.changeLock(w, r, func(id string) error {
		_, err := c.cfg.Requests.TakeFromLock(r.Context(), id, visitor(r).Person.Words())
		return err
	})
}

// changeLock shows the request page after a change, or with why there is none.
func (c *console) changeLock(w http.ResponseWriter, r *http.Request, change func(id string) error) {
	rec, err := c.cfg.Requests.Get(r.Context(), r.PathValue("id"))
	if err != nil {
		c.fail(w, r, err)
		return
	}
	if err := change(rec.ID); err != nil {
		c.askAgain(w, r, rec, err)
		return
	}
	http.Redirect(w, r, requestPath(rec.ID)+"#lock", http.StatusSeeOther)
}
