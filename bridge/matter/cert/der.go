package cert

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/sha256"
	encasn1 "encoding/asn1"
	"fmt"
	"math/big"
	"math/bits"
	"time"

	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"
)

// The object identifiers of an operational certificate.
var (
	oidECDSA = encasn1.ObjectIdentifier{1, 2, 840, 10045, 4, 3, 2}
	oidEC    = encasn1.ObjectIdentifier{1, 2, 840, 10045, 2, 1}
	oidP256  = encasn1.ObjectIdentifier{1, 2, 840, 10045, 3, 1, 7}

	// names are those of the attributes 1 to 15, under 2.5.4 (6.5.6.1).
	names = [...]int{0, 3, 4, 5, 6, 7, 8, 10, 11, 12, 41, 42, 43, 44, 46, 65}
	// extensions are those of the extensions 1 to 5, under 2.5.29.
	extensions = [...]int{0, 19, 15, 37, 14, 35}
	// usages are those of the extended usages 1 to 6, under 1.3.6.1.5.5.7.3.
	usages = [...]int{0, 1, 2, 3, 4, 8, 9}
)

const domainComponent = 16

func (a Attribute) oid() encasn1.ObjectIdentifier {
	switch {
	case a.Kind >= NodeID:
		return encasn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 37244, 1, int(a.Kind - NodeID + 1)}
	case a.Kind == domainComponent:
		return encasn1.ObjectIdentifier{0, 9, 2342, 19200300, 100, 1, 25}
	default:
		return encasn1.ObjectIdentifier{2, 5, 4, names[a.Kind]}
	}
}

// value is the attribute's string and its type. The ids are upper case hex in
// their whole width (6.5.6.2).
func (a Attribute) value() (string, asn1.Tag) {
	switch {
	case a.Kind == CAT:
		return fmt.Sprintf("%08X", a.ID), asn1.UTF8String
	case a.Kind >= NodeID:
		return fmt.Sprintf("%016X", a.ID), asn1.UTF8String
	case a.Kind == domainComponent:
		return a.Text, asn1.IA5String
	case a.Printable:
		return a.Text, asn1.PrintableString
	default:
		return a.Text, asn1.UTF8String
	}
}

// TBS returns the part of the X.509 form that is signed.
func (c *Certificate) TBS() ([]byte, error) {
	var b cryptobyte.Builder
	b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
		b.AddASN1(asn1.Tag(0).Constructed().ContextSpecific(), func(b *cryptobyte.Builder) { b.AddASN1Int64(2) })
		b.AddASN1(asn1.INTEGER, func(b *cryptobyte.Builder) { b.AddBytes(c.Serial) })
		b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) { b.AddASN1ObjectIdentifier(oidECDSA) })
		c.Issuer.add(b)
		b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
			addTime(b, c.NotBefore, false)
			addTime(b, c.NotAfter, true)
		})
		c.Subject.add(b)
		b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
			b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
				b.AddASN1ObjectIdentifier(oidEC)
				b.AddASN1ObjectIdentifier(oidP256)
			})
			b.AddASN1BitString(c.PublicKey)
		})
		if len(c.Extensions) > 0 {
			b.AddASN1(asn1.Tag(3).Constructed().ContextSpecific(), func(b *cryptobyte.Builder) {
				b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
					for _, e := range c.Extensions {
						e.add(b)
					}
				})
			})
		}
	})
	der, err := b.Bytes()
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrBad, err)
	}
	return der, nil
}

func (n Name) add(b *cryptobyte.Builder) {
	b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
		for _, a := range n {
			text, kind := a.value()
			b.AddASN1(asn1.SET, func(b *cryptobyte.Builder) {
				b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
					b.AddASN1ObjectIdentifier(a.oid())
					b.AddASN1(kind, func(b *cryptobyte.Builder) { b.AddBytes([]byte(text)) })
				})
			})
		}
	})
}

// addTime writes seconds since 2000, in two digits of the year as long as
// X.509 wants that. An end of 0 is the one of RFC 5280 for none (6.5.7).
func addTime(b *cryptobyte.Builder, seconds uint32, end bool) {
	t := time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC).Add(time.Duration(seconds) * time.Second)
	if end && seconds == 0 {
		t = time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC)
	}
	if t.Year() < 2050 {
		b.AddASN1UTCTime(t)
	} else {
		b.AddASN1GeneralizedTime(t)
	}
}

func (e Extension) add(b *cryptobyte.Builder) {
	if e.Kind == futureExtension {
		b.AddBytes(e.Octets)
		return
	}
	b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
		b.AddASN1ObjectIdentifier(encasn1.ObjectIdentifier{2, 5, 29, extensions[e.Kind]})
		if e.Kind <= extendedUsage {
			b.AddASN1Boolean(true) // critical
		}
		b.AddASN1(asn1.OCTET_STRING, e.addValue)
	})
}

func (e Extension) addValue(b *cryptobyte.Builder) {
	switch e.Kind {
	case basicConstraints:
		b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
			if e.CA {
				b.AddASN1Boolean(true)
			}
			if e.Path >= 0 {
				b.AddASN1Int64(int64(e.Path))
			}
		})
	case keyUsage:
		// The first bit is the leftmost one, and zeros at the end are left out (X.690, 11.2.2).
		mirrored := bits.Reverse16(e.Usage)
		octets := []byte{byte(mirrored >> 8), byte(mirrored)}
		if octets[1] == 0 {
			octets = octets[:1]
		}
		b.AddASN1(asn1.BIT_STRING, func(b *cryptobyte.Builder) {
			if e.Usage == 0 {
				b.AddUint8(0)
				return
			}
			b.AddUint8(uint8(bits.TrailingZeros8(octets[len(octets)-1])))
			b.AddBytes(octets)
		})
	case extendedUsage:
		b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
			for _, u := range e.Usages {
				if u == 0 || int(u) >= len(usages) {
					b.SetError(fmt.Errorf("extended key usage %d", u))
					return
				}
				b.AddASN1ObjectIdentifier(encasn1.ObjectIdentifier{1, 3, 6, 1, 5, 5, 7, 3, usages[u]})
			}
		})
	case subjectKeyID:
		b.AddASN1OctetString(e.Octets)
	case authorityKeyID:
		b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
			b.AddASN1(asn1.Tag(0).ContextSpecific(), func(b *cryptobyte.Builder) { b.AddBytes(e.Octets) })
		})
	}
}

// SignedBy checks the signature with an uncompressed point of P-256.
func (c *Certificate) SignedBy(key []byte) error {
	tbs, err := c.TBS()
	if err != nil {
		return err
	}
	if !Verify(key, tbs, c.Signature) {
		return fmt.Errorf("%w: its signature does not verify", ErrBad)
	}
	return nil
}

// Verify tells whether a signature of 64 octets, r and s, is that of a message
// by the key, an uncompressed point of P-256 (3.5.3).
func Verify(key, message, signature []byte) bool {
	public, err := ecdsa.ParseUncompressedPublicKey(elliptic.P256(), key)
	if err != nil || len(signature) != 64 {
		return false
	}
	digest := sha256.Sum256(message)
	r, s := new(big.Int).SetBytes(signature[:32]), new(big.Int).SetBytes(signature[32:])
	return ecdsa.Verify(public, digest[:], r, s)
}
