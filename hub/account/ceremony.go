package account

import (
	"net/netip"
	"sync"
	"time"

	"github.com/go-webauthn/webauthn/webauthn"
)

// ceremony is a question to a browser that waits for its answer.
type ceremony struct {
	data    webauthn.SessionData // with the challenge
	site    Site
	session [32]byte // that makes a passkey; zero for a log-in
	net     netip.Prefix
	at      time.Time
}

const (
	ceremonyFor   = 2 * time.Minute
	maxCeremonies = 1024
	maxOfNetwork  = 16 // so that who asks again and again pushes out nobody else's
)

// ceremonies are in memory: after a restart a browser asks again. The zero value is ready.
type ceremonies struct {
	mu   sync.Mutex // guards open
	open map[string]ceremony
}

// put remembers a question, and forgets the oldest where there are too many.
func (c *ceremonies) put(x ceremony, peer string, now time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.open == nil {
		c.open = map[string]ceremony{}
	}
	x.net, x.at = network(peer), now
	for challenge, o := range c.open {
		if o.over(now) {
			delete(c.open, challenge)
		}
	}
	c.makeRoom(maxOfNetwork, func(o ceremony) bool { return o.net == x.net })
	c.makeRoom(maxCeremonies, func(ceremony) bool { return true })
	c.open[x.data.Challenge] = x
}

// makeRoom forgets the oldest of some questions if there are as many as most.
func (c *ceremonies) makeRoom(most int, of func(ceremony) bool) {
	n, oldest := 0, ""
	for challenge, o := range c.open {
		if !of(o) {
			continue
		}
		if n++; oldest == "" || o.at.Before(c.open[oldest].at) {
			oldest = challenge
		}
	}
	if n >= most {
		delete(c.open, oldest)
	}
}

// take gives the question of a challenge once, if it is not too old.
func (c *ceremonies) take(challenge string, now time.Time) (ceremony, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	x, ok := c.open[challenge]
	delete(c.open, challenge)
	return x, ok && !x.over(now)
}

// over reports whether it is too late for an answer; a clock that was set back ends it as well.
func (x ceremony) over(now time.Time) bool {
	age := now.Sub(x.at)
	return age < 0 || age >= ceremonyFor
}
