package ui

import (
	"crypto/tls"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"gatehouse/hub/account"
)

// at opens the console by a host, over HTTPS or not.
func at(host string, https bool) func(*http.Request) {
	return func(r *http.Request) {
		r.Host = host
		if https {
			r.TLS = &tls.ConnectionState{}
			r.Header.Del("Cookie")
			r.AddCookie(&http.Cookie{Name: cookieName(r), Value: fixtureToken})
		}
	}
}

// TestPasskeysAreForNames: a passkey is bound to the name that the browser
// opened, over HTTPS or on the hub itself, and never to an address.
func TestPasskeysAreForNames(t *testing.T) {
	for _, c := range []struct {
		host         string
		https        bool
		name, origin string // empty: none
	}{
		{"hub.local:8443", true, "hub.local", "https://hub.local:8443"},
		{"HUB.local", true, "hub.local", "https://hub.local"},
		{"hub.example", true, "hub.example", "https://hub.example"},
		{"localhost:8080", false, "localhost", "http://localhost:8080"},
		{"localhost:8080", true, "localhost", "https://localhost:8080"},
		{"hub.local:8443", false, "", ""},
		{"192.168.1.20:8443", true, "", ""},
		{"127.0.0.1:8080", false, "", ""},
		{"[::1]:8080", true, "", ""},
		{"[fe80::1%25eth0]:8080", true, "", ""},
		{"hub.local.:8443", true, "", ""},
		{"hub.local.", true, "", ""},
		{"", true, "", ""},
	} {
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		at(c.host, c.https)(r)
		want := account.Site{Host: c.name, Origin: c.origin}
		if site, ok := siteOf(r); site != want || ok != (c.name != "") {
			t.Errorf("%s, https %v: %+v, %v", c.host, c.https, site, ok)
		}
	}
}

// TestPasskeyPages: the form of the passphrase is always there, that of a passkey
// where somebody has one; one is made after the passphrase, by its person, and a
// wrong answer is said in words.
func TestPasskeyPages(t *testing.T) {
	house := newHouse()
	h := house.handler(t)
	here := at("localhost:8443", false)
	if w := visit(h, http.MethodGet, "/login", nil, here, noSession); strings.Contains(w.Body.String(), "/login/passkey") {
		t.Error("offered where nobody has one")
	}
	err := house.accounts.store.AddPasskey(t.Context(), account.Passkey{ID: []byte("id"), Person: account.OwnerNumber, Handle: []byte("h"), Name: "Old phone", Host: "localhost", Key: []byte("{}")}, 16)
	if err != nil {
		t.Fatal(err)
	}
	for place, want := range map[string]bool{"localhost:8443": true, "192.168.1.20:8443": false, "hub.local": false} {
		body := visit(h, http.MethodGet, "/login", nil, at(place, false), noSession).Body.String()
		if strings.Contains(body, "/login/passkey") != want || !strings.Contains(body, `name="passphrase"`) {
			t.Errorf("log-in at %s: offered %v", place, !want)
		}
	}
	if w := visit(h, http.MethodPost, "/login/passkey/ask", url.Values{}, noSession); w.Code != http.StatusNotFound {
		t.Errorf("asked at an address: %d", w.Code)
	}
	w := visit(h, http.MethodPost, "/login/passkey/ask", url.Values{}, here, noSession)
	var q struct {
		PublicKey struct{ Challenge string }
	}
	if err := json.Unmarshal(w.Body.Bytes(), &q); err != nil || len(q.PublicKey.Challenge) < 43 || strings.Contains(w.Body.String(), "allowCredentials") {
		t.Errorf("%d %s: %v", w.Code, w.Body, err)
	}
	for _, answer := range []string{"", "{", `{"id":"aWQ","rawId":"aWQ","type":"public-key","response":{"clientDataJSON":"e30","authenticatorData":"AA","signature":"AA"}}`} {
		w := visit(h, http.MethodPost, "/login/passkey", url.Values{"answer": {answer}}, here, noSession)
		if w.Code != http.StatusForbidden || len(w.Result().Cookies()) > 0 || !strings.Contains(w.Body.String(), english().say("error.passkey.what")) {
			t.Errorf("answer %q: %d", answer, w.Code)
		}
	}
	if w := visit(h, http.MethodGet, passkeyPath, nil, here); w.Code != http.StatusSeeOther || !strings.HasPrefix(w.Header().Get("Location"), "/confirm?next=%2Fyou%2Fpasskeys%2Fadd") {
		t.Errorf("made without the passphrase: %d to %q", w.Code, w.Header().Get("Location"))
	}
	if w := visit(h, http.MethodPost, "/confirm", url.Values{"passphrase": {fixturePass}, "next": {passkeyPath}}, here); w.Header().Get("Location") != passkeyPath {
		t.Fatalf("confirmed: %d to %q", w.Code, w.Header().Get("Location"))
	}
	if body := visit(h, http.MethodGet, passkeyPath, nil, here).Body.String(); !strings.Contains(body, "data-options") || !strings.Contains(body, "Chrome") && !strings.Contains(body, "passkey-name") {
		t.Error("no form to make one")
	}
	w = visit(h, http.MethodPost, "/you/passkeys", url.Values{"name": {"Tablet"}, "answer": {"{}"}}, here)
	if body := w.Body.String(); w.Code != http.StatusForbidden || !strings.Contains(body, `value="Tablet"`) || !strings.Contains(body, "data-options") {
		t.Errorf("a wrong answer: %d", w.Code)
	}
	if body := visit(h, http.MethodGet, passkeyPath, nil).Body.String(); strings.Contains(body, "data-options") {
		t.Error("a form at an address")
	}
	house.accounts.join("vera", account.Viewer, "Driveway")
	short := account.Passkey{ID: []byte("id")}.Short()
	remove := url.Values{"passkey": {short}}
	visit(h, http.MethodPost, "/you/passkeys/remove", remove, as("vera-session"))
	if body := visit(h, http.MethodGet, "/you", nil).Body.String(); !strings.Contains(body, "Old phone") {
		t.Error("vera removed the owner's passkey")
	}
	visit(h, http.MethodPost, "/you/passkeys/remove", remove)
	if body := visit(h, http.MethodGet, "/you", nil).Body.String(); strings.Contains(body, "Old phone") {
		t.Error("not removed")
	}
}

// TestPasskeyApprovesNothing: a session that began with one is asked for the
// passphrase as any other.
func TestPasskeyApprovesNothing(t *testing.T) {
	house := newHouse()
	h := house.handler(t)
	for _, field := range []string{"answer", "passkey"} {
		w := visit(h, http.MethodPost, "/requests/"+preparedID+"/approve", url.Values{"digest": {fixtureRecords()[preparedID].Package.Digest}, field: {"{}"}})
		if w.Code != http.StatusForbidden {
			t.Errorf("%s: %d", field, w.Code)
		}
	}
}
