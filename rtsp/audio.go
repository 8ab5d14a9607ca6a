package rtsp

import (
	"encoding/binary"
	"errors"
)

var errAudio = errors.New("malformed audio packet")

// aacLayout is how access units are laid out in a payload (RFC 3640 4.1), from
// the camera's description.
type aacLayout struct {
	sizeBits, indexBits, deltaBits int
}

// aacReader takes AAC access units out of RTP payloads.
type aacReader struct {
	aacLayout
	frag []byte // an access unit that continues in the next packet
	want int    // its size
}

// read calls yield for every complete access unit in a payload, valid during
// the call, with its place in the packet.
func (r *aacReader) read(b []byte, marker bool, yield func(i int, au []byte)) error {
	if len(b) < 2 {
		return errAudio
	}
	headerBits := int(binary.BigEndian.Uint16(b))
	b = b[2:]
	size := (headerBits + 7) / 8
	if headerBits == 0 || size > len(b) || r.sizeBits == 0 || r.sizeBits > 32 || r.indexBits > 32 || r.deltaBits > 32 {
		return errAudio
	}
	header, data := b[:size], b[size:]

	bit := 0
	for i := 0; ; i++ {
		skip := r.indexBits
		if i > 0 {
			skip = r.deltaBits
		}
		if bit+r.sizeBits+skip > headerBits {
			return nil
		}
		n := readBits(header, bit, r.sizeBits)
		bit += r.sizeBits + skip
		if r.want > 0 || n > len(data) {
			return r.fragment(n, data, marker, yield)
		}
		yield(i, data[:n])
		data = data[n:]
	}
}

// fragment gathers one access unit over packets (RFC 3640 3.2.3): each carries
// the size of the whole.
func (r *aacReader) fragment(n int, data []byte, marker bool, yield func(i int, au []byte)) error {
	if r.want == 0 {
		if marker || n > maxUnitBytes {
			return errAudio
		}
		r.want, r.frag = n, r.frag[:0]
	}
	if n != r.want || len(r.frag)+len(data) > r.want {
		r.drop()
		return errAudio
	}
	r.frag = append(r.frag, data...)
	if len(r.frag) == r.want {
		yield(0, r.frag)
		r.drop()
	} else if marker {
		r.drop()
		return errAudio
	}
	return nil
}

// drop forgets an unfinished access unit.
func (r *aacReader) drop() { r.want, r.frag = 0, r.frag[:0] }

// readBits reads n bits from bit position at; the caller has checked the range.
func readBits(b []byte, at, n int) int {
	v := 0
	for i := at; i < at+n; i++ {
		v = v<<1 | int(b[i/8]>>(7-i%8)&1)
	}
	return v
}
