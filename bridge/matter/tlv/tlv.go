// Package tlv reads and writes Matter's tag-length-value encoding (Matter Core
// Specification, Appendix A). Reading is strict and allocates nothing: Parse
// checks an element with all that is in it, and hands out slices of its input.
package tlv

import (
	"errors"
	"fmt"
)

// Type is what an element holds.
type Type uint8

// The types. None is that of the zero Element, which stands for a member that
// is not there.
const (
	None Type = iota
	Int
	Uint
	Bool
	Float
	Text
	Octets
	Null
	Struct
	Array
	List
)

// String names the type in messages.
func (t Type) String() string {
	names := [...]string{"nothing", "int", "uint", "bool", "float", "text", "octets", "null", "structure", "array", "list"}
	if int(t) < len(names) {
		return names[t]
	}
	return fmt.Sprintf("type %d", uint8(t))
}

// Tag says which member an element is. The zero Tag is anonymous.
type Tag struct {
	form   form
	vendor uint16
	scope  uint16 // profile
	number uint32
}

// form is how a tag is written: the upper three bits of the control octet (A.7.1).
type form uint8

const (
	anonymous form = iota
	context
	common2
	common4
	implicit2
	implicit4
	full6
	full8
)

// Anonymous is the tag of an element of an array.
var Anonymous Tag

// Context returns the tag of member n of a structure.
func Context(n uint8) Tag { return Tag{form: context, number: uint32(n)} }

// Context returns the number of a context tag, and whether it is one.
func (t Tag) Context() (uint8, bool) { return uint8(t.number), t.form == context }

// String is for messages.
func (t Tag) String() string {
	switch t.form {
	case anonymous:
		return "anonymous"
	case context:
		return fmt.Sprint(t.number)
	default:
		return fmt.Sprintf("%04x:%04x:%d", t.vendor, t.scope, t.number)
	}
}

// length is how many octets a tag has after the control octet.
func (f form) length() int { return [...]int{0, 1, 2, 4, 2, 4, 6, 8}[f] }

// The element types of the control octet's lower five bits (A.7.2).
const (
	typeInt     = 0x00 // +0 to +3: 1, 2, 4, 8 octets
	typeUint    = 0x04
	typeFalse   = 0x08
	typeTrue    = 0x09
	typeFloat32 = 0x0a
	typeFloat64 = 0x0b
	typeText    = 0x0c // +0 to +3: a length of 1, 2, 4, 8 octets
	typeOctets  = 0x10
	typeNull    = 0x14
	typeStruct  = 0x15
	typeArray   = 0x16
	typeList    = 0x17
	typeEnd     = 0x18
)

// MaxDepth is how deep containers may stand in each other. The deepest message
// of the Interaction Model needs eight.
const MaxDepth = 16

// ErrBad is wrapped by every error of reading: the input is not what it must be.
var ErrBad = errors.New("bad TLV")
