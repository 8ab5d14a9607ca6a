package onvif

import (
	"net/http"
	"strings"
	"sync"

	"github.com/icholy/digest"
)

// digestState is the newest Digest challenge of a device. A nil one answers none.
type digestState struct {
	mu     sync.Mutex
	newest *digest.Challenge
	count  int
}

// apply signs a request with the newest challenge, if there was one.
func (d *digestState) apply(r *http.Request, user, password string) {
	if d == nil {
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.newest == nil {
		return
	}
	d.count++
	cred, err := digest.Digest(d.newest, digest.Options{
		Method: r.Method, URI: r.URL.RequestURI(), GetBody: r.GetBody, Count: d.count, Username: user, Password: password,
	})
	if err == nil {
		r.Header.Set("Authorization", cred.String())
	}
}

// challenge takes a new challenge from an answer and reports whether there is one.
func (d *digestState) challenge(h http.Header) bool {
	ch := findChallenge(h)
	if ch == nil {
		return false
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.newest, d.count = ch, 0
	return true
}

// answers reports whether there is a challenge to answer.
func (d *digestState) answers() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.newest != nil
}

// forget drops the newest challenge, so that the next request begins with none
// and is not counted as a failed login.
func (d *digestState) forget() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.newest = nil
}

// findChallenge picks the strongest Digest challenge (RFC 7616, 3.7): SHA-256
// before MD5. Cameras write the scheme and the names in any case.
func findChallenge(h http.Header) *digest.Challenge {
	var best *digest.Challenge
	for _, v := range h.Values("WWW-Authenticate") {
		scheme, rest, _ := strings.Cut(strings.TrimSpace(v), " ")
		if !strings.EqualFold(scheme, "Digest") {
			continue
		}
		ch, err := digest.ParseChallenge(digest.Prefix + rest)
		if err != nil || ch.Nonce == "" {
			continue
		}
		for i := range ch.QOP {
			ch.QOP[i] = strings.ToLower(strings.TrimSpace(ch.QOP[i]))
		}
		if digest.CanDigest(ch) && (best == nil || strings.EqualFold(ch.Algorithm, "SHA-256")) {
			best = ch
		}
	}
	return best
}
