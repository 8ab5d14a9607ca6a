package ui

import (
	"crypto/tls"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
)

// visit sends one request to the fixture home. Without more it is a logged-in
// owner's, from this site.
func visit(h http.Handler, method, path string, form url.Values, more ...func(*http.Request)) *httptest.ResponseRecorder {
	var body io.Reader
	if form != nil {
		body = strings.NewReader(form.Encode())
	}
	r := httptest.NewRequest(method, path, body)
	r.Host, r.RemoteAddr = "192.168.1.20:8443", "192.168.1.30:50000"
	if form != nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	r.AddCookie(&http.Cookie{Name: cookieName(r), Value: fixtureToken})
	for _, f := range more {
		f(r)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

func noSession(r *http.Request) { r.Header.Del("Cookie") }

// pathOf fills a route's wildcards with things the fixture home has.
func pathOf(pattern string) (method, path string) {
	method, path, _ = strings.Cut(pattern, " ")
	return method, strings.NewReplacer(
		"{$}", "", "{camera}", "Driveway", "{stream}", "main", "{file}", "1.mp4", "{id}", preparedID, "{n}", "0",
		"{request}", sentID, "{viewer}", "x", "{index}", "3", "{tree}", "0", "{path...}", "console.css",
	).Replace(path)
}

func TestRoutesNeedASession(t *testing.T) {
	h := newHouse().handler(t)
	for _, r := range (&console{files: newAssets()}).table() {
		method, path := pathOf(r.pattern)
		w := visit(h, method, path, nil, noSession)
		switch r.access {
		case open:
			if w.Code == http.StatusUnauthorized {
				t.Errorf("%s: 401, want it open", r.pattern)
			}
		case page:
			if w.Code != http.StatusSeeOther || !strings.HasPrefix(w.Header().Get("Location"), "/login") {
				t.Errorf("%s: %d to %q, want a redirect to log-in", r.pattern, w.Code, w.Header().Get("Location"))
			}
		case inPage:
			if w.Code != http.StatusUnauthorized {
				t.Errorf("%s: %d, want 401", r.pattern, w.Code)
			}
		}
		if r.access != open && method == http.MethodPost && r.access != inPage {
			t.Errorf("%s: a change must answer 401, not a redirect", r.pattern)
		}
	}
}

func TestGetChangesNothing(t *testing.T) {
	house := newHouse()
	h := house.handler(t)
	table := (&console{files: newAssets()}).table()
	for _, r := range table {
		method, path := pathOf(r.pattern)
		if method != http.MethodPost || path == "/setup" || path == "/login" || path == "/join" || path == "/confirm" || path == "/settings/rules" {
			continue // the same address has a form behind GET
		}
		if slices.ContainsFunc(table, func(o route) bool { return o.pattern == http.MethodGet+strings.TrimPrefix(r.pattern, http.MethodPost) }) {
			continue
		}
		// Below /settings and /setup every name may be a page, so that one that is none is not found.
		named := strings.HasPrefix(path, "/settings/") || strings.HasPrefix(path, "/setup/")
		w := visit(h, http.MethodGet, path, nil)
		if named && w.Code == http.StatusNotFound {
			continue
		}
		if w.Code != http.StatusMethodNotAllowed || w.Header().Get("Allow") != "POST" {
			t.Errorf("GET %s: %d, want 405", path, w.Code)
		}
	}
}

func TestCrossSitePostsAreRefused(t *testing.T) {
	h := newHouse().handler(t)
	foreign := map[string]func(*http.Request){
		"fetch metadata": func(r *http.Request) { r.Header.Set("Sec-Fetch-Site", "cross-site") },
		"origin": func(r *http.Request) {
			r.Header.Del("Sec-Fetch-Site")
			r.Header.Set("Origin", "http://elsewhere.example")
		},
		"same site": func(r *http.Request) { r.Header.Set("Sec-Fetch-Site", "same-site") },
	}
	for _, r := range (&console{files: newAssets()}).table() {
		method, path := pathOf(r.pattern)
		if method != http.MethodPost {
			continue
		}
		for name, f := range foreign {
			if w := visit(h, method, path, url.Values{"passphrase": {fixturePass}}, f); w.Code != http.StatusForbidden {
				t.Errorf("POST %s by %s: %d, want 403", path, name, w.Code)
			}
		}
	}
}

func TestHosts(t *testing.T) {
	h := newHouse().handler(t)
	for host, want := range map[string]int{
		"localhost:8443": 200, "127.0.0.1": 200, "[::1]:8443": 200, "192.168.1.20:8443": 200, "hub.local": 200, "hub.local.:8443": 200,
		"HUB.example": 200, "[fe80::1%25eth0]": 200,
		"evil.example": 421, "192.168.1.20.evil.example": 421, "local": 421, ".local": 421, "": 421, "hub.local.evil.example": 421,
	} {
		w := visit(h, http.MethodGet, "/healthz", nil, func(r *http.Request) { r.Host = host })
		if w.Code != want {
			t.Errorf("host %q: %d, want %d", host, w.Code, want)
		}
	}
}

// TestHeaders walks every route, with a session and without, and an address
// that does not exist.
func TestHeaders(t *testing.T) {
	patterns := []string{"GET /nope"}
	for _, r := range (&console{files: newAssets()}).table() {
		if r.pattern != "GET /events" { // a stream without end; its headers are the guard's as well
			patterns = append(patterns, r.pattern)
		}
	}
	h := newHouse().handler(t)
	for _, pattern := range patterns {
		for name, from := range map[string]func(*http.Request){"owner": as(fixtureToken), "nobody": noSession} {
			method, path := pathOf(pattern)
			if method == http.MethodPost && name == "owner" {
				h = newHouse().handler(t) // the one before may have logged out
			}
			got := visit(h, method, path, url.Values{}, from).Header()
			csp := got.Get("Content-Security-Policy")
			if !strings.Contains(csp, "default-src 'self'") || !strings.Contains(csp, "frame-ancestors 'none'") || strings.Contains(csp, "unsafe") {
				t.Errorf("%s as %s: policy %q", pattern, name, csp)
			}
			for key, want := range map[string]string{
				"X-Content-Type-Options": "nosniff", "X-Frame-Options": "DENY", "Referrer-Policy": "no-referrer",
				"Cross-Origin-Opener-Policy": "same-origin", "Cross-Origin-Resource-Policy": "same-origin", "Permissions-Policy": features,
				"Strict-Transport-Security": "", // see console.encrypted
			} {
				if got.Get(key) != want {
					t.Errorf("%s as %s: %s: %q, want %q", pattern, name, key, got.Get(key), want)
				}
			}
			if store := got.Get("Cache-Control"); store != "no-store" && !strings.HasPrefix(pattern, "GET /static/") {
				t.Errorf("%s as %s: Cache-Control %q", pattern, name, store)
			}
		}
	}
}

// TestPlainHTTPIsForSetUpAndLoopback: once there is an owner, other machines
// are sent on to HTTPS, and what they post in the clear is not looked at.
func TestPlainHTTPIsForSetUpAndLoopback(t *testing.T) {
	house := newHouse()
	cfg := house.config()
	cfg.Trust.HTTPS = true
	h := New(cfg)
	onHub := func(r *http.Request) { r.RemoteAddr = "127.0.0.1:40000" }
	secure := func(r *http.Request) { r.TLS = &tls.ConnectionState{} }
	none := func(*http.Request) {}
	for _, c := range []struct {
		method, path string
		from         func(*http.Request)
		status       int
		to           string
	}{
		{"GET", "/requests?tab=others", none, 307, "https://192.168.1.20:8443/requests?tab=others"},
		{"GET", "//elsewhere.example/x", none, 307, "https://192.168.1.20:8443//elsewhere.example/x"},
		{"POST", "/login", none, 403, ""},
		{"GET", "/requests", onHub, 200, ""},
		{"GET", "/login", secure, 200, ""},
		{"GET", "/trust", none, 200, ""},
		{"GET", "/trust/root.crt", none, 200, ""},
		{"GET", "/healthz", none, 200, ""},
	} {
		w := visit(h, c.method, c.path, nil, noSession, as(fixtureToken), c.from)
		if c.path == "/login" && c.status == 200 {
			w = visit(h, c.method, c.path, nil, noSession, c.from)
		}
		if w.Code != c.status || w.Header().Get("Location") != c.to {
			t.Errorf("%s %s: %d to %q, want %d to %q", c.method, c.path, w.Code, w.Header().Get("Location"), c.status, c.to)
		}
	}
	fresh := newHouse()
	fresh.accounts = newAccounts(fresh.now, false)
	cfg = fresh.config()
	cfg.Trust.HTTPS = true
	if w := visit(New(cfg), http.MethodGet, "/setup", nil, noSession); w.Code != http.StatusOK || !strings.Contains(w.Body.String(), `href="/trust"`) {
		t.Errorf("set-up without encryption: %d", w.Code)
	}
}

func TestSessionCookie(t *testing.T) {
	h := newHouse().handler(t)
	form := url.Values{"passphrase": {fixturePass}, "next": {"/ledger?before=3"}}
	w := visit(h, http.MethodPost, "/login", form, noSession)
	if w.Code != http.StatusSeeOther || w.Header().Get("Location") != "/ledger?before=3" {
		t.Fatalf("%d to %q", w.Code, w.Header().Get("Location"))
	}
	ck := w.Result().Cookies()[0]
	if !ck.HttpOnly || ck.SameSite != http.SameSiteStrictMode || ck.Secure || ck.Path != "/" || ck.Value == "" {
		t.Errorf("cookie %+v", ck)
	}
	w = visit(h, http.MethodPost, "/login", form, noSession, func(r *http.Request) { r.TLS = &tls.ConnectionState{} })
	if ck := w.Result().Cookies()[0]; !ck.Secure || !strings.HasPrefix(ck.Name, "__Host-") {
		t.Error("the cookie must be Secure and bound to this host over TLS")
	}
	w = visit(h, http.MethodPost, "/login", url.Values{"passphrase": {"no"}}, noSession)
	if w.Code != http.StatusForbidden || len(w.Result().Cookies()) != 0 {
		t.Errorf("wrong passphrase: %d, cookies %v", w.Code, w.Result().Cookies())
	}
	w = visit(h, http.MethodPost, "/logout", url.Values{})
	if w.Code != http.StatusSeeOther || w.Result().Cookies()[0].MaxAge >= 0 {
		t.Errorf("log-out: %d %v", w.Code, w.Result().Cookies())
	}
	if w = visit(h, http.MethodGet, "/", nil); w.Code != http.StatusSeeOther {
		t.Errorf("after log-out: %d, want a redirect", w.Code)
	}
}

func TestSetup(t *testing.T) {
	form := func(code, a, b string) url.Values {
		return url.Values{"code": {code}, "passphrase": {a}, "repeat": {b}}
	}
	const good = "three unrelated words"
	onHub := func(r *http.Request) { r.RemoteAddr = "127.0.0.1:40000" }
	proxied := func(r *http.Request) {
		r.RemoteAddr = "127.0.0.1:40000"
		r.Header.Set("X-Forwarded-For", "203.0.113.9")
	}
	tests := []struct {
		name string
		form url.Values
		from func(*http.Request)
		want int
	}{
		{"no code from the network", form("", good, good), noSession, 403},
		{"wrong code", form("0000-0000", good, good), noSession, 403},
		{"no code through a proxy", form("", good, good), proxied, 403},
		{"differing", form("4821-7730", good, "other words"), noSession, 422},
		{"short", form("4821-7730", "short", "short"), noSession, 422},
		{"good", form(" 4821-7730 ", good, good), noSession, 303},
		{"loopback needs no code", form("", good, good), onHub, 303},
	}
	for _, tt := range tests {
		house := newHouse()
		house.accounts = newAccounts(house.now, false)
		h := house.handler(t)
		if w := visit(h, http.MethodGet, "/", nil, noSession); w.Header().Get("Location") != "/setup" {
			t.Fatalf("without an owner / leads to %q", w.Header().Get("Location"))
		}
		w := visit(h, http.MethodPost, "/setup", tt.form, noSession, tt.from)
		if w.Code != tt.want {
			t.Errorf("%s: %d, want %d", tt.name, w.Code, tt.want)
		}
		if has, err := house.accounts.HasOwner(t.Context()); has != (tt.want == 303) || err != nil {
			t.Errorf("%s: owner %v, %v", tt.name, has, err)
		}
	}
}

func TestSetupIsOverOnceThereIsAnOwner(t *testing.T) {
	house := newHouse()
	h := house.handler(t)
	onHub := func(r *http.Request) { r.RemoteAddr = "127.0.0.1:40000" }
	if w := visit(h, http.MethodGet, "/setup", nil, noSession, onHub); w.Header().Get("Location") != "/login" {
		t.Errorf("form: %d to %q", w.Code, w.Header().Get("Location"))
	}
	w := visit(h, http.MethodPost, "/setup", url.Values{"passphrase": {"a new passphrase"}, "repeat": {"a new passphrase"}}, noSession, onHub)
	if w.Code != http.StatusConflict || !house.accounts.is(fixturePass) {
		t.Errorf("%d, or the passphrase changed", w.Code)
	}
}

func TestSetupCodeIsThrottled(t *testing.T) {
	house := newHouse()
	house.accounts = newAccounts(house.now, false)
	h := house.handler(t)
	for n := range 10 {
		if w := visit(h, http.MethodPost, "/setup", url.Values{"code": {fmt.Sprint(n)}}, noSession); w.Code != 403 {
			t.Fatalf("try %d: %d", n, w.Code)
		}
	}
	right := url.Values{"code": {"4821-7730"}, "passphrase": {"a new passphrase"}, "repeat": {"a new passphrase"}}
	if w := visit(h, http.MethodPost, "/setup", right, noSession); w.Code != http.StatusTooManyRequests {
		t.Errorf("the eleventh try in a minute: %d, want 429", w.Code)
	}
}

func TestBodyLimit(t *testing.T) {
	h := newHouse().handler(t)
	w := visit(h, http.MethodPost, "/requests/"+preparedID+"/approve", url.Values{"passphrase": {strings.Repeat("x", maxForm)}})
	if w.Code != http.StatusBadRequest {
		t.Errorf("%d, want 400", w.Code)
	}
}

func FuzzOnward(f *testing.F) {
	for _, s := range []string{"/", "/ledger?x=1", "//evil.example", "/\\evil.example", "https://evil.example/", "/%2f/evil", "\t//evil", "/..//evil", ""} {
		f.Add(s)
	}
	base, _ := url.Parse("http://hub.local/login")
	f.Fuzz(func(t *testing.T, s string) {
		got := onward(s)
		u, err := base.Parse(got)
		if err != nil || u.Host != base.Host || u.Scheme != base.Scheme {
			t.Errorf("onward(%q) = %q leads to %v", s, got, u)
		}
	})
}
