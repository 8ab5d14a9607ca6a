package ui

import (
	"regexp"
	"strings"
)

// reasons are the hub's sentences about what became of a request and of what was
// sent. They are kept in records in the words in which they were written.
var reasons = map[string]string{
	"The area asked for does not touch your home.":                                                "became.elsewhere",
	"No exterior camera has footage of the time asked for.":                                       "became.no-footage",
	"The agency closed the request.":                                                              "became.closed",
	"The agency withdrew the request.":                                                            "became.withdrew",
	"The agency closed the request after you approved it.":                                        "became.closed-approved",
	"The agency withdrew the request after you approved it.":                                      "became.withdrew-approved",
	"The agency closed the request after you handed the footage over.":                            "became.closed-handed",
	"The agency withdrew the request after you handed the footage over.":                          "became.withdrew-handed",
	"The sealed file is not the one you approved any more, so nothing of it is sent.":             "delivery.digest",
	"The agency's profile cannot be read.":                                                        "delivery.profile",
	"The request names no upload address that can be used.":                                       "delivery.target",
	"The sealed file cannot be read.":                                                             "delivery.file",
	"The receiver's key is not the one in the agency's signed profile, so nothing is sent to it.": "delivery.pin",
	"The receiver's address is in a private network, which you have not allowed for this agency.": "delivery.private",
	"The receiver names a host that is not in the agency's signed profile.":                       "delivery.host",
	"The receiver's receipt is not valid for this package.":                                       "delivery.receipt",
	"The receiver has received everything but has not signed yet.":                                "delivery.no-receipt",
	"There is another file at the upload address already, which is never replaced.":               "delivery.taken",
	"The receiver does not let this hub log in.":                                                  "delivery.login",
	"The receiver's folder for uploads is missing, or takes none.":                                "delivery.folder",
	"This hub could not look up whether the agency may still have it.":                            "delivery.unchecked",
	"The receiver's answers make no sense.":                                                       "delivery.protocol",
	"The receiver has no key of the pinned kind, or no encryption that is good enough.":           "delivery.algorithm",
	"The receiver's certificate is not one that this computer trusts.":                            "delivery.certificate",
	"The receiver does not answer.":                                                               "delivery.silent",
	"The receiver points to another address, which is never followed.":                            "delivery.elsewhere",
	"The package is larger than the receiver takes.":                                              "delivery.large",
	"The receiver refuses the package (status %d).":                                               "delivery.refused",
	"The receiver is busy or has lost the upload.":                                                "delivery.busy",
	"The receiver does not accept uploads now (status %d).":                                       "delivery.not-now",
	"The receiver is in trouble (status %d).":                                                     "delivery.trouble",
	"Given up after 14 days.":                                                                     "delivery.given-up",
	"You cancelled it.":                                                                           "delivery.cancelled",
	"It was withdrawn before anything of it was sent.":                                            "delivery.withdrawn",
	"The request was made under root keys of the agency that are not those you confirmed.":        "delivery.keys",
	"The agency has revoked a key that signed the request.":                                       "delivery.revoked-key",
	"The agency has revoked the key that the footage would be encrypted to.":                      "delivery.revoked-recipient",
	"The agency no longer receives at the host that the request names, or its key is another.":    "delivery.moved",
}

// statusIn is the one number that such a sentence may have.
var statusIn = regexp.MustCompile(`\(status (\d+)\)`)

// told says a record's sentences in the page's language, one after the other. What
// has no words there leaves all of it as it was written.
func (l *locale) told(text string) string {
	var out []string
	for rest := text; rest != ""; {
		sentence, after := rest, ""
		if i := strings.Index(rest, ". "); i >= 0 {
			sentence, after = rest[:i+1], rest[i+2:]
		}
		number := statusIn.FindStringSubmatch(sentence)
		key := reasons[statusIn.ReplaceAllString(sentence, "(status %d)")]
		if key == "" {
			return text
		}
		s := l.say(key)
		if number != nil {
			s = strings.ReplaceAll(s, "{n}", number[1])
		}
		out, rest = append(out, s), after
	}
	return strings.Join(out, " ")
}
