// Package mp4 writes and reads Gatehouse's segment files: hybrid MP4 (ISO/IEC
// 14496-12) that is fragmented while it grows and has complete sample tables
// once it is closed.
//
// A file is
//
//	ftyp · free(16) · moov+mvex · { prft moof mdat }…            while open
//	ftyp · mdat{ moov+mvex · { prft moof mdat }… } · moov        when closed
//
// The second form differs from the first only in the 16 bytes of free, which
// become a 64-bit mdat header, and in the moov at the end. The initialisation
// (the first moov) and every fragment (prft, moof and mdat of one track) keep
// their bytes from the first write on, so their digests hold for ever.
package mp4

import (
	"encoding/binary"
	"math"
)

// box appends a box (ISO/IEC 14496-12 4.2) whose body is what f appends.
func box(b []byte, name string, f func([]byte) []byte) []byte {
	at := len(b)
	b = append(b, 0, 0, 0, 0)
	b = append(b, name...)
	b = f(b)
	binary.BigEndian.PutUint32(b[at:], uint32(len(b)-at))
	return b
}

// fullBox appends a box with version and flags.
func fullBox(b []byte, name string, version uint8, flags uint32, f func([]byte) []byte) []byte {
	return box(b, name, func(b []byte) []byte {
		return f(u32(b, uint32(version)<<24|flags))
	})
}

func u16(b []byte, v uint16) []byte { return binary.BigEndian.AppendUint16(b, v) }
func u32(b []byte, v uint32) []byte { return binary.BigEndian.AppendUint32(b, v) }
func u64(b []byte, v uint64) []byte { return binary.BigEndian.AppendUint64(b, v) }
func zeros(b []byte, n int) []byte  { return append(b, make([]byte, n)...) }

// cursor reads big-endian fields. Past the end it yields zeros and is bad.
type cursor struct {
	b   []byte
	bad bool
}

func (c *cursor) take(n int) []byte {
	if n < 0 || n > len(c.b) {
		c.b, c.bad = nil, true
		return nil
	}
	v := c.b[:n]
	c.b = c.b[n:]
	return v
}

func (c *cursor) u8() uint8 {
	if v := c.take(1); v != nil {
		return v[0]
	}
	return 0
}

func (c *cursor) u32() uint32 {
	if v := c.take(4); v != nil {
		return binary.BigEndian.Uint32(v)
	}
	return 0
}

func (c *cursor) u64() uint64 {
	if v := c.take(8); v != nil {
		return binary.BigEndian.Uint64(v)
	}
	return 0
}

// tick reads a 64-bit time and refuses what later sums could overflow.
func (c *cursor) tick() int64 {
	v := c.u64()
	if v > math.MaxInt64/4 {
		c.bad = true
		return 0
	}
	return int64(v)
}

// versioned reads the version and flags of a full box.
func (c *cursor) versioned() (version uint8, flags uint32) {
	v := c.u32()
	return uint8(v >> 24), v & 0xffffff
}

// next splits the first child off a box's body. It is not ok at the end or at
// a child that claims more than there is.
func next(body []byte) (name string, child, rest []byte, ok bool) {
	if len(body) < 8 {
		return "", nil, nil, false
	}
	n := binary.BigEndian.Uint32(body)
	if n < 8 || uint64(n) > uint64(len(body)) {
		return "", nil, nil, false
	}
	return string(body[4:8]), body[8:n], body[n:], true
}

// find returns the first child of that name, nil if there is none.
func find(body []byte, name string) []byte {
	for {
		n, child, rest, ok := next(body)
		if !ok {
			return nil
		}
		if n == name {
			return child
		}
		body = rest
	}
}

// descend follows a path of names.
func descend(body []byte, path ...string) []byte {
	for _, name := range path {
		if body = find(body, name); body == nil {
			return nil
		}
	}
	return body
}
