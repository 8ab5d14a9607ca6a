package ui

import (
	"context"
	"net/http"
	"strings"
	"testing"

	"gatehouse/hub/account"
)

// fakeWHEP lets everybody in who gets to it.
type fakeWHEP struct {
	camera, stream string
	may            func(context.Context) bool
}

func (f *fakeWHEP) Create(w http.ResponseWriter, _ *http.Request, camera, stream string, may func(context.Context) bool) {
	f.camera, f.stream, f.may = camera, stream, may
	w.WriteHeader(http.StatusCreated)
}

func (f *fakeWHEP) Update(w http.ResponseWriter, _ *http.Request, _, _, _ string) {
	w.WriteHeader(http.StatusNoContent)
}
func (f *fakeWHEP) Delete(http.ResponseWriter, *http.Request, string, string, string) {}

// TestViewLastsAsLongAsTheLogIn: whoever logs out, or may no longer see the
// camera, is told so to what shows it to them.
func TestViewLastsAsLongAsTheLogIn(t *testing.T) {
	for what, end := range map[string]func(*house){
		"log-out": func(h *house) { visit(h.handler(t), http.MethodPost, "/logout", nil, as("vera-session")) },
		"another camera": func(h *house) {
			_ = h.accounts.ChangePerson(context.Background(), account.Person{Name: "vera", Role: account.Viewer, Cameras: []string{"Front door"}})
		},
		"no person any more": func(h *house) { _ = h.accounts.RemovePerson(context.Background(), "vera") },
	} {
		house := newHouse()
		f := &fakeWHEP{}
		house.whep = f
		house.accounts.join("vera", account.Viewer, "Driveway")
		if w := visit(house.handler(t), http.MethodPost, "/cameras/Driveway/sub/whep", nil, as("vera-session")); w.Code != http.StatusCreated {
			t.Fatalf("%d %s", w.Code, w.Body)
		}
		if f.camera != "Driveway" || f.stream != "sub" || !f.may(t.Context()) {
			t.Errorf("%s %s, may %v", f.camera, f.stream, f.may(t.Context()))
		}
		end(house)
		if f.may(t.Context()) {
			t.Errorf("%s: the view goes on", what)
		}
	}
}

func TestCameraPage(t *testing.T) {
	house := newHouse()
	house.whep = &fakeWHEP{}
	page := visit(house.handler(t), http.MethodGet, "/live/Driveway", nil).Body.String()
	for _, part := range []string{`streams="main"`, " whep>", `still="/cameras/Driveway/still.jpg"`, "phase-live", `href="/timeline/Driveway"`} {
		if !strings.Contains(page, part) {
			t.Errorf("no %s in:\n%s", part, page)
		}
	}
	if w := visit(house.handler(t), http.MethodGet, "/live/Attic", nil); w.Code != http.StatusNotFound {
		t.Errorf("a camera that is not there: %d", w.Code)
	}
	if w := visit(newHouse().handler(t), http.MethodPost, "/cameras/Driveway/main/whep", nil); w.Code != http.StatusNotFound {
		t.Errorf("without WebRTC: %d", w.Code)
	}
	if w := visit(house.handler(t), http.MethodPost, "/cameras/Driveway/attic/whep", nil); w.Code != http.StatusNotFound {
		t.Errorf("no such stream: %d", w.Code)
	}
}
