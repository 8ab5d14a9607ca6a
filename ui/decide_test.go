package ui

import (
	"archive/zip"
	"bytes"
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"gatehouse/hub/account"
	"gatehouse/hub/delivery"
	"gatehouse/hub/request"
)

func (h *house) state(id string) request.State {
	r, _ := h.requests.Get(context.Background(), id)
	return r.State
}

func pickForm(more ...string) url.Values {
	f := url.Values{"form": {"prepare"}, "from-0": {"2026-11-21T13:19:00"}, "to-0": {"2026-11-21T13:20:40"}, "from-1": {"2026-11-21T13:19"}, "to-1": {"2026-11-21T13:20"}}
	for i := 0; i+1 < len(more); i += 2 {
		f.Add(more[i], more[i+1])
	}
	return f
}

func TestPrepare(t *testing.T) {
	tests := []struct {
		name string
		form url.Values
		want int
		say  string
	}{
		{"nothing chosen", pickForm(), 422, "No camera is chosen."},
		{"no such camera", pickForm("clip", "2"), 400, "The form could not be read."},
		{"negative", pickForm("clip", "-1"), 400, "The form could not be read."},
		{"no number", pickForm("clip", "x"), 400, "The form could not be read."},
		{"twice", pickForm("clip", "0", "clip", "0"), 400, "The form could not be read."},
		{"reversed", url.Values{"form": {"prepare"}, "clip": {"0"}, "from-0": {"2026-11-21T13:20:40"}, "to-0": {"2026-11-21T13:19:00"}}, 422, "The times cannot be used."},
		{"no time", url.Values{"form": {"prepare"}, "clip": {"0"}, "from-0": {"now"}, "to-0": {"later"}}, 422, "The times cannot be used."},
		{"outside", url.Values{"form": {"prepare"}, "clip": {"0"}, "from-0": {"2026-11-21T12:00:00"}, "to-0": {"2026-11-21T13:19:00"}}, 422, "The times are outside what was asked or recorded."},
		{"both", pickForm("clip", "0", "clip", "1"), 303, ""},
	}
	for _, tt := range tests {
		house := newHouse()
		w := visit(house.handler(t), http.MethodPost, "/requests/"+waitingID+"/prepare", tt.form)
		if w.Code != tt.want || !strings.Contains(w.Body.String(), tt.say) {
			t.Errorf("%s: %d, want %d and %q", tt.name, w.Code, tt.want, tt.say)
		}
		want := request.Waiting
		if tt.want == 303 {
			want = request.Prepared
		}
		if got := house.state(waitingID); got != want {
			t.Errorf("%s: state %s, want %s", tt.name, got, want)
		}
	}
}

func TestPrepareTakesTheHomesTime(t *testing.T) {
	house := newHouse()
	visit(house.handler(t), http.MethodPost, "/requests/"+waitingID+"/prepare", pickForm("clip", "0"))
	rec := house.requests.records[waitingID]
	want := time.Date(2026, 11, 21, 21, 19, 0, 0, time.UTC)
	if len(rec.Selection) != 1 || !rec.Selection[0].From.Equal(want) || rec.Selection[0].Audio || rec.Selection[0].Camera != "Front door" {
		t.Errorf("selected %+v, want from %v without sound", rec.Selection, want)
	}
}

func TestRefusedFormKeepsWhatWasTyped(t *testing.T) {
	form := pickForm("clip", "1")
	form.Set("to-1", "2026-11-21T13:18:00")
	body := visit(newHouse().handler(t), http.MethodPost, "/requests/"+waitingID+"/prepare", form).Body.String()
	if !strings.Contains(body, `value="2026-11-21T13:18:00"`) || !strings.Contains(body, `value="1" checked`) {
		t.Error("the form lost what was typed")
	}
}

func TestApprove(t *testing.T) {
	digest := fixturePackage(nil).Digest
	tests := []struct {
		name string
		id   string
		form url.Values
		want int
		say  string
	}{
		{"no passphrase", preparedID, url.Values{"digest": {digest}}, 403, "That is not the passphrase."},
		{"wrong passphrase", preparedID, url.Values{"digest": {digest}, "passphrase": {"guess"}}, 403, "That is not the passphrase."},
		{"no digest", preparedID, url.Values{"passphrase": {fixturePass}}, 409, "The sealed file is not the one this page showed."},
		{"other digest", preparedID, url.Values{"digest": {strings.Repeat("0", 64)}, "passphrase": {fixturePass}}, 409, "The sealed file is not the one this page showed."},
		{"not sealed", waitingID, url.Values{"digest": {digest}, "passphrase": {fixturePass}}, 409, "The request has changed since you opened it."},
		{"unknown", "none", url.Values{"digest": {digest}, "passphrase": {fixturePass}}, 404, "There is no such request."},
		{"sent already, another", sentID, url.Values{"digest": {strings.Repeat("0", 64)}, "passphrase": {fixturePass}}, 409, "The request has changed since you opened it."},
		{"all given", preparedID, url.Values{"digest": {digest}, "passphrase": {fixturePass}}, 303, ""},
	}
	for _, tt := range tests {
		house := newHouse()
		before, jobs := house.state(tt.id), len(house.outbox.jobs)
		w := visit(house.handler(t), http.MethodPost, "/requests/"+tt.id+"/approve", tt.form)
		if w.Code != tt.want || !strings.Contains(w.Body.String(), tt.say) {
			t.Errorf("%s: %d, want %d and %q", tt.name, w.Code, tt.want, tt.say)
		}
		if strings.Contains(w.Body.String(), "guess") {
			t.Errorf("%s: the page repeats the passphrase", tt.name)
		}
		after, added := house.state(tt.id), len(house.outbox.jobs)-jobs
		if tt.want == 303 {
			if after != request.Approved || added != 1 || w.Header().Get("Location") != "/requests/"+tt.id+"/result" {
				t.Errorf("%s: %s, %d jobs, to %s", tt.name, after, added, w.Header().Get("Location"))
			}
		} else if after != before || added != 0 {
			t.Errorf("%s: moved from %s to %s with %d jobs", tt.name, before, after, added)
		}
	}
}

// TestTwoPeopleApprove: each with a name and passphrase of their own, on the same page.
func TestTwoPeopleApprove(t *testing.T) {
	house := newHouse()
	house.accounts.join("bo", account.Approver)
	house.accounts.join("vera", account.Viewer, "Driveway")
	rec := house.requests.records[preparedID]
	rec.Rule = &request.Ruled{Number: 1, Action: request.RequireTwo}
	house.requests.records[preparedID] = rec
	h := house.handler(t)
	approve := func(form url.Values) *httptest.ResponseRecorder {
		form.Set("digest", rec.Package.Digest)
		return visit(h, http.MethodPost, "/requests/"+preparedID+"/approve", form)
	}
	bo := func() url.Values { return url.Values{"as": {"bo"}, "passphrase": {"passphrase of bo"}} }
	jobs := len(house.outbox.jobs)
	if w := approve(url.Values{"as": {"bo"}, "passphrase": {fixturePass}}); w.Code != 403 {
		t.Errorf("another's passphrase: %d", w.Code)
	}
	if w := approve(url.Values{"as": {"vera"}, "passphrase": {"passphrase of vera"}}); w.Code != 403 {
		t.Errorf("a viewer approves: %d", w.Code)
	}
	if w := approve(bo()); w.Code != 303 || w.Header().Get("Location") != "/requests/"+preparedID+"#decide" || house.state(preparedID) != request.Prepared {
		t.Errorf("the first: %d to %s, %s", w.Code, w.Header().Get("Location"), house.state(preparedID))
	}
	page := visit(h, http.MethodGet, "/requests/"+preparedID, nil).Body.String()
	if !strings.Contains(page, "<bdi>bo</bdi> approved it,") || !strings.Contains(page, "1 more person must approve.") {
		t.Error("the page does not say who approved")
	}
	if w := approve(bo()); w.Code != 409 || len(house.outbox.jobs) != jobs {
		t.Errorf("the same again: %d", w.Code)
	}
	if w := approve(url.Values{"passphrase": {fixturePass}}); w.Code != 303 || house.state(preparedID) != request.Approved || len(house.outbox.jobs) != jobs+1 {
		t.Errorf("the second: %d, %s", w.Code, house.state(preparedID))
	}
}

func TestDecline(t *testing.T) {
	house := newHouse()
	h := house.handler(t)
	w := visit(h, http.MethodPost, "/requests/"+preparedID+"/decline", url.Values{})
	if w.Code != 303 || house.state(preparedID) != request.Declined {
		t.Errorf("%d, %s", w.Code, house.state(preparedID))
	}
	w = visit(h, http.MethodPost, "/requests/"+preparedID+"/decline", url.Values{})
	if w.Code != 303 || w.Header().Get("Location") != "/requests?tab=closed&note=declined" {
		t.Errorf("a second time: %d to %q", w.Code, w.Header().Get("Location"))
	}
	w = visit(h, http.MethodPost, "/requests/"+sentID+"/decline", url.Values{})
	if w.Code != 409 || !strings.Contains(w.Body.String(), "The request has changed since you opened it.") || house.state(sentID) != request.Sent {
		t.Errorf("after it was sent: %d, %s", w.Code, house.state(sentID))
	}
}

// A button pressed twice, or the page that a browser kept, is answered with
// what became of the first, and nothing is sent twice.
func TestApproveTwice(t *testing.T) {
	house := newHouse()
	h := house.handler(t)
	jobs := len(house.outbox.jobs)
	form := url.Values{"digest": {fixturePackage(nil).Digest}, "passphrase": {fixturePass}}
	for range 2 {
		w := visit(h, http.MethodPost, "/requests/"+preparedID+"/approve", form)
		if w.Code != 303 || w.Header().Get("Location") != "/requests/"+preparedID+"/result" {
			t.Errorf("%d to %q", w.Code, w.Header().Get("Location"))
		}
	}
	if n := len(house.outbox.jobs) - jobs; n != 1 {
		t.Errorf("%d deliveries, want 1", n)
	}
	form.Set("passphrase", "guess")
	if w := visit(h, http.MethodPost, "/requests/"+preparedID+"/approve", form); w.Code != 403 {
		t.Errorf("again with a wrong passphrase: %d", w.Code)
	}
}

// A page that was open too long is told so in words, and leads back.
func TestStalePages(t *testing.T) {
	house := newHouse()
	h := house.handler(t)
	w := visit(h, http.MethodPost, "/requests/"+preparedID+"/approve", url.Values{"passphrase": {fixturePass}}, noSession)
	if w.Code != 401 || !strings.Contains(w.Body.String(), `href="/login?next=%2Frequests%2F`+preparedID+`"`) || house.state(preparedID) != request.Prepared {
		t.Errorf("without a session: %d %s", w.Code, w.Body)
	}
	rec := house.requests.records[preparedID]
	rec.State = request.Expired
	house.requests.records[preparedID] = rec
	form := url.Values{"digest": {rec.Package.Digest}, "passphrase": {fixturePass}}
	w = visit(h, http.MethodPost, "/requests/"+preparedID+"/approve", form)
	if w.Code != 409 || !strings.Contains(w.Body.String(), "Expired") || strings.Contains(w.Body.String(), "/approve") {
		t.Errorf("expired meanwhile: %d", w.Code)
	}
	w = visit(h, http.MethodPost, "/requests/"+preparedID+"/prepare", pickForm("clip", "0"))
	if w.Code != 409 {
		t.Errorf("sealing what expired: %d", w.Code)
	}
}

// Sound is left out unless it was asked for, camera by camera.
func TestSoundIsAskedFor(t *testing.T) {
	house := newHouse()
	h := house.handler(t)
	visit(h, http.MethodPost, "/requests/"+waitingID+"/prepare", pickForm("clip", "0", "clip", "1", "sound-1", "on"))
	rec := house.requests.records[waitingID]
	if len(rec.Selection) != 2 || rec.Selection[0].Audio || !rec.Selection[1].Audio {
		t.Fatalf("%+v", rec.Selection)
	}
	body := visit(h, http.MethodGet, "/requests/"+waitingID, nil).Body.String()
	if !strings.Contains(body, "so they will hear it too") || strings.Contains(body, "<li>sound</li>") || !strings.Contains(body, `name="sound-1" checked`) {
		t.Error("the page does not say that sound goes with it")
	}
}

func TestInboxIsPaged(t *testing.T) {
	house := newHouse()
	for n := range 497 {
		rec := fixtureRecord(fmt.Sprintf("many-%03d", n), request.Waiting)
		house.requests.records[rec.ID] = rec
	}
	h := house.handler(t)
	for page, want := range map[string]string{
		"": "1 to 50 of 500", "2": "51 to 100 of 500", "10": "451 to 500 of 500", "11": "451 to 500 of 500", "-4": "1 to 50 of 500", "x": "1 to 50 of 500",
	} {
		body := visit(h, http.MethodGet, "/requests?page="+page, nil).Body.String()
		if strings.Count(body, `<li class="item">`) != 50 || !strings.Contains(body, want) {
			t.Errorf("page %q: %d rows, want 50 and %q", page, strings.Count(body, `<li class="item">`), want)
		}
		if strings.Contains(body, ">Newer<") != (want[0] != '1') || strings.Contains(body, ">Older<") != !strings.HasPrefix(want, "451") {
			t.Errorf("page %q leads to the wrong pages", page)
		}
	}
	if body := visit(h, http.MethodGet, "/requests", nil).Body.String(); !strings.Contains(body, ">99&#43;</span>") {
		t.Error("the count does not fit its badge")
	}
}

func TestCaseCard(t *testing.T) {
	house := newHouse()
	rec := house.requests.records[waitingID]
	rec.Case = &request.CaseUse{Requests: 3, Seconds: 8100, KM2: 0.6}
	house.requests.records[waitingID] = rec
	h := house.handler(t)
	body := visit(h, http.MethodGet, "/requests/"+waitingID, nil).Body.String()
	for _, want := range []string{"Request 3 of this case", "Together they ask you for 2 h 15 min and 0.60 km².", `href="/requests/` + sentID + `"`} {
		if !strings.Contains(body, want) {
			t.Errorf("no %q", want)
		}
	}
	if body := visit(h, http.MethodGet, "/requests/"+preparedID, nil).Body.String(); strings.Contains(body, "Together they ask") {
		t.Error("a request that is alone in its case has a card")
	}
}

func TestSteerDelivery(t *testing.T) {
	house := newHouse()
	h := house.handler(t)
	post := func(what string, want int, state delivery.State) {
		t.Helper()
		w := visit(h, http.MethodPost, "/requests/"+coolingID+"/"+what, url.Values{})
		jobs, _ := house.outbox.Jobs(t.Context())
		if w.Code != want || jobs[0].State != state {
			t.Errorf("%s: %d %s, want %d %s", what, w.Code, jobs[0].State, want, state)
		}
	}
	post("send-now", 303, delivery.Sending)
	post("send-now", 303, delivery.Sending) // it has left: that is what was asked
	post("cancel", 303, delivery.Cancelled)
	post("send-now", 409, delivery.Cancelled)
	post("cancel", 409, delivery.Cancelled)
	if w := visit(h, http.MethodPost, "/requests/"+waitingID+"/cancel", url.Values{}); w.Code != http.StatusSeeOther {
		t.Errorf("without a delivery: %d, want back to the request", w.Code)
	}
}

func TestPreviewHasRanges(t *testing.T) {
	house := newHouse()
	house.clips.sealed = []byte("0123456789")
	h := house.handler(t)
	w := visit(h, http.MethodGet, "/requests/"+preparedID+"/preview/1", nil, func(r *http.Request) { r.Header.Set("Range", "bytes=2-5") })
	if w.Code != http.StatusPartialContent || w.Body.String() != "2345" || w.Header().Get("Content-Type") != "video/mp4" {
		t.Errorf("%d %q %v", w.Code, w.Body, w.Header())
	}
	for _, n := range []string{"2", "-1", "x", "9999999999999999999"} {
		if w := visit(h, http.MethodGet, "/requests/"+preparedID+"/preview/"+n, nil); w.Code != http.StatusNotFound {
			t.Errorf("file %s: %d, want 404", n, w.Code)
		}
	}
	if w := visit(h, http.MethodGet, "/requests/"+waitingID+"/preview/0", nil); w.Code != http.StatusConflict {
		t.Errorf("not sealed: %d, want 409", w.Code)
	}
}

func TestMedia(t *testing.T) {
	house := newHouse()
	house.clips.movie = movie{data: []byte("initfragment"), init: 4, fragments: [][2]int{{4, 8}}}
	house.clips.jpeg = []byte("jpeg")
	h := house.handler(t)
	for path, want := range map[string]struct {
		code int
		body string
	}{
		"/cameras/Driveway/main/live.m3u8":                                                  {200, "#EXTM3U"},
		"/cameras/Driveway/main/vod.m3u8?from=2026-11-21T21:00:00Z&to=2026-11-21T21:05:00Z": {200, "#EXT-X-ENDLIST"},
		"/cameras/Driveway/main/vod.m3u8?from=2026-11-21T21:00:00Z&to=2026-11-21T20:05:00Z": {422, ""},
		"/cameras/Driveway/main/vod.m3u8?from=2026-11-01T21:00:00Z&to=2026-11-21T20:05:00Z": {422, ""},
		"/cameras/Driveway/main/vod.m3u8":                                                   {422, ""},
		"/cameras/Driveway/main/init/1.mp4":                                                 {200, "init"},
		"/cameras/Driveway/main/segment/1.mp4":                                              {200, "initfragment"},
		"/cameras/Driveway/main/segment/2.mp4":                                              {404, "Nothing is recorded"},
		"/cameras/Driveway/main/segment/1.mov":                                              {404, "no such page"},
		"/cameras/Driveway/main/segment/-1.mp4":                                             {404, "no such page"},
		"/cameras/Driveway/other/segment/1.mp4":                                             {404, "no such page"},
		"/cameras/Garage/main/segment/1.mp4":                                                {404, "no such page"},
		"/cameras/Garage/still.jpg":                                                         {404, "no such page"},
		"/cameras/Driveway/still.jpg":                                                       {200, "jpeg"},
		"/cameras/Driveway/still.jpg?at=yesterday":                                          {422, ""},
		"/cameras/..%2f..%2fetc/main/segment/passwd.mp4":                                    {404, ""},
	} {
		w := visit(h, http.MethodGet, path, nil)
		if w.Code != want.code || !bytes.Contains(w.Body.Bytes(), []byte(want.body)) {
			t.Errorf("%s: %d %.40q, want %d %q", path, w.Code, w.Body, want.code, want.body)
		}
	}
	w := visit(h, http.MethodGet, "/cameras/Driveway/main/segment/1.mp4", nil, func(r *http.Request) { r.Header.Set("Range", "bytes=4-11") })
	if w.Code != http.StatusPartialContent || w.Body.String() != "fragment" {
		t.Errorf("range: %d %q", w.Code, w.Body)
	}
}

func TestSettingsForms(t *testing.T) {
	house := newHouse()
	h := house.handler(t)
	change := url.Values{"current": {fixturePass}, "passphrase": {"another passphrase"}, "repeat": {"another passphrase"}}
	wrong := url.Values{"current": {"no"}, "passphrase": {"another passphrase"}, "repeat": {"another passphrase"}}
	if w := visit(h, http.MethodPost, "/you/passphrase", wrong); w.Code != 403 || !house.accounts.is(fixturePass) {
		t.Errorf("change without the passphrase: %d", w.Code)
	}
	if w := visit(h, http.MethodPost, "/you/passphrase", change); w.Code != 303 || !house.accounts.is("another passphrase") {
		t.Errorf("change: %d", w.Code)
	}
	if w := visit(h, http.MethodGet, "/settings", nil); w.Code != 303 {
		t.Errorf("a change must end sessions: %d", w.Code)
	}
}

func TestReadingARequestIsNotedOnce(t *testing.T) {
	house := newHouse()
	h := house.handler(t)
	visit(h, http.MethodGet, "/requests/"+waitingID, nil)
	visit(h, http.MethodGet, "/requests/"+sentID, nil)
	if diff := cmp.Diff([]string{waitingID}, house.requests.shown); diff != "" {
		t.Error(diff)
	}
}

// TestAddRequest: what is pasted fills the form in and is stored by nobody;
// what is entered leads to its page.
func TestAddRequest(t *testing.T) {
	house := newHouse()
	h := house.handler(t)
	before := len(house.requests.records)
	w := visit(h, http.MethodPost, "/requests/add/read", url.Values{"paste": {"Case no. 24-11873: " + fixtureManualLink + " <script>alert(1)</script>"}})
	body := w.Body.String()
	for _, want := range []string{`value="24-11873"`, `value="` + fixtureManualLink + `"`, "<bdi>lakeside.evidence.example</bdi>", "&lt;script&gt;"} {
		if !strings.Contains(body, want) {
			t.Errorf("%d: no %s in\n%s", w.Code, want, body)
		}
	}
	if strings.Contains(body, `href="https:`) || strings.Contains(body, "<script>alert") || len(house.requests.records) != before {
		t.Error("a link, a script, or a record was made of a pasted text")
	}
	if w := visit(h, http.MethodPost, "/requests/add/read", url.Values{"paste": {"a\u202eb"}}); w.Code != 422 || !strings.Contains(w.Body.String(), "characters that cannot be seen") {
		t.Errorf("hidden characters: %d", w.Code)
	}
	form := url.Values{
		"who": {"Officer Ruiz"}, "from": {"2026-11-21T13:00"}, "to": {"2026-11-21T13:45"}, "way": {"in_person"}, "camera": {"Driveway"}, "text": {"Hello"},
	}
	bad := url.Values{"who": {"R\u202e"}, "from": {"2026-11-21T13:00"}, "to": {"2026-11-21T13:45"}, "text": {"Hello"}, "camera": {"Driveway"}, "way": {"in_person"}}
	w = visit(h, http.MethodPost, "/requests/add/save", bad)
	for _, want := range []string{"Say who asks in one line", ">Hello</textarea>", `value="Driveway" checked`, `value="in_person" checked`, `value="2026-11-21T13:00"`} {
		if w.Code != 422 || !strings.Contains(w.Body.String(), want) {
			t.Errorf("%d: no %s", w.Code, want)
		}
	}
	if w := visit(h, http.MethodPost, "/requests/add/save", url.Values{"who": {"Officer Ruiz"}}); w.Code != 422 {
		t.Errorf("without times: %d", w.Code)
	}
	w = visit(h, http.MethodPost, "/requests/add/save", form)
	if w.Code != 303 || w.Header().Get("Location") != "/requests/hand-added" {
		t.Fatalf("%d to %q", w.Code, w.Header().Get("Location"))
	}
	m := house.requests.records["hand-added"].Manual
	if m.Way != request.InPerson || m.Window.From.UTC().Hour() != 21 || len(m.Cameras) != 1 {
		t.Errorf("%+v", m)
	}
	if got := visit(h, http.MethodGet, "/requests/hand-added", nil).Body.String(); !strings.Contains(got, "Unverified requester") {
		t.Error("the page does not say that nobody verified who asks")
	}
}

// TestHandOver takes files out, notes the hand-over, and takes them out again
// only with the passphrase.
func TestHandOver(t *testing.T) {
	house := newHouse()
	house.clips.sealed = []byte("a film")
	h := house.handler(t)
	at := "/requests/" + readyID + "/hand-over"
	post := func(path string, form url.Values) *httptest.ResponseRecorder {
		return visit(h, http.MethodPost, at+path, form)
	}
	if w := post("/files", url.Values{"form": {"plain"}}); w.Code != 403 || w.Header().Get("Content-Disposition") != "" {
		t.Errorf("taken out in a session that was not confirmed: %d", w.Code)
	}
	done := url.Values{"to": {"J. Ruiz"}, "way": {"portal"}, "at": {"2026-11-22T12:30:00"}, "passphrase": {fixturePass}}
	if w := post("/done", done); w.Code != 409 || !strings.Contains(w.Body.String(), "never taken out") {
		t.Errorf("handed over unseen: %d", w.Code)
	}
	secret := "2222-3333-4444-5555"
	for form, want := range map[string]string{"plain": "application/zip", "locked": "application/octet-stream"} {
		w := post("/files", url.Values{"form": {form}, "secret": {secret}, "passphrase": {fixturePass}})
		if w.Code != 200 || w.Header().Get("Content-Type") != want || !strings.HasPrefix(w.Header().Get("Content-Disposition"), "attachment") {
			t.Errorf("%s: %d %v", form, w.Code, w.Header())
		}
		if form == "locked" && w.Body.String() != "locked with "+secret {
			t.Error("not what was locked")
		}
		if form == "plain" {
			z, err := zip.NewReader(bytes.NewReader(w.Body.Bytes()), int64(w.Body.Len()))
			if err != nil || len(z.File) != 2 || z.File[1].Name != "original_cam-A.mp4" || z.File[1].Method != zip.Store {
				t.Errorf("archive %+v, %v", z, err)
			}
		}
	}
	for _, bad := range []url.Values{{"form": {"locked"}, "secret": {"password"}}, {"form": {"sealed"}}, {"form": {"tar"}}, {}} {
		bad.Set("passphrase", fixturePass)
		if w := post("/files", bad); w.Code != 400 {
			t.Errorf("%v: %d", bad, w.Code)
		}
	}
	if body := visit(h, http.MethodGet, at, nil).Body.String(); !strings.Contains(body, "Taken out 2 times") || strings.Contains(body, `href="https:`) {
		t.Error("the page does not tell of what was taken out, or leads to a portal")
	}
	wrong := url.Values{"to": {"J. Ruiz"}, "way": {"portal"}, "passphrase": {"wrong"}}
	if w := post("/done", wrong); w.Code != 403 || !strings.Contains(w.Body.String(), `value="J. Ruiz"`) {
		t.Errorf("wrong passphrase: %d", w.Code)
	}
	if w := post("/done", done); w.Code != 303 || house.state(readyID) != request.HandedOver {
		t.Errorf("%d, %s", w.Code, house.state(readyID))
	}
	if w := post("/receipt", url.Values{"receipt": {"R-77"}}); w.Code != 303 {
		t.Errorf("receipt: %d", w.Code)
	}
	for pass, want := range map[string]int{"": 403, "wrong": 403, fixturePass: 200} {
		if w := post("/files", url.Values{"form": {"plain"}, "passphrase": {pass}}); w.Code != want {
			t.Errorf("again with %q: %d, want %d", pass, w.Code, want)
		}
	}
	if w := post("/cancel", url.Values{}); w.Code != 409 {
		t.Errorf("cancelled after it: %d", w.Code)
	}
	// One that was never approved has no such page.
	if w := visit(h, http.MethodGet, "/requests/"+manualID+"/hand-over", nil); w.Code != 303 {
		t.Errorf("before the approval: %d", w.Code)
	}
}
