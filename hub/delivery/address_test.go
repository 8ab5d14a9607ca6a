package delivery

import (
	"fmt"
	"net"
	"net/netip"
	"testing"
	"time"
)

func TestMayDial(t *testing.T) {
	own := prefixesOf([]net.Addr{
		&net.IPNet{IP: net.ParseIP("2600:1700:abcd:1234::5"), Mask: net.CIDRMask(64, 128)},
		&net.IPNet{IP: net.ParseIP("8.8.4.4"), Mask: net.CIDRMask(24, 32)},
		&net.IPNet{IP: net.ParseIP("10.8.0.1"), Mask: net.CIDRMask(0, 32)}, // all of IPv4 is no home
		&net.IPNet{IP: net.IP{1}, Mask: net.CIDRMask(8, 32)}, &net.UnixAddr{},
	})
	for addr, want := range map[string][2]bool{ // without and with the owner's leave
		"8.8.8.8": {true, true}, "2606:4700:4700::1111": {true, true},
		"127.0.0.1": {false, true}, "::1": {false, true}, "::ffff:127.0.0.1": {false, true},
		"10.1.2.3": {false, true}, "172.16.0.1": {false, true}, "192.168.1.1": {false, true}, "fd00::1": {false, true},
		"169.254.169.254": {false, true}, "fe80::1%eth0": {false, true}, "100.64.0.1": {false, true},
		"64:ff9b::a00:1": {false, true}, "64:ff9b::808:808": {true, true}, "64:ff9b::7f00:1": {false, true},
		"64:ff9b::e000:1": {false, false}, "64:ff9b::": {false, false}, "64:ff9b:1::808:808": {false, true},
		"::ffff:8.8.8.8": {true, true}, "::ffff:10.0.0.1": {false, true}, "::ffff:0.0.0.0": {false, false},
		"::8.8.8.8": {false, true}, "::10.0.0.1": {false, true}, "::ffff:0:808:808": {false, true},
		"3fff::1": {false, true}, "5f00::1": {false, true}, "192.88.99.1": {false, true},
		"2600:1700:abcd:1200::99": {false, true}, "2600:1700:abcd:12ff::1": {false, true}, "2600:1700:abcd:1300::1": {true, true},
		"8.8.4.200": {false, true}, "::ffff:8.8.4.200": {false, true}, "64:ff9b::808:4c8": {false, true}, "8.8.5.1": {true, true},
		"2002:a00:1::1": {false, true}, "198.18.0.1": {false, true}, "240.0.0.1": {false, true},
		"0.0.0.0": {false, false}, "::": {false, false}, "224.0.0.1": {false, false}, "ff02::1": {false, false},
		"255.255.255.255": {false, true},
	} {
		for i, private := range []bool{false, true} {
			if got := mayDial(netip.MustParseAddr(addr), private, own); got != want[i] {
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

func TestPrefixesOf(t *testing.T) {
	own := prefixesOf([]net.Addr{
		&net.IPNet{IP: net.ParseIP("2600:1700:abcd:1234::5"), Mask: net.CIDRMask(128, 128)}, // by DHCPv6
		&net.IPNet{IP: net.ParseIP("2600:1700:abce::5"), Mask: net.CIDRMask(48, 128)},
		&net.IPNet{IP: net.ParseIP("198.51.7.9").To4(), Mask: net.CIDRMask(24, 32)},
		&net.IPNet{IP: net.ParseIP("198.52.7.9"), Mask: net.CIDRMask(96+20, 128)},
	})
	want := "[2600:1700:abcd:1200::/56 2600:1700:abce::/48 198.51.7.0/24 198.52.0.0/20]"
	if got := fmt.Sprint(own); got != want {
		t.Errorf("%s, want %s", got, want)
	}
}
