package api

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"gatehouse/hub/account"
	"gatehouse/hub/clip"
	"gatehouse/hub/recording"
	"gatehouse/hub/request"
	"gatehouse/hub/sqlite"
	"gatehouse/rtsp"
)

// records are the requests of a home: one touches the porch, one the hall.
type records []request.Record

func (l records) ListIn(context.Context, ...request.State) ([]request.Record, error) {
	return slices.Clone(l), nil
}

func (l records) Get(_ context.Context, id string) (request.Record, error) {
	for _, r := range l {
		if r.ID == id {
			return r, nil
		}
	}
	return request.Record{}, request.ErrNotFound
}

type film struct{}

func (film) ServeMP4(w http.ResponseWriter, _ *http.Request, q clip.Query) error {
	_, err := io.WriteString(w, "film of "+q.Camera)
	return err
}

// TestEveryRouteForEveryToken asks each route with no token, an ended and an
// expired one, one of every other scope, one for another camera, and the right one.
func TestEveryRouteForEveryToken(t *testing.T) {
	store, err := sqlite.OpenHouse(t.Context(), filepath.Join(t.TempDir(), "house.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	now := time.Date(2026, 11, 21, 21, 0, 0, 0, time.UTC)
	tokens := account.New(account.Config{Store: store, Now: func() time.Time { return now }})
	token := func(name string, days int, cameras []string, scopes ...account.Scope) string {
		t.Helper()
		_, secret, err := tokens.AddToken(t.Context(), account.Token{Name: name, Scopes: scopes, Cameras: cameras, Maker: account.OwnerNumber}, time.Duration(days)*24*time.Hour)
		if err != nil {
			t.Fatal(err)
		}
		return secret
	}
	touches := func(id, camera string) request.Record {
		return request.Record{ID: id, Received: now, Matches: []request.Match{{Camera: camera}}}
	}
	a := New(Config{
		Tokens: tokens, Clips: film{}, Requests: records{touches("at-porch", "porch"), touches("at-hall", "hall")},
		Cameras: []Camera{{"porch", "", func() rtsp.State { return rtsp.State{} }}, {"hall", "", func() rtsp.State { return rtsp.State{} }}},
		Timeline: func(_ context.Context, camera string, from, to time.Time) (Timeline, error) {
			return Timeline{From: from, To: to, Gaps: []Gap{{Reason: "of " + camera}}}, nil
		},
		Status: func(context.Context) ([]recording.StreamStatus, error) {
			return []recording.StreamStatus{{Camera: "porch", Stream: "main"}, {Camera: "hall", Stream: "main"}}, nil
		},
		Host: func(string) bool { return true }, Secure: func(*http.Request) bool { return true }, Peer: func(*http.Request) string { return "" },
		Zone: time.UTC, Log: slog.New(slog.DiscardHandler), Now: func() time.Time { return now },
	})
	ask := func(path, secret string) (int, string) {
		r := httptest.NewRequest(http.MethodGet, path, nil)
		if secret != "" {
			r.Header.Set("Authorization", "Bearer "+secret)
		}
		w := httptest.NewRecorder()
		a.ServeHTTP(w, r)
		return w.Code, w.Body.String()
	}
	all := account.Scopes()
	ended, expired := token("ended", 1, nil, all...), token("expired", 1, nil, all...)
	if err := tokens.RevokeToken(t.Context(), "ended"); err != nil {
		t.Fatal(err)
	}
	now = now.Add(24 * time.Hour)
	const span = "?from=2026-11-20T10:00:00Z&to=2026-11-20T10:01:00Z"
	rows := map[string]struct {
		path string
		// elsewhere is what a token for the hall gets: 404, or an answer without the porch.
		elsewhere int
	}{
		"cameras":                   {"cameras", 200},
		"cameras/{camera}/timeline": {"cameras/porch/timeline" + span, 404},
		"cameras/{camera}/clip.mp4": {"cameras/porch/clip.mp4" + span, 404},
		"requests":                  {"requests", 200},
		"requests/{id}":             {"requests/at-porch", 404},
		"status":                    {"status", 200},
		"openapi.json":              {"openapi.json", 200},
	}
	for i, r := range a.routes() {
		row, ok := rows[strings.TrimPrefix(r.path, Prefix)]
		if !ok {
			t.Errorf("%s is in no row of this test", r.path)
			continue
		}
		if r.scope == "" { // open to all: it tells nothing of the home
			if code, body := ask(Prefix+row.path, ""); code != 200 || strings.Contains(body, "porch") {
				t.Errorf("%s: %d", r.path, code)
			}
			continue
		}
		name := "t" + string(rune('a'+i))
		wrong := slices.DeleteFunc(slices.Clone(all), func(s account.Scope) bool { return s == r.scope })
		for who, c := range map[string]struct {
			secret string
			want   int
			porch  bool
		}{
			"no token":          {"", 401, false},
			"no such token":     {"gatehouse_" + strings.Repeat("A", 52), 401, false},
			"an ended token":    {ended, 401, false},
			"an expired token":  {expired, 401, false},
			"every other scope": {token(name+"-wrong", 1, nil, wrong...), 403, false},
			"another camera":    {token(name+"-hall", 1, []string{"hall"}, r.scope), row.elsewhere, false},
			"this camera":       {token(name+"-porch", 1, []string{"porch"}, r.scope), 200, true},
			"all cameras":       {token(name+"-right", 1, nil, r.scope), 200, true},
		} {
			code, body := ask(Prefix+row.path, c.secret)
			if code != c.want || strings.Contains(body, "porch") != c.porch {
				t.Errorf("%s with %s: %d %s, want %d and the porch %v", r.path, who, code, body, c.want, c.porch)
			}
		}
	}
}

// TestThrottleForgetsTokensOfBefore: tokens that ended leave nothing for ever.
func TestThrottleForgetsTokensOfBefore(t *testing.T) {
	var th Throttle
	now := time.Date(2026, 11, 21, 21, 0, 0, 0, time.UTC)
	for i := range 10 * maxBuckets {
		now = now.Add(time.Second)
		if !th.enter([32]byte{byte(i), byte(i >> 8)}, now) {
			t.Fatal("a first request is refused")
		}
	}
	if len(th.left) > maxBuckets {
		t.Errorf("%d tokens are remembered", len(th.left))
	}
}
