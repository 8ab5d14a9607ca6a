package bulletin

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"slices"

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
	h := k.id()
	return hex.EncodeToString(h[:])
}

func (k PublicKey) id() keyID { return sha256.Sum256(k.Ed25519) }

// keyID is a key id as it is compared.
type keyID [sha256.Size]byte

// signers are the ids of keys that signed, each once.
type signers []keyID

// of counts how many of the keys are among those that signed.
func (s signers) of(keys []PublicKey) (n int) {
	for _, k := range keys {
		if slices.Contains(s, k.id()) {
			n++
		}
	}
	return n
}

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
	for i, s := range w.Signatures {
		if !isHash(s.KeyID) || len(s.Sig) != ed25519.SignatureSize {
			return w, refuse(BadEnvelope, "A signature is not an Ed25519 signature with its key id.")
		}
		if slices.ContainsFunc(w.Signatures[:i], func(t wireSignature) bool { return t.KeyID == s.KeyID }) {
			return w, refuse(DoubleRole, "One key has signed twice.")
		}
	}
	return w, nil
}

// key is the id that the signature names; parseEnvelope saw that it is one.
func (s wireSignature) key() (id keyID) {
	if _, err := hex.Decode(id[:], []byte(s.KeyID)); err != nil {
		return keyID{}
	}
	return id
}

// verify checks the signatures of the keys in some roles and returns those
// that signed. A signature that names one of the keys and does not verify is
// refused; one that names another key is refused unless others are allowed.
func (w wireEnvelope) verify(others bool, roles ...[]PublicKey) (signers, *Refusal) {
	signed := make(signers, 0, len(w.Signatures))
	pae := dsse.PAE(w.PayloadType, w.Payload)
	for _, s := range w.Signatures {
		id := s.key()
		k, listed := find(roles, id)
		switch {
		case !listed && others:
			continue
		case !listed:
			return nil, refuse(BadSignature, "A signature is by a key that the agency's profile does not list for this.")
		case len(k.Ed25519) != ed25519.PublicKeySize || !ed25519.Verify(k.Ed25519, pae, s.Sig):
			return nil, refuse(BadSignature, "A signature does not verify.")
		}
		signed = append(signed, id)
	}
	return signed, nil
}

func find(roles [][]PublicKey, id keyID) (PublicKey, bool) {
	for _, keys := range roles {
		for _, k := range keys {
			if k.id() == id {
				return k, true
			}
		}
	}
	return PublicKey{}, false
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
