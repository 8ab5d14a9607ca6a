package account

import (
	"net/netip"
	"sync"
	"time"
)

// How tries are throttled. An address that is wrong about a name again and
// again waits up to a quarter of an hour. The limit of a name over all
// addresses stays low, since whoever can reach it keeps its person out as well;
// it does not hold for the machine itself, so nobody on the network keeps the
// owner from the hub's own keyboard.
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
	peers map[place]*tries
	names map[string]*tries // of people there are, and of nobody: few
}

// place is where a try comes from and whose passphrase it is about. A person
// who knows their own frees no tries at another's.
type place struct {
	net  netip.Prefix
	name string
}

// nobody is the name for all names that nobody has.
const nobody = ""

// controlSocket is what the control socket counts its tries by.
const controlSocket = "control-socket"

type tries struct {
	failed int
	last   time.Time
}

func newThrottle() *throttle {
	return &throttle{peers: map[place]*tries{}, names: map[string]*tries{}}
}

// enter reports whether a try may be made now. It counts the try as failed
// until success says otherwise, so that tries made at the same time do not
// slip through together.
func (t *throttle) enter(peer, name string, now time.Time) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	key := place{network(peer), name}
	p, all := t.peers[key], t.names[name]
	if p == nil {
		p = &tries{}
	}
	if all == nil {
		all = &tries{}
		t.names[name] = all
	}
	if p.wait(now, peerFree, peerMax) || !here(peer) && all.wait(now, allFree, allMax) {
		return false
	}
	p.count(now)
	if !here(peer) {
		all.count(now)
	}
	if t.peers[key] == nil {
		t.makeRoom(now)
		t.peers[key] = p
	}
	return true
}

// success forgets an address's tries at a name and those of all: its person has come.
func (t *throttle) success(peer, name string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.peers, place{network(peer), name})
	delete(t.names, name)
}

// makeRoom keeps the map bounded: first old peers go, then the one longest quiet.
func (t *throttle) makeRoom(now time.Time) {
	if len(t.peers) < maxPeers {
		return
	}
	var oldest place
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
	a, ok := address(peer)
	if !ok {
		return netip.Prefix{}
	}
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

// here reports whether a try comes from the machine itself.
func here(peer string) bool {
	a, ok := address(peer)
	return ok && a.IsLoopback() || peer == controlSocket
}

func address(peer string) (netip.Addr, bool) {
	a, err := netip.ParseAddr(peer)
	if err != nil {
		ap, err := netip.ParseAddrPort(peer)
		if err != nil {
			return netip.Addr{}, false
		}
		a = ap.Addr()
	}
	return a.Unmap().WithZone(""), true
}
