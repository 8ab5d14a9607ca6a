package ui

import (
	"context"
	"net/http"
	"net/url"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"gatehouse/hub/config"
	"gatehouse/hub/survey"
)

// TestCameraIsTriedShownAndSaved: nothing is chosen for the owner, what comes is
// seen before it is saved, and two presses are one camera.
func TestCameraIsTriedShownAndSaved(t *testing.T) {
	_, srv, err := newCamera()
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- srv.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	d := newDesk(t)
	cfg := newHouse().config()
	looks := &survey.Survey{Log: cfg.Log, Patience: 2 * time.Second}
	cfg.Settings, cfg.Survey, cfg.FirstRun = config.NewEditor(filepath.Dir(d.file), nil), looks, config.FirstRun{DataDir: filepath.Dir(d.file)}
	d.h = New(cfg)

	w := d.post("/settings/cameras/ask", url.Values{"address": {srv.LoginURL("main")}})
	page := w.Header().Get("Location")
	body := visit(d.h, http.MethodGet, page, nil).Body.String()
	for _, name := range []string{"exterior", "sound"} {
		for _, m := range inputs.FindAllString(body, -1) {
			if strings.Contains(m, `name="`+name+`"`) && strings.Contains(m, " checked") {
				t.Errorf("chosen for the owner: %s", m)
			}
		}
	}
	v := url.Values{"name": {"Gate"}}
	if w := d.post(page, v); w.Code != http.StatusUnprocessableEntity || !strings.Contains(w.Body.String(), `id="exterior-error"`) || !strings.Contains(w.Body.String(), `id="name-error"`) {
		t.Errorf("neither name nor where it looks is asked for: %d\n%s", w.Code, w.Body)
	}
	v = url.Values{"name": {"gate"}, "exterior": {"true"}, "save": {"on"}}
	if w := d.post(page, v); w.Header().Get("Location") != page+"#trial" || d.read() != settingsFile {
		t.Fatalf("saved untried: %d to %q\n%s", w.Code, w.Header().Get("Location"), d.read())
	}
	if body := visit(d.h, http.MethodGet, page, nil).Body.String(); !strings.Contains(body, "Key frame every") || !strings.Contains(body, `value="gate"`) {
		t.Errorf("what came is not shown:\n%s", body)
	}
	for range 2 {
		if w := d.post(page, v); !strings.HasPrefix(w.Header().Get("Location"), "/settings/camera/gate?") {
			t.Errorf("%d to %q\n%s", w.Code, w.Header().Get("Location"), w.Body)
		}
	}
	want := settingsFile + "  - name: gate\n    url: " + srv.LoginURL("main") + "\n    exterior: true\n    sound: false\n"
	if got := d.read(); got != want {
		t.Errorf("file:\n%s\nwant\n%s", got, want)
	}
	if w := visit(d.h, http.MethodGet, page, nil); !strings.HasPrefix(w.Header().Get("Location"), "/settings/camera/gate?") {
		t.Errorf("the page of a saved camera: %d", w.Code)
	}
}

func TestPicturesOfATrial(t *testing.T) {
	h := newHouse().handler(t)
	body := visit(h, http.MethodGet, "/settings/cameras/add/tried", nil).Body.String()
	for _, want := range []string{"10.0 s or more", "Set the key frame interval on the camera to 2 seconds."} {
		if !strings.Contains(body, want) {
			t.Errorf("no %q", want)
		}
	}
	for path, code := range map[string]int{"main-1.jpg": 200, "main-3.jpg": 200, "sub-1.jpg": 200, "main-4.jpg": 404, "sub-2.jpg": 404, "picture.jpg": 404} {
		w := visit(h, http.MethodGet, "/settings/cameras/add/tried/"+path, nil)
		if w.Code != code || code == 200 && !strings.Contains(body, path) {
			t.Errorf("%s: %d", path, w.Code)
		}
	}
}
