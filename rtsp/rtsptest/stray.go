package rtsptest

import (
	"bytes"
	"encoding/binary"

	"github.com/pion/rtcp"
	"github.com/pion/rtp"
)

// strangeType is a payload type that no description announces.
const strangeType = 127

// unaskedChannel is an interleaved channel that nobody sets up.
const unaskedChannel = 40

// metadata is what ONVIF cameras send beside their pictures.
const metadata = `<?xml version="1.0" encoding="UTF-8"?><tt:MetadataStream xmlns:tt="http://www.onvif.org/ver10/schema">` +
	`<tt:VideoAnalytics><tt:Frame UtcTime="2026-11-21T21:00:00Z"/></tt:VideoAnalytics></tt:MetadataStream>`

// stray appends what else a camera sends with a unit of s.
func (p *player) stray(s *sender) {
	if s != p.senders[0] {
		return
	}
	header := rtp.Header{Version: 2, Marker: true, PayloadType: strangeType, Timestamp: p.frozen, SSRC: s.ssrc ^ 1}
	if p.acts(Stranger) {
		p.frame(s.channel, &rtp.Packet{Header: header, Payload: []byte(metadata)})
	}
	if p.acts(Unasked) {
		p.frame(unaskedChannel, &rtp.Packet{Header: header, Payload: []byte(metadata)})
	}
	if p.acts(Malformed) {
		// Padding that is longer than the packet (RFC 3550 5.1).
		p.out = append(p.out, '$', byte(s.channel), 0, 13, 0xa0, s.stream.payloadType(s.track), 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff)
	}
}

// dress gives a packet what else RTP allows it to have.
func (p *player) dress(pkt *rtp.Packet) {
	if p.acts(Padding) {
		pkt.Padding, pkt.PaddingSize = true, 7
	}
	if p.acts(Extension) {
		pkt.Extension, pkt.ExtensionProfile = true, 0xabac // ONVIF Streaming Specification 6.3
		if err := pkt.SetExtension(0, bytes.Repeat([]byte{0x61}, 12)); err != nil {
			panic(err)
		}
	}
	if p.acts(Sources) {
		pkt.CSRC = []uint32{1, 2, 3}
	}
	if p.acts(Undefined) {
		pkt.Payload[0] = pkt.Payload[0]&0xe0 | 31
	}
}

// goodbye appends a BYE (RFC 3550 6.6) for each source.
func (p *player) goodbye() {
	for _, s := range p.senders {
		b, err := (&rtcp.Goodbye{Sources: []uint32{s.ssrc}, Reason: "restarting"}).Marshal()
		if err != nil {
			panic(err)
		}
		p.control(s, b)
	}
}

// control appends an interleaved RTCP packet.
func (p *player) control(s *sender, b []byte) {
	p.out = append(p.out, '$', byte(s.channel+1), byte(len(b)>>8), byte(len(b)))
	p.out = append(p.out, b...)
}

// reset ends the connection in the middle of a frame, without goodbye.
func (x *session) reset() {
	x.mu.Lock()
	defer x.mu.Unlock()
	half := []byte{'$', 0, 5, 0, 0x80, x.camera.tracks[0].payloadType(0), 1, 2, 3}
	x.nc.Write(half)
	if c, ok := x.nc.(interface{ SetLinger(int) error }); ok {
		c.SetLinger(0)
	}
	x.nc.Close()
}

// oddReport puts a sender report between a receiver report and a description,
// before a packet that ends too early and bytes that are no packet.
func oddReport(report []byte) []byte {
	ssrc := binary.BigEndian.Uint32(report[4:])
	b, err := rtcp.Marshal([]rtcp.Packet{
		&rtcp.ReceiverReport{SSRC: ssrc},
		&rtcp.RawPacket{0x80, 207, 0, 1, 0, 0, 0, 0},
	})
	if err != nil {
		panic(err)
	}
	sdes, err := (&rtcp.SourceDescription{Chunks: []rtcp.SourceDescriptionChunk{{
		Source: ssrc, Items: []rtcp.SourceDescriptionItem{{Type: rtcp.SDESCNAME, Text: "a camera"}},
	}}}).Marshal()
	if err != nil {
		panic(err)
	}
	return append(append(append(b, report...), sdes...), 0x80, 204, 0x01, 0x00, 7, 7, 7)
}

// filler is a NAL unit of filler data (ITU-T H.264 7.3.2.7, H.265 7.3.2.8).
func (s *stream) filler(size int) []byte {
	head := []byte{12}
	if s.codec == "h265" {
		head = []byte{38 << 1, 1}
	}
	return append(append(head, bytes.Repeat([]byte{0xff}, size)...), 0x80)
}
