package request

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"gatehouse/hub/bulletin"
	"gatehouse/hub/ledger"
)

// Limits of a request that the owner enters.
const (
	maxAhead        = 10 * time.Minute // as for signed ones: clocks differ
	minManualWindow = time.Minute
	maxManualWindow = 7 * 24 * time.Hour
	manualLife      = 14 * 24 * time.Hour // unless the owner says otherwise
	maxManualLife   = 90 * 24 * time.Hour
	maxManual       = 200 // that wait at one time
)

// ManualPrefix begins the id of every request that the owner entered.
const ManualPrefix = ledger.ManualPrefix

// Manual is a request that the owner entered: a portal's link, a mail, a paper.
// Nobody has verified who asks, and no agency's key or host is known for it, so
// what answers it can only leave by hand.
type Manual struct {
	Who       string          `json:"who"`                 // as the owner says
	Reference string          `json:"reference,omitempty"` // case or report number
	Text      string          `json:"text,omitempty"`      // what is asked, in lines
	Place     string          `json:"place,omitempty"`
	Link      string          `json:"link,omitempty"` // a portal's address, only ever shown
	Way       string          `json:"way"`            // ByPortal or InPerson
	Window    bulletin.Window `json:"window"`
	AnswerBy  time.Time       `json:"answer_by"`         // zero: in 14 days
	Cameras   []string        `json:"cameras,omitempty"` // empty: all exterior ones with footage
	Entered   time.Time       `json:"entered"`           // filled in by Add
}

// FieldError is what is wrong with a field that the owner filled in.
type FieldError struct {
	Field string // name of the field, as in JSON
	Why   string // "is too long"
}

// Error names the field.
func (e *FieldError) Error() string { return e.Field + " " + e.Why }

// fields keeps the first field that is wrong.
type fields struct{ err error }

func (c *fields) must(field string, ok bool, why string) {
	if !ok && c.err == nil {
		c.err = &FieldError{field, why}
	}
}

// line is a single line of text as it is kept.
func (c *fields) line(field, s string, least, most int) string {
	s = norm.NFC.String(strings.TrimSpace(s))
	n := utf8.RuneCountInString(s)
	bad := bulletin.PlainText(s)
	c.must(field, n >= least && n <= most, fmt.Sprintf("needs %d to %d characters", least, most))
	c.must(field, bad == "", bad)
	return s
}

// Window is the time asked for; zero for what could not be verified.
func (r Record) Window() bulletin.Window {
	switch {
	case r.Manual != nil:
		return r.Manual.Window
	case r.Request != nil:
		return r.Request.Window
	}
	return bulletin.Window{}
}

// Expires is by when a request is to be answered; zero for what could not be verified.
func (r Record) Expires() time.Time {
	switch {
	case r.Manual != nil:
		return r.Manual.AnswerBy
	case r.Request != nil:
		return r.Request.ExpiresAt
	}
	return time.Time{}
}

// document is what a package says was asked. It names no camera, and no address
// of a portal, which lets whoever has it upload.
func (r Record) document() ([]byte, error) {
	m := r.Manual
	hide := func(text string) string { return address.ReplaceAllString(text, "[address]") }
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	err := enc.Encode(struct {
		Type      string          `json:"type"`
		ID        string          `json:"id"`
		Entered   time.Time       `json:"entered_at"`
		Who       string          `json:"who"`
		Reference string          `json:"reference,omitempty"`
		Text      string          `json:"text,omitempty"`
		Place     string          `json:"place,omitempty"`
		Window    bulletin.Window `json:"window"`
	}{"gatehouse.manual-request/v1", r.ID, m.Entered, m.Who, hide(m.Reference), hide(m.Text), hide(m.Place), m.Window})
	if err != nil {
		return nil, fmt.Errorf("writing what was asked: %w", err)
	}
	return b.Bytes(), nil
}

// Add files a request that the owner entered, holds its footage and waits for
// the decision. What is wrong with it is a *FieldError. Nothing of it causes
// traffic; nobody is told, for the owner knows. A rule that wants two people
// applies whatever its conditions: they cannot be checked.
func (s *Service) Add(ctx context.Context, m Manual) (Record, error) {
	now, home := s.cfg.Now().UTC(), s.homeNow()
	m.Entered = now.Truncate(time.Second)
	if err := m.check(now, home.Cameras); err != nil {
		return Record{}, err
	}
	r := Record{
		ID: ManualPrefix + strings.ToLower(rand.Text()[:16]), Revision: 1, State: Waiting, Source: "you",
		Received: now, Updated: now, Queued: now, Shown: now, Manual: &m,
	}
	for i, rule := range home.Rules {
		if rule.Action == RequireTwo && r.Rule == nil {
			r.Rule = &Ruled{Number: i + 1, Action: RequireTwo, Text: rule.String()}
		}
	}
	s.adding.Lock() // those that wait are counted, and this one is among them before the next
	defer s.adding.Unlock()
	if err := s.mayAdd(ctx); err != nil {
		return Record{}, err
	}
	var err error
	if r.Matches, err = s.matchManual(ctx, m, home); err != nil {
		return Record{}, err
	}
	unlock, err := s.locks.lock(ctx, r.ID)
	if err != nil {
		return Record{}, err
	}
	defer unlock()
	if err := s.tryHold(ctx, &r, Record{}); err != nil {
		return Record{}, err
	}
	doc, err := r.document()
	if err != nil {
		return Record{}, err
	}
	e := []ledger.Entry{s.entry(r, ledger.Received, map[string]any{"document": envelopeHash(doc)},
		"The owner entered a request by hand. Who asks was not verified.")}
	if r.HoldRefused == "" {
		e = append(e, s.heldEntry(r))
	}
	if err := s.cfg.Store.PutRecord(ctx, r, "", e...); err != nil {
		return Record{}, errors.Join(err, s.cfg.Footage.Release(ctx, r.ID))
	}
	s.tell(r)
	return r, nil
}

// mayAdd bounds how many wait.
func (s *Service) mayAdd(ctx context.Context) error {
	list, err := s.cfg.Store.Records(ctx, Waiting, Prepared)
	if err != nil {
		return err
	}
	n := 0
	for _, r := range list {
		if r.Manual != nil {
			n++
		}
	}
	if n >= maxManual {
		return &FieldError{"request", fmt.Sprintf("is one too many: %d that you entered wait already", n)}
	}
	return nil
}

// check puts the fields into the form in which they are kept.
func (m *Manual) check(now time.Time, cameras []Camera) error {
	var c fields
	m.Who = c.line("who", m.Who, 2, 120)
	m.Reference = c.line("reference", m.Reference, 0, 80)
	m.Place = c.line("place", m.Place, 0, 200)
	text, err := cleanText(m.Text)
	if m.Text = text; err != nil && c.err == nil {
		c.err = &FieldError{"text", err.Error()}
	}
	c.must("text", utf8.RuneCountInString(m.Text) <= maxText, fmt.Sprintf("is longer than %d characters", maxText))
	m.Link = strings.TrimSpace(m.Link)
	c.must("link", m.Link == "" || linkHost(m.Link) != "", "is not an address that begins with https://")
	c.must("way", m.Way == ByPortal || m.Way == InPerson, "is neither portal nor in_person")
	w := &m.Window
	w.From, w.To = w.From.UTC(), w.To.UTC()
	long := w.To.Sub(w.From)
	c.must("window", !w.From.IsZero() && !w.To.IsZero(), "needs a begin and an end")
	c.must("window", long >= minManualWindow, "is shorter than a minute")
	c.must("window", long <= maxManualWindow, "is longer than 7 days")
	c.must("window", !w.To.After(now.Add(maxAhead)), "is not past")
	if m.AnswerBy.IsZero() {
		m.AnswerBy = now.Add(manualLife)
	}
	m.AnswerBy = m.AnswerBy.UTC().Truncate(time.Second)
	c.must("answer_by", m.AnswerBy.After(now), "is past")
	c.must("answer_by", m.AnswerBy.Sub(now) <= maxManualLife, "is more than 90 days away")
	for i, name := range m.Cameras {
		known := slices.ContainsFunc(cameras, func(k Camera) bool { return k.Name == name })
		c.must("cameras", known && !slices.Contains(m.Cameras[:i], name), "names one that this hub does not have, or one twice")
	}
	return c.err
}

// matchManual are the cameras with footage of the time asked for: those named,
// or else all exterior ones.
func (s *Service) matchManual(ctx context.Context, m Manual, home Home) (out []Match, err error) {
	for _, c := range home.Cameras {
		if len(m.Cameras) == 0 && !c.Exterior || len(m.Cameras) > 0 && !slices.Contains(m.Cameras, c.Name) {
			continue
		}
		sec, err := s.cfg.Footage.Recorded(ctx, c.Name, m.Window.From, m.Window.To)
		if err != nil {
			return nil, fmt.Errorf("looking for footage: %w", err)
		}
		if sec > 0 {
			out = append(out, Match{Camera: c.Name, From: m.Window.From, To: m.Window.To, Recorded: sec})
		}
	}
	if len(out) == 0 {
		return nil, &FieldError{"window", "has no footage of these cameras"}
	}
	return out, nil
}

// linkHost is the host of an address as it may be shown beside it, "" if it is
// none of the web's: no login, plain ASCII, so that what it seems to say is what it says.
func linkHost(link string) string {
	u, err := url.Parse(link)
	if err != nil || len(link) > maxLink || u.Scheme != "https" || u.User != nil || u.Opaque != "" || u.Hostname() == "" {
		return ""
	}
	for i := range len(link) {
		if c := link[i]; c <= ' ' || c > '~' || c == '\\' || c == '"' || c == '<' || c == '>' {
			return ""
		}
	}
	return strings.ToLower(u.Host)
}

// LinkHost is the host of the portal's address, "" if there is none.
func (m Manual) LinkHost() string { return linkHost(m.Link) }
