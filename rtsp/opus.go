package rtsp

// opusTicks is how long an Opus packet lasts at 48 kHz (RFC 6716 3.1), 0 if it
// cannot be one.
func opusTicks(b []byte) int64 {
	if len(b) == 0 {
		return 0
	}
	frame := int64(0)
	switch config := b[0] >> 3; {
	case config < 12: // SILK: 10, 20, 40, 60 ms
		frame = [...]int64{480, 960, 1920, 2880}[config%4]
	case config < 16: // hybrid: 10, 20 ms
		frame = [...]int64{480, 960}[config%2]
	default: // CELT: 2.5, 5, 10, 20 ms
		frame = 120 << (config % 4)
	}
	switch b[0] & 3 {
	case 0:
		return frame
	case 1, 2:
		return 2 * frame
	}
	if len(b) < 2 || int64(b[1]&63)*frame > 5760 { // 120 ms at most
		return 0
	}
	return int64(b[1]&63) * frame
}
