package rtsp

import (
	"errors"
	"sync/atomic"
	"time"
)

// Patience of a stream.
const (
	randomWait   = 2 * time.Minute // for a Random unit; longer than the longest GOP of a "smart codec"
	maxBad       = 200             // unreadable packets in a row
	maxRestarts  = 5               // SSRC changes in restartSpan
	restartSpan  = 10 * time.Second
	reportSkew   = 80 * time.Millisecond  // audio against video, by sender reports
	arrivalSkew  = 300 * time.Millisecond // the same, by arrival
	reportTrust  = 3 * time.Second        // reports that would move audio further than this are wrong
	realignAfter = time.Minute
)

// clockSet is 2026-01-01: this program did not exist before, so a clock that
// shows an earlier time was never set.
const clockSet = 1767225600

var errSSRC = errors.New("the camera restarted its encoder")

// output takes what a stream makes.
type output interface {
	unit(s *Session, u *Unit, offset time.Duration)
	pause(r Reason, detail string)
	floor() time.Time // UTC of the newest unit of earlier connections
}

// stream turns the packets of one connection into Sessions, Units and Breaks.
// It belongs to the goroutine that reads the connection.
type stream struct {
	out    output
	stall  time.Duration
	tracks []*track // video first
	ref    *track   // its clock is the timeline: video, or the only audio

	session *Session // nil before the first and after one that cannot go on
	waiting bool     // a Break was told; the next unit must be Random video
	pending *pause   // told before the next Random video unit
	zero    int64    // Session.Zero in ns of ref's positions
	utc     utcClock
	quality ClockQuality

	ready      atomic.Bool // tracks are complete; frames before are not wanted
	pkt        packet
	bad        int
	alive      time.Time // newest complete access unit
	random     time.Time // newest Random unit
	realigned  time.Time
	wall       time.Time // newest arrival, to notice a set wall clock
	restarts   int
	restarted  time.Time
	needParams bool // after a restart the next Random unit must bring parameter sets
}

type pause struct {
	reason Reason
	detail string
}

func newStream(out output, stall time.Duration, now time.Time) *stream {
	// The first unit may take half as long again, for the handshake.
	return &stream{out: out, stall: stall, alive: now.Add(stall / 2), random: now, wall: now}
}

// addTrack adds a track before the stream is ready; video goes first.
func (st *stream) addTrack(t *track) {
	t.st = st
	t.seq.deliver = t.accept
	t.asm.hevc, t.asm.raw = t.codec == H265, t.codec == AV1 || t.codec == MJPEG
	st.tracks = append(st.tracks, t)
	st.ref = st.tracks[0]
}

func (st *stream) deadline() time.Time {
	stalled, idle := st.alive.Add(st.stall), st.random.Add(max(randomWait, st.stall))
	if idle.Before(stalled) {
		return idle
	}
	return stalled
}

func (st *stream) expects(channel, b1 byte) bool {
	if !st.ready.Load() {
		return false
	}
	for _, t := range st.tracks {
		switch channel {
		case t.channel:
			return b1&0x7f == t.pt
		case t.channel + 1:
			return b1 >= 192 && b1 <= 223 // RTCP (RFC 5761 4)
		}
	}
	return false
}

func (st *stream) frame(channel byte, b []byte, at time.Time) error {
	if !st.ready.Load() {
		return nil
	}
	for _, t := range st.tracks {
		switch channel {
		case t.channel:
			return st.rtp(t, b, at)
		case t.channel + 1:
			parseReports(b, t.senderReport)
			if t == st.ref && saysGoodbye(b, t.ssrc) {
				st.goodbye(at)
			}
			return nil
		}
	}
	return nil
}

// goodbyeWait is how long a camera that said goodbye may send nothing: some go
// on at once, as if they had said nothing.
const goodbyeWait = 2 * time.Second

// goodbye cuts the patience with a camera that has said that it sends no more.
func (st *stream) goodbye(at time.Time) {
	if end := at.Add(goodbyeWait - st.stall); end.Before(st.alive) {
		st.alive = end
	}
}

func (st *stream) rtp(t *track, b []byte, at time.Time) error {
	if err := st.pkt.parse(b); err != nil {
		if st.bad++; st.bad > maxBad {
			return errGarbage
		}
		return nil
	}
	if st.pkt.pt != t.pt {
		if !t.known || st.pkt.ssrc != t.ssrc {
			return nil
		}
		st.pkt.payload = nil // it counts: a source numbers all it sends in one row
	}
	st.watchWall(at)
	if !t.known {
		t.ssrc, t.known = st.pkt.ssrc, true
	} else if t.ssrc != st.pkt.ssrc {
		if err := st.restart(t, at); err != nil {
			return err
		}
	}
	return t.seq.offer(&st.pkt, at)
}

// restart begins track t anew with the SSRC of the packet in hand.
func (st *stream) restart(t *track, at time.Time) error {
	if at.Sub(st.restarted) > restartSpan {
		st.restarts, st.restarted = 0, at
	}
	if st.restarts++; st.restarts > maxRestarts {
		return errSSRC
	}
	t.ssrc = st.pkt.ssrc
	t.seq.reset()
	t.clock.restart()
	if t.stranger.ssrc == t.ssrc {
		t.clock.takeReport(t.stranger)
	}
	t.drop()
	t.timed = false
	if t == st.ref {
		st.needParams = t.video != nil
		st.finish(ReasonSSRC, "The camera restarted its encoder.")
		st.utc.set = false
		return nil
	}
	if !t.any {
		t.aligned = false // nothing of it is in the Session yet
		return nil
	}
	t.muted = true
	st.later(ReasonSSRC, "The camera restarted its audio encoder.")
	return nil
}

// watchWall notices that this machine's clock was set: wall time and monotonic
// time then disagree.
func (st *stream) watchWall(at time.Time) {
	moved := at.Round(0).Sub(st.wall.Round(0)) - at.Sub(st.wall)
	st.wall = at
	if abs(int64(moved)) <= clockStep {
		return
	}
	for _, t := range st.tracks {
		t.clock.seen = false
	}
	st.later(ReasonClock, "This machine's clock was set.")
}

// lost tells that units of track t are missing.
func (st *stream) lost(t *track, detail string) {
	t.drop()
	if t == st.ref {
		st.pauseFor(ReasonLost, detail)
		return
	}
	st.later(ReasonLost, detail)
}

// pauseFor tells a Break, once until units flow again.
func (st *stream) pauseFor(r Reason, detail string) {
	if st.session != nil && !st.waiting {
		st.out.pause(r, detail)
	}
	st.waiting = true
}

// finish is pauseFor with the Session ended.
func (st *stream) finish(r Reason, detail string) {
	st.pauseFor(r, detail)
	st.session = nil
}

// later keeps a Break until the next Random video unit, for what leaves the
// pictures up to there whole.
func (st *stream) later(r Reason, detail string) {
	if st.pending == nil || st.pending.reason == ReasonLost {
		st.pending = &pause{r, detail}
	}
}

// settle tells what was kept for a Random unit. Only a loss lets the Session go on.
func (st *stream) settle() {
	if p := st.pending; p != nil {
		st.pending = nil
		if p.reason == ReasonLost {
			st.pauseFor(p.reason, p.detail)
		} else {
			st.finish(p.reason, p.detail)
			st.utc.set = st.utc.set && p.reason != ReasonClock
		}
	}
	if st.skewed() {
		st.finish(ReasonClock, "Audio and video had drifted apart and were aligned anew.")
	}
}

// begin starts or resumes units at a Random unit of the reference track at
// position pos, decoded at position dts.
func (st *stream) begin(pos, dts int64, at time.Time) {
	st.waiting = false
	ref := st.ref
	if !st.utc.set {
		floor := int64(0)
		if f := st.out.floor(); !f.IsZero() {
			floor = f.UnixNano()
		}
		st.quality = st.utc.restart(&ref.clock, ref.clock.nanos(pos), floor)
	}
	if st.session != nil {
		return
	}
	s := &Session{}
	for _, t := range st.tracks {
		if t.video != nil {
			t.format = t.params.make(int(t.clock.rate))
		}
		t.aligned, t.muted, t.any = false, false, false
		s.Formats = append(s.Formats, t.format)
	}
	ref.zero, ref.aligned = dts, true
	st.zero = ref.clock.nanos(dts)
	s.Zero = time.Unix(0, st.zero+st.utc.off).UTC()
	st.session = s
}

// deliver completes a unit of track t at position pos and publishes it.
func (st *stream) deliver(t *track, u *Unit, pos, dts int64, at time.Time) {
	u.Format = t.format
	u.PTS, u.DTS = pos-t.zero, dts-t.zero
	u.Arrived = at
	if t == st.ref {
		st.quality = st.utc.follow(&t.clock, t.clock.nanos(pos))
	}
	utc := st.zero + t.clock.nanos(u.PTS) + st.utc.off
	if t.any && utc < t.utc {
		utc = t.utc
	}
	t.utc, t.last, t.any = utc, u.DTS, true
	u.UTC = time.Unix(0, utc).UTC()
	u.Clock = st.quality
	if st.ref.still.frozen {
		u.Clock = max(u.Clock, ClockArrival)
	}
	if at.Unix() < clockSet {
		u.Clock = ClockUnset
	}
	st.bad = 0
	var offset time.Duration
	if c := &st.ref.clock; c.reported {
		offset = time.Duration(c.report - c.arrival)
	}
	st.out.unit(st.session, u, offset)
}

// align finds the position of track t at the Session's zero.
func (st *stream) align(t *track) (zero int64, byReport bool) {
	a, r := &t.clock, &st.ref.clock
	ns := r.arrival + st.zero - a.arrival
	if a.reported && r.reported {
		by := r.report + st.zero - a.report
		if abs(by-ns) <= int64(reportTrust) {
			return a.ticks(by), true
		}
	}
	return a.ticks(ns), false
}

// skewed reports whether a track no longer fits the alignment that its Session
// began with.
func (st *stream) skewed() bool {
	if st.session == nil || st.waiting {
		return false
	}
	for _, t := range st.tracks {
		if t == st.ref || !t.aligned || !t.clock.seen {
			continue
		}
		zero, byReport := st.align(t)
		limit := arrivalSkew
		if byReport {
			limit = reportSkew
		}
		if abs(t.clock.nanos(zero-t.zero)) <= int64(limit) {
			continue
		}
		if first := byReport && !t.byReport; first || st.wall.Sub(st.realigned) > realignAfter {
			st.realigned = st.wall
			return true
		}
	}
	return false
}
