package ui

import (
	"net"
	"net/http"

	"gatehouse/bridge/homekit"
)

// homekitView is the page of accessories and who is paired with them.
type homekitView struct {
	Problem     *problem
	On          bool
	Local       bool   // nobody but this machine reaches the accessories
	Until       moment // end of the pairing window; zero while it is closed
	Codes       bool   // they are on the page
	Free        bool   // there is something to pair
	Paired      bool   // there is something that is paired
	Accessories []accessoryRow
}

type accessoryRow struct {
	Key         string // of the accessory
	Name        string
	Kind        string // homekit.Status.Kind
	Paired      int    // controllers
	Locked      bool   // by wrong codes
	Open        bool
	Code        string
	QR          *qrPath
	Controllers []controllerRow
}

type controllerRow struct {
	ID, Short   string
	Admin       bool
	Last        bool // no administrator is left without it
	Here        bool // connected now
	Added, Seen moment
	Peer        string
}

func (c *console) homekit(w http.ResponseWriter, r *http.Request) {
	c.showHomeKit(w, r, http.StatusOK, nil, false)
}

// showHomeKit shows codes only as the answer to a form: no address that can be
// linked to leads to them.
func (c *console) showHomeKit(w http.ResponseWriter, r *http.Request, status int, p *problem, codes bool) {
	v := homekitView{Problem: p, On: c.cfg.HomeKit != nil}
	if v.On {
		st := c.cfg.HomeKit.Status()
		v.Local = onLoopback(st.Addr)
		for _, a := range st.All() {
			row := c.accessoryRow(a)
			if codes && a.Code != "" {
				var err error
				if row.QR, err = drawQR(a.SetupURI); err != nil {
					c.fail(w, r, err)
					return
				}
				row.Code, v.Codes = a.Code, true
			}
			if row.Open {
				v.Until = c.at(a.Until, clockForm)
			}
			v.Free = v.Free || row.Paired == 0 && !row.Locked
			v.Paired = v.Paired || row.Paired > 0
			v.Accessories = append(v.Accessories, row)
		}
	}
	c.render(w, r, status, "homekit", view{Title: "settings.homekit", Place: "settings", Body: v})
}

func onLoopback(addr string) bool {
	host, _, err := net.SplitHostPort(addr)
	ip := net.ParseIP(host)
	return err == nil && ip != nil && ip.IsLoopback()
}

func (c *console) accessoryRow(a homekit.Status) accessoryRow {
	row := accessoryRow{
		Key: a.Accessory, Name: a.Name, Kind: a.Kind, Paired: len(a.Controllers), Locked: a.Locked && !a.Paired, Open: !a.Until.IsZero(),
	}
	admins := 0
	for _, x := range a.Controllers {
		if x.Admin {
			admins++
		}
	}
	for _, x := range a.Controllers {
		row.Controllers = append(row.Controllers, controllerRow{
			ID: x.ID, Short: firstOf(x.ID, 8), Admin: x.Admin, Last: x.Admin && admins == 1, Here: x.Connected,
			Added: c.at(x.Added, dayForm), Seen: c.at(x.Seen, dayForm+", "+clockForm), Peer: x.Peer,
		})
	}
	return row
}

// firstOf returns the first n characters of text.
func firstOf(text string, n int) string {
	if r := []rune(text); len(r) > n {
		return string(r[:n]) + "…"
	}
	return text
}

// homekitDo takes the forms of the page. All but closing widens who sees
// something or cuts somebody off, and needs the passphrase.
func (c *console) homekitDo(w http.ResponseWriter, r *http.Request) {
	kit := c.cfg.HomeKit
	if kit == nil {
		c.fail(w, r, errNoPage)
		return
	}
	err := r.ParseForm()
	if err != nil {
		c.fail(w, r, errBadForm)
		return
	}
	do, note := r.PostForm.Get("do"), ""
	if do != "close" {
		r, err = c.confirm(r)
	}
	if err == nil {
		note, err = changeHomeKit(kit, do, r.PostForm.Get("accessory"), r.PostForm.Get("controller"))
	}
	if err != nil {
		p := c.explainFor(r, err)
		c.showHomeKit(w, r, p.Status, &p, false)
		return
	}
	if note == "" {
		c.showHomeKit(w, r, http.StatusOK, nil, true)
		return
	}
	http.Redirect(w, r, "/settings/homekit?note="+note, http.StatusSeeOther)
}

// changeHomeKit does what a form asks for. The note is empty if codes are to be shown.
func changeHomeKit(kit HomeKit, do, accessory, controller string) (note string, err error) {
	switch do {
	case "open":
		_, err = kit.OpenPairing()
		return "", err
	case "codes":
		return "", nil
	case "close":
		kit.ClosePairing()
		return "homekit-closed", nil
	case "remove":
		return "homekit-removed", kit.RemoveController(accessory, controller)
	case "reset":
		return "homekit-reset", kit.Reset(accessory)
	}
	return "", errBadForm
}
