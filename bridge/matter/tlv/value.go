package tlv

import (
	"fmt"
	"math"
)

// Uint returns an unsigned number of at most so many bits.
func (e Element) Uint(bits int) (uint64, error) {
	if e.Type != Uint || bits < 64 && e.num>>bits != 0 {
		return 0, e.not(fmt.Sprintf("an unsigned number of %d bits", bits))
	}
	return e.num, nil
}

// Int returns a signed number of at most so many bits.
func (e Element) Int(bits int) (int64, error) {
	n := int64(e.num)
	if e.Type != Int || n<<(64-bits)>>(64-bits) != n {
		return 0, e.not(fmt.Sprintf("a signed number of %d bits", bits))
	}
	return n, nil
}

// Bool returns a boolean.
func (e Element) Bool() (bool, error) {
	if e.Type != Bool {
		return false, e.not("a boolean")
	}
	return e.num == 1, nil
}

// Float returns a number of single or double precision.
func (e Element) Float() (float64, error) {
	if e.Type != Float {
		return 0, e.not("a floating point number")
	}
	return math.Float64frombits(e.num), nil
}

// Text returns text of at most max octets.
func (e Element) Text(max int) (string, error) {
	if e.Type != Text || len(e.body) > max {
		return "", e.not(fmt.Sprintf("a text of at most %d octets", max))
	}
	return string(e.body), nil
}

// Octets returns min to max octets, which are the input's memory.
func (e Element) Octets(min, max int) ([]byte, error) {
	if e.Type != Octets || len(e.body) < min || len(e.body) > max {
		return nil, e.not(fmt.Sprintf("%d to %d octets", min, max))
	}
	return e.body, nil
}

func (e Element) not(what string) error {
	if e.Type == None {
		return fmt.Errorf("%w: %s is missing", ErrBad, what)
	}
	return fmt.Errorf("%w: a %s (tag %s) is not %s", ErrBad, e.Type, e.Tag, what)
}

// Fields reads the members of a structure by their numbers. The first thing
// that is not as asked for is kept and told by Err, so that a message is read
// in one go and judged once. Members that nobody asks for are left alone, as a
// later revision of the specification may have added them.
type Fields struct {
	of  Element
	err error
}

// Fields begins to read a structure or list.
func (e Element) Fields() *Fields {
	f := &Fields{of: e}
	if e.Type != Struct && e.Type != List {
		f.err = e.not("a structure")
	}
	return f
}

// Err returns the first error.
func (f *Fields) Err() error { return f.err }

// Has tells whether member n is there and is not null.
func (f *Fields) Has(n uint8) bool {
	t := f.of.Member(n).Type
	return t != None && t != Null
}

// Element returns member n, which must be of type t.
func (f *Fields) Element(n uint8, t Type) Element {
	e := f.of.Member(n)
	if e.Type != t {
		f.fail(n, e.not("a "+t.String()))
		return Element{}
	}
	return e
}

// Uint returns member n, an unsigned number of at most so many bits.
func (f *Fields) Uint(n uint8, bits int) uint64 { return read(f, n, bits, Element.Uint) }

// Bool returns member n, a boolean.
func (f *Fields) Bool(n uint8) bool {
	return read(f, n, 0, func(e Element, _ int) (bool, error) { return e.Bool() })
}

// Text returns member n, a text of at most max octets.
func (f *Fields) Text(n uint8, max int) string { return read(f, n, max, Element.Text) }

// Octets returns member n, min to max octets.
func (f *Fields) Octets(n uint8, min, max int) []byte {
	return read(f, n, max, func(e Element, max int) ([]byte, error) { return e.Octets(min, max) })
}

func read[T any](f *Fields, n uint8, limit int, get func(Element, int) (T, error)) T {
	v, err := get(f.of.Member(n), limit)
	if err != nil {
		f.fail(n, err)
	}
	return v
}

func (f *Fields) fail(n uint8, err error) {
	if f.err == nil {
		f.err = fmt.Errorf("member %d: %w", n, err)
	}
}
