package request

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"gatehouse/hub/bulletin"
)

// Action is what a rule does with a request. None sends anything.
type Action string

// Actions. Without a rule that applies, a request is in the digest.
const (
	Hide       Action = "hide"        // filed, never shown unasked
	Digest     Action = "digest"      // waits; told of once a day
	Notify     Action = "notify"      // waits; rings at once
	Keep       Action = "hold"        // waits, its footage held; nobody is told
	RequireTwo Action = "require_two" // waits, in the digest; two people must approve
	Decline    Action = "decline"
)

// Rule is one line of the owner's rules; the first that matches wins. Empty conditions match everything.
type Rule struct {
	Agency     string        `json:"agency,omitempty"`
	Level      string        `json:"level,omitempty"`
	Category   string        `json:"category,omitempty"`
	Missing    []string      `json:"missing,omitempty"`         // one of these is not attested
	MaxKM2     float64       `json:"over_km2,omitempty"`        // matches requests over this area
	Minutes    int           `json:"over_minutes,omitempty"`    // matches windows longer than this
	Age        time.Duration `json:"over_age,omitempty"`        // from the window's begin to the request's issue
	Cameras    int           `json:"over_cameras,omitempty"`    // with footage that it touches
	Hours      *Hours        `json:"hours,omitempty"`           // the window touches these hours of the day
	InCase     int           `json:"over_in_case,omitempty"`    // requests of the case, this one with them
	In30Days   int           `json:"over_in_30_days,omitempty"` // requests of the agency, this one with them
	KeepDays   int           `json:"over_retention_days,omitempty"`
	UnusedDays int           `json:"over_unused_days,omitempty"`
	Onward     *bool         `json:"onward,omitempty"`
	Faces      *bool         `json:"face_recognition,omitempty"`
	Action     Action        `json:"action"`
}

// Hours are minutes of the day, [From, To), over midnight if To is not greater.
type Hours struct {
	From int `json:"from"`
	To   int `json:"to"`
}

func (h Hours) contain(t time.Time) bool {
	m := t.Hour()*60 + t.Minute()
	if h.From < h.To {
		return h.From <= m && m < h.To
	}
	return m >= h.From || m < h.To
}

// end is the first time after t, which they contain, that they do not.
func (h Hours) end(t time.Time) time.Time {
	end := time.Date(t.Year(), t.Month(), t.Day(), h.To/60, h.To%60, 0, 0, t.Location())
	if !end.After(t) {
		end = time.Date(t.Year(), t.Month(), t.Day()+1, h.To/60, h.To%60, 0, 0, t.Location())
	}
	return end
}

// touch reports whether a window, [From, To), has a minute within the hours.
func (h Hours) touch(w bulletin.Window, zone *time.Location) bool {
	from, to := w.From.In(zone), w.To.In(zone)
	if h.contain(from) {
		return true
	}
	start := time.Date(from.Year(), from.Month(), from.Day(), h.From/60, h.From%60, 0, 0, zone)
	if !start.After(from) {
		start = time.Date(from.Year(), from.Month(), from.Day()+1, h.From/60, h.From%60, 0, 0, zone)
	}
	return start.Before(to)
}

// Ruled is the rule that decided about a request, as it was then.
type Ruled struct {
	Number int    `json:"number"` // from 1; 0: none applied
	Action Action `json:"action"`
	Text   string `json:"text,omitempty"` // its conditions
}

// Facts are what a request was when rules were asked about it, as far as its
// record would not tell later: a withdrawal is another document, footage is
// deleted, and homes move.
type Facts struct {
	IssuedAt time.Time `json:"issued_at"`
	Level    string    `json:"level"`
	Here     bool      `json:"here,omitempty"`    // its area holds the home
	Cameras  int       `json:"cameras,omitempty"` // exterior ones with footage of its window; 0 if it is not here
}

// becomes is what an action makes of a request.
func (f Facts) becomes(a Action) (State, string) {
	switch {
	case a == Hide:
		return Hidden, ""
	case a == Decline:
		return Declined, ""
	case !f.Here:
		return Unmatched, "The area asked for does not touch your home."
	case f.Cameras == 0:
		return Unmatched, "No exterior camera has footage of the time asked for."
	}
	return Waiting, ""
}

// facts are all that rules ask about a request.
type facts struct {
	Facts
	q        bulletin.Request
	km2      float64
	zone     *time.Location
	inCase   int
	in30Days func() (int, error) // asked last: it reads the house
}

// month counts an agency's requests of the 30 days up to a request's arrival, itself with them.
func month(ctx context.Context, h History, q bulletin.Request, received time.Time) func() (int, error) {
	return func() (int, error) {
		n, err := h.CountBetween(ctx, q.Agency, q.ID, received.AddDate(0, 0, -30), received)
		return n + 1, err
	}
}

// applies reports whether all of a rule's conditions hold.
func (r Rule) applies(f *facts) (bool, error) {
	q, h := f.q, f.q.Handling
	if !(r.Agency == "" || r.Agency == q.Agency) || !(r.Level == "" || r.Level == f.Level) ||
		!(r.Category == "" || r.Category == q.Incident.Category) ||
		len(r.Missing) > 0 && !slices.ContainsFunc(r.Missing, func(m string) bool { return !slices.Contains(q.Incident.NotRelatedTo, m) }) ||
		r.MaxKM2 > 0 && f.km2 <= r.MaxKM2 ||
		r.Minutes > 0 && q.Window.To.Sub(q.Window.From) <= time.Duration(r.Minutes)*time.Minute ||
		r.Age > 0 && f.IssuedAt.Sub(q.Window.From) <= r.Age ||
		r.Hours != nil && !r.Hours.touch(q.Window, f.zone) ||
		r.InCase > 0 && f.inCase <= r.InCase || r.Cameras > 0 && f.Cameras <= r.Cameras ||
		r.KeepDays > 0 && h.RetentionDays <= r.KeepDays || r.UnusedDays > 0 && h.UnusedDeleteDays <= r.UnusedDays ||
		r.Onward != nil && *r.Onward != h.Onward || r.Faces != nil && *r.Faces != h.FaceRecognition {
		return false, nil
	}
	if r.In30Days <= 0 {
		return true, nil
	}
	n, err := f.in30Days()
	return err == nil && n > r.In30Days, err
}

// ruled returns what the first rule that applies says.
func ruled(rules []Rule, f *facts) (Ruled, error) {
	for i, r := range rules {
		ok, err := r.applies(f)
		if err != nil {
			return Ruled{}, err
		}
		if ok {
			return Ruled{Number: i + 1, Action: r.Action, Text: r.String()}, nil
		}
	}
	return Ruled{Action: Digest}, nil
}

// String is the rule's conditions and action in the configuration's words.
func (r Rule) String() string {
	var parts []string
	add := func(given bool, format string, args ...any) {
		if given {
			parts = append(parts, fmt.Sprintf(format, args...))
		}
	}
	add(r.Agency != "", "agency: %s", r.Agency)
	add(r.Level != "", "level: %s", r.Level)
	add(r.Category != "", "category: %s", r.Category)
	add(len(r.Missing) > 0, "missing: [%s]", strings.Join(r.Missing, ", "))
	add(r.MaxKM2 > 0, "over_km2: %g", r.MaxKM2)
	add(r.Minutes > 0, "over_minutes: %d", r.Minutes)
	add(r.Age > 0, "over_age: %s", r.Age)
	add(r.Cameras > 0, "over_cameras: %d", r.Cameras)
	if h := r.Hours; h != nil {
		add(true, "hours: {from: %02d:%02d, to: %02d:%02d}", h.From/60, h.From%60, h.To/60, h.To%60)
	}
	add(r.InCase > 0, "over_in_case: %d", r.InCase)
	add(r.In30Days > 0, "over_in_30_days: %d", r.In30Days)
	add(r.KeepDays > 0, "over_retention_days: %d", r.KeepDays)
	add(r.UnusedDays > 0, "over_unused_days: %d", r.UnusedDays)
	if r.Onward != nil {
		add(true, "onward: %t", *r.Onward)
	}
	if r.Faces != nil {
		add(true, "face_recognition: %t", *r.Faces)
	}
	add(true, "action: %s", r.Action)
	return strings.Join(parts, ", ")
}

// verdict is the outcome of judging a request that is what it claims to be.
type verdict struct {
	state   State
	code    bulletin.Code
	reason  string
	km2     float64
	matches []Match
	ruled   *Ruled // nil if no rule was asked
	facts   *Facts // nil if it did not come as far as the rules
	asked   CaseUse
}

// judge applies allowlist, opt-out, the case's limits, rules and the home to a
// request within the limits. r is the record that it will have; again means that
// it was judged before.
func (s *Service) judge(ctx context.Context, q bulletin.Request, p bulletin.VerifiedProfile, r Record, again bool) (verdict, error) {
	home := s.homeNow()
	s.mu.Lock()
	allowed, listed := s.allowed[q.Agency]
	s.mu.Unlock()
	v := verdict{km2: bulletin.SquareKM(q.Area.Ring)}
	var err error
	if v.asked, err = s.caseUse(ctx, q, r, again); err != nil {
		return verdict{}, err
	}
	switch {
	case !listed:
		v.state, v.code, v.reason = NotListed, bulletin.NotAllowed, "The agency is not on your allowlist."
		return v, nil
	case allowed.Root != p.RootID:
		v.state, v.code = Refused, bulletin.RootChanged
		v.reason = "The agency's root keys are not the ones you confirmed. Call the number you confirmed them with, then allow the agency again."
		return v, nil
	}
	at := Facts{IssuedAt: q.IssuedAt, Level: p.Level, Here: bulletin.Contains(q.Area.Ring, home.Position)}
	if at.Here {
		if v.matches, err = s.match(ctx, q, home); err != nil {
			return verdict{}, err
		}
		at.Cameras = len(v.matches)
	}
	v.facts = &at
	if home.OptOut {
		v.state, v.reason, v.matches = Hidden, "You have opted out of all requests.", nil
		return v, nil
	}
	if why := home.PerCase.exceeded(v.asked); why != "" {
		v.state, v.code, v.reason, v.matches, v.facts = Refused, CaseLimit, why, nil, nil
		return v, nil
	}
	return s.judgeByRules(ctx, q, r.Received, home, v)
}

func (s *Service) judgeByRules(ctx context.Context, q bulletin.Request, received time.Time, home Home, v verdict) (verdict, error) {
	rule, err := ruled(home.Rules, &facts{
		Facts: *v.facts, q: q, km2: v.km2, zone: home.zone(), inCase: v.asked.Requests, in30Days: month(ctx, s.cfg.Store, q, received),
	})
	if err != nil {
		return verdict{}, err
	}
	v.ruled = &rule
	v.state, v.reason = v.facts.becomes(rule.Action)
	switch v.state {
	case Hidden:
		v.reason, v.matches = fmt.Sprintf("Your rule %d hides it.", rule.Number), nil
	case Declined:
		v.reason, v.matches = fmt.Sprintf("Your rule %d declines it.", rule.Number), nil
	}
	return v, nil
}

// homeNow is what matching uses now.
func (s *Service) homeNow() Home {
	s.mu.Lock()
	defer s.mu.Unlock()
	home := s.home
	home.Cameras, home.Rules = slices.Clone(home.Cameras), slices.Clone(home.Rules)
	return home
}

func (h Home) zone() *time.Location {
	if h.TimeZone == nil {
		return time.UTC
	}
	return h.TimeZone
}

// match lists the exterior cameras with footage of a request's window.
func (s *Service) match(ctx context.Context, q bulletin.Request, home Home) (list []Match, err error) {
	for _, c := range home.Cameras {
		if !c.Exterior {
			continue
		}
		sec, err := s.cfg.Footage.Recorded(ctx, c.Name, q.Window.From, q.Window.To)
		if err != nil {
			return nil, fmt.Errorf("looking for footage: %w", err)
		}
		if sec > 0 {
			list = append(list, Match{Camera: c.Name, From: q.Window.From, To: q.Window.To, Recorded: sec})
		}
	}
	return list, nil
}
