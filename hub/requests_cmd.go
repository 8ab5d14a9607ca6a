package main

import (
	"fmt"
	"io"
	"strings"
	"time"

	"gatehouse/hub/control"
	"gatehouse/hub/evidence"
	"gatehouse/hub/request"
)

type requestsCmd struct {
	List    requestsList    `cmd:"" help:"List requests."`
	Show    requestsShow    `cmd:"" help:"Show one request."`
	Prepare requestsPrepare `cmd:"" help:"Seal clips for a request; nothing is sent."`
	Approve requestsApprove `cmd:"" help:"Send the sealed package (passphrase on standard input)."`
	Decline requestsDecline `cmd:"" help:"Decline a request; nobody is told."`

	Add        requestsAdd        `cmd:"" help:"Enter a request that came by hand; who asks is not verified."`
	Portal     requestsPortal     `cmd:"" help:"Take the files of an approved package out, for a portal or to hand over in person."`
	HandedOver requestsHandedOver `cmd:"" help:"Note that you handed a package over (passphrase on standard input)."`
	Receipt    requestsReceipt    `cmd:"" help:"Note a number or a paper that you got for it."`
	Cancel     requestsCancel     `cmd:"" help:"Cancel a hand-over that did not take place."`
}

type requestsList struct{ client }

// Run lists requests.
func (c *requestsList) Run(e *env) error {
	list, err := c.dial().Requests(e.ctx)
	if err != nil {
		return err
	}
	return c.print(e, list, func(w io.Writer) {
		for _, r := range list {
			fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\n", r.ID, r.State, requester(r), clock(r.Received), r.Reason)
		}
	})
}

// requester is who asks: an agency's name, or who the owner says it is.
func requester(r request.Record) string {
	if r.Manual != nil {
		return r.Manual.Who + " (unverified)"
	}
	return r.Agency
}

type requestsShow struct {
	client
	ID string `arg:"" help:"Request id."`
}

// Run shows a request.
func (c *requestsShow) Run(e *env) error {
	r, err := c.dial().Request(e.ctx, c.ID)
	return c.show(e, r, err)
}

func (c client) show(e *env, r request.Record, err error) error {
	if err != nil {
		return err
	}
	return c.print(e, r, func(w io.Writer) {
		fmt.Fprintf(w, "request\t%s\nagency\t%s\nstate\t%s\n", r.ID, requester(r), r.State)
		if r.Reason != "" {
			fmt.Fprintf(w, "reason\t%s\n", r.Reason)
		}
		if q := r.Request; q != nil {
			fmt.Fprintf(w, "case\t%s\nasks\t%q\nwindow\t%s – %s\nanswer by\t%s\n", q.Case.Number, q.Incident.Headline,
				clock(q.Window.From), clock(q.Window.To), clock(q.ExpiresAt))
		}
		showByHand(w, r)
		if x := r.Rule; x != nil && x.Number > 0 {
			fmt.Fprintf(w, "rule\t%d\t%s\n", x.Number, x.Text)
		}
		if u := r.Case; u != nil {
			fmt.Fprintf(w, "in this case\t%d. request; together %.1f h and %.2f km²\n", u.Requests, u.Seconds/3600, u.KM2)
		}
		if r.HoldRefused != "" {
			fmt.Fprintf(w, "not held\t%s\n", r.HoldRefused)
		}
		for _, m := range r.Matches {
			fmt.Fprintf(w, "camera\t%s\t%.0f s recorded in the window\n", m.Camera, m.Recorded)
		}
		if r.Disposed != "" {
			fmt.Fprintf(w, "agency says\t%s\n", r.Disposed)
		}
		if p := r.Package; p != nil {
			for _, a := range r.Approvals {
				fmt.Fprintf(w, "approved by\t%s\t%s\n", a.By, clock(a.At))
			}
			if n := r.Needs() - len(r.Approvals); n > 0 && n < r.Needs() {
				fmt.Fprintf(w, "waits for\tanother person's approval\n")
			}
			fmt.Fprintf(w, "sealed\t%s\t%d bytes\ndigest\t%s\n", p.ID, p.Bytes, p.Digest)
		}
	})
}

type requestsPrepare struct {
	client
	ID   string   `arg:"" help:"Request id."`
	Clip []string `help:"CAMERA,FROM,TO with times as 2026-11-21T21:00:00Z; may be repeated." required:"" sep:"none" placeholder:"CAMERA,FROM,TO"`
}

// Run seals clips.
func (c *requestsPrepare) Run(e *env) error {
	var clips []evidence.Selection
	for _, text := range c.Clip {
		s, err := parseClip(text)
		if err != nil {
			return err
		}
		clips = append(clips, s)
	}
	r, err := c.dial().Prepare(e.ctx, c.ID, clips)
	return c.show(e, r, err)
}

func parseClip(text string) (evidence.Selection, error) {
	bad := fmt.Errorf("%w--clip should be CAMERA,FROM,TO with times as 2026-11-21T21:00:00Z", errInput)
	part := strings.Split(text, ",")
	if len(part) != 3 {
		return evidence.Selection{}, bad
	}
	from, err1 := time.Parse(time.RFC3339, part[1])
	to, err2 := time.Parse(time.RFC3339, part[2])
	if err1 != nil || err2 != nil || part[0] == "" || !from.Before(to) {
		return evidence.Selection{}, bad
	}
	return evidence.Selection{Camera: part[0], From: from.UTC(), To: to.UTC()}, nil
}

type requestsApprove struct {
	client
	ID     string `arg:"" help:"Request id."`
	Digest string `help:"The sealed package's digest, as prepare printed it." required:"" placeholder:"HEX"`
	Now    bool   `help:"Skip the cool-down."`
	As     string `help:"Name of the approver whose passphrase it is; without it the owner's." placeholder:"NAME"`
}

// Run approves.
func (c *requestsApprove) Run(e *env) error {
	pass, err := passphrase(e.stdin)
	if err != nil {
		return err
	}
	r, err := c.dial().Approve(e.ctx, c.ID, control.Decision{Passphrase: pass, Digest: c.Digest, Now: c.Now, As: c.As})
	return c.show(e, r, err)
}

type requestsDecline struct {
	client
	ID string `arg:"" help:"Request id."`
}

// Run declines.
func (c *requestsDecline) Run(e *env) error {
	r, err := c.dial().Decline(e.ctx, c.ID)
	return c.show(e, r, err)
}
