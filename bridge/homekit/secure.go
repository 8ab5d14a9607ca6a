package homekit

import (
	"bufio"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha512"
	"encoding/binary"
	"errors"
	"io"

	"golang.org/x/crypto/chacha20poly1305"
)

const (
	frameMax  = 1024  // plaintext bytes of an encrypted frame (HAP R2, 6.5.2)
	budgetMax = 64000 // bytes of one request, head and body
)

var errTooLong = errors.New("request is too long")

// deriveKey is HKDF-SHA-512 to 32 bytes with one of the protocol's salt and info
// pairs.
func deriveKey(secret []byte, salt, info string) ([]byte, error) {
	return hkdf.Key(sha512.New, secret, []byte(salt), info, chacha20poly1305.KeySize)
}

// seal and open encrypt the body of a pairing message. The nonce is the
// message's name, eight bytes.
func seal(key []byte, nonce string, plain []byte) ([]byte, error) {
	a, err := chacha20poly1305.New(key)
	if err != nil {
		return nil, err
	}
	return a.Seal(nil, append(make([]byte, 4), nonce...), plain, nil), nil
}

func open(key []byte, nonce string, sealed []byte) ([]byte, error) {
	a, err := chacha20poly1305.New(key)
	if err != nil {
		return nil, err
	}
	return a.Open(nil, append(make([]byte, 4), nonce...), sealed, nil)
}

// framer numbers the frames of one direction.
type framer struct {
	aead cipher.AEAD
	n    uint64
}

func newFramer(shared []byte, info string) (*framer, error) {
	key, err := deriveKey(shared, "Control-Salt", info)
	if err != nil {
		return nil, err
	}
	a, err := chacha20poly1305.New(key)
	if err != nil {
		return nil, err
	}
	return &framer{aead: a}, nil
}

func (f *framer) nonce() []byte {
	b := make([]byte, 4, chacha20poly1305.NonceSize)
	b = binary.LittleEndian.AppendUint64(b, f.n)
	f.n++
	return b
}

// seal returns p as frames.
func (f *framer) seal(p []byte) []byte {
	var out []byte
	for len(p) > 0 {
		n := min(len(p), frameMax)
		head := binary.LittleEndian.AppendUint16(nil, uint16(n))
		out = append(out, head...)
		out = f.aead.Seal(out, f.nonce(), p[:n], head)
		p = p[n:]
	}
	return out
}

// secureReader reads a connection, first as it is, and decrypted from the
// moment frames is set. One goroutine uses it.
type secureReader struct {
	src    *bufio.Reader
	frames *framer
	plain  []byte // decrypted and not yet read
	budget int    // bytes the peer may still send for this request
}

// Read implements io.Reader.
func (r *secureReader) Read(p []byte) (int, error) {
	if r.budget <= 0 {
		return 0, errTooLong
	}
	p = p[:min(len(p), r.budget)]
	if r.frames == nil {
		n, err := r.src.Read(p)
		r.budget -= n
		return n, err
	}
	if len(r.plain) == 0 {
		if err := r.next(); err != nil {
			return 0, err
		}
	}
	n := copy(p, r.plain)
	r.plain = r.plain[n:]
	r.budget -= n
	return n, nil
}

// next decrypts one frame.
func (r *secureReader) next() error {
	var head [2]byte
	if _, err := io.ReadFull(r.src, head[:]); err != nil {
		return err
	}
	n := int(binary.LittleEndian.Uint16(head[:]))
	if n == 0 || n > frameMax {
		return errors.New("encrypted frame has a bad length")
	}
	b := make([]byte, n+r.frames.aead.Overhead())
	if _, err := io.ReadFull(r.src, b); err != nil {
		return err
	}
	plain, err := r.frames.aead.Open(b[:0], r.frames.nonce(), b, head[:])
	r.plain = plain
	return err
}
