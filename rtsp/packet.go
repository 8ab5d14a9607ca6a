package rtsp

import (
	"encoding/binary"
	"errors"
)

// packet is the part of an RTP packet that Gatehouse uses (RFC 3550 5.1).
// payload and extension point into the connection's read buffer unless the
// packet was held.
type packet struct {
	ssrc    uint32
	ts      uint32
	seq     uint16
	pt      uint8
	marker  bool
	payload []byte

	profile   uint16 // of the header extension (5.3.1)
	extension []byte // its words; nil without one
}

var errPacket = errors.New("malformed RTP packet")

// parse reads one RTP packet. CSRCs and padding are skipped over.
func (p *packet) parse(b []byte) error {
	if len(b) < 12 || b[0]>>6 != 2 {
		return errPacket
	}
	end := len(b)
	if b[0]&0x20 != 0 {
		pad := int(b[end-1])
		if pad == 0 || pad > end-12 {
			return errPacket
		}
		end -= pad
	}
	start := 12 + 4*int(b[0]&0x0f)
	p.profile, p.extension = 0, nil
	if b[0]&0x10 != 0 {
		if start+4 > end {
			return errPacket
		}
		words := start + 4
		p.profile = binary.BigEndian.Uint16(b[start:])
		start = words + 4*int(binary.BigEndian.Uint16(b[start+2:]))
		if start <= end {
			p.extension = b[words:start:start]
		}
	}
	if start > end {
		return errPacket
	}
	p.marker = b[1]&0x80 != 0
	p.pt = b[1] & 0x7f
	p.seq = binary.BigEndian.Uint16(b[2:])
	p.ts = binary.BigEndian.Uint32(b[4:])
	p.ssrc = binary.BigEndian.Uint32(b[8:])
	p.payload = b[start:end]
	return nil
}

// senderReport is the clock part of an RTCP sender report (RFC 3550 6.4.1).
type senderReport struct {
	ssrc uint32
	ntp  uint64 // seconds since 1900 in the upper half, 1/2^32 s in the lower
	rtp  uint32
}

// parseReports calls yield for every sender report in a compound RTCP packet.
func parseReports(b []byte, yield func(senderReport)) {
	eachRTCP(b, func(p []byte) {
		if p[1] == 200 && len(p) >= 28 {
			yield(senderReport{
				ssrc: binary.BigEndian.Uint32(p[4:]),
				ntp:  binary.BigEndian.Uint64(p[8:]),
				rtp:  binary.BigEndian.Uint32(p[16:]),
			})
		}
	})
}

// saysGoodbye reports whether a compound RTCP packet has a BYE of a source
// (RFC 3550 6.6).
func saysGoodbye(b []byte, ssrc uint32) (bye bool) {
	eachRTCP(b, func(p []byte) {
		if p[1] != 203 {
			return
		}
		for i := range int(p[0] & 0x1f) {
			if at := 4 + 4*i; at+4 <= len(p) && binary.BigEndian.Uint32(p[at:]) == ssrc {
				bye = true
			}
		}
	})
	return bye
}

// eachRTCP calls yield for every packet of a compound RTCP packet. It stops
// quietly at the first malformed header: the packets before it stand.
func eachRTCP(b []byte, yield func(p []byte)) {
	for len(b) >= 4 {
		size := 4 + 4*int(binary.BigEndian.Uint16(b[2:]))
		if b[0]>>6 != 2 || size > len(b) {
			return
		}
		yield(b[:size])
		b = b[size:]
	}
}

// ntpNanos is an NTP timestamp as nanoseconds since 1970. Timestamps with the
// top bit clear are in the era that begins in 2036 (RFC 4330 3).
func ntpNanos(ntp uint64) int64 {
	const from1900To1970 = 2208988800
	sec := int64(ntp >> 32)
	if sec < 1<<31 {
		sec += 1 << 32
	}
	frac := (ntp & 0xffffffff) * 1e9 >> 32
	return (sec-from1900To1970)*1e9 + int64(frac)
}
