package mp4

import (
	"encoding/binary"

	"gatehouse/rtsp"
)

// Lengths reports whether the elements of units are stored with their length, of
// four bytes, before each: NAL units are (ISO/IEC 14496-15 5.3.2), all else is
// stored as it is.
func Lengths(f *rtsp.Format) bool { return f.Codec == rtsp.H264 || f.Codec == rtsp.H265 }

// SampleSize is the number of bytes of a unit in a file.
func SampleSize(u *rtsp.Unit) int {
	n := u.Size()
	if Lengths(u.Format) {
		n += 4 * len(u.Data)
	}
	return n
}

// AppendPicture writes a fragment of one unit that decoding can start with: the
// number-th second of a film of such pictures, from 0.
func AppendPicture(b []byte, t Track, number uint32, u *rtsp.Unit) []byte {
	at := int64(number) * int64(t.Timescale)
	b = AppendFragment(b, t, &Fragment{
		Number: number + 1, Base: at, PTS: at, UTC: u.UTC,
		Samples: []Sample{{Size: uint32(SampleSize(u)), Duration: t.Timescale, Sync: true}},
	})
	for _, data := range u.Data {
		if Lengths(u.Format) {
			b = binary.BigEndian.AppendUint32(b, uint32(len(data)))
		}
		b = append(b, data...)
	}
	return b
}
