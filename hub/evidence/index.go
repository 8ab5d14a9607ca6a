package evidence

import (
	"encoding/binary"
	"errors"
)

// sample is where a sample lies in a file without its moov.
type sample struct{ at, size int64 }

// track is what a moov shows a player of one track.
type track struct {
	id      uint32
	samples []sample
}

var errIndex = errors.New("its index is malformed")

// child returns the body of the only box of a name, nil if there is none or
// more than one, or the boxes do not fill the body.
func child(body []byte, path ...string) []byte {
	for _, name := range path {
		var found []byte
		n := 0
		for _, b := range children(body) {
			if b.name == name {
				found = b.body
				n++
			}
		}
		if n != 1 {
			return nil
		}
		body = found
	}
	return body
}

type box struct {
	name string
	body []byte
}

// children splits a body into boxes; nil if they do not fill it.
func children(body []byte) []box {
	var out []box
	for len(body) > 0 {
		if len(body) < 8 {
			return nil
		}
		n := binary.BigEndian.Uint32(body)
		if n < 8 || uint64(n) > uint64(len(body)) {
			return nil
		}
		out = append(out, box{string(body[4:8]), body[8:n]})
		body = body[n:]
	}
	return out
}

// table reads the entries of a full box that has a count and rows of width
// 32-bit words.
func table(body []byte, skip, width int) ([]uint32, bool) {
	if len(body) < skip+4 {
		return nil, false
	}
	n := uint64(binary.BigEndian.Uint32(body[skip:]))
	rows := body[skip+4:]
	if n*uint64(width)*4 != uint64(len(rows)) {
		return nil, false
	}
	out := make([]uint32, len(rows)/4)
	for i := range out {
		out[i] = binary.BigEndian.Uint32(rows[4*i:])
	}
	return out, true
}

// samples reads the sample tables of every track (ISO/IEC 14496-12 8.7).
func (m *movie) samples() ([]track, error) {
	var out []track
	for _, b := range children(m.moov) {
		if b.name != "trak" {
			continue
		}
		stbl := child(b.body, "mdia", "minf", "stbl")
		tkhd := child(b.body, "tkhd")
		if stbl == nil || len(tkhd) < 24 {
			return nil, errIndex
		}
		at := 12 // version 0: two 32-bit times
		if tkhd[0] == 1 {
			at = 20
		}
		t := track{id: binary.BigEndian.Uint32(tkhd[at:])}
		var ok bool
		if t.samples, ok = sampleTable(stbl, m.shift); !ok {
			return nil, errIndex
		}
		out = append(out, t)
	}
	if len(out) == 0 {
		return nil, errIndex
	}
	return out, nil
}

// sampleTable combines sizes, chunks and chunk offsets. The sizes bound the work.
func sampleTable(stbl []byte, shift int64) ([]sample, bool) {
	stsz := child(stbl, "stsz")
	if len(stsz) < 8 || binary.BigEndian.Uint32(stsz[4:]) != 0 { // one size for all
		return nil, false
	}
	sizes, ok1 := table(stsz, 8, 1)
	runs, ok2 := table(child(stbl, "stsc"), 4, 3)
	offsets, ok3 := table(child(stbl, "co64"), 4, 2)
	if !ok1 || !ok2 || !ok3 || len(runs) == 0 || runs[0] != 1 {
		return nil, false
	}
	out := make([]sample, 0, len(sizes))
	run := 0
	for chunk := range len(offsets) / 2 {
		if next := run + 3; next < len(runs) && runs[next] == uint32(chunk+1) {
			run = next
		}
		at := int64(uint64(offsets[2*chunk])<<32|uint64(offsets[2*chunk+1])) - shift
		for range runs[run+1] {
			if len(out) == len(sizes) {
				return nil, false
			}
			size := int64(sizes[len(out)])
			out = append(out, sample{at, size})
			at += size
		}
	}
	return out, len(out) == len(sizes) && run+3 == len(runs)
}
