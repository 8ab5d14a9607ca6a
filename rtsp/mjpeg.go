package rtsp

import (
	"bytes"
	"encoding/binary"
)

// JPEG markers (ITU-T T.81 table B.1), the second byte.
const (
	jpegSOF0 = 0xc0
	jpegDHT  = 0xc4
	jpegEOI  = 0xd9
	jpegSOI  = 0xd8
	jpegSOS  = 0xda
	jpegDQT  = 0xdb
	jpegDRI  = 0xdd
	jpegAPP0 = 0xe0
	jpegCOM  = 0xfe
)

// Profiles of the header extension of ONVIF Streaming Specification 5.1.3.
const (
	onvifFirst = 0xffd8
	onvifNext  = 0xffff
)

// mjpegCodec reads JPEG by RFC 2435, and by ONVIF's extension of it, which
// carries what that RFC cannot, pictures larger than 2040 samples above all.
//
// A unit is one picture, a JFIF file when its elements are put together: the
// header, made of what the packets say as RFC 2435 4 and its appendices have it; the
// entropy-coded scan, byte for byte as received; and an EOI marker where the
// scan came without.
type mjpegCodec struct {
	tables map[uint8]jpegTables // by Q, for packets that refer to tables sent before
	header jpegHeader           // of the picture in hand
	ts     uint32               // its RTP time
	before bool                 // its scan has not begun
}

// jpegTables are quantization tables as their header carries them.
type jpegTables struct {
	precision uint8 // a set bit marks a table of 16-bit values
	data      []byte
}

// jpegHeader is what a picture's header is made of.
type jpegHeader struct {
	kind, q       uint8
	width, height int
	restart       uint16 // MCUs between restart markers; 0 for none
	tables        jpegTables
	extended      bool
	extension     []byte // marker segments
}

// Bounds of a picture.
const (
	maxJPEGHeader = 64 << 10
	jpegUnit      = 8 // the unit of width and height in packets
)

func (c *mjpegCodec) unpack(p *packet, into *assembly) error {
	ours := p.extension != nil && (p.profile == onvifFirst || p.profile == onvifNext)
	if into.empty() && !(c.before && p.ts == c.ts) {
		c.header = jpegHeader{extended: ours, extension: c.header.extension[:0]}
		c.ts, c.before = p.ts, true
	}
	if ours && len(p.extension) > 0 {
		if !c.before || !c.header.extended || len(c.header.extension)+len(p.extension) > maxJPEGHeader {
			return errUnit // more than one scan
		}
		c.header.extension = append(c.header.extension, p.extension...)
	}
	if len(p.payload) == 0 {
		return nil
	}
	scan, offset, err := c.parse(p.payload)
	if err != nil || len(scan) == 0 {
		return err
	}
	if c.before {
		head, err := c.header.build(nil)
		if err != nil {
			return err
		}
		if err := into.append(head, nil, true); err != nil {
			return err
		}
		c.before = false
	}
	return into.appendScan(scan, offset)
}

// appendScan appends to the scan of a JPEG whose header is the first element.
// offset is where it must begin; an EOI marker follows it unless it has its own.
func (a *assembly) appendScan(b []byte, offset int) error {
	if len(a.buf)+len(b)+2 > maxUnitBytes {
		return errUnit
	}
	have := 0
	if len(a.ends) > 1 {
		have = a.ends[1] - a.ends[0]
	}
	if offset != have {
		return errUnit
	}
	head := a.ends[0]
	a.buf = a.buf[:head+have] // without the EOI marker
	a.reserve(len(b)+2, videoBlock)
	a.buf = append(a.buf, b...)
	a.ends = append(a.ends[:1], len(a.buf))
	if !bytes.HasSuffix(a.buf[head:], []byte{0xff, jpegEOI}) {
		a.buf = append(a.buf, 0xff, jpegEOI)
		a.ends = append(a.ends, len(a.buf))
	}
	return nil
}

// parse reads the headers of RFC 2435 3.1 and returns the rest of the payload and
// its place in the scan.
func (c *mjpegCodec) parse(b []byte) (scan []byte, offset int, err error) {
	if len(b) < 8 {
		return nil, 0, errUnit
	}
	offset = int(binary.BigEndian.Uint32(b) & 0xffffff)
	h := &c.header
	kind, q, width, height := b[4], b[5], int(b[6])*jpegUnit, int(b[7])*jpegUnit
	b = b[8:]
	var restart uint16
	if kind >= 64 && kind < 128 { // 3.1.7
		if len(b) < 4 {
			return nil, 0, errUnit
		}
		restart = binary.BigEndian.Uint16(b)
		b = b[4:]
	}
	if offset == 0 && q >= 128 { // 3.1.8
		if b, err = c.quantization(q, b); err != nil {
			return nil, 0, err
		}
	}
	if c.before {
		h.kind, h.q, h.width, h.height, h.restart = kind, q, width, height, restart
		h.tables = c.tables[q]
	} else if h.kind != kind || h.q != q || h.width != width || h.height != height {
		return nil, 0, errUnit
	}
	return b, offset, nil
}

// quantization reads the table header of a first packet and returns what
// follows it. Tables without data are those that came with this Q before.
func (c *mjpegCodec) quantization(q uint8, b []byte) ([]byte, error) {
	if len(b) < 4 {
		return nil, errUnit
	}
	precision, n := b[1], int(binary.BigEndian.Uint16(b[2:]))
	b = b[4:]
	if n > len(b) {
		return nil, errUnit
	}
	t := jpegTables{precision, b[:n]}
	if n == 0 {
		if c.tables[q].data == nil || q == 255 { // that one changes from picture to picture
			return nil, errUnit
		}
		return b, nil
	}
	if count, ok := t.count(); !ok || count > 4 {
		return nil, errUnit
	}
	if c.tables == nil {
		c.tables = map[uint8]jpegTables{}
	}
	if old := c.tables[q]; old.precision != precision || !bytes.Equal(old.data, t.data) {
		t.data = bytes.Clone(t.data)
		c.tables[q] = t
	}
	return b[n:], nil
}

// each calls yield for every table and reports whether they fill the data.
func (t jpegTables) each(yield func(id int, wide bool, b []byte)) bool {
	b := t.data
	for id := 0; len(b) > 0 && id < 8; id++ {
		wide, n := t.precision>>id&1 != 0, 64
		if wide {
			n = 128
		}
		if n > len(b) {
			return false
		}
		yield(id, wide, b[:n])
		b = b[n:]
	}
	return len(b) == 0
}

func (t jpegTables) count() (n int, ok bool) {
	ok = t.each(func(int, bool, []byte) { n++ })
	return n, ok && n > 0
}

func (*mjpegCodec) kind(b []byte) nalKind {
	if bytes.HasPrefix(b, []byte{0xff, jpegSOI}) {
		return nalSPS
	}
	if len(b) == 2 && b[0] == 0xff && b[1] == jpegEOI {
		return nalOther
	}
	return nalRandom
}

func (*mjpegCodec) continues([]byte) bool { return false }
func (*mjpegCodec) skipped([]byte) bool   { return false }

// parseJPEG reads the size of the picture from a header that build made.
func parseJPEG(head []byte) (p picture, ok bool) {
	segments(head[2:], func(_ int, marker byte, body []byte) {
		if marker == jpegSOF0 && len(body) >= 9 {
			p.height, p.width = int(binary.BigEndian.Uint16(body[1:])), int(binary.BigEndian.Uint16(body[3:]))
			p.sampling = body[7]
		}
	})
	return p, p.width > 0 && p.height > 0
}

// segments calls yield for each marker segment of a JPEG header (T.81 B.1.1.4),
// with its place, and reports whether they fill it. Fill bytes before markers are
// passed over.
func segments(b []byte, yield func(at int, marker byte, body []byte)) bool {
	for at := 0; at < len(b); {
		if b[at] != 0xff {
			return false
		}
		for at < len(b) && b[at] == 0xff {
			at++
		}
		if at == len(b) {
			return true
		}
		if at+3 > len(b) || b[at] < jpegSOF0 || b[at] >= jpegSOI && b[at] <= jpegEOI {
			return false
		}
		n := int(binary.BigEndian.Uint16(b[at+1:]))
		if n < 2 || n > len(b)-at-1 {
			return false
		}
		yield(at-1, b[at], b[at+3:at+1+n])
		at += 1 + n
	}
	return true
}
