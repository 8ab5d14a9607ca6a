package homekit

import (
	"crypto/rand"
	"crypto/sha512"
	"crypto/subtle"
	"errors"
	"math/big"
)

// SRP-6a with SHA-512 and the 3072-bit group of RFC 5054, appendix A, as HAP R2,
// 5.5 uses it: numbers are padded to the group's size wherever they are hashed.
const (
	srpSize = 384 // bytes of a group element
	srpUser = "Pair-Setup"
	srpN    = "" +
		"FFFFFFFFFFFFFFFFC90FDAA22168C234C4C6628B80DC1CD129024E088A67CC74" +
		"020BBEA63B139B22514A08798E3404DDEF9519B3CD3A431B302B0A6DF25F1437" +
		"4FE1356D6D51C245E485B576625E7EC6F44C42E9A637ED6B0BFF5CB6F406B7ED" +
		"EE386BFB5A899FA5AE9F24117C4B1FE649286651ECE45B3DC2007CB8A163BF05" +
		"98DA48361C55D39A69163FA8FD24CF5F83655D23DCA3AD961C62F356208552BB" +
		"9ED529077096966D670C354E4ABC9804F1746C08CA18217C32905E462E36CE3B" +
		"E39E772C180E86039B2783A2EC07A28FB5C55DF06F4C52C9DE2BCBF695581718" +
		"3995497CEA956AE515D2261898FA051015728E5A8AAAC42DAD33170D04507A33" +
		"A85521ABDF1CBA64ECFB850458DBEF0A8AEA71575D060C7DB3970F85A6E1E4C7" +
		"ABF5AE8CDB0933D71E8C94E04A25619DCEE3D2261AD2EE6BF12FFA06D98A0864" +
		"D87602733EC86A64521F2B18177B200CBBE117577A615D6C770988C0BAD946E2" +
		"08E24FA074E5AB3143DB5BFCE0FD108E4B82D120A93AD2CAFFFFFFFFFFFFFFFF"
)

var (
	srpPrime, _ = new(big.Int).SetString(srpN, 16)
	srpG        = big.NewInt(5)
)

var errProof = errors.New("wrong setup code")

// srpServer is one run of the accessory's side. It serves one proof.
type srpServer struct {
	salt []byte
	v    *big.Int // verifier of the setup code
	b, B *big.Int
	key  []byte // K, once the controller has proven the code
}

func newSRP(code string) *srpServer {
	s := &srpServer{salt: make([]byte, 16)}
	rand.Read(s.salt) // never fails
	x := srpHash(s.salt, srpHash([]byte(srpUser+":"+code)))
	s.v = new(big.Int).Exp(srpG, new(big.Int).SetBytes(x), srpPrime)
	secret := make([]byte, 32)
	rand.Read(secret)
	s.b = new(big.Int).SetBytes(secret)
	k := new(big.Int).SetBytes(srpHash(srpPad(srpPrime), srpPad(srpG)))
	s.B = new(big.Int).Exp(srpG, s.b, srpPrime)
	s.B.Add(s.B, k.Mul(k, s.v)).Mod(s.B, srpPrime)
	return s
}

// verify checks the controller's proof of the code and returns the accessory's.
// Only then is key set.
func (s *srpServer) verify(public, proof []byte) ([]byte, error) {
	if len(public) == 0 || len(public) > srpSize {
		return nil, errProof
	}
	A := new(big.Int).SetBytes(public)
	if new(big.Int).Mod(A, srpPrime).Sign() == 0 { // would make the key known to all
		return nil, errProof
	}
	a, b := srpPad(A), srpPad(s.B)
	u := new(big.Int).SetBytes(srpHash(a, b))
	S := new(big.Int).Exp(s.v, u, srpPrime)
	S.Mul(S, A).Exp(S, s.b, srpPrime)
	key := srpHash(srpPad(S))

	mix := srpHash(srpPrime.Bytes())
	subtle.XORBytes(mix, mix, srpHash(srpG.Bytes()))
	want := srpHash(mix, srpHash([]byte(srpUser)), s.salt, a, b, key)
	if subtle.ConstantTimeCompare(want, proof) != 1 {
		return nil, errProof
	}
	s.key = key
	return srpHash(a, proof, key), nil
}

func srpHash(parts ...[]byte) []byte {
	h := sha512.New()
	for _, p := range parts {
		h.Write(p)
	}
	return h.Sum(nil)
}

func srpPad(n *big.Int) []byte { return n.FillBytes(make([]byte, srpSize)) }
