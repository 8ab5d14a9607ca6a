package account_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"testing"

	"github.com/fxamacker/cbor/v2"

	"gatehouse/hub/account"
)

// device makes passkeys and answers with them, as a browser hands it on (W3C
// Web Authentication, section 6).
type device struct {
	key    *ecdsa.PrivateKey
	id     []byte
	handle []byte
	count  uint32 // of the next answer; 0: it does not count
	flags  byte
}

const (
	present  = 0x01
	verified = 0x04
	attested = 0x40
)

var b64 = base64.RawURLEncoding

func newDevice(t testing.TB) *device {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	id := make([]byte, 16)
	rand.Read(id)
	return &device{key: key, id: id, flags: present | verified}
}

// asked is what devices read of a question.
type asked struct {
	PublicKey struct {
		Challenge string `json:"challenge"`
		RPID      string `json:"rpId"`
		RP        struct {
			ID string `json:"id"`
		} `json:"rp"`
		User struct {
			ID string `json:"id"`
		} `json:"user"`
		UserVerification string `json:"userVerification"`
		Exclude          []any  `json:"excludeCredentials"`
		Allow            []any  `json:"allowCredentials"`
	} `json:"publicKey"`
}

func question(t testing.TB, options []byte) (q asked) {
	t.Helper()
	if err := json.Unmarshal(options, &q); err != nil || q.PublicKey.Challenge == "" {
		t.Fatalf("%s: %v", options, err)
	}
	return q
}

func clientData(kind, challenge, origin string) []byte {
	b, _ := json.Marshal(map[string]any{"type": kind, "challenge": challenge, "origin": origin, "crossOrigin": false})
	return b
}

// data is the authenticator data for a host, with the public key if it is attested.
func (d *device) data(host string, flags byte, count uint32) []byte {
	sum := sha256.Sum256([]byte(host))
	out := binary.BigEndian.AppendUint32(append(sum[:], flags), count)
	if flags&attested == 0 {
		return out
	}
	point, err := d.key.PublicKey.Bytes()
	if err != nil {
		panic(err)
	}
	cose, err := cbor.Marshal(map[int]any{1: 2, 3: -7, -1: 1, -2: point[1:33], -3: point[33:]})
	if err != nil {
		panic(err)
	}
	out = append(out, make([]byte, 16)...) // AAGUID
	out = binary.BigEndian.AppendUint16(out, uint16(len(d.id)))
	return append(append(out, d.id...), cose...)
}

// create answers a question to make a passkey at an origin.
func (d *device) create(t testing.TB, options []byte, origin string) []byte {
	t.Helper()
	q := question(t, options)
	handle, err := b64.DecodeString(q.PublicKey.User.ID)
	if err != nil {
		t.Fatal(err)
	}
	d.handle = handle
	object, err := cbor.Marshal(map[string]any{"fmt": "none", "attStmt": map[string]any{}, "authData": d.data(q.PublicKey.RP.ID, d.flags|attested, d.count)})
	if err != nil {
		t.Fatal(err)
	}
	return d.answer(map[string]any{
		"clientDataJSON": b64.EncodeToString(clientData("webauthn.create", q.PublicKey.Challenge, origin)), "attestationObject": b64.EncodeToString(object),
	})
}

// get answers a question to log in, signed for a host and an origin.
func (d *device) get(t testing.TB, challenge, host, origin string) []byte {
	t.Helper()
	client, data := clientData("webauthn.get", challenge, origin), d.data(host, d.flags, d.count)
	sum := sha256.Sum256(client)
	sum = sha256.Sum256(append(append([]byte{}, data...), sum[:]...))
	sig, err := ecdsa.SignASN1(rand.Reader, d.key, sum[:])
	if err != nil {
		t.Fatal(err)
	}
	return d.answer(map[string]any{
		"clientDataJSON": b64.EncodeToString(client), "authenticatorData": b64.EncodeToString(data),
		"signature": b64.EncodeToString(sig), "userHandle": b64.EncodeToString(d.handle),
	})
}

func (d *device) answer(response map[string]any) []byte {
	id := b64.EncodeToString(d.id)
	b, _ := json.Marshal(map[string]any{"id": id, "rawId": id, "type": "public-key", "response": response, "clientExtensionResults": map[string]any{}})
	return b
}

var home = account.Site{Host: "hub.local", Origin: "https://hub.local:8443"}
