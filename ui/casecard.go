package ui

import (
	"context"

	"gatehouse/hub/request"
)

// caseCard sums up what one case has asked of this home: a request that seems
// small may be one of many.
type caseCard struct {
	Nth    int    // request in its case, of those that came here
	Long   string // that all of them together ask for; empty if this home does not know
	KM2    string
	Others []caseRow
}

// caseRow is another request of the case.
type caseRow struct {
	ID    string
	When  moment
	Span  string
	State badge
}

// maxCase bounds the list of a case; the limits of a case allow no more.
const maxCase = 32

// caseCard is nil for a request that is the only one of its case.
func (c *console) caseCard(ctx context.Context, rec request.Record) (*caseCard, error) {
	u := rec.Case
	if u == nil || u.Seconds == 0 || u.Requests < 2 && len(rec.Earlier) == 0 {
		return nil, nil
	}
	v := &caseCard{Nth: u.Requests, Long: length(seconds(u.Seconds)), KM2: c.text.number(u.KM2, 2)}
	list, err := c.cfg.Requests.ListIn(ctx, knownStates...)
	if err != nil {
		return nil, err
	}
	for _, r := range list {
		if r.ID == rec.ID || r.Request == nil || r.Agency != rec.Agency || r.Request.Case.Number != rec.Request.Case.Number {
			continue
		}
		if v.Others = append(v.Others, caseRow{
			ID: r.ID, When: c.at(r.Received, dayForm), Span: c.span(r.Request.Window.From, r.Request.Window.To), State: requestState(r.State),
		}); len(v.Others) == maxCase {
			break
		}
	}
	return v, nil
}
