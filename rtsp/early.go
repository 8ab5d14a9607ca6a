package rtsp

import "time"

// Bounds of the sound that waits for a first picture. A picture ends where the
// next begins, so that sound is ahead of it by a picture at least.
const (
	earlySpan  = 1 // seconds
	earlyBytes = 1 << 20
)

// soundFrame is one audio frame at a position of its track.
type soundFrame struct {
	pos  int64
	at   time.Time // when it was read
	data []byte
}

// earlySound is the newest sound that no Session has yet.
type earlySound struct {
	frames []soundFrame
	bytes  int
}

// hold keeps a copy of a frame and forgets what is too old for it.
func (e *earlySound) hold(f soundFrame, rate int64) {
	f.data = append([]byte(nil), f.data...)
	e.frames = append(e.frames, f)
	e.bytes += len(f.data)
	n := 0
	for f.pos-e.frames[n].pos > earlySpan*rate || e.bytes > earlyBytes && n < len(e.frames)-1 {
		e.bytes -= len(e.frames[n].data)
		n++
	}
	if n > 0 {
		kept := copy(e.frames, e.frames[n:])
		clear(e.frames[kept:])
		e.frames = e.frames[:kept]
	}
}

func (e *earlySound) drop() { *e = earlySound{} }

// release publishes the sound that came before the picture it belongs to, which
// is the newest unit of the reference track.
func (st *stream) release() {
	ref := st.ref
	from := ref.clock.nanos(ref.asmPos - ref.zero)
	for _, t := range st.tracks {
		frames := t.early.frames
		t.early.drop()
		if len(frames) == 0 {
			continue
		}
		zero := t.zero
		if !t.aligned {
			zero, _ = st.align(t)
		}
		for _, f := range frames {
			if t.clock.nanos(f.pos-zero) >= from {
				t.heard(f)
			}
		}
	}
}
