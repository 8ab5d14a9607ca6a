package control

import (
	"context"
	"net/http"
	"net/url"
	"time"

	"gatehouse/hub/request"
)

// Give is the body of a call that lets a person have a package's files.
type Give struct {
	Form request.Form `json:"form"`
	Decision
}

// HandOver is the body of a call that notes a hand-over.
type HandOver struct {
	To   string    `json:"to"`
	Way  string    `json:"way"`
	At   time.Time `json:"at"`
	Note string    `json:"note,omitempty"`
	Decision
}

// Receipt is the body of a call that notes what was given in return.
type Receipt struct {
	Receipt string `json:"receipt"`
}

func (s *Server) add(r *http.Request) (any, error) {
	var m request.Manual
	if err := decode(r, &m); err != nil {
		return nil, err
	}
	return s.cfg.Requests.Add(r.Context(), m)
}

// give needs a passphrase only where something was handed over already.
func (s *Server) give(r *http.Request) (any, error) {
	var g Give
	if err := decode(r, &g); err != nil {
		return nil, err
	}
	again := g.Passphrase != ""
	if again {
		if _, err := s.approver(r.Context(), g.Decision); err != nil {
			return nil, err
		}
	}
	return s.cfg.Requests.Give(r.Context(), r.PathValue("id"), g.Form, again)
}

func (s *Server) handedOver(r *http.Request) (any, error) {
	var h HandOver
	if err := decode(r, &h); err != nil {
		return nil, err
	}
	by, err := s.approver(r.Context(), h.Decision)
	if err != nil {
		return nil, err
	}
	return s.cfg.Requests.HandedOver(r.Context(), r.PathValue("id"), request.Handed{To: h.To, Way: h.Way, At: h.At, Note: h.Note}, by.Words)
}

func (s *Server) receipt(r *http.Request) (any, error) {
	var n Receipt
	if err := decode(r, &n); err != nil {
		return nil, err
	}
	return s.cfg.Requests.NoteReceipt(r.Context(), r.PathValue("id"), n.Receipt, who)
}

// Add enters a request by hand.
func (c *Client) Add(ctx context.Context, m request.Manual) (r request.Record, err error) {
	return r, c.call(ctx, "POST", "/requests", m, &r)
}

// Give notes that a person takes the files of an approved package.
func (c *Client) Give(ctx context.Context, id string, g Give) (r request.Record, err error) {
	return r, c.call(ctx, "POST", "/requests/"+url.PathEscape(id)+"/give", g, &r)
}

// HandedOver notes that a package was handed over.
func (c *Client) HandedOver(ctx context.Context, id string, h HandOver) (r request.Record, err error) {
	return r, c.call(ctx, "POST", "/requests/"+url.PathEscape(id)+"/handed-over", h, &r)
}

// NoteReceipt notes what was given in return for a package.
func (c *Client) NoteReceipt(ctx context.Context, id, receipt string) (r request.Record, err error) {
	return r, c.call(ctx, "POST", "/requests/"+url.PathEscape(id)+"/receipt", Receipt{receipt}, &r)
}

// CancelHandOver ends a hand-over that did not take place.
func (c *Client) CancelHandOver(ctx context.Context, id string) (r request.Record, err error) {
	return r, c.call(ctx, "POST", "/requests/"+url.PathEscape(id)+"/cancel-hand-over", nil, &r)
}
