package account

import (
	"net/netip"
	"sync"
	"time"
)

// How tries are throttled. A peer that is wrong again and again waits up to a
// quarter of an hour. The limit over all peers stays low, since whoever can
// reach it keeps the owner out as well.
const (
	peerFree   = 3
	peerMax    = 15 * time.Minute
	allFree    = 20
	allMax     = 30 * time.Second
	firstDelay = time.Second
	forget     = 24 * time.Hour // tries older than this are forgotten
	maxPeers   = 4096
)

// throttle counts tries in memory: a restart forgets them, which an attacker
// from outside cannot bring about.
type throttle struct {
	mu    sync.Mutex // guards all below
	peers map[netip.Prefix]*tries
	all   tries
}

type tries struct {
	failed int
	last   time.Time
}

func newThrottle() *throttle { return &throttle{peers: map[netip.Prefix]*tries{}} }

// enter reports whether a try may be made now. It counts the try as failed
// until success says otherwise, so that tries made at the same time do not
// slip through together.
func (t *throttle) enter(peer string, now time.Time) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	key := network(peer)
	p := t.peers[key]
	if p == nil {
		p = &tries{}
	}
	if p.wait(now, peerFree, peerMax) || t.all.wait(now, allFree, allMax) {
		return false
	}
	p.count(now)
	t.all.count(now)
	if t.peers[key] == nil {
		t.makeRoom(now)
		t.peers[key] = p
	}
	return true
}

// success forgets a peer's tries and those of all: the owner has come.
func (t *throttle) success(peer string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.peers, network(peer))
	t.all = tries{}
}

// makeRoom keeps the map bounded: first old peers go, then the one longest quiet.
func (t *throttle) makeRoom(now time.Time) {
	if len(t.peers) < maxPeers {
		return
	}
	var oldest netip.Prefix
	var at time.Time
	for k, p := range t.peers {
		if now.Sub(p.last) > forget {
			delete(t.peers, k)
		} else if at.IsZero() || p.last.Before(at) {
			oldest, at = k, p.last
		}
	}
	if len(t.peers) >= maxPeers {
		delete(t.peers, oldest)
	}
}

func (t *tries) wait(now time.Time, free int, longest time.Duration) bool {
	if now.Sub(t.last) > forget {
		t.failed = 0
	}
	if t.failed < free {
		return false
	}
	delay := longest
	if n := t.failed - free; n < 20 {
		delay = min(longest, firstDelay<<n)
	}
	return now.Sub(t.last) < delay && !now.Before(t.last)
}

func (t *tries) count(now time.Time) {
	t.failed++
	t.last = now
}

// network is what one attacker surely holds: an IPv4 address or an IPv6 /64.
// Peers that are no address share one place.
func network(peer string) netip.Prefix {
	a, err := netip.ParseAddr(peer)
	if err != nil {
		ap, err := netip.ParseAddrPort(peer)
		if err != nil {
			return netip.Prefix{}
		}
		a = ap.Addr()
	}
	a = a.Unmap().WithZone("")
	bits := a.BitLen()
	if a.Is6() {
		bits = 64
	}
	p, err := a.Prefix(bits)
	if err != nil {
		return netip.Prefix{}
	}
	return p
}
