package ledger

import (
	"context"
	"encoding/csv"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"gatehouse/hub/internal/pdf"
)

// Report counts what was asked and decided in a calendar year (UTC), by agency:
// requests, each once in a column, whatever happened to it how often. What was refused is left
// out: anybody can send a forgery in an agency's name.
type Report struct {
	Year     int
	Until    time.Time // when it was counted; the year may not be over
	Agencies []AgencyCount
}

// AgencyCount are the requests of one agency.
type AgencyCount struct {
	Agency string // DNS name, or "(unverified)"
	Counts
}

// Counts are requests. One that came in December and was approved in January
// counts in both years.
type Counts struct {
	Received, Shown, Declined, Expired, Withdrawn, Approved, Sent, ByHand int
}

// counted are a Report's columns in order.
var counted = []struct {
	kind Kind
	name string
	of   func(c *Counts) *int
}{
	{Received, "received", func(c *Counts) *int { return &c.Received }},
	{Shown, "shown", func(c *Counts) *int { return &c.Shown }},
	{Declined, "declined", func(c *Counts) *int { return &c.Declined }},
	{Expired, "expired", func(c *Counts) *int { return &c.Expired }},
	{Withdrawn, "withdrawn", func(c *Counts) *int { return &c.Withdrawn }},
	{Approved, "approved", func(c *Counts) *int { return &c.Approved }},
	{Sent, "sent", func(c *Counts) *int { return &c.Sent }},
	{HandedOver, "by hand", func(c *Counts) *int { return &c.ByHand }},
}

// ManualPrefix begins the ids of requests that the owner entered. No agency
// signed them, and the report has one line for them all.
const (
	ManualPrefix = "hand-"
	unverified   = "(unverified)"
)

// Report counts a year.
func (l *Log) Report(ctx context.Context, year int, now time.Time) (Report, error) {
	size, err := l.store.Size()
	if err != nil {
		return Report{}, fmt.Errorf("reading ledger size: %w", err)
	}
	type once struct {
		kind            Kind
		request, agency string
	}
	seen := map[once]bool{}
	agencies := map[string]*AgencyCount{}
	err = l.each(ctx, size, func(i int64, leaf []byte) error {
		e, err := Decode(leaf)
		if err != nil {
			return fmt.Errorf("%w: entry %d: %w", ErrDamaged, i, err)
		}
		if e.Agency == "" && strings.HasPrefix(e.Request, ManualPrefix) {
			e.Agency = unverified
		}
		key := once{e.Kind, e.Request, e.Agency}
		if e.Time.Year() != year || e.Agency == "" || e.Request == "" || seen[key] {
			return nil
		}
		for _, c := range counted {
			if c.kind != e.Kind {
				continue
			}
			seen[key] = true
			if agencies[e.Agency] == nil {
				agencies[e.Agency] = &AgencyCount{Agency: e.Agency}
			}
			*c.of(&agencies[e.Agency].Counts)++
		}
		return nil
	})
	if err != nil {
		return Report{}, fmt.Errorf("counting the ledger: %w", err)
	}
	r := Report{Year: year, Until: now.UTC().Truncate(time.Second)}
	for _, name := range slices.Sorted(maps.Keys(agencies)) {
		r.Agencies = append(r.Agencies, *agencies[name])
	}
	return r, nil
}

// total adds up all agencies.
func (r Report) total() (t Counts) {
	for _, a := range r.Agencies {
		for _, c := range counted {
			*c.of(&t) += *c.of(&a.Counts)
		}
	}
	return t
}

func row(name string, counts Counts) []string {
	out := []string{name}
	for _, c := range counted {
		out = append(out, strconv.Itoa(*c.of(&counts)))
	}
	return out
}

// CSV writes the report as RFC 4180 has it: a heading, one line an agency.
func (r Report) CSV(w io.Writer) error {
	c := csv.NewWriter(w)
	head := []string{"year", "agency"}
	for _, k := range counted {
		head = append(head, k.name)
	}
	err := c.Write(head)
	for _, a := range r.Agencies {
		name := a.Agency
		if strings.HasPrefix(strings.Trim(name, " "), "=") || strings.ContainsAny(name[:1], "+-@\t\r") {
			name = "'" + name // or a spreadsheet would compute it
		}
		if err == nil {
			err = c.Write(append([]string{strconv.Itoa(r.Year)}, row(name, a.Counts)...))
		}
	}
	if c.Flush(); err == nil {
		err = c.Error()
	}
	if err != nil {
		return fmt.Errorf("writing the report: %w", err)
	}
	return nil
}

// PDF is the report to print.
func (r Report) PDF() ([]byte, error) {
	title := fmt.Sprintf("Requests for footage in %d", r.Year)
	s := pdf.New(title, title, "Gatehouse", r.Until)
	s.Text("Counted " + r.Until.Format("2 January 2006, 15:04:05") + " UTC in the ledger of one home. Nothing of it was sent to anybody: whether it " +
		"is published is for the owner to decide. It tells that requests were received and declined, which nobody outside knows.")
	if r.Until.Year() <= r.Year {
		s.Text(fmt.Sprintf("The year %d is not over.", r.Year))
	}
	head := []string{"Agency"}
	for _, k := range counted {
		head = append(head, k.name)
	}
	s.Row(true, head...)
	for _, a := range r.Agencies {
		s.Row(false, row(a.Agency, a.Counts)...)
	}
	s.Row(true, row("All", r.total())...)
	s.Space()
	for _, t := range []string{
		"received: requests that were signed by the agency and concerned this home. shown: the owner opened it in the console. declined: by the owner " +
			"or a rule of the owner; nobody was told. expired: its time was over without an answer. withdrawn: by the agency. approved: the " +
			"owner agreed to give certain clips. sent: they reached the agency. by hand: the owner says that they handed them over.",
		"(unverified): requests that the owner entered. Nobody signed them, and who asked is not known.",
		"A request counts once in a column. One that was received in one year and answered in the next counts in both. Years are those of " +
			"Coordinated Universal Time. Refused requests are not counted: anybody can send a forgery in an agency's name.",
	} {
		s.Text(t)
	}
	b, err := s.Bytes()
	if err != nil {
		return nil, fmt.Errorf("writing the report: %w", err)
	}
	return b, nil
}
