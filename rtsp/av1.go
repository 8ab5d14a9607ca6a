package rtsp

import "errors"

// OBU types (AV1 Bitstream & Decoding Process Specification 6.2.2).
const (
	av1SequenceHeader   = 1
	av1TemporalDelim    = 2
	av1FrameHeader      = 3
	av1TileGroup        = 4
	av1Frame            = 6
	av1RedundantHeader  = 7
	av1ForbiddenBit     = 0x80
	av1ExtensionFlag    = 0x04
	av1HasSizeFlag      = 0x02
	av1Continues        = 0x80 // Z of the aggregation header
	av1GoesOn           = 0x40 // Y
	av1MaxSizeFieldSize = 8    // bytes, of leb128 (4.10.5)
)

// av1Codec reads AV1 by the RTP Payload Format For AV1 (AOM, v1.0). A unit is a
// temporal unit, an element of it one OBU in the low-overhead format (5.2).
//
// An OBU is kept byte for byte but for two things, which AV1 in ISO BMFF (2.4)
// asks for: it is given the size field that RTP leaves out, and temporal
// delimiters are dropped.
type av1Codec struct{}

func (av1Codec) unpack(p *packet, into *assembly) error {
	b := p.payload
	if len(b) == 0 {
		return nil
	}
	head := b[0]
	count := int(head >> 4 & 3)
	if head&av1Continues != 0 != into.open {
		return errUnit
	}
	b = b[1:]
	for i := 1; len(b) > 0; i++ {
		n := len(b)
		if count == 0 || i < count {
			v, size, ok := leb128(b)
			if !ok || v > len(b)-size {
				return errUnit
			}
			b, n = b[size:], v
		}
		element := b[:n]
		b = b[n:]
		if len(b) == 0 && count != 0 && i != count {
			return errUnit
		}
		if len(b) > 0 || head&av1GoesOn == 0 {
			if err := into.endOBU(element); err != nil {
				return err
			}
		} else if err := into.append(nil, element, false); err != nil {
			return err
		}
	}
	return nil
}

// endOBU ends the element in hand, which should be one OBU, with b, and makes
// it what is stored.
func (a *assembly) endOBU(b []byte) error {
	if len(a.buf)+len(b)+av1MaxSizeFieldSize > maxUnitBytes {
		return errUnit
	}
	start := 0
	if n := len(a.ends); n > 0 {
		start = a.ends[n-1]
	}
	a.reserve(len(b)+av1MaxSizeFieldSize, videoBlock)
	a.buf = append(a.buf, b...)
	a.open = false
	for start < len(a.buf) {
		if len(a.ends) >= maxUnitNALs {
			return errUnit
		}
		obu, sized, err := cutOBU(a.buf[start:])
		switch {
		case err != nil:
			return err
		case obu[0]>>3 == av1TemporalDelim:
			a.buf = append(a.buf[:start], a.buf[start+len(obu):]...)
			continue
		case !sized:
			a.sizeOBU(start)
			start = len(a.buf)
		default: // with a size, as the specification says it should not; some pack several so
			start += len(obu)
		}
		a.ends = append(a.ends, start)
	}
	return nil
}

// cutOBU takes the first OBU off b. Without a size field it is all of b.
func cutOBU(b []byte) (obu []byte, sized bool, err error) {
	head := av1HeaderSize(b)
	if b[0]&av1ForbiddenBit != 0 || head > len(b) {
		return nil, false, errUnit
	}
	if b[0]&av1HasSizeFlag == 0 {
		return b, false, nil
	}
	v, size, ok := leb128(b[head:])
	if !ok || v > len(b)-head-size {
		return nil, false, errUnit
	}
	return b[:head+size+v], true, nil
}

func av1HeaderSize(obu []byte) int {
	if obu[0]&av1ExtensionFlag != 0 {
		return 2
	}
	return 1
}

// sizeOBU gives the OBU that begins at start and ends the buffer a size field.
func (a *assembly) sizeOBU(start int) {
	head := start + av1HeaderSize(a.buf[start:])
	var field [av1MaxSizeFieldSize]byte
	n := 0
	for v := len(a.buf) - head; ; n++ {
		field[n] = byte(v & 0x7f)
		if v >>= 7; v == 0 {
			break
		}
		field[n] |= 0x80
	}
	n++
	end := len(a.buf)
	a.reserve(n, videoBlock)
	a.buf = append(a.buf, field[:n]...)
	copy(a.buf[head+n:], a.buf[head:end])
	copy(a.buf[head:], field[:n])
	a.buf[start] |= av1HasSizeFlag
}

// leb128 reads an unsigned integer of AV1 (4.10.5) and says how long it was.
func leb128(b []byte) (v, n int, ok bool) {
	for n < len(b) && n < av1MaxSizeFieldSize {
		c := int(b[n])
		if n >= 4 && c&0x7f != 0 {
			return 0, 0, false // no unit is that large
		}
		v |= c & 0x7f << (7 * n)
		n++
		if c&0x80 == 0 {
			return v, n, true
		}
	}
	return 0, 0, false
}

// av1Body is what follows header and size of an OBU that was cut.
func av1Body(obu []byte) []byte {
	head := av1HeaderSize(obu)
	_, n, ok := leb128(obu[head:])
	if !ok {
		return nil
	}
	return obu[head+n:]
}

func (av1Codec) kind(obu []byte) nalKind {
	switch obu[0] >> 3 & 15 {
	case av1SequenceHeader:
		return nalSPS
	case av1FrameHeader, av1Frame:
		// show_existing_frame 0, frame_type KEY_FRAME, show_frame 1 (5.9.2). A
		// sequence of still pictures, whose header lacks them, is no video.
		if b := av1Body(obu); len(b) > 0 && b[0]>>4 == 1 {
			return nalRandom
		}
		return nalSlice
	case av1TileGroup, av1RedundantHeader:
		return nalSlice
	}
	return nalOther
}

func (av1Codec) continues(obu []byte) bool {
	t := obu[0] >> 3 & 15
	return t == av1TileGroup || t == av1RedundantHeader
}

func (av1Codec) skipped([]byte) bool { return false }

var errSequence = errors.New("malformed AV1 sequence header")

// av1Sequence is what Gatehouse uses of a sequence header (5.5).
type av1Sequence struct {
	profile, level, tier       int
	width, height              int
	highDepth, twelveBit, mono bool
	subX, subY                 bool
	position                   int // chroma_sample_position
}

// parseAV1Sequence reads a sequence header OBU that was cut.
func parseAV1Sequence(obu []byte) (s av1Sequence, err error) {
	r := bitReader{b: av1Body(obu)}
	s.profile = r.bits(3)
	still, reduced := r.flag(), r.flag()
	if still || reduced || s.profile > 2 {
		return s, errSequence
	}
	s.operatingPoints(&r)
	widthBits, heightBits := r.bits(4)+1, r.bits(4)+1
	s.width, s.height = r.bits(widthBits)+1, r.bits(heightBits)+1
	if r.flag() { // frame_id_numbers_present_flag
		r.bits(7)
	}
	av1Tools(&r)
	s.colour(&r)
	r.bits(1) // film_grain_params_present
	if r.bad {
		return s, errSequence
	}
	return s, nil
}

// operatingPoints reads up to the operating points, of which the first counts.
func (s *av1Sequence) operatingPoints(r *bitReader) {
	delayBits, model := 0, false
	if r.flag() { // timing_info_present_flag
		r.bits(32)
		r.bits(32)
		if r.flag() { // equal_picture_interval
			r.uvlc()
		}
		if model = r.flag(); model {
			delayBits = r.bits(5) + 1
			r.bits(32)
			r.bits(10)
		}
	}
	display := r.flag()
	for i := range r.bits(5) + 1 {
		r.bits(12)
		level, tier := r.bits(5), 0
		if level > 7 {
			tier = r.bits(1)
		}
		if i == 0 {
			s.level, s.tier = level, tier
		}
		if model && r.flag() { // decoder_model_present_for_this_op: operating_parameters_info
			r.bits(delayBits)
			r.bits(delayBits)
			r.bits(1)
		}
		if display && r.flag() {
			r.bits(4)
		}
	}
}

// av1Tools reads the coding tools of a sequence, none of which matters here.
func av1Tools(r *bitReader) {
	r.bits(3 + 4)
	order := r.flag() // enable_order_hint
	if order {
		r.bits(2)
	}
	screen := 2 // SELECT_SCREEN_CONTENT_TOOLS
	if !r.flag() {
		screen = r.bits(1)
	}
	if screen > 0 && !r.flag() { // seq_choose_integer_mv
		r.bits(1)
	}
	if order {
		r.bits(3)
	}
	r.bits(3)
}

// colour reads color_config (5.5.2).
func (s *av1Sequence) colour(r *bitReader) {
	s.highDepth = r.flag()
	s.twelveBit = s.profile == 2 && s.highDepth && r.flag()
	s.mono = s.profile != 1 && r.flag()
	primaries, transfer, matrix := 2, 2, 2
	if r.flag() {
		primaries, transfer, matrix = r.bits(8), r.bits(8), r.bits(8)
	}
	switch {
	case s.mono:
		r.bits(1)
		s.subX, s.subY = true, true
		return
	case primaries == 1 && transfer == 13 && matrix == 0: // sRGB
	default:
		r.bits(1)
		switch {
		case s.profile == 0:
			s.subX, s.subY = true, true
		case s.profile == 2 && s.twelveBit:
			s.subX = r.flag()
			s.subY = s.subX && r.flag()
		case s.profile == 2:
			s.subX = true
		}
		if s.subX && s.subY {
			s.position = r.bits(2)
		}
	}
	r.bits(1) // separate_uv_delta_q
}

// record is the AV1CodecConfigurationRecord (AV1 in ISO BMFF 2.3.3) of the
// sequence header OBU it was read from.
func (s av1Sequence) record(obu []byte) []byte {
	bit := func(v bool, at int) byte {
		if v {
			return 1 << at
		}
		return 0
	}
	return append([]byte{
		0x81,
		byte(s.profile<<5 | s.level),
		byte(s.tier<<7) | bit(s.highDepth, 6) | bit(s.twelveBit, 5) | bit(s.mono, 4) |
			bit(s.subX, 3) | bit(s.subY, 2) | byte(s.position),
		0, // no initial presentation delay stated
	}, obu...)
}

// bitReader reads big-endian bits. Past the end it yields zeros and is bad.
type bitReader struct {
	b   []byte
	at  int
	bad bool
}

func (r *bitReader) bits(n int) int {
	if r.bad || r.at+n > 8*len(r.b) {
		r.bad = true
		return 0
	}
	v := readBits(r.b, r.at, n)
	r.at += n
	return v
}

func (r *bitReader) flag() bool { return r.bits(1) == 1 }

// uvlc skips a variable length code (4.10.3).
func (r *bitReader) uvlc() {
	zeros := 0
	for !r.bad && !r.flag() {
		zeros++
	}
	if zeros < 32 {
		r.bits(zeros)
	}
}
