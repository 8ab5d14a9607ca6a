package agency

import (
	"encoding/hex"
	"fmt"
	"strings"
	"time"

	"gatehouse/hub/bulletin"
)

// RequestWords says a request in words, one line a member: what its two
// signers read, whatever file it came in.
func RequestWords(q bulletin.Request, p bulletin.VerifiedProfile) string {
	var b strings.Builder
	line := func(label, format string, a ...any) { fmt.Fprintf(&b, "%-10s %s\n", label, fmt.Sprintf(format, a...)) }
	line("request", "%s, revision %d, %s", q.ID, q.Revision, q.Status)
	line("agency", "%s (%s), profile version %d", p.Name, q.Agency, p.Version)
	if q.Profile != hex.EncodeToString(p.Hash[:]) {
		line("", "It was made under another profile than this one.")
	}
	line("case", "%s, opened %s, %s", q.Case.Number, q.Case.OpenedOn, q.Case.State)
	line("attested", "%s", q.Case.Attestation)
	line("incident", "%s: %s", q.Incident.Category, q.Incident.Headline)
	line("", "%s", q.Incident.Summary)
	if len(q.Incident.NotRelatedTo) > 0 {
		line("not about", "%s", strings.Join(q.Incident.NotRelatedTo, ", "))
	}
	line("window", "%s to %s UTC (%s)", minute(q.Window.From), minute(q.Window.To), q.Window.To.Sub(q.Window.From))
	c := middle(q.Area.Ring)
	line("area", "%.3f km² around %.5f, %.5f: %s", bulletin.SquareKM(q.Area.Ring), c.Lat, c.Lon, q.Area.Description)
	line("cameras", "%s; %s", q.Cameras, q.Basis)
	line("officer", "%s", person(q.AuthorisedBy.Officer))
	line("supervisor", "%s", person(q.AuthorisedBy.Supervisor))
	line("issued", "%s UTC", minute(q.IssuedAt))
	line("expires", "%s UTC", minute(q.ExpiresAt))
	for _, t := range q.Delivery.Targets {
		line("sent to", "%s %s", t.Kind, t.URL)
	}
	for _, r := range p.Recipients {
		if bulletin.Fingerprint(r) == q.Delivery.Recipient {
			line("opened by", "whoever has the key of %s", r)
		}
	}
	h := q.Handling
	line("handling", "kept %d days, unused deleted after %d; %s; %s; deletion: %s", h.RetentionDays, h.UnusedDeleteDays,
		either(h.Onward, "passed on to "+strings.Join(h.OnwardTo, ", "), "not passed on"),
		either(h.FaceRecognition, "faces are recognised", "no face recognition"), h.DeletionContact)
	for _, l := range q.Lang {
		line("in "+l.Tag, "%s: %s (%s)", l.Headline, l.Summary, l.Area)
	}
	return b.String()
}

// ProfileWords says a profile in words, for the roots who sign it.
func ProfileWords(p bulletin.Profile) string {
	var b strings.Builder
	line := func(label, format string, a ...any) { fmt.Fprintf(&b, "%-10s %s\n", label, fmt.Sprintf(format, a...)) }
	line("profile", "version %d of %s (%s), %s", p.Version, p.Name, p.Agency, p.Level)
	line("valid", "%s to %s UTC", minute(p.IssuedAt), minute(p.Expires))
	c := middle(p.Jurisdiction)
	line("covers", "%.0f km² around %.4f, %.4f", bulletin.SquareKM(p.Jurisdiction), c.Lat, c.Lon)
	keys := func(label string, list []bulletin.PublicKey) {
		for _, k := range list {
			line(label, "%s", short(k))
		}
	}
	line("roots", "%d of these %d sign profiles", p.Root.Threshold, len(p.Root.Keys))
	keys("root", p.Root.Keys)
	keys("officer", p.Officers)
	keys("supervisor", p.Supervisors)
	keys("receipts", p.Receipts)
	for _, r := range p.Recipients {
		line("opened by", "%s", r)
	}
	for _, u := range p.UploadHosts {
		line("received", "at %s %s", u.Host, either(u.SPKI != nil, "with a pinned TLS key", u.SSHUser))
	}
	line("call back", "%s", p.CallBack)
	line("policy", "%s", p.Policy)
	line("oversight", "%s", p.Oversight)
	return b.String()
}

func minute(t time.Time) string { return t.UTC().Format("2006-01-02 15:04") }

func either(yes bool, a, b string) string {
	if yes {
		return a
	}
	return b
}

func person(o bulletin.Officer) string {
	var parts []string
	for _, s := range []string{o.Name, "badge " + o.Badge, o.Unit, o.Phone, o.Email} {
		if s != "" {
			parts = append(parts, s)
		}
	}
	return strings.Join(parts, ", ")
}

// middle is the mean of a ring's corners, good enough to find it on a map.
func middle(ring []bulletin.Point) (c bulletin.Point) {
	if len(ring) < 2 {
		return c
	}
	for _, p := range ring[1:] {
		c.Lat += p.Lat / float64(len(ring)-1)
		c.Lon += p.Lon / float64(len(ring)-1)
	}
	return c
}
