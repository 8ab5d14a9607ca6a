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

// restFactor is how long, in first delays, a login that was refused is not tried
// again, whoever asks: devices lock accounts after a few wrong passwords.
const restFactor = 40

// rests reports whether the login was refused a moment ago: for this action, or
// for any before the device had ever accepted it. After it had, a refusal may be
// about the rights of the user.
func (c *Camera) rests(action string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	since := time.Now().Add(-restFactor * c.cfg.Retry)
	return c.refused[action].After(since) || c.refused[""].After(since)
}

// refuse notes that the login was refused.
func (c *Camera) refuse(l *link, action string) error {
	if !l.proven.Load() {
		action = ""
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.refused[action] = time.Now()
	return errRefused
}

// call sends a request with the camera's credentials.
func (c *Camera) call(ctx context.Context, l *link, q request) (*node, error) {
	if c.rests(q.action) {
		return nil, errRefused
	}
	n, err := c.logIn(ctx, l, q)
	if isRefusal(err) {
		l.digest.forget()
		return nil, c.refuse(l, q.action)
	}
	if err == nil && !q.open {
		l.proven.Store(true)
	}
	return n, err
}

// logIn tries the ways to log in, the one that worked last before the others. It
// stops at the first that the device must have understood.
func (c *Camera) logIn(ctx context.Context, l *link, q request) (n *node, err error) {
	if c.user == "" {
		return c.exchange(ctx, q, proof{})
	}
	order := []login{login(l.login.Load())}
	for by := range logins {
		if by != order[0] {
			order = append(order, by)
		}
	}
	digested := false
	for i, by := range order {
		if i > 0 && (by == byOwnToken && l.clockOffset().Abs() < 2*time.Second || by == byBoth && !digested) {
			continue
		}
		n, err = c.callBy(ctx, l, q, by)
		if isRefusal(err) && i == 0 && by != byDigest && c.renewClock(ctx, l) { // set since, by a person or a reboot
			n, err = c.callBy(ctx, l, q, by)
		}
		if err == nil {
			l.login.Store(int32(by))
		}
		if !isRefusal(err) {
			return n, err
		}
		if digested = digested || l.digest.answers(); by == byDigest && digested && isHTTP401(err) {
			return nil, err // a digest knows no clock: the password is wrong
		}
	}
	return nil, err
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
		a, err = c.post(ctx, q, p)
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
