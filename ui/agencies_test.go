package ui

import (
	"bytes"
	"io"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"gatehouse/hub/bulletin"
)

// TestOtherKeysAreConfirmedByTheNumberKnown: the page shows other keys beside
// the number that was confirmed, and sends the root that it shows.
func TestOtherKeysAreConfirmedByTheNumberKnown(t *testing.T) {
	house := newHouse()
	other := house.requests.known[0]
	other.RootID, other.Version, other.CallBack = fixtureRoot(0x77), 2, "+1 900 555 0666"
	house.requests.known = append([]bulletin.VerifiedProfile{other}, house.requests.known...)
	h := house.handler(t)
	body := visit(h, http.MethodGet, "/agencies", nil).Body.String()
	field := `name="root" value="` + other.RootID + `"`
	if !strings.Contains(body, field) || !strings.Contains(body, hashWords(other.RootID)) {
		t.Error("the page does not show the other keys")
	}
	if strings.Contains(body, other.CallBack[1:]) || !strings.Contains(body, house.requests.allowed[0].CallBack[1:]) { // + is escaped
		t.Error("the page shows the call-back number that nobody confirmed")
	}
	w := visit(h, http.MethodPost, "/agencies/allow", url.Values{"agency": {other.Agency}, "root": {other.RootID}, "passphrase": {"wrong"}})
	if w.Code != http.StatusForbidden || !strings.Contains(w.Body.String(), "<details open>") {
		t.Errorf("%d; want the form open again", w.Code)
	}
}

func TestKeyCardForm(t *testing.T) {
	house := newHouse()
	h := house.handler(t)
	post := func(field, content string, size int) *httptest.ResponseRecorder {
		var b bytes.Buffer
		m := multipart.NewWriter(&b)
		f, _ := m.CreateFormFile(field, "card.json")
		_, _ = io.WriteString(f, content+strings.Repeat(" ", size))
		_ = m.Close()
		return visit(h, http.MethodPost, "/agencies/card", nil, func(r *http.Request) {
			r.Body, r.ContentLength = io.NopCloser(&b), int64(b.Len())
			r.Header.Set("Content-Type", m.FormDataContentType())
		})
	}
	if w := post("card", "sheriff.hillside.example", 0); w.Code != 303 || w.Header().Get("Location") != "/agencies?card="+fixtureRoot(0x61)+"#known" {
		t.Errorf("%d to %q", w.Code, w.Header().Get("Location"))
	}
	body := visit(h, http.MethodGet, "/agencies?card="+fixtureRoot(0x61), nil).Body.String()
	if !strings.Contains(body, `<details class="card" open>`) || !strings.Contains(body, "Hillside Sheriff") || len(house.requests.Allowlist()) != 1 {
		t.Error("the card is not shown, or it allowed somebody")
	}
	for name, w := range map[string]*httptest.ResponseRecorder{
		"This is no key card.": post("card", "{}", 0), "No file is chosen.": post("other", "{}", 0), "The form could not be read.": post("card", "x", maxForm),
	} {
		if w.Code < 400 || w.Code >= 500 || !strings.Contains(w.Body.String(), name) {
			t.Errorf("%d, want %q", w.Code, name)
		}
	}
	if w := visit(h, http.MethodPost, "/agencies/card", url.Values{"card": {"x"}}); w.Code != 400 {
		t.Errorf("no multipart: %d", w.Code)
	}
}

func TestAgencies(t *testing.T) {
	house := newHouse()
	h := house.handler(t)
	post := func(path string, form url.Values, want int, listed string) {
		t.Helper()
		w := visit(h, http.MethodPost, path, form)
		var names []string
		for _, a := range house.requests.Allowlist() {
			names = append(names, a.Name)
		}
		if w.Code != want || strings.Join(names, ",") != listed {
			t.Errorf("%s %v: %d and %v, want %d and %s", path, form, w.Code, names, want, listed)
		}
	}
	fire := url.Values{"agency": {"fire.lakeside.example"}}
	post("/agencies/allow", fire, 403, "Lakeside Police")
	fire.Set("passphrase", fixturePass)
	post("/agencies/allow", url.Values{"agency": {"unknown.example"}, "passphrase": {fixturePass}}, 422, "Lakeside Police")
	fire.Set("root", fixtureRoot(0x53)) // another than was shown
	post("/agencies/allow", fire, 409, "Lakeside Police")
	fire.Set("root", fixtureRoot(0x52))
	post("/agencies/allow", fire, 303, "Lakeside Police,Lakeside Fire")
	post("/agencies/disallow", url.Values{"agency": {"police.lakeside.example"}}, 303, "Lakeside Fire")
}
