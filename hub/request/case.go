package request

import (
	"context"
	"fmt"
	"time"

	"gatehouse/hub/bulletin"
)

// CaseLimit is the code of a request that asks, together with the others of its
// case, for more than one case may have.
const CaseLimit bulletin.Code = "case-limit"

// maxInCase bounds the requests of one case, and so the work of uniting them.
const maxInCase = 32

// PerCase limits what all requests and revisions of one case of one agency ask
// for together. A zero value is the limit of a single request.
type PerCase struct {
	Time time.Duration
	KM2  float64
}

// Limits of a single request, see bulletin.CheckLimits.
const (
	oneTime = 12 * time.Hour
	oneKM2  = 1.295
	slack   = 1e-6 // of an area, which the union sums in another order
)

// CaseUse is what a case came to with a request: the union of the windows and
// that of the areas over all revisions that this home received and did not refuse.
type CaseUse struct {
	Requests int     `json:"requests"` // in the case, this one with them
	Seconds  float64 `json:"seconds"`
	KM2      float64 `json:"km2"`
}

// Asked is what an earlier revision asked for.
type Asked struct {
	Area   []bulletin.Point `json:"area"`
	Window bulletin.Window  `json:"window"`
}

// exceeded is the reason to refuse, or empty.
func (p PerCase) exceeded(u CaseUse) string {
	if p.Time == 0 {
		p.Time = oneTime
	}
	if p.KM2 == 0 {
		p.KM2 = oneKM2
	}
	switch {
	case u.Requests > maxInCase:
		return fmt.Sprintf("The agency has sent more than %d requests in this case.", maxInCase)
	case u.Seconds > p.Time.Seconds():
		return fmt.Sprintf("All requests of this case together ask for %s of footage; your limit for a case is %s.", hours(u.Seconds), hours(p.Time.Seconds()))
	case u.KM2 > p.KM2*(1+slack):
		return fmt.Sprintf("All requests of this case together ask for an area of %.2f km²; your limit for a case is %.2f km².", u.KM2, p.KM2)
	}
	return ""
}

func hours(seconds float64) string { return fmt.Sprintf("%.1f hours", seconds/3600) }

// caseUse unites what a case of an agency asked for up to a request. r is the
// record the request will have; again means that it is judged again, so that
// others may have come after it. The numbers are of this home alone.
func (s *Service) caseUse(ctx context.Context, q bulletin.Request, r Record, again bool) (CaseUse, error) {
	list, err := s.cfg.Store.CaseRecords(ctx, q.Agency, q.Case.Number, maxInCase+1)
	if err != nil {
		return CaseUse{}, err
	}
	if s.later != nil {
		list = overlaid(list, *s.later, q)
	}
	n, asks := 1, []bulletin.Ask{{Area: q.Area.Ring, Window: q.Window}}
	add := func(earlier []Asked) {
		for _, a := range earlier {
			asks = append(asks, bulletin.Ask{Area: a.Area, Window: a.Window})
		}
	}
	add(r.Earlier)
	for _, x := range list {
		if x.ID == q.ID || again && !x.before(r) {
			continue
		}
		n++
		asks = append(asks, bulletin.Ask{Area: x.Request.Area.Ring, Window: x.Request.Window})
		add(x.Earlier)
	}
	if n > maxInCase {
		return CaseUse{Requests: n}, nil
	}
	u := bulletin.CaseUsage(asks)
	return CaseUse{Requests: n, Seconds: u.Time.Seconds(), KM2: u.SquareKM}, nil
}

// before reports whether a request of the same case came before one that is
// judged again. What the owner knows of did: it is not taken back.
func (x Record) before(r Record) bool {
	return !judgedAgain(x.State) || x.Received.Before(r.Received) || x.Received.Equal(r.Received) && x.ID < r.ID
}

// overlaid replaces what was judged again and is not stored yet.
func overlaid(list []Record, later []Rejudged, q bulletin.Request) (out []Record) {
	newer := map[string]bool{}
	for _, l := range later {
		if l.Request == nil || l.Agency != q.Agency || l.Request.Case.Number != q.Case.Number {
			continue
		}
		newer[l.ID] = true
		if l.State != Refused {
			out = append(out, l.Record)
		}
	}
	for _, r := range list {
		if !newer[r.ID] {
			out = append(out, r)
		}
	}
	return out
}
