package request_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"gatehouse/hub/bulletin"
	"gatehouse/hub/ledger"
	"gatehouse/hub/request"
)

var (
	owner  = request.Approver{Number: request.OwnerNumber, Words: "The owner"}
	second = request.Approver{Number: 2, Words: "Approver 2"}
)

// pair is a home whose rule wants two people, with a package that waits for them.
func pair(t *testing.T, change ...func(*request.Config)) (*home, request.Record) {
	t.Helper()
	two := func(c *request.Config) { c.Home.Rules = []request.Rule{{Action: request.RequireTwo}} }
	h := newHome(t, append(change, two)...).allowed()
	return h, h.prepare(h.arrive(h.request(), request.Waiting))
}

func (h *home) approveBy(r request.Record, by request.Approver) (request.Record, error) {
	h.t.Helper()
	return h.ApproveBy(h.t.Context(), r.ID, r.Package.Digest, by, true)
}

func TestTwoPeopleMustApprove(t *testing.T) {
	h, r := pair(t)
	first, err := h.approveBy(r, second)
	if err != nil || first.State != request.Prepared || len(first.Approvals) != 1 {
		t.Fatalf("%s %+v, %v", first.State, first.Approvals, err)
	}
	if _, err := h.approveBy(r, second); !errors.Is(err, request.ErrSecond) {
		t.Errorf("the same person twice: %v", err)
	}
	if jobs, err := h.house.Jobs(t.Context()); err != nil || len(jobs) != 0 {
		t.Errorf("on its way after one approval: %v, %v", jobs, err)
	}
	h.start(func(c *request.Config) { c.Home.Rules = nil }) // a restart and an edit take nothing back
	if _, err := h.approveBy(r, second); !errors.Is(err, request.ErrSecond) {
		t.Errorf("the same person after a restart: %v", err)
	}
	done, err := h.approveBy(r, owner)
	if err != nil || done.State != request.Approved {
		t.Fatalf("%s, %v", done.State, err)
	}
	want := []ledger.Kind{ledger.Received, ledger.Held, ledger.Prepared, ledger.Agreed, ledger.Approved}
	if diff := cmp.Diff(want, h.kinds(r.ID)); diff != "" {
		t.Error(diff)
	}
}

// TestApprovalIsOfOnePackage: whatever changes what would be sent, takes the first approval back.
func TestApprovalIsOfOnePackage(t *testing.T) {
	gone := false
	for name, c := range map[string]struct {
		change func(h *home, r request.Record) request.Record
		refuse error
	}{
		"another selection": {func(h *home, r request.Record) request.Record { return h.prepare(r) }, nil},
		"a revision": {func(h *home, r request.Record) request.Record {
			q := h.revise(*r.Request, func(q *bulletin.Request) { q.Window.To = q.Window.To.Add(-time.Hour) })
			return h.prepare(h.arrive(q, request.Waiting))
		}, nil},
		"the approver left":   {func(_ *home, r request.Record) request.Record { gone = true; return r }, nil},
		"the digest that was": {func(h *home, r request.Record) request.Record { h.prepare(r); return r }, request.ErrDigest},
		"past its time":       {func(h *home, r request.Record) request.Record { h.clock.add(8 * 24 * time.Hour); return r }, request.ErrState},
	} {
		t.Run(name, func(t *testing.T) {
			gone = false
			h, r := pair(t, func(cfg *request.Config) {
				cfg.Entitled = func(_ context.Context, n int64) (bool, error) { return n != second.Number || !gone, nil }
			})
			if _, err := h.approveBy(r, second); err != nil {
				t.Fatal(err)
			}
			got, err := h.approveBy(c.change(h, r), owner)
			if !errors.Is(err, c.refuse) || err == nil && (got.State != request.Prepared || len(got.Approvals) != 1 || got.Approvals[0].Person != owner.Number) {
				t.Errorf("%s %+v, %v", got.State, got.Approvals, err)
			}
		})
	}
}

// TestSentAgainByTwo: a delivery that failed needs both of them again.
func TestSentAgainByTwo(t *testing.T) {
	h, r := pair(t)
	for _, by := range []request.Approver{second, owner} {
		if _, err := h.approveBy(r, by); err != nil {
			t.Fatal(err)
		}
	}
	if err := h.Delivered(t.Context(), r.ID, false, "nobody there"); err != nil {
		t.Fatal(err)
	}
	if got, err := h.approveBy(r, owner); err != nil || got.State != request.Failed || len(got.Approvals) != 1 {
		t.Errorf("%s %+v, %v", got.State, got.Approvals, err)
	}
}

func TestOneIsEnoughWithoutARule(t *testing.T) {
	h := newHome(t).allowed()
	r := h.prepare(h.arrive(h.request(), request.Waiting))
	if got, err := h.approveBy(r, second); err != nil || got.State != request.Approved {
		t.Errorf("%s, %v", got.State, err)
	}
}

// TestThreePeopleMustApprove: the owner's setting holds for every request. More
// people are asked for at once, fewer only for what is sealed afterwards.
func TestThreePeopleMustApprove(t *testing.T) {
	h := newHome(t, func(c *request.Config) { c.Home.Approvals = 3 }).allowed()
	r := h.prepare(h.arrive(h.request(), request.Waiting))
	if r.Needs() != 3 {
		t.Fatalf("%d people", r.Needs())
	}
	for i, by := range []request.Approver{second, {Number: 3, Words: "Approver 3"}} {
		if i == 1 {
			h.start(func(c *request.Config) { c.Home.Approvals = 1 })
		}
		if r, err := h.approveBy(r, by); err != nil || r.State != request.Prepared || len(r.Approvals) != i+1 {
			t.Fatalf("%s: %s, %v", by.Words, r.State, err)
		}
	}
	h.start(func(c *request.Config) { c.Home.Approvals = 4 })
	if r, err := h.approveBy(r, owner); err != nil || r.State != request.Prepared || r.Needs() != 4 {
		t.Fatalf("four people: %s, %v", r.State, err)
	}
	done, err := h.approveBy(r, request.Approver{Number: 4, Words: "Approver 4"})
	if err != nil || done.State != request.Approved {
		t.Errorf("%s, %v", done.State, err)
	}
}
