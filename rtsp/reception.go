package rtsp

import (
	"encoding/binary"
	"sync"
	"time"

	"github.com/pion/rtcp"
)

// reception counts what arrives of one sender, for receiver reports (RFC 3550
// 6.4 and A.3 to A.8). Gaps are not told from it: the sequencer does that.
type reception struct {
	rate int64 // RTP ticks a second

	mu     sync.Mutex
	report uint32    // middle 32 bits of the newest sender report
	at     time.Time // when it came
	tally
}

// tally is of one SSRC.
type tally struct {
	known    bool
	ssrc     uint32
	first    int64 // sequence numbers, unwrapped
	highest  int64
	received int64

	saidExpected, saidReceived int64 // at the newest report

	transit int64 // arrival minus RTP time of the newest packet, ticks
	jitter  float64
}

// packet counts one RTP packet.
func (r *reception) packet(b []byte, at time.Time) {
	if len(b) < 12 {
		return
	}
	seq, ts, ssrc := binary.BigEndian.Uint16(b[2:]), binary.BigEndian.Uint32(b[4:]), binary.BigEndian.Uint32(b[8:])
	r.mu.Lock()
	defer r.mu.Unlock()
	delta := int64(int16(seq - uint16(r.highest)))
	transit := at.UnixMicro()*r.rate/1e6 - int64(ts)
	if !r.known || ssrc != r.ssrc || abs(delta) > maxDropout {
		r.tally = tally{known: true, ssrc: ssrc, first: int64(seq), highest: int64(seq), received: 1, transit: transit}
		return
	}
	r.highest += max(delta, 0)
	r.received++
	r.jitter += (float64(abs(int64(int32(transit-r.transit)))) - r.jitter) / 16
	r.transit = transit
}

// sender notes when a sender report came.
func (r *reception) sender(s senderReport, at time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.report, r.at = uint32(s.ntp>>16), at
}

// block is the report block at time now; none before the first packet.
func (r *reception) block(now time.Time) []rtcp.ReceptionReport {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.known {
		return nil
	}
	expected := r.highest - r.first + 1
	interval, lost := expected-r.saidExpected, (expected-r.saidExpected)-(r.received-r.saidReceived)
	r.saidExpected, r.saidReceived = expected, r.received
	b := rtcp.ReceptionReport{
		SSRC:               r.ssrc,
		TotalLost:          uint32(min(max(expected-r.received, 0), 1<<23-1)),
		LastSequenceNumber: uint32(r.highest),
		Jitter:             uint32(r.jitter),
	}
	if interval > 0 && lost > 0 {
		b.FractionLost = uint8(min(lost<<8/interval, 255))
	}
	if r.report != 0 {
		b.LastSenderReport = r.report
		b.Delay = uint32(now.Sub(r.at).Microseconds() * 65536 / 1e6)
	}
	return []rtcp.ReceptionReport{b}
}

// report is a receiver report with the name of its sender, as RFC 3550 6.1 has
// every compound packet.
func (p *portPair) report(now time.Time) []byte {
	d := p.in
	b, err := rtcp.Marshal([]rtcp.Packet{
		&rtcp.ReceiverReport{SSRC: d.ssrc, Reports: p.got.block(now)},
		rtcp.NewCNAMESourceDescription(d.ssrc, d.name),
	})
	if err != nil {
		return nil // an empty datagram does no harm
	}
	return b
}
