package rtsp

import "time"

// clockStep is the disagreement between clocks that counts as a step and not
// as drift or delay.
const clockStep = int64(2 * time.Second)

// trackClock follows the RTP clock of one track. Positions are ticks since the
// first packet, unwrapped past 32 bits.
type trackClock struct {
	rate int64

	started bool
	last    uint32 // RTP time at pos
	pos     int64

	seen    bool
	arrival int64 // wall clock minus position, ns: the least delay seen, see observe
	seenPos int64

	early    *senderReport // came before the first packet
	reported bool
	report   int64 // camera clock minus position, ns, by the newest sender report
}

// nanos converts ticks.
func (c *trackClock) nanos(ticks int64) int64 {
	return ticks/c.rate*1e9 + ticks%c.rate*1e9/c.rate
}

// ticks converts nanoseconds.
func (c *trackClock) ticks(ns int64) int64 {
	return ns/1e9*c.rate + ns%1e9*c.rate/1e9
}

// unwrap turns an RTP time into a position. Successive times may be up to half
// the 32-bit range apart, in either direction.
func (c *trackClock) unwrap(ts uint32) int64 {
	if !c.started {
		c.started = true
		c.last, c.pos = ts, 0
		if c.early != nil {
			c.takeReport(*c.early)
			c.early = nil
		}
		return 0
	}
	c.pos += int64(int32(ts - c.last))
	c.last = ts
	return c.pos
}

// peek is the position of an RTP time near the current one.
func (c *trackClock) peek(ts uint32) int64 { return c.pos + int64(int32(ts-c.last)) }

// observe learns from a unit at position pos that arrived at wall time at (ns).
// The estimate follows the least delayed units, like a jitter buffer's: down at
// once, up by at most 500 ppm, which is more than a crystal drifts and less
// than a burst of congestion could push.
func (c *trackClock) observe(pos, at int64) {
	off := at - c.nanos(pos)
	if !c.seen {
		c.seen, c.arrival, c.seenPos = true, off, pos
		return
	}
	elapsed := max(c.nanos(pos-c.seenPos), 0)
	c.seenPos = max(pos, c.seenPos)
	if off < c.arrival {
		c.arrival = off
	} else {
		c.arrival += min(off-c.arrival, elapsed/2000)
	}
}

// takeReport learns from a sender report and reports whether the camera's
// clock stepped against its RTP clock since the report before.
func (c *trackClock) takeReport(r senderReport) (stepped bool) {
	if r.ntp == 0 {
		return false // the camera says that it has no wall clock (RFC 3550 6.4.1)
	}
	if !c.started {
		c.early = &r
		return false
	}
	off := ntpNanos(r.ntp) - c.nanos(c.peek(r.rtp))
	stepped = c.reported && abs(off-c.report) > clockStep
	c.reported, c.report = true, off
	return stepped
}

// restart forgets everything, for a new SSRC or after a jump of the timestamps.
func (c *trackClock) restart() { *c = trackClock{rate: c.rate} }

// utcClock maps positions of the reference track, in ns, to UTC. It moves
// towards better knowledge at no more than half the speed of time, so that UTC
// never runs backwards and never stands still.
type utcClock struct {
	set     bool
	off     int64 // UTC minus position, ns
	pos     int64 // position of the newest adjustment, ns
	report  bool  // off follows sender reports
	suspect bool  // reports were found wrong
	settled bool  // off has reached what it follows
}

// Tolerances of the mapping: it counts as settled when it is this near, and
// stays so while reports jitter by less.
const (
	settleWithin = int64(2 * time.Millisecond)
	stayWithin   = int64(50 * time.Millisecond)
)

// follow chooses between sender reports and arrival for the reference track,
// and moves the mapping. It returns the quality at pos.
func (u *utcClock) follow(ref *trackClock, pos int64) ClockQuality {
	target, quality := ref.arrival, ClockArrival
	if ref.reported {
		limit := clockStep
		if u.suspect {
			limit = clockStep * 3 / 4 // do not flap at the border
		}
		quality = ClockSuspect
		if abs(ref.report-ref.arrival) <= limit {
			target, quality = ref.report, ClockReport
		}
	}
	u.suspect = quality == ClockSuspect
	if follows := quality == ClockReport; follows != u.report {
		u.report, u.settled = follows, false
	}
	if !u.set {
		u.set, u.off, u.pos = true, target, pos
	} else {
		reach := max(pos-u.pos, 0) / 2
		u.pos = max(pos, u.pos)
		u.off += min(max(target-u.off, -reach), reach)
	}
	miss := abs(target - u.off)
	u.settled = miss <= settleWithin || u.settled && miss <= stayWithin
	if quality == ClockReport && !u.settled {
		quality = ClockArrival
	}
	return quality
}

// restart makes the next follow take its target at once, but not so that
// position pos maps to before floor (ns; 0 for none).
func (u *utcClock) restart(ref *trackClock, pos, floor int64) ClockQuality {
	*u = utcClock{}
	q := u.follow(ref, pos)
	// A wall clock that was set back further than this is believed.
	const patience = int64(10 * time.Second)
	if back := floor - (pos + u.off); back > 0 && back < patience {
		u.off += back
		u.settled = back <= settleWithin
		if q == ClockReport && !u.settled {
			q = ClockArrival
		}
	}
	return q
}

func abs(v int64) int64 {
	if v < 0 {
		return -v
	}
	return v
}
