package onvif

import (
	"errors"
	"net"
	"net/url"
	"strings"

	"gatehouse/rtsp"
)

// servicePath is where every ONVIF device has its device service (Core 5.1).
const servicePath = "/onvif/device_service"

var errAddress = errors.New("not an http:// or https:// address")

// parseAddress reads the address of a device service. Its errors never quote it.
func parseAddress(s string) (u *url.URL, user, pass string, err error) {
	u, err = url.Parse(s)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" || u.Opaque != "" || u.Fragment != "" {
		return nil, "", "", errAddress
	}
	if u.User != nil {
		user = u.User.Username()
		pass, _ = u.User.Password()
		u.User = nil
	}
	if u.Path == "" || u.Path == "/" {
		u.Path = servicePath
	}
	return u, user, pass, nil
}

var errPin = errors.New("a pinned certificate is sha256: and 64 hexadecimal digits")

// parsePin reads the fingerprint of a certificate. An empty text is no pin.
func parsePin(s string) (*rtsp.Pin, error) {
	if s == "" {
		return nil, nil
	}
	p, ok := rtsp.ParsePin(s)
	if !ok {
		return nil, errPin
	}
	return &p, nil
}

// resolve turns an address that the device gave into one that is used. A device
// behind a translation, with two interfaces or with a stale configuration calls
// itself by a host that cannot be reached or is somebody else, and whoever
// answers there would be sent the owner's login. So:
//
//   - the host is always the one that was reached;
//   - the port is the device's, unless it is the one by which the device knows
//     its own device service: that one is reached at the port it was reached at;
//   - what was reached over TLS is never spoken to without;
//   - a user name or password in it is dropped.
//
// It returns nil for what is no address of one of the schemes.
func (c *Camera) resolve(said string, ownPort string, schemes ...string) *url.URL {
	u, err := url.Parse(strings.TrimSpace(said))
	if err != nil || u.Opaque != "" || len(said) > maxAddress {
		return nil
	}
	u.Scheme = strings.ToLower(u.Scheme)
	known := false
	for _, s := range schemes {
		known = known || u.Scheme == s
	}
	if !known {
		return nil
	}
	web := u.Scheme == "http" || u.Scheme == "https"
	port := u.Port()
	if web && (portOf(u) == ownPort || c.base.Scheme == "https" && u.Scheme == "http") {
		u.Scheme, port = c.base.Scheme, c.base.Port()
	}
	u.Host = joinHost(c.base.Hostname(), port)
	u.User, u.Fragment, u.RawFragment = nil, "", ""
	u.RawQuery = strings.ReplaceAll(u.RawQuery, " ", "%20")
	return u
}

// maxAddress bounds an address; ONVIF's anyURI has no bound of its own.
const maxAddress = 2048

// portOf is a URL's port, also if it is its scheme's own.
func portOf(u *url.URL) string {
	switch p := u.Port(); {
	case p != "":
		return p
	case u.Scheme == "https":
		return "443"
	default:
		return "80"
	}
}

func joinHost(host, port string) string {
	if port != "" {
		return net.JoinHostPort(host, port)
	}
	if strings.Contains(host, ":") {
		return "[" + host + "]"
	}
	return host
}
