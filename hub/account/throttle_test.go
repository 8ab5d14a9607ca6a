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
		if got := th.enter(peer, "bo", now); got != want {
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
		if th.enter("10.0.0.1", "bo", now) {
			tries++
		}
	}
	if tries < 96 || tries > 120 {
		t.Errorf("%d tries in a day by one peer, want about one every quarter of an hour", tries)
	}
	now = now.Add(forget)
	for range peerFree {
		if !th.enter("10.0.0.1", "bo", now) {
			t.Error("old tries are not forgotten")
		}
	}
}

func TestThrottleOfAllPeers(t *testing.T) {
	th, now := newThrottle(), time.Date(2026, 11, 21, 21, 0, 0, 0, time.UTC)
	n := 0
	for i := range 100 {
		if th.enter(fmt.Sprintf("10.1.0.%d", i), "bo", now) {
			n++
		}
	}
	if n != allFree {
		t.Errorf("%d tries by as many peers went through, want %d", n, allFree)
	}
	for i := range 3 * maxPeers {
		now = now.Add(allMax) // the owner never waits longer than this for strangers
		if !th.enter(fmt.Sprintf("10.%d.%d.%d", 2+i>>16, i>>8&255, i&255), "bo", now) {
			t.Fatalf("try %d is throttled", i)
		}
		if len(th.peers) > maxPeers {
			t.Fatalf("%d peers are remembered", len(th.peers))
		}
	}
}

// TestThrottleLeavesOthersBe: who knows their own passphrase gets no tries at
// another's, and who guesses at one from everywhere keeps nobody else out, nor
// its owner from the hub itself.
func TestThrottleLeavesOthersBe(t *testing.T) {
	th, now := newThrottle(), time.Date(2026, 11, 21, 21, 0, 0, 0, time.UTC)
	for range peerFree {
		th.enter("10.0.0.1", "owner", now)
		th.success("10.0.0.1", "vera")
	}
	if th.enter("10.0.0.1", "owner", now) {
		t.Error("a viewer's own log-in gave her another try at the owner's passphrase")
	}
	for i := range 100 {
		th.enter(fmt.Sprintf("10.1.0.%d", i), "owner", now)
	}
	for peer, want := range map[string]bool{"10.2.0.1": false, "127.0.0.1:4242": true, "::1": true, "control-socket": true} {
		if got := th.enter(peer, "owner", now); got != want {
			t.Errorf("the owner from %s: %v, want %v", peer, got, want)
		}
	}
	if !th.enter("10.2.0.1", "bo", now) {
		t.Error("guesses at the owner's passphrase keep bo out")
	}
	for range peerFree {
		th.enter("127.0.0.2", "owner", now)
	}
	if th.enter("127.0.0.2", "owner", now) {
		t.Error("tries from the hub itself are not counted at all")
	}
}
