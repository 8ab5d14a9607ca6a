package onvif

import (
	"context"
	"errors"
	"net"
	"net/url"
	"strings"

	"gatehouse/rtsp"
)

// Reason is why a device is not of use now.
type Reason string

// Reasons of a State.
const (
	ReasonUnreachable Reason = "unreachable" // no answer
	ReasonAuth        Reason = "auth"        // it does not accept the login
	ReasonCertificate Reason = "certificate" // its certificate is not trusted
	ReasonUnsupported Reason = "unsupported" // it has no such service
	ReasonRefused     Reason = "refused"     // it answers with an error
	ReasonGarbage     Reason = "garbage"     // what it answers cannot be read
)

// Error is what a Camera's methods return.
type Error struct {
	Reason Reason
	Cause  rtsp.Cause // the same more exactly, for the owner
	err    error
}

// Error is for logs: it has no credentials in it.
func (e *Error) Error() string { return e.err.Error() }

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.err }

var (
	errNoMedia    = errors.New("the device names no media service")
	errNoEvents   = errors.New("the device names no event service")
	errNoSnapshot = errors.New("the device has no snapshot")
	errNotJPEG    = errors.New("the snapshot is not a JPEG picture")
)

// explain finds the reason in an error. It keeps an end of the caller's context
// as it is.
func (c *Camera) explain(err error) error {
	var (
		cert   *certificateError
		status *httpError
		f      *fault
		lookup *net.DNSError
		known  *Error
	)
	if err == nil || errors.Is(err, context.Canceled) || errors.As(err, &known) {
		return err
	}
	e := &Error{Reason: ReasonUnreachable, err: c.scrub(err)}
	say := func(r Reason, code string) { e.Reason, e.Cause.Code = r, code }
	switch {
	case errors.Is(err, errRefused), isRefusal(err):
		say(ReasonAuth, "onvif-login")
	case errors.As(err, &cert):
		say(ReasonCertificate, "onvif-untrusted")
		if cert.other {
			e.Cause.Code = "onvif-pin"
		}
		e.Cause.Pin = cert.shown.String()
	case errors.Is(err, errNoMedia):
		say(ReasonUnsupported, "onvif-no-media")
	case errors.Is(err, errNoEvents):
		say(ReasonUnsupported, "onvif-no-events")
	case errors.Is(err, errNoSnapshot):
		say(ReasonUnsupported, "onvif-no-snapshot")
	case errors.Is(err, errNotJPEG), errors.Is(err, errDocument):
		say(ReasonGarbage, "onvif-garbage")
	case errors.Is(err, errRedirect):
		say(ReasonRefused, "onvif-moved")
	case errors.As(err, &status):
		say(ReasonRefused, "onvif-status")
		e.Cause.Status = status.status
	case errors.As(err, &f):
		say(ReasonRefused, "onvif-refused")
	case errors.As(err, &lookup):
		e.Cause.Code = "camera-name"
	case isTimeout(err):
		e.Cause.Code = "onvif-silent"
	default:
		e.Cause.Code = "onvif-unreachable"
	}
	return e
}

// scrubbed is an error whose text was cleaned of credentials.
type scrubbed struct {
	text string
	err  error
}

func (s *scrubbed) Error() string { return s.text }
func (s *scrubbed) Unwrap() error { return s.err }

// scrub cleans an error's text: a device may echo what it was sent.
func (c *Camera) scrub(err error) error {
	text := err.Error()
	for _, secret := range []string{c.pass, url.QueryEscape(c.pass), url.PathEscape(c.pass)} {
		if secret != "" {
			text = strings.ReplaceAll(text, secret, "…")
		}
	}
	return &scrubbed{text, err}
}
