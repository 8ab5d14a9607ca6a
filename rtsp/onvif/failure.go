package onvif

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strings"
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

// Error is what a Camera's methods return. Text is a sentence for the owner that
// quotes nothing of the device's but its certificate's SHA-256.
type Error struct {
	Reason Reason
	Text   string
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
	switch {
	case errors.Is(err, errRefused), isRefusal(err):
		e.Reason, e.Text = ReasonAuth, "The camera's ONVIF service does not accept the user name or password."
	case errors.As(err, &cert) && cert.other:
		e.Reason, e.Text = ReasonCertificate, "The camera's ONVIF service shows another certificate than the one that is pinned: "+cert.shown.String()+
			". Find out why before you change the pin."
	case errors.As(err, &cert):
		e.Reason, e.Text = ReasonCertificate, "The certificate of the camera's ONVIF service is not vouched for by anybody this machine trusts. "+
			"If the camera shows the same fingerprint, pin it: "+cert.shown.String()+"."
	case errors.Is(err, errNoMedia), errors.Is(err, errNoEvents), errors.Is(err, errNoSnapshot):
		e.Reason, e.Text = ReasonUnsupported, sentence(err)
	case errors.Is(err, errNotJPEG), errors.Is(err, errDocument):
		e.Reason, e.Text = ReasonGarbage, "What the camera's ONVIF service answers cannot be read."
	case errors.Is(err, errRedirect):
		e.Reason, e.Text = ReasonRefused, "The camera's ONVIF service sends its clients to another address; it may want https://."
	case errors.As(err, &status):
		e.Reason, e.Text = ReasonRefused, fmt.Sprintf("The camera's ONVIF service answered with error %d.", status.status)
	case errors.As(err, &f):
		e.Reason, e.Text = ReasonRefused, "The camera's ONVIF service refused what was asked of it."
	case errors.As(err, &lookup):
		e.Text = "The camera's name cannot be resolved."
	case isTimeout(err):
		e.Text = "The camera's ONVIF service does not answer."
	default:
		e.Text = "The camera's ONVIF service cannot be reached."
	}
	return e
}

// sentence makes one of the package's own errors a sentence.
func sentence(err error) string {
	for _, known := range []error{errNoMedia, errNoEvents, errNoSnapshot} {
		if errors.Is(err, known) {
			return "T" + known.Error()[1:] + "."
		}
	}
	return ""
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
