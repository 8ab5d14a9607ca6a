package motion

import (
	"testing"

	"gatehouse/hub/internal/ffmpeg"
	"gatehouse/hub/internal/mp4/mp4test"
	"gatehouse/rtsp"
)

// TestDecoderAnswersEachKeyFrame: at once, or a little behind where pictures are reordered.
func TestDecoderAnswersEachKeyFrame(t *testing.T) {
	for name, shot := range map[string]mp4test.Shot{
		"h264": {Video: rtsp.H264, Seconds: 6, GOP: 5}, "h264 reordered": {Video: rtsp.H264, Seconds: 6, GOP: 5, B: 2},
		"h265": {Video: rtsp.H265, Seconds: 6, GOP: 5}, "h265 reordered": {Video: rtsp.H265, Seconds: 6, GOP: 5, B: 2},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := mp4test.Make(t, shot)
			d, err := newDecoder(t.Context(), ffmpeg.Find(), f.Session.Formats[0])
			if err != nil {
				t.Fatal(err)
			}
			given, got, most := 0, 0, 0
			for _, u := range f.Units {
				if !u.Random {
					continue
				}
				if err := d.give(u); err != nil {
					t.Fatal(err)
				}
				given++
				for len(d.waiting) > 0 {
					gray, at, err := d.next(t.Context())
					if err != nil {
						t.Fatal(err)
					}
					if gray == nil {
						break
					}
					got++
					if at.After(u.Arrived) || !differs(gray) {
						t.Errorf("picture %d is of %v and differs %v", got, at, differs(gray))
					}
				}
				most = max(most, len(d.waiting))
			}
			_ = d.close()
			if given-got > 2 || most > 2 || shot.B == 0 && given != got {
				t.Errorf("%d given, %d answered, %d waited", given, got, most)
			}
		})
	}
}

// differs reports whether a picture shows anything.
func differs(gray []byte) bool {
	for _, v := range gray {
		if v != gray[0] {
			return true
		}
	}
	return false
}

// TestDecoderThatFails: garbage, silence and death are errors soon, and end the child.
func TestDecoderThatFails(t *testing.T) {
	f := mp4test.Make(t, mp4test.Shot{Video: rtsp.H264, Seconds: 1})
	garbage := *f.Units[0]
	garbage.Data = [][]byte{make([]byte, 5000)}
	for name, path := range map[string]string{"garbage": ffmpeg.Find(), "dies": "/bin/false", "is not there": "/nowhere/ffmpeg"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d, err := newDecoder(t.Context(), path, f.Session.Formats[0])
			if err != nil {
				return
			}
			defer d.close()
			for range maxWaiting + 1 {
				if err := d.give(&garbage); err != nil {
					return
				}
				if gray, _, err := d.next(t.Context()); err != nil {
					return
				} else if gray != nil {
					t.Fatal("a picture of garbage")
				}
			}
			t.Error("nothing failed")
		})
	}
}
