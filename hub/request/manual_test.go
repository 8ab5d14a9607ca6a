package request_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"gatehouse/hub/bulletin"
	"gatehouse/hub/ledger"
	"gatehouse/hub/request"
)

func (h *home) manual(change ...func(*request.Manual)) request.Manual {
	now := h.clock.Now()
	m := request.Manual{
		Who: "Officer Ruiz, Lakeside", Reference: "24-1187", Text: "A van hit a parked car.\n\nDo you have video? https://lakeside.evidence.example/c/9f2?token=secret", Place: "Elm Street",
		Link: "https://lakeside.evidence.example/c/9f2?token=secret", Way: request.ByPortal,
		Window: bulletin.Window{From: now.Add(-3 * time.Hour), To: now.Add(-2 * time.Hour)},
	}
	for _, f := range change {
		f(&m)
	}
	return m
}

func (h *home) add(m request.Manual) request.Record {
	h.t.Helper()
	r, err := h.Add(h.t.Context(), m)
	if err != nil {
		h.t.Fatal(err)
	}
	return h.is(r.ID, request.Waiting)
}

// TestManual: what the owner enters waits, is held, sealed, approved and handed
// over as all else, and every place says that nobody verified who asks.
func TestManual(t *testing.T) {
	h := newHome(t)
	ctx := t.Context()
	r := h.add(h.manual())
	if h.holds() != "*" || len(r.Matches) != 1 || r.Matches[0].Camera != "porch" || r.Request != nil || r.Agency != "" || r.Needs() != 1 {
		t.Errorf("%+v, holds %s", r, h.holds())
	}
	if want := r.Received.Add(14 * 24 * time.Hour); !r.Expires().Equal(want) || !r.HeldUntil.Equal(want.Add(7*24*time.Hour)) {
		t.Errorf("expires %s, held until %s", r.Expires(), r.HeldUntil)
	}
	p := h.prepare(r)
	o := h.sealer.orders[0]
	if o.Recipient != "" || o.Envelope != nil || o.Profile != nil || !strings.HasSuffix(o.Agency, "(unverified)") {
		t.Errorf("order %+v", o)
	}
	for _, secret := range []string{"token=secret", "evidence.example", "porch"} {
		if strings.Contains(string(o.Manual), secret) {
			t.Errorf("the document tells %q:\n%s", secret, o.Manual)
		}
	}
	if !json.Valid(o.Manual) || !strings.Contains(string(o.Manual), "24-1187") {
		t.Errorf("document %s", o.Manual)
	}
	if _, err := h.Give(ctx, r.ID, request.Plain, true); !errors.Is(err, request.ErrState) {
		t.Errorf("given before the approval: %v", err)
	}
	if _, err := h.Approve(ctx, r.ID, "", "Ann", false); !errors.Is(err, request.ErrDigest) {
		t.Errorf("approved without a digest: %v", err)
	}
	if _, err := h.Approve(ctx, r.ID, p.Package.Digest, "Ann", true); err != nil {
		t.Fatal(err)
	}
	if jobs, err := h.house.Jobs(ctx); err != nil || len(jobs) != 0 {
		t.Errorf("outbox %v, %v", jobs, err)
	}
	if diff := cmp.Diff([]request.Form{request.Plain, request.Locked}, h.is(r.ID, request.Ready).Forms()); diff != "" {
		t.Error(diff)
	}
	if _, err := h.Give(ctx, r.ID, request.Sealed, false); !errors.Is(err, request.ErrForm) {
		t.Errorf("given to a key that nobody has: %v", err)
	}
	h.give(r.ID, request.Locked)
	if _, err := h.HandedOver(ctx, r.ID, toOrtiz, "Ann"); err != nil {
		t.Fatal(err)
	}
	want := []ledger.Kind{ledger.Received, ledger.Held, ledger.Prepared, ledger.Approved, ledger.Given, ledger.HandedOver}
	if diff := cmp.Diff(want, h.kinds(r.ID)); diff != "" {
		t.Error(diff)
	}
	for _, e := range h.entries(r.ID) {
		if strings.Contains(e.Text+string(e.Data), "secret") || strings.Contains(e.Text, "porch") {
			t.Errorf("the ledger tells too much: %s %s", e.Text, e.Data)
		}
	}
}

func TestManualIsDeclinedAndExpires(t *testing.T) {
	h := newHome(t)
	request.Unwatched(h.Service)
	no, late := h.add(h.manual()), h.add(h.manual())
	if _, err := h.Decline(t.Context(), no.ID, "Ann"); err != nil {
		t.Fatal(err)
	}
	if got := h.is(no.ID, request.Declined); !got.HeldUntil.IsZero() || h.holds() != "*" {
		t.Errorf("declined and held until %s, %s", got.HeldUntil, h.holds())
	}
	h.clock.add(15 * 24 * time.Hour)
	stop := h.run()
	h.eventually(late.ID, request.Expired)
	stop()
	if got := h.is(late.ID, request.Expired); got.HeldUntil.IsZero() {
		t.Error("an expired request has no end of its hold")
	}
	h.start() // after a restart
	h.is(late.ID, request.Expired)
}

// TestManualOfTwo: a rule that wants two people is not gone round by entering
// the request by hand.
func TestManualOfTwo(t *testing.T) {
	h := newHome(t, func(c *request.Config) {
		c.Home.OptOut = true // of what arrives; the owner entered this one
		c.Home.Rules = []request.Rule{{Agency: "fbi.example", Action: request.Hide}, {Category: "homicide", Action: request.RequireTwo}}
	})
	r := h.prepare(h.add(h.manual()))
	if r.Needs() != 2 || r.Rule.Number != 2 {
		t.Errorf("%+v", r.Rule)
	}
	for i, want := range []request.State{request.Prepared, request.Ready} {
		if _, err := h.ApproveBy(t.Context(), r.ID, r.Package.Digest, request.Approver{Number: int64(i + 1), Words: "An approver"}, true); err != nil {
			t.Fatal(err)
		}
		h.is(r.ID, want)
	}
}

func TestManualRefuses(t *testing.T) {
	h := newHome(t)
	for name, c := range map[string]struct {
		field  string
		change func(*request.Manual)
	}{
		"nobody":             {"who", func(m *request.Manual) { m.Who = " " }},
		"turned text":        {"who", func(m *request.Manual) { m.Who = "Police\u202egnp" }},
		"lines in a name":    {"who", func(m *request.Manual) { m.Who = "Police\nof Lakeside" }},
		"hidden in text":     {"text", func(m *request.Manual) { m.Text = "a\u2066b" }},
		"long text":          {"text", func(m *request.Manual) { m.Text = strings.Repeat("word ", 900) }},
		"script":             {"link", func(m *request.Manual) { m.Link = "javascript:alert(1)" }},
		"plain http":         {"link", func(m *request.Manual) { m.Link = "http://evidence.example/" }},
		"login in a link":    {"link", func(m *request.Manual) { m.Link = "https://police.example@evil.example/" }},
		"foreign letters":    {"link", func(m *request.Manual) { m.Link = "https://еvidence.example/" }},
		"no way":             {"way", func(m *request.Manual) { m.Way = "tus" }},
		"no window":          {"window", func(m *request.Manual) { m.Window = bulletin.Window{} }},
		"backwards":          {"window", func(m *request.Manual) { m.Window.From, m.Window.To = m.Window.To, m.Window.From }},
		"eight days":         {"window", func(m *request.Manual) { m.Window.From = m.Window.From.AddDate(0, 0, -8) }},
		"to come":            {"window", func(m *request.Manual) { m.Window.To = h.clock.Now().Add(time.Hour) }},
		"answered by now":    {"answer_by", func(m *request.Manual) { m.AnswerBy = h.clock.Now() }},
		"a year":             {"answer_by", func(m *request.Manual) { m.AnswerBy = h.clock.Now().AddDate(1, 0, 0) }},
		"unknown camera":     {"cameras", func(m *request.Manual) { m.Cameras = []string{"garage"} }},
		"camera named twice": {"cameras", func(m *request.Manual) { m.Cameras = []string{"porch", "porch"} }},
	} {
		_, err := h.Add(t.Context(), h.manual(c.change))
		var field *request.FieldError
		if !errors.As(err, &field) || field.Field != c.field {
			t.Errorf("%s: %v, want something about %s", name, err, c.field)
		}
	}
	h.footage.sec["porch"] = 0
	if _, err := h.Add(t.Context(), h.manual()); err == nil {
		t.Error("entered without any footage")
	}
	if r := h.add(h.manual(func(m *request.Manual) { m.Cameras = []string{"hall"} })); len(r.Matches) != 1 || r.Matches[0].Camera != "hall" {
		t.Errorf("the owner named an inside camera: %+v", r.Matches)
	}
	if list, err := h.List(t.Context()); err != nil || len(list) != 1 {
		t.Errorf("%d records, %v", len(list), err)
	}
}

// TestAddressesStayAtHome: whoever has a portal's address may upload there, so a package tells none.
func TestAddressesStayAtHome(t *testing.T) {
	h := newHome(t)
	h.prepare(h.add(h.manual(func(m *request.Manual) {
		m.Text = "Upload at HTTPS://NICE.EXAMPLE/U/7"
		m.Reference, m.Place = "24-1 https://nice.example/u/8", "Elm Street, see http://nice.example/u/9"
	})))
	if doc := string(h.sealer.orders[0].Manual); strings.Contains(strings.ToLower(doc), "nice.example") {
		t.Errorf("the document tells an address:\n%s", doc)
	}
}

func TestReadPasted(t *testing.T) {
	for name, c := range map[string]struct {
		text string
		want request.Pasted
	}{
		"link": {"https://lakeside.evidence.example/c/9f2", request.Pasted{
			Text: "https://lakeside.evidence.example/c/9f2", Link: "https://lakeside.evidence.example/c/9f2", Host: "lakeside.evidence.example", Hosts: 1,
		}},
		"mail": {"Hello,\r\n\r\n\r\nplease upload video\u00a0of case no. 2026-11873 here:\r\n<https://nice.example/u?x=1&y=2>.\r\nReference: n/a\r\n", request.Pasted{
			Text: "Hello,\n\nplease upload video of case no. 2026-11873 here:\n<https://nice.example/u?x=1&y=2>.\nReference: n/a",
			Link: "https://nice.example/u?x=1&y=2", Host: "nice.example", Hosts: 1, Reference: "2026-11873",
		}},
		"two hosts": {"https://a.example/ and https://b.example/ of incident #77-1.", request.Pasted{
			Text: "https://a.example/ and https://b.example/ of incident #77-1.", Hosts: 2, Reference: "77-1",
		}},
		"capitals of a QR code": {"HTTPS://NICE.EXAMPLE/U/7", request.Pasted{
			Text: "HTTPS://NICE.EXAMPLE/U/7", Link: "HTTPS://NICE.EXAMPLE/U/7", Host: "nice.example", Hosts: 1,
		}},
		"one host twice":  {"https://a.example/1 https://a.example/2", request.Pasted{Text: "https://a.example/1 https://a.example/2", Link: "https://a.example/1", Host: "a.example", Hosts: 1}},
		"not for the web": {"http://a.example javascript:alert(1) https://x@b.example/", request.Pasted{Text: "http://a.example javascript:alert(1) https://x@b.example/"}},
		"a case in words": {"in any case call me", request.Pasted{Text: "in any case call me"}},
		"empty":           {" \n\t\n", request.Pasted{}},
	} {
		got, err := request.ReadPasted(c.text)
		if diff := cmp.Diff(c.want, got); diff != "" || err != nil {
			t.Errorf("%s: %v\n%s", name, err, diff)
		}
	}
	for name, text := range map[string]string{
		"large": strings.Repeat("a", 16<<10+1), "long": strings.Repeat("word ", 1000), "lines": strings.Repeat("a\n", 500),
		"turned": "abc\u202edef", "isolated": "a\u2067b", "null": "a\x00b", "escape": "\x1b[31m", "no text": "\xff\xfe", "stacked": "a\u0301\u0301\u0301\u0301\u0301\u0301",
	} {
		var field *request.FieldError
		if got, err := request.ReadPasted(text); !errors.As(err, &field) || field.Field != "paste" {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
}

// TestManualLimitHoldsForTwoAtOnce: the last place is taken once.
func TestManualLimitHoldsForTwoAtOnce(t *testing.T) {
	h := newHome(t)
	for i := range request.MaxManual - 1 {
		m := h.manual()
		r := request.Record{ID: fmt.Sprint(request.ManualPrefix, "full", i), State: request.Waiting, Manual: &m}
		if err := h.house.PutRecord(t.Context(), r, ""); err != nil {
			t.Fatal(err)
		}
	}
	errs := make(chan error)
	for range 8 {
		go func() {
			_, err := h.Add(t.Context(), h.manual())
			errs <- err
		}()
	}
	added := 0
	for range 8 {
		var field *request.FieldError
		if err := <-errs; err == nil {
			added++
		} else if !errors.As(err, &field) || field.Field != "request" {
			t.Error(err)
		}
	}
	if added != 1 {
		t.Errorf("%d took the one place that was left", added)
	}
}
