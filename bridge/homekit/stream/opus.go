package stream

import (
	"errors"
	"time"
)

var errOpus = errors.New("malformed opus packet")

// Limits of Opus (RFC 6716, 3.2).
const (
	opusMax   = 120 * time.Millisecond // in a packet
	frameMax  = 1275                   // bytes of a frame
	framesMax = 48                     // in a packet
)

// joiner puts frames of Opus packets together to longer packets: a camera sends
// 20 ms, a phone that is far away asks for 60.
type joiner struct {
	want   time.Duration // 0 leaves packets as they are
	toc    byte          // configuration and channels of the frames in hand
	frames [][]byte
	from   time.Duration
}

// join takes a packet that begins at a time and returns one that is full, if
// there is one, and when that begins.
func (j *joiner) join(packet []byte, at time.Duration) ([]byte, time.Duration, bool) {
	toc, frames, err := opusFrames(packet)
	if err != nil {
		return nil, 0, false
	}
	each := opusFrame(toc)
	if j.want <= each*time.Duration(len(frames)) {
		j.frames = nil
		return packet, at, true
	}
	due := j.from + each*time.Duration(len(j.frames))
	if toc != j.toc || at < due-each/2 || at > due+each/2 {
		j.frames = nil // other frames, or some between are missing
	}
	if len(j.frames) == 0 {
		j.toc, j.from = toc, at
	}
	for _, f := range frames {
		j.frames = append(j.frames, append([]byte(nil), f...)) // the camera's memory is used again
	}
	if each*time.Duration(len(j.frames)) < min(j.want, opusMax) {
		return nil, 0, false
	}
	out := opusPacket(toc, j.frames)
	j.frames = nil
	return out, j.from, true
}

// opusFrame is how long a frame lasts (RFC 6716, Table 2).
func opusFrame(toc byte) time.Duration {
	switch c := toc >> 3; {
	case c < 12: // SILK
		return [4]time.Duration{10, 20, 40, 60}[c&3] * time.Millisecond
	case c < 16: // hybrid
		return [2]time.Duration{10, 20}[c&1] * time.Millisecond
	default: // CELT
		return 2500 * time.Microsecond << (c & 3)
	}
}

// opusFrames splits a packet (RFC 6716, 3.2.1–5). toc is its first byte without
// the code that says how frames are packed.
func opusFrames(b []byte) (toc byte, frames [][]byte, err error) {
	if len(b) == 0 {
		return 0, nil, errOpus
	}
	toc, code, b := b[0]&^3, b[0]&3, b[1:]
	switch code {
	case 0:
		frames = [][]byte{b}
	case 1:
		if len(b)%2 != 0 {
			return 0, nil, errOpus
		}
		frames = [][]byte{b[:len(b)/2], b[len(b)/2:]}
	case 2:
		n, rest, ok := opusLength(b)
		if !ok || n > len(rest) {
			return 0, nil, errOpus
		}
		frames = [][]byte{rest[:n], rest[n:]}
	case 3:
		if frames, err = opusMany(b); err != nil {
			return 0, nil, err
		}
	}
	for _, f := range frames {
		if len(f) > frameMax {
			return 0, nil, errOpus
		}
	}
	if opusFrame(toc)*time.Duration(len(frames)) > opusMax {
		return 0, nil, errOpus
	}
	return toc, frames, nil
}

// opusMany splits what follows the first byte of a packet of code 3.
func opusMany(b []byte) ([][]byte, error) {
	if len(b) == 0 {
		return nil, errOpus
	}
	vbr, padded, count := b[0]&0x80 != 0, b[0]&0x40 != 0, int(b[0]&0x3f)
	b = b[1:]
	if count == 0 || count > framesMax {
		return nil, errOpus
	}
	padding := 0
	for padded {
		if len(b) == 0 {
			return nil, errOpus
		}
		n := int(b[0])
		b = b[1:]
		if padded = n == 255; padded {
			n = 254
		}
		padding += n
	}
	lengths := make([]int, count)
	if vbr {
		for i := range count - 1 {
			var ok bool
			if lengths[i], b, ok = opusLength(b); !ok {
				return nil, errOpus
			}
		}
	}
	if padding > len(b) {
		return nil, errOpus
	}
	b = b[:len(b)-padding]
	if !vbr {
		if len(b)%count != 0 {
			return nil, errOpus
		}
		for i := range lengths {
			lengths[i] = len(b) / count
		}
	}
	frames := make([][]byte, count)
	for i := range count {
		n := lengths[i]
		if vbr && i == count-1 {
			n = len(b)
		}
		if n > len(b) {
			return nil, errOpus
		}
		frames[i], b = b[:n], b[n:]
	}
	return frames, nil
}

// opusLength reads a frame's length (RFC 6716, 3.2.1).
func opusLength(b []byte) (n int, rest []byte, ok bool) {
	switch {
	case len(b) == 0:
		return 0, nil, false
	case b[0] < 252:
		return int(b[0]), b[1:], true
	case len(b) == 1:
		return 0, nil, false
	}
	return int(b[0]) + 4*int(b[1]), b[2:], true
}

// opusPacket packs frames of one configuration, up to opusMax of them.
func opusPacket(toc byte, frames [][]byte) []byte {
	if len(frames) == 1 {
		return append([]byte{toc}, frames[0]...)
	}
	out := []byte{toc | 3, 0x80 | byte(len(frames))}
	for _, f := range frames[:len(frames)-1] {
		if n := len(f); n < 252 {
			out = append(out, byte(n))
		} else {
			out = append(out, byte(252+n%4), byte((n-252)/4))
		}
	}
	for _, f := range frames {
		out = append(out, f...)
	}
	return out
}
