package ui

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"gatehouse/hub/account"
	"gatehouse/hub/keep"
	"gatehouse/hub/ledger"
	"gatehouse/hub/recording"
)

// has fails the test unless an answer has a status and all texts, or none after "no".
func has(t *testing.T, what string, w *httptest.ResponseRecorder, status int, texts ...string) {
	t.Helper()
	if w.Code != status {
		t.Errorf("%s: %d, want %d", what, w.Code, status)
	}
	for _, s := range texts {
		s, want := strings.TrimPrefix(s, "no:"), !strings.HasPrefix(s, "no:")
		if strings.Contains(w.Body.String(), s) != want {
			t.Errorf("%s: %q stands there: %v", what, s, !want)
		}
	}
}

// TestKeepFromTheTimeline walks the plain forms, as a browser without scripts
// and then as one whose script gives the exact marks.
func TestKeepFromTheTimeline(t *testing.T) {
	house := newHouse()
	house.shelf.list = nil
	h := house.handler(t)
	has(t, "nothing kept", visit(h, http.MethodGet, "/kept", nil), 200, "Nothing is kept.")
	page := visit(h, http.MethodGet, "/timeline/Driveway?at=2026-11-21T14:10:00-08:00&with=Front+door", nil)
	has(t, "timeline", page, 200, `formaction="/timeline/Driveway/keep"`, `href="/kept"`, `name="with" value="Front door"`)

	form := visit(h, http.MethodGet, "/timeline/Driveway/keep?in=&out=&with=Front+door&from=2026-11-21T14:10:00&to=2026-11-21T14:12:00", nil)
	has(t, "form", form, 200, `name="in" value="2026-11-21T22:10:00Z"`, `name="out" value="2026-11-21T22:12:00Z"`, `value="Driveway" checked`, `value="Front door" checked`,
		`value="30" checked`, "28.0 MB", "22 Dec 2026")
	typed := url.Values{"in": {"2026-11-21T22:10:00Z"}, "out": {"2026-11-21T22:12:00Z"}, "camera": {"Driveway"}, "end": {"30"}, "note": {"<b>Füchse</b> 🦊"}}
	w := visit(h, http.MethodPost, "/timeline/Driveway/keep", typed)
	if w.Code != http.StatusSeeOther || w.Header().Get("Location") != "/kept?note=kept" {
		t.Fatalf("%d to %q", w.Code, w.Header().Get("Location"))
	}
	k := house.shelf.list[0]
	if !k.Until.Equal(fixtureNow.AddDate(0, 0, 30)) || k.By != account.OwnerNumber || !slices.Equal(k.Cameras, []string{"Driveway"}) {
		t.Errorf("%+v", k)
	}
	has(t, "list", visit(h, http.MethodGet, "/kept?note=kept", nil), 200, "Kept. No rule deletes", "1 range is kept, 28.0 MB", "&lt;b&gt;Füchse&lt;/b&gt; 🦊", "/kept/"+k.ID,
		"/timeline/Driveway?in=2026-11-21T22%3A10%3A00Z&amp;out=2026-11-21T22%3A12%3A00Z", "Kept until Tue 22 Dec 2026", "kept by <bdi>owner</bdi>")
	moment := visit(h, http.MethodGet, "/timeline/Driveway?in=2026-11-21T22:10:00Z&out=2026-11-21T22:12:00Z", nil)
	has(t, "its moment", moment, 200, `class="line-kept"`, "Kept: &lt;b&gt;Füchse", `href="/kept/`+k.ID)
	l, _ := lanesOf(t, h, "/timeline/Driveway/data?day=2026-11-21")
	if !slices.ContainsFunc(l.Held, func(x laneHold) bool { return x.Own && x.Why == "Kept: <b>Füchse</b> 🦊" }) || !slices.ContainsFunc(l.Held, func(x laneHold) bool { return !x.Own }) {
		t.Errorf("drawn: %+v", l.Held)
	}

	exact := url.Values{"in": {"2026-11-21T22:10:00.250Z"}, "out": {"2026-11-21T22:12:00.750Z"}, "camera": {"Driveway", "Front door"}, "end": {"day"}, "day": {"2027-03-01"}}
	if w := visit(h, http.MethodPost, "/timeline/Driveway/keep", exact); w.Code != http.StatusSeeOther {
		t.Fatal(w.Code)
	}
	k = house.shelf.list[0]
	if want := time.Date(2027, 3, 2, 0, 0, 0, 0, fixtureZone); !k.Until.Equal(want) || k.From.Nanosecond() != 250e6 || len(k.Cameras) != 2 {
		t.Errorf("%+v, want until %s", k, want)
	}
	if last := house.ledger.entries[len(house.ledger.entries)-1]; last.Kind != ledger.Kept || strings.Contains(last.Text, "Füchse") {
		t.Errorf("the ledger has %+v", last)
	}
}

// TestKeepSaysWhatIsWrong, and what was typed is still there.
func TestKeepSaysWhatIsWrong(t *testing.T) {
	house := newHouse()
	h := house.handler(t)
	house.archive.empty = "Garden"
	had := len(house.shelf.list)
	good := url.Values{"in": {"2026-11-21T22:10:00Z"}, "out": {"2026-11-21T22:12:00Z"}, "camera": {"Driveway"}, "end": {"30"}, "note": {"my note"}}
	for name, c := range map[string]struct {
		key, value string
		status     int
		text       string
	}{
		"no camera":     {"camera", "", 422, "No camera is chosen."},
		"no end":        {"end", "", 400, "The form could not be read."},
		"a made-up end": {"end", "3650", 400, "The form could not be read."},
		"no day":        {"end", "day", 422, "That end cannot be used."},
		"a long note":   {"note", strings.Repeat("x", keep.MaxNote+1), 422, "The note cannot be used."},
		"other camera":  {"camera", "Garden", 404, "Nothing is recorded in this range."},
		"no range":      {"in", "x", 422, "The times cannot be used."},
		"a long range":  {"in", "2026-11-01T00:00:00Z", 422, "That is more footage"},
	} {
		form := url.Values{}
		for k, v := range good {
			form[k] = v
		}
		if form.Set(c.key, c.value); c.value == "" {
			form.Del(c.key)
		}
		w := visit(h, http.MethodPost, "/timeline/Driveway/keep", form)
		has(t, name, w, c.status, c.text)
		if c.key != "note" && c.key != "in" && !strings.Contains(w.Body.String(), "my note") {
			t.Errorf("%s: what was typed is lost", name)
		}
	}
	has(t, "a camera that is not there", visit(h, http.MethodGet, "/timeline/Garden/keep?from=2026-11-21T14:10:00&to=2026-11-21T14:12:00", nil), 404)
	if len(house.shelf.list) != had {
		t.Error("something was kept")
	}
}

// TestKeptIsChangedAndReleased, by those who may, after they were asked.
func TestKeptIsChangedAndReleased(t *testing.T) {
	house := newHouse()
	house.accounts.join("bo", account.Approver)
	h := house.handler(t)
	has(t, "list", visit(h, http.MethodGet, "/kept", nil), 200, "2 ranges are kept", "Kept until it is released", "Ended Thu 19 Nov 2026", "nothing is left of it", "kept by somebody who was removed")
	one := visit(h, http.MethodGet, "/kept/"+keptID, nil)
	has(t, "one", one, 200, `value="never" checked`, "Fox at the bins", "/kept/"+keptID+"?release", "no:Yes, release it")
	has(t, "for bo", visit(h, http.MethodGet, "/kept/"+keptID+"?release", nil, as("bo-session")), 200, "An owner, or whoever kept it", "no:<form method=\"post\" action=\"/kept", "no:Yes, release it")
	for _, path := range []string{"/kept/" + keptID, "/kept/" + keptID + "/release"} {
		has(t, path, visit(h, http.MethodPost, path, url.Values{"end": {"30"}}, as("bo-session")), 403, "Somebody else keeps this footage.")
	}
	has(t, "a bad end", visit(h, http.MethodPost, "/kept/"+keptID, url.Values{"end": {"day"}, "day": {"2020-01-01"}, "note": {"typed"}}), 422, "That end cannot be used.", "typed", `value="2020-01-01"`)
	w := visit(h, http.MethodPost, "/kept/"+keptID, url.Values{"end": {"90"}, "note": {"two foxes"}})
	if i := house.shelf.at(keptID); w.Code != http.StatusSeeOther || house.shelf.list[i].Note != "two foxes" || !house.shelf.list[i].Until.Equal(fixtureNow.AddDate(0, 0, 90)) {
		t.Errorf("%d %+v", w.Code, house.shelf.list[i])
	}
	has(t, "with an end", visit(h, http.MethodGet, "/kept/"+keptID, nil), 200, `value="same" checked`)
	if w := visit(h, http.MethodPost, "/kept/"+keptID, url.Values{"end": {"same"}, "note": {"three foxes"}}); w.Code != http.StatusSeeOther {
		t.Error(w.Code)
	}
	has(t, "ended and gone", visit(h, http.MethodPost, "/kept/"+endedID, url.Values{"end": {"30"}}), 404, "Nothing is recorded in this range.")
	has(t, "asked", visit(h, http.MethodGet, "/kept/"+keptID+"?release", nil), 200, "Release this footage?", "Yes, release it")
	if w := visit(h, http.MethodPost, "/kept/"+keptID+"/release", url.Values{}); w.Code != http.StatusSeeOther || w.Header().Get("Location") != "/kept?note=kept-released" {
		t.Errorf("%d to %q", w.Code, w.Header().Get("Location"))
	}
	if slices.ContainsFunc(house.archive.holds, func(x recording.Hold) bool { return x.ID == keptID }) {
		t.Error("it is still held")
	}
	for _, path := range []string{"/kept/" + keptID, "/kept/" + keptID + "/release"} {
		has(t, "again", visit(h, http.MethodPost, path, url.Values{"end": {"30"}}), 404, "not on the list of what is kept")
	}
	var kinds []ledger.Kind
	for _, e := range house.ledger.entries[len(house.ledger.entries)-3:] {
		kinds = append(kinds, e.Kind)
	}
	if !slices.Equal(kinds, []ledger.Kind{ledger.KeptChanged, ledger.KeptChanged, ledger.Released}) {
		t.Errorf("the ledger has %v", kinds)
	}
}

// TestApproverKeeps: an approver keeps footage and lets it go again; a viewer
// neither does nor hears of what is kept.
func TestApproverKeeps(t *testing.T) {
	house := newHouse()
	house.accounts.join("bo", account.Approver)
	house.accounts.join("vera", account.Viewer, "Driveway")
	h := house.handler(t)
	form := url.Values{"in": {"2026-11-21T22:10:00Z"}, "out": {"2026-11-21T22:12:00Z"}, "camera": {"Driveway"}, "end": {"never"}}
	if w := visit(h, http.MethodPost, "/timeline/Driveway/keep", form, as("bo-session")); w.Code != http.StatusSeeOther {
		t.Fatal(w.Code)
	}
	id := house.shelf.list[0].ID
	has(t, "bo's", visit(h, http.MethodGet, "/kept", nil, as("bo-session")), 200, "kept by <bdi>bo</bdi>")
	has(t, "for vera", visit(h, http.MethodPost, "/timeline/Driveway/keep", form, as("vera-session")), 403)
	has(t, "for vera", visit(h, http.MethodGet, "/timeline/Driveway?at=2026-11-21T14:11:00-08:00", nil, as("vera-session")), 200, "no:/kept", "no:/keep", "no:Fox at the bins", "no:line-kept")
	if w := visit(h, http.MethodPost, "/kept/"+id+"/release", url.Values{}, as("bo-session")); w.Code != http.StatusSeeOther {
		t.Error(w.Code)
	}
}
