package mp4

import "gatehouse/rtsp"

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
