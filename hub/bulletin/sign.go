package bulletin

import (
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"fmt"
)

// ErrNotListed is the error of signing with a key that the profile does not list for it.
var ErrNotListed = errors.New("the profile does not list this key for that role")

// ErrSignedAlready is the error of a root that signs a profile twice.
var ErrSignedAlready = errors.New("this key has signed already")

// SignProfile checks a profile and signs it with root keys. The result is
// opened again, so that what it returns is a valid profile; during a rotation
// the old root's keys sign too.
func SignProfile(p Profile, roots ...ed25519.PrivateKey) ([]byte, error) {
	p.Type = profileSchema
	payload, err := compact(p)
	if err != nil {
		return nil, fmt.Errorf("encoding profile: %w", err)
	}
	w := wireEnvelope{PayloadType: ProfileType, Payload: payload}
	for _, k := range roots {
		w = w.sign(k)
	}
	env, err := w.encode()
	if err != nil {
		return nil, fmt.Errorf("encoding profile: %w", err)
	}
	if _, err := OpenProfile(env); err != nil {
		return nil, fmt.Errorf("signing profile: %w", err)
	}
	return env, nil
}

// NewProfile checks a profile's schema and wraps it in an envelope that no root has signed yet.
func NewProfile(p Profile) ([]byte, error) {
	p.Type = profileSchema
	payload, err := compact(p)
	if err != nil {
		return nil, fmt.Errorf("encoding profile: %w", err)
	}
	env, err := wireEnvelope{PayloadType: ProfileType, Payload: payload}.encode()
	if err != nil {
		return nil, fmt.Errorf("encoding profile: %w", err)
	}
	if _, _, err := ReadProfile(env, nil); err != nil {
		return nil, fmt.Errorf("encoding profile: %w", err)
	}
	return env, nil
}

// ParseProfileDraft decodes a profile that a person wrote, with the same
// strictness as a signed one, and checks its schema.
func ParseProfileDraft(draft []byte) (Profile, error) {
	var p Profile
	if r := decodeStrict(draft, &p); r != nil {
		return p, r
	}
	return p, asError(checkProfile(p))
}

// ReadProfile opens a profile's envelope before all of its roots have signed.
// It returns the keys, of its own roots and of those it replaces, that have; each of their signatures verified.
func ReadProfile(envelope []byte, replaced []PublicKey) (Profile, []PublicKey, error) {
	w, p, r := unsignedProfile(envelope)
	if r != nil {
		return p, nil, r
	}
	signed, r := w.verify(true, p.Root.Keys, replaced)
	if r != nil {
		return p, nil, r
	}
	var keys []PublicKey
	for _, id := range signed {
		if k, ok := find([][]PublicKey{p.Root.Keys, replaced}, id); ok {
			keys = append(keys, k)
		}
	}
	return p, keys, nil
}

func unsignedProfile(envelope []byte) (wireEnvelope, Profile, *Refusal) {
	var p Profile
	w, r := parseEnvelope(envelope, ProfileType, MaxProfile)
	if r == nil {
		r = decodeStrict(w.Payload, &p)
	}
	if r == nil {
		r = checkProfile(p)
	}
	return w, p, r
}

// CosignProfile adds one root's signature to an envelope of NewProfile, or of
// another root: a key that the profile lists as a root, or one of those it replaces.
func CosignProfile(envelope []byte, key ed25519.PrivateKey, replaced []PublicKey) ([]byte, error) {
	_, signed, err := ReadProfile(envelope, replaced)
	if err != nil {
		return nil, fmt.Errorf("opening profile: %w", err)
	}
	w, p, _ := unsignedProfile(envelope)
	mine := signers{publicKey(key).id()}
	if mine.of(p.Root.Keys)+mine.of(replaced) == 0 {
		return nil, fmt.Errorf("signing profile: %w", ErrNotListed)
	}
	if mine.of(signed) != 0 {
		return nil, fmt.Errorf("signing profile: %w", ErrSignedAlready)
	}
	return w.sign(key).encode()
}

// NewRequest checks a request's schema and wraps it in an envelope that nobody has signed yet.
func NewRequest(q Request) ([]byte, error) {
	q.Type = requestSchema
	if q.Incident.NotRelatedTo == nil {
		q.Incident.NotRelatedTo = []string{}
	}
	payload, err := compact(q)
	if err != nil {
		return nil, fmt.Errorf("encoding request: %w", err)
	}
	if _, r := parseRequest(payload); r != nil {
		return nil, fmt.Errorf("encoding request: %w", r)
	}
	return wireEnvelope{PayloadType: RequestType, Payload: payload}.encode()
}

// ParseDraft decodes a request that a person wrote, with the same strictness
// as a signed one, and checks its schema.
func ParseDraft(draft []byte) (Request, error) {
	q, r := parseRequest(draft)
	return q, asError(r)
}

// Unsigned opens a request's envelope before it has both signatures: the schema
// is checked, each signature there is must verify, and the request must be made under p.
func Unsigned(envelope []byte, p VerifiedProfile) (Request, error) {
	_, q, r := unsigned(envelope, p)
	return q, asError(r)
}

// Signers are the key ids that an envelope's signatures name; nothing is verified.
func Signers(envelope []byte) (ids []string) {
	var w wireEnvelope
	if r := decodeStrict(envelope, &w); r != nil {
		return nil
	}
	for _, s := range w.Signatures {
		ids = append(ids, s.KeyID)
	}
	return ids
}

func unsigned(envelope []byte, p VerifiedProfile) (wireEnvelope, Request, *Refusal) {
	w, r := parseEnvelope(envelope, RequestType, MaxRequest)
	if r != nil {
		return w, Request{}, r
	}
	if _, r := w.verify(false, p.Officers, p.Supervisors); r != nil {
		return w, Request{}, r
	}
	q, r := parseRequest(w.Payload)
	if r == nil {
		r = bound(q, p)
	}
	return w, q, r
}

// SignRequest adds one signature to an envelope of NewRequest or of the other
// signer. The key is an officer's or a supervisor's of p; a role signs once.
func SignRequest(envelope []byte, key ed25519.PrivateKey, p VerifiedProfile) ([]byte, error) {
	w, _, r := unsigned(envelope, p)
	if r != nil {
		return nil, fmt.Errorf("opening request: %w", r)
	}
	mine := signers{publicKey(key).id()}
	role := p.Officers
	if mine.of(role) == 0 {
		role = p.Supervisors
	}
	if mine.of(role) == 0 {
		return nil, fmt.Errorf("signing request: %w", ErrNotListed)
	}
	var already signers
	for _, s := range w.Signatures {
		already = append(already, s.key())
	}
	if already.of(role) != 0 {
		return nil, fmt.Errorf("signing request: %w", refuse(DoubleRole, "Somebody in this role has signed already."))
	}
	return w.sign(key).encode()
}

// SignReceipt checks a receipt and signs it.
func SignReceipt(q Receipt, key ed25519.PrivateKey) ([]byte, error) {
	q.Type = receiptSchema
	payload, err := json.Marshal(q)
	if err != nil {
		return nil, fmt.Errorf("encoding receipt: %w", err)
	}
	if r := decodeStrict(payload, new(Receipt)); r != nil {
		return nil, fmt.Errorf("encoding receipt: %w", r)
	}
	if r := checkReceipt(q); r != nil {
		return nil, fmt.Errorf("encoding receipt: %w", r)
	}
	return wireEnvelope{PayloadType: ReceiptType, Payload: payload}.sign(key).encode()
}

// ReadRequest reads a request from an envelope whose signatures were verified
// before and whose profile may have been replaced since. It verifies none.
func ReadRequest(envelope []byte) (Request, error) {
	w, r := parseEnvelope(envelope, RequestType, MaxRequest)
	if r != nil {
		return Request{}, r
	}
	q, r := parseRequest(w.Payload)
	return q, asError(r)
}
