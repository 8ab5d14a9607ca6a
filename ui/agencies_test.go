package ui

import (
	"net/http"
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
