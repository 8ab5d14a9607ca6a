package ui

import "net/http"

// Network is the owner's switch for everything that the hub fetches and sends.
type Network struct {
	On     func() bool
	Switch func(on bool) error // writes it into the file, and follows
}

// offline reports whether the owner has switched the network off.
func (c *console) offline() bool { return c.cfg.Network.On != nil && !c.cfg.Network.On() }

// switchNetwork needs no passphrase: off sends nothing, and on sends only what was approved with one.
func (c *console) switchNetwork(w http.ResponseWriter, r *http.Request) {
	if err := r.ParseForm(); err != nil {
		c.fail(w, r, errBadForm)
		return
	}
	note := "network-on"
	switch r.PostFormValue("network") {
	case "on":
	case "off":
		note = "network-off"
	default:
		c.fail(w, r, errBadForm)
		return
	}
	if err := c.cfg.Network.Switch(note == "network-on"); err != nil {
		p := c.explainFor(r, err)
		c.showSettings(w, r, p.Status, &p)
		return
	}
	http.Redirect(w, r, "/settings?note="+note, http.StatusSeeOther)
}
