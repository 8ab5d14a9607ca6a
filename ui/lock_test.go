package ui

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"gatehouse/hub/config"
	"gatehouse/hub/request"
)

// withLock is the fixture home with the consent lock switched on.
func withLock(t *testing.T) (*house, http.Handler) {
	h := newHouse()
	h.lock = true
	return h, h.handler(t)
}

// TestLeaveToLock asks for all that an approval asks for, and sends nothing.
func TestLeaveToLock(t *testing.T) {
	digest := fixturePackage(nil).Digest
	for _, tt := range []struct {
		name string
		form url.Values
		want int
	}{
		{"no passphrase", url.Values{"digest": {digest}}, 403},
		{"wrong passphrase", url.Values{"digest": {digest}, "passphrase": {"guess"}}, 403},
		{"no digest", url.Values{"passphrase": {fixturePass}}, 409},
		{"other digest", url.Values{"digest": {strings.Repeat("0", 64)}, "passphrase": {fixturePass}}, 409},
		{"all given", url.Values{"digest": {digest}, "passphrase": {fixturePass}}, 303},
	} {
		house, h := withLock(t)
		jobs := len(house.outbox.jobs)
		w := visit(h, http.MethodPost, "/requests/"+preparedID+"/lock", tt.form)
		rec, err := house.requests.Get(context.Background(), preparedID)
		if err != nil || w.Code != tt.want || (rec.Left != nil) != (tt.want == 303) || rec.State != request.Prepared || len(house.outbox.jobs) != jobs {
			t.Errorf("%s: %d, left %+v, %s, %v", tt.name, w.Code, rec.Left, rec.State, err)
		}
	}
}

// TestRequestPageTellsOfTheLock: whether it can approve is told, and only of what
// it can; to take it back is one button.
func TestRequestPageTellsOfTheLock(t *testing.T) {
	page := func(h http.Handler, id string) string {
		return visit(h, http.MethodGet, "/requests/"+id, nil).Body.String()
	}
	const title, can = "The lock in the Home app", "Can be approved from the Home app lock"
	if body := page(newHouse().handler(t), preparedID); strings.Contains(body, title) {
		t.Error("a page tells of a lock that is off")
	}
	house, h := withLock(t)
	for _, id := range []string{waitingID, sentID} {
		if strings.Contains(page(h, id), title) {
			t.Errorf("%s tells of the lock", id)
		}
	}
	if body := page(h, preparedID); !strings.Contains(body, title) || strings.Contains(body, can) || !strings.Contains(body, "and not who") {
		t.Error("the page of a sealed package does not tell what the lock proves")
	}
	visit(h, http.MethodPost, "/requests/"+preparedID+"/lock", url.Values{"digest": {fixturePackage(nil).Digest}, "passphrase": {fixturePass}})
	if body := page(h, preparedID); !strings.Contains(body, can) || !strings.Contains(body, "/lock/end") {
		t.Error("the page does not tell that the lock can approve")
	}
	if w := visit(h, http.MethodPost, "/requests/"+preparedID+"/lock/end", url.Values{}); w.Code != http.StatusSeeOther || house.requests.records[preparedID].Left != nil {
		t.Errorf("taking it back: %d", w.Code)
	}
	rec := house.requests.records[preparedID]
	rec.People, rec.Approvals = 2, []request.Approval{{Person: request.OwnerNumber, By: "The owner", At: fixtureNow, Digest: rec.Package.Digest, Lock: true}}
	house.requests.records[preparedID] = rec
	if body := page(h, preparedID); !strings.Contains(body, "by the lock of the Home app") || strings.Contains(body, `action="/requests/`+preparedID+`/lock"`) {
		t.Error("an approval by the lock is not told as one, or may be left to it once more")
	}
}

// TestLockIsSwitchedOnWithThePassphrase: off without, and never by another form.
func TestLockIsSwitchedOnWithThePassphrase(t *testing.T) {
	d := newDesk(t)
	on := func(more ...string) url.Values {
		v := d.form("/settings/lock")
		v.Set("consent_lock", "on")
		for i := 0; i+1 < len(more); i += 2 {
			v.Set(more[i], more[i+1])
		}
		return v
	}
	for _, v := range []url.Values{on(), on("passphrase", "guess")} {
		if w := d.post("/settings/lock", v); w.Code != http.StatusForbidden || !strings.Contains(w.Body.String(), `name="consent_lock" value="on" checked`) || d.read() != settingsFile {
			t.Fatalf("%d\n%s", w.Code, d.read())
		}
	}
	if w := d.post("/settings/lock", on("passphrase", fixturePass)); w.Code != http.StatusSeeOther {
		t.Fatalf("%d\n%s", w.Code, w.Body)
	}
	c, err := config.Parse([]byte(d.read()))
	if err != nil || !c.HomeKit.ConsentLock || c.HomeKit.Lock() {
		t.Fatalf("%+v, %v", c.HomeKit, err)
	}
	v := d.form("/settings/doorbell")
	v.Set("enabled", "on")
	v.Set("neutral", "on")
	if w := d.post("/settings/doorbell", v); w.Code != http.StatusUnprocessableEntity || !strings.Contains(w.Body.String(), "Cannot be used with a neutral picture") {
		t.Errorf("beside a neutral picture: %d", w.Code)
	}
	v = d.form("/settings/lock")
	if v.Has("passphrase") {
		t.Error("to switch it off asks for the passphrase")
	}
	v.Del("consent_lock")
	if w := d.post("/settings/lock", v); w.Code != http.StatusSeeOther || strings.Contains(d.read(), "consent_lock: true") {
		t.Errorf("switching it off: %d\n%s", w.Code, d.read())
	}
}
