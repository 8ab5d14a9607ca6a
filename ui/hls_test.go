package ui

import (
	"context"
	"fmt"
	"net/http"
	"testing"
	"time"

	"gatehouse/hub/account"
	"gatehouse/hub/clip"
)

// fakeHLS answers the last seconds of the recording as a plain live playlist.
type fakeHLS struct{ clips *fakeClips }

func (f *fakeHLS) Index(w http.ResponseWriter, r *http.Request, camera, stream string) {
	now := f.clips.now()
	b, err := f.clips.list(r.Context(), clip.Range{Camera: camera, Stream: stream, From: now.Add(-30 * time.Second), To: now.Add(time.Minute)}, true)
	if err != nil {
		w.WriteHeader(http.StatusConflict)
	}
	_, _ = w.Write(b)
}

func (f *fakeHLS) Media(w http.ResponseWriter, r *http.Request, camera, stream, id, file string, may func(context.Context) bool) {
	fmt.Fprint(w, camera, " ", stream, " ", id, " ", file, " ", may(r.Context()))
}

// TestLiveMedia: what a live playlist names is of the camera and stream that its
// address says, and asks after waiting whether the viewer may still look.
func TestLiveMedia(t *testing.T) {
	house := newHouse()
	house.accounts.join("vera", account.Viewer, "Driveway")
	house.accounts.join("otto", account.Viewer, "Front door")
	h := house.handler(t)
	const path = "/cameras/Driveway/sub/live/ABC/3.1.mp4"
	w := visit(h, http.MethodGet, path, nil, as("vera-session"))
	if w.Body.String() != "Driveway sub ABC 3.1.mp4 true" || w.Header().Get("Cache-Control") != "no-store" {
		t.Errorf("%d %q %v", w.Code, w.Body, w.Header())
	}
	if w := visit(h, http.MethodGet, "/cameras/Driveway/attic/live/ABC/3.1.mp4", nil); w.Code != http.StatusNotFound {
		t.Errorf("no such stream: %d", w.Code)
	}
	if w := visit(h, http.MethodGet, "/cameras/Driveway/attic/live.m3u8", nil); w.Code != http.StatusNotFound {
		t.Errorf("the list of no such stream: %d", w.Code)
	}
	for what, who := range map[string]func(*http.Request){"nobody": noSession, "a viewer of another camera": as("otto-session")} {
		if w := visit(h, http.MethodGet, path, nil, who); w.Code == http.StatusOK {
			t.Errorf("%s: %d %s", what, w.Code, w.Body)
		}
	}
}
