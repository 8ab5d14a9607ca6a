package ui

import (
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"gatehouse/hub/account"
)

// TestTokensPage: an owner makes a token after the passphrase, sees its secret
// once, and ends it; what was typed stays when it is refused.
func TestTokensPage(t *testing.T) {
	house := newHouse()
	h := house.handler(t)
	good := func() url.Values {
		return url.Values{"name": {"wall-panel"}, "scope": {"cameras", "clips"}, "camera": {"Driveway"}, "days": {"30"}}
	}
	if w := visit(h, http.MethodPost, "/settings/tokens", good()); w.Code != http.StatusForbidden || !strings.Contains(w.Body.String(), `value="wall-panel"`) {
		t.Errorf("made without the passphrase: %d", w.Code)
	}
	for field, values := range map[string][]string{"name": {"Wall panel"}, "scope": {}, "days": {"0"}, "passphrase": {"wrong wrong"}} {
		form := good()
		form.Set("passphrase", fixturePass)
		form[field] = values
		w := visit(h, http.MethodPost, "/settings/tokens", form)
		if w.Code != http.StatusUnprocessableEntity && w.Code != http.StatusForbidden || !strings.Contains(w.Body.String(), `value="Driveway" checked`) {
			t.Errorf("%s %q: %d, or what was typed is lost", field, values, w.Code)
		}
	}
	for _, days := range []string{"-1", "367", "1e3", "", "99999999999999999999"} {
		form := good()
		form.Set("days", days)
		form.Set("passphrase", fixturePass)
		if w := visit(h, http.MethodPost, "/settings/tokens", form); w.Code != http.StatusUnprocessableEntity {
			t.Errorf("%q days: %d", days, w.Code)
		}
	}
	if list, err := house.accounts.Tokens(t.Context()); len(list) != 0 || err != nil {
		t.Fatalf("%+v, %v", list, err)
	}
	form := good()
	form.Set("passphrase", fixturePass)
	w := visit(h, http.MethodPost, "/settings/tokens", form)
	secret := regexp.MustCompile(`gatehouse_[A-Z0-9]{52}`).FindString(w.Body.String())
	if w.Code != http.StatusOK || secret == "" {
		t.Fatalf("%d, secret %q", w.Code, secret)
	}
	if list, err := house.accounts.Tokens(t.Context()); err != nil || len(list) != 1 || list[0].Maker != account.OwnerNumber {
		t.Errorf("%+v, %v", list, err)
	}
	body := visit(h, http.MethodGet, "/settings/tokens", nil).Body.String()
	for _, want := range []string{"wall-panel", english().say("scope.clips"), "Driveway", english().say("passkey.unused")} {
		if !strings.Contains(body, want) {
			t.Errorf("the list does not say %q", want)
		}
	}
	if strings.Contains(body, secret) {
		t.Error("the secret is shown again")
	}
	if w := visit(h, http.MethodPost, "/settings/tokens", form); w.Code != http.StatusConflict {
		t.Errorf("a second one of the name: %d", w.Code)
	}
	if w := visit(h, http.MethodGet, "/api/v1/cameras", nil, bearer(secret)); w.Code != http.StatusOK {
		t.Errorf("it opens nothing: %d", w.Code)
	}
	if w := visit(h, http.MethodPost, "/settings/tokens/end", url.Values{"name": {"wall-panel"}}); w.Code != http.StatusSeeOther {
		t.Errorf("ended: %d", w.Code)
	}
	if w := visit(h, http.MethodGet, "/api/v1/cameras", nil, bearer(secret)); w.Code != http.StatusUnauthorized {
		t.Errorf("it opens on: %d", w.Code)
	}
	if w := visit(h, http.MethodPost, "/settings/tokens/end", url.Values{"name": {"wall-panel"}}); w.Code != http.StatusNotFound {
		t.Errorf("ended twice: %d", w.Code)
	}
}
