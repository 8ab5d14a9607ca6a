package tlv

import (
	"encoding/binary"
	"fmt"
	"iter"
	"math"
	"unicode/utf8"
)

// Element is one element of a buffer that Parse has checked. It shares the
// buffer's memory.
type Element struct {
	Type Type
	Tag  Tag

	num  uint64 // the bits of a number, 1 for true
	body []byte // text, octets, or the members with the end of the container
	raw  []byte // with control octet, tag and end
}

// Parse reads b, which must be one element and nothing after it.
func Parse(b []byte) (Element, error) {
	e, rest, err := ParseFirst(b)
	if err != nil {
		return Element{}, err
	}
	if len(rest) > 0 {
		return Element{}, fmt.Errorf("%w: %d octets after the element", ErrBad, len(rest))
	}
	return e, nil
}

// ParseFirst reads the element that b begins with, and returns what follows.
func ParseFirst(b []byte) (Element, []byte, error) {
	e, rest, err := parse(b, MaxDepth)
	if err == nil && e.Type == None {
		err = fmt.Errorf("%w: an end of no container", ErrBad)
	}
	if err != nil {
		return Element{}, nil, err
	}
	return e, rest, nil
}

// parse reads one element; that of an end of container has type None.
func parse(b []byte, depth int) (e Element, rest []byte, err error) {
	control, rest, err := head(b, &e)
	if err != nil {
		return e, nil, err
	}
	switch kind := control & 0x1f; {
	case kind < typeFalse:
		width := 1 << (kind & 3)
		if e.num, rest, err = number(rest, width); err != nil {
			return e, nil, err
		}
		if e.Type = Uint; kind < typeUint {
			e.Type, e.num = Int, extend(e.num, width)
		}
	case kind <= typeTrue:
		e.Type, e.num = Bool, uint64(kind-typeFalse)
	case kind == typeFloat32:
		e.Type = Float
		if e.num, rest, err = number(rest, 4); err == nil {
			e.num = math.Float64bits(float64(math.Float32frombits(uint32(e.num))))
		}
	case kind == typeFloat64:
		e.Type = Float
		e.num, rest, err = number(rest, 8)
	case kind < typeNull:
		e.body, rest, err = octets(rest, 1<<(kind&3))
		if e.Type = Octets; kind < typeOctets {
			e.Type = Text
		}
	case kind == typeNull:
		e.Type = Null
	case kind <= typeList:
		e.Type = Struct + Type(kind-typeStruct)
		e.body, rest, err = members(rest, e.Type, depth)
	case kind == typeEnd:
		if e.Tag != Anonymous {
			err = fmt.Errorf("%w: an end of a container with a tag", ErrBad)
		}
	default:
		err = fmt.Errorf("%w: element type %#x", ErrBad, kind)
	}
	if err == nil && e.Type == Text && !utf8.Valid(e.body) {
		err = fmt.Errorf("%w: text that is not UTF-8", ErrBad)
	}
	if err != nil {
		return Element{}, nil, err
	}
	e.raw = b[: len(b)-len(rest) : len(b)-len(rest)]
	return e, rest, nil
}

// head reads the control octet and the tag.
func head(b []byte, e *Element) (control byte, rest []byte, err error) {
	if len(b) == 0 {
		return 0, nil, fmt.Errorf("%w: it ends where an element must begin", ErrBad)
	}
	control = b[0]
	f := form(control >> 5)
	n := f.length()
	if len(b) < 1+n {
		return 0, nil, fmt.Errorf("%w: it ends within a tag", ErrBad)
	}
	t := b[1 : 1+n]
	e.Tag.form = f
	switch f {
	case context:
		e.Tag.number = uint32(t[0])
	case common2, implicit2:
		e.Tag.number = uint32(binary.LittleEndian.Uint16(t))
	case common4, implicit4:
		e.Tag.number = binary.LittleEndian.Uint32(t)
	case full6:
		e.Tag.number = uint32(binary.LittleEndian.Uint16(t[4:]))
	case full8:
		e.Tag.number = binary.LittleEndian.Uint32(t[4:])
	}
	if f >= full6 {
		e.Tag.vendor, e.Tag.scope = binary.LittleEndian.Uint16(t), binary.LittleEndian.Uint16(t[2:])
	}
	return control, b[1+n:], nil
}

func number(b []byte, width int) (uint64, []byte, error) {
	if len(b) < width {
		return 0, nil, fmt.Errorf("%w: it ends within a number", ErrBad)
	}
	var wide [8]byte
	copy(wide[:], b[:width])
	return binary.LittleEndian.Uint64(wide[:]), b[width:], nil
}

// extend carries the sign of a number of so many octets.
func extend(n uint64, width int) uint64 {
	shift := 64 - 8*width
	return uint64(int64(n<<shift) >> shift)
}

func octets(b []byte, width int) (body, rest []byte, err error) {
	n, b, err := number(b, width)
	if err != nil {
		return nil, nil, err
	}
	if n > uint64(len(b)) {
		return nil, nil, fmt.Errorf("%w: a length of %d where %d octets are left", ErrBad, n, len(b))
	}
	return b[:n:n], b[n:], nil
}

// members checks all up to the end of the container. The members of a
// structure have tags, each its own (A.5.1); those of an array have none (A.5.2).
func members(b []byte, in Type, depth int) (body, rest []byte, err error) {
	if depth == 0 {
		return nil, nil, fmt.Errorf("%w: more than %d containers in each other", ErrBad, MaxDepth)
	}
	var seen [4]uint64 // a bit for each context tag
	for rest = b; ; {
		var e Element
		if e, rest, err = parse(rest, depth-1); err != nil {
			return nil, nil, err
		}
		if e.Type == None {
			return b[:len(b)-len(rest)], rest, nil
		}
		switch n, ok := e.Tag.Context(); {
		case in == Array && e.Tag != Anonymous:
			return nil, nil, fmt.Errorf("%w: a tag in an array", ErrBad)
		case in == Struct && e.Tag == Anonymous:
			return nil, nil, fmt.Errorf("%w: a member of a structure without a tag", ErrBad)
		case in == Struct && ok:
			if seen[n/64]&(1<<(n%64)) != 0 {
				return nil, nil, fmt.Errorf("%w: member %d stands twice", ErrBad, n)
			}
			seen[n/64] |= 1 << (n % 64)
		}
	}
}

// Raw returns the element as it stood in the input.
func (e Element) Raw() []byte { return e.raw }

// Members returns what a container holds, in its order; of anything else, nothing.
func (e Element) Members() iter.Seq[Element] {
	return func(yield func(Element) bool) {
		if e.Type < Struct {
			return
		}
		for rest := e.body; ; {
			// Checked when e was parsed.
			member, after, err := parse(rest, MaxDepth)
			if err != nil || member.Type == None || !yield(member) {
				return
			}
			rest = after
		}
	}
}

// Member returns the first member with the context tag n; the zero Element if
// there is none.
func (e Element) Member(n uint8) Element {
	for m := range e.Members() {
		if m.Tag == Context(n) {
			return m
		}
	}
	return Element{}
}
