package rtsp

import "time"

// track is one elementary stream of a connection.
type track struct {
	st      *stream
	codec   Codec
	channel byte // interleaved channel of RTP; RTCP is on the next
	pt      uint8
	format  *Format

	ssrc  uint32
	known bool // ssrc is set
	seq   sequencer
	clock trackClock

	stranger senderReport // the newest with another SSRC

	// Of the newest access unit, to notice jumps.
	timed  bool
	prev   int64
	prevAt time.Time
	still  stillClock

	// Of the Session.
	zero     int64 // position of PTS 0
	aligned  bool  // zero is set
	byReport bool  // zero rests on sender reports
	muted    bool  // units do not fit the Session; left out until the next
	any      bool  // last and utc are set
	last     int64 // newest DTS
	utc      int64 // newest UTC, ns

	// Video.
	video     videoCodec
	params    params
	times     decodeTimes
	entry     time.Time // of the newest picture that is a Random unit by itself; at first, of the first picture
	asm       assembly
	asmTS     uint32
	asmPos    int64
	scanned   int  // NAL units of asm already looked at
	pictured  bool // asm holds a slice
	marks     int  // markers since the slices of asm began
	marked    bool // the newest packet had one
	byMarker  bool // the camera's markers end pictures; until that is seen, and without, a new RTP time does
	misplaced bool // the camera sets markers inside pictures
	skipTS    uint32
	skipping  bool // packets of skipTS belong to a damaged picture
	noLeading bool // decoding began at the newest Random unit: its leading pictures cannot be decoded

	// Audio.
	aac        *aacReader // AAC only
	block      int        // bytes of one sample of all channels; LPCM
	frameTicks int64      // duration of an AAC frame
	pos        int64
	at         time.Time
	early      earlySound
}

func (t *track) senderReport(r senderReport) {
	if t.known && r.ssrc != t.ssrc {
		t.stranger = r // a new SSRC may announce itself so
		return
	}
	if t.still.frozen {
		return // it goes with an RTP time that means nothing
	}
	if t.clock.takeReport(r) && t == t.st.ref {
		t.st.later(ReasonClock, "The camera's clock was set.")
	}
}

// drop forgets a unit that is being gathered.
func (t *track) drop() {
	t.asm.drop()
	t.scanned, t.pictured, t.marks = 0, false, 0
	if t.aac != nil {
		t.aac.drop()
	}
	t.early.drop()
}

// accept takes packets in order.
func (t *track) accept(p *packet, at time.Time, gap bool) error {
	if gap {
		if !t.asm.empty() {
			t.skipTS, t.skipping = t.asmTS, true
		}
		t.st.lost(t, "Packets of the camera were missing.")
	}
	if len(p.payload) == 0 && (t.video == nil || p.extension == nil) {
		return nil
	}
	if t.video == nil {
		return t.acceptAudio(p, at)
	}
	return t.acceptVideo(p, at)
}

func (t *track) acceptVideo(p *packet, at time.Time) error {
	if t.pictured && p.ts != t.asmTS {
		t.misplaced = t.misplaced || t.marks > 1
		t.byMarker = t.marks == 1 && t.marked && !t.misplaced
		if err := t.picture(); err != nil {
			return err
		}
	}
	if t.skipping && p.ts == t.skipTS {
		t.skipping = !(p.marker && t.still.frozen) // there the next packet begins a picture
		return nil
	}
	t.skipping = false
	if p.ts != t.asmTS || t.asm.empty() {
		t.asmTS, t.asmPos = p.ts, t.position(p.ts, at)
	}
	t.at = at
	if err := t.video.unpack(p, &t.asm); err != nil {
		t.damaged(p.ts)
		return nil
	}
	for ; t.scanned < len(t.asm.ends); t.scanned++ {
		t.pictured = t.pictured || t.video.kind(t.asm.at(t.scanned)) >= nalSlice
	}
	if t.marked = p.marker && t.pictured && !t.asm.open; !t.marked {
		return nil
	}
	t.marks++
	if t.byMarker {
		return t.picture()
	}
	if t.glued(at) {
		t.unglue()
	}
	return nil
}

// damaged leaves out the picture of RTP time ts.
func (t *track) damaged(ts uint32) {
	t.skipTS, t.skipping = ts, true
	t.st.bad++
	t.st.lost(t, "Packets of the camera could not be put together.")
}

// picture ends the access unit in hand.
func (t *track) picture() error {
	st := t.st
	if t.asm.open {
		t.damaged(t.asmTS)
		return nil
	}
	look := t.look()
	if t.video.continues(look.slice) {
		// The start of this picture was lost, or it was sent off with the marker
		// of its first slices.
		if t.timed && (t.prev == t.asmPos || t.still.frozen) {
			t.misplaced, t.byMarker = true, false
		}
		t.damaged(t.asmTS)
		return nil
	}
	t.clock.observe(t.asmPos, t.at.UnixNano())
	if t.jumped(t.asmPos, t.at) {
		st.finish(ReasonClock, "The camera's timestamps jumped.")
		st.utc.set = false
	}
	t.enter(&look)
	if look.changed && st.session != nil {
		st.finish(ReasonCodec, "The camera changed its video settings.")
	}
	if t.params.known() {
		st.alive = t.at
	}
	if look.random {
		st.random = t.at
		st.settle()
		t.noLeading = false
	}
	if st.session == nil || st.waiting {
		if !look.random || !t.params.complete() {
			t.drop()
			return nil
		}
		if st.needParams && !look.params {
			return errSSRC
		}
		return t.firstPicture(look.slice)
	}
	if t.noLeading && t.video.skipped(look.slice) {
		t.drop()
		return nil
	}
	t.publish(look.random, t.times.next(look.slice, t.asmPos))
	return nil
}

// entryWait is how long a picture that can be decoded by itself, with all
// parameter sets, is waited for: about the longest group of pictures of cameras
// without a "smart codec".
const entryWait = 4 * time.Second

// enter makes do with what a camera sends that never sends what it should: a
// recovery point where no IDR comes, H.265 without a VPS.
func (t *track) enter(l *look) {
	if t.entry.IsZero() {
		t.entry = t.at
	}
	patient := t.at.Sub(t.entry) < entryWait
	switch {
	case l.random && (t.params.complete() || patient):
		if t.params.complete() {
			t.entry = t.at
		}
	case patient:
	case l.random:
		t.params.bare = true
	case l.recovery:
		l.random = true
	}
}

// firstPicture begins or resumes the Session with the Random unit in hand.
func (t *track) firstPicture(slice []byte) error {
	st := t.st
	st.needParams = false
	t.noLeading = true
	if st.session == nil {
		t.times.start(t.params.make(int(t.clock.rate)))
	}
	dts := t.times.next(slice, t.asmPos)
	st.begin(t.asmPos, dts, t.at)
	t.publish(true, dts)
	st.release()
	return nil
}

func (t *track) publish(random bool, dts int64) {
	u := t.asm.take(random)
	t.scanned, t.pictured, t.marks = 0, false, 0
	pts := t.asmPos
	if !t.times.reorders {
		pts = dts // the same but for pictures that the camera gave one time
	}
	t.st.deliver(t, u, pts, dts, t.at)
}

// look is what an access unit contains.
type look struct {
	slice    []byte // the first slice, valid until the assembly changes
	random   bool
	params   bool // brings a sequence parameter set
	recovery bool // decoding that starts here comes to right pictures later
	changed  bool // parameter sets differ from those before
}

func (t *track) look() look {
	var l look
	for i := range t.asm.ends {
		nal := t.asm.at(i)
		switch k := t.video.kind(nal); k {
		case nalVPS, nalSPS, nalPPS:
			l.params = l.params || k == nalSPS
			l.changed = t.params.offer(k, nal) || l.changed
		case nalRecovery:
			l.recovery = true
		case nalSlice, nalRandom:
			if l.slice == nil { // of AV1, the first frame of several decides
				l.slice, l.random = nal, k == nalRandom
			}
		}
	}
	return l
}

// jumped reports whether position pos, reached at time at, does not follow the
// unit before: it ran ahead of the clock, or back.
func (t *track) jumped(pos int64, at time.Time) bool {
	media, passed := t.clock.nanos(pos-t.prev), int64(at.Sub(t.prevAt))
	timed := t.timed
	loose := t.times.reorders || t.still.before
	t.timed, t.prev, t.prevAt, t.still.before = true, pos, at, t.still.frozen
	if !timed {
		return false
	}
	back := int64(0)
	if loose {
		back = -int64(time.Second) // further than any reordering, or than a picture is late
	}
	if media <= passed+clockStep && media >= back {
		return false
	}
	t.clock.seen, t.clock.reported = false, false
	t.clock.observe(pos, at.UnixNano())
	return true
}

func (t *track) acceptAudio(p *packet, at time.Time) error {
	t.pos, t.at = t.clock.unwrap(p.ts), at
	t.clock.observe(t.pos, at.UnixNano())
	if t.jumped(t.pos, at) {
		t.early.drop()
		if t == t.st.ref {
			t.st.finish(ReasonClock, "The camera's timestamps jumped.")
			t.st.utc.set = false
		} else if t.aligned {
			t.muted = true
			t.st.later(ReasonClock, "The camera's audio timestamps jumped.")
		}
	}
	err := error(nil)
	switch {
	case t.aac != nil:
		err = t.aac.read(p.payload, p.marker, t.sound)
	case t.block > 1 && len(p.payload)%t.block != 0, t.codec == Opus && opusTicks(p.payload) == 0:
		err = errAudio
	default:
		t.sound(0, p.payload)
	}
	if err != nil {
		t.st.bad++
		t.st.lost(t, "Audio packets of the camera could not be read.")
	}
	return nil
}

// sound takes the i-th audio frame of the packet in hand.
func (t *track) sound(i int, b []byte) {
	st := t.st
	pos := t.pos + int64(i)*t.frameTicks
	if len(b) == 0 {
		return
	}
	if t == st.ref {
		st.alive, st.random = t.at, t.at
		st.settle()
		if st.session == nil || st.waiting {
			st.begin(pos, pos, t.at)
		}
	}
	if st.session == nil || st.waiting || t.muted {
		t.early.hold(soundFrame{pos, t.at, b}, t.clock.rate)
		return
	}
	t.heard(soundFrame{pos, t.at, b})
}

// heard publishes a frame of sound of the Session.
func (t *track) heard(f soundFrame) {
	st, pos := t.st, f.pos
	if !t.aligned {
		t.zero, t.byReport = st.align(t)
		t.aligned = true
	}
	if pos < t.zero {
		return
	}
	if t.any && pos-t.zero <= t.last {
		pos = t.zero + t.last + 1
	}
	st.deliver(t, t.asm.sound(f.data), pos, pos, f.at)
}
