package motion

import (
	"fmt"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"gatehouse/hub/internal/ffmpeg"
	"gatehouse/hub/internal/mp4/mp4test"
	"gatehouse/rtsp"
)

// TestDecoderAnswersEachKeyFrame: at once, or a little behind where pictures are reordered.
func TestDecoderAnswersEachKeyFrame(t *testing.T) {
	for name, shot := range map[string]mp4test.Shot{
		"h264": {Video: rtsp.H264, Seconds: 6, GOP: 5}, "h264 reordered": {Video: rtsp.H264, Seconds: 6, GOP: 5, B: 2},
		"h265": {Video: rtsp.H265, Seconds: 6, GOP: 5}, "h265 reordered": {Video: rtsp.H265, Seconds: 6, GOP: 5, B: 2},
		"mjpeg": {Video: rtsp.MJPEG, Seconds: 1}, "av1": {Video: rtsp.AV1, Seconds: 6, GOP: 5},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := mp4test.Make(t, shot)
			d, err := startDecoder(t.Context(), ffmpeg.Find(), f.Session.Formats[0])
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
			d, err := startDecoder(t.Context(), path, f.Session.Formats[0])
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

// BenchmarkKeyFrame is what a key frame costs: processor time of ffmpeg and of
// the detector, in ms, with one ffmpeg for all and with one for each.
func BenchmarkKeyFrame(b *testing.B) {
	for _, wide := range []int{640, 1920} {
		f := mp4test.Make(b, mp4test.Shot{Video: rtsp.H264, Seconds: 4, GOP: 10, Width: wide})
		var keys []*rtsp.Unit
		for _, u := range f.Units {
			if u.Random {
				keys = append(keys, u)
			}
		}
		for name, each := range map[string]bool{"kept": false, "each": true} {
			b.Run(fmt.Sprintf("%d/%s", wide, name), func(b *testing.B) {
				before := cpu(b)
				var d *decoder
				look := newDetector(nil, 0)
				for i := 0; b.Loop(); i++ {
					var err error
					if d == nil {
						if d, err = startDecoder(b.Context(), ffmpeg.Find(), f.Session.Formats[0]); err != nil {
							b.Fatal(err)
						}
					}
					if err := d.give(keys[i%len(keys)]); err != nil {
						b.Fatal(err)
					}
					gray, at, err := d.next(b.Context())
					for ; gray == nil && err == nil; gray, at, err = d.next(b.Context()) {
					}
					if err != nil {
						b.Fatal(err)
					}
					look.picture(gray, at)
					if each {
						_ = d.close()
						d = nil
					}
				}
				if d != nil {
					_ = d.close()
				}
				b.ReportMetric((cpu(b)-before).Seconds()*1e3/float64(b.N), "cpu-ms/op")
			})
		}
	}
}

// cpu is what this process and its children that ended took.
func cpu(b *testing.B) (sum time.Duration) {
	for _, who := range []int{unix.RUSAGE_SELF, unix.RUSAGE_CHILDREN} {
		var u unix.Rusage
		if err := unix.Getrusage(who, &u); err != nil {
			b.Fatal(err)
		}
		sum += time.Duration(u.Utime.Nano() + u.Stime.Nano())
	}
	return sum
}
