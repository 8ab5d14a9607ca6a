package account

import (
	"fmt"
	"testing"
	"time"
)

func TestThrottle(t *testing.T) {
	th, now := newThrottle(), time.Date(2026, 11, 21, 21, 0, 0, 0, time.UTC)
	try := func(peer string, want bool) {
		t.Helper()
		if got := th.enter(peer, "bo", true, now); got != want {
			t.Fatalf("try of %s: %v, want %v", peer, got, want)
		}
	}
	for range peerFree {
		try("10.0.0.1:4242", true)
	}
	try("10.0.0.1", false) // the port does not matter
	try("::ffff:10.0.0.1", false)
	try("10.0.0.2", true) // another peer
	now = now.Add(time.Second)
	try("10.0.0.1", true)
	now = now.Add(time.Second)
	try("10.0.0.1", false) // doubled
	now = now.Add(time.Second)
	try("10.0.0.1", true)
	th.success("10.0.0.1", "bo")
	try("10.0.0.1", true) // forgotten
	for i := range peerFree {
		try(fmt.Sprintf("2001:db8::%d", i), true)
	}
	try("2001:db8::99", false) // a /64 is one peer
	try("2001:db8:0:1::99", true)
	now = now.Add(-time.Minute) // a clock set back must not lock anybody out for long
	try("2001:db8::99", true)
}

func TestThrottleGrowsToItsLimitAndForgets(t *testing.T) {
	th, now := newThrottle(), time.Date(2026, 11, 21, 21, 0, 0, 0, time.UTC)
	tries := 0
	for end := now.Add(24 * time.Hour); now.Before(end); now = now.Add(10 * time.Second) {
		if th.enter("10.0.0.1", "bo", true, now) {
			tries++
		}
	}
	if tries < 96 || tries > 120 {
		t.Errorf("%d tries in a day by one peer, want about one every quarter of an hour", tries)
	}
	now = now.Add(forget)
	for range peerFree {
		if !th.enter("10.0.0.1", "bo", true, now) {
			t.Error("old tries are not forgotten")
		}
	}
}

func TestThrottleOfAllPeers(t *testing.T) {
	th, now := newThrottle(), time.Date(2026, 11, 21, 21, 0, 0, 0, time.UTC)
	n := 0
	for i := range 100 {
		if th.enter(fmt.Sprintf("10.1.0.%d", i), "bo", true, now) {
			n++
		}
	}
	if n != allFree {
		t.Errorf("%d tries by as many peers went through, want %d", n, allFree)
	}
	for i := range 3 * maxPeers {
		now = now.Add(allMax) // the owner never waits longer than this for strangers
		if !th.enter(fmt.Sprintf("10.%d.%d.%d", 2+i>>16, i>>8&255, i&255), "bo", true, now) {
			t.Fatalf("try %d is throttled", i)
		}
		if len(th.known.peers) > maxPeers {
			t.Fatalf("%d peers are remembered", len(th.known.peers))
		}
	}
}

// TestThrottleLeavesOthersBe: who knows their own passphrase gets no tries at
// another's, and who guesses at one from everywhere keeps nobody else out, nor
// its owner from the hub itself.
func TestThrottleLeavesOthersBe(t *testing.T) {
	th, now := newThrottle(), time.Date(2026, 11, 21, 21, 0, 0, 0, time.UTC)
	for range peerFree {
		th.enter("10.0.0.1", "owner", true, now)
		th.success("10.0.0.1", "vera")
	}
	if th.enter("10.0.0.1", "owner", true, now) {
		t.Error("a viewer's own log-in gave her another try at the owner's passphrase")
	}
	for i := range 100 {
		th.enter(fmt.Sprintf("10.1.0.%d", i), "owner", true, now)
	}
	for peer, want := range map[string]bool{"10.2.0.1": false, "127.0.0.1:4242": true, "::1": true, "control-socket": true} {
		if got := th.enter(peer, "owner", true, now); got != want {
			t.Errorf("the owner from %s: %v, want %v", peer, got, want)
		}
	}
	if !th.enter("10.2.0.1", "bo", true, now) {
		t.Error("guesses at the owner's passphrase keep bo out")
	}
	for range peerFree {
		th.enter("127.0.0.2", "owner", true, now)
	}
	if th.enter("127.0.0.2", "owner", true, now) {
		t.Error("tries from the hub itself are not counted at all")
	}
}

// TestThrottleOfNobody: tries at a name that nobody has are let through and
// refused as tries at somebody's, one by one; names that are made up push out no
// tries at somebody's, and one address cannot make up as many as it likes.
func TestThrottleOfNobody(t *testing.T) {
	th, now := newThrottle(), time.Date(2026, 11, 21, 21, 0, 0, 0, time.UTC)
	for i := range 400 {
		// Each name by addresses of its own, since an address's tries at all names count together.
		somebody, another, nobody := th.enter(fmt.Sprintf("10.0.0.%d", i%7), "bo", true, now), th.enter(fmt.Sprintf("10.0.1.%d", i%7), "vera", true, now), th.enter(fmt.Sprintf("10.0.2.%d", i%7), "no-bo", false, now)
		if somebody != nobody || somebody != another {
			t.Fatalf("try %d: bo %v, vera %v, nobody %v", i, somebody, another, nobody)
		}
		now = now.Add(time.Duration(i%11) * time.Second)
	}
	for range peerFree {
		th.enter("10.9.0.1", "di", true, now)
	}
	let := 0
	for i := range 100 {
		if th.enter("10.9.0.1", fmt.Sprintf("made-up-%d", i), false, now) {
			let++
		}
	}
	if let != allFree-peerFree {
		t.Errorf("%d names of one address went through, want %d", let, allFree-peerFree)
	}
	for i := range maxPeers + 100 {
		th.enter(fmt.Sprintf("2001:db8:%x::1", i), fmt.Sprintf("made-up-%d", i), false, now)
	}
	if n := max(len(th.strange.peers), len(th.strange.names), len(th.spread)); n > maxPeers {
		t.Errorf("%d tries are remembered", n)
	}
	if th.enter("10.9.0.1", "di", true, now) {
		t.Error("made-up names gave another try at di's passphrase")
	}
	for range 100 { // a household behind one address, that knows its passphrases
		if !th.enter("10.8.0.1", "cy", true, now) {
			t.Fatal("log-ins that are right are throttled")
		}
		th.success("10.8.0.1", "cy")
	}
}
