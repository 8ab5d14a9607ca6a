package rtsp

import (
	"bytes"
	"errors"
)

// Bounds of one access unit; more is garbage.
const (
	maxUnitBytes = 16 << 20
	maxUnitNALs  = 4096
)

var errUnit = errors.New("malformed or oversized access unit")

// assembly gathers the NAL units of one access unit. Its buffers are reused;
// take copies out what was gathered.
type assembly struct {
	hevc bool // H.265
	buf  []byte
	ends []int // end of each complete NAL unit in buf
	open bool  // a fragmented NAL unit is being gathered behind the last end
}

func (a *assembly) empty() bool { return len(a.buf) == 0 }

// add appends one NAL unit.
func (a *assembly) add(nal []byte) error {
	if a.open {
		return errUnit
	}
	return a.append(nal, nil, true)
}

// append continues the NAL unit in hand with head and b, and ends it if last.
func (a *assembly) append(head, b []byte, last bool) error {
	if len(a.buf)+len(head)+len(b) > maxUnitBytes || len(a.ends) >= maxUnitNALs {
		return errUnit
	}
	a.buf = append(append(a.buf, head...), b...)
	a.open = !last
	if last {
		a.end()
	}
	return nil
}

// end closes the NAL unit in hand. Start codes that the camera put inside it
// are taken out.
func (a *assembly) end() {
	start := 0
	if len(a.ends) > 0 {
		start = a.ends[len(a.ends)-1]
	}
	nal := a.buf[start:]
	if len(nal) == 0 {
		return
	}
	if !hasStartCodes(nal, a.hevc) {
		a.ends = append(a.ends, len(a.buf))
		return
	}
	w := start // NAL units only move towards the front
	splitAnnexB(nal, func(part []byte) {
		if len(a.ends) < maxUnitNALs {
			w += copy(a.buf[w:], part)
			a.ends = append(a.ends, w)
		}
	})
	a.buf = a.buf[:w]
}

// at is the i-th NAL unit, valid until the next change.
func (a *assembly) at(i int) []byte {
	if i == 0 {
		return a.buf[:a.ends[0]]
	}
	return a.buf[a.ends[i-1]:a.ends[i]]
}

// drop forgets what was gathered.
func (a *assembly) drop() {
	a.buf, a.ends, a.open = a.buf[:0], a.ends[:0], false
	if cap(a.buf) > 2<<20 {
		a.buf = nil // one giant picture need not keep its memory for ever
	}
}

// take moves what was gathered into a new Unit: one allocation for the bytes
// and one for the Unit and, up to inlineNALs, the slices into them.
func (a *assembly) take() *Unit {
	const inlineNALs = 4
	type unit struct {
		Unit
		inline [inlineNALs][]byte
	}
	u := new(unit)
	if len(a.ends) <= inlineNALs {
		u.Data = u.inline[:len(a.ends):len(a.ends)]
	} else {
		u.Data = make([][]byte, len(a.ends))
	}
	b := append([]byte(nil), a.buf...)
	start := 0
	for i, end := range a.ends {
		u.Data[i] = b[start:end:end]
		start = end
	}
	a.drop()
	return &u.Unit
}

// hasStartCodes reports whether what came as one NAL unit is a byte stream
// (ITU-T H.264 Annex B). A real NAL unit cannot begin with zeros, and cannot
// contain a start code unless it is an SEI whose sender forgot the emulation
// prevention; such an SEI is kept as it is.
func hasStartCodes(nal []byte, hevc bool) bool {
	if bytes.HasPrefix(nal, []byte{0, 0, 1}) || bytes.HasPrefix(nal, []byte{0, 0, 0, 1}) {
		return true
	}
	if !hevc && nal[0]&0x1f == h264SEI {
		return false
	}
	if t := nal[0] >> 1 & 0x3f; hevc && (t == h265PrefixSEI || t == h265SuffixSEI) {
		return false
	}
	return bytes.Contains(nal, []byte{0, 0, 0, 1})
}

// splitAnnexB calls yield for each NAL unit of a byte stream. What precedes the
// first start code counts as one. Zero bytes before a start code belong to
// none (trailing_zero_8bits).
func splitAnnexB(b []byte, yield func(nal []byte)) {
	for len(b) > 0 {
		i := bytes.Index(b, []byte{0, 0, 1})
		nal, rest := b, []byte(nil)
		if i >= 0 {
			nal, rest = b[:i], b[i+3:]
			nal = bytes.TrimRight(nal, "\x00")
		}
		if len(nal) > 0 {
			yield(nal)
		}
		b = rest
	}
}
