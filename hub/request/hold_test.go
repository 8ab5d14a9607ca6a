package request_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"gatehouse/hub/bulletin"
	"gatehouse/hub/finding"
	"gatehouse/hub/ledger"
	"gatehouse/hub/request"
)

// holds are the ids and cameras whose holds have not ended.
func (h *home) holds() string {
	h.footage.mu.Lock()
	defer h.footage.mu.Unlock()
	n := 0
	for _, until := range h.footage.held {
		if until.After(h.clock.Now()) {
			n++
		}
	}
	return strings.Repeat("*", n)
}

func (h *home) own(number string, from, long time.Duration) bulletin.Request {
	q := h.asks(from, long)
	q.Case.Number = number
	return q
}

// TestQuotaOfHolds: what does not fit waits without a hold and says so, and is
// held as soon as there is room; nothing that is held makes way.
func TestQuotaOfHolds(t *testing.T) {
	h := newHome(t, func(c *request.Config) { c.Home.HoldQuota = request.HoldQuota{Percent: 10} })
	h.footage.disk = 5 * 3600 * 10
	h.allowed()
	request.Unwatched(h.Service)
	first := h.arrive(h.own("2026-1", 0, 4*time.Hour), request.Waiting)
	shared := h.arrive(h.own("2026-2", time.Hour, 3*time.Hour), request.Waiting) // of footage that is held already
	if shared.HoldRefused != "" || h.holds() != "**" {
		t.Errorf("%q, %s", shared.HoldRefused, h.holds())
	}
	late := h.own("2026-3", 10*time.Hour, 2*time.Hour)
	soon := h.own("2026-4", 15*time.Hour, 4*time.Hour)
	soon.ExpiresAt = late.ExpiresAt.Add(-time.Hour)
	for _, q := range []bulletin.Request{late, soon} {
		r := h.arrive(q, request.Waiting)
		if r.HoldRefused == "" || !r.HeldUntil.IsZero() || h.holds() != "**" {
			t.Errorf("%q until %s, %s", r.HoldRefused, r.HeldUntil, h.holds())
		}
		if diff := cmp.Diff([]ledger.Kind{ledger.Received}, h.kinds(q.ID)); diff != "" {
			t.Error(diff)
		}
	}
	look := func(want string, problems int, id string) {
		t.Helper()
		stop := h.run()
		h.until(func() bool {
			if h.holds() != want || strings.Count(strings.Join(finding.Texts(h.Problems()), "\n"), "hold_quota") != problems {
				return false
			}
			// The record follows the hold.
			return id == "" || h.is(id, request.Waiting).HoldRefused == ""
		})
		stop()
	}
	look("**", 1, "")
	for _, r := range []request.Record{first, shared} {
		if _, err := h.Decline(t.Context(), r.ID, "Ann"); err != nil {
			t.Fatal(err)
		}
	}
	look("*", 1, soon.ID)
	if r := h.is(soon.ID, request.Waiting); r.HoldRefused != "" || r.HeldUntil.IsZero() {
		t.Errorf("what expires first is not held: %+v", r.HoldRefused)
	}
	if k := h.kinds(soon.ID); len(k) != 2 || k[1] != ledger.Held {
		t.Errorf("%v", k)
	}
	if _, err := h.Decline(t.Context(), soon.ID, "Ann"); err != nil {
		t.Fatal(err)
	}
	look("*", 0, late.ID)
	h.is(late.ID, request.Waiting)
}

// TestRevisionFreesWhatItDrops: a camera that a revision does not touch is held no more.
func TestRevisionFreesWhatItDrops(t *testing.T) {
	h := newHome(t, func(c *request.Config) {
		c.Home.Cameras = []request.Camera{{Name: "porch", Exterior: true}, {Name: "hall", Exterior: true}}
	}).allowed()
	q := h.request()
	h.arrive(q, request.Waiting)
	if h.holds() != "**" {
		t.Fatal(h.holds())
	}
	h.footage.sec["hall"] = 0
	h.arrive(h.revise(q, func(q *bulletin.Request) { q.Window.To = q.Window.To.Add(-time.Hour) }), request.Waiting)
	if h.holds() != "*" || h.footage.held[q.ID+" hall"].After(h.clock.Now()) {
		t.Errorf("%v", h.footage.held)
	}
}

func TestSentFootageIsNotHeld(t *testing.T) {
	h := newHome(t).allowed()
	r := h.prepare(h.arrive(h.request(), request.Waiting))
	if _, err := h.Approve(t.Context(), r.ID, r.Package.Digest, "Ann", true); err != nil {
		t.Fatal(err)
	}
	if err := h.Delivered(t.Context(), r.ID, true, ""); err != nil {
		t.Fatal(err)
	}
	if h.holds() != "" || !h.is(r.ID, request.Sent).HeldUntil.IsZero() {
		t.Error(h.holds())
	}
}
