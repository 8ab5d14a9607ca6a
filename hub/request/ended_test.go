package request_test

import (
	"context"
	"errors"
	"os"
	"strings"
	"testing"

	"gatehouse/hub/bulletin"
	"gatehouse/hub/ledger"
	"gatehouse/hub/request"
)

func (h *home) withdraw(q bulletin.Request) {
	h.t.Helper()
	h.publish(h.revise(q, func(q *bulletin.Request) { q.Status = bulletin.StatusWithdrawn }))
	h.take()
}

// TestWithdrawalAfterApprovalStopsTheDelivery has a delivery that tells of its
// end while it is being cancelled, as the real one does.
func TestWithdrawalAfterApprovalStopsTheDelivery(t *testing.T) {
	var h *home
	h = newHome(t, func(c *request.Config) {
		c.Cancel = func(ctx context.Context, id string) error {
			return h.Delivered(ctx, id, false, "It was cancelled.")
		}
	}).allowed()
	r := h.approve(h.prepare(h.arrive(h.request(), request.Waiting)))
	h.withdraw(*r.Request)
	got := h.is(r.ID, request.Withdrawn)
	if !strings.Contains(got.Reason, "withdrew") || !strings.Contains(got.Reason, "cancelled") {
		t.Errorf("reason %q", got.Reason)
	}
	if _, err := os.Stat(r.Package.Path); !errors.Is(err, os.ErrNotExist) || len(h.footage.held) != 0 {
		t.Errorf("left behind: %v, held %v", err, h.footage.held)
	}
	if k := h.kinds(r.ID); k[len(k)-1] != ledger.Withdrawn {
		t.Errorf("ledger %v", k)
	}
}

func TestWithdrawnWhileOnItsWay(t *testing.T) {
	for name, sent := range map[string]bool{"sent": true, "failed": false} {
		t.Run(name, func(t *testing.T) {
			var cancelled cancels
			h := newHome(t, cancelled.into).allowed()
			ctx := t.Context()
			r := h.approve(h.prepare(h.arrive(h.request(), request.Waiting)))
			h.withdraw(*r.Request)
			h.start(cancelled.into)
			h.take()
			h.is(r.ID, request.Approved)
			if len(cancelled.ids) != 1 {
				t.Errorf("cancelled %v, want it once", cancelled.ids)
			}
			if err := h.Sendable(ctx, r.ID); !errors.Is(err, request.ErrBlocked) {
				t.Errorf("sendable: %v", err)
			}
			if err := h.Delivered(ctx, r.ID, sent, "Words of the delivery."); err != nil {
				t.Fatal(err)
			}
			want := request.Withdrawn
			if sent {
				want = request.Sent
			}
			if got := h.is(r.ID, want); !strings.Contains(got.Reason, "withdrew") || !strings.Contains(got.Reason, "Words") {
				t.Errorf("reason %q", got.Reason)
			}
			if _, err := h.Approve(ctx, r.ID, r.Package.Digest, "Ann", true); !errors.Is(err, request.ErrState) {
				t.Errorf("approving again: %v", err)
			}
		})
	}
}

func TestWithdrawalAfterAFailureIsTheEnd(t *testing.T) {
	h := newHome(t).allowed()
	r := h.approve(h.prepare(h.arrive(h.request(), request.Waiting)))
	if err := h.Delivered(t.Context(), r.ID, false, "The receiver is gone."); err != nil {
		t.Fatal(err)
	}
	h.withdraw(*r.Request)
	h.is(r.ID, request.Withdrawn)
	if _, err := h.Approve(t.Context(), r.ID, r.Package.Digest, "Ann", true); !errors.Is(err, request.ErrState) {
		t.Errorf("approving again: %v", err)
	}
	if _, err := os.Stat(r.Package.Path); !errors.Is(err, os.ErrNotExist) || len(h.footage.held) != 0 {
		t.Errorf("left behind: %v, held %v", err, h.footage.held)
	}
}

// TestWithdrawalAfterTheUpload is noted: the owner and the ledger know of it.
func TestWithdrawalAfterTheUpload(t *testing.T) {
	h := newHome(t).allowed()
	r := h.approve(h.prepare(h.arrive(h.request(), request.Waiting)))
	if err := h.Delivered(t.Context(), r.ID, true, ""); err != nil {
		t.Fatal(err)
	}
	h.withdraw(*r.Request)
	h.take()
	got := h.is(r.ID, request.Sent)
	if got.Ended != "The agency withdrew the request after the footage was sent." || got.Reason != got.Ended || got.Package == nil {
		t.Errorf("%q, %q, %v", got.Ended, got.Reason, got.Package)
	}
	var notes int
	for _, k := range h.kinds(r.ID) {
		if k == ledger.Withdrawn {
			notes++
		}
	}
	if notes != 1 {
		t.Errorf("%d entries", notes)
	}
}
