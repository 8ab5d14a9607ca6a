package ui

import (
	"net/http"
	"strconv"
	"strings"

	"gatehouse/hub/request"
)

// row is one request in the inbox.
type row struct {
	ID       string
	Agency   string // allowlisted name, else the DNS name it claims
	Listed   bool
	Headline string // untrusted
	Case     string // untrusted
	Window   string
	State    badge
	Reason   string // locale key of what was wrong; empty if Text says it
	Text     string // plain sentence of the hub
	Arrived  moment
	Answer   moment // by when
	Left     string
	Held     bool
	Nth      int  // request in its case, if it is not the first
	Manual   bool // the owner entered it: nobody has verified who asks
}

// inboxView is the body of the inbox. Every request that arrived is under one
// of the tabs.
type inboxView struct {
	Tab          string
	Tabs         []tab
	Rows         []row
	Agency       bool   // the allowlist has an entry
	Now          string // version of the counts, as ticks count it
	Newer, Older string // addresses; empty at the ends
	First, Last  int    // of Whole, counted from one
	Whole        int
}

type tab struct {
	Name    string
	Label   string // locale key
	Count   int
	Current bool
}

// The tabs of the inbox.
const (
	tabWaiting = "waiting"
	tabSent    = "sent"   // or on its way, or failed
	tabClosed  = "closed" // nothing was sent, and nothing will be
	tabOthers  = "others" // never shown
)

// tabs are in their order, each with the key of its label.
var tabs = []tab{
	{Name: tabWaiting, Label: "requests.tab.waiting"},
	{Name: tabSent, Label: "requests.tab.sent"},
	{Name: tabClosed, Label: "requests.tab.closed"},
	{Name: tabOthers, Label: "requests.tab.others"},
}

// knownStates are those of requests that the owner was, or could have been, asked about.
var knownStates = []request.State{
	request.Waiting, request.Prepared, request.Approved, request.Sent, request.Ready, request.HandedOver, request.Failed,
	request.Declined, request.Expired, request.Withdrawn,
}

// tabOf sorts every state under a tab; a state it does not know is shown with
// the others rather than nowhere.
func tabOf(s request.State) string {
	switch s {
	case request.Waiting, request.Prepared:
		return tabWaiting
	case request.Approved, request.Sent, request.Ready, request.HandedOver, request.Failed:
		return tabSent
	case request.Declined, request.Expired, request.Withdrawn:
		return tabClosed
	}
	return tabOthers
}

// maxRows is how many requests a page shows; strangers' may be thousands a year.
const maxRows = 50

func (c *console) inbox(w http.ResponseWriter, r *http.Request) {
	v := inboxView{Tab: tabWaiting, Agency: len(c.cfg.Requests.Allowlist()) > 0}
	for _, t := range tabs {
		if t.Name == r.FormValue("tab") {
			v.Tab = t.Name
		}
	}
	states, err := c.cfg.Requests.Counts(r.Context())
	if err != nil {
		c.fail(w, r, err)
		return
	}
	v.Now = version(digest(states))
	counts, here := map[string]int{}, []request.State{}
	for state, n := range states {
		t := tabOf(state)
		counts[t] += n
		if t == v.Tab {
			here = append(here, state)
		}
	}
	for _, t := range tabs {
		t.Count, t.Current = counts[t.Name], t.Name == v.Tab
		v.Tabs = append(v.Tabs, t)
	}
	if len(here) > 0 { // no state would mean every state
		list, err := c.cfg.Requests.ListIn(r.Context(), here...)
		if err != nil {
			c.fail(w, r, err)
			return
		}
		c.turn(&v, list, r.FormValue("page"))
	}
	c.render(w, r, http.StatusOK, "requests", view{Title: "requests.title", Place: "requests", Body: v})
}

// turn fills in one page of a tab; a page that does not exist is the nearest one.
func (c *console) turn(v *inboxView, list []request.Record, page string) {
	last := max(len(list)-1, 0) / maxRows
	n, err := strconv.Atoi(page)
	if err != nil {
		n = 1
	}
	n = min(max(n-1, 0), last)
	some := list[n*maxRows : min((n+1)*maxRows, len(list))]
	for _, rec := range some {
		v.Rows = append(v.Rows, c.row(rec))
	}
	v.First, v.Last, v.Whole = n*maxRows+1, n*maxRows+len(some), len(list)
	at := func(n int) string { return "/requests?tab=" + v.Tab + "&page=" + strconv.Itoa(n+1) }
	if n > 0 {
		v.Newer = at(n - 1)
	}
	if n < last {
		v.Older = at(n + 1)
	}
}

func (c *console) row(rec request.Record) row {
	v := row{
		ID: rec.ID, Agency: agencyName(rec), Listed: rec.AgencyName != "",
		State: requestState(rec.State), Text: c.text.told(rec.Reason), Arrived: c.since(rec.Received),
		Held: rec.HeldUntil.After(c.cfg.Now()),
	}
	if v.Reason = reasonKey(c.text, rec); v.Reason != "" {
		v.Text = ""
	}
	if rec.Case != nil && rec.Case.Requests > 1 {
		v.Nth = rec.Case.Requests
	}
	if m := rec.Manual; m != nil {
		v.Manual, v.Case, v.Window = true, m.Reference, c.span(m.Window.From, m.Window.To)
		v.Headline, _, _ = strings.Cut(m.Text, "\n")
	}
	if end := rec.Expires(); end.After(c.cfg.Now()) && tabOf(rec.State) == tabWaiting {
		v.Left = length(end.Sub(c.cfg.Now()))
	}
	if q := rec.Request; q != nil {
		v.Headline, v.Case = q.Incident.Headline, q.Case.Number
		v.Window = c.span(q.Window.From, q.Window.To)
		v.Answer = c.at(q.ExpiresAt, dayForm)
	}
	return v
}

// reasonKey is the text of why a request is where it is; empty if there is none but
// the record's own words.
func reasonKey(l *locale, rec request.Record) string {
	if key := "code." + string(rec.Code); rec.Code != "" && l.has(key) {
		return key
	}
	return reasons[rec.Reason]
}

// agencyName prefers the owner's own list to what a request says of itself.
func agencyName(rec request.Record) string {
	if rec.Manual != nil {
		return rec.Manual.Who
	}
	if rec.AgencyName != "" {
		return rec.AgencyName
	}
	return rec.Agency
}

// requestState words a state.
func requestState(s request.State) badge {
	b := badge{Key: "state." + string(s)}
	switch s {
	case request.Waiting, request.Prepared:
		b.Icon, b.Tone = "inbox", "hold"
	case request.Approved:
		b.Icon, b.Tone = "hourglass", "warn"
	case request.Ready:
		b.Icon, b.Tone = "hand", "warn"
	case request.Sent, request.HandedOver:
		b.Icon, b.Tone = "circle-check", "ok"
	case request.Failed, request.Refused:
		b.Icon, b.Tone = "circle-alert", "danger"
	case request.Declined, request.Expired, request.Withdrawn:
		b.Icon, b.Tone = "x", "quiet"
	default:
		b.Icon, b.Tone = "circle-dashed", "quiet"
	}
	return b
}
