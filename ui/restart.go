package ui

import (
	"net/http"
	"slices"
	"strconv"
	"time"
)

// Restart has the hub end cleanly and start again with what the file says by then.
type Restart struct {
	Waiting func() []string // settings that are used at the next start, as config.NeedRestart names them
	Begin   func()          // returns at once; what is asked of the hub meanwhile waits
	Started time.Time       // when this run of the hub started
}

// waitingForms are the pages of settings by what config.NeedRestart names.
var waitingForms = map[string]string{
	"listen": "access", "intake": "access", "https": "https", "storage": "storage", "bulletins": "feeds",
	"sharing.cool_down": "sending", "homekit": "doorbell", "homekit of cameras": "doorbell", "live": "live",
}

// restartPage is the body of the page that starts the hub again, or did.
type restartPage struct {
	Problem   *problem
	Forms     []string // pages whose settings wait for it
	Confirmed bool
	Who       string
	Since     string // the run that was ended; empty until the button is pressed
	Back      bool   // another run answers
	At        moment // its start
	Next      string // where to go on from there
}

func (c *console) restart(w http.ResponseWriter, r *http.Request) {
	if since := r.URL.Query().Get("since"); since != "" {
		p := restartPage{Since: since, Back: since != c.run(), Forms: c.waitingFor(), At: c.at(c.cfg.Restart.Started, exactForm), Next: "/settings"}
		if step := c.firstStep(); step != 0 {
			p.Next = firstRunPath(step)
		}
		c.render(w, r, http.StatusOK, "restart", view{Title: "restart.title", Place: "settings", Body: p})
		return
	}
	c.showRestart(w, r, http.StatusOK, nil)
}

func (c *console) showRestart(w http.ResponseWriter, r *http.Request, status int, problem *problem) {
	if c.cfg.Restart.Begin == nil {
		c.fail(w, r, errNoPage)
		return
	}
	l := visitor(r)
	c.render(w, r, status, "restart", view{Title: "restart.title", Place: "settings", Body: restartPage{
		Problem: problem, Forms: c.waitingFor(), Confirmed: c.cfg.Accounts.Confirmed(l), Who: l.Person.Name,
	}})
}

// waitingFor are the pages of settings of which something waits for the next start.
func (c *console) waitingFor() (list []string) {
	if c.cfg.Restart.Waiting == nil {
		return nil
	}
	for _, key := range c.cfg.Restart.Waiting() {
		if f := waitingForms[key]; f != "" && !slices.Contains(list, f) {
			list = append(list, f)
		}
	}
	return list
}

// run tells this run of the hub from others.
func (c *console) run() string { return strconv.FormatInt(c.cfg.Restart.Started.UnixMilli(), 10) }

// restartDo needs the passphrase: for some seconds nothing is recorded.
func (c *console) restartDo(w http.ResponseWriter, r *http.Request) {
	if c.cfg.Restart.Begin == nil {
		c.fail(w, r, errNoPage)
		return
	}
	if _, err := c.confirm(r); err != nil {
		p := c.explainFor(r, err)
		c.showRestart(w, r, p.Status, &p)
		return
	}
	c.cfg.Restart.Begin()
	http.Redirect(w, r, "/settings/restart?since="+c.run(), http.StatusSeeOther)
}
