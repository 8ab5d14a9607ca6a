// Package message encodes, encrypts and judges the messages of a Matter
// session: headers, keys, counters. Clauses are those of the Matter Core
// Specification.
package message

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// MaxLen is the largest message, as UDP over IPv6 carries it without fragments (4.4.4).
const MaxLen = 1280 - 40 - 8

// ErrBad means that a datagram is no message that this node can read. It is
// dropped without an answer (4.7.2).
var ErrBad = errors.New("bad message")

// Header is the part of a message that is not encrypted (4.4.1). A device that
// takes part in no groups sends and receives with session type unicast only.
type Header struct {
	Session uint16 // 0: not secured
	Counter uint32
	Source  uint64 // node id, if HasSource
	Dest    uint64 // node id, if HasDest

	HasSource bool
	HasDest   bool
	Control   bool // of the control counter's space
	Private   bool // counter and ids are obfuscated (4.8.3)
}

// The bits of the two flag octets (4.4.1.2, 4.4.1.5).
const (
	flagVersion   = 0xf0
	flagSource    = 0x04
	destNode      = 1
	securePrivate = 0x80
	secureControl = 0x40
	secureExtra   = 0x20
	secureType    = 0x03
	fixedLen      = 8 // flags, session, security flags, counter
)

// security is the octet of the security flags.
func (h Header) security() byte {
	return bit(securePrivate, h.Private) | bit(secureControl, h.Control)
}

func bit(mask byte, set bool) byte {
	if set {
		return mask
	}
	return 0
}

// Append writes the header.
func (h Header) Append(b []byte) []byte {
	b = append(b, bit(flagSource, h.HasSource)|bit(destNode, h.HasDest))
	b = binary.LittleEndian.AppendUint16(b, h.Session)
	b = append(b, h.security())
	b = binary.LittleEndian.AppendUint32(b, h.Counter)
	if h.HasSource {
		b = binary.LittleEndian.AppendUint64(b, h.Source)
	}
	if h.HasDest {
		b = binary.LittleEndian.AppendUint64(b, h.Dest)
	}
	return b
}

// parseHeader reads the header that b begins with, and tells its length. The
// ids and the counter of a private one are still obfuscated.
func parseHeader(b []byte) (h Header, n int, err error) {
	if len(b) < fixedLen {
		return h, 0, fmt.Errorf("%w: %d octets", ErrBad, len(b))
	}
	flags, security := b[0], b[3]
	switch {
	case flags&flagVersion != 0:
		return h, 0, fmt.Errorf("%w: version %d", ErrBad, flags>>4)
	case security&secureType != 0:
		return h, 0, fmt.Errorf("%w: session type %d", ErrBad, security&secureType)
	case flags&3 > destNode:
		return h, 0, fmt.Errorf("%w: sent to a group", ErrBad)
	}
	h = Header{
		Session: binary.LittleEndian.Uint16(b[1:]), Counter: binary.LittleEndian.Uint32(b[4:]),
		HasSource: flags&flagSource != 0, HasDest: flags&3 == destNode,
		Control: security&secureControl != 0, Private: security&securePrivate != 0,
	}
	n = fixedLen
	for _, id := range []struct {
		has bool
		to  *uint64
	}{{h.HasSource, &h.Source}, {h.HasDest, &h.Dest}} {
		if !id.has {
			continue
		}
		if len(b) < n+8 {
			return h, 0, fmt.Errorf("%w: it ends within a node id", ErrBad)
		}
		*id.to = binary.LittleEndian.Uint64(b[n:])
		n += 8
	}
	if security&secureExtra != 0 {
		if n, err = skip(b, n); err != nil {
			return h, 0, err
		}
	}
	return h, n, nil
}

// skip steps over extensions, which nobody has defined yet (4.4.1.8, 4.4.3.7).
func skip(b []byte, n int) (int, error) {
	if len(b) < n+2 {
		return 0, fmt.Errorf("%w: it ends within an extension", ErrBad)
	}
	n += 2 + int(binary.LittleEndian.Uint16(b[n:]))
	if len(b) < n {
		return 0, fmt.Errorf("%w: it ends within an extension", ErrBad)
	}
	return n, nil
}

// Protocol numbers (4.4.3.4), all under the vendor id 0.
const (
	SecureChannel    = 0
	InteractionModel = 1
)

// Payload is the protocol header, with what it heads (4.4.3).
type Payload struct {
	Initiator bool // sent by the one that began the exchange
	Reliable  bool // an acknowledgement is asked for
	HasAck    bool
	Ack       uint32 // the counter of the message that is acknowledged

	Opcode   byte
	Exchange uint16
	Vendor   uint16
	Protocol uint16
	Body     []byte
}

// The bits of the exchange flags (4.4.3.1).
const (
	exchangeInitiator = 0x01
	exchangeAck       = 0x02
	exchangeReliable  = 0x04
	exchangeSecured   = 0x08
	exchangeVendor    = 0x10
)

// Append writes the protocol header and the body.
func (p Payload) Append(b []byte) []byte {
	flags := bit(exchangeInitiator, p.Initiator) | bit(exchangeAck, p.HasAck) | bit(exchangeReliable, p.Reliable) | bit(exchangeVendor, p.Vendor != 0)
	b = append(b, flags, p.Opcode)
	b = binary.LittleEndian.AppendUint16(b, p.Exchange)
	b = binary.LittleEndian.AppendUint16(b, p.Protocol)
	if p.Vendor != 0 {
		b = binary.LittleEndian.AppendUint16(b, p.Vendor)
	}
	if p.HasAck {
		b = binary.LittleEndian.AppendUint32(b, p.Ack)
	}
	return append(b, p.Body...)
}

// ParsePayload reads it. The body is b's memory.
func ParsePayload(b []byte) (Payload, error) {
	if len(b) < 6 {
		return Payload{}, fmt.Errorf("%w: a protocol header of %d octets", ErrBad, len(b))
	}
	flags := b[0]
	p := Payload{
		Initiator: flags&exchangeInitiator != 0, Reliable: flags&exchangeReliable != 0, HasAck: flags&exchangeAck != 0,
		Opcode: b[1], Exchange: binary.LittleEndian.Uint16(b[2:]), Protocol: binary.LittleEndian.Uint16(b[4:]),
	}
	n := 6
	if flags&exchangeVendor != 0 {
		if len(b) < n+2 {
			return Payload{}, fmt.Errorf("%w: it ends within a vendor id", ErrBad)
		}
		p.Vendor = binary.LittleEndian.Uint16(b[n:])
		n += 2
	}
	if p.HasAck {
		if len(b) < n+4 {
			return Payload{}, fmt.Errorf("%w: it ends within an acknowledgement", ErrBad)
		}
		p.Ack = binary.LittleEndian.Uint32(b[n:])
		n += 4
	}
	if flags&exchangeSecured != 0 {
		var err error
		if n, err = skip(b, n); err != nil {
			return Payload{}, err
		}
	}
	p.Body = b[n:]
	return p, nil
}
