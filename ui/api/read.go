package api

import (
	"cmp"
	"encoding/base64"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"gatehouse/hub/account"
	"gatehouse/hub/clip"
	"gatehouse/hub/recording"
	"gatehouse/hub/request"
)

// cameraInfo is a camera as it is now.
type cameraInfo struct {
	Name   string    `json:"name"`  // identity: in addresses, tokens, evidence and the ledger
	Label  string    `json:"label"` // what people call it; the name if they call it nothing else
	State  string    `json:"state"`
	Reason string    `json:"reason,omitempty"` // why not live
	Since  time.Time `json:"since,omitzero"`
}

// Timeline is what is recorded of a camera between two times.
type Timeline struct {
	From     time.Time `json:"from"`
	To       time.Time `json:"to"`
	StepMS   int64     `json:"step_ms"` // spans that start nearer than this to each other were joined; 0: none were
	Recorded []Span    `json:"recorded"`
	Motion   []Span    `json:"motion"`
	Gaps     []Gap     `json:"gaps"`
}

// Span is a stretch of time.
type Span struct {
	From time.Time `json:"from"`
	To   time.Time `json:"to"`
}

// Gap is footage that is missing.
type Gap struct {
	Span
	Reason string `json:"reason"`
}

// MaxTimeline is the longest stretch that is told at once: a day of 25 hours.
const MaxTimeline = 26 * time.Hour

func (a *API) cameras(w http.ResponseWriter, _ *http.Request, t account.Token) error {
	list := []cameraInfo{}
	for _, c := range a.cfg.Cameras {
		if t.Sees(c.Name) {
			st := c.State()
			list = append(list, cameraInfo{c.Name, c.Label, string(st.Phase), string(st.Reason), st.Since.UTC()})
		}
	}
	return answer(w, map[string]any{"cameras": list})
}

func (a *API) camera(r *http.Request, t account.Token) (string, error) {
	name := r.PathValue("camera")
	if !t.Sees(name) || !slices.ContainsFunc(a.cfg.Cameras, func(c Camera) bool { return c.Name == name }) {
		return "", errNotFound
	}
	return name, nil
}

func (a *API) timeline(w http.ResponseWriter, r *http.Request, t account.Token) error {
	camera, err := a.camera(r, t)
	if err != nil {
		return err
	}
	from, to, err := clip.ParseRange(r.FormValue("from"), r.FormValue("to"), MaxTimeline)
	if err != nil {
		return err
	}
	line, err := a.cfg.Timeline(r.Context(), camera, from.UTC(), to.UTC())
	if err != nil {
		return err
	}
	return answer(w, line)
}

func (a *API) clip(w http.ResponseWriter, r *http.Request, t account.Token) error {
	camera, err := a.camera(r, t)
	if err != nil {
		return err
	}
	q := clip.Query{Zone: a.cfg.Zone, Download: true}
	q.Camera, q.Stream = camera, cmp.Or(r.FormValue("stream"), recording.Main)
	if q.Stream != recording.Main && q.Stream != recording.Sub {
		return errQuery
	}
	switch r.FormValue("sound") {
	case "", "1":
		q.Audio = true
	case "0":
	default:
		return errQuery
	}
	if part := r.FormValue("part"); part != "" {
		n, err := strconv.ParseUint(part, 10, 16)
		if err != nil || n == 0 {
			return errQuery
		}
		q.Part = int(n)
	}
	if q.From, q.To, err = clip.ParseRange(r.FormValue("from"), r.FormValue("to"), clip.MaxExport); err != nil {
		return err
	}
	return a.cfg.Clips.ServeMP4(w, r, q)
}

// requestInfo is a request as the inbox shows it. It is made field by field, so
// that what a record holds beside that never leaves.
type requestInfo struct {
	ID         string    `json:"id"`
	State      string    `json:"state"`
	Agency     string    `json:"agency"`
	AgencyName string    `json:"agency_name,omitempty"`
	Unverified bool      `json:"unverified"` // the owner entered it; nobody signed it
	Headline   string    `json:"headline,omitempty"`
	Case       string    `json:"case,omitempty"`
	Received   time.Time `json:"received"`
	AnswerBy   time.Time `json:"answer_by,omitzero"`
	Window     *Span     `json:"window,omitempty"`
	Matches    []match   `json:"matches"`
}

type match struct {
	Camera string `json:"camera"`
	Span
}

func infoOf(rec request.Record, t account.Token) requestInfo {
	i := requestInfo{
		ID: rec.ID, State: string(rec.State), Agency: rec.Agency, AgencyName: rec.AgencyName,
		Received: rec.Received.UTC(), AnswerBy: rec.Expires().UTC(), Matches: []match{},
	}
	if m := rec.Manual; m != nil {
		i.Unverified, i.Agency, i.Case = true, m.Who, m.Reference
		i.Headline, _, _ = strings.Cut(m.Text, "\n")
	} else if q := rec.Request; q != nil {
		i.Headline, i.Case = q.Incident.Headline, q.Case.Number
	}
	if win := rec.Window(); !win.From.IsZero() {
		i.Window = &Span{win.From.UTC(), win.To.UTC()}
	}
	for _, m := range rec.Matches {
		if t.Sees(m.Camera) {
			i.Matches = append(i.Matches, match{m.Camera, Span{m.From.UTC(), m.To.UTC()}})
		}
	}
	return i
}

// about reports whether a token may know of a request: one for some cameras
// knows of those that touch them.
func about(rec request.Record, t account.Token) bool {
	return len(t.Cameras) == 0 || slices.ContainsFunc(rec.Matches, func(m request.Match) bool { return t.Sees(m.Camera) })
}

// Bounds of a page of requests.
const (
	usualPage = 50
	maxPage   = 100
)

func (a *API) requests(w http.ResponseWriter, r *http.Request, t account.Token) error {
	limit := usualPage
	if s := r.FormValue("limit"); s != "" {
		n, err := strconv.Atoi(s)
		if err != nil || n < 1 || n > maxPage {
			return errQuery
		}
		limit = n
	}
	after, err := readCursor(r.FormValue("cursor"))
	if err != nil {
		return err
	}
	var in []request.State
	if s := r.FormValue("state"); s != "" {
		in = []request.State{request.State(s)}
	}
	list, err := a.cfg.Requests.ListIn(r.Context(), in...)
	if err != nil {
		return err
	}
	page := struct {
		Requests []requestInfo `json:"requests"`
		Next     string        `json:"next_cursor,omitempty"`
	}{Requests: []requestInfo{}}
	slices.SortFunc(list, func(x, y request.Record) int { return -placeOf(x).compare(placeOf(y)) })
	var last place
	for _, rec := range list {
		if !about(rec, t) || after != (place{}) && placeOf(rec).compare(after) >= 0 {
			continue
		}
		if len(page.Requests) == limit {
			page.Next = last.cursor()
			break
		}
		page.Requests, last = append(page.Requests, infoOf(rec, t)), placeOf(rec)
	}
	return answer(w, page)
}

func (a *API) request(w http.ResponseWriter, r *http.Request, t account.Token) error {
	rec, err := a.cfg.Requests.Get(r.Context(), r.PathValue("id"))
	if err != nil {
		return err
	}
	if !about(rec, t) {
		return errNotFound
	}
	return answer(w, infoOf(rec, t))
}

// place is where a request stands in the list; what arrives later moves none.
type place struct {
	us int64
	id string
}

func placeOf(r request.Record) place { return place{r.Received.UnixMicro(), r.ID} }

func (p place) compare(q place) int {
	return cmp.Or(cmp.Compare(p.us, q.us), strings.Compare(p.id, q.id))
}

func (p place) cursor() string {
	return base64.RawURLEncoding.EncodeToString([]byte(strconv.FormatInt(p.us, 10) + " " + p.id))
}

func readCursor(s string) (place, error) {
	if s == "" {
		return place{}, nil
	}
	b, err := base64.RawURLEncoding.DecodeString(s)
	us, id, ok := strings.Cut(string(b), " ")
	n, perr := strconv.ParseInt(us, 10, 64)
	if err != nil || perr != nil || !ok || id == "" {
		return place{}, errQuery
	}
	return place{n, id}, nil
}

// streamInfo is the health of one recorded stream.
type streamInfo struct {
	Camera      string    `json:"camera"`
	Stream      string    `json:"stream"`
	Recording   bool      `json:"recording"`
	Waiting     bool      `json:"waiting"` // for motion
	Problem     string    `json:"problem,omitempty"`
	LastDurable time.Time `json:"last_durable,omitzero"`
	Oldest      time.Time `json:"oldest,omitzero"`
	Bytes       int64     `json:"bytes"`
}

func (a *API) status(w http.ResponseWriter, r *http.Request, t account.Token) error {
	list, err := a.cfg.Status(r.Context())
	if err != nil {
		return err
	}
	out := []streamInfo{}
	for _, s := range list {
		if t.Sees(s.Camera) {
			out = append(out, streamInfo{s.Camera, s.Stream, s.Recording, s.Waiting, s.Problem.String(), s.LastDurable.UTC(), s.Oldest.UTC(), s.Bytes})
		}
	}
	return answer(w, map[string]any{"now": a.cfg.Now().UTC(), "streams": out})
}
