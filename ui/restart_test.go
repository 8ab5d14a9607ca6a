package ui

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
)

// TestStartAgain: it needs the passphrase, and the page that follows tells the run
// that ends from the next one.
func TestStartAgain(t *testing.T) {
	house := newHouse()
	house.waits = []string{"listen", "storage", "homekit", "homekit of cameras"}
	h := house.handler(t)
	body := visit(h, http.MethodGet, "/settings/restart", nil).Body.String()
	for _, key := range []string{"access", "storage", "doorbell"} {
		if strings.Count(body, `href="/settings/`+key+`"`) != 1 {
			t.Errorf("%s is not named once in %s", key, body)
		}
	}
	for name, form := range map[string]url.Values{"nothing": {}, "a wrong passphrase": {"passphrase": {"not this one"}}} {
		if w := visit(h, http.MethodPost, "/settings/restart", form); w.Code != http.StatusForbidden || house.starts != 0 {
			t.Errorf("with %s: %d, %d starts", name, w.Code, house.starts)
		}
	}
	w := visit(h, http.MethodPost, "/settings/restart", url.Values{"passphrase": {fixturePass}})
	after := w.Header().Get("Location")
	if w.Code != http.StatusSeeOther || house.starts != 1 {
		t.Fatalf("%d, %d starts", w.Code, house.starts)
	}
	if body := visit(h, http.MethodGet, after, nil).Body.String(); strings.Contains(body, `id="back"`) || !strings.Contains(body, english().say("restart.ending")) {
		t.Errorf("the run that ends says %s", body)
	}
	if house.starts != 1 {
		t.Error("to look starts it again")
	}
	cfg := house.config()
	cfg.Restart.Started = fixtureNow
	if body := visit(New(cfg), http.MethodGet, after, nil).Body.String(); !strings.Contains(body, `id="back"`) || !strings.Contains(body, english().say("restart.still")) {
		t.Errorf("the next run says %s", body)
	}
	house.waits = nil
	if body := visit(New(cfg), http.MethodGet, after, nil).Body.String(); !strings.Contains(body, `id="back"`) || strings.Contains(body, english().say("restart.still")) {
		t.Errorf("the next run, with all that was changed, says %s", body)
	}
}

// TestStorageCountsAtOnce: storage that is chosen before there is a camera is used
// at once, and with one the page says how.
func TestStorageCountsAtOnce(t *testing.T) {
	for name, c := range map[string]struct {
		bare   bool
		starts int
		next   string
	}{
		"no camera": {true, 1, "/setup/cameras"},
		"a camera":  {false, 0, "/setup/cameras?note=saved-later"},
	} {
		t.Run(name, func(t *testing.T) {
			house := newHouse()
			house.step, house.bare, house.archive.bare = 3, c.bare, c.bare
			h := house.handler(t)
			if body := visit(h, http.MethodGet, "/setup/storage", nil).Body.String(); strings.Contains(body, "next start.") == c.bare {
				t.Errorf("the page: %s", body)
			}
			choice := url.Values{"path": {"/mnt/big disk/gatehouse"}}
			if w := visit(h, http.MethodPost, "/setup/storage", choice); w.Header().Get("Location") != "/setup/cameras" || house.starts != 0 {
				t.Errorf("nothing waits: %d to %q, %d starts", w.Code, w.Header().Get("Location"), house.starts)
			}
			house.waits = []string{"storage"}
			w := visit(h, http.MethodPost, "/setup/storage", choice)
			if w.Code != http.StatusSeeOther || w.Header().Get("Location") != c.next || house.starts != c.starts {
				t.Fatalf("%d to %q, %d starts", w.Code, w.Header().Get("Location"), house.starts)
			}
			if led := strings.Contains(visit(h, http.MethodGet, c.next, nil).Body.String(), `href="/settings/restart"`); led == c.bare {
				t.Errorf("the next page leads to a new start: %v", led)
			}
		})
	}
}
