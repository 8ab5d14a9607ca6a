package rtsptest

import (
	"bytes"
	"fmt"
	"slices"
	"time"

	"github.com/bluenviron/gortsplib/v4/pkg/format/rtpav1"
	"github.com/bluenviron/gortsplib/v4/pkg/format/rtph264"
	"github.com/bluenviron/gortsplib/v4/pkg/format/rtph265"
	"github.com/bluenviron/gortsplib/v4/pkg/format/rtpmjpeg"
	"github.com/bluenviron/gortsplib/v4/pkg/format/rtpmpeg4audio"
	"github.com/bluenviron/mediacommon/v2/pkg/codecs/av1"
	"github.com/bluenviron/mediacommon/v2/pkg/codecs/h264"
	"github.com/bluenviron/mediacommon/v2/pkg/codecs/h265"
	"github.com/pion/rtcp"
	"github.com/pion/rtp"
)

// defaultPayload is the largest RTP payload that most cameras send.
const defaultPayload = 1400

// sender sends one track on one connection.
type sender struct {
	track, channel int
	stream         *stream
	base           uint32 // RTP time of position 0
	ssrc           uint32
	payload        int    // bytes of the largest RTP payload
	seq            uint16 // of the next packet
	renumber       uint16 // added to seq
	encode         func([][]byte) ([]*rtp.Packet, error)
	reported       time.Time // newest sender report

	origin int64 // position of the first sample of round 0
	round  int64
	index  int // of the next sample
	done   bool
}

func newSender(track, channel int, s *stream, first uint32, payload int) *sender {
	x := &sender{
		track: track, channel: channel, base: first + 1000003*uint32(track),
		ssrc: randUint32(), seq: uint16(randUint32()), payload: payload,
	}
	if x.payload <= 0 {
		x.payload = defaultPayload
	}
	x.change(s)
	return x
}

// change goes on with another stream of the same codec.
func (s *sender) change(to *stream) {
	if s.stream != nil {
		s.origin = s.position(s.sample().dts)
		s.round, s.index = 0, 0
	}
	s.stream = to
	s.encode = newEncoder(to.codec, s.payload)
}

// restart is an encoder that starts anew: nothing goes on from before.
func (s *sender) restart() {
	s.ssrc, s.seq, s.base = randUint32(), uint16(randUint32()), randUint32()
	s.reported = time.Time{}
}

func (s *sender) sample() *sample { return &s.stream.samples[s.index] }

// position is a sample's time since the camera's epoch, in ticks.
func (s *sender) position(t int64) int64 { return s.origin + s.round*s.stream.length + t }

func (s *sender) nanos(ticks int64) time.Duration {
	rate := s.stream.rate
	return time.Duration(ticks/rate*1e9 + ticks%rate*1e9/rate)
}

// rtp is the RTP time of a position.
func (s *sender) rtp(position int64, shift time.Duration) uint32 {
	return s.base + uint32(position) + uint32(s.ticks(shift))
}

func (s *sender) ticks(d time.Duration) int64 {
	sec, ns := int64(d/time.Second), int64(d%time.Second)
	return sec*s.stream.rate + ns*s.stream.rate/1e9
}

// advance goes to the next sample.
func (s *sender) advance(loop bool) {
	if s.index++; s.index < len(s.stream.samples) {
		return
	}
	s.index = 0
	s.round++
	s.done = !loop
}

// seek goes to the first sample, or key frame, that is not before at.
func (s *sender) seek(at time.Duration, sync, loop bool) {
	ticks := s.ticks(at) - s.origin
	s.round, s.index = max(ticks/s.stream.length, 0), 0
	s.done = !loop && s.round > 0
	for !s.done && (s.position(s.sample().dts) < ticks+s.origin || sync && !s.sample().sync) {
		s.advance(loop)
	}
}

// newEncoder returns the packetizer of a codec.
func newEncoder(codec string, maxPayload int) func([][]byte) ([]*rtp.Packet, error) {
	switch codec {
	case "h264":
		e := &rtph264.Encoder{PayloadMaxSize: maxPayload, PacketizationMode: 1}
		e.Init()
		return e.Encode
	case "h265":
		e := &rtph265.Encoder{PayloadMaxSize: maxPayload}
		e.Init()
		return e.Encode
	case "av1":
		e := &rtpav1.Encoder{PayloadMaxSize: maxPayload}
		e.Init()
		return func(obus [][]byte) ([]*rtp.Packet, error) {
			var bare av1.Bitstream // RTP leaves the size fields out
			if err := bare.Unmarshal(bytes.Join(obus, nil)); err != nil {
				return nil, err
			}
			return e.Encode(bare)
		}
	case "mjpeg":
		e := &rtpmjpeg.Encoder{PayloadMaxSize: maxPayload}
		e.Init()
		return func(parts [][]byte) ([]*rtp.Packet, error) { return e.Encode(bytes.Join(parts, nil)) }
	case "aac":
		e := &rtpmpeg4audio.Encoder{PayloadMaxSize: maxPayload, SizeLength: 13, IndexLength: 3, IndexDeltaLength: 3}
		e.Init()
		return e.Encode
	}
	return func(data [][]byte) ([]*rtp.Packet, error) {
		if len(data) != 1 || len(data[0]) > maxPayload {
			return nil, fmt.Errorf("audio frame does not fit a packet")
		}
		return []*rtp.Packet{{Header: rtp.Header{Version: 2}, Payload: data[0]}}, nil
	}
}

// packets packetizes a unit, in the way that the camera's faults ask for.
func (p *player) packets(s *sender, data [][]byte) ([]*rtp.Packet, error) {
	var pkts []*rtp.Packet
	var err error
	switch {
	case len(data) == 0:
		return nil, nil
	case s.stream.codec == "h264" && (p.acts(FUBoth) || p.acts(AllMarkers)):
		pkts, err = p.one(s, data)
	case s.track == 0 && p.acts(AnnexB):
		pkts, err = s.encode([][]byte{joinAnnexB(data)})
	default:
		pkts, err = s.encode(data)
	}
	foreign := rtp.Header{Version: 2, PayloadType: strangeType, SSRC: s.ssrc, SequenceNumber: s.seq + s.renumber}
	if s.track == 0 && p.acts(Foreign) {
		s.seq++
	}
	for i, pkt := range pkts {
		if s.track == 0 {
			p.dress(pkt)
		}
		pkt.PayloadType, pkt.SSRC = s.stream.payloadType(s.track), s.ssrc
		pkt.SequenceNumber = s.seq + s.renumber
		s.seq++
		switch {
		case s.stream.config == nil && s.track == 0 && p.acts(NoMarker):
			pkt.Marker = false
		case s.track == 0 && p.acts(AllMarkers):
		case s.track == 0:
			pkt.Marker = i == len(pkts)-1
		}
	}
	if s.track == 0 && p.acts(Foreign) {
		pkts = slices.Insert(pkts, 0, &rtp.Packet{Header: foreign, Payload: []byte(metadata)})
	}
	return pkts, err
}

// one packetizes every NAL unit by itself.
func (p *player) one(s *sender, nals [][]byte) ([]*rtp.Packet, error) {
	var all []*rtp.Packet
	for _, nal := range nals {
		pkts, err := s.encode([][]byte{nal})
		if err != nil {
			return nil, err
		}
		if len(pkts) == 1 && p.acts(FUBoth) {
			head := []byte{nal[0]&0xe0 | 28, 0xc0 | nal[0]&0x1f}
			pkts[0].Payload = append(head, nal[1:]...)
		}
		all = append(all, pkts...)
	}
	return all, nil
}

// joinAnnexB puts start codes between NAL units, but not before the first.
func joinAnnexB(nals [][]byte) []byte {
	b := append([]byte(nil), nals[0]...)
	for _, nal := range nals[1:] {
		b = append(append(b, 0, 0, 0, 1), nal...)
	}
	return b
}

// mangle loses, doubles or swaps packets.
func (p *player) mangle(s *sender, pkts []*rtp.Packet) []*rtp.Packet {
	if s.track != 0 {
		if p.acts(DropAudio) {
			return nil
		}
		return pkts
	}
	var out []*rtp.Packet
	switch {
	case p.acts(Drop):
		for i, pkt := range pkts {
			if i%3 != 2 && len(pkts) > 2 {
				out = append(out, pkt)
			}
		}
	case p.acts(Duplicate):
		for _, pkt := range pkts {
			out = append(out, pkt, pkt)
		}
	case p.acts(Reorder):
		out = append(out, pkts...)
		for i := 0; i+1 < len(out); i += 2 {
			out[i], out[i+1] = out[i+1], out[i]
		}
	default:
		out = pkts
	}
	return out
}

// report appends a sender report (RFC 3550 6.4.1) if one is due.
func (p *player) report(s *sender, now time.Time) {
	c := p.cam.Clock
	every := c.Every
	if every <= 0 {
		every = 5 * time.Second
	}
	if c.None || now.Sub(p.began) < c.First || now.Sub(s.reported) < every {
		return
	}
	s.reported = now
	instant := now
	if c.Instant != nil {
		instant = c.Instant(now)
	}
	since := instant.Sub(p.epoch)
	shown := instant.Add(c.Offset + p.step + time.Duration(float64(since)*c.Drift))
	r := rtcp.SenderReport{
		SSRC:    s.ssrc,
		NTPTime: ntpTime(shown),
		RTPTime: s.rtp(s.ticks(since), p.shift),
	}
	b, err := r.Marshal()
	if err != nil {
		return
	}
	if c.Around != nil {
		b = c.Around(b)
	}
	p.control(s, b)
}

// ntpTime is a time as seconds since 1900 in 32.32 fixed point.
func ntpTime(t time.Time) uint64 {
	sec := uint64(t.Unix() + 2208988800)
	return sec<<32 | uint64(t.Nanosecond())<<32/1e9
}

// isDelimiter reports whether a NAL unit is an access unit delimiter.
func (s *stream) isDelimiter(nal []byte) bool {
	switch s.codec {
	case "h265":
		return h265.NALUType(nal[0]>>1&0x3f) == h265.NALUType_AUD_NUT
	case "av1", "mjpeg":
		return false
	}
	return h264.NALUType(nal[0]&0x1f) == h264.NALUTypeAccessUnitDelimiter
}
