package onvif

import (
	"bytes"
	"context"
	"crypto/sha1"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"time"
)

// login is a way to authenticate a SOAP request.
type login int

// Ways to log in, in the order in which they are tried. The one that worked is
// tried first from then on.
const (
	byToken    login = iota // UsernameToken dated by the device's clock
	byDigest                // HTTP Digest (Core 5.9.2) and no token
	byOwnToken              // UsernameToken dated by ours: the device reports its local time as UTC
	byBoth                  // both: the device wants Digest for HTTP and a token for SOAP
	logins
)

// errRefused is a device that does not accept the user name or password.
var errRefused = errors.New("the device does not accept the login")

func passwordDigest(nonce []byte, created, password string) string {
	h := sha1.New()
	h.Write(nonce)
	h.Write([]byte(created + password))
	return base64.StdEncoding.EncodeToString(h.Sum(nil))
}

// call sends a request with the camera's credentials. It tries no way to log in
// twice and stops at the first that the device must have understood, since
// devices lock accounts after a few wrong passwords.
func (c *Camera) call(ctx context.Context, l *link, q request) (*node, error) {
	if c.user == "" {
		n, err := c.exchange(ctx, q, proof{})
		if isRefusal(err) {
			err = errRefused
		}
		return n, err
	}
	preferred := login(l.login.Load())
	n, err := c.callBy(ctx, l, q, preferred)
	if !isRefusal(err) {
		return n, err
	}
	if preferred != byDigest && c.renewClock(ctx, l) { // it has been set since, by a person or a reboot
		if n, err = c.callBy(ctx, l, q, preferred); !isRefusal(err) {
			return n, err
		}
	}
	digested := preferred == byDigest
	for by := range logins {
		switch {
		case by == preferred,
			by == byOwnToken && l.clockOffset().Abs() < 2*time.Second,
			by == byBoth && !digested:
			continue
		}
		n, err := c.callBy(ctx, l, q, by)
		if !isRefusal(err) {
			if err == nil {
				l.login.Store(int32(by))
			}
			return n, err
		}
		if by == byDigest {
			if digested = !errors.Is(err, errDigest); digested && isHTTP401(err) {
				break // a digest knows no clock: the password is wrong
			}
		}
	}
	return nil, errRefused
}

func (c *Camera) callBy(ctx context.Context, l *link, q request, by login) (*node, error) {
	switch by {
	case byToken:
		return c.exchange(ctx, q, proof{token: true, offset: l.clockOffset()})
	case byOwnToken:
		return c.exchange(ctx, q, proof{token: true})
	case byBoth:
		return c.exchange(ctx, q, proof{token: true, offset: l.clockOffset(), digest: &l.digest})
	default:
		return c.exchange(ctx, q, proof{digest: &l.digest})
	}
}

// proof is what a request carries to log in; the zero value is nothing.
type proof struct {
	token  bool
	offset time.Duration // of the token's time to our clock
	digest *digestState  // nil: none
}

// exchange posts a request and reads the answer, answering one Digest challenge.
func (c *Camera) exchange(ctx context.Context, q request, p proof) (*node, error) {
	within := q.within
	if within == 0 {
		within = callLimit
	}
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	a, err := c.post(ctx, q, p)
	if err == nil && a.status == http.StatusUnauthorized && p.digest != nil {
		if !p.digest.challenge(a.header) {
			return nil, errDigest
		}
		if a, err = c.post(ctx, q, p); err == nil && a.status == http.StatusUnauthorized {
			p.digest.forget()
		}
	}
	if err != nil {
		return nil, err
	}
	return a.soap(q)
}

// post sends a request. A connection that the device closed in the meantime is
// replaced once, with a new token: devices refuse one they have seen. A poll is
// not repeated, since it may have been closed for want of something to tell.
func (c *Camera) post(ctx context.Context, q request, p proof) (*answer, error) {
	for again := false; ; again = true {
		token := ""
		if p.token {
			token = security(c.user, c.pass, time.Now().Add(p.offset))
		}
		r, err := http.NewRequestWithContext(ctx, http.MethodPost, q.to.String(), bytes.NewReader(q.envelope(token)))
		if err != nil {
			return nil, errAddress
		}
		r.Header.Set("Content-Type", `application/soap+xml; charset=utf-8; action="`+q.action+`"`)
		p.digest.apply(r, c.user, c.pass)
		a, err := c.do(r, maxBody)
		if isClosed(err) && !again && !q.poll {
			continue
		}
		return a, err
	}
}

// soap reads the answer to a SOAP request.
func (a *answer) soap(q request) (*node, error) {
	n, err := parseEnvelope(a.body, a.status)
	var f *fault
	switch {
	case errors.As(err, &f):
		return nil, err
	case a.status == http.StatusUnauthorized, a.status == http.StatusForbidden:
		return nil, &httpError{a.status}
	case a.status/100 != 2:
		return nil, &httpError{a.status}
	case len(bytes.TrimSpace(a.body)) == 0 && q.mayBeBare:
		return nil, nil
	case err != nil:
		return nil, err
	case n == nil && !q.mayBeBare:
		return nil, fmt.Errorf("%w: an empty SOAP body", errDocument)
	}
	return n, nil
}

func isHTTP401(err error) bool {
	var h *httpError
	var f *fault
	return errors.As(err, &h) && h.status == http.StatusUnauthorized || errors.As(err, &f) && f.status == http.StatusUnauthorized
}

func isRefusal(err error) bool {
	var h *httpError
	var f *fault
	return errors.Is(err, errDigest) ||
		errors.As(err, &h) && (h.status == http.StatusUnauthorized || h.status == http.StatusForbidden) ||
		errors.As(err, &f) && f.unauthorised()
}

// errDigest is a device that asks for no Digest that is known.
var errDigest = errors.New("no Digest challenge")
