// Package cert reads Matter's operational certificates, which are X.509
// certificates told as TLV, and judges chains of them. A signature is of the
// X.509 form, so that this is rebuilt to the octet. Clauses are those of the
// Matter Core Specification 6.4 and 6.5.
package cert

import (
	"errors"
	"fmt"

	"gatehouse/bridge/matter/tlv"
)

// MaxLen is how long a certificate may be as TLV (6.1.3).
const MaxLen = 400

// ErrBad means that it is no certificate, or one that may not be used so.
var ErrBad = errors.New("bad certificate")

// Certificate is an operational certificate. It is not trusted by being read.
type Certificate struct {
	Serial              []byte
	Issuer, Subject     Name
	NotBefore, NotAfter uint32 // seconds since 2000; a NotAfter of 0 is no end
	PublicKey           []byte // an uncompressed point of P-256
	Extensions          []Extension
	Signature           []byte // r and s, 64 octets

	raw []byte
}

// Raw is the certificate as it came.
func (c *Certificate) Raw() []byte { return c.raw }

// Name is a distinguished name in the order in which it is signed.
type Name []Attribute

// Attribute is one part of a name. Those of Matter's own have an ID, the others
// a Text (6.5.6.1).
type Attribute struct {
	Kind      uint8 // its context tag, 1 to 22
	Text      string
	ID        uint64
	Printable bool // the text is an ASN.1 PrintableString
}

// The attributes of Matter's own (6.5.6.1).
const (
	NodeID   = 17
	Firmware = 18
	ICACID   = 19
	RCACID   = 20
	FabricID = 21
	CAT      = 22 // a CASE authenticated tag, 32 bits
)

// maxText is how long a part of a name may be.
const maxText = 100

// All returns the ids of the attributes of a kind.
func (n Name) All(kind uint8) []uint64 {
	var ids []uint64
	for _, a := range n {
		if a.Kind == kind {
			ids = append(ids, a.ID)
		}
	}
	return ids
}

// Only returns the id of the one attribute of a kind; false if there is none,
// or more than one.
func (n Name) Only(kind uint8) (uint64, bool) {
	ids := n.All(kind)
	if len(ids) != 1 {
		return 0, false
	}
	return ids[0], true
}

// Extension is one extension, in the order in which it is signed.
type Extension struct {
	Kind   uint8 // its context tag, 1 to 6
	CA     bool  // basic constraints
	Path   int   // basic constraints: -1 without
	Usage  uint16
	Usages []uint8 // extended key usage
	Octets []byte  // a key id, or an extension of the future as DER
}

// The extensions (6.5.11).
const (
	basicConstraints = 1
	keyUsage         = 2
	extendedUsage    = 3
	subjectKeyID     = 4
	authorityKeyID   = 5
	futureExtension  = 6
)

// extension returns the only extension of a kind.
func (c *Certificate) extension(kind uint8) (Extension, bool) {
	for _, e := range c.Extensions {
		if e.Kind == kind {
			return e, true
		}
	}
	return Extension{}, false
}

// Parse reads a certificate. Its errors wrap ErrBad.
func Parse(b []byte) (*Certificate, error) {
	if len(b) > MaxLen {
		return nil, fmt.Errorf("%w: %d octets", ErrBad, len(b))
	}
	top, err := tlv.Parse(append([]byte(nil), b...))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrBad, err)
	}
	if top.Type != tlv.Struct {
		return nil, fmt.Errorf("%w: a %s", ErrBad, top.Type)
	}
	f := top.Fields()
	c := &Certificate{
		Serial:    f.Octets(1, 1, 20),
		NotBefore: uint32(f.Uint(4, 32)), NotAfter: uint32(f.Uint(5, 32)),
		PublicKey: f.Octets(9, 65, 65),
		Signature: f.Octets(11, 64, 64),
		raw:       top.Raw(),
	}
	algorithms := [3]uint64{f.Uint(2, 8), f.Uint(7, 8), f.Uint(8, 8)}
	issuer, subject, extensions := f.Element(3, tlv.List), f.Element(6, tlv.List), f.Element(10, tlv.List)
	if f.Err() != nil {
		return nil, fmt.Errorf("%w: %w", ErrBad, f.Err())
	}
	if algorithms != [3]uint64{1, 1, 1} {
		return nil, fmt.Errorf("%w: algorithms %d, not ECDSA of P-256 with SHA-256", ErrBad, algorithms)
	}
	if c.Issuer, err = parseName(issuer); err != nil {
		return nil, err
	}
	if c.Subject, err = parseName(subject); err != nil {
		return nil, err
	}
	if c.Extensions, err = parseExtensions(extensions); err != nil {
		return nil, err
	}
	return c, nil
}

func parseName(list tlv.Element) (Name, error) {
	var name Name
	for m := range list.Members() {
		tag, ok := m.Tag.Context()
		a := Attribute{Kind: tag &^ 0x80, Printable: tag&0x80 != 0}
		var err error
		switch {
		case !ok || a.Kind < 1 || a.Kind > CAT || a.Kind >= NodeID && a.Printable:
			err = fmt.Errorf("%w: an attribute of a name with tag %s", ErrBad, m.Tag)
		case a.Kind == CAT:
			a.ID, err = m.Uint(32)
		case a.Kind >= NodeID:
			a.ID, err = m.Uint(64)
		default:
			a.Text, err = m.Text(maxText)
		}
		if err != nil {
			return nil, fmt.Errorf("%w: %w", ErrBad, err)
		}
		name = append(name, a)
	}
	if len(name) == 0 {
		return nil, fmt.Errorf("%w: an empty name", ErrBad)
	}
	return name, nil
}

func parseExtensions(list tlv.Element) ([]Extension, error) {
	var all []Extension
	var seen [futureExtension]bool
	for m := range list.Members() {
		kind, ok := m.Tag.Context()
		if !ok || kind < basicConstraints || kind > futureExtension {
			return nil, fmt.Errorf("%w: an extension with tag %s", ErrBad, m.Tag)
		}
		// Of what the future brings there may be several.
		if kind != futureExtension {
			if seen[kind] {
				return nil, fmt.Errorf("%w: extension %d stands twice", ErrBad, kind)
			}
			seen[kind] = true
		}
		e, err := parseExtension(kind, m)
		if err != nil {
			return nil, fmt.Errorf("%w: extension %d: %w", ErrBad, kind, err)
		}
		all = append(all, e)
	}
	return all, nil
}

func parseExtension(kind uint8, m tlv.Element) (e Extension, err error) {
	e = Extension{Kind: kind, Path: -1}
	switch kind {
	case basicConstraints:
		if m.Type != tlv.Struct {
			return e, errors.New("not a structure")
		}
		f := m.Fields()
		e.CA = f.Bool(1)
		if f.Has(2) {
			e.Path = int(f.Uint(2, 8))
		}
		err = f.Err()
	case keyUsage:
		var bits uint64
		bits, err = m.Uint(16)
		e.Usage = uint16(bits)
	case extendedUsage:
		if m.Type != tlv.Array {
			return e, errors.New("not an array")
		}
		for u := range m.Members() {
			var n uint64
			if n, err = u.Uint(8); err != nil {
				return e, err
			}
			e.Usages = append(e.Usages, uint8(n))
		}
	case subjectKeyID, authorityKeyID:
		e.Octets, err = m.Octets(20, 20)
	default:
		e.Octets, err = m.Octets(1, MaxLen)
	}
	return e, err
}
