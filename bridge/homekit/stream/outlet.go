package stream

import (
	"fmt"
	"math/rand/v2"
	"net"
	"sync"
	"time"

	"github.com/pion/rtcp"
	"github.com/pion/rtp"
	"github.com/pion/rtp/codecs"
	"github.com/pion/srtp/v3"

	"gatehouse/rtsp"
)

const (
	rtpHeader = 12
	srtpTag   = 10
	ntpEpoch  = 2208988800 // seconds from 1900 to 1970
)

// outlet is one medium on its way.
type outlet struct {
	conn   *net.UDPConn
	medium Medium
	began  time.Time // of the timeline

	split  codecs.H264Payloader
	annexB []byte
	joiner joiner

	mu      sync.Mutex // guards what follows
	out     *srtp.Context
	number  uint16
	base    uint32 // RTP time of began
	packets uint32
	octets  uint32
	buf     []byte
}

func newOutlet(m Medium) (*outlet, error) {
	out, err := srtp.CreateContext(m.Key, m.Salt, srtp.ProtectionProfileAes128CmHmacSha1_80)
	if err != nil {
		return nil, fmt.Errorf("reading own key: %w", err)
	}
	if m.Packet = min(m.Packet, packetMax); m.Packet <= 0 {
		m.Packet = packetMax
	}
	m.Packet = max(m.Packet, packetMin)
	if m.Report <= 0 {
		m.Report = usualReport
	}
	m.Report = min(max(m.Report, reportMin), reportMax)
	return &outlet{
		conn: m.Conn, medium: m, began: time.Now(), out: out,
		joiner: joiner{want: m.PacketTime},
		number: uint16(rand.Uint32()), base: rand.Uint32(), buf: make([]byte, 0, 2048),
	}, nil
}

// send sends a picture that is due at a time of the timeline. What the network does
// not take is lost, as UDP is.
func (o *outlet) send(u *rtsp.Unit, at time.Duration) error {
	payloads := o.split.Payload(uint16(o.medium.Packet-rtpHeader-srtpTag), o.bytes(u))
	for i, b := range payloads {
		if err := o.packet(b, at, i == len(payloads)-1); err != nil {
			return err
		}
	}
	return nil
}

// sendSound joins Opus packets to packets as long as was asked for.
func (o *outlet) sendSound(packet []byte, at time.Duration) error {
	b, from, ok := o.joiner.join(packet, at)
	if !ok || len(b) > o.medium.Packet-rtpHeader-srtpTag {
		return nil
	}
	return o.packet(b, from, false)
}

func (o *outlet) packet(payload []byte, at time.Duration, marker bool) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	p := rtp.Packet{
		Header: rtp.Header{
			Version: 2, Marker: marker, PayloadType: o.medium.PayloadType, SequenceNumber: o.number,
			Timestamp: o.base + ticks(at, o.medium.ClockRate), SSRC: o.medium.SSRC,
		},
		Payload: payload,
	}
	o.number++
	o.packets++
	o.octets += uint32(len(payload))
	b, err := p.Marshal()
	if err != nil {
		return fmt.Errorf("building packet: %w", err)
	}
	if o.buf, err = o.out.EncryptRTP(o.buf[:0], b, nil); err != nil {
		return fmt.Errorf("encrypting packet: %w", err)
	}
	// A full buffer and a port that is not open yet are the network's business.
	_, _ = o.conn.Write(o.buf)
	return nil
}

// report sends a sender report and the name of the source (RFC 3550, 6.4.1, 6.5).
func (o *outlet) report(now time.Time) {
	o.mu.Lock()
	defer o.mu.Unlock()
	sr := rtcp.SenderReport{
		SSRC: o.medium.SSRC, NTPTime: ntp(now), RTPTime: o.base + ticks(now.Sub(o.began), o.medium.ClockRate),
		PacketCount: o.packets, OctetCount: o.octets,
	}
	name := rtcp.SourceDescription{Chunks: []rtcp.SourceDescriptionChunk{{
		Source: o.medium.SSRC, Items: []rtcp.SourceDescriptionItem{{Type: rtcp.SDESCNAME, Text: "gatehouse"}},
	}}}
	b, err := rtcp.Marshal([]rtcp.Packet{&sr, &name})
	if err != nil {
		return
	}
	if b, err = o.out.EncryptRTCP(nil, b, nil); err != nil {
		return
	}
	_, _ = o.conn.Write(b)
}

// ntp is a time as RFC 3550, 4 counts it.
func ntp(t time.Time) uint64 {
	return uint64(t.Unix()+ntpEpoch)<<32 | uint64(t.Nanosecond())<<32/uint64(time.Second)
}

// bytes is a picture as the payloader takes it. Where decoding can start it has
// its parameter sets before it, which then travel in one packet (STAP-A).
func (o *outlet) bytes(u *rtsp.Unit) []byte {
	b := o.annexB[:0]
	add := func(nal []byte) { b = append(append(b, 0, 0, 0, 1), nal...) }
	if u.Random {
		add(u.Format.SPS)
		add(u.Format.PPS)
	}
	for _, nal := range u.Data {
		if len(nal) == 0 || u.Random && (nal[0]&nalType == nalSPS || nal[0]&nalType == nalPPS) {
			continue
		}
		add(nal)
	}
	o.annexB = b
	return b
}

// NAL unit types of H.264 (Table 7-1).
const (
	nalType = 0x1f
	nalSPS  = 7
	nalPPS  = 8
)
