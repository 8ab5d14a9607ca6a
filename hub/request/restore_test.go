package request_test

import (
	"errors"
	"maps"
	"os"
	"path/filepath"
	"testing"
	"time"

	"gatehouse/hub/bulletin"
	"gatehouse/hub/bulletin/bulletintest"
	"gatehouse/hub/request"
)

// TestHoldsAreMadeAgainAtStart loses the footage's index, holds and all.
func TestHoldsAreMadeAgainAtStart(t *testing.T) {
	h := newHome(t).allowed()
	h.arrive(h.request(), request.Waiting)
	h.prepare(h.arrive(h.request(), request.Waiting))
	h.approve(h.prepare(h.arrive(h.request(), request.Waiting)))
	failed := h.approve(h.prepare(h.arrive(h.request(), request.Waiting)))
	if err := h.Delivered(t.Context(), failed.ID, false, "The receiver is gone."); err != nil {
		t.Fatal(err)
	}
	declined := h.arrive(h.request(), request.Waiting)
	if _, err := h.Decline(t.Context(), declined.ID, "Ann"); err != nil {
		t.Fatal(err)
	}
	want := maps.Clone(h.footage.held)
	if len(want) != 4 {
		t.Errorf("held %v, want four: declining gives footage free", want)
	}
	clear(h.footage.held)
	h.start()
	if !maps.Equal(h.footage.held, want) {
		t.Errorf("held %v, want %v", h.footage.held, want)
	}
	clear(h.footage.held)
	h.clock.add(15 * 24 * time.Hour) // beyond expiry and seven days
	h.start()
	if len(h.footage.held) != 0 {
		t.Errorf("held %v", h.footage.held)
	}
}

func TestRevisionElsewhereGivesFootageFree(t *testing.T) {
	h := newHome(t).allowed()
	q := h.request()
	r := h.prepare(h.arrive(q, request.Waiting))
	away := h.revise(q, func(q *bulletin.Request) {
		q.Area.Ring = bulletintest.Box(bulletin.Point{Lat: bulletintest.Centre.Lat + 0.05, Lon: bulletintest.Centre.Lon}, 0.007, 0.0089)
	})
	h.arrive(away, request.Unmatched)
	if _, err := os.Stat(r.Package.Path); len(h.footage.held) != 0 || !errors.Is(err, os.ErrNotExist) {
		t.Errorf("held %v, package %v", h.footage.held, err)
	}
}

func TestExpiryKeepsFootageUntilItsDate(t *testing.T) {
	h := newHome(t).allowed()
	request.Unwatched(h.Service)
	r := h.arrive(h.request(), request.Waiting)
	h.clock.add(8 * 24 * time.Hour)
	stop := h.run()
	h.eventually(r.ID, request.Expired)
	stop()
	if len(h.footage.held) != 1 {
		t.Errorf("held %v", h.footage.held)
	}
}

func TestStrayPackagesAreRemovedAtStart(t *testing.T) {
	h := newHome(t).allowed()
	sealed := h.prepare(h.arrive(h.request(), request.Waiting))
	sent := h.approve(h.prepare(h.arrive(h.request(), request.Waiting)))
	stray := filepath.Join(h.dir, "GH-TEST-STRAY.ghe")
	h.drop(stray, []byte("sealed before a crash"))
	h.start()
	for path, want := range map[string]bool{sealed.Package.Path: true, sent.Package.Path: true, stray: false} {
		if _, err := os.Stat(path); (err == nil) != want {
			t.Errorf("%s: %v", filepath.Base(path), err)
		}
	}
}
