package ui

import (
	"net/http"
	"net/netip"
	"net/url"
	"strings"
)

// trustView is the page from which a device learns to trust this home's
// certificates.
type trustView struct {
	Words string
	Hex   string
	QR    *qrPath
}

// plainToo are what other machines may have without encryption even after
// set-up: what is public, and what they need before they can encrypt.
func plainToo(path string) bool {
	return path == "/healthz" || path == "/trust" || path == "/trust/root.crt" || strings.HasPrefix(path, "/static/")
}

// encrypted sends browsers on other machines from plain HTTP to HTTPS, once
// there is an owner: until then a device that does not know this home's
// authority yet must be able to set it up. Loopback needs none. The redirect is
// no permanent one, and there is no Strict-Transport-Security: it would hold for
// every port of this host name, for other programs on it too, and lock out a
// browser that does not trust the authority any more.
func (c *console) encrypted(w http.ResponseWriter, r *http.Request) bool {
	if !c.cfg.Trust.HTTPS || r.TLS != nil || plainToo(r.URL.Path) || loopback(r) {
		return true
	}
	has, err := c.cfg.Accounts.HasOwner(r.Context())
	if err == nil && !has {
		return true
	}
	if err != nil || r.Method != http.MethodGet && r.Method != http.MethodHead {
		http.Error(w, "Use https.", http.StatusForbidden)
		return false
	}
	to := url.URL{Scheme: "https", Host: r.Host, Path: r.URL.Path, RawPath: r.URL.RawPath, RawQuery: r.URL.RawQuery}
	http.Redirect(w, r, to.String(), http.StatusTemporaryRedirect)
	return false
}

func loopback(r *http.Request) bool {
	a, err := netip.ParseAddr(peer(r))
	return err == nil && a.Unmap().IsLoopback()
}

func (c *console) trust(w http.ResponseWriter, r *http.Request) {
	if c.cfg.Trust.Root == nil {
		c.fail(w, r, errNoPage)
		return
	}
	link := url.URL{Scheme: "http", Host: r.Host, Path: "/trust/root.crt"}
	code, err := drawQR(link.String())
	if err != nil {
		c.fail(w, r, err)
		return
	}
	c.render(w, r, http.StatusOK, "trust", view{Title: "trust.title", Bare: true, Body: trustView{
		Words: hashWords(c.cfg.Trust.Fingerprint), Hex: group(c.cfg.Trust.Fingerprint), QR: code,
	}})
}

// trustRoot hands out the root certificate. It is public; what makes it worth
// trusting is the fingerprint, read on the device itself.
func (c *console) trustRoot(w http.ResponseWriter, r *http.Request) {
	if c.cfg.Trust.Root == nil {
		c.fail(w, r, errNoPage)
		return
	}
	w.Header().Set("Content-Type", "application/x-x509-ca-cert")
	w.Header().Set("Content-Disposition", `attachment; filename="gatehouse-root.crt"`)
	_, _ = w.Write(c.cfg.Trust.Root)
}
