// Package code makes the two onboarding codes of a Matter device: the QR code
// and the manual pairing code (Matter Core Specification 5.1).
package code

import (
	"crypto/rand"
	"errors"
	"fmt"
	"math/big"
	"slices"
	"strings"
)

// Payload is what an administrator must know to find and to commission the
// device.
type Payload struct {
	Vendor, Product uint16
	Discriminator   uint16 // 12 bits
	Passcode        uint32
}

// MaxPasscode is the largest passcode (5.1.7).
const MaxPasscode = 99999998

// ErrPayload means that a Payload is one that no device may have.
var ErrPayload = errors.New("not a payload of Matter")

// trivial are the passcodes that no device may have, beside those of one digit (5.1.7.1).
var trivial = []uint32{12345678, 87654321}

// Valid tells whether the passcode may be used.
func Valid(passcode uint32) bool {
	return passcode > 0 && passcode <= MaxPasscode && passcode%11111111 != 0 && !slices.Contains(trivial, passcode)
}

// NewPasscode draws a passcode, each one that may be used with equal chance.
func NewPasscode() uint32 {
	for {
		n, err := rand.Int(rand.Reader, big.NewInt(MaxPasscode+1))
		if err != nil {
			panic(err) // crypto/rand does not fail
		}
		if p := uint32(n.Uint64()); Valid(p) {
			return p
		}
	}
}

func (p Payload) check() error {
	if p.Discriminator > 0xfff || !Valid(p.Passcode) {
		return fmt.Errorf("%w: discriminator %d or its passcode", ErrPayload, p.Discriminator)
	}
	return nil
}

// onNetwork says that the device is found on an IP network that it is on
// already (5.1.3.1, table of discovery capabilities).
const onNetwork = 1 << 2

// alphabet is that of Base-38 (5.1.3.1).
const alphabet = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ-."

// QR returns the text of the QR code, such as MT:Y.K9042C00KA0648G00: standard
// commissioning, found on the network. Its error wraps ErrPayload.
func (p Payload) QR() (string, error) {
	if err := p.check(); err != nil {
		return "", err
	}
	return p.qr(onNetwork), nil
}

func (p Payload) qr(discovery byte) string {
	var packed [11]byte
	at := 0
	put := func(v uint32, bits int) {
		for i := range bits {
			packed[(at+i)/8] |= byte(v>>i&1) << ((at + i) % 8)
		}
		at += bits
	}
	put(0, 3) // version
	put(uint32(p.Vendor), 16)
	put(uint32(p.Product), 16)
	put(0, 2) // standard flow
	put(uint32(discovery), 8)
	put(uint32(p.Discriminator), 12)
	put(p.Passcode, 27)

	text := "MT:"
	for group := range slices.Chunk(packed[:], 3) {
		n := 0
		for i, b := range group {
			n |= int(b) << (8 * i)
		}
		for range []int{0, 2, 4, 5}[len(group)] {
			text += alphabet[n%38 : n%38+1]
			n /= 38
		}
	}
	return text
}

// Manual returns the eleven digits to type, the last one a check digit (5.1.4).
// They have only the upper four bits of the discriminator. The error wraps ErrPayload.
func (p Payload) Manual() (string, error) {
	if err := p.check(); err != nil {
		return "", err
	}
	short := uint32(p.Discriminator >> 8)
	digits := fmt.Sprintf("%d%05d%04d", short>>2, short&3<<14|p.Passcode&0x3fff, p.Passcode>>14)
	return digits + verhoeff(digits), nil
}

// Grouped writes the digits of Manual as they are read aloud: 3497-011-2332.
func Grouped(manual string) string {
	if len(manual) != 11 {
		return manual
	}
	return strings.Join([]string{manual[:4], manual[4:7], manual[7:]}, "-")
}

// The multiplication of the dihedral group of ten and the permutation of
// Verhoeff's check digit.
var (
	times = [10][10]int{
		{0, 1, 2, 3, 4, 5, 6, 7, 8, 9},
		{1, 2, 3, 4, 0, 6, 7, 8, 9, 5},
		{2, 3, 4, 0, 1, 7, 8, 9, 5, 6},
		{3, 4, 0, 1, 2, 8, 9, 5, 6, 7},
		{4, 0, 1, 2, 3, 9, 5, 6, 7, 8},
		{5, 9, 8, 7, 6, 0, 4, 3, 2, 1},
		{6, 5, 9, 8, 7, 1, 0, 4, 3, 2},
		{7, 6, 5, 9, 8, 2, 1, 0, 4, 3},
		{8, 7, 6, 5, 9, 3, 2, 1, 0, 4},
		{9, 8, 7, 6, 5, 4, 3, 2, 1, 0},
	}
	step = [10]int{1, 5, 7, 6, 2, 8, 3, 0, 9, 4}
)

// verhoeff returns the digit that follows.
func verhoeff(digits string) string {
	sum := 0
	for i := range digits {
		d := int(digits[len(digits)-1-i] - '0')
		for range i + 1 {
			d = step[d]
		}
		sum = times[sum][d]
	}
	return fmt.Sprint(slices.Index(times[sum][:], 0))
}
