package delivery

import (
	"net/netip"
	"testing"
	"time"
)

func TestMayDial(t *testing.T) {
	for addr, want := range map[string][2]bool{ // without and with the owner's leave
		"8.8.8.8": {true, true}, "2606:4700:4700::1111": {true, true},
		"127.0.0.1": {false, true}, "::1": {false, true}, "::ffff:127.0.0.1": {false, true},
		"10.1.2.3": {false, true}, "172.16.0.1": {false, true}, "192.168.1.1": {false, true}, "fd00::1": {false, true},
		"169.254.169.254": {false, true}, "fe80::1%eth0": {false, true}, "100.64.0.1": {false, true},
		"64:ff9b::a00:1": {false, true}, "2002:a00:1::1": {false, true}, "198.18.0.1": {false, true}, "240.0.0.1": {false, true},
		"0.0.0.0": {false, false}, "::": {false, false}, "224.0.0.1": {false, false}, "ff02::1": {false, false},
		"255.255.255.255": {false, true},
	} {
		for i, private := range []bool{false, true} {
			if got := mayDial(netip.MustParseAddr(addr), private); got != want[i] {
				t.Errorf("%s, private allowed %v: %v, want %v", addr, private, got, want[i])
			}
		}
	}
}

func TestBackoff(t *testing.T) {
	seen := map[time.Duration]bool{}
	for attempts := range 200 {
		d := backoff(5*time.Second, attempts)
		full := maxRetry
		if attempts < 10 {
			full = min(maxRetry, 5*time.Second<<attempts)
		}
		if d < full/2 || d > full {
			t.Errorf("after %d attempts %v, want between %v and %v", attempts, d, full/2, full)
		}
		seen[d] = true
	}
	if len(seen) < 100 {
		t.Errorf("%d different waits in 200: no jitter", len(seen))
	}
}
