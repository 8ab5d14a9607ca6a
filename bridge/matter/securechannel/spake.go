// Package securechannel sets up Matter's encrypted sessions: by the passcode
// while a device is commissioned (PASE), by certificates afterwards (CASE).
// Clauses are those of the Matter Core Specification.
package securechannel

import (
	"crypto/ecdh"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/pbkdf2"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"math/big"

	"filippo.io/nistec"
)

// Sizes of the P-256 group (3.5.1).
const (
	scalarLen = 32
	pointLen  = 65 // uncompressed
)

// The limits of the passcode's derivation (3.9).
const (
	MinIterations = 1000
	MaxIterations = 100000
	MinSalt       = 16
	MaxSalt       = 32
)

// ErrShare means that a commissioner's share is no point of the group.
var ErrShare = errors.New("not a point of P-256")

// Verifier is what a device keeps of its passcode: enough to know who has the
// passcode, not enough to be one who has it (3.10, RFC 9383).
type Verifier struct {
	w0 [scalarLen]byte
	l  [pointLen]byte
}

// NewVerifier derives it. It takes some milliseconds for each thousand
// iterations. Salt and iterations must be within their limits.
func NewVerifier(passcode uint32, salt []byte, iterations int) (Verifier, error) {
	if iterations < MinIterations || iterations > MaxIterations || len(salt) < MinSalt || len(salt) > MaxSalt {
		return Verifier{}, fmt.Errorf("%d iterations over a salt of %d octets are outside of the limits", iterations, len(salt))
	}
	ws, err := pbkdf2.Key(sha256.New, string(binary.LittleEndian.AppendUint32(nil, passcode)), salt, iterations, 2*(scalarLen+8))
	if err != nil {
		return Verifier{}, fmt.Errorf("deriving the verifier: %w", err)
	}
	var v Verifier
	reduce(v.w0[:], ws[:scalarLen+8])
	var w1 [scalarLen]byte
	reduce(w1[:], ws[scalarLen+8:])
	l, err := nistec.NewP256Point().ScalarBaseMult(w1[:])
	if err != nil {
		return Verifier{}, fmt.Errorf("deriving the verifier: %w", err)
	}
	copy(v.l[:], l.Bytes())
	return v, nil
}

// reduce brings a number into the group's order. It runs once for a code, at
// home, where nobody can measure it.
func reduce(out, in []byte) {
	order, _ := new(big.Int).SetString("ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551", 16)
	n := new(big.Int).SetBytes(in)
	n.Mod(n, order).FillBytes(out)
}

// The two fixed points of RFC 9383, section 4, compressed. The other sign of a
// compressed point is its inverse: adding w0·(-M) takes w0·M away.
var (
	pointM      = decodePoint("02886e2f97ace46e55ba9dd7242579f2993b64e16ef3dcab95afd497333d8fa12f")
	pointMinusM = decodePoint("03886e2f97ace46e55ba9dd7242579f2993b64e16ef3dcab95afd497333d8fa12f")
	pointN      = decodePoint("03d8bbd6c639c62937b04d997f38c3770719c629d7014d49a24b4f98baa1292b49")
)

func decodePoint(compressed string) *nistec.P256Point {
	b, err := hex.DecodeString(compressed)
	if err != nil {
		panic(err)
	}
	p, err := nistec.NewP256Point().SetBytes(b)
	if err != nil {
		panic(err)
	}
	return p
}

// shares is what both sides of one exchange have computed.
type shares struct {
	x, y, z, v []byte // points, uncompressed
}

// answer computes the device's share and the two secret points for the
// commissioner's share, with the ephemeral scalar y.
func (v Verifier) answer(share, y []byte) (shares, error) {
	if len(share) != pointLen {
		return shares{}, ErrShare
	}
	x, err := nistec.NewP256Point().SetBytes(share)
	if err != nil {
		return shares{}, ErrShare
	}
	l, err := nistec.NewP256Point().SetBytes(v.l[:])
	if err != nil {
		return shares{}, fmt.Errorf("the verifier: %w", err)
	}
	mul := func(p *nistec.P256Point, by []byte) *nistec.P256Point {
		out, merr := nistec.NewP256Point().ScalarMult(p, by)
		err = errors.Join(err, merr)
		return out
	}
	base, berr := nistec.NewP256Point().ScalarBaseMult(y)
	if berr != nil {
		return shares{}, fmt.Errorf("the ephemeral key: %w", berr)
	}
	mine := nistec.NewP256Point().Add(base, mul(pointN, v.w0[:]))
	z := mul(nistec.NewP256Point().Add(x, mul(pointMinusM, v.w0[:])), y)
	secret := mul(l, y)
	if err != nil {
		return shares{}, fmt.Errorf("computing the shares: %w", err)
	}
	s := shares{x: share, y: mine.Bytes(), z: z.Bytes(), v: secret.Bytes()}
	// The point at infinity is one octet: a share that makes it was made for that.
	if len(s.z) != pointLen || len(s.y) != pointLen || len(s.v) != pointLen {
		return shares{}, ErrShare
	}
	return s, nil
}

// transcript is TT of RFC 9383, section 3.3: each part after its length.
func (s shares) transcript(context []byte, prover, verifier string, w0 []byte) []byte {
	var tt []byte
	for _, part := range [][]byte{context, []byte(prover), []byte(verifier), pointM.Bytes(), pointN.Bytes(), s.x, s.y, s.z, s.v, w0} {
		tt = binary.LittleEndian.AppendUint64(tt, uint64(len(part)))
		tt = append(tt, part...)
	}
	return tt
}

// agreement is the end of one SPAKE2+ exchange.
type agreement struct {
	share   []byte // pB
	confirm []byte // cB, to send with it
	expect  []byte // cA, which the commissioner must send
	key     []byte // Ke
}

// agree answers the commissioner's share pA (3.10.4). The names of both sides
// are empty, and the keys are half as long as in RFC 9383.
func (v Verifier) agree(context, share []byte) (agreement, error) {
	ephemeral, err := ecdh.P256().GenerateKey(rand.Reader)
	if err != nil {
		return agreement{}, fmt.Errorf("drawing a key: %w", err)
	}
	s, err := v.answer(share, ephemeral.Bytes())
	if err != nil {
		return agreement{}, err
	}
	return s.confirm(context, v.w0[:])
}

func (s shares) confirm(context, w0 []byte) (agreement, error) {
	main := sha256.Sum256(s.transcript(context, "", "", w0))
	ka, ke := main[:16], main[16:]
	kc, err := hkdf.Key(sha256.New, ka, nil, "ConfirmationKeys", 32)
	if err != nil {
		return agreement{}, fmt.Errorf("deriving the keys: %w", err)
	}
	return agreement{share: s.y, confirm: mac(kc[16:], s.x), expect: mac(kc[:16], s.y), key: ke}, nil
}

func mac(key, of []byte) []byte {
	h := hmac.New(sha256.New, key)
	h.Write(of)
	return h.Sum(nil)
}
