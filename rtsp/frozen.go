package rtsp

import "time"

// Some cameras give picture after picture one RTP time, for a while or for
// ever. Their pictures are told apart by the marker and dated by arrival.
const (
	// frozenWait is how long pictures may have one RTP time before they are dated
	// by arrival: longer than a late picture is late.
	frozenWait = 200 * time.Millisecond
	// gluedWait is how long an RTP time and several markers may last before the
	// markers are believed though no other RTP time has come.
	gluedWait = time.Second
)

// stillClock is the RTP time of the newest picture, as long as it stands still.
type stillClock struct {
	set    bool
	ts     uint32
	since  time.Time // the first picture of that time came
	frozen bool      // the picture in hand was dated by arrival
	before bool      // so was the one before it
}

// position is that of a picture of RTP time ts whose first packet came at time
// at. Where RTP time stands still it goes on as time does, so that what follows
// joins when RTP time comes right again.
func (t *track) position(ts uint32, at time.Time) int64 {
	pos := t.clock.unwrap(ts)
	s := &t.still
	if !s.set || s.ts != ts {
		s.set, s.ts, s.since, s.frozen = true, ts, at, false
		return pos
	}
	passed := at.Sub(s.since)
	if s.frozen = passed > frozenWait; s.frozen {
		pos += t.clock.ticks(int64(passed))
	}
	return pos
}

// glued reports whether the access unit in hand is pictures that a camera gave
// one RTP time from the first on, each ended by the marker.
func (t *track) glued(at time.Time) bool {
	return !t.byMarker && !t.misplaced && t.marks > 1 && at.Sub(t.still.since) > gluedWait
}

// unglue begins to tell pictures apart by their markers. What is in hand is
// lost: where one picture ended in it is not known any more.
func (t *track) unglue() {
	t.byMarker = true
	t.clock.reported = false // reports go with RTP times
	t.still.frozen = true
	t.st.lost(t, "The camera gave many pictures one time.")
}
