package ui

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"gatehouse/hub/config"
)

// mistakes are the sentences of what can be wrong in gatehouse.yml, as package
// config has them, and the keys of their words in the console's languages.
var mistakes = map[string]string{
	storeForeign:                             "wrong.store-foreign",
	storeUnmade:                              "wrong.store-unmade",
	"should be on or off":                    "wrong.on-off",
	"is the folder of another store as well": "wrong.store-twice",
	"two cameras are called %q":              "wrong.camera-twice",
	"stands in two bulletins":                "wrong.log-twice",
	"unknown time zone; write for example Europe/Berlin":   "wrong.timezone",
	"is needed to match requests; it never leaves the hub": "wrong.position",
	"is missing":                                                      "wrong.missing",
	"should be between -90 and 90":                                    "wrong.lat",
	"should be between -180 and 180":                                  "wrong.lon",
	"should be host:port, for example 0.0.0.0:8080":                   "wrong.hostport",
	"should be auto or off":                                           "wrong.auto-off",
	"certificate and key belong together":                             "wrong.pair",
	"should be an absolute path":                                      "wrong.absolute",
	"should be a port: 1 to 65535":                                    "wrong.port",
	"should be an IP address":                                         "wrong.ip",
	"needs a port beside it":                                          "wrong.port-beside",
	"should be disk or sd":                                            "wrong.profile",
	"should not be negative":                                          "wrong.negative",
	"should be 1 to 32 of a-z, 0-9 and -":                             "wrong.name",
	"should be rtsps:// if url is, and rtsp:// if url is":             "wrong.sub-scheme",
	"should be tcp or udp":                                            "wrong.transport",
	"should be tcp with rtsps://: what comes by udp is not encrypted": "wrong.transport-tls",
	"should be sha256: and the 64 hexadecimal digits of the certificate's fingerprint":            "wrong.pin",
	"stands beside plain addresses; encrypted are rtsps:// and, for onvif and snapshot, https://": "wrong.pin-plain",
	"should be off, snapshots or live": "wrong.shown",
	"needs the camera's onvif address": "wrong.needs-onvif",
	"another camera is called so":      "wrong.label-twice",
	"should be always, motion or off":  "wrong.record",
	"needs motion.from: onvif, pictures, or off if a script of yours calls gatehouse motion": "wrong.needs-motion",
	"should be onvif, pictures or off": "wrong.motion-from",
	"should be 1 to 10":                "wrong.1-10",
	"should be 0s to 30s":              "wrong.pre-roll",
	"should be 0s to 10m":              "wrong.post-roll",
	"should be at most %d":             "wrong.at-most",
	"should have 3 to %d corners":      "wrong.corners",
	"should have corners such as [0.25, 1], from [0, 0] at the top left to [1, 1]":                                         "wrong.corner",
	"should be rtsp://[user:password@]host[:port]/path, or rtsps://, with @ : / in the password written as %%40 %%3A %%2F": "wrong.rtsp",
	"should be http://[user:password@]host[:port]%s, or https://, with @ : / in the password written as %%40 %%3A %%2F":    "wrong.http",
	"should be an address such as https://bulletin.example/":                                                               "wrong.bulletin",
	"should be https; plain http only on this machine":                                                                     "wrong.https-here",
	"should be https":   "wrong.https",
	"stands here twice": "wrong.twice",
	"should be the log's C2SP verifier key, such as bulletin.example+1c0ffee5+AZ…": "wrong.log-key",
	"should be a C2SP cosignature key, and not the log's own":                      "wrong.witness-key",
	"cannot be used together: one stands here twice":                               "wrong.witness-twice",
	"should be at least 1s":                                                                    "wrong.every",
	"should be ip:port, for example 192.168.1.20:51826":                                        "wrong.ipport",
	"cannot be used with neutral: the picture has to say what the lock approves":               "wrong.lock-neutral",
	"should be one of %s":                                                                      "wrong.one-of",
	"should be at most 60 bytes":                                                               "wrong.homekit-name",
	"not a time of day; write for example 07:30":                                               "wrong.clock",
	"not a part of the disks; write for example 10%":                                           "wrong.part",
	"not a size; write for example 10% or 50GB":                                                "wrong.quota",
	"not a size; write for example 500GB":                                                      "wrong.size",
	"should be the agency's DNS name":                                                          "wrong.agency",
	"should be above 0; leave it out if it is no condition":                                    "wrong.above-0",
	"is empty; leave it out if it is no condition":                                             "wrong.empty-condition",
	"should be such as {from: 22:00, to: 07:00}":                                               "wrong.hours",
	"min must not be negative, nor over max":                                                   "wrong.cool-min",
	"max should be over min: a part of it is random, so that nobody can tell when you decided": "wrong.cool-max",
	"should be at most 8":                                                                      "wrong.quiet-most",
	"should leave some of the day":                                                             "wrong.quiet-all",
	"should be 1 to 9":                                                                         "wrong.1-9",
	"should be 1 to 100; rules decide what rings at all":                                       "wrong.rings",
	"should be 15m to 1080h":                                                                   "wrong.case-time",
	"should be 0.065 to 100":                                                                   "wrong.case-km2",
	"larger than 1 MB":                                                                         "wrong.large",
	"more than one document":                                                                   "wrong.documents",
	"not valid YAML: %s":                                                                       "wrong.yaml-of",
	"not valid YAML":                                                                           "wrong.yaml",
	"anchors, aliases and tags are not used in this file":                                      "wrong.anchors",
	"should hold keys and values":                                                              "wrong.mapping",
	"unknown key; known here: %s":                                                              "wrong.unknown",
	"should be a list":                                                                         "wrong.list",
	"should be a single value":                                                                 "wrong.single",
	"not a duration; write for example 90s, 5m or 1h":                                          "wrong.duration",
	"should be true or false":                                                                  "wrong.bool",
	"should be a whole number":                                                                 "wrong.whole",
	"should be a number":                                                                       "wrong.number",
	"is empty":                                                                                 "wrong.label-empty",
	"is longer than 64 characters":                                                             "wrong.label-long",
	"has nothing to be seen":                                                                   "wrong.label-blank",
	"begins or ends with white space":                                                          "wrong.text-space",
	"is not in Unicode normal form C":                                                          "wrong.text-form",
	"contains a control or invisible character":                                                "wrong.text-control",
	"contains a damaged character":                                                             "wrong.text-damaged",
	"stacks too many marks on a letter":                                                        "wrong.text-marks",
}

// wrong says what a problem of the file is, in the page's language. Words of a
// library, which have none there, stay as they are.
func (l *locale) wrong(p config.Problem) string {
	form, args := p.Form, p.Args
	if form == "%s" && len(args) == 1 { // a value's own words
		form, args = fmt.Sprint(args[0]), nil
	}
	key, known := mistakes[form]
	if !known {
		first, n := utf8.DecodeRuneInString(p.Text)
		return string(unicode.ToUpper(first)) + p.Text[n:]
	}
	s := l.say(key)
	if len(args) == 1 {
		s = strings.ReplaceAll(s, "{a}", fmt.Sprint(args[0]))
	}
	return s
}
