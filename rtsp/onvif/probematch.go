package onvif

import (
	"net/netip"
	"net/url"
	"slices"
	"strings"
)

// Found is a device that answered a probe. All but Source and Interface is what
// it says of itself.
type Found struct {
	Endpoint  string     `json:"endpoint"` // its stable address, usually urn:uuid:…
	XAddrs    []string   `json:"xaddrs"`   // of its device service
	Name      string     `json:"name"`
	Hardware  string     `json:"hardware"`
	Location  []string   `json:"location"`
	Source    netip.Addr `json:"source"`    // who answered
	Interface string     `json:"interface"` // where; empty for a probe of one address
}

const (
	maxMatches = 16 // in one answer: a recorder may answer for its channels
	maxXAddrs  = 8
	maxScopes  = 64
)

// parseProbeMatches reads the devices in a ProbeMatches message (WS-Discovery,
// 5.3) that answers one of the probes. Anything else gives none.
func parseProbeMatches(b []byte, probes []string) (list []Found) {
	root, err := parseXML(b)
	if err != nil || root.name.Local != "Envelope" {
		return nil
	}
	relates := root.value("Header", "RelatesTo")
	if !slices.ContainsFunc(probes, func(id string) bool { return strings.HasSuffix(strings.ToLower(relates), id) }) {
		return nil
	}
	all := root.at("Body", "ProbeMatches").all("ProbeMatch")
	for _, m := range all[:min(len(all), maxMatches)] {
		if f, ok := parseProbeMatch(m); ok {
			list = append(list, f)
		}
	}
	return list
}

func parseProbeMatch(m *node) (f Found, ok bool) {
	types := strings.Fields(m.value("Types"))
	if !slices.ContainsFunc(types, func(t string) bool { return local(t) == "NetworkVideoTransmitter" || local(t) == "Device" }) {
		return f, false
	}
	f.Endpoint = plain(m.value("EndpointReference", "Address"), maxText)
	for _, x := range strings.Fields(m.value("XAddrs")) {
		u, _, _, err := parseAddress(x)
		if err == nil && len(x) <= maxAddress && len(f.XAddrs) < maxXAddrs && !slices.Contains(f.XAddrs, u.String()) {
			f.XAddrs = append(f.XAddrs, u.String())
		}
	}
	scopes := strings.Fields(m.value("Scopes"))
	for _, s := range scopes[:min(len(scopes), maxScopes)] {
		f.scope(s)
	}
	return f, len(f.XAddrs) > 0
}

// scope takes over an ONVIF scope (Core 7.3.2.2): onvif://www.onvif.org/name/Porch%20cam.
func (f *Found) scope(s string) {
	rest, ok := strings.CutPrefix(s, "onvif://www.onvif.org/")
	kind, value, _ := strings.Cut(rest, "/")
	text, err := url.PathUnescape(value)
	if !ok || err != nil || text == "" {
		return
	}
	switch text = plain(text, maxText); strings.ToLower(kind) {
	case "name":
		f.Name = text
	case "hardware":
		f.Hardware = text
	case "location":
		if len(f.Location) < maxXAddrs && !slices.Contains(f.Location, text) {
			f.Location = append(f.Location, text)
		}
	}
}

// merge takes over what another answer of the same device adds.
func (f *Found) merge(g Found) {
	for _, x := range g.XAddrs {
		if len(f.XAddrs) < maxXAddrs && !slices.Contains(f.XAddrs, x) {
			f.XAddrs = append(f.XAddrs, x)
		}
	}
	for _, l := range g.Location {
		if len(f.Location) < maxXAddrs && !slices.Contains(f.Location, l) {
			f.Location = append(f.Location, l)
		}
	}
	if f.Name == "" {
		f.Name = g.Name
	}
	if f.Hardware == "" {
		f.Hardware = g.Hardware
	}
}

// Address is where to speak with the device, at the host that answered.
func (f Found) Address() string { return f.AddressAt(f.Source.String()) }

// AddressAt is where to speak with the device at a host it is known by: the
// first address it gives for that host, or for the one that answered, or else
// the first it gives. The host is always the one named: what a device says of
// another is not followed.
func (f Found) AddressAt(host string) string {
	best := ""
	for _, x := range f.XAddrs {
		u, err := url.Parse(x)
		if err != nil {
			continue
		}
		said := u.Hostname()
		ip, err := netip.ParseAddr(said)
		own := strings.EqualFold(said, host) || err == nil && ip.WithZone("") == f.Source.WithZone("")
		if u.Host = joinHost(host, u.Port()); own {
			return u.String()
		}
		if best == "" {
			best = u.String()
		}
	}
	return best
}
