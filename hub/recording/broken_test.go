package recording_test

import (
	"bytes"
	"runtime"
	"testing"

	"gatehouse/hub/internal/mp4"
	"gatehouse/hub/internal/mp4/mp4test"
	"gatehouse/hub/recording"
	"gatehouse/rtsp"
)

// TestRecoveryOfEveryCodec leaves a recording of each video codec open, as a
// crash does, with what it wrote last read as zeros: recovery keeps every
// picture before that, and no other.
func TestRecoveryOfEveryCodec(t *testing.T) {
	for _, codec := range []rtsp.Codec{rtsp.H264, rtsp.H265, rtsp.AV1, rtsp.MJPEG} {
		t.Run(string(codec), func(t *testing.T) {
			t.Parallel()
			s := newStore(t, 1).start(t, recording.OSFiles{})
			src := &script{items: items(mp4test.Make(t, mp4test.Shot{Video: codec, Audio: rtsp.Opus, Seconds: 4, Rate: 10, GOP: 10}))}
			src.at = func(i int) {
				if i == len(src.items) {
					runtime.Goexit()
				}
			}
			s.until(t, src)
			open := s.all(t)[0]
			name := s.path(t, open)
			b := read(t, name)
			whole, err := mp4.Parse(bytes.NewReader(b), int64(len(b)))
			if err != nil {
				t.Fatal(err)
			}
			last := 0
			for i, f := range whole.Fragments {
				if f.Track == 0 {
					last = i
				}
			}
			f := whole.Fragments[last]
			clear(b[f.Offset+f.Data+int64(f.Samples[0].Size)/2:][:f.Size-f.Data-int64(f.Samples[0].Size)/2])
			write(t, name, b)
			want := 0
			for _, f := range whole.Fragments[:last] {
				if f.Track == 0 {
					want += len(f.Samples)
				}
			}
			s.start(t, recording.OSFiles{})
			got := s.all(t)[0]
			if got.State != recording.Recovered || want == 0 {
				t.Fatalf("%+v, want %d pictures", got, want)
			}
			if n := mp4test.Decode(t, name); n != want {
				t.Errorf("%d pictures, want %d", n, want)
			}
			s.sound(t)
		})
	}
}
