package request_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"gatehouse/hub/bulletin"
	"gatehouse/hub/bulletin/bulletintest"
	"gatehouse/hub/ledger"
	"gatehouse/hub/request"
)

// flood serves lines whose proofs prove nothing.
func (h *home) flood(n int) {
	h.t.Helper()
	var lines []bulletin.Line
	for i := range n {
		lines = append(lines, bulletin.Line{Kind: bulletin.KindRequest, Envelope: fmt.Appendf(nil, `{"n":%d}`, i), Proof: []byte("x")})
	}
	h.serve(lines, func(*bulletin.Line) {})
}

// TestFloodLosesNoEntryOfTheLog: what has no place in a log does not use up the
// rows of what has one, and what is not kept is taken when it comes again.
func TestFloodLosesNoEntryOfTheLog(t *testing.T) {
	h := newHome(t)
	h.flood(request.RefusedADay + 10)
	late := newAgency(h, "late.example")
	q := late.Request(t, h.clock.Now())
	h.log.Add(t, bulletin.KindRequest, late.Sign(t, q)) // before its profile
	h.take()
	h.refusedAs(bulletin.UnknownAgency)
	h.start()
	h.flood(request.RefusedADay + 10)
	h.log.Add(t, bulletin.KindProfile, late.Envelope)
	h.take()
	h.is(q.ID, request.NotListed)
}

func TestWhatIsOnlyCountedIsNotForgotten(t *testing.T) {
	h := newHome(t)
	strangers := newAgency(h, "strangers.example")
	for range request.RefusedADay {
		h.log.Add(t, bulletin.KindRequest, strangers.Sign(t, strangers.Request(t, h.clock.Now())))
	}
	late := newAgency(h, "late.example")
	q := late.Request(t, h.clock.Now())
	h.log.Add(t, bulletin.KindRequest, late.Sign(t, q))
	h.take()
	counted, err := h.Get(t.Context(), "refused:"+h.clock.Now().Format(time.DateOnly))
	if err != nil || counted.Revision != 1 {
		t.Errorf("counting row %+v, %v", counted, err)
	}
	h.log.Add(t, bulletin.KindProfile, late.Envelope)
	h.take() // an active.ghb brings it again
	h.is(q.ID, request.NotListed)
}

func (h *home) size() int64 {
	h.t.Helper()
	n, err := h.house.Size()
	if err != nil {
		h.t.Fatal(err)
	}
	return n
}

// TestJudgingAgainIsQuiet: a home that is edited often does not fill the ledger
// with requests that nobody was shown.
func TestJudgingAgainIsQuiet(t *testing.T) {
	h := newHome(t, func(c *request.Config) { c.Home.Position = bulletin.Point{} }).allowed()
	request.Unwatched(h.Service)
	old, q := h.request(), h.request()
	old.ExpiresAt = h.clock.Now().Add(time.Hour)
	h.arrive(old, request.Unmatched)
	h.arrive(q, request.Unmatched)
	h.clock.add(2 * time.Hour)
	before := h.size()
	stop := h.run()
	defer stop()
	h.SetHome(request.Home{OptOut: true})
	h.eventually(q.ID, request.Hidden)
	h.is(old.ID, request.Unmatched) // past: nothing can become of it
	h.SetHome(request.Home{})
	h.eventually(q.ID, request.Unmatched)
	if n := h.size(); n != before {
		t.Errorf("%d ledger entries of requests that nobody was shown", n-before)
	}
	h.SetHome(request.Home{Position: bulletintest.Centre, Cameras: []request.Camera{{Name: "porch", Exterior: true}}})
	h.eventually(q.ID, request.Waiting)
	if k := h.kinds(q.ID); len(k) != 2 || k[0] != ledger.Received || k[1] != ledger.Held {
		t.Errorf("ledger %v", k)
	}
}

// TestStrangersDoNotWriteTheLedger: a refused request of an agency that is not
// on the list is a row only.
func TestStrangersDoNotWriteTheLedger(t *testing.T) {
	h := newHome(t)
	h.take()
	before := h.size()
	q := h.request()
	q.Window.From = q.Window.To.Add(-20 * time.Hour)
	if r := h.arrive(q, request.Refused); r.Code != bulletin.BadWindow {
		t.Errorf("refused as %s", r.Code)
	}
	if n := h.size(); n != before {
		t.Errorf("%d ledger entries", n-before)
	}
}

// TestSameIDOfTwoAgenciesAllowed: the first stands, the other is refused with a
// reason, and judged again when the first is gone.
func TestSameIDOfTwoAgenciesAllowed(t *testing.T) {
	h := newHome(t).allowed()
	other := newAgency(h, "other.example")
	h.log.Add(t, bulletin.KindProfile, other.Envelope)
	h.take()
	if _, err := h.Allow(t.Context(), other.Agency, other.RootID, "Ann"); err != nil {
		t.Fatal(err)
	}
	q := h.request()
	stolen := other.Request(t, h.clock.Now())
	stolen.ID = q.ID
	h.log.Add(t, bulletin.KindRequest, other.Sign(t, stolen))
	h.take()
	h.is(q.ID, request.Waiting)
	h.publish(q)
	h.take()
	h.refusedAs(bulletin.Replayed)
	if err := h.Disallow(t.Context(), other.Agency, "Ann"); err != nil {
		t.Fatal(err)
	}
	if r := h.is(q.ID, request.Waiting); r.Agency != h.agency.Agency {
		t.Errorf("the request is %s's", r.Agency)
	}
	if err := errors.Join(h.Disallow(t.Context(), h.agency.Agency, "Ann")); err != nil {
		t.Fatal(err)
	}
	h.is(q.ID, request.NotListed)
}
