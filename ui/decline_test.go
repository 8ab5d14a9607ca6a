package ui

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"gatehouse/hub/request"
)

// A hand-over that was cancelled can be declined on the request's page.
func TestDeclineWhatFailed(t *testing.T) {
	house := newHouse()
	h := house.handler(t)
	if w := visit(h, http.MethodPost, "/requests/"+readyID+"/hand-over/cancel", url.Values{}); w.Code != 303 || house.state(readyID) != request.Failed {
		t.Fatalf("%d, %s", w.Code, house.state(readyID))
	}
	action := `action="/requests/` + readyID + `/decline"`
	if page := visit(h, http.MethodGet, "/requests/"+readyID, nil).Body.String(); !strings.Contains(page, action) || !strings.Contains(page, "deletes the sealed package") {
		t.Error("the page has no way to decline it")
	}
	if page := visit(h, http.MethodGet, "/requests/"+sentID, nil).Body.String(); strings.Contains(page, "/decline") {
		t.Error("what was sent can be declined")
	}
	if w := visit(h, http.MethodPost, "/requests/"+readyID+"/decline", url.Values{}); w.Code != 303 || house.state(readyID) != request.Declined {
		t.Errorf("%d, %s", w.Code, house.state(readyID))
	}
}
