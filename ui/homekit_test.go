package ui

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"
)

// TestHomeKitCodesAreShownOnlyToWhoGivesThePassphrase: while pairing is open, as
// the answer to a form, and behind no address.
func TestHomeKitCodesAreShownOnlyToWhoGivesThePassphrase(t *testing.T) {
	house := newHouse()
	h := house.handler(t)
	do := func(form url.Values) (int, string) {
		w := visit(h, http.MethodPost, "/settings/homekit", form)
		return w.Code, w.Body.String()
	}
	page := func() string { return visit(h, http.MethodGet, "/settings/homekit", nil).Body.String() }
	if code, body := do(url.Values{"do": {"open"}, "passphrase": {"no"}}); code != 403 || strings.Contains(body, fixtureCode) || !house.homekit.until.IsZero() {
		t.Errorf("opened without the passphrase: %d", code)
	}
	if code, body := do(url.Values{"do": {"open"}, "passphrase": {fixturePass}}); code != 200 || strings.Count(body, fixtureCode) != 3 || strings.Count(body, `class="qr"`) != 3 {
		t.Errorf("opened with the passphrase: %d, %d codes", code, strings.Count(body, fixtureCode))
	}
	for _, path := range []string{"/settings", "/settings/homekit"} {
		if body := visit(h, http.MethodGet, path, nil).Body.String(); strings.Contains(body, fixtureCode) {
			t.Errorf("%s shows the code unasked", path)
		}
	}
	if !strings.Contains(page(), "Show the codes") {
		t.Error("an open window has no way to the codes")
	}
	if code, body := do(url.Values{"do": {"codes"}, "passphrase": {fixturePass}}); code != 200 || !strings.Contains(body, fixtureCode) {
		t.Errorf("codes with the passphrase: %d", code)
	}
	if code, _ := do(url.Values{"do": {"close"}}); code != 303 || !house.homekit.until.IsZero() {
		t.Errorf("closing, which needs no passphrase: %d", code)
	}
	if code, body := do(url.Values{"do": {"codes"}, "passphrase": {fixturePass}}); code != 200 || strings.Contains(body, fixtureCode) {
		t.Errorf("codes of a closed window: %d", code)
	}
	house.homekit.until = house.now().Add(-time.Second)
	if strings.Contains(page(), "Show the codes") {
		t.Error("a window that is over looks open")
	}
}

func TestHomeKitPageRemovesAndResets(t *testing.T) {
	house := newHouse()
	house.homekit.pair()
	h := house.handler(t)
	body := visit(h, http.MethodGet, "/settings/homekit", nil).Body.String()
	for _, want := range []string{"7C0E52A4…", "19D4F0B2…", "192.168.1.44", "Connected now", "last administrator", "Locked after 100 wrong codes", "shows no recordings"} {
		if !strings.Contains(body, want) {
			t.Errorf("the page does not say %q", want)
		}
	}
	for _, form := range []url.Values{
		{"do": {"remove"}, "accessory": {"doorbell"}, "controller": {"x"}},
		{"do": {"reset"}, "accessory": {"sensor"}},
		{"do": {"reset"}},
	} {
		if w := visit(newHouse().handler(t), http.MethodPost, "/settings/homekit", form); w.Code != 403 {
			t.Errorf("%v without the passphrase: %d", form, w.Code)
		}
		form.Set("passphrase", fixturePass)
		if w := visit(h, http.MethodPost, "/settings/homekit", form); w.Code != 303 {
			t.Errorf("%v: %d", form, w.Code)
		}
	}
	if want := []string{"remove doorbell x", "reset sensor", "reset "}; !slices.Equal(house.homekit.did, want) {
		t.Errorf("did %q", house.homekit.did)
	}
	for do, want := range map[string]int{"reset": 404, "burn": 400} {
		form := url.Values{"do": {do}, "accessory": {"toaster"}, "passphrase": {fixturePass}}
		if w := visit(h, http.MethodPost, "/settings/homekit", form); w.Code != want {
			t.Errorf("%s of a toaster: %d", do, w.Code)
		}
	}
	for i := range house.homekit.list {
		house.homekit.list[i].Paired = true
	}
	w := visit(h, http.MethodPost, "/settings/homekit", url.Values{"do": {"open"}, "passphrase": {fixturePass}})
	if w.Code != 409 || !strings.Contains(w.Body.String(), "Nothing is left to pair") {
		t.Errorf("opening with nothing to pair: %d", w.Code)
	}
}

func TestHomeKitThatIsOffSaysSo(t *testing.T) {
	cfg := newHouse().config()
	cfg.HomeKit = nil
	h := New(cfg)
	if w := visit(h, http.MethodGet, "/settings/homekit", nil); w.Code != 200 || !strings.Contains(w.Body.String(), "switched off") {
		t.Errorf("%d", w.Code)
	}
	if w := visit(h, http.MethodPost, "/settings/homekit", url.Values{"do": {"open"}, "passphrase": {fixturePass}}); w.Code != 404 {
		t.Errorf("opening what is off: %d", w.Code)
	}
}
