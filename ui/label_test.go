package ui

import (
	"encoding/json"
	"html"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"gatehouse/hub/account"
)

// TestLabelsAreShown: every page shows what people call a camera, isolated, in
// place of its name; where identity counts the name stands beside it. Addresses
// have the name.
func TestLabelsAreShown(t *testing.T) {
	house := newHouse()
	house.called()
	h := house.handler(t)
	label := "<bdi>" + html.EscapeString(house.labels["Driveway"]) + "</bdi>"
	const name = `<code class="id">Driveway</code>`
	for path, both := range map[string]bool{
		"/": false, "/live/Driveway": false, "/timeline/Driveway": false, "/kept": false, "/requests/add": false, "/settings/tokens": false, "/people": false,
		"/timeline/Driveway/sheet?from=2026-11-21T10:00&to=2026-11-21T10:10": false, "/timeline/Driveway/keep?from=2026-11-21T14:10&to=2026-11-21T14:22": false,
		"/settings/health": false, "/settings/cameras": true, "/settings/camera/Driveway": true, "/requests/" + waitingID: true, "/requests/" + preparedID: true,
	} {
		body := visit(h, http.MethodGet, path, nil).Body.String()
		if !strings.Contains(body, label) {
			t.Errorf("%s does not show the label", path)
		}
		if strings.Contains(body, name) != both {
			t.Errorf("%s shows the name beside it: %v", path, !both)
		}
		if strings.Contains(body, "<bdi>Driveway</bdi>") {
			t.Errorf("%s shows the name in the label's place", path)
		}
		if strings.Contains(body, url.PathEscape(house.labels["Driveway"])) {
			t.Errorf("%s has an address with the label", path)
		}
	}
	if w := visit(h, http.MethodGet, "/live/"+url.PathEscape(house.labels["Driveway"]), nil); w.Code != http.StatusNotFound {
		t.Errorf("a label is an address: %d", w.Code)
	}
}

func TestAPITellsLabels(t *testing.T) {
	house := newHouse()
	house.labels = map[string]string{"Driveway": "Einfahrt Süd 🚗"}
	h := house.handler(t)
	w := visit(h, http.MethodGet, "/api/v1/cameras", nil, bearer(house.token(t, "x", nil, account.ScopeCameras)))
	var got struct {
		Cameras []struct{ Name, Label string }
	}
	if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil || len(got.Cameras) != 2 {
		t.Fatalf("%s, %v", w.Body, err)
	}
	for _, cam := range got.Cameras {
		want := cam.Name
		if l := house.labels[cam.Name]; l != "" {
			want = l
		}
		if cam.Label != want {
			t.Errorf("%s is called %q, want %q", cam.Name, cam.Label, want)
		}
	}
}

// TestLabelIsWritten: the form of a camera writes the label into the file or
// says what is wrong with it, and leaves the name and all comments alone.
func TestLabelIsWritten(t *testing.T) {
	d := newDesk(t, "porch", "hall")
	for _, typed := range []string{" Einfahrt Süd 🚗 ", "مدخل", "Su\u0308d"} {
		f := d.form("/settings/camera/porch")
		f.Set("label", typed)
		if w := visit(d.h, http.MethodPost, "/settings/camera/porch", f); w.Code != http.StatusSeeOther {
			t.Fatalf("%q: %d", typed, w.Code)
		}
		want := strings.Replace(settingsFile, "@192.168.1.10\n", "@192.168.1.10\n    label: \"Einfahrt Süd 🚗\"\n", 1)
		if got := d.read(); got != want && typed == " Einfahrt Süd 🚗 " {
			t.Errorf("%q made\n%s", typed, got)
		}
		if got := d.form("/settings/camera/porch").Get("label"); got != strings.TrimSpace(typed) {
			t.Errorf("%q is shown as %q", typed, got)
		}
	}
	kept := d.read()
	for _, bad := range []string{"a\u202eb", "a\x07b", strings.Repeat("🚪", 65), "hall", "a\xffb"} {
		f := d.form("/settings/camera/porch")
		f.Set("label", bad)
		w := visit(d.h, http.MethodPost, "/settings/camera/porch", f)
		if w.Code != http.StatusUnprocessableEntity || !strings.Contains(w.Body.String(), `id="f-label-error"`) || d.read() != kept {
			t.Errorf("%q: %d", bad, w.Code)
		}
	}
	f := d.form("/settings/camera/porch")
	f.Set("label", "")
	if w := visit(d.h, http.MethodPost, "/settings/camera/porch", f); w.Code != http.StatusSeeOther || d.read() != settingsFile {
		t.Errorf("%d, made\n%s", w.Code, d.read())
	}
}

// TestPeopleHaveLabels: an owner types what a person is called; the name is made
// of it unless one is typed, stays, and is what they log in with.
func TestPeopleHaveLabels(t *testing.T) {
	house := newHouse()
	h := house.handler(t)
	invite := func(called, name string) (int, string) {
		form := url.Values{"label": {called}, "name": {name}, "role": {"approver"}, "passphrase": {fixturePass}}
		w := visit(h, http.MethodPost, "/people/invite", form)
		return w.Code, w.Body.String()
	}
	for _, c := range []struct{ called, name, want string }{
		{" María ", "", "maria"}, {"Maria", "", "maria-2"}, {"مريم", "", "person"}, {"🌻", "", "person-2"}, {"Owner", "", "owner-2"}, {"Дедушка", "opa", "opa"},
	} {
		code, body := invite(c.called, c.name)
		if code != http.StatusOK || !strings.Contains(body, `<strong><bdi>`+strings.TrimSpace(c.called)+`</bdi> <code class="id">`+c.want+`</code></strong>`) {
			t.Errorf("%q, %q: %d", c.called, c.name, code)
		}
	}
	for _, bad := range []string{"a\u202eb", "a\x07b", strings.Repeat("🌻", 65), "a\xffb"} {
		if code, _ := invite(bad, "bad"); code != http.StatusUnprocessableEntity {
			t.Errorf("%q: %d", bad, code)
		}
	}
	_, body := invite("María", "maria") // anew
	w := visit(h, http.MethodPost, "/join", url.Values{"code": {codeOn(body)}, "passphrase": {"passphrase of maria"}, "repeat": {"passphrase of maria"}}, noSession)
	if w.Code != http.StatusSeeOther {
		t.Fatalf("join: %d", w.Code)
	}
	maria := as(w.Result().Cookies()[0].Value)
	you := func() string { return visit(h, http.MethodGet, "/you", nil, maria).Body.String() }
	if !strings.Contains(you(), `<bdi>María</bdi>`) {
		t.Error("her page does not call her so")
	}
	call := func(name, called string) int {
		return visit(h, http.MethodPost, "/people/label", url.Values{"name": {name}, "label": {called}}).Code
	}
	if call("maria", "María José") != http.StatusSeeOther || !strings.Contains(you(), `<bdi>María José</bdi> here.`) {
		t.Error("she is not called otherwise")
	}
	if call("maria", "x\u2066y") != http.StatusUnprocessableEntity || call("nobody", "x") == http.StatusSeeOther || !strings.Contains(you(), "María José") {
		t.Error("a bad label was taken")
	}
	if visit(h, http.MethodPost, "/people/label", url.Values{"name": {"owner"}, "label": {"x"}}, maria).Code == http.StatusSeeOther {
		t.Error("an approver calls the owner what they like")
	}
	if call("owner", "Grandma") != http.StatusSeeOther || !strings.Contains(visit(h, http.MethodGet, "/you", nil).Body.String(), `<bdi>Grandma</bdi> here.`) {
		t.Error("the owner is not called so")
	}
	if call("maria", "") != http.StatusSeeOther || !strings.Contains(you(), `<bdi>maria</bdi>`) || strings.Contains(you(), "María") {
		t.Error("she is still called so")
	}
	for _, name := range []string{"maria", "María"} {
		w := visit(h, http.MethodPost, "/login", url.Values{"name": {name}, "passphrase": {"passphrase of maria"}}, noSession)
		if (w.Code == http.StatusSeeOther) != (name == "maria") {
			t.Errorf("log-in as %s: %d", name, w.Code)
		}
	}
}

// TestLedgerShowsLabels: beside what an entry names, the ledger's page shows what
// people call it now; the entry has the name alone.
func TestLedgerShowsLabels(t *testing.T) {
	house := newHouse()
	house.called()
	h := house.handler(t)
	size := len(house.ledger.entries)
	keep := url.Values{"in": {"2026-11-21T22:10:00Z"}, "out": {"2026-11-21T22:12:00Z"}, "camera": {"Driveway"}, "end": {"30"}}
	if w := visit(h, http.MethodPost, "/timeline/Driveway/keep", keep); w.Code != http.StatusSeeOther || len(house.ledger.entries) != size+1 {
		t.Fatalf("%d, %d entries", w.Code, len(house.ledger.entries)-size)
	}
	if e := house.ledger.entries[size]; strings.Contains(e.Text+string(e.Data), "Einfahrt") || !strings.Contains(string(e.Data), "Driveway") {
		t.Errorf("noted: %s %s", e.Text, e.Data)
	}
	has(t, "ledger", visit(h, http.MethodGet, "/ledger", nil), http.StatusOK, `<bdi>Einfahrt Süd 🚗</bdi> <code class="id">Driveway</code>`)
}

// TestCamerasNameIsProposed: without scripts too, a name that is left empty is
// made of the label, or of the camera's model, and can still be typed otherwise.
func TestCamerasNameIsProposed(t *testing.T) {
	house := newHouse()
	house.cameras = []string{"camera", "garten"}
	h := house.handler(t)
	for _, c := range []struct{ called, name, want string }{
		{"Einfahrt Süd 🚗", "", "einfahrt-sud"}, {"Garten", "", "garten-2"}, {"مدخل", "", "camera-2"}, {"", "", "t-1"}, {"مدخل", "door", "door"},
	} {
		typed := url.Values{"label": {c.called}, "name": {c.name}, "main": {"1"}, "exterior": {"on"}}
		w := visit(h, http.MethodPost, "/settings/cameras/add/draft", typed) // its stream cannot be tried
		has(t, c.called, w, http.StatusUnprocessableEntity, `name="label" value="`+c.called+`"`, `name="name" value="`+c.want+`"`)
	}
}
