package message

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/binary"
	"fmt"

	"github.com/pion/dtls/v3/pkg/crypto/ccm"
)

// Sizes of AES-CCM as Matter uses it (3.6).
const (
	KeyLen   = 16
	nonceLen = 13
	micLen   = 16
)

// NewAEAD returns Matter's cipher for a key of KeyLen octets.
func NewAEAD(key []byte) (cipher.AEAD, error) {
	if len(key) != KeyLen {
		return nil, fmt.Errorf("a key of %d octets", len(key))
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, fmt.Errorf("AES: %w", err)
	}
	aead, err := ccm.NewCCM(block, micLen, nonceLen)
	if err != nil {
		return nil, fmt.Errorf("AES-CCM: %w", err)
	}
	return aead, nil
}

// Key is one direction of a session.
type Key struct {
	data, privacy cipher.AEAD
}

// NewKey takes KeyLen octets.
func NewKey(key []byte) (Key, error) {
	data, err := NewAEAD(key)
	if err != nil {
		return Key{}, err
	}
	hidden, err := hkdf.Key(sha256.New, key, nil, "PrivacyKey", KeyLen)
	if err != nil {
		return Key{}, fmt.Errorf("deriving the privacy key: %w", err)
	}
	privacy, err := NewAEAD(hidden)
	return Key{data: data, privacy: privacy}, err
}

// nonce is that of a message from a node, which is 0 before it has an id (4.8.2).
func (h Header) nonce(from uint64) []byte {
	n := binary.LittleEndian.AppendUint32([]byte{h.security()}, h.Counter)
	return binary.LittleEndian.AppendUint64(n, from)
}

// Seal encrypts a payload under a header (4.8.2). The header's Private must be
// false: a sender may always say so.
func (k Key) Seal(h Header, from uint64, p Payload) []byte {
	head := h.Append(make([]byte, 0, MaxLen))
	return k.data.Seal(head, h.nonce(from), p.Append(nil), head)
}

// Plain writes a message that is not secured.
func Plain(h Header, p Payload) []byte { return p.Append(h.Append(nil)) }

// Datagram is a message as it came, its payload not read yet.
type Datagram struct {
	Header
	raw  []byte // all of it
	head int    // how much of it is header
}

// Parse reads what stands in the clear. It keeps b.
func Parse(b []byte) (Datagram, error) {
	h, n, err := parseHeader(b)
	if err != nil {
		return Datagram{}, err
	}
	if h.Session == 0 && h.Private {
		return Datagram{}, fmt.Errorf("%w: private and not secured", ErrBad)
	}
	return Datagram{Header: h, raw: b, head: n}, nil
}

// Plain reads the payload of a message that is not secured.
func (d Datagram) Plain() (Payload, error) {
	if d.Session != 0 {
		return Payload{}, fmt.Errorf("%w: it is secured", ErrBad)
	}
	return ParsePayload(d.raw[d.head:])
}

// Open decrypts a message that came from a node, and returns its header as the
// sender wrote it. The error says nothing of why.
func (k Key) Open(d Datagram, from uint64) (Header, Payload, error) {
	h, head := d.Header, d.raw[:d.head]
	if d.Session == 0 || len(d.raw) < d.head+micLen {
		return h, Payload{}, fmt.Errorf("%w: nothing to decrypt", ErrBad)
	}
	if h.Private {
		head = k.reveal(d)
		var err error
		if h, _, err = parseHeader(head); err != nil {
			return h, Payload{}, err
		}
	}
	plain, err := k.data.Open(nil, h.nonce(from), d.raw[d.head:], head)
	if err != nil {
		return h, Payload{}, fmt.Errorf("%w: it does not authenticate", ErrBad)
	}
	p, err := ParsePayload(plain)
	return h, p, err
}

// reveal returns the header with counter and ids in the clear (4.8.3). The
// cipher is the counter mode inside of CCM: Seal makes its key stream.
func (k Key) reveal(d Datagram) []byte {
	nonce := binary.BigEndian.AppendUint16(nil, d.Session)
	nonce = append(nonce, d.raw[len(d.raw)-micLen+5:]...)
	head := append([]byte(nil), d.raw[:d.head]...)
	const hidden = 4 // where the counter begins
	stream := k.privacy.Seal(nil, nonce, make([]byte, len(head)-hidden), nil)
	for i := hidden; i < len(head); i++ {
		head[i] ^= stream[i-hidden]
	}
	return head
}
