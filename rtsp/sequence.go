package rtsp

import (
	"bytes"
	"time"
)

// Limits of RFC 3550 A.1: further ahead or behind than this is a sender that
// restarted its numbering, not a loss or a late packet.
const (
	maxDropout  = 3000
	maxMisorder = 100
)

// How long, in packets and in time, a packet that came early waits for the ones
// before it.
const (
	holdPackets = 16
	holdTime    = 300 * time.Millisecond
)

type heldPacket struct {
	packet
	at time.Time
}

// kept is a packet that outlives the read buffer.
func (p *packet) kept(at time.Time) heldPacket {
	h := heldPacket{*p, at}
	h.payload, h.extension = bytes.Clone(p.payload), bytes.Clone(p.extension)
	return h
}

// sequencer puts the packets of one track in order. Duplicates vanish and
// reordered packets are put right; what is missing is told to the receiver of
// deliver as gap before the packet that follows it.
type sequencer struct {
	deliver func(p *packet, at time.Time, gap bool) error

	started bool
	next    uint16 // expected sequence number
	newest  uint32 // latest RTP time delivered
	dated   bool   // newest is set
	held    []heldPacket
	gone    *heldPacket // one packet far off the numbering, until a second confirms it
}

// offer takes the next packet as it was read at time at.
func (q *sequencer) offer(p *packet, at time.Time) error {
	if !q.started {
		q.started = true
		return q.pass(p, at, false)
	}
	delta := int16(p.seq - q.next)
	switch {
	case delta == 0:
		q.gone = nil
		if err := q.pass(p, at, false); err != nil {
			return err
		}
		return q.drain()
	case delta > 0 && delta < maxDropout:
		return q.hold(p, at)
	case delta < 0 && delta >= -maxMisorder && int32(p.ts-q.newest) <= 0:
		return nil
	}
	return q.jump(p, at)
}

func (q *sequencer) pass(p *packet, at time.Time, gap bool) error {
	q.next = p.seq + 1
	if gap || !q.dated || int32(p.ts-q.newest) > 0 {
		q.newest, q.dated = p.ts, true
	}
	return q.deliver(p, at, gap)
}

// drain delivers held packets that are next.
func (q *sequencer) drain() error {
	for len(q.held) > 0 && q.held[0].seq == q.next {
		h := q.held[0]
		q.held = q.held[:copy(q.held, q.held[1:])]
		if err := q.pass(&h.packet, h.at, false); err != nil {
			return err
		}
	}
	return nil
}

// hold keeps a packet that came early, in order, without duplicates, and gives
// up on what is missing before it after holdPackets or holdTime.
func (q *sequencer) hold(p *packet, at time.Time) error {
	i := len(q.held)
	for i > 0 && int16(p.seq-q.held[i-1].seq) <= 0 {
		if p.seq == q.held[i-1].seq {
			return nil
		}
		i--
	}
	h := p.kept(at)
	q.held = append(q.held, heldPacket{})
	copy(q.held[i+1:], q.held[i:])
	q.held[i] = h

	if len(q.held) < holdPackets && at.Sub(q.oldest()) < holdTime {
		return nil
	}
	first := q.held[0]
	q.held = q.held[:copy(q.held, q.held[1:])]
	if err := q.pass(&first.packet, first.at, true); err != nil {
		return err
	}
	return q.drain()
}

func (q *sequencer) oldest() time.Time {
	t := q.held[0].at
	for _, h := range q.held[1:] {
		if h.at.Before(t) {
			t = h.at
		}
	}
	return t
}

// jump takes a packet that is far off the numbering. Two in a row are a sender
// that numbers anew.
func (q *sequencer) jump(p *packet, at time.Time) error {
	g := q.gone
	if g == nil || p.seq != g.seq+1 {
		h := p.kept(at)
		q.gone = &h
		return nil
	}
	q.gone, q.held = nil, q.held[:0]
	if err := q.pass(&g.packet, g.at, true); err != nil {
		return err
	}
	return q.pass(p, at, false)
}

// reset forgets the numbering, for a new SSRC.
func (q *sequencer) reset() {
	q.started, q.dated, q.held, q.gone = false, false, q.held[:0], nil
}
