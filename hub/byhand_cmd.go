package main

import (
	"fmt"
	"io"
	"time"

	"gatehouse/hub/bulletin"
	"gatehouse/hub/control"
	"gatehouse/hub/request"
)

type requestsAdd struct {
	client
	Who       string    `help:"Who asks, as you know it." required:""`
	From      time.Time `help:"Begin of the time asked for, as 2026-11-21T21:00:00Z." required:""`
	To        time.Time `help:"End of it." required:""`
	Way       string    `help:"How it will be given: portal or in_person." default:"portal" enum:"portal,in_person"`
	Reference string    `help:"Case or report number; without it, one that the text names."`
	Place     string    `help:"Where, in words."`
	Link      string    `help:"The portal's address; without it, the only one that the text names. It is never asked for."`
	AnswerBy  time.Time `help:"By when it is to be answered; without it, in 14 days."`
	Camera    []string  `help:"Camera that is asked for; may be repeated. Without it, all exterior ones with footage." sep:"none"`
	Text      bool      `help:"Read what is asked from standard input: a mail's text, or what a QR code says."`
}

// Run enters a request. What standard input says fills in what no flag does.
func (c *requestsAdd) Run(e *env) error {
	m := request.Manual{
		Who: c.Who, Reference: c.Reference, Place: c.Place, Link: c.Link, Way: c.Way,
		Window: bulletin.Window{From: c.From, To: c.To}, AnswerBy: c.AnswerBy, Cameras: c.Camera,
	}
	if c.Text {
		text, err := io.ReadAll(io.LimitReader(e.stdin, 1<<20)) // ReadPasted refuses much less
		if err != nil {
			return fmt.Errorf("reading standard input: %w", err)
		}
		p, err := request.ReadPasted(string(text))
		if err != nil {
			return fmt.Errorf("%w%w", errInput, err)
		}
		m.Text = p.Text
		if m.Reference == "" {
			m.Reference = p.Reference
		}
		if m.Link == "" {
			m.Link = p.Link
		}
	}
	r, err := c.dial().Add(e.ctx, m)
	return c.show(e, r, err)
}

type requestsHandedOver struct {
	client
	ID   string    `arg:"" help:"Request id."`
	To   string    `help:"Whom you gave it." required:""`
	Way  string    `help:"portal, in_person or post." required:"" enum:"portal,in_person,post"`
	At   time.Time `help:"When, as 2026-11-21T21:00:00Z; without it, now."`
	Note string    `help:"Anything to remember."`
	As   string    `help:"Name of the approver whose passphrase it is; without it the owner's." placeholder:"NAME"`
}

// Run notes a hand-over.
func (c *requestsHandedOver) Run(e *env) error {
	pass, err := passphrase(e.stdin)
	if err != nil {
		return err
	}
	r, err := c.dial().HandedOver(e.ctx, c.ID, control.HandOver{
		To: c.To, Way: c.Way, At: c.At, Note: c.Note, Decision: control.Decision{Passphrase: pass, As: c.As},
	})
	return c.show(e, r, err)
}

type requestsReceipt struct {
	client
	ID      string `arg:"" help:"Request id."`
	Receipt string `arg:"" help:"The number, or what the paper says."`
}

// Run notes a receipt.
func (c *requestsReceipt) Run(e *env) error {
	r, err := c.dial().NoteReceipt(e.ctx, c.ID, c.Receipt)
	return c.show(e, r, err)
}

type requestsCancel struct {
	client
	ID string `arg:"" help:"Request id."`
}

// Run cancels a hand-over.
func (c *requestsCancel) Run(e *env) error {
	r, err := c.dial().CancelHandOver(e.ctx, c.ID)
	return c.show(e, r, err)
}

// showByHand prints what only requests that come or leave by hand have.
func showByHand(w io.Writer, r request.Record) {
	if m := r.Manual; m != nil {
		fmt.Fprintf(w, "entered by you\t%s\n", clock(m.Entered))
		if m.Reference != "" {
			fmt.Fprintf(w, "reference\t%s\n", m.Reference)
		}
		if m.Link != "" {
			fmt.Fprintf(w, "portal\t%s\t%s\tnot asked for by the hub\n", m.LinkHost(), m.Link)
		}
		fmt.Fprintf(w, "window\t%s – %s\nanswer by\t%s\n", clock(m.Window.From), clock(m.Window.To), clock(m.AnswerBy))
	}
	h := r.ByHand
	if h == nil {
		return
	}
	if h.Target.URL != "" {
		fmt.Fprintf(w, "portal\t%s\n", h.Target.URL)
	}
	if h.Times > 0 {
		fmt.Fprintf(w, "taken out\t%d times\tlast %s, %s\n", h.Times, clock(h.Taken), h.Form)
	}
	if !h.At.IsZero() {
		fmt.Fprintf(w, "handed over\t%s\tto %s\t%s\n", clock(h.At), h.To, h.Way)
	}
	if h.Receipt != "" {
		fmt.Fprintf(w, "got for it\t%s\n", h.Receipt)
	}
}
