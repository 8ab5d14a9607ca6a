package bulletin

import (
	"crypto/ed25519"
	"encoding/json"
	"fmt"
	"time"
)

// DispositionType is the payload type of a disposition's envelope.
const DispositionType = "application/vnd.gatehouse.disposition.v1+json"

const dispositionSchema = "gatehouse.disposition/v1"

// What an agency did with a package.
const (
	Used      = "used"
	Unused    = "unused"
	Destroyed = "destroyed"
)

// places of dispositions: a package that was not used may be used later, and
// nothing comes after its end. So there are at most three of a package.
var places = map[string]int{Unused: 1, Used: 2, Destroyed: 3}

// Follows reports whether one state of a package may come after another; before is empty at first.
func Follows(before, next string) bool { return places[next] > places[before] }

// Disposition says what became of one package. It is published, and tells
// nobody whose package it was: the digest is known to those two alone.
type Disposition struct {
	Type    string    `json:"type"` // "gatehouse.disposition/v1"
	Agency  string    `json:"agency"`
	Request string    `json:"request"` // id
	SHA256  string    `json:"sha256"`  // hex, of the sealed package
	State   string    `json:"state"`   // used unused destroyed
	At      time.Time `json:"at"`
}

// OpenDisposition verifies a disposition's envelope by one of the profile's
// receipt keys: whoever has the packages says what became of them.
func OpenDisposition(envelope []byte, p VerifiedProfile) (Disposition, error) {
	w, q, r := readDisposition(envelope)
	if r != nil {
		return Disposition{}, r
	}
	signed, r := w.verify(false, p.Receipts)
	switch {
	case r != nil:
		return Disposition{}, r
	case len(signed) != 1:
		return Disposition{}, refuse(BadSignature, "The disposition is not signed by one of the agency's receipt keys.")
	case q.Agency != p.Agency:
		return Disposition{}, refuse(UnknownAgency, "The disposition is of another agency.")
	}
	return q, nil
}

// PeekDisposition reads an envelope of untrusted origin without verifying who
// signed it: to find the request that it is about.
func PeekDisposition(envelope []byte) (Disposition, error) {
	_, q, r := readDisposition(envelope)
	return q, asError(r)
}

func readDisposition(envelope []byte) (wireEnvelope, Disposition, *Refusal) {
	w, r := parseEnvelope(envelope, DispositionType, MaxReceipt)
	if r != nil {
		return w, Disposition{}, r
	}
	var q Disposition
	if r := decodeStrict(w.Payload, &q); r != nil {
		return w, Disposition{}, r
	}
	if r := checkDisposition(q); r != nil {
		return w, Disposition{}, r
	}
	return w, q, nil
}

func checkDisposition(q Disposition) *Refusal {
	var c checker
	c.must(q.Type == dispositionSchema, "The document is not a disposition of version 1.")
	c.must(IsDNSName(q.Agency), "The member agency is not a lower-case DNS name.")
	c.must(isUUID7(q.Request), "The member request is not a UUID of version 7.")
	c.matches("sha256", isHash(q.SHA256), "a hash in hex")
	c.oneOf("state", q.State, []string{Used, Unused, Destroyed})
	c.must(!q.At.IsZero(), "The member at is missing.")
	return c.r
}

// SignDisposition checks a disposition and signs it with a receipt key.
func SignDisposition(q Disposition, key ed25519.PrivateKey) ([]byte, error) {
	q.Type = dispositionSchema
	payload, err := json.Marshal(q)
	if err != nil {
		return nil, fmt.Errorf("encoding disposition: %w", err)
	}
	env, err := wireEnvelope{PayloadType: DispositionType, Payload: payload}.sign(key).encode()
	if err != nil {
		return nil, fmt.Errorf("encoding disposition: %w", err)
	}
	if _, err := PeekDisposition(env); err != nil {
		return nil, fmt.Errorf("encoding disposition: %w", err)
	}
	return env, nil
}
