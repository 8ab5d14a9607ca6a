package request_test

import (
	"slices"
	"testing"

	"gatehouse/hub/bulletin"
	"gatehouse/hub/bulletin/bulletintest"
	"gatehouse/hub/request"
)

// serve takes lines as a mirror serves them, which may have changed all that
// the log does not sign.
func (h *home) serve(lines []bulletin.Line, change func(*bulletin.Line)) {
	h.t.Helper()
	lines = slices.Clone(lines)
	for i := range lines {
		change(&lines[i])
	}
	data, err := bulletin.WriteFile(lines)
	if err != nil {
		h.t.Fatal(err)
	}
	if err := h.Take(h.t.Context(), "mirror", data); err != nil {
		h.t.Fatal(err)
	}
}

// TestRelabelledLineSuppressesNothing: a mirror calls an entry by another kind.
// The honest copy must be taken when it comes.
func TestRelabelledLineSuppressesNothing(t *testing.T) {
	for _, kind := range []bulletin.Kind{bulletin.KindProfile, bulletin.KindDisposition, bulletin.KindRequest, bulletin.KindUpdate} {
		t.Run(string(kind), func(t *testing.T) {
			h := newHome(t).allowed()
			q := h.request()
			h.arrive(q, request.Waiting)
			h.publish(h.revise(q, func(q *bulletin.Request) { q.Status = bulletin.StatusWithdrawn }))
			late := newAgency(h, "late.example")
			h.log.Add(t, bulletin.KindProfile, late.Envelope)
			h.serve(h.log.Lines(t), func(l *bulletin.Line) { l.Kind = kind })
			h.take()
			h.is(q.ID, request.Withdrawn)
			if known, err := h.Known(t.Context()); err != nil || len(known) != 2 {
				t.Errorf("known %v, %v", known, err)
			}
		})
	}
}

// TestBadProofSuppressesNothing: a line with a proof of nothing comes first,
// and its row must not take the place of what is judged again later.
func TestBadProofSuppressesNothing(t *testing.T) {
	h := newHome(t)
	late := bulletintest.New(t, h.clock.Now(), func(p *bulletin.Profile) { p.Agency = "late.example" })
	q := late.Request(t, h.clock.Now())
	h.log.Add(t, bulletin.KindRequest, late.Sign(t, q))
	h.serve(h.log.Lines(t), func(l *bulletin.Line) { l.Proof = []byte("no proof") })
	h.take()
	h.refusedAs(bulletin.UnknownAgency)
	h.log.Add(t, bulletin.KindProfile, late.Envelope)
	h.take()
	h.is(q.ID, request.NotListed)
}
