package rtsp

import "encoding/binary"

// NAL unit types (ITU-T H.264 table 7-1).
const (
	h264Slice    = 1
	h264IDR      = 5
	h264SEI      = 6
	h264SPS      = 7
	h264PPS      = 8
	h264STAPA    = 24 // RFC 6184 5.7.1
	h264FUA      = 28 // RFC 6184 5.8
	h265RADLN    = 6  // ITU-T H.265 table 7-1
	h265RASLN    = 8
	h265RASLR    = 9
	h265BLAFirst = 16 // BLA_W_LP, the first IRAP type
	h265BLALast  = 18
	h265CRA      = 21
	h265IRAPLast = 23
	h265LastVCL  = 31
	h265VPS      = 32
	h265SPS      = 33
	h265PPS      = 34

	h265PrefixSEI = 39
	h265SuffixSEI = 40
	h265AP        = 48 // RFC 7798 4.4.2
	h265FU        = 49 // RFC 7798 4.4.3
)

// nalKind is what a NAL unit, or what stands for one, means to a stream, the
// same for all codecs.
type nalKind uint8

const (
	nalOther nalKind = iota
	nalVPS           // H.265 only
	nalSPS           // AV1: sequence header; JPEG: header
	nalPPS
	nalRecovery // tells of a recovery point
	nalSlice    // part of a picture
	nalRandom   // part of a picture at which decoding can start
)

// videoCodec is what differs between the video codecs in RTP.
type videoCodec interface {
	// unpack adds what one packet carries to the assembly: NAL units or what
	// stands for them, see Unit.Data.
	unpack(p *packet, into *assembly) error
	// kind classifies a NAL unit, which is not empty.
	kind(nal []byte) nalKind
	// continues reports whether a slice belongs to a picture already begun.
	continues(nal []byte) bool
	// skipped reports whether a picture cannot be decoded when decoding began
	// at the Random unit before it (H.265 RASL).
	skipped(nal []byte) bool
}

type h264Codec struct{}

func (h264Codec) unpack(p *packet, into *assembly) error {
	b := p.payload
	if len(b) == 0 {
		return nil
	}
	switch b[0] & 0x1f {
	case h264STAPA:
		return unpackAggregate(b[1:], into)
	case h264FUA:
		if len(b) < 2 {
			return errUnit
		}
		// Some cameras set start and end both (against RFC 6184 5.8).
		start, end := b[1]&0x80 != 0, b[1]&0x40 != 0
		if start == into.open {
			return errUnit
		}
		if start {
			head := [1]byte{b[0]&0xe0 | b[1]&0x1f}
			return into.append(head[:], b[2:], end)
		}
		return into.append(nil, b[2:], end)
	case 0, 25, 26, 27, 29, 30, 31:
		if hasStartCodes(b, false) {
			return into.add(b)
		}
		return errUnit // interleaved mode, or undefined
	}
	return into.add(b)
}

func (h264Codec) kind(nal []byte) nalKind {
	switch t := nal[0] & 0x1f; {
	case t == h264SPS:
		return nalSPS
	case t == h264PPS:
		return nalPPS
	case t == h264IDR:
		return nalRandom
	case t >= h264Slice && t < h264IDR:
		return nalSlice
	case t == h264SEI && isRecoveryPoint(nal):
		return nalRecovery
	}
	return nalOther
}

func (h264Codec) continues(nal []byte) bool {
	t := nal[0] & 0x1f
	// first_mb_in_slice is ue(v): 0 is a single set bit.
	return (t == h264Slice || t == h264IDR) && len(nal) > 1 && nal[1]&0x80 == 0
}

func (h264Codec) skipped([]byte) bool { return false }

type h265Codec struct{}

func (h265Codec) unpack(p *packet, into *assembly) error {
	b := p.payload
	if len(b) == 0 {
		return nil
	}
	if b[0] == 0 && hasStartCodes(b, true) {
		return into.add(b)
	}
	if len(b) < 2 {
		return errUnit
	}
	switch t := b[0] >> 1 & 0x3f; {
	case t == h265AP:
		return unpackAggregate(b[2:], into)
	case t == h265FU:
		if len(b) < 3 {
			return errUnit
		}
		start, end := b[2]&0x80 != 0, b[2]&0x40 != 0
		if start == into.open {
			return errUnit
		}
		if start {
			head := [2]byte{b[0]&0x81 | b[2]&0x3f<<1, b[1]}
			return into.append(head[:], b[3:], end)
		}
		return into.append(nil, b[3:], end)
	case t > h265FU:
		return errUnit
	}
	return into.add(b)
}

func (h265Codec) kind(nal []byte) nalKind {
	if len(nal) < 2 {
		return nalOther
	}
	switch t := nal[0] >> 1 & 0x3f; {
	case t == h265VPS:
		return nalVPS
	case t == h265SPS:
		return nalSPS
	case t == h265PPS:
		return nalPPS
	case t >= h265BLAFirst && t <= h265IRAPLast:
		return nalRandom
	case t <= h265LastVCL:
		return nalSlice
	}
	return nalOther
}

func (h265Codec) continues(nal []byte) bool {
	// first_slice_segment_in_pic_flag is the first bit after the header.
	return nal[0]>>1&0x3f <= h265LastVCL && len(nal) > 2 && nal[2]&0x80 == 0
}

func (h265Codec) skipped(nal []byte) bool {
	t := nal[0] >> 1 & 0x3f
	return t == h265RASLN || t == h265RASLR
}

// unpackAggregate adds the NAL units of a STAP-A or AP payload: each has its
// size in two bytes before it. A tail of zeros is padding.
func unpackAggregate(b []byte, into *assembly) error {
	for len(b) > 0 {
		if len(b) < 2 {
			return errUnit
		}
		n := int(binary.BigEndian.Uint16(b))
		b = b[2:]
		if n == 0 {
			for _, c := range b {
				if c != 0 {
					return errUnit
				}
			}
			return nil
		}
		if n > len(b) {
			return errUnit
		}
		if err := into.add(b[:n]); err != nil {
			return err
		}
		b = b[n:]
	}
	return nil
}
