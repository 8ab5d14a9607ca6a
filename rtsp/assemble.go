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

// Blocks that units are cut from are at least so large. The rest of a larger one
// than maxRest is not used: a giant picture's block need not stay for the small
// ones that follow it.
const (
	videoBlock = 128 << 10
	soundBlock = 8 << 10
	maxRest    = 1 << 20
)

var errUnit = errors.New("malformed or oversized access unit")

// assembly gathers the NAL units of one access unit where they will stay: take
// cuts them off.
type assembly struct {
	slab
	hevc  bool   // H.265
	raw   bool   // no NAL units, so that there are no start codes to look for
	block *block // held; nil at first
	buf   []byte // of block, with all that is free of it as capacity
	ends  []int  // end of each complete NAL unit in buf
	open  bool   // a fragmented NAL unit is being gathered behind the last end
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
	a.reserve(len(head)+len(b), videoBlock)
	a.buf = append(append(a.buf, head...), b...)
	a.open = !last
	if last {
		a.end()
	}
	return nil
}

// reserve begins a new block of at least size bytes, with what is in hand, where
// n more do not fit.
func (a *assembly) reserve(n, size int) {
	need := len(a.buf) + n
	if need <= cap(a.buf) {
		return
	}
	b := newBlock(max(size, need+need/4))
	a.buf = append(b.buf[:0], a.buf...)
	if a.block != nil {
		a.block.release()
	}
	a.block = b
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
	if a.raw || !hasStartCodes(nal, a.hevc) {
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
	if a.buf = a.buf[:0]; cap(a.buf) > maxRest {
		a.buf = nil
	}
	a.ends, a.open = a.ends[:0], false
}

// take makes a Unit of what was gathered. Nobody holds it but the assembly, up
// to its next change: those who keep it longer must.
func (a *assembly) take(random bool) *Unit {
	u := a.unit(len(a.ends), random)
	u.block = a.block
	start := 0
	for i, end := range a.ends {
		u.Data[i] = a.buf[start:end:end]
		start = end
	}
	a.buf = a.buf[len(a.buf):]
	a.drop()
	return u
}

// sound makes a Unit of one frame of sound.
func (a *assembly) sound(b []byte) *Unit {
	a.reserve(len(b), soundBlock)
	a.buf = append(a.buf, b...)
	a.ends = append(a.ends, len(a.buf))
	u := a.take(false)
	u.Random = true
	return u
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
