package request_test

import (
	"fmt"
	"math"
	"testing"
	"time"

	"gatehouse/hub/bulletin"
	"gatehouse/hub/bulletin/bulletintest"
	"gatehouse/hub/request"
)

func (h *home) asks(from time.Duration, long time.Duration) bulletin.Request {
	q := h.request()
	q.Window.From = q.Window.From.Add(from)
	q.Window.To = q.Window.From.Add(long)
	return q
}

// TestManySmallRequestsOfACase: what one request may not ask for, several may not either.
func TestManySmallRequestsOfACase(t *testing.T) {
	h := newHome(t).allowed()
	for i, c := range []struct {
		from, long time.Duration
		want       request.State
		n          int
		hours      float64
	}{
		{0, 6 * time.Hour, request.Waiting, 1, 6},
		{3 * time.Hour, 6 * time.Hour, request.Waiting, 2, 9}, // three hours of it are asked for already
		{9 * time.Hour, 3*time.Hour + time.Second, request.Refused, 3, 12 + 1/3600.},
		{9 * time.Hour, 3 * time.Hour, request.Waiting, 3, 12}, // what was refused does not count
		{2 * time.Hour, 4 * time.Hour, request.Waiting, 4, 12},
		{-time.Hour, time.Hour, request.Refused, 5, 13},
	} {
		r := h.arrive(h.asks(c.from, c.long), c.want)
		if r.Case == nil || r.Case.Requests != c.n || math.Abs(r.Case.Seconds/3600-c.hours) > 1e-9 {
			t.Errorf("request %d: %+v", i, r.Case)
		}
		if c.want == request.Refused && (r.Code != request.CaseLimit || r.Reason == "" || len(r.Matches) > 0) {
			t.Errorf("request %d: %+v", i, r)
		}
	}
	other := h.asks(-10*time.Hour, 9*time.Hour)
	other.Case.Number = "2026-004712"
	if r := h.arrive(other, request.Waiting); r.Case.Requests != 1 {
		t.Errorf("%+v", r.Case)
	}
}

// TestAreaSliversOfACase: small areas side by side are one large area.
func TestAreaSliversOfACase(t *testing.T) {
	h := newHome(t, func(c *request.Config) { c.Home.PerCase = request.PerCase{KM2: 1} }).allowed()
	sum := 0.0
	refused := false
	for i := range 6 {
		q := h.request()
		at := bulletintest.Centre
		at.Lon += float64(i) * 0.004
		q.Area.Ring = bulletintest.Box(at, 0.006, 0.004) // most do not touch this home, and count all the same
		want := request.Waiting
		if i > 0 {
			want = request.Unmatched
		}
		one := bulletin.SquareKM(q.Area.Ring)
		if sum+one > 1 {
			want, refused = request.Refused, true
		} else {
			sum += one
		}
		r := h.arrive(q, want)
		if want == request.Refused && r.Code != request.CaseLimit {
			t.Errorf("refused as %s", r.Code)
		}
	}
	if !refused {
		t.Error("the areas never came to a square kilometre: the test is wrong")
	}
}

// TestWindowCreepOverRevisions: revisions cannot move the window on and on. The
// one that goes too far is refused and the one before it stands.
func TestWindowCreepOverRevisions(t *testing.T) {
	h := newHome(t).allowed()
	q := h.asks(0, 5*time.Hour)
	h.arrive(q, request.Waiting)
	q = h.revise(q, func(q *bulletin.Request) {
		q.Window.From, q.Window.To = q.Window.From.Add(5*time.Hour), q.Window.To.Add(5*time.Hour)
	})
	if r := h.arrive(q, request.Waiting); r.Case.Seconds != 36000 || r.Case.Requests != 1 || len(r.Earlier) != 1 {
		t.Errorf("%+v %+v", r.Case, r.Earlier)
	}
	third := h.revise(q, func(q *bulletin.Request) {
		q.Window.From, q.Window.To = q.Window.From.Add(5*time.Hour), q.Window.To.Add(5*time.Hour)
	})
	if r := h.arrive(third, request.Waiting); r.Revision != 2 || !r.Matches[0].From.Equal(q.Window.From) {
		t.Errorf("revision %d %+v", r.Revision, r.Matches)
	}
	h.refusedAs(request.CaseLimit)
}

// TestCaseIsCountedInOrderOfArrival: an agency that is allowed later does not get more for it.
func TestCaseIsCountedInOrderOfArrival(t *testing.T) {
	h := newHome(t)
	h.take()
	var ids []string
	for i := range 4 {
		q := h.asks(time.Duration(i)*5*time.Hour, 5*time.Hour)
		h.arrive(q, request.NotListed)
		ids = append(ids, q.ID)
		h.clock.add(time.Second)
	}
	h.allowed()
	for i, want := range []request.State{request.Waiting, request.Waiting, request.Refused, request.Refused} {
		if r := h.is(ids[i], want); want == request.Waiting && r.Case.Requests != i+1 {
			t.Errorf("%d: %+v", i, r.Case)
		}
	}
}

func TestFloodOfOneCase(t *testing.T) {
	h := newHome(t).allowed()
	for range 32 {
		h.publish(h.request())
	}
	h.take()
	if r := h.arrive(h.request(), request.Refused); r.Code != request.CaseLimit {
		t.Errorf("%+v", r)
	}
}

// TestRecordNamesItsRule, also after the rules have changed.
func TestRecordNamesItsRule(t *testing.T) {
	h := newHome(t, func(c *request.Config) {
		c.Home.Rules = []request.Rule{
			{Level: "federal", Action: request.Hide},
			{InCase: 2, Action: request.Decline},
			{InCase: 1, Action: request.RequireTwo},
			{In30Days: 4, Cameras: 0, Action: request.Hide},
			{Cameras: 1, Action: request.Decline},
		}
	}).allowed()
	for i, want := range []struct {
		state request.State
		rule  request.Ruled
	}{
		{request.Waiting, request.Ruled{Action: request.Digest}},
		{request.Waiting, request.Ruled{Number: 3, Action: request.RequireTwo, Text: "over_in_case: 1, action: require_two"}},
		{request.Declined, request.Ruled{Number: 2, Action: request.Decline, Text: "over_in_case: 2, action: decline"}},
	} {
		r := h.arrive(h.request(), want.state)
		if r.Rule == nil || *r.Rule != want.rule {
			t.Errorf("%d: %+v", i, r.Rule)
		}
	}
	for i := range 2 {
		q := h.request()
		q.Case.Number = fmt.Sprintf("2026-1%d", i)
		want := []request.State{request.Waiting, request.Hidden}[i]
		if r := h.arrive(q, want); want == request.Hidden && r.Rule.Number != 4 {
			t.Errorf("%+v", r.Rule)
		}
	}
}
