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
		if got := th.enter(peer, now); got != want {
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
	th.success("10.0.0.1")
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
		if th.enter("10.0.0.1", now) {
			tries++
		}
	}
	if tries < 96 || tries > 120 {
		t.Errorf("%d tries in a day by one peer, want about one every quarter of an hour", tries)
	}
	now = now.Add(forget)
	for range peerFree {
		if !th.enter("10.0.0.1", now) {
			t.Error("old tries are not forgotten")
		}
	}
}

func TestThrottleOfAllPeers(t *testing.T) {
	th, now := newThrottle(), time.Date(2026, 11, 21, 21, 0, 0, 0, time.UTC)
	n := 0
	for i := range 100 {
		if th.enter(fmt.Sprintf("10.1.0.%d", i), now) {
			n++
		}
	}
	if n != allFree {
		t.Errorf("%d tries by as many peers went through, want %d", n, allFree)
	}
	for i := range 3 * maxPeers {
		now = now.Add(allMax) // the owner never waits longer than this for strangers
		if !th.enter(fmt.Sprintf("10.%d.%d.%d", 2+i>>16, i>>8&255, i&255), now) {
			t.Fatalf("try %d is throttled", i)
		}
		if len(th.peers) > maxPeers {
			t.Fatalf("%d peers are remembered", len(th.peers))
		}
	}
}
