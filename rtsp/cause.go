package rtsp

import (
	"maps"
	"strconv"
	"strings"
)

// Cause is why a camera, or its ONVIF service, is of no use now, more exactly than a Reason: a code that
// never changes, for programs that say it in other languages. It quotes nothing
// of what a camera wrote. The zero value is none.
type Cause struct {
	Code   string // one of Causes
	Status int    // the error that the camera answered with; 0 if none
	Pin    string // SHA-256 of the certificate that the camera shows; empty if that is not the matter
}

// causes are the codes with their English sentences.
var causes = map[string]string{
	"camera-status":      "The camera answered with error {status}.",
	"camera-login":       "The camera does not accept the user name or password.",
	"camera-login-kind":  "The camera asks for a login of a kind that is not known.",
	"camera-no-codec":    "The camera offers no video or sound that can be stored.",
	"camera-restarted":   "The camera restarted its encoder.",
	"camera-garbage":     "What the camera sends cannot be read.",
	"camera-stalled":     "The camera stays connected but sends no pictures.",
	"camera-silent":      "The camera does not answer.",
	"camera-way":         "The camera does not send in the way that it was asked to.",
	"camera-srtp":        "The camera encrypts its pictures by SRTP, which Gatehouse does not read. rtsps:// encrypts them as well.",
	"camera-pin":         "The camera shows another certificate than the one that is pinned: {pin}. Find out why before you change the pin.",
	"camera-untrusted":   "The camera's certificate is not vouched for by anybody this machine trusts. If the camera shows the same fingerprint, pin it with tls: {pin}.",
	"camera-handshake":   "No encrypted connection to the camera could be made: does it speak RTSPS, TLS 1.2 or newer, on this port?",
	"camera-name":        "The camera's name cannot be resolved.",
	"camera-unreachable": "The camera cannot be reached.",
	"camera-closed":      "The camera closed the connection.",
	"camera-closed-soon": "The camera closed the connection before it sent anything.",
	"camera-odd":         "The camera's answer was not understood.",
	"camera-address":     "The camera's address is not an rtsp:// or rtsps:// address.",
	"camera-transport":   "The camera's transport is not known.",
	"camera-udp":         "Pictures that come by UDP are not encrypted: an rtsps:// address needs TCP.",
	"camera-pin-plain":   "A certificate is pinned, but the address is not an rtsps:// address.",
	"camera-pin-form":    "The pinned certificate is not sha256: and 64 hexadecimal digits.",
	"camera-moved":       "The camera sends Gatehouse on to another host. If that is right, give the new address.",
	"camera-moves":       "The camera sends Gatehouse from one address to the next without end.",
	"camera-no-udp":      "The camera does not send by UDP.",
	"camera-no-tcp":      "The camera does not send over TCP. Set transport: udp for it.",
	"camera-deaf":        "The camera answers, but nothing that it sends by UDP arrives: a firewall may be in between.",
	"onvif-login":        "The camera's ONVIF service does not accept the user name or password.",
	"onvif-pin":          "The camera's ONVIF service shows another certificate than the one that is pinned: {pin}. Find out why before you change the pin.",
	"onvif-untrusted":    "The certificate of the camera's ONVIF service is not vouched for by anybody this machine trusts. If the camera shows the same fingerprint, pin it: {pin}.",
	"onvif-no-media":     "The device names no media service.",
	"onvif-no-events":    "The device names no event service.",
	"onvif-no-snapshot":  "The device has no snapshot.",
	"onvif-garbage":      "What the camera's ONVIF service answers cannot be read.",
	"onvif-moved":        "The camera's ONVIF service sends its clients to another address; it may want https://.",
	"onvif-status":       "The camera's ONVIF service answered with error {status}.",
	"onvif-refused":      "The camera's ONVIF service refused what was asked of it.",
	"onvif-silent":       "The camera's ONVIF service does not answer.",
	"onvif-unreachable":  "The camera's ONVIF service cannot be reached.",
	"camera-shutdown":    "Gatehouse stopped reading the camera.",
}

// Causes are all codes, each with its English sentence and {places} for what
// Words returns.
func Causes() map[string]string { return maps.Clone(causes) }

// Words returns the code, and what stands in the places of its sentence as name,
// value, name, value.
func (c Cause) Words() (code string, args []any) {
	if c.Status != 0 {
		args = append(args, "status", strconv.Itoa(c.Status))
	}
	if c.Pin != "" {
		args = append(args, "pin", c.Pin)
	}
	return c.Code, args
}

// String is the cause as an English sentence; empty if there is none.
func (c Cause) String() string {
	return strings.NewReplacer("{status}", strconv.Itoa(c.Status), "{pin}", c.Pin).Replace(causes[c.Code])
}
