package request_test

import (
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"gatehouse/hub/bulletin"
	"gatehouse/hub/evidence"
	"gatehouse/hub/ledger"
	"gatehouse/hub/request"
)

// revise is the next revision of a request.
func (h *home) revise(q bulletin.Request, change func(*bulletin.Request)) bulletin.Request {
	h.t.Helper()
	r, err := h.Get(h.t.Context(), q.ID)
	if err != nil {
		h.t.Fatal(err)
	}
	q.Revision++
	q.Supersedes = hexHash(r.Envelope)
	change(&q)
	return q
}

func TestSelectionStaysWithinWhatWasAsked(t *testing.T) {
	h := newHome(t).allowed()
	r := h.arrive(h.request(), request.Waiting)
	from, to := r.Matches[0].From, r.Matches[0].To
	ok := evidence.Selection{Camera: "porch", From: from, To: to}
	many := make([]evidence.Selection, 26)
	for i := range many {
		many[i] = ok
	}
	for name, clips := range map[string][]evidence.Selection{
		"nothing":        nil,
		"inside camera":  {{Camera: "hall", From: from, To: to}},
		"unknown camera": {{Camera: "x", From: from, To: to}},
		"earlier":        {{Camera: "porch", From: from.Add(-time.Second), To: to}},
		"later":          {{Camera: "porch", From: from, To: to.Add(time.Second)}},
		"empty":          {{Camera: "porch", From: from, To: from}},
		"backwards":      {{Camera: "porch", From: to, To: from}},
		"one bad":        {ok, {Camera: "hall", From: from, To: to}},
		"too many":       many,
	} {
		if _, err := h.Prepare(t.Context(), r.ID, clips); !errors.Is(err, request.ErrNotYours) {
			t.Errorf("%s: %v, want ErrNotYours", name, err)
		}
	}
	h.footage.sec["porch"] = 0 // rotated away
	if _, err := h.Prepare(t.Context(), r.ID, []evidence.Selection{ok}); !errors.Is(err, request.ErrNotYours) {
		t.Errorf("without footage: %v, want ErrNotYours", err)
	}
	if len(h.sealer.orders) != 0 {
		t.Errorf("sealed %v", h.sealer.orders)
	}
	h.is(r.ID, request.Waiting)
}

func TestPrepareReplacesAndApproveNamesTheDigest(t *testing.T) {
	h := newHome(t).allowed()
	ctx := t.Context()
	r := h.arrive(h.request(), request.Waiting)
	if _, err := h.Approve(ctx, r.ID, "", "Ann", false); !errors.Is(err, request.ErrState) {
		t.Errorf("approving what is not sealed: %v", err)
	}
	first, second := h.prepare(r), h.prepare(r)
	if _, err := os.Stat(first.Package.Path); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the earlier package is still there: %v", err)
	}
	for _, digest := range []string{"", first.Package.Digest, strings.ToUpper(second.Package.Digest), second.Package.Digest + " "} {
		if _, err := h.Approve(ctx, r.ID, digest, "Ann", false); !errors.Is(err, request.ErrDigest) {
			t.Errorf("approving digest %q: %v", digest, err)
		}
	}
	if err := os.WriteFile(second.Package.Path, []byte("another film"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := h.Approve(ctx, r.ID, second.Package.Digest, "Ann", false); !errors.Is(err, request.ErrDigest) {
		t.Errorf("approving a file that changed: %v", err)
	}
	third := h.prepare(r)
	before := h.clock.Now()
	a, err := h.Approve(ctx, r.ID, third.Package.Digest, "Ann", false)
	if err != nil {
		t.Fatal(err)
	}
	if wait := a.SendAfter.Sub(before); a.State != request.Approved || wait < 5*time.Minute || wait > time.Hour {
		t.Errorf("%s, sent after %v", a.State, wait)
	}
	jobs, err := h.house.Jobs(ctx)
	if err != nil || len(jobs) != 1 {
		t.Fatal(jobs, err)
	}
	j := jobs[0]
	if j.Digest != third.Package.Digest || j.Path != third.Package.Path || j.Target.Kind != bulletin.Tus || j.Private ||
		!j.NotBefore.Equal(a.SendAfter.Truncate(time.Microsecond)) || string(j.Profile) != string(h.agency.Envelope) {
		t.Errorf("outbox row %+v", j)
	}
	want := []ledger.Kind{ledger.Received, ledger.Held, ledger.Prepared, ledger.Prepared, ledger.Prepared, ledger.Approved}
	if diff := cmp.Diff(want, h.kinds(r.ID)); diff != "" {
		t.Errorf("ledger (-want +got):\n%s", diff)
	}
	if _, err := h.Prepare(ctx, r.ID, h.clips(r)); !errors.Is(err, request.ErrState) {
		t.Errorf("preparing what is approved: %v", err)
	}
	o := h.sealer.orders[0]
	if o.Recipient != h.agency.Recipients[0] || o.RequestID != r.ID || len(o.Envelope) == 0 || len(o.Proof) == 0 || o.BulletinKey != h.log.Key {
		t.Errorf("order %+v", o)
	}
}

func TestDeliveredEndsItAndAFailureMayBeApprovedAgain(t *testing.T) {
	h := newHome(t).allowed()
	ctx := t.Context()
	r := h.prepare(h.arrive(h.request(), request.Waiting))
	approve := func() {
		t.Helper()
		if _, err := h.Approve(ctx, r.ID, r.Package.Digest, "Ann", true); err != nil {
			t.Fatal(err)
		}
	}
	approve()
	if err := h.Delivered(ctx, r.ID, false, "The receiver is gone."); err != nil {
		t.Fatal(err)
	}
	if got := h.is(r.ID, request.Failed); got.Reason != "The receiver is gone." {
		t.Errorf("reason %q", got.Reason)
	}
	jobs, err := h.house.Jobs(ctx)
	if err != nil {
		t.Fatal(err)
	}
	j := jobs[0]
	j.State = "failed"
	if err := h.house.FinishJob(ctx, j); err != nil {
		t.Fatal(err)
	}
	approve()
	for range 2 { // told again after a restart
		if err := h.Delivered(ctx, r.ID, true, ""); err != nil {
			t.Fatal(err)
		}
	}
	h.is(r.ID, request.Sent)
	if diff := cmp.Diff([]string{
		r.ID + " waiting", r.ID + " prepared", r.ID + " approved", r.ID + " failed", r.ID + " approved", r.ID + " sent",
	}, h.notes); diff != "" {
		t.Errorf("notified (-want +got):\n%s", diff)
	}
	if err := h.Delivered(ctx, "absent", true, ""); !errors.Is(err, request.ErrNotFound) {
		t.Errorf("delivery of an unknown request: %v", err)
	}
}

func TestDecline(t *testing.T) {
	h := newHome(t).allowed()
	r := h.prepare(h.arrive(h.request(), request.Waiting))
	if _, err := h.Decline(t.Context(), r.ID, "Ann"); err != nil {
		t.Fatal(err)
	}
	d := h.is(r.ID, request.Declined)
	if _, err := os.Stat(r.Package.Path); !errors.Is(err, os.ErrNotExist) || d.Package != nil {
		t.Errorf("the package is still there: %v", err)
	}
	if _, err := h.Decline(t.Context(), r.ID, "Ann"); !errors.Is(err, request.ErrState) {
		t.Errorf("declining twice: %v", err)
	}
	// A later revision does not ask again.
	h.arrive(h.revise(*d.Request, func(q *bulletin.Request) { q.Incident.Headline = "Asked once more" }), request.Declined)
}

func TestRevisions(t *testing.T) {
	h := newHome(t).allowed()
	q := h.request()
	r := h.prepare(h.arrive(q, request.Waiting))
	narrower := h.revise(q, func(q *bulletin.Request) { q.Window.To = q.Window.From.Add(time.Hour) })
	got := h.arrive(narrower, request.Waiting)
	if got.Package != nil || got.Revision != 2 || !got.Matches[0].To.Equal(narrower.Window.To) {
		t.Errorf("after a revision: %+v", got)
	}
	if _, err := os.Stat(r.Package.Path); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("what was sealed for the first revision is still there: %v", err)
	}
	// Too wide a revision is refused, and the one before it stands.
	wide := h.revise(narrower, func(q *bulletin.Request) { q.Window.From = q.Window.To.Add(-20 * time.Hour) })
	h.arrive(wide, request.Waiting)
	h.refusedAs(bulletin.BadWindow)
	// So is one that claims to replace something else.
	forked := h.revise(narrower, func(q *bulletin.Request) { q.Supersedes = strings.Repeat("ab", 32) })
	h.arrive(forked, request.Waiting)
	h.refusedAs(bulletin.Replayed)
}

func TestWithdrawal(t *testing.T) {
	for name, status := range map[string]bulletin.Status{"closed": bulletin.StatusClosed, "withdrawn": bulletin.StatusWithdrawn} {
		t.Run(name, func(t *testing.T) {
			h := newHome(t).allowed()
			q := h.request()
			r := h.prepare(h.arrive(q, request.Waiting))
			end := h.revise(q, func(q *bulletin.Request) { q.Status = status })
			h.arrive(end, request.Withdrawn)
			if _, err := os.Stat(r.Package.Path); !errors.Is(err, os.ErrNotExist) || len(h.footage.held) != 0 {
				t.Errorf("left behind: %v, held %v", err, h.footage.held)
			}
			if _, err := h.Approve(t.Context(), q.ID, r.Package.Digest, "Ann", true); !errors.Is(err, request.ErrState) {
				t.Errorf("approving a withdrawn request: %v", err)
			}
			// A mirror that replays the first revision does not bring it back.
			h.start()
			h.take()
			h.is(q.ID, request.Withdrawn)
		})
	}
}

func TestWithdrawalAfterApprovalIsNoted(t *testing.T) {
	h := newHome(t).allowed()
	q := h.request()
	r := h.prepare(h.arrive(q, request.Waiting))
	if _, err := h.Approve(t.Context(), q.ID, r.Package.Digest, "Ann", false); err != nil {
		t.Fatal(err)
	}
	got := h.arrive(h.revise(q, func(q *bulletin.Request) { q.Status = bulletin.StatusWithdrawn }), request.Approved)
	if !strings.Contains(got.Reason, "withdrew") {
		t.Errorf("reason %q", got.Reason)
	}
}

func TestWithdrawalSeenFirstKeepsTheRequestAway(t *testing.T) {
	h := newHome(t).allowed()
	q := h.request()
	first := h.publish(q)
	q.Revision, q.Supersedes, q.Status = 2, hexHash(first), bulletin.StatusWithdrawn
	second := h.agency.Sign(t, q)
	h.log.Add(t, bulletin.KindUpdate, second)
	lines := h.log.Lines(t)
	for _, n := range []int{2, 1} { // the update in one file, the request in a later one
		data, err := bulletin.WriteFile(lines[n : n+1])
		if err != nil {
			t.Fatal(err)
		}
		if err := h.Take(t.Context(), "inbox", data); err != nil {
			t.Fatal(err)
		}
	}
	h.is(q.ID, request.Withdrawn)
	h.refusedAs(bulletin.Replayed)
	if len(h.notes) != 0 {
		t.Errorf("notified of %v", h.notes)
	}
}

func TestAnotherAgencyCannotTakeARequestsPlace(t *testing.T) {
	h := newHome(t).allowed()
	q := h.request()
	h.arrive(q, request.Waiting)
	other := newAgency(h, "other.example")
	h.log.Add(t, bulletin.KindProfile, other.Envelope)
	stolen := other.Request(t, h.clock.Now())
	stolen.ID, stolen.Revision, stolen.Supersedes = q.ID, 2, hexHash(h.is(q.ID, request.Waiting).Envelope)
	h.log.Add(t, bulletin.KindUpdate, other.Sign(t, stolen))
	h.take()
	if r := h.is(q.ID, request.Waiting); r.Agency != h.agency.Agency {
		t.Errorf("the request is %s's now", r.Agency)
	}
	h.refusedAs(bulletin.Replayed)
}

func TestExpiry(t *testing.T) {
	h := newHome(t).allowed()
	r := h.prepare(h.arrive(h.request(), request.Waiting))
	other := h.arrive(h.request(), request.Waiting)
	request.Unwatched(h.Service)
	h.clock.add(8 * 24 * time.Hour)
	if _, err := h.Approve(t.Context(), r.ID, r.Package.Digest, "Ann", true); !errors.Is(err, request.ErrState) {
		t.Errorf("approving an expired request: %v", err)
	}
	stop := h.run()
	h.eventually(r.ID, request.Expired)
	h.eventually(other.ID, request.Expired)
	stop()
	if _, err := os.Stat(r.Package.Path); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the package is still there: %v", err)
	}
	if k := h.kinds(other.ID); k[len(k)-1] != ledger.Expired {
		t.Errorf("ledger %v", k)
	}
}

// TestWithdrawnWhileSealing withdraws a request during the long time that
// sealing takes: the update waits for its turn and wins.
func TestWithdrawnWhileSealing(t *testing.T) {
	h := newHome(t).allowed()
	q := h.request()
	r := h.arrive(q, request.Waiting)
	h.publish(h.revise(q, func(q *bulletin.Request) { q.Status = bulletin.StatusWithdrawn }))
	file := h.log.File(t)
	taken := make(chan error, 1)
	h.sealer.during = func() {
		go func() { taken <- h.Take(t.Context(), "inbox", file) }()
		time.Sleep(50 * time.Millisecond)
		h.is(q.ID, request.Waiting)
	}
	p := h.prepare(r)
	if err := <-taken; err != nil {
		t.Fatal(err)
	}
	h.is(q.ID, request.Withdrawn)
	if _, err := os.Stat(p.Package.Path); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the package is still there: %v", err)
	}
}
