package ui

import (
	"net/http"

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
}

// inboxView is the body of the inbox. Every request that arrived is under one
// of the three tabs.
type inboxView struct {
	Tab    string
	Tabs   []tab
	Rows   []row
	Agency bool // the allowlist has an entry
}

type tab struct {
	Name    string
	Count   int
	Current bool
}

// tabOf sorts every state under a tab; a state it does not know is shown with
// the others rather than nowhere.
func tabOf(s request.State) string {
	switch s {
	case request.Waiting, request.Prepared:
		return "waiting"
	case request.Approved, request.Sent, request.Failed, request.Declined, request.Expired, request.Withdrawn:
		return "decided"
	}
	return "others"
}

// maxRows bounds a page; strangers' requests may be thousands a year.
const maxRows = 200

func (c *console) inbox(w http.ResponseWriter, r *http.Request) {
	v := inboxView{Tab: r.FormValue("tab"), Agency: len(c.cfg.Requests.Allowlist()) > 0}
	if v.Tab != "decided" && v.Tab != "others" {
		v.Tab = "waiting"
	}
	states, err := c.cfg.Requests.Counts(r.Context())
	if err != nil {
		c.fail(w, r, err)
		return
	}
	counts, here := map[string]int{}, []request.State{}
	for state, n := range states {
		t := tabOf(state)
		counts[t] += n
		if t == v.Tab {
			here = append(here, state)
		}
	}
	for _, name := range []string{"waiting", "decided", "others"} {
		v.Tabs = append(v.Tabs, tab{Name: name, Count: counts[name], Current: name == v.Tab})
	}
	if len(here) > 0 { // no state would mean every state
		list, err := c.cfg.Requests.ListIn(r.Context(), here...)
		if err != nil {
			c.fail(w, r, err)
			return
		}
		for _, rec := range list[:min(len(list), maxRows)] {
			v.Rows = append(v.Rows, c.row(rec))
		}
	}
	c.render(w, r, http.StatusOK, "requests", view{Title: "requests.title", Place: "requests", Body: v})
}

func (c *console) row(rec request.Record) row {
	v := row{
		ID: rec.ID, Agency: agencyName(rec), Listed: rec.AgencyName != "",
		State: requestState(rec.State), Text: rec.Reason, Arrived: c.since(rec.Received),
		Held: rec.HeldUntil.After(c.cfg.Now()),
	}
	if v.Reason = codeKey(c.text, rec); v.Reason != "" {
		v.Text = ""
	}
	if q := rec.Request; q != nil {
		v.Headline, v.Case = q.Incident.Headline, q.Case.Number
		v.Window = c.span(q.Window.From, q.Window.To)
		v.Answer = c.at(q.ExpiresAt, dayForm)
		if left := q.ExpiresAt.Sub(c.cfg.Now()); left > 0 && tabOf(rec.State) == "waiting" {
			v.Left = length(left)
		}
	}
	return v
}

// codeKey is the text for a record's code, or empty.
func codeKey(l *locale, rec request.Record) string {
	if key := "code." + string(rec.Code); rec.Code != "" && l.has(key) {
		return key
	}
	return ""
}

// agencyName prefers the owner's own list to what a request says of itself.
func agencyName(rec request.Record) string {
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
	case request.Sent:
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
