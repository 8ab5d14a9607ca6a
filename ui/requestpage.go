package ui

import (
	"context"
	"net/http"
	"slices"
	"strconv"
	"time"

	"gatehouse/hub/account"
	"gatehouse/hub/bulletin"
	"gatehouse/hub/evidence"
	"gatehouse/hub/request"
)

// requestView is the body of the request page: five blocks.
type requestView struct {
	ID       string
	State    badge
	Tab      string // of the inbox, to go back to
	Reason   string // locale key
	Text     string // plain sentence of the hub, if there is no key
	Problem  *problem
	Decide   bool // waiting or prepared: the owner may act
	Failed   bool // approved, and did not get there: the owner may still decline
	Arrived  moment
	Source   string
	Revision int
	Rule     *ruledView // nil if none of the owner's rules decided

	Who    who
	Ask    *ask        // nil for what could not be verified
	Manual *manualView // nil for what was signed
	ByHand bool        // what is approved leaves by the owner's hands
	Hand   bool        // there is a page of its hand-over
	Have   []coverage
	Held   moment
	Free   bool // it waits and its footage is not held

	Pick   []pick
	Linked string // locale key: what became of a choice that the address brought; empty if it brought none
	Sealed *sealed
	Case   *caseCard
	Now    string // version of what is shown, as ticks count it

	Me      string // whose session shows the page
	Two     bool   // more than one person must approve
	Needs   int
	Yes     []yes // who did
	Missing int
	Mine    bool // whose session it is did
	Lock    *lockView
}

// yes is one approval, by name and by what the person is called: both stay at home.
type yes struct {
	Name, Label string
	At          moment
	Lock        bool // by the lock of the Home app
}

// who asks: what the owner's own list says, and what the request says.
type who struct {
	Name     string // from the allowlist, else the DNS name
	Agency   string // DNS name
	Listed   bool
	CallBack string
	Added    moment
	Words    string // of the pinned root
}

// ask is the request in the agency's words; every string is untrusted.
type ask struct {
	Headline, Summary string
	Category          string // locale key
	Statute           string
	Occurred, Window  string
	WindowLong        string
	Place             string
	KM2               string
	Map               *outline
	Case              string
	Opened            string
	Standing          string   // where the home stands to the area, in words; empty if its place is not set
	Attested, Missing []string // locale keys
	Officer           bulletin.Officer
	Supervisor        bulletin.Officer
	Answer            moment
	Left              string
	Keep              bulletin.Handling
}

// pick is one camera's fields in the form.
type pick struct {
	Index    int
	Camera   string
	Label    string
	Chosen   bool
	Sound    bool
	From, To string // datetime-local
	Min, Max string
	// What From and To stand for, in Unix ms: an hour of autumn comes twice.
	FromMS, ToMS int64
	Cut          cut
}

// choose fills the fields with whole seconds.
func (p *pick) choose(c *console, from, to time.Time) {
	from, to = from.Truncate(time.Second), to.Truncate(time.Second)
	p.From, p.To, p.FromMS, p.ToMS = c.field(from), c.field(to), from.UnixMilli(), to.UnixMilli()
}

// sealed is the prepared package.
type sealed struct {
	ID     string
	Files  []sealedFile
	Digest string
	Words  string
	Hex    string
	Bytes  string
	Count  int
	Long   string
	Sound  bool // in one of the files at least
}

type sealedFile struct {
	N      int
	Camera string
	Label  string
	Alias  string
	When   string
	Long   string
	Bytes  string
	Audio  bool
}

func (c *console) request(w http.ResponseWriter, r *http.Request) {
	rec, err := c.cfg.Requests.Get(r.Context(), r.PathValue("id"))
	if err != nil {
		c.fail(w, r, err)
		return
	}
	if rec.Shown.IsZero() && tabOf(rec.State) == tabWaiting {
		if err := c.cfg.Requests.MarkShown(r.Context(), rec.ID); err != nil {
			c.fail(w, r, err)
			return
		}
	}
	c.showRequest(w, r, http.StatusOK, rec, nil)
}

func (c *console) showRequest(w http.ResponseWriter, r *http.Request, status int, rec request.Record, p *problem) {
	v, err := c.requestBody(r.Context(), rec)
	if err != nil {
		c.fail(w, r, err)
		return
	}
	if err := c.approvals(r, rec, &v); err != nil {
		c.fail(w, r, err)
		return
	}
	v.Problem = p
	c.takeLinked(r, &v)
	if p != nil && r.Method == http.MethodPost {
		c.keepTyped(r, &v)
	}
	c.render(w, r, status, "request", view{Title: "request.title", Place: "requests", Body: v})
}

func (c *console) requestBody(ctx context.Context, rec request.Record) (requestView, error) {
	v := requestView{
		ID: rec.ID, State: requestState(rec.State), Reason: reasonKey(c.text, rec),
		Decide: tabOf(rec.State) == tabWaiting, Failed: rec.State == request.Failed, Tab: tabOf(rec.State),
		Arrived: c.at(rec.Received, dayForm+", "+clockForm), Source: rec.Source, Revision: rec.Revision,
		Who: c.who(rec),
	}
	if v.Reason == "" {
		v.Text = c.text.told(rec.Reason)
	}
	if rec.Rule != nil && rec.Rule.Number > 0 {
		v.Rule = c.ruled(*rec.Rule)
	}
	v.Now = version(requestVersion(rec))
	v.Free = v.Decide && rec.HoldRefused != ""
	if rec.HeldUntil.After(c.cfg.Now()) {
		v.Held = c.at(rec.HeldUntil, dayForm)
	}
	v.ByHand, v.Hand = rec.LeavesByHand(), rec.ByHand != nil && rec.Package != nil
	switch {
	case rec.Manual != nil:
		v.Manual = c.manual(rec)
	case rec.Request != nil:
		v.Ask = c.ask(rec)
	default:
		return v, nil
	}
	var err error
	if v.Case, err = c.caseCard(ctx, rec); err != nil {
		return v, err
	}
	for i, m := range rec.Matches {
		have, err := c.cover(ctx, m.Camera, m.From, m.To)
		if err != nil {
			return v, err
		}
		have.Index, have.Watch = i, c.watchURL(m.Camera, have)
		v.Have = append(v.Have, have)
		if have.Some {
			v.Pick = append(v.Pick, c.pick(i, m, have, rec.Selection))
		}
	}
	if rec.Package != nil {
		v.Sealed = c.sealed(*rec.Package)
	}
	return v, nil
}

// approvals says who approved the sealed package and how many more must.
func (c *console) approvals(r *http.Request, rec request.Record, v *requestView) error {
	me := visitor(r).Person
	v.Me, v.Needs = me.Name, rec.Needs()
	v.Two = v.Needs > 1
	people, err := c.cfg.Accounts.People(r.Context())
	if err != nil {
		return err
	}
	for _, a := range rec.Approvals {
		name, called := nameOf(people, a.Person, a.By)
		y := yes{Name: name, Label: called, At: c.at(a.At, dayForm+", "+clockForm), Lock: a.Lock}
		v.Yes, v.Mine = append(v.Yes, y), v.Mine || a.Person == me.Number
	}
	v.Missing = max(v.Needs-len(rec.Approvals), 1)
	v.Lock = c.lockView(rec, people, v.Mine)
	return nil
}

// nameOf is a person's name and what they are called, or else the words that stand for them.
func nameOf(people []account.Person, number int64, words string) (name, called string) {
	for _, p := range people {
		if p.Number == number {
			return p.Name, p.Called()
		}
	}
	return words, words
}

func (c *console) who(rec request.Record) who {
	v := who{Name: agencyName(rec), Agency: rec.Agency, CallBack: rec.CallBack}
	for _, a := range c.cfg.Requests.Allowlist() {
		if a.Agency == rec.Agency {
			v.Listed, v.Added, v.Words = true, c.at(a.Added, dayForm), hashWords(a.Root)
			v.Name = a.Name
			if v.CallBack == "" {
				v.CallBack = a.CallBack
			}
		}
	}
	return v
}

func (c *console) ask(rec request.Record) *ask {
	q := rec.Request
	v := &ask{
		Headline: q.Incident.Headline, Summary: q.Incident.Summary, Statute: q.Incident.Statute,
		Category: "category." + q.Incident.Category,
		Occurred: c.span(q.Incident.Occurred.From, q.Incident.Occurred.To),
		Window:   c.span(q.Window.From, q.Window.To), WindowLong: length(q.Window.To.Sub(q.Window.From)),
		Place: q.Area.Description, KM2: c.text.number(rec.AreaKM2, 2),
		Map:  drawOutline(q.Area.Ring, c.cfg.Home.Position),
		Case: q.Case.Number, Opened: q.Case.OpenedOn,
		Officer: q.AuthorisedBy.Officer, Supervisor: q.AuthorisedBy.Supervisor,
		Answer: c.at(q.ExpiresAt, dayForm+", "+clockForm), Keep: q.Handling,
	}
	if !c.text.has(v.Category) {
		v.Category = "category.other"
	}
	if left := q.ExpiresAt.Sub(c.cfg.Now()); left > 0 {
		v.Left = length(left)
	}
	if m := v.Map; m != nil && m.Home != nil {
		key := "map.outside"
		if m.Inside {
			key = "map.inside"
		}
		v.Standing = c.text.say(key, "far", c.text.distance(m.Far), "side", c.text.say(m.Edge))
	}
	for _, a := range bulletin.Attestations() {
		if slices.Contains(q.Incident.NotRelatedTo, a) {
			v.Attested = append(v.Attested, "attest."+a)
		} else {
			v.Missing = append(v.Missing, "attest."+a)
		}
	}
	return v
}

// pick fills the fields of a camera with the part of the window that is
// recorded. It is chosen only if the owner chose it before.
func (c *console) pick(i int, m request.Match, have coverage, chosen []evidence.Selection) pick {
	from, to := later(m.From, have.first), earlier(m.To, have.last)
	// Fields have whole seconds: round into what is recorded.
	from, to = from.Add(time.Second-time.Nanosecond).Truncate(time.Second), to.Truncate(time.Second)
	p := pick{Index: i, Camera: m.Camera, Label: have.Label, Min: c.field(from), Max: c.field(to), Cut: c.cutOf(have, from, to)}
	for _, s := range chosen {
		if s.Camera == m.Camera {
			p.Chosen, p.Sound, from, to = true, s.Audio, s.From, s.To
		}
	}
	p.choose(c, from, to)
	return p
}

// keepTyped puts a refused form's values back into its fields.
func (c *console) keepTyped(r *http.Request, v *requestView) {
	if r.PostForm == nil || r.PostForm.Get("form") != "prepare" {
		return
	}
	for i := range v.Pick {
		p := &v.Pick[i]
		n := strconv.Itoa(p.Index)
		p.Chosen, p.Sound = slices.Contains(r.PostForm["clip"], n), r.PostForm.Has("sound-"+n)
		from, errFrom := c.parseField(r.PostForm.Get("from-" + n))
		to, errTo := c.parseField(r.PostForm.Get("to-" + n))
		if errFrom == nil && errTo == nil {
			p.choose(c, from, to)
		}
	}
}

func (c *console) sealed(p evidence.Package) *sealed {
	v := &sealed{
		ID: p.ID, Digest: p.Digest, Words: hashWords(p.Digest), Hex: group(p.Digest),
		Bytes: c.text.size(p.Bytes), Count: len(p.Files),
	}
	var long float64
	for i, f := range p.Files {
		long += f.Seconds
		v.Sound = v.Sound || f.Audio
		v.Files = append(v.Files, sealedFile{
			N: i, Camera: f.Camera, Label: c.called(f.Camera), Alias: f.Alias, When: c.span(f.From, f.To),
			Long: length(seconds(f.Seconds)), Bytes: c.text.size(f.Bytes), Audio: f.Audio,
		})
	}
	v.Long = length(seconds(long))
	return v
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}
