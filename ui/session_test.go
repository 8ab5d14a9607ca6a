package ui

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"gatehouse/hub/account"
)

// TestLoggingInEndsTheSessionBefore: a browser that logs in again, as the same
// person or another, leaves no session behind.
func TestLoggingInEndsTheSessionBefore(t *testing.T) {
	house := newHouse()
	h := house.handler(t)
	house.accounts.join("vera", account.Viewer, "Driveway")
	form := url.Values{"name": {"vera"}, "passphrase": {"passphrase of vera"}}
	if w := visit(h, http.MethodPost, "/login", url.Values{"passphrase": {"wrong wrong"}}); w.Code != http.StatusForbidden {
		t.Fatalf("wrong passphrase: %d", w.Code)
	}
	if w := visit(h, http.MethodGet, "/settings", nil); w.Code != http.StatusOK {
		t.Errorf("a log-in that failed ended the session: %d", w.Code)
	}
	w := visit(h, http.MethodPost, "/login", form)
	if w.Code != http.StatusSeeOther {
		t.Fatalf("%d", w.Code)
	}
	if w := visit(h, http.MethodGet, "/settings", nil); w.Code != http.StatusSeeOther {
		t.Errorf("the owner's session lives beside vera's: %d", w.Code)
	}
	if w := visit(h, http.MethodGet, "/", nil, as(w.Result().Cookies()[0].Value)); w.Code != http.StatusOK {
		t.Errorf("vera's new session: %d", w.Code)
	}
}

// TestThrottlesOutliveADress: a console that is made anew after an edit counts
// guesses at the set-up code, and requests of tokens, on.
func TestThrottlesOutliveADress(t *testing.T) {
	house := newHouse()
	house.accounts = newAccounts(house.now, false)
	cfg := house.config()
	cfg.Memory = &Memory{}
	for n := range 12 {
		want := http.StatusForbidden
		if n >= 10 {
			want = http.StatusTooManyRequests
		}
		if w := visit(New(cfg), http.MethodPost, "/setup", url.Values{"code": {"0"}}, noSession); w.Code != want {
			t.Fatalf("guess %d: %d, want %d", n, w.Code, want)
		}
	}
	secret, refused := house.token(t, "all", nil, account.ScopeCameras), 0
	for n := range 70 {
		if n%10 == 0 {
			cfg.Home.Name = strings.Repeat("x", n)
		}
		if visit(New(cfg), http.MethodGet, "/api/v1/cameras", nil, bearer(secret)).Code == http.StatusTooManyRequests {
			refused++
		}
	}
	if refused != 10 {
		t.Errorf("%d of 70 requests refused, want 10", refused)
	}
}

// TestInvitationLinks: a link leads where the guest's own device finds the hub,
// whatever name the owner's browser used.
func TestInvitationLinks(t *testing.T) {
	for _, c := range []struct {
		host, want string
		reach      []string
		https      bool
	}{
		{"192.168.1.20:8443", "http://192.168.1.20:8443/join?code=", nil, false},
		{"hub.local", "http://hub.local/join?code=", nil, false},
		{"localhost:8443", "http://192.168.1.20:8443/join?code=", []string{"192.168.1.20:8443", "[fd00::20]:8443"}, false},
		{"127.0.0.1:8443", "https://192.168.1.20:8443/join?code=", []string{"192.168.1.20:8443"}, true},
		{"[::1]:8443", "", nil, false},
	} {
		house := newHouse()
		cfg := house.config()
		cfg.Reach, cfg.Trust.HTTPS = func() []string { return c.reach }, c.https
		form := url.Values{"name": {"vera"}, "role": {"viewer"}, "camera": {"Driveway"}, "passphrase": {fixturePass}}
		w := visit(New(cfg), http.MethodPost, "/people/invite", form, func(r *http.Request) {
			r.Host = c.host
			if c.https {
				r.RemoteAddr = "127.0.0.1:50000"
			}
		})
		body := w.Body.String()
		if w.Code != http.StatusOK || codeOn(body) == "" {
			t.Fatalf("%s: %d", c.host, w.Code)
		}
		if c.want == "" {
			if strings.Contains(body, "/join?") || strings.Contains(body, `class="qr"`) || !strings.Contains(body, "on this computer only") {
				t.Errorf("%s: a link that leads nowhere", c.host)
			}
			continue
		}
		for _, at := range append([]string{c.want}, c.reach...) {
			if !strings.Contains(body, at) {
				t.Errorf("%s: no %s", c.host, at)
			}
		}
		if strings.Contains(body, "//localhost") || strings.Contains(body, "//127.") {
			t.Errorf("%s: a link to the guest's own device", c.host)
		}
	}
}

// TestNoDisksToChoose: a hub that lists no disks goes through set-up all the same.
func TestNoDisksToChoose(t *testing.T) {
	house := newHouse()
	house.step = 3
	cfg := house.config()
	cfg.Disks = nil
	h := New(cfg)
	if w := visit(h, http.MethodGet, "/setup/storage", nil); w.Code != http.StatusOK {
		t.Fatalf("%d", w.Code)
	}
	if w := visit(h, http.MethodPost, "/setup/storage", url.Values{"path": {"/mnt/usb/gatehouse"}}); w.Code != http.StatusSeeOther || w.Header().Get("Location") != "/setup/cameras" {
		t.Errorf("%d to %q", w.Code, w.Header().Get("Location"))
	}
}

// TestLongPassphrase: too long is not told as too short.
func TestLongPassphrase(t *testing.T) {
	h := newHouse().handler(t)
	long := strings.Repeat("x", 2000)
	w := visit(h, http.MethodPost, "/you/passphrase", url.Values{"current": {fixturePass}, "passphrase": {long}, "repeat": {long}})
	if w.Code != http.StatusUnprocessableEntity || !strings.Contains(w.Body.String(), english().say("error.long.what")) {
		t.Errorf("%d", w.Code)
	}
}
