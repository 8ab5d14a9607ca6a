package message

import (
	"crypto/rand"
	"encoding/binary"
)

// windowLen is how many counters below the largest are remembered (4.6.5.1).
const windowLen = 32

// Window tells messages that came before from new ones (4.6.5). The zero Window
// takes any first counter: who trusts on first use (4.6.5.3) has nothing else.
type Window struct {
	largest uint32
	seen    uint32 // bit i: largest-1-i came
	begun   bool
}

// NewWindow returns a window in which nothing has come, but counters up to and
// with largest are old.
func NewWindow(largest uint32) Window {
	return Window{largest: largest, seen: ^uint32(0), begun: true}
}

// Fresh takes a counter of a secured session, which never rolls over; false if
// it came before or is too old to tell.
func (w *Window) Fresh(counter uint32) bool {
	if !w.begun {
		*w = NewWindow(counter)
		return true
	}
	if counter > w.largest {
		w.slide(counter - w.largest)
		w.largest = counter
		return true
	}
	behind := w.largest - counter
	if behind == 0 || behind > windowLen || w.seen>>(behind-1)&1 != 0 {
		return false
	}
	w.seen |= 1 << (behind - 1)
	return true
}

// FreshPlain takes a counter of a message that is not secured. These roll over,
// and their sender may have started anew: what is far behind is new (4.6.5.4).
func (w *Window) FreshPlain(counter uint32) bool {
	ahead := counter - w.largest
	switch behind := w.largest - counter; {
	case !w.begun || ahead >= 1<<31 && behind > windowLen:
		*w = NewWindow(counter)
		return true
	case ahead != 0 && ahead < 1<<31:
		w.slide(ahead)
		w.largest = counter
		return true
	case behind == 0 || w.seen>>(behind-1)&1 != 0:
		return false
	default:
		w.seen |= 1 << (behind - 1)
		return true
	}
}

func (w *Window) slide(by uint32) {
	// The old largest came, so its bit is set; shifting by more than the width clears all.
	w.seen = uint32((uint64(w.seen)<<1 | 1) << min(by-1, 63))
}

// FirstCounter draws where a session's counter begins: 1 to 2^28 (4.6.1.1).
func FirstCounter() uint32 {
	var b [4]byte
	rand.Read(b[:]) // does not fail
	return binary.LittleEndian.Uint32(b[:])>>4 + 1
}
