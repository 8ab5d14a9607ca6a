package bulletin

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"

	"github.com/secure-systems-lab/go-securesystemslib/dsse"
)

// Sizes of what is signed, in bytes.
const (
	MaxRequest  = 8 << 10  // payload of a request
	MaxProfile  = 32 << 10 // payload of a profile
	MaxReceipt  = 1 << 10  // payload of a receipt
	MaxEnvelope = 64 << 10 // any envelope
)

// maxSignatures bounds the work of one envelope: a profile's root, old and new.
const maxSignatures = 32

// ID returns the key's DSSE key id, the hex SHA-256 of its 32 bytes.
func (k PublicKey) ID() string {
	h := sha256.Sum256(k.Ed25519)
	return hex.EncodeToString(h[:])
}

var errSignature = errors.New("signature does not verify")

// verifier is a dsse.Verifier of one listed key.
type verifier struct{ key PublicKey }

func (v verifier) Verify(_ context.Context, data, sig []byte) error {
	if len(v.key.Ed25519) != ed25519.PublicKeySize || !ed25519.Verify(v.key.Ed25519, data, sig) {
		return errSignature
	}
	return nil
}

func (v verifier) KeyID() (string, error)   { return v.key.ID(), nil }
func (v verifier) Public() crypto.PublicKey { return ed25519.PublicKey(v.key.Ed25519) }

// wireEnvelope is dsse.Envelope with its schema: all members present, key ids too.
type wireEnvelope struct {
	PayloadType string          `json:"payloadType"`
	Payload     []byte          `json:"payload"`
	Signatures  []wireSignature `json:"signatures"`
}

type wireSignature struct {
	KeyID string `json:"keyid"`
	Sig   []byte `json:"sig"`
}

// parseEnvelope reads an envelope of a type without verifying anything.
func parseEnvelope(envelope []byte, payloadType string, maxPayload int) (wireEnvelope, *Refusal) {
	var w wireEnvelope
	if len(envelope) > MaxEnvelope {
		return w, refuse(TooLarge, "The envelope is larger than 64 KiB.")
	}
	if r := decodeStrict(envelope, &w); r != nil {
		return w, refuse(BadEnvelope, "This is not a DSSE envelope: "+r.Detail)
	}
	if w.PayloadType != payloadType {
		return w, refuse(BadEnvelope, "The envelope holds another type of document.")
	}
	if len(w.Payload) > maxPayload {
		return w, refuse(TooLarge, "The signed document is larger than its kind may be.")
	}
	if len(w.Signatures) > maxSignatures {
		return w, refuse(BadEnvelope, "The envelope has too many signatures.")
	}
	seen := make(map[string]bool, len(w.Signatures))
	for _, s := range w.Signatures {
		if !hexHash.MatchString(s.KeyID) || len(s.Sig) != ed25519.SignatureSize {
			return w, refuse(BadEnvelope, "A signature is not an Ed25519 signature with its key id.")
		}
		if seen[s.KeyID] {
			return w, refuse(DoubleRole, "One key has signed twice.")
		}
		seen[s.KeyID] = true
	}
	return w, nil
}

// verify checks the signatures of keys and returns the ids of those that
// signed. A signature that names one of the keys and does not verify is
// refused; one that names another key is refused unless others are allowed.
func (w wireEnvelope) verify(keys []PublicKey, others bool) (map[string]bool, *Refusal) {
	known := make(map[string]bool, len(keys))
	providers := make([]dsse.Verifier, 0, len(keys))
	for _, k := range keys {
		if !known[k.ID()] {
			known[k.ID()] = true
			providers = append(providers, verifier{k})
		}
	}
	e := dsse.Envelope{PayloadType: w.PayloadType, Payload: base64.StdEncoding.EncodeToString(w.Payload)}
	for _, s := range w.Signatures {
		if known[s.KeyID] {
			e.Signatures = append(e.Signatures, dsse.Signature{KeyID: s.KeyID, Sig: base64.StdEncoding.EncodeToString(s.Sig)})
		} else if !others {
			return nil, refuse(BadSignature, "A signature is by a key that the agency's profile does not list for this.")
		}
	}
	signed := make(map[string]bool, len(e.Signatures))
	if len(e.Signatures) == 0 {
		return signed, nil
	}
	v, err := dsse.NewMultiEnvelopeVerifier(len(e.Signatures), providers...)
	if err != nil {
		return nil, refuse(BadSignature, "There are no keys to check the signatures with.")
	}
	accepted, err := v.Verify(context.Background(), &e)
	if err != nil {
		return nil, refuse(BadSignature, "A signature does not verify.")
	}
	for _, a := range accepted {
		signed[a.KeyID] = true
	}
	return signed, nil
}

// encode returns the envelope's bytes: what the log hashes.
func (w wireEnvelope) encode() ([]byte, error) {
	e := dsse.Envelope{
		PayloadType: w.PayloadType, Payload: base64.StdEncoding.EncodeToString(w.Payload),
		Signatures: []dsse.Signature{},
	}
	for _, s := range w.Signatures {
		e.Signatures = append(e.Signatures, dsse.Signature{KeyID: s.KeyID, Sig: base64.StdEncoding.EncodeToString(s.Sig)})
	}
	return compact(e)
}

// sign adds a key's signature.
func (w wireEnvelope) sign(key ed25519.PrivateKey) wireEnvelope {
	s := wireSignature{KeyID: publicKey(key).ID(), Sig: ed25519.Sign(key, dsse.PAE(w.PayloadType, w.Payload))}
	w.Signatures = append(w.Signatures[:len(w.Signatures):len(w.Signatures)], s)
	return w
}

func publicKey(key ed25519.PrivateKey) PublicKey {
	return PublicKey{Ed25519: []byte(key.Public().(ed25519.PublicKey))}
}

// compact is JSON on one line, without the escapes meant for HTML.
func compact(v any) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}
