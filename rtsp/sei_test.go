package rtsp

import (
	"testing"

	"github.com/bluenviron/mediacommon/v2/pkg/codecs/h264"
	"github.com/bluenviron/mediacommon/v2/pkg/codecs/opus"
)

func TestRecoveryPoint(t *testing.T) {
	for nal, want := range map[string]bool{
		"\x06\x06\x01\xc4\x80":                     true,  // alone
		"\x06\x00\x02\x00\x40\x06\x01\x84\x80":     true,  // behind a buffering period
		"\x06\x05\x03\x00\x00\x03\x01\x06\x01\x80": true,  // behind what has emulation prevention
		"\x06\x05\x01\x06\x80":                     false, // the size of another
		"\x06\xff\x06\x01\x84\x80":                 false, // type 261
		"\x06\x06\x00\x80":                         false, // empty
		"\x06\x05\xff\xff\xff":                     false,
		"\x06":                                     false,
	} {
		if got := isRecoveryPoint([]byte(nal)); got != want {
			t.Errorf("%x: %v", nal, got)
		}
	}
}

// FuzzRecoveryPoint holds the reader, which goes around emulation prevention,
// against one that takes it out first.
func FuzzRecoveryPoint(f *testing.F) {
	f.Add([]byte("\x05\x03\x00\x00\x03\x01\x06\x01\x80"))
	f.Add([]byte("\xff\xff\x06\x01\x84\x80"))
	f.Fuzz(func(t *testing.T, nal []byte) {
		nal = append([]byte{h264SEI}, nal...)
		want := false
		for b := h264.EmulationPreventionRemove(nal)[1:]; len(b) > 0; {
			var v [2]int
			for i := range v {
				for len(b) > 0 {
					c := b[0]
					v[i] += int(c)
					if b = b[1:]; c != 255 {
						break
					}
					if len(b) == 0 {
						v[0] = -1 // no number ends so
					}
				}
			}
			if v[0] == seiRecoveryPoint {
				want = v[1] > 0
				break
			}
			if v[0] < 0 || v[1] > len(b) {
				break
			}
			b = b[v[1]:]
		}
		if got := isRecoveryPoint(nal); got != want {
			t.Errorf("%x: %v, want %v", nal, got, want)
		}
	})
}

// FuzzOpusTicks has the library as its judge, but for packets of more than 120 ms,
// which RFC 6716 3.2.5 forbids.
func FuzzOpusTicks(f *testing.F) {
	f.Add([]byte("\x03\x03"))
	f.Add([]byte("\xfc\xff\xfe"))
	f.Fuzz(func(t *testing.T, b []byte) {
		want := opus.PacketDuration2(b)
		if want > 5760 {
			want = 0
		}
		if got := opusTicks(b); got != want {
			t.Errorf("%x lasts %d, want %d", b, got, want)
		}
	})
}
