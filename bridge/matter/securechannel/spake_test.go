package securechannel

import (
	"bytes"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/pbkdf2"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"testing"

	"filippo.io/nistec"
)

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// TestRFC9383 is the vector of RFC 9383, appendix C, for P-256, SHA-256, HKDF
// and HMAC. Up to the hash of the transcript Matter is the same.
func TestRFC9383(t *testing.T) {
	var v Verifier
	copy(v.w0[:], unhex(t, "bb8e1bbcf3c48f62c08db243652ae55d3e5586053fca77102994f23ad95491b3"))
	l, err := nistec.NewP256Point().ScalarBaseMult(unhex(t, "7e945f34d78785b8a3ef44d0df5a1a97d6b3b460409a345ca7830387a74b1dba"))
	if err != nil {
		t.Fatal(err)
	}
	copy(v.l[:], l.Bytes())
	if got, want := hex.EncodeToString(v.l[:]), "04eb7c9db3d9a9eb1f8adab81b5794c1f13ae3e225efbe91ea487425854c7fc00f00bfedcbd09b2400142d40a14f2064ef31dfaa903b91d1faea7093d835966efd"; got != want {
		t.Errorf("L is %s, want %s", got, want)
	}
	x := unhex(t, "04ef3bd051bf78a2234ec0df197f7828060fe9856503579bb1733009042c15c0c1de127727f418b5966afadfdd95a6e4591d171056b333dab97a79c7193e341727")
	s, err := v.answer(x, unhex(t, "717a72348a182085109c8d3917d6c43d59b224dc6a7fc4f0483232fa6516d8b3"))
	if err != nil {
		t.Fatal(err)
	}
	for name, pair := range map[string][2]string{
		"Y": {hex.EncodeToString(s.y), "04c0f65da0d11927bdf5d560c69e1d7d939a05b0e88291887d679fcadea75810fb5cc1ca7494db39e82ff2f50665255d76173e09986ab46742c798a9a68437b048"},
		"Z": {hex.EncodeToString(s.z), "04bbfce7dd7f277819c8da21544afb7964705569bdf12fb92aa388059408d50091a0c5f1d3127f56813b5337f9e4e67e2ca633117a4fbd559946ab474356c41839"},
	} {
		if pair[0] != pair[1] {
			t.Errorf("%s is %s, want %s", name, pair[0], pair[1])
		}
	}
	main := sha256.Sum256(s.transcript([]byte("SPAKE2+-P256-SHA256-HKDF-SHA256-HMAC-SHA256 Test Vectors"), "client", "server", v.w0[:]))
	kc, err := hkdf.Key(sha256.New, main[:], nil, "ConfirmationKeys", 64)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := hex.EncodeToString(mac(kc[:32], s.y)), "926cc713504b9b4d76c9162ded04b5493e89109f6d89462cd33adc46fda27527"; got != want {
		t.Errorf("confirmP is %s, want %s", got, want)
	}
	shared, err := hkdf.Key(sha256.New, main[:], nil, "SharedKey", 32)
	if got, want := hex.EncodeToString(shared), "0c5f8ccd1413423a54f6c1fb26ff01534a87f893779c6e68666d772bfd91f3e7"; got != want || err != nil {
		t.Errorf("K_shared is %s, want %s: %v", got, want, err)
	}
}

// prover is the commissioner's side, as RFC 9383 has it: its share, and what it
// computes of the device's.
type prover struct{ w0, w1, x []byte }

func (p prover) share(t *testing.T) []byte {
	t.Helper()
	base, err := nistec.NewP256Point().ScalarBaseMult(p.x)
	if err != nil {
		t.Fatal(err)
	}
	blind, err := nistec.NewP256Point().ScalarMult(pointM, p.w0)
	if err != nil {
		t.Fatal(err)
	}
	return nistec.NewP256Point().Add(base, blind).Bytes()
}

func (p prover) finish(t *testing.T, share []byte) shares {
	t.Helper()
	y, err := nistec.NewP256Point().SetBytes(share)
	if err != nil {
		t.Fatal(err)
	}
	minusN := decodePoint("02d8bbd6c639c62937b04d997f38c3770719c629d7014d49a24b4f98baa1292b49")
	blind, err := nistec.NewP256Point().ScalarMult(minusN, p.w0)
	if err != nil {
		t.Fatal(err)
	}
	open := nistec.NewP256Point().Add(y, blind)
	z, err := nistec.NewP256Point().ScalarMult(open, p.x)
	if err != nil {
		t.Fatal(err)
	}
	v, err := nistec.NewP256Point().ScalarMult(open, p.w1)
	if err != nil {
		t.Fatal(err)
	}
	return shares{x: p.share(t), y: share, z: z.Bytes(), v: v.Bytes()}
}

// TestAgree: who has the passcode and saw the same messages gets the same key,
// nobody else does.
func TestAgree(t *testing.T) {
	salt := bytes.Repeat([]byte{7}, MinSalt)
	v, err := NewVerifier(20202021, salt, MinIterations)
	if err != nil {
		t.Fatal(err)
	}
	for name, try := range map[string]struct {
		passcode uint32
		context  string
		same     bool
	}{
		"right":          {20202021, "context", true},
		"wrong passcode": {20202022, "context", false},
		"other messages": {20202021, "changed", false},
	} {
		p := newProver(t, try.passcode, salt)
		a, err := v.agree([]byte("context"), p.share(t))
		if err != nil {
			t.Fatal(err)
		}
		b, err := p.finish(t, a.share).confirm([]byte(try.context), p.w0)
		if err != nil {
			t.Fatal(err)
		}
		if hmac.Equal(a.expect, b.expect) != try.same || hmac.Equal(a.confirm, b.confirm) != try.same || bytes.Equal(a.key, b.key) != try.same {
			t.Errorf("%s: agreed is not %v", name, try.same)
		}
	}
}

func newProver(t *testing.T, passcode uint32, salt []byte) prover {
	t.Helper()
	ws := pbkdf(t, passcode, salt)
	p := prover{w0: make([]byte, scalarLen), w1: make([]byte, scalarLen), x: bytes.Repeat([]byte{0x5a}, scalarLen)}
	reduce(p.w0, ws[:scalarLen+8])
	reduce(p.w1, ws[scalarLen+8:])
	return p
}

func TestBadShares(t *testing.T) {
	v, err := NewVerifier(20202021, make([]byte, MaxSalt), MinIterations)
	if err != nil {
		t.Fatal(err)
	}
	// w0·M alone makes Z the point at infinity.
	forced, err := nistec.NewP256Point().ScalarMult(pointM, v.w0[:])
	if err != nil {
		t.Fatal(err)
	}
	for name, share := range map[string][]byte{
		"nothing":         nil,
		"infinity":        {0},
		"compressed":      pointM.BytesCompressed(),
		"not on it":       append([]byte{4}, make([]byte, 64)...),
		"hybrid":          append([]byte{6}, pointM.Bytes()[1:]...),
		"an octet more":   append(pointM.Bytes(), 0),
		"forces infinity": forced.Bytes(),
	} {
		if a, err := v.agree(nil, share); !errors.Is(err, ErrShare) || a.key != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestVerifierLimits(t *testing.T) {
	for _, c := range []struct{ salt, iterations int }{{15, 1000}, {33, 1000}, {16, 999}, {16, 100001}} {
		if _, err := NewVerifier(20202021, make([]byte, c.salt), c.iterations); err == nil {
			t.Errorf("%+v passed", c)
		}
	}
}

func pbkdf(t *testing.T, passcode uint32, salt []byte) []byte {
	t.Helper()
	ws, err := pbkdf2.Key(sha256.New, string(binary.LittleEndian.AppendUint32(nil, passcode)), salt, MinIterations, 2*(scalarLen+8))
	if err != nil {
		t.Fatal(err)
	}
	return ws
}
