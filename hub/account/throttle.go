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
	allMax     = 30 * time.Second // also of an address over all names
	firstDelay = time.Second
	forget     = 24 * time.Hour // tries older than this are forgotten
	maxPeers   = 4096
)

// throttle counts tries in memory: a restart forgets them, which an attacker
// from outside cannot bring about.
type throttle struct {
	mu    sync.Mutex // guards all below
	known round      // about people there are
	// strange are names that nobody has. They are counted as others are, so that
	// who is in the house cannot be told by when tries are refused, and apart
	// from them, so that made-up names push no other out.
	strange round
	// spread are the failed tries of an address over all names: who knows no
	// name makes many up, and each costs a hash.
	spread map[place]*tries
}

// round are tries by place and name, and by name alone.
type round struct {
	peers map[place]*tries
	names map[place]*tries // with no network
}

// place is where a try comes from and whose passphrase it is about. A person
// who knows their own frees no tries at another's.
type place struct {
	net  netip.Prefix
	name string
}

// controlSocket is what the control socket counts its tries by.
const controlSocket = "control-socket"

type tries struct {
	failed int
	last   time.Time
}

func newThrottle() *throttle {
	fresh := func() round { return round{peers: map[place]*tries{}, names: map[place]*tries{}} }
	return &throttle{known: fresh(), strange: fresh(), spread: map[place]*tries{}}
}

// of is where tries at a name are counted. Texts that cannot be a name are one,
// since all the world knows that nobody has them.
func (t *throttle) of(name string, exists bool) (*round, string) {
	switch {
	case exists:
		return &t.known, name
	case !personName.MatchString(name):
		name = ""
	}
	return &t.strange, name
}

// enter reports whether a try may be made now at the name of somebody who
// exists, or of nobody. It counts the try as failed until success says
// otherwise, so that tries made at the same time do not slip through together.
func (t *throttle) enter(peer, name string, exists bool, now time.Time) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	r, name := t.of(name, exists)
	at, all, net := place{network(peer), name}, place{name: name}, place{net: network(peer)}
	if r.peers[at].wait(now, peerFree, peerMax) {
		return false
	}
	if !here(peer) && (r.names[all].wait(now, allFree, allMax) || t.spread[net].wait(now, allFree, allMax)) {
		return false
	}
	count(r.peers, at, now)
	if !here(peer) {
		count(r.names, all, now)
		count(t.spread, net, now)
	}
	return true
}

// success forgets an address's tries at a name and those of all: its person has
// come. Of the address's tries at other names it takes none back.
func (t *throttle) success(peer, name string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.known.peers, place{network(peer), name})
	delete(t.known.names, place{name: name})
	if s := t.spread[place{net: network(peer)}]; s != nil && s.failed > 0 {
		s.failed--
	}
}

// count counts a try, and keeps the map bounded: first old ones go, then the
// one longest quiet.
func count(m map[place]*tries, key place, now time.Time) {
	if m[key] == nil {
		if len(m) >= maxPeers {
			makeRoom(m, now)
		}
		m[key] = &tries{}
	}
	m[key].failed++
	m[key].last = now
}

func makeRoom(m map[place]*tries, now time.Time) {
	var oldest place
	var at time.Time
	for k, p := range m {
		if now.Sub(p.last) > forget {
			delete(m, k)
		} else if at.IsZero() || p.last.Before(at) {
			oldest, at = k, p.last
		}
	}
	if len(m) >= maxPeers {
		delete(m, oldest)
	}
}

func (t *tries) wait(now time.Time, free int, longest time.Duration) bool {
	if t == nil {
		return false
	}
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
