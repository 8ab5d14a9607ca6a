package avc

import "math/bits"

// bitWriter writes a raw byte sequence payload, most significant bit first.
type bitWriter struct {
	buf  []byte
	last uint64 // the bits that are not a whole byte yet
	n    int    // how many
}

// put writes the low n bits of v; n is 32 at most.
func (w *bitWriter) put(v uint32, n int) {
	w.last = w.last<<n | uint64(v)&(1<<n-1)
	for w.n += n; w.n >= 8; w.n -= 8 {
		w.buf = append(w.buf, byte(w.last>>(w.n-8)))
	}
}

// ue writes an unsigned Exp-Golomb code (9.1).
func (w *bitWriter) ue(v uint32) {
	n := bits.Len32(v + 1)
	w.put(0, n-1)
	w.put(v+1, n)
}

// se writes a signed Exp-Golomb code (9.1.1).
func (w *bitWriter) se(v int) {
	if v > 0 {
		w.ue(uint32(2*v - 1))
		return
	}
	w.ue(uint32(-2 * v))
}

// join writes what another writer holds.
func (w *bitWriter) join(o *bitWriter) {
	for _, b := range o.buf {
		w.put(uint32(b), 8)
	}
	w.put(uint32(o.last), o.n)
}

// nal ends the payload and returns it as a NAL unit of a type and a reference
// index, with emulation prevention (7.4.1).
func (w *bitWriter) nal(ref, kind byte) []byte {
	w.put(1, 1)
	if w.n > 0 {
		w.put(0, 8-w.n)
	}
	out := make([]byte, 1, len(w.buf)+len(w.buf)/64+1)
	out[0] = ref<<5 | kind
	zeros := 0
	for _, b := range w.buf {
		if zeros == 2 && b <= 3 {
			out, zeros = append(out, 3), 0
		}
		out = append(out, b)
		if zeros++; b != 0 {
			zeros = 0
		}
	}
	return out
}
