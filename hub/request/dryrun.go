package request

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"gatehouse/hub/bulletin"
)

// History is what a dry run reads. It has nothing that writes.
type History interface {
	Record(ctx context.Context, id string) (Record, error) // ErrNotFound
	// CountBetween counts an agency's records that are not refused and arrived from a time up to another, but for one.
	CountBetween(ctx context.Context, agency, but string, from, to time.Time) (int, error)
	// EachSince calls f with each record that arrived at or after a time, without envelope, proof and profile, a few
	// at a time in memory. What arrives or goes meanwhile may be missed. An error of f ends it.
	EachSince(ctx context.Context, since time.Time, f func(Record) error) error
}

// Fate is what became of a request at home, or would have. The first three tell the owner.
type Fate string

// Fates.
const (
	Rings     Fate = "rings"      // told of at once, but for quiet hours and sharing.rings
	InDigest  Fate = "digest"     // told of once a day
	TwoPeople Fate = "two_people" // the same, and two people must approve
	Untold    Fate = "held"       // waits, and nobody is told
	Concealed Fate = "hidden"
	Turned    Fate = "declined"  // by a rule
	Elsewhere Fate = "elsewhere" // its area or time touches no camera here
	// These come before the rules and stay as they are whatever a rule says.
	Stranger Fate = "not_listed"
	Invalid  Fate = "refused"
	Gone     Fate = "withdrawn" // before this home had judged it
)

// Tells reports whether the owner is told of a request unasked.
func (f Fate) Tells() bool { return f == Rings || f == InDigest || f == TwoPeople }

// fate is what an action makes of a request.
func (f Facts) fate(a Action) Fate {
	switch state, _ := f.becomes(a); {
	case state == Hidden:
		return Concealed
	case state == Declined:
		return Turned
	case state == Unmatched:
		return Elsewhere
	case a == Notify:
		return Rings
	case a == Keep:
		return Untold
	case a == RequireTwo:
		return TwoPeople
	}
	return InDigest
}

// Trial is what rules would have made of the requests of a year.
type Trial struct {
	From     time.Time      `json:"from"`
	To       time.Time      `json:"to"`
	First    time.Time      `json:"first"`     // arrival of the first of them; zero if there is none
	Requests int            `json:"requests"`  // that could be verified, of all agencies
	Touched  int            `json:"touched"`   // their area holds the home
	Told     int            `json:"told"`      // the owner would have been told of
	WasTold  int            `json:"was_told"`  // the rules of their time told the owner of
	Changed  int            `json:"changed"`   // would have gone another way
	Opted    bool           `json:"opted_out"` // the owner has opted out: until that ends, no rule is asked
	Filled   int            `json:"filled"`    // came before the hub noted what rules ask; filled in from what is known now
	Rules    []RuleTrial    `json:"rules"`     // as many as there are rules, in their order
	NoRule   RuleTrial      `json:"no_rule"`   // what none of them caught
	Fates    []FateTrial    `json:"fates"`     // most requests first
	Touching []RequestTrial `json:"touching"`  // those that touched the home, newest first, at most 200
}

// RuleTrial is what one rule would have caught.
type RuleTrial struct {
	Ruled
	Caught  int `json:"caught"`  // all that it would have decided about
	Touched int `json:"touched"` // of these, the area holds the home
}

// FateTrial counts requests of one fate that would have had another, or the same.
type FateTrial struct {
	Was      Fate `json:"was"`
	Would    Fate `json:"would"`
	Requests int  `json:"requests"`
}

// RequestTrial is one request of the past.
type RequestTrial struct {
	ID       string    `json:"id"`
	Agency   string    `json:"agency"`
	Name     string    `json:"name"` // of the agency
	Headline string    `json:"headline"`
	Received time.Time `json:"received"`
	State    State     `json:"state"` // now
	Was      Fate      `json:"was"`
	Would    Fate      `json:"would"`
	Rule     int       `json:"rule"` // that would have decided; 0: none
}

const (
	trialYear  = 365 * 24 * time.Hour
	trialLists = 200
)

// DryRun tells what rules would have made of the requests of the year before
// now, as they were when they arrived. It asks the very rules and facts that an
// arrival does, writes nothing, and reads nothing but the house. Home's position
// and time zone are those of today; what the allowlist, the limits and the
// verification decided then stays.
func DryRun(ctx context.Context, h History, home Home, now time.Time) (Trial, error) {
	d := &dryRun{history: h, home: home, fates: map[[2]Fate]int{}}
	d.Trial = Trial{
		From: now.Add(-trialYear), To: now, Opted: home.OptOut, Rules: []RuleTrial{}, Fates: []FateTrial{}, Touching: []RequestTrial{},
		NoRule: RuleTrial{Ruled: Ruled{Action: Digest}},
	}
	for i, r := range home.Rules {
		d.Rules = append(d.Rules, RuleTrial{Ruled: Ruled{Number: i + 1, Action: r.Action, Text: r.String()}})
	}
	err := h.EachSince(ctx, d.From, func(r Record) error {
		if r.Request == nil {
			return nil
		}
		return d.add(ctx, r)
	})
	if err != nil {
		return Trial{}, fmt.Errorf("reading the history of requests: %w", err)
	}
	d.newest()
	for pair, n := range d.fates {
		d.Fates = append(d.Fates, FateTrial{pair[0], pair[1], n})
	}
	slices.SortFunc(d.Fates, func(a, b FateTrial) int {
		return cmp.Or(b.Requests-a.Requests, strings.Compare(string(a.Was), string(b.Was)), strings.Compare(string(a.Would), string(b.Would)))
	})
	return d.Trial, nil
}

// DryRun is DryRun of rules over this hub's history; nil asks those in force.
func (s *Service) DryRun(ctx context.Context, rules []Rule) (Trial, error) {
	home := s.homeNow()
	if rules != nil {
		home.Rules = rules
	}
	return DryRun(ctx, s.cfg.Store, home, s.cfg.Now())
}

type dryRun struct {
	Trial
	history History
	home    Home
	fates   map[[2]Fate]int
}

func (d *dryRun) add(ctx context.Context, r Record) error {
	here := bulletin.Contains(r.Request.Area.Ring, d.home.Position)
	was, would, rule := d.before(r), Fate(""), Ruled{}
	if was != "" {
		would = was
	} else {
		at, err := d.facts(ctx, r)
		if err != nil {
			return err
		}
		if rule, err = ruled(d.home.Rules, d.asked(ctx, r, at)); err != nil {
			return err
		}
		here, would, was = at.Here, at.fate(rule.Action), Concealed // by the opt-out
		if r.Rule != nil {
			was = at.fate(r.Rule.Action)
		}
		d.caught(rule, here)
	}
	d.Requests++
	if d.First.IsZero() || r.Received.Before(d.First) {
		d.First = r.Received
	}
	d.Told += one(would.Tells())
	d.WasTold += one(was.Tells())
	d.Changed += one(was != would)
	d.fates[[2]Fate{was, would}]++
	if here {
		d.Touched++
		d.list(RequestTrial{
			ID: r.ID, Agency: r.Agency, Name: r.agencyName(), Headline: r.Request.Incident.Headline, Received: r.Received,
			State: r.State, Was: was, Would: would, Rule: rule.Number,
		})
	}
	return nil
}

func one(yes bool) int {
	if yes {
		return 1
	}
	return 0
}

// before is the fate of what came to no rule, "" for what did.
func (d *dryRun) before(r Record) Fate {
	switch {
	case r.Facts != nil || r.Rule != nil || r.State == Hidden:
		return ""
	case r.State == Refused:
		return Invalid
	case r.State == NotListed:
		return Stranger
	}
	return Gone
}

// facts are those of a request's time. A record of a hub that did not note them
// yet is filled in: what is gone is taken to be as it is now.
func (d *dryRun) facts(ctx context.Context, r Record) (Facts, error) {
	if r.Facts != nil {
		return *r.Facts, nil
	}
	d.Filled++
	at := Facts{IssuedAt: r.Request.IssuedAt, Cameras: len(r.Matches)}
	at.Here = at.Cameras > 0 || bulletin.Contains(r.Request.Area.Ring, d.home.Position)
	if unseen := r.State == Hidden || r.State == Declined; at.Here && at.Cameras == 0 && unseen {
		for _, c := range d.home.Cameras {
			at.Cameras += one(c.Exterior)
		}
	}
	whole, err := d.history.Record(ctx, r.ID)
	if err != nil {
		return Facts{}, err
	}
	if p, err := bulletin.OpenProfile(whole.Profile); err == nil {
		at.Level = p.Level
	}
	return at, nil
}

// asked is a request of the past as rules see it.
func (d *dryRun) asked(ctx context.Context, r Record, at Facts) *facts {
	f := &facts{
		Facts: at, q: *r.Request, km2: bulletin.SquareKM(r.Request.Area.Ring), zone: d.home.zone(), inCase: 1,
		in30Days: month(ctx, d.history, *r.Request, r.Received),
	}
	if r.Case != nil {
		f.inCase = r.Case.Requests
	}
	return f
}

func (d *dryRun) caught(by Ruled, here bool) {
	t := &d.NoRule
	if by.Number > 0 {
		t = &d.Rules[by.Number-1]
	}
	t.Caught++
	t.Touched += one(here)
}

// list keeps the newest; there may be thousands.
func (d *dryRun) list(t RequestTrial) {
	if d.Touching = append(d.Touching, t); len(d.Touching) > 2*trialLists {
		d.newest()
	}
}

func (d *dryRun) newest() {
	slices.SortFunc(d.Touching, func(a, b RequestTrial) int {
		return cmp.Or(b.Received.Compare(a.Received), strings.Compare(b.ID, a.ID))
	})
	d.Touching = slices.Clip(d.Touching[:min(len(d.Touching), trialLists)])
}
