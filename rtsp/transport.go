package rtsp

import (
	"errors"
	"strconv"
	"strings"
)

// Transport is how RTP and RTCP travel from the camera.
type Transport string

// Transports of a Source.
const (
	TCP Transport = "tcp" // interleaved in the RTSP connection (RFC 2326 10.12); the default
	UDP Transport = "udp" // in datagrams; what is lost is lost
)

var (
	errTransport = errors.New("the answer to SETUP names no transport that was asked for")
	errSRTP      = errors.New("the answer to SETUP names SRTP")
)

// setupAnswer is what Gatehouse uses of the Transport header in an answer to
// SETUP (RFC 2326 12.39).
type setupAnswer struct {
	udp      bool
	secure   bool    // SRTP (RFC 3711)
	many     bool    // multicast
	channels [2]byte // of RTP and RTCP, if interleaved is set
	has      bool    // interleaved is set
	ports    [2]int  // server_port of RTP and RTCP; 0 if not told
}

// parseSetupAnswer reads a Transport header. What it does not use may be
// malformed: cameras quote, misspell and repeat parameters.
func parseSetupAnswer(header string) (setupAnswer, error) {
	var a setupAnswer
	header, _, _ = strings.Cut(header, ",") // an answer names one transport
	spec, params, _ := strings.Cut(header, ";")
	switch strings.ToUpper(strings.TrimSpace(spec)) {
	case "RTP/AVP", "RTP/AVP/UDP":
		a.udp = true
	case "RTP/AVP/TCP":
	case "RTP/SAVP", "RTP/SAVP/UDP":
		a.udp, a.secure = true, true
	case "RTP/SAVP/TCP":
		a.secure = true
	default:
		return a, errTransport
	}
	for _, p := range strings.Split(params, ";") {
		name, value, _ := strings.Cut(p, "=")
		switch strings.ToLower(strings.TrimSpace(name)) {
		case "multicast":
			a.many = true
		case "interleaved":
			lo, hi, ok := parseRange(value, 255)
			if !ok {
				return a, errTransport
			}
			a.channels, a.has = [2]byte{byte(lo), byte(hi)}, true
		case "server_port":
			lo, hi, ok := parseRange(value, 65535)
			if !ok || lo == 0 {
				continue // as if not told
			}
			a.ports = [2]int{lo, hi}
		}
	}
	return a, nil
}

// parseRange reads "4-5", or "4" for the same. Both ends are at most limit and
// differ.
func parseRange(s string, limit int) (lo, hi int, ok bool) {
	first, second, both := strings.Cut(strings.Trim(strings.TrimSpace(s), `"`), "-")
	a, err := strconv.ParseUint(strings.TrimSpace(first), 10, 16)
	if err != nil {
		return 0, 0, false
	}
	b := a + 1
	if both {
		if b, err = strconv.ParseUint(strings.TrimSpace(second), 10, 16); err != nil {
			return 0, 0, false
		}
	}
	if a == b || max(a, b) > uint64(limit) {
		return 0, 0, false
	}
	return int(a), int(b), true
}

// parseSession reads a Session header (RFC 2326 12.37). seconds is 0 if the
// camera tells no timeout, or none that can be read.
func parseSession(header string) (id string, seconds int) {
	id, params, _ := strings.Cut(header, ";")
	for _, p := range strings.Split(params, ";") {
		name, value, _ := strings.Cut(p, "=")
		if !strings.EqualFold(strings.TrimSpace(name), "timeout") {
			continue
		}
		if n, err := strconv.ParseUint(strings.TrimSpace(value), 10, 32); err == nil {
			seconds = int(min(n, 1<<30))
		}
	}
	return strings.TrimSpace(id), seconds
}
