package ui

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"gatehouse/hub/account"
)

// may is who may use each route, beside an owner, who may use all: "-" for
// everybody without a session as well, "v" for every viewer, "c" for a viewer of
// the route's camera, "a" for approvers only, "o" for owners only.
var may = map[string]string{
	"GET /healthz": "-", "GET /static/{tree}/{path...}": "-", "GET /setup": "-", "POST /setup": "-", "GET /manifest.webmanifest": "-",
	"GET /login": "-", "POST /login": "-", "GET /trust": "-", "GET /trust/root.crt": "-", "GET /join": "-", "POST /join": "-", "POST /display": "-",

	"POST /logout": "v", "GET /{$}": "v", "GET /events": "v", "GET /live/tiles": "v", "GET /timeline": "v",
	"GET /you": "v", "POST /you/passphrase": "v", "POST /you/sessions/end": "v", "POST /you/sessions/end-all": "v",
	"GET /confirm": "v", "POST /confirm": "v",
	"POST /login/passkey/ask": "-", "POST /login/passkey": "-",
	"GET /you/passkeys/add": "v", "POST /you/passkeys": "v", "POST /you/passkeys/remove": "v",

	"GET /cameras/{camera}/still.jpg":                   "c",
	"GET /cameras/{camera}/{stream}/live.m3u8":          "c",
	"GET /cameras/{camera}/{stream}/live/{list}/{file}": "c",
	"GET /cameras/{camera}/{stream}/vod.m3u8":           "c",
	"GET /cameras/{camera}/{stream}/init/{file}":        "c",
	"GET /cameras/{camera}/{stream}/segment/{file}":     "c",
	"GET /timeline/{camera}":                            "c",
	"GET /timeline/{camera}/data":                       "c",
	"GET /cameras/{camera}/strip.jpg":                   "c",
	"GET /live/{camera}":                                "c",

	"POST /cameras/{camera}/{stream}/whep":            "c",
	"PATCH /cameras/{camera}/{stream}/whep/{viewer}":  "c",
	"DELETE /cameras/{camera}/{stream}/whep/{viewer}": "c",
	"GET /cameras/{camera}/sheet.jpg":                 "a", "GET /timeline/{camera}/clip": "a", "GET /timeline/{camera}/sheet": "a",

	"GET /cameras/{camera}/{stream}/clip.mp4": "a",
	"GET /cameras/{camera}/{stream}/clip.zip": "a",
	"GET /timeline/{camera}/keep":             "a", "POST /timeline/{camera}/keep": "a", "GET /kept": "a", "GET /kept/{id}": "a", "POST /kept/{id}": "a", "POST /kept/{id}/release": "a",
	"GET /requests": "a", "GET /requests/{id}": "a", "POST /requests/{id}/prepare": "a",
	"POST /requests/{id}/approve": "a", "POST /requests/{id}/decline": "a", "POST /requests/{id}/lock": "a", "POST /requests/{id}/lock/end": "a", "GET /requests/{id}/preview/{n}": "a",
	"GET /requests/{id}/result": "a", "GET /requests/{id}/progress": "a", "POST /requests/{id}/send-now": "a",
	"POST /requests/{id}/cancel": "a", "GET /agencies": "a", "GET /ledger": "a", "GET /ledger/checkpoint": "a",
	"GET /ledger/proof/{request}": "a", "GET /requests/{id}/receipt": "a", "GET /ledger/entry/{index}": "a",
	"GET /requests/add": "a", "POST /requests/add/read": "a", "POST /requests/add/save": "a", "GET /requests/{id}/hand-over": "a",
	"POST /requests/{id}/hand-over/files": "a", "POST /requests/{id}/hand-over/done": "a", "POST /requests/{id}/hand-over/receipt": "a",
	"POST /requests/{id}/hand-over/cancel":  "a",
	"GET /ledger/entry/{index}/proof.jsonl": "a", "GET /ledger/export.zip": "a",

	"POST /agencies/card": "o", "POST /agencies/allow": "o", "POST /agencies/disallow": "o",
	"GET /people": "o", "POST /people/invite": "o", "POST /people/uninvite": "o", "POST /people/label": "o", "POST /people/change": "o", "POST /people/remove": "o",
	"GET /settings/rules": "o", "POST /settings/rules": "o", "POST /settings/rules/try": "o", "POST /settings/network": "o", "GET /settings/restart": "o", "POST /settings/restart": "o",
	"GET /settings/tokens": "o", "POST /settings/tokens": "o", "POST /settings/tokens/end": "o",
	"GET /settings": "o", "GET /settings/homekit": "o", "POST /settings/homekit": "o",
	"GET /setup/{step}": "o", "POST /setup/{step}": "o", "GET /settings/health": "o", "GET /settings/health/diagnostics.txt": "o",
	"GET /settings/cameras": "o", "GET /settings/cameras/add": "o", "POST /settings/cameras/find": "o", "POST /settings/cameras/ask": "o",
	"GET /settings/cameras/add/{draft}": "o", "POST /settings/cameras/add/{draft}": "o", "GET /settings/cameras/add/{draft}/{picture}": "o",
	"GET /settings/camera/{camera}": "o", "POST /settings/camera/{camera}": "o", "POST /settings/camera/{camera}/pause": "o",
	"POST /settings/camera/{camera}/rename": "o", "POST /settings/camera/{camera}/remove": "o",
	"GET /settings/{form}": "o", "POST /settings/{form}": "o", "GET /settings/{form}/{entry}": "o", "POST /settings/{form}/{entry}": "o",
}

// TestEveryRouteForEveryRole walks the whole table as every kind of person.
// What a role may not use answers before its handler has run.
func TestEveryRouteForEveryRole(t *testing.T) {
	people := []struct{ name, may string }{
		{"driveway", "-vc"}, // sees the camera that the routes are filled with
		{"door", "-v"},      // sees another one
		{"nobody", ""},
		{"bo", "-vca"},
		{"owner", "-vcao"},
	}
	table := (&console{files: newAssets()}).table()
	if len(table) != len(may) {
		t.Errorf("the console has %d routes, this test knows %d", len(table), len(may))
	}
	for _, who := range people {
		h := manned().handler(t)
		for _, r := range table {
			need, known := may[r.pattern]
			if !known {
				t.Errorf("%s: say in this test who may use it", r.pattern)
				continue
			}
			if (need == "-") != (r.access == open) {
				t.Errorf("%s: open is %v", r.pattern, r.access == open)
			}
			if r.pattern == "GET /events" && strings.Contains(who.may, need) {
				continue // a stream without end, TestTicks reads it
			}
			want := !strings.Contains(who.may, need) && need != "-"
			method, path := pathOf(r.pattern)
			at := h
			if !want && method == http.MethodPost {
				at = manned().handler(t) // it changes what the next one would look at
			}
			from := map[string]func(*http.Request){"nobody": noSession, "owner": as(fixtureToken)}[who.name]
			if from == nil {
				from = as(who.name + "-session")
			}
			w := visit(at, method, path, url.Values{}, from)
			refused := w.Code == http.StatusUnauthorized || strings.HasPrefix(w.Header().Get("Location"), "/login?next=") || r.pattern == "GET /{$}" && w.Header().Get("Location") == "/login"
			if who.name != "nobody" {
				refused = refused || need == "c" && strings.Contains(w.Body.String(), "There is no such page.") || strings.Contains(w.Body.String(), "Your role does not allow this.")
			}
			if refused != want {
				t.Errorf("%s as %s: %d, refused %v, want %v", r.pattern, who.name, w.Code, refused, want)
			}
		}
	}
}

// manned is the fixture home with a viewer for each camera and an approver.
func manned() *house {
	h := newHouse()
	h.whep = &fakeWHEP{}
	h.accounts.join("driveway", account.Viewer, "Driveway")
	h.accounts.join("door", account.Viewer, "Front door")
	h.accounts.join("bo", account.Approver)
	return h
}

// TestViewerSeesNothingElse: no page of a viewer names another camera, a
// request or an agency.
func TestViewerSeesNothingElse(t *testing.T) {
	house := newHouse()
	house.accounts.join("vera", account.Viewer, "Driveway")
	h := house.handler(t)
	for _, path := range []string{"/", "/live/tiles", "/timeline/Driveway?day=2026-11-21", "/timeline/Driveway/data?day=2026-11-21", "/timeline/Driveway?at=2026-11-21T13:20:00-08:00&with=Front+door", "/you", "/nope", "/requests", "/requests/" + preparedID, "/cameras/Front%20door/still.jpg"} {
		body := visit(h, http.MethodGet, path, nil, as("vera-session")).Body.String()
		for _, secret := range []string{"Front door", "Lakeside Police", "police.lakeside.example", "Cyclist", `href="/requests`, `href="/ledger`, `href="/settings"`} {
			if strings.Contains(body, secret) {
				t.Errorf("%s tells a viewer %q", path, secret)
			}
		}
	}
	if loc := visit(h, http.MethodGet, "/timeline", nil, as("vera-session")).Header().Get("Location"); loc != "/timeline/Driveway" {
		t.Errorf("timeline leads to %q", loc)
	}
}

// TestNoCameraLeft: whoever may not set a camera up is not sent to do so.
func TestNoCameraLeft(t *testing.T) {
	house := newHouse()
	house.accounts.join("vera", account.Viewer, "Attic")
	h := house.handler(t)
	for _, path := range []string{"/", "/timeline"} {
		w := visit(h, http.MethodGet, path, nil, as("vera-session"))
		body := w.Body.String()
		if w.Code != http.StatusOK || !strings.Contains(body, english().say("live.empty")) {
			t.Errorf("%s: %d without a word on cameras", path, w.Code)
		}
		if strings.Contains(body, "/settings") || strings.Contains(body, english().say("live.empty-do")) {
			t.Errorf("%s leads a viewer to settings", path)
		}
	}
}

// TestPeoplePage walks an invitation from the owner's page to the guest's log-in.
func TestPeoplePage(t *testing.T) {
	house := newHouse()
	h := house.handler(t)
	form := url.Values{"name": {"vera"}, "role": {"viewer"}, "camera": {"Driveway"}}
	if w := visit(h, http.MethodPost, "/people/invite", form); w.Code != http.StatusForbidden {
		t.Fatalf("invited without the passphrase: %d", w.Code)
	}
	form.Set("passphrase", fixturePass)
	w := visit(h, http.MethodPost, "/people/invite", form)
	code := codeOn(w.Body.String())
	if w.Code != http.StatusOK || code == "" {
		t.Fatalf("%d, code %q", w.Code, code)
	}
	if strings.Contains(visit(h, http.MethodGet, "/people", nil).Body.String(), code) {
		t.Error("the code is shown again")
	}
	if w := visit(h, http.MethodGet, "/join?code="+code, nil, noSession); w.Code != 200 || !strings.Contains(w.Body.String(), "vera") {
		t.Errorf("join page: %d", w.Code)
	}
	join := url.Values{"code": {code}, "passphrase": {"passphrase of vera"}, "repeat": {"passphrase of vera"}}
	if w = visit(h, http.MethodPost, "/join", join, noSession); w.Code != http.StatusSeeOther || len(w.Result().Cookies()) != 1 {
		t.Fatalf("join: %d", w.Code)
	}
	vera := w.Result().Cookies()[0].Value
	if w := visit(h, http.MethodGet, "/cameras/Front%20door/still.jpg", nil, as(vera)); w.Code != http.StatusNotFound {
		t.Errorf("vera sees another camera: %d", w.Code)
	}
	if w := visit(h, http.MethodPost, "/join", join, noSession); w.Code != http.StatusNotFound {
		t.Errorf("joined twice: %d", w.Code)
	}
	// The passphrase was given a moment ago: this browser is not asked again.
	form = url.Values{"name": {"vera"}, "role": {"approver"}, "camera": {"Driveway"}}
	if w := visit(h, http.MethodPost, "/people/change", form); w.Code != http.StatusSeeOther {
		t.Errorf("change: %d", w.Code)
	}
	if w := visit(h, http.MethodGet, "/requests", nil, as(vera)); w.Code != http.StatusOK {
		t.Errorf("vera as an approver: %d", w.Code)
	}
	if w := visit(h, http.MethodPost, "/people/remove", url.Values{"name": {"owner"}}); w.Code != http.StatusUnprocessableEntity {
		t.Errorf("the last owner was removed: %d", w.Code)
	}
	if w := visit(h, http.MethodPost, "/people/remove", url.Values{"name": {"vera"}}); w.Code != http.StatusSeeOther {
		t.Errorf("remove: %d", w.Code)
	}
	if w := visit(h, http.MethodGet, "/you", nil, as(vera)); w.Code != http.StatusSeeOther {
		t.Errorf("vera is still logged in: %d", w.Code)
	}
}

// codeOn finds an invitation's code on a page.
func codeOn(body string) string {
	_, rest, _ := strings.Cut(body, `<strong class="num code">`)
	code, _, _ := strings.Cut(rest, "</strong>")
	return code
}

// TestLogInByName: with one person the page has one field.
func TestLogInByName(t *testing.T) {
	house := newHouse()
	h := house.handler(t)
	if strings.Contains(visit(h, http.MethodGet, "/login", nil, noSession).Body.String(), `name="name"`) {
		t.Error("one person is asked for a name")
	}
	house.accounts.join("bo", account.Approver)
	if !strings.Contains(visit(h, http.MethodGet, "/login", nil, noSession).Body.String(), `name="name"`) {
		t.Error("two people are not asked for a name")
	}
	for name, pass := range map[string]string{"": fixturePass, "owner": fixturePass, " bo ": "passphrase of bo"} {
		if w := visit(h, http.MethodPost, "/login", url.Values{"name": {name}, "passphrase": {pass}}, noSession); w.Code != http.StatusSeeOther {
			t.Errorf("%q: %d", name, w.Code)
		}
	}
	if w := visit(h, http.MethodPost, "/login", url.Values{"name": {"bo"}, "passphrase": {fixturePass}}, noSession); w.Code != http.StatusForbidden {
		t.Errorf("bo with the owner's passphrase: %d", w.Code)
	}
}

// TestOwnSessions: what is listed can be ended, and everywhere is everywhere.
func TestOwnSessions(t *testing.T) {
	house := newHouse()
	house.accounts.session(account.OwnerNumber, "phone")
	house.accounts.session(account.OwnerNumber, "tablet")
	h := house.handler(t)
	body := visit(h, http.MethodGet, "/you", nil).Body.String()
	if n := strings.Count(body, "Chrome on Linux"); n != 3 {
		t.Errorf("%d sessions listed", n)
	}
	_, rest, _ := strings.Cut(body, `name="session" value="`)
	id, _, _ := strings.Cut(rest, `"`)
	if w := visit(h, http.MethodPost, "/you/sessions/end", url.Values{"session": {id}}); w.Code != http.StatusSeeOther {
		t.Fatal(w.Code)
	}
	if n := strings.Count(visit(h, http.MethodGet, "/you", nil).Body.String(), "Chrome on Linux"); n != 2 {
		t.Errorf("%d sessions left", n)
	}
	visit(h, http.MethodPost, "/you/sessions/end-all", url.Values{})
	for _, token := range []string{fixtureToken, "phone", "tablet"} {
		if w := visit(h, http.MethodGet, "/", nil, as(token)); w.Code != http.StatusSeeOther {
			t.Errorf("%s is still logged in", token)
		}
	}
}

// TestExportAsksAgain: footage is taken away by who gave the passphrase a
// moment ago.
func TestExportAsksAgain(t *testing.T) {
	house := newHouse()
	h := house.handler(t)
	address := "/cameras/Driveway/main/clip.mp4?from=2026-11-22T18:00:00Z&to=2026-11-22T18:00:10Z&download=1"
	w := visit(h, http.MethodGet, address, nil)
	if want := "/confirm?next=" + url.QueryEscape(address); w.Header().Get("Location") != want {
		t.Fatalf("%d to %q, want %q", w.Code, w.Header().Get("Location"), want)
	}
	if w := visit(h, http.MethodPost, "/confirm", url.Values{"next": {address}, "passphrase": {"no"}}); w.Code != http.StatusForbidden {
		t.Errorf("wrong passphrase: %d", w.Code)
	}
	w = visit(h, http.MethodPost, "/confirm", url.Values{"next": {address}, "passphrase": {fixturePass}})
	if w.Code != http.StatusSeeOther || w.Header().Get("Location") != address {
		t.Errorf("%d to %q", w.Code, w.Header().Get("Location"))
	}
	if w := visit(h, http.MethodGet, address, nil); w.Code != http.StatusOK {
		t.Errorf("after the passphrase: %d", w.Code)
	}
}
