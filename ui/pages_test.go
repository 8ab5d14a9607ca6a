package ui

import (
	"errors"
	"flag"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write golden files")

// golden compares a page with testdata, with the hash of the assets left out.
func golden(t *testing.T, name, got string) {
	t.Helper()
	got = strings.ReplaceAll(got, newAssets().tree, "TREE")
	path := filepath.Join("testdata", name+".golden.html")
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s differs from its golden file (-want +got); go test -update writes it:\n%s", name, diff)
	}
}

func TestGoldenPages(t *testing.T) {
	h := newHouse().handler(t)
	for name, path := range map[string]string{
		"request-waiting":  "/requests/" + waitingID,
		"request-prepared": "/requests/" + preparedID,
		"request-hostile":  "/requests/01936f2a-7c00-7000-8000-000000000006",
		"result-cooling":   "/requests/" + coolingID + "/result",
		"result-done":      "/requests/" + sentID + "/result",
		"request-manual":   "/requests/" + manualID,
		"handover-done":    "/requests/" + handedID + "/hand-over",
	} {
		w := visit(h, http.MethodGet, path, nil)
		if w.Code != http.StatusOK {
			t.Fatalf("%s: %d", path, w.Code)
		}
		golden(t, name, w.Body.String())
	}
}

// everyPage reaches every template of a home in good health.
var everyPage = []string{
	"/", "/live/tiles", "/requests", "/requests?tab=sent", "/requests?tab=closed", "/requests?tab=nonsense&page=x", "/requests?tab=others", "/requests/sha256:5f2b3b4ab1c0697f489e3c1d",
	"/requests/01936f2a-7c00-7000-8000-000000000005", "/requests/01936f2a-7c00-7000-8000-000000000007",
	"/requests/" + coolingID + "/progress", "/agencies", "/agencies?card=x", "/ledger/entry/0", "/ledger", "/ledger?before=50", "/ledger?before=-3",
	"/requests/add", "/requests/" + readyID, "/requests/" + readyID + "/hand-over", "/requests/" + handedID,
	"/timeline/Driveway", "/timeline/Front%20door?day=2026-11-21", "/timeline/Driveway?day=2020-01-01",
	"/timeline/Driveway?from=2026-11-22T10:00&to=2026-11-22T10:05:30", "/settings", "/settings/rules", "/people", "/you", "/confirm?next=/ledger", "/join", "/trust",
	"/timeline/Driveway/sheet?from=2026-11-22T10:00&to=2026-11-22T10:05:30",
}

func TestEveryPage(t *testing.T) {
	for name, change := range map[string]func(*house){
		"well":           func(*house) {},
		"a camera fails": func(h *house) { h.archive.broken = true },
		"paired":         func(h *house) { h.homekit.pair() },
		"network off":    func(h *house) { h.off = true },
		"empty": func(h *house) {
			h.requests.records, h.requests.allowed, h.requests.known, h.ledger.entries = nil, nil, nil, nil
		},
	} {
		house := newHouse()
		change(house)
		h := house.handler(t)
		for _, path := range everyPage {
			spanish := visit(h, http.MethodGet, path, nil, func(r *http.Request) { r.Header.Set("Accept-Language", "es") })
			checkPage(t, path+" in Spanish", spanish.Body.String())
			w := visit(h, http.MethodGet, path, nil)
			want := http.StatusOK
			if name == "empty" && (strings.HasPrefix(path, "/requests/") && path != "/requests/add" || strings.HasPrefix(path, "/ledger/entry/")) {
				want = http.StatusNotFound
			}
			if w.Code != want {
				t.Errorf("%s: %s: %d, want %d", name, path, w.Code, want)
			}
			checkPage(t, path, w.Body.String())
		}
	}
}

func TestHomeWithoutCameras(t *testing.T) {
	house := newHouse()
	cfg := house.config()
	cfg.Cameras, cfg.HomeKit = nil, nil
	house.archive.bare = true
	h := New(cfg)
	for _, path := range []string{"/", "/timeline", "/settings", "/settings/health", "/settings/cameras", "/healthz"} {
		if w := visit(h, http.MethodGet, path, nil); w.Code != http.StatusOK {
			t.Errorf("%s: %d", path, w.Code)
		}
	}
}

var inlineStyle = regexp.MustCompile(`(?i)<style|\sstyle=|\son[a-z]+="|javascript:|<script>`)

// checkPage looks for what no page may have: what the policy would block,
// what the template engine refused, and addresses of other hosts.
func checkPage(t *testing.T, path, body string) {
	t.Helper()
	if m := inlineStyle.FindString(body); m != "" {
		t.Errorf("%s: inline %q", path, m)
	}
	body = strings.ReplaceAll(body, "<code>"+fixtureManualLink+"</code>", "") // shown, and leads nowhere
	body = strings.ReplaceAll(body, `readonly dir="auto" value="`+fixtureManualLink+`"`, "")
	for _, bad := range []string{"ZgotmplZ", "<no value>", "%!", "http://", "https://"} {
		if strings.Contains(body, bad) {
			t.Errorf("%s: page has %q", path, bad)
		}
	}
}

// TestReasonsAreTexts: a sentence of the hub is said in the language of the page, and
// its English text is the sentence.
func TestReasonsAreTexts(t *testing.T) {
	for sentence, key := range reasons {
		if got := strings.ReplaceAll(english().say(key), "{n}", "%d"); got != sentence {
			t.Errorf("%s is %q, and the hub writes %q", key, got, sentence)
		}
	}
}

// TestHostileText holds a stranger's words to plain, isolated text.
func TestHostileText(t *testing.T) {
	h := newHouse().handler(t)
	for _, path := range []string{"/requests?tab=others", "/requests/01936f2a-7c00-7000-8000-000000000006"} {
		body := visit(h, http.MethodGet, path, nil).Body.String()
		if !strings.Contains(body, "<bdi>&lt;script&gt;alert(1)&lt;/script&gt;&#34; onmouseover=&#34;x</bdi>") {
			t.Errorf("%s: the headline is not plain text in <bdi>", path)
		}
		if strings.Contains(body, "<script>alert") || strings.Contains(body, "<img src=x") {
			t.Errorf("%s: a stranger's markup came through", path)
		}
	}
}

// TestNothingPreselected: the owner chooses, every time.
func TestNothingPreselected(t *testing.T) {
	body := visit(newHouse().handler(t), http.MethodGet, "/requests/"+waitingID, nil).Body.String()
	if strings.Contains(body, " checked") || strings.Count(body, `name="clip"`) != 2 {
		t.Error("a camera is preselected or missing")
	}
	for _, want := range []string{`value="2026-11-21T13:00:00"`, `value="2026-11-21T13:45:00"`} {
		if !strings.Contains(body, want) {
			t.Errorf("no field with %s", want)
		}
	}
}

func TestRawErrorsAreNeverShown(t *testing.T) {
	house := newHouse()
	house.archive.fault = errors.New("sqlite: disk image is malformed at /secret/path")
	h := house.handler(t)
	for _, path := range []string{"/", "/settings", "/timeline/Driveway", "/requests/" + waitingID} {
		w := visit(h, http.MethodGet, path, nil)
		if w.Code != http.StatusInternalServerError || strings.Contains(w.Body.String(), "sqlite") {
			t.Errorf("%s: %d, raw error shown: %v", path, w.Code, strings.Contains(w.Body.String(), "sqlite"))
		}
		if !strings.Contains(w.Body.String(), "The hub could not do that.") {
			t.Errorf("%s: no words", path)
		}
	}
}

// What a camera's trouble is, and what to do, is told as exactly as it is known.
func TestOfflineCameraIsExplained(t *testing.T) {
	house := newHouse()
	house.archive.broken = true
	w := visit(house.handler(t), http.MethodGet, "/", nil)
	if !strings.Contains(w.Body.String(), "The camera does not accept the user name or password.") {
		t.Error("the detail is not shown")
	}
}

func TestHealth(t *testing.T) {
	house := newHouse()
	h := house.handler(t)
	check := func(status int, word string) {
		t.Helper()
		if w := visit(h, http.MethodGet, "/healthz", nil, noSession); w.Code != status || w.Body.String() != word+"\n" {
			t.Errorf("%d %q, want %d %q", w.Code, w.Body, status, word)
		}
	}
	check(200, "ok")
	house.archive.broken = true // the camera is offline too: no fault of the hub
	check(200, "ok")
	house.ledger.fault = errors.New("gone")
	check(503, "ledger")
	house.archive.fault = errors.New("gone")
	check(503, "index")
}

// TestNoAttributeIsTakenForScript: html/template reads data-on… as an event
// handler, and writes a text into it with the quotes of a script.
func TestNoAttributeIsTakenForScript(t *testing.T) {
	names, err := fs.Glob(templateFiles, "templates/*.html")
	if err != nil || len(names) == 0 {
		t.Fatal(names, err)
	}
	for _, name := range names {
		b, err := fs.ReadFile(templateFiles, name)
		if err != nil {
			t.Fatal(err)
		}
		if m := regexp.MustCompile(`\s(data-)?on[a-z-]*=`).Find(b); m != nil {
			t.Errorf("%s has %q", name, m)
		}
	}
}
