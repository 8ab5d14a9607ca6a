package mp4

import "time"

// ntpEpoch is 1900-01-01 in Unix seconds, macEpoch 1904-01-01, from which
// ISO/IEC 14496-12 counts creation times.
const (
	ntpEpoch = -2208988800
	macEpoch = -2082844800
)

// ntp returns t as an RFC 5905 64-bit timestamp, which names every microsecond
// exactly. Its era ends in 2036; fromNTP knows the next one.
func ntp(t time.Time) uint64 {
	us := t.UnixMicro()
	sec := floorDiv(us, 1e6)
	frac := (uint64(us-sec*1e6)<<32 + 5e5) / 1e6
	return uint64(uint32(sec-ntpEpoch))<<32 | frac
}

// fromNTP is the microsecond nearest to a timestamp between 1968 and 2104
// (RFC 4330 section 3: bit 0 clear means the era that began in 2036).
func fromNTP(v uint64) time.Time {
	sec := int64(v>>32) + ntpEpoch
	if v>>63 == 0 {
		sec += 1 << 32
	}
	return time.UnixMicro(sec*1e6 + int64((v&0xffffffff*1e6+1<<31)>>32)).UTC()
}

func macTime(t time.Time) uint64 {
	if t.Unix() < macEpoch {
		return 0
	}
	return uint64(t.Unix() - macEpoch)
}

func floorDiv(a, b int64) int64 {
	q := a / b
	if a%b < 0 {
		q--
	}
	return q
}

// rescale converts ticks of one scale to another, to the nearest.
func rescale(v int64, from, to uint32) int64 {
	if from == to || from == 0 {
		return v
	}
	whole := floorDiv(v, int64(from))
	rest := v - whole*int64(from)
	return whole*int64(to) + (rest*int64(to)+int64(from)/2)/int64(from)
}
