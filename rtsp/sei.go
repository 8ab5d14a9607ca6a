package rtsp

// seiRecoveryPoint is payloadType of a recovery point message (ITU-T H.264 D.1.8).
const seiRecoveryPoint = 6

// isRecoveryPoint reports whether an H.264 SEI NAL unit has a recovery point
// message: decoding that starts with its access unit comes to right pictures.
func isRecoveryPoint(nal []byte) bool {
	r := rbspReader{b: nal[1:]}
	for {
		kind, size := r.number(), r.number() // 7.3.2.3.1
		if r.b == nil {
			return false
		}
		if kind == seiRecoveryPoint {
			return size > 0
		}
		for range size {
			if r.next(); r.b == nil {
				return false
			}
		}
	}
}

// rbspReader reads the bytes of a NAL unit without emulation prevention (ITU-T
// H.264 7.3.1). b is nil past the end.
type rbspReader struct {
	b     []byte
	zeros int
}

func (r *rbspReader) next() byte {
	if r.zeros >= 2 && len(r.b) > 0 && r.b[0] == 3 {
		r.b, r.zeros = r.b[1:], 0
	}
	if len(r.b) == 0 {
		r.b = nil
		return 0
	}
	c := r.b[0]
	r.b = r.b[1:]
	r.zeros++
	if c != 0 {
		r.zeros = 0
	}
	return c
}

// number reads a number that goes on after bytes of 255.
func (r *rbspReader) number() int {
	n := 0
	for r.b != nil {
		c := r.next()
		if n += int(c); c != 255 {
			break
		}
	}
	return n
}
