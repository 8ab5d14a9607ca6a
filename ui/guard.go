package ui

import (
	"context"
	"crypto/subtle"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"sync"
	"time"

	"gatehouse/hub/account"
	"gatehouse/ui/api"
)

// policy keeps pages to what this hub serves. blob: is how a browser hands
// Media Source buffers to <video>.
const policy = "default-src 'self'; media-src 'self' blob:; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"

// features are what browsers would let a page ask for, and this one never does.
const features = "camera=(), microphone=(), geolocation=(), payment=(), usb=(), display-capture=(), publickey-credentials-get=(self), publickey-credentials-create=(self)"

// maxForm bounds every request body; the longest form is a passphrase and a
// time range a camera.
const maxForm = 64 << 10

// cookieName is the session's. Over TLS its prefix keeps other programs on this
// host, and whoever answers without TLS, from setting one (RFC 6265bis 4.1.3.2).
func cookieName(r *http.Request) string {
	if r.TLS != nil {
		return "__Host-gatehouse_session"
	}
	return "gatehouse_session"
}

// guard wraps every route: host check, headers, body limit, cross-origin check.
func (c *console) guard(mux *http.ServeMux) http.Handler {
	cross := http.NewCrossOriginProtection()
	cross.SetDenyHandler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c.fail(w, r, errCrossSite)
	}))
	inner := cross.Handler(c.known(mux))
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", policy)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("X-Frame-Options", "DENY")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Permissions-Policy", features)
		h.Set("Cache-Control", "no-store")
		if !c.hostAllowed(r.Host) {
			http.Error(w, "Unknown host name. Use the address of the hub, or add this name to its configuration.", http.StatusMisdirectedRequest)
			return
		}
		if !c.encrypted(w, r) {
			return
		}
		r.Body = http.MaxBytesReader(w, r.Body, maxForm)
		inner.ServeHTTP(w, r)
	})
}

// known shows the console's own page for an address it does not have, and
// leaves 405 and redirects to the mux.
func (c *console) known(mux *http.ServeMux) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, pattern := mux.Handler(r); pattern != "" {
			mux.ServeHTTP(w, r)
			return
		}
		probe := &statusOnly{header: http.Header{}}
		mux.ServeHTTP(probe, r)
		if probe.status != http.StatusNotFound {
			mux.ServeHTTP(w, r)
			return
		}
		c.fail(w, r, errNoPage)
	})
}

// statusOnly takes an answer's status and forgets its body.
type statusOnly struct {
	header http.Header
	status int
}

func (s *statusOnly) Header() http.Header         { return s.header }
func (s *statusOnly) Write(b []byte) (int, error) { return len(b), nil }
func (s *statusOnly) WriteHeader(status int)      { s.status = status }

// hostAllowed keeps a foreign site from reaching the hub under a name of its
// own (DNS rebinding): an address cannot be rebound, .local names are answered
// on the link only, and the rest must be configured.
func (c *console) hostAllowed(hostport string) bool {
	host := bareHost(hostport)
	if host == "localhost" || strings.HasSuffix(host, ".localhost") {
		return true
	}
	if name, ok := strings.CutSuffix(host, ".local"); ok && name != "" {
		return true
	}
	if _, err := netip.ParseAddr(host); err == nil {
		return true
	}
	for _, a := range c.cfg.AllowedHosts {
		if strings.EqualFold(a, host) {
			return true
		}
	}
	return false
}

// bareHost is a host without its port, as it is compared.
func bareHost(hostport string) string {
	host := hostport
	if h, _, err := net.SplitHostPort(hostport); err == nil {
		host = h
	}
	return strings.ToLower(strings.TrimSuffix(strings.Trim(host, "[]"), "."))
}

// hostOf is the host that a request's browser opened.
func hostOf(r *http.Request) string { return bareHost(r.Host) }

// private runs a handler for a live session of somebody in its circle only. A
// camera that a person may not see does not exist for them.
func (c *console) private(may circle, h, otherwise http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		l, ok, err := c.login(r)
		if err != nil {
			c.fail(w, r, err)
			return
		}
		if !ok {
			otherwise(w, r)
			return
		}
		r = r.WithContext(context.WithValue(r.Context(), loginKey{}, l))
		camera := r.PathValue("camera")
		switch {
		case may == owners && l.Person.Role != account.Owner, may == deciders && !l.Person.Decides():
			c.fail(w, r, errRole)
		case camera != "" && !l.Person.Sees(camera):
			c.fail(w, r, errNoPage)
		default:
			h(w, r)
		}
	}
}

type loginKey struct{}

// visitor is whose session a request came with: in the routes that need none, nobody.
func visitor(r *http.Request) account.Login {
	l, _ := r.Context().Value(loginKey{}).(account.Login)
	return l
}

// cameras are those that a request's visitor may see, in the owner's order.
func (c *console) cameras(r *http.Request) []Camera {
	who := visitor(r).Person
	var list []Camera
	for _, cam := range c.cfg.Cameras {
		if who.Sees(cam.Name) {
			list = append(list, cam)
		}
	}
	return list
}

func (c *console) login(r *http.Request) (account.Login, bool, error) {
	ck, err := r.Cookie(cookieName(r))
	if err != nil || ck.Value == "" {
		return account.Login{}, false, nil
	}
	return c.cfg.Accounts.Who(r.Context(), ck.Value, peer(r))
}

func (c *console) unauthorised(w http.ResponseWriter, r *http.Request) {
	c.fail(w, r, errNoSession)
}

// owned reports whether there is an owner; without one it has sent the browser
// to first run.
func (c *console) owned(w http.ResponseWriter, r *http.Request) bool {
	has, err := c.cfg.Accounts.HasOwner(r.Context())
	if err != nil {
		c.fail(w, r, err)
		return false
	}
	if !has {
		http.Redirect(w, r, "/setup", http.StatusSeeOther)
	}
	return has
}

// toLogin sends a browser to first run or log-in, and back afterwards.
func (c *console) toLogin(w http.ResponseWriter, r *http.Request) {
	if !c.owned(w, r) {
		return
	}
	to := "/login"
	if r.URL.Path != "/" {
		to += "?next=" + url.QueryEscape(r.URL.RequestURI())
	}
	http.Redirect(w, r, to, http.StatusSeeOther)
}

// onward is where to go after a log-in: a path of this console, never another host.
func onward(next string) string {
	u, err := url.Parse(next)
	if err != nil || u.Scheme != "" || u.Host != "" || !strings.HasPrefix(next, "/") ||
		strings.HasPrefix(next, "//") || strings.ContainsAny(next, "\\\r\n\t") {
		return "/"
	}
	return next
}

func setCookie(w http.ResponseWriter, r *http.Request, token string) {
	ck := &http.Cookie{
		Name: cookieName(r), Value: token, Path: "/", HttpOnly: true,
		SameSite: http.SameSiteStrictMode, Secure: r.TLS != nil,
	}
	if token == "" {
		ck.MaxAge = -1
	} else {
		ck.MaxAge = int(account.SessionLife.Seconds())
	}
	http.SetCookie(w, ck)
}

// peer is the address that tries are throttled by.
func peer(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	return host
}

// local reports whether the browser runs on the hub itself. A proxy's request
// comes from loopback too, so one that says it was forwarded does not count.
func local(r *http.Request) bool {
	for _, h := range []string{"Forwarded", "X-Forwarded-For", "X-Real-Ip", "Via"} {
		if r.Header.Get(h) != "" {
			return false
		}
	}
	return loopback(r)
}

// Memory is what a console remembers between requests. A hub keeps one for as
// long as it runs, so that guesses at the set-up code, requests of tokens and
// streams of ticks are counted on when the console is made anew after an edit of
// its configuration.
type Memory struct {
	setup   setupGate
	tokens  api.Throttle
	streams streams
}

// setupGate throttles guesses of the set-up code: ten a minute, for all peers
// together, since only one person ever types it.
type setupGate struct {
	mu    sync.Mutex // guards the rest
	since time.Time
	tries int
}

func (g *setupGate) try(now time.Time, want, got string) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if now.Sub(g.since) > time.Minute {
		g.since, g.tries = now, 0
	}
	if g.tries++; g.tries > 10 {
		return errCodeThrottled
	}
	if want == "" || subtle.ConstantTimeCompare([]byte(want), []byte(strings.TrimSpace(got))) != 1 {
		return errCode
	}
	return nil
}
