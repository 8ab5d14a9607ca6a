package delivery

import (
	"fmt"
	"net"
	"net/netip"
	"slices"
	"syscall"
)

func newDialer(private bool) *net.Dialer {
	return &net.Dialer{Timeout: connectTime, Control: dialControl(private)}
}

// dialControl looks at the address that is dialled, after DNS, so that a name
// cannot lead into the home.
func dialControl(private bool) func(network, address string, c syscall.RawConn) error {
	return func(_, address string, _ syscall.RawConn) error {
		a, err := netip.ParseAddrPort(address)
		if err != nil {
			return errPrivate
		}
		addrs, err := net.InterfaceAddrs() // at every dial: a provider renumbers a home
		if err != nil {
			return fmt.Errorf("listing this computer's addresses: %w", err)
		}
		if !mayDial(a.Addr(), private, prefixesOf(addrs)) {
			return errPrivate
		}
		return nil
	}
}

// homeBits is how much of a global IPv6 address stands for the home. Providers
// delegate a /56 or shorter (RIPE-690), of which an interface shows one /64:
// cameras on another link of the home are at home too.
const homeBits = 56

// prefixesOf are the networks that this computer is in.
func prefixesOf(addrs []net.Addr) []netip.Prefix {
	var out []netip.Prefix
	for _, addr := range addrs {
		n, ok := addr.(*net.IPNet)
		if !ok {
			continue
		}
		a, ok := netip.AddrFromSlice(n.IP)
		bits, size := n.Mask.Size()
		if !ok || size == 0 {
			continue
		}
		if a = a.Unmap(); a.Is4() && size == 128 {
			bits -= 96
		}
		if a.Is6() {
			bits = min(bits, homeBits)
		}
		if p, err := a.Prefix(bits); err == nil && bits > 0 {
			out = append(out, p)
		}
	}
	return out
}

var (
	// global is all of IPv6 that IANA has allocated for unicast on the Internet.
	// Outside are the forms that carry an IPv4 address which would escape the
	// check: ::/96 and ::ffff:0:0:0/96; ::ffff:0:0/96 is unmapped first.
	global = netip.MustParsePrefix("2000::/3")
	// nat64 is RFC 6052's well-known prefix: a translator's way to the IPv4 address
	// in the last 32 bits.
	nat64 = netip.MustParsePrefix("64:ff9b::/96")
)

// reserved networks that netip's predicates do not know (IANA special-purpose
// registries). 2002::/16 (6to4) and 2001::/32 (Teredo) carry an IPv4 address.
var reserved = []netip.Prefix{
	netip.MustParsePrefix("0.0.0.0/8"), netip.MustParsePrefix("100.64.0.0/10"),
	netip.MustParsePrefix("192.0.0.0/24"), netip.MustParsePrefix("192.0.2.0/24"), netip.MustParsePrefix("192.88.99.0/24"),
	netip.MustParsePrefix("198.18.0.0/15"), netip.MustParsePrefix("198.51.100.0/24"),
	netip.MustParsePrefix("203.0.113.0/24"), netip.MustParsePrefix("240.0.0.0/4"),
	netip.MustParsePrefix("2001::/23"), netip.MustParsePrefix("2001:db8::/32"),
	netip.MustParsePrefix("2002::/16"), netip.MustParsePrefix("3fff::/20"),
}

// mayDial lets through public unicast addresses outside the computer's own
// networks; all unicast ones if the owner allows private addresses for the agency.
func mayDial(a netip.Addr, private bool, own []netip.Prefix) bool {
	a = a.Unmap().WithZone("")
	if nat64.Contains(a) {
		b := a.As16()
		a = netip.AddrFrom4([4]byte(b[12:]))
	}
	if !a.IsValid() || a.IsUnspecified() || a.IsMulticast() {
		return false
	}
	if private {
		return true
	}
	if a.IsPrivate() || a.IsLoopback() || a.IsLinkLocalUnicast() || !a.IsGlobalUnicast() || a.Is6() && !global.Contains(a) {
		return false
	}
	within := func(p netip.Prefix) bool { return p.Contains(a) }
	return !slices.ContainsFunc(own, within) && !slices.ContainsFunc(reserved, within)
}
