package bulletin

import (
	"encoding/hex"
	"encoding/json"
	"net/url"
	"strings"
	"time"
)

const requestSchema = "gatehouse.request/v1"

// Categories of incidents that a request may be about.
func Categories() []string {
	return []string{
		"arson", "assault", "burglary", "fire", "hate_crime", "hit_and_run", "homicide", "kidnapping",
		"missing_person", "package_theft", "robbery", "sexual_assault", "shooting", "theft", "traffic_crash",
		"trespass", "vandalism", "vehicle_break_in", "vehicle_theft", "other",
	}
}

// Attestations are what an agency may attest a request is not related to.
func Attestations() []string {
	return []string{
		"protest", "immigration", "reproductive_health", "gender_care", "journalism", "labour_action", "religion",
	}
}

// Delivery kinds of a [Target].
const (
	Tus      = "tus"
	HTTPSPut = "https_put"
	SFTP     = "sftp"
	WebDAV   = "webdav"
	Portal   = "portal"    // a person follows a link
	InPerson = "in_person" // without a URL
)

// OpenRequest verifies a request's envelope: one signature of an officer key and
// one of a supervisor key of p, by different keys, then the strict schema.
// It applies no limit that depends on the time; see CheckLimits.
func OpenRequest(envelope []byte, p VerifiedProfile) (Request, error) {
	r, refusal := openRequest(envelope, p)
	return r, asError(refusal)
}

func openRequest(envelope []byte, p VerifiedProfile) (Request, *Refusal) {
	w, r := parseEnvelope(envelope, RequestType, MaxRequest)
	if r != nil {
		return Request{}, r
	}
	if r := twoRoles(w, p.Profile); r != nil {
		return Request{}, r
	}
	q, r := parseRequest(w.Payload)
	if r != nil {
		return Request{}, r
	}
	if r := bound(q, p); r != nil {
		return Request{}, r
	}
	return q, nil
}

// twoRoles wants exactly one officer and one supervisor to have signed. The
// roles are disjoint in a profile that OpenProfile let through; a profile made
// otherwise is held to it here.
func twoRoles(w wireEnvelope, p Profile) *Refusal {
	signed, r := w.verify(false, p.Officers, p.Supervisors)
	if r != nil {
		return r
	}
	officers, supervisors := signed.of(p.Officers), signed.of(p.Supervisors)
	switch {
	case officers+supervisors > len(signed):
		return refuse(DoubleRole, "One key stands in two roles.")
	case officers == 0:
		return refuse(MissingRole, "No officer has signed the request.")
	case supervisors == 0:
		return refuse(MissingRole, "No supervisor has signed the request.")
	case officers > 1 || supervisors > 1:
		return refuse(BadSignature, "The request has more signatures than one of an officer and one of a supervisor.")
	}
	return nil
}

// bound wants the request to be of the profile's agency, under that very profile.
func bound(q Request, p VerifiedProfile) *Refusal {
	if q.Agency != p.Agency {
		return refuse(UnknownAgency, "The request names another agency than the profile.")
	}
	if q.Profile != hex.EncodeToString(p.Hash[:]) {
		return refuse(OldProfile, "The request was made under another profile of the agency.")
	}
	return nil
}

// parseRequest decodes and checks a request's schema.
func parseRequest(payload []byte) (Request, *Refusal) {
	var q Request
	if len(payload) > MaxRequest {
		return q, refuse(TooLarge, "The request is larger than 8 KiB.")
	}
	if r := decodeStrict(payload, &q); r != nil {
		return Request{}, r
	}
	if r := checkRequest(q); r != nil {
		return Request{}, r
	}
	return q, nil
}

func checkRequest(q Request) *Refusal {
	var c checker
	c.must(q.Type == requestSchema, "The document is not a request of version 1.")
	c.matches("id", isUUID7(q.ID), "a UUID of version 7")
	c.must(q.Revision >= 1 && q.Revision <= q.lastRevision(), "The member revision is not 1, 2 or 3, or 4 to end the request.")
	c.must((q.Revision == 1) == (q.Supersedes == ""), "A first revision supersedes nothing, a later one names what it supersedes.")
	if q.Supersedes != "" {
		c.matches("supersedes", isHash(q.Supersedes), "a hash in hex")
	}
	c.oneOf("status", string(q.Status), []string{string(StatusOpen), string(StatusClosed), string(StatusWithdrawn)})
	c.must(IsDNSName(q.Agency), "The member agency is not a lower-case DNS name.")
	c.matches("profile", isHash(q.Profile), "a hash in hex")
	c.theCase(q.Case, q.IssuedAt)
	c.incident(q.Incident)
	c.text("area.description", q.Area.Description, 3, 200)
	c.must(q.Cameras == "exterior", "The member cameras is not \"exterior\".")
	c.must(q.Basis == "voluntary", "The member basis is not \"voluntary\".")
	c.people(q.AuthorisedBy)
	c.delivery(q.Delivery)
	c.handling(q.Handling)
	c.translations(q.Lang)
	return c.r
}

// lastRevision leaves room to close or withdraw a request that used up its revisions.
func (q Request) lastRevision() int {
	if q.Status == StatusOpen {
		return MaxRevision
	}
	return MaxRevision + 1
}

func (c *checker) theCase(k Case, issued time.Time) {
	c.text("case.number", k.Number, 3, 40)
	opened, err := time.Parse(time.DateOnly, k.OpenedOn)
	c.must(err == nil, "The member case.opened_on is not a date such as 2026-11-21.")
	// The date is local to the agency, which may be up to 14 hours ahead of UTC.
	c.must(!opened.After(issued.Add(14*time.Hour)), "The case was opened after the request was issued.")
	c.must(k.State == "active", "The case is not an active investigation.")
	c.text("case.attestation", k.Attestation, 3, 200)
}

func (c *checker) incident(i Incident) {
	c.oneOf("incident.category", i.Category, Categories())
	if i.Statute != "" {
		c.text("incident.statute", i.Statute, 2, 80)
	}
	c.must(!i.Occurred.To.Before(i.Occurred.From), "The incident ends before it begins.")
	c.text("incident.headline", i.Headline, 3, 80)
	c.text("incident.summary", i.Summary, 3, 600)
	c.distinct("incident.not_related_to", i.NotRelatedTo)
	for _, s := range i.NotRelatedTo {
		c.oneOf("incident.not_related_to", s, Attestations())
	}
}

func (c *checker) people(a Authorised) {
	o, s := a.Officer, a.Supervisor
	c.text("authorised_by.officer.name", o.Name, 2, 80)
	c.text("authorised_by.officer.badge", o.Badge, 1, 20)
	c.text("authorised_by.officer.unit", o.Unit, 2, 80)
	c.matches("authorised_by.officer.phone", phone.MatchString(o.Phone), "a telephone number")
	c.must(isEmail(o.Email), "The member authorised_by.officer.email is not an e-mail address.")
	c.text("authorised_by.supervisor.name", s.Name, 2, 80)
	c.text("authorised_by.supervisor.badge", s.Badge, 1, 20)
	c.must(s.Unit == "" && s.Phone == "" && s.Email == "", "A supervisor is named by name and badge only.")
	c.must(!strings.EqualFold(o.Badge, s.Badge), "Officer and supervisor have the same badge.")
}

func (c *checker) delivery(d DeliveryTerms) {
	c.matches("delivery.recipient", isHash(d.Recipient), "a hash in hex")
	c.count("delivery.targets", len(d.Targets), 1, 8)
	for _, t := range d.Targets {
		_, ok := t.Host()
		c.must(ok, "A delivery target is not one of the kinds allowed, with the address that its kind needs.")
	}
}

func (c *checker) handling(h Handling) {
	c.must(h.RetentionDays >= 1 && h.RetentionDays <= 36525, "The member handling.retention_days is not from 1 to 36525.")
	c.must(h.UnusedDeleteDays >= 1 && h.UnusedDeleteDays <= 3650, "The member handling.unused_delete_days is not from 1 to 3650.")
	c.must(h.Onward == (len(h.OnwardTo) > 0), "Footage is passed on to somebody named, or not at all.")
	c.count("handling.onward_to", len(h.OnwardTo), 0, 16)
	c.distinct("handling.onward_to", h.OnwardTo)
	for _, s := range h.OnwardTo {
		c.text("handling.onward_to", s, 2, 100)
	}
	c.contact("handling.deletion_contact", h.DeletionContact, 3, 200)
}

func (c *checker) translations(list []Translation) {
	c.count("lang", len(list), 0, 8)
	var tags []string
	for _, t := range list {
		c.matches("lang.tag", language.MatchString(t.Tag), "a language tag such as es or zh-Hant")
		c.text("lang.headline", t.Headline, 3, 80)
		c.text("lang.summary", t.Summary, 3, 600)
		c.text("lang.area", t.Area, 3, 200)
		tags = append(tags, t.Tag)
	}
	c.distinct("lang", tags)
}

// Host returns the target's host as a profile lists it, "" for one in person;
// ok is false if the target is malformed.
func (t Target) Host() (host string, ok bool) {
	scheme := ""
	switch t.Kind {
	case InPerson:
		return "", t.URL == ""
	case Tus, HTTPSPut, WebDAV, Portal:
		scheme = "https"
	case SFTP:
		scheme = "sftp"
	}
	u, err := url.Parse(t.URL)
	if err != nil || len(t.URL) > 500 || scheme == "" || u.Scheme != scheme || u.User != nil ||
		u.Opaque != "" || strings.ContainsAny(t.URL, "#\\ ") || (u.RawQuery != "" && t.Kind != HTTPSPut && t.Kind != Portal) {
		return "", false
	}
	host = u.Host
	if u.Scheme == "sftp" && u.Port() == "" {
		host += ":22"
	}
	return host, isHostPort(host)
}

// PeekRequest reads agency and id of an unverified envelope, for rows about
// refused ones; each is empty if it is not of its form.
func PeekRequest(envelope []byte) (agency, id string) {
	w, r := parseEnvelope(envelope, RequestType, MaxEnvelope)
	if r != nil {
		return "", ""
	}
	var q struct {
		Agency string `json:"agency"`
		ID     string `json:"id"`
	}
	if err := json.Unmarshal(w.Payload, &q); err != nil {
		return "", ""
	}
	if IsDNSName(q.Agency) {
		agency = q.Agency
	}
	if isUUID7(q.ID) {
		id = q.ID
	}
	return agency, id
}
