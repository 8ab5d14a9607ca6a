package ui

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/pb33f/libopenapi"
	validator "github.com/pb33f/libopenapi-validator"

	"gatehouse/hub/account"
)

func bearer(secret string) func(*http.Request) {
	return func(r *http.Request) {
		r.Header.Del("Cookie")
		r.Header.Set("Authorization", "Bearer "+secret)
	}
}

func (h *house) token(t *testing.T, name string, cameras []string, scopes ...account.Scope) string {
	t.Helper()
	return h.program(name, account.Token{Cameras: cameras, Scopes: scopes})
}

// program makes a token of the owner's for a day.
func (h *house) program(name string, t account.Token) (secret string) {
	t.Name, t.Maker = name, account.OwnerNumber
	_, secret, err := h.accounts.AddToken(context.Background(), t, 24*time.Hour)
	return must(secret, err)
}

// TestAPIAnswersAsDocumented checks real answers against the document.
func TestAPIAnswersAsDocumented(t *testing.T) {
	house := newHouse()
	h := house.handler(t)
	all := house.token(t, "all", nil, account.Scopes()...)
	one := house.token(t, "one", []string{"Driveway"}, account.ScopeCameras, account.ScopeTimeline, account.ScopeClips)
	status := house.token(t, "status", nil, account.ScopeStatus)
	doc, err := libopenapi.NewDocument(visit(h, "GET", "/api/v1/openapi.json", nil, noSession).Body.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	v, errs := validator.NewValidator(doc)
	if len(errs) > 0 {
		t.Fatal(errs)
	}
	if ok, faults := v.ValidateDocument(); !ok {
		t.Fatal(faults)
	}
	day := "?from=2026-11-20T00:00:00Z&to=2026-11-20T12:00:00Z"
	for _, c := range []struct {
		path, secret string
		want         int
	}{
		{"cameras", all, 200},
		{"cameras", one, 200},
		{"cameras", status, 403},
		{"cameras", "", 401},
		{"cameras", "gatehouse_WRONG", 401},
		{"cameras/Driveway/timeline" + day, one, 200},
		{"cameras/Front%20door/timeline" + day, one, 404},
		{"cameras/Front%20door/timeline" + day, all, 200},
		{"cameras/Driveway/timeline?from=x&to=y", one, 400},
		{"cameras/Driveway/timeline?from=2026-11-01T00:00:00Z&to=2026-11-20T12:00:00Z", one, 400},
		{"cameras/Driveway/timeline" + day, status, 403},
		{"cameras/Front%20door/clip.mp4" + day, one, 404},
		{"cameras/Driveway/clip.mp4?from=x", one, 400},
		{"cameras/Driveway/clip.mp4" + day, status, 403},
		{"cameras/Driveway/clip.mp4" + day + "&part=0", one, 400},
		{"requests", all, 200},
		{"requests?limit=1", all, 200},
		{"requests?limit=101", all, 400},
		{"requests?cursor=%21", all, 400},
		{"requests", one, 403},
		{"requests/" + preparedID, all, 200},
		{"requests/" + preparedID, "", 401},
		{"requests/none", all, 404},
		{"status", status, 200},
		{"status", one, 403},
		{"openapi.json", "", 200},
		{"cameras/Driveway/clip.mp4?from=2026-11-20T10:00:00Z&to=2026-11-20T10:01:00Z", one, 200},
	} {
		r := httptest.NewRequest("GET", "http://192.168.1.20/api/v1/"+c.path, nil)
		w := visit(h, "GET", "/api/v1/"+c.path, nil, bearer(c.secret))
		if w.Code != c.want {
			t.Errorf("%s: %d %s, want %d", c.path, w.Code, w.Body, c.want)
			continue
		}
		if w.Header().Get("Cache-Control") != "no-store" || w.Header().Get("Access-Control-Allow-Origin") != "" {
			t.Errorf("%s: headers %v", c.path, w.Header())
		}
		if ok, faults := v.ValidateHttpResponse(r, w.Result()); !ok {
			for _, f := range faults {
				t.Errorf("%s: %s: %s %v", c.path, f.Message, f.Reason, f.SchemaValidationErrors)
			}
		}
	}
}

// TestAPIOpensToTokensOnly: no session, no expired or revoked token, no foreign
// host, no other method, no end of requests.
func TestAPIOpensToTokensOnly(t *testing.T) {
	house := newHouse()
	h := house.handler(t)
	all := house.token(t, "all", nil, account.Scopes()...)
	if w := visit(h, "GET", "/api/v1/cameras", nil); w.Code != 401 {
		t.Errorf("a session opens it: %d", w.Code)
	}
	if w := visit(h, "GET", "/requests", nil, bearer(all)); w.Code != http.StatusSeeOther {
		t.Errorf("a token opens the console: %d", w.Code)
	}
	for _, m := range []string{"POST", "PUT", "PATCH", "DELETE", "OPTIONS"} {
		for _, p := range []string{"requests/" + preparedID, "requests/" + preparedID + "/approve", "cameras"} {
			if w := visit(h, m, "/api/v1/"+p, nil, bearer(all)); w.Code != 405 || w.Header().Get("Access-Control-Allow-Origin") != "" {
				t.Errorf("%s %s: %d", m, p, w.Code)
			}
		}
	}
	if w := visit(h, "GET", "/api/v1/cameras", nil, bearer(all), func(r *http.Request) { r.Host = "evil.example" }); w.Code != 421 {
		t.Errorf("a foreign host: %d", w.Code)
	}
	if w := visit(h, "GET", "/api/v1/requests", nil, bearer(all)); strings.Contains(w.Body.String(), "envelope") {
		t.Error("an envelope")
	}
	if w := visit(h, "HEAD", "/api/v1/cameras", nil, bearer(all)); w.Code != 200 {
		t.Errorf("HEAD: %d", w.Code)
	}
	if w := visit(h, "GET", "/api/v1/agencies", nil, bearer(all)); w.Code != 404 || w.Header().Get("Content-Type") != "application/problem+json" {
		t.Errorf("no such address: %d %v", w.Code, w.Header())
	}
	codes := map[int]int{}
	for range 80 {
		codes[visit(h, "GET", "/api/v1/cameras", nil, bearer(all)).Code]++
	}
	if codes[429] < 15 || codes[200] < 50 {
		t.Errorf("80 requests: %v", codes)
	}
	if err := house.accounts.RevokeToken(t.Context(), "all"); err != nil {
		t.Fatal(err)
	}
	old := house.token(t, "old", nil, account.ScopeCameras)
	house.now = func() time.Time { return fixtureNow.Add(25 * time.Hour) }
	for _, secret := range []string{all, old} {
		if w := visit(h, "GET", "/api/v1/cameras", nil, bearer(secret)); w.Code != 401 {
			t.Errorf("a token that ended: %d", w.Code)
		}
	}
}

// TestAPIPages: the pages together are the list, each request once.
func TestAPIPages(t *testing.T) {
	house := newHouse()
	h, seen, cursor := house.handler(t), map[string]bool{}, ""
	secret := house.token(t, "all", nil, account.ScopeRequests)
	for range 50 {
		var page struct {
			Requests []struct{ ID string }
			Next     string `json:"next_cursor"`
		}
		w := visit(h, "GET", "/api/v1/requests?limit=3&cursor="+url.QueryEscape(cursor), nil, bearer(secret))
		if err := json.Unmarshal(w.Body.Bytes(), &page); err != nil || len(page.Requests) > 3 {
			t.Fatal(w.Code, err)
		}
		for _, r := range page.Requests {
			if seen[r.ID] {
				t.Errorf("%s twice", r.ID)
			}
			seen[r.ID] = true
		}
		if cursor = page.Next; cursor == "" {
			break
		}
	}
	if want := len(house.requests.records); len(seen) != want {
		t.Errorf("%d of %d requests", len(seen), want)
	}
}

// TestAPIExamples runs the curl examples of docs/api.md.
func TestAPIExamples(t *testing.T) {
	doc, err := os.ReadFile("../docs/api.md")
	if err != nil {
		t.Fatal(err)
	}
	house := newHouse()
	srv := httptest.NewServer(house.handler(t))
	defer srv.Close()
	examples := regexp.MustCompile(`(?m)^curl .*$`).FindAllString(string(doc), -1)
	if len(examples) < 4 {
		t.Fatal("too few examples")
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for _, line := range examples {
		cmd := exec.CommandContext(ctx, "sh", "-c", line)
		cmd.Env = append(os.Environ(), "HUB="+srv.URL, "TOKEN="+house.token(t, "t"+strings.Repeat("x", len(line)%30), nil, account.Scopes()...))
		if out, err := cmd.CombinedOutput(); err != nil || len(out) == 0 {
			t.Errorf("%s: %v: %s", line, err, out)
		}
		_ = house.accounts.RevokeToken(ctx, "t"+strings.Repeat("x", len(line)%30))
	}
}
