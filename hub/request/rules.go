package request

import (
	"context"
	"fmt"
	"slices"
	"time"

	"gatehouse/hub/bulletin"
)

// Actions of a rule.
const (
	hide    = "hide"
	notify  = "notify"
	decline = "decline"
)

// applies reports whether all of a rule's conditions hold.
func (r Rule) applies(q bulletin.Request, p bulletin.Profile, km2 float64) bool {
	return (r.Agency == "" || r.Agency == q.Agency) &&
		(r.Level == "" || r.Level == p.Level) &&
		(r.Category == "" || r.Category == q.Incident.Category) &&
		(r.MaxKM2 == 0 || km2 > r.MaxKM2) &&
		(r.Minutes == 0 || q.Window.To.Sub(q.Window.From) > time.Duration(r.Minutes)*time.Minute)
}

// ruled returns the action of the first rule that applies and its number from
// 1; notify and 0 if none does.
func ruled(rules []Rule, q bulletin.Request, p bulletin.Profile, km2 float64) (action string, n int) {
	for i, r := range rules {
		if r.applies(q, p, km2) {
			return r.Action, i + 1
		}
	}
	return notify, 0
}

// verdict is the outcome of judging a request that is what it claims to be.
type verdict struct {
	state   State
	code    bulletin.Code
	reason  string
	km2     float64
	matches []Match
}

// judge applies allowlist, opt-out, rules and the home to a request within the limits.
func (s *Service) judge(ctx context.Context, q bulletin.Request, p bulletin.VerifiedProfile) (verdict, error) {
	s.mu.Lock()
	home, allowed, listed := s.home, s.allowed[q.Agency], false
	_, listed = s.allowed[q.Agency]
	home.Cameras, home.Rules = slices.Clone(home.Cameras), slices.Clone(home.Rules)
	s.mu.Unlock()

	v := verdict{km2: bulletin.SquareKM(q.Area.Ring)}
	switch action, n := ruled(home.Rules, q, p.Profile, v.km2); {
	case !listed:
		v.state, v.code, v.reason = NotListed, bulletin.NotAllowed, "The agency is not on your allowlist."
		return v, nil
	case allowed.Root != p.RootID:
		v.state, v.code = Refused, bulletin.RootChanged
		v.reason = "The agency's root keys are not the ones you confirmed. Call the number you confirmed them with, then allow the agency again."
		return v, nil
	case home.OptOut:
		v.state, v.reason = Hidden, "You have opted out of all requests."
		return v, nil
	case action == hide:
		v.state, v.reason = Hidden, fmt.Sprintf("Your rule %d hides it.", n)
		return v, nil
	case action == decline:
		v.state, v.reason = Declined, fmt.Sprintf("Your rule %d declines it.", n)
		return v, nil
	case !bulletin.Contains(q.Area.Ring, home.Position):
		v.state, v.reason = Unmatched, "The area asked for does not touch your home."
		return v, nil
	}
	return s.match(ctx, q, home, v)
}

func (s *Service) match(ctx context.Context, q bulletin.Request, home Home, v verdict) (verdict, error) {
	for _, c := range home.Cameras {
		if !c.Exterior {
			continue
		}
		sec, err := s.cfg.Footage.Recorded(ctx, c.Name, q.Window.From, q.Window.To)
		if err != nil {
			return verdict{}, fmt.Errorf("looking for footage: %w", err)
		}
		if sec > 0 {
			v.matches = append(v.matches, Match{Camera: c.Name, From: q.Window.From, To: q.Window.To, Recorded: sec})
		}
	}
	v.state = Waiting
	if len(v.matches) == 0 {
		v.state, v.reason = Unmatched, "No exterior camera has footage of the time asked for."
	}
	return v, nil
}
