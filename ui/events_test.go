package ui

import (
	"context"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"time"

	"gatehouse/hub/request"
	"gatehouse/rtsp/rtsptest/bubble"
)

var tickForm = regexp.MustCompile(`^data: \{"live":"[0-9a-f]{8}","requests":"[0-9a-f]{8}","request":"[0-9a-f]{8}","delivery":"[0-9a-f]{8}","waiting":"[0-9]{4}"\}$`)

// listen opens a stream for a while and returns its messages.
func listen(t *testing.T, h http.Handler, path string, long time.Duration, during func()) []string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), long)
	defer cancel()
	done := make(chan *httptest.ResponseRecorder)
	go func() {
		done <- visit(h, http.MethodGet, path, nil, func(r *http.Request) { *r = *r.WithContext(ctx) })
	}()
	if during != nil {
		during()
	}
	w := <-done
	return strings.Split(strings.TrimSuffix(w.Body.String(), "\n\n"), "\n\n")
}

// TestTicksGiveNothingAway: a tick comes every second and has the same length
// whether a request arrived or not.
func TestTicksGiveNothingAway(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		house := newHouse()
		defer house.accounts.store.Close()
		h := house.handler(t)
		path := "/events?request=" + waitingID
		quiet := listen(t, h, path, 5500*time.Millisecond, nil)
		busy := listen(t, h, path, 5500*time.Millisecond, func() {
			time.Sleep(1200 * time.Millisecond)
			house.requests.mu.Lock()
			for _, id := range []string{"a", "b"} {
				rec := house.requests.records[waitingID]
				rec.ID = id
				house.requests.records[id] = rec
			}
			house.requests.mu.Unlock()
			time.Sleep(time.Second)
			if _, err := house.requests.Decline(t.Context(), waitingID, ""); err != nil {
				t.Error(err)
			}
		})
		if len(quiet) != 6 || len(busy) != 6 {
			t.Fatalf("%d and %d ticks in 5.5 s, want 6", len(quiet), len(busy))
		}
		for i, line := range append(quiet, busy...) {
			if !tickForm.MatchString(line) {
				t.Fatalf("tick %d: %q", i, line)
			}
		}
		if quiet[0] != quiet[5] {
			t.Errorf("nothing happened, but %s became %s", quiet[0], quiet[5])
		}
		field := func(line, name string) string {
			return regexp.MustCompile(`"` + name + `":"([0-9a-f]+)"`).FindStringSubmatch(line)[1]
		}
		if field(busy[1], "waiting") != "0003" || field(busy[2], "waiting") != "0005" || field(busy[3], "waiting") != "0004" {
			t.Errorf("waiting: %q", busy)
		}
		if field(busy[2], "request") == field(busy[3], "request") || field(busy[1], "requests") == field(busy[2], "requests") || field(busy[1], "live") != field(busy[5], "live") {
			t.Errorf("topics: %q", busy)
		}
	})
}

func TestTicksEndWithTheSession(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		house := newHouse()
		defer house.accounts.store.Close()
		got := listen(t, house.handler(t), "/events", time.Hour, func() {
			time.Sleep(3 * time.Second)
			if err := house.accounts.LogOut(t.Context(), fixtureToken); err != nil {
				t.Error(err)
			}
		})
		if len(got) != askSession {
			t.Errorf("%d ticks, want the stream to end with tick %d", len(got), askSession)
		}
	})
}

func TestTicksEndWithTheServer(t *testing.T) {
	srv := Server(newHouse().handler(t))
	ctx := srv.BaseContext(nil)
	bubble.Test(t, func(t *testing.T) {
		house := newHouse()
		defer house.accounts.store.Close()
		done := make(chan bool)
		go func() {
			visit(house.handler(t), http.MethodGet, "/events", nil, func(r *http.Request) {
				ch := make(chan struct{})
				time.AfterFunc(3*time.Second, func() { close(ch) })
				*r = *r.WithContext(context.WithValue(t.Context(), endingKey{}, (<-chan struct{})(ch)))
			})
			close(done)
		}()
		<-done
	})
	if err := srv.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
	select {
	case <-ending(ctx):
	case <-time.After(10 * time.Second):
		t.Error("the end of the server does not reach the streams")
	}
}

// TestStreamsAreBounded: over a hub's consoles, of which one takes another's place.
func TestStreamsAreBounded(t *testing.T) {
	house := newHouse()
	cfg := house.config()
	cfg.Memory = &Memory{}
	New(cfg)
	for range maxStreams {
		if !cfg.Memory.streams.enter() {
			t.Fatal("refused too early")
		}
	}
	if w := visit(New(cfg), http.MethodGet, "/events", nil); w.Code != http.StatusServiceUnavailable {
		t.Errorf("one more was let in: %d", w.Code)
	}
	cfg.Memory.streams.leave()
	if !cfg.Memory.streams.enter() {
		t.Error("the place of one that left is not free")
	}
}

// TestTicksEndWithTheConsole: a page comes back to the console that knows the
// cameras of now.
func TestTicksEndWithTheConsole(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		house := newHouse()
		defer house.accounts.store.Close()
		cfg := house.config()
		cfg.Memory = &Memory{}
		before := New(cfg)
		var after http.Handler
		old := listen(t, before, "/events", time.Hour, func() {
			time.Sleep(2500 * time.Millisecond)
			cfg.Cameras = cfg.Cameras[:1]
			after = New(cfg)
		})
		if len(old) != 3 {
			t.Fatalf("%d ticks of the console before, want 3", len(old))
		}
		if again := listen(t, before, "/events", time.Hour, nil); len(again) != 1 {
			t.Errorf("%d ticks of a console whose place is taken", len(again))
		}
		now := listen(t, after, "/events", 2500*time.Millisecond, nil)
		if len(now) != 3 || now[0] == old[2] {
			t.Errorf("the ticks say nothing of the cameras: %q, before %q", now, old)
		}
		if cfg.Memory.streams.open != 0 {
			t.Errorf("%d streams are counted", cfg.Memory.streams.open)
		}
	})
}

// TestRequestVersion: whatever changes a request's page changes its number.
func TestRequestVersion(t *testing.T) {
	base := fixtureRecord(waitingID, request.Waiting)
	for name, change := range map[string]func(*request.Record){
		"state":    func(r *request.Record) { r.State = request.Expired },
		"revision": func(r *request.Record) { r.Revision++ },
		"package":  func(r *request.Record) { r.Package = fixturePackage(nil) },
		"approval": func(r *request.Record) { r.Approvals = append(r.Approvals, request.Approval{}) },
		"ended":    func(r *request.Record) { r.Ended = "withdrawn" },
		"hold":     func(r *request.Record) { r.HoldRefused = "full" },
	} {
		rec := base
		change(&rec)
		if requestVersion(rec) == requestVersion(base) {
			t.Errorf("%s: the number is the same", name)
		}
	}
	shown := base
	shown.Shown = fixtureNow
	if requestVersion(shown) != requestVersion(base) {
		t.Error("that it was read is no change of its page")
	}
}
