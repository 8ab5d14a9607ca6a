package mp4_test

import (
	"bytes"
	"testing"

	"gatehouse/hub/internal/mp4"
	"gatehouse/rtsp"
)

// seed is a small file with every kind of box and flag.
func seed(t testing.TB) []byte {
	video, err := mp4.NewTrack(1, &rtsp.Format{
		Codec: rtsp.H264, ClockRate: 90000, Width: 640, Height: 360,
		SPS: []byte{0x67, 0x42, 0xc0, 0x1e, 0xda, 0x02, 0x80, 0xbf, 0xe5, 0xc0, 0x44, 0, 0, 3, 0, 4, 0, 0, 3, 0, 0xca, 0x3c, 0x58, 0xba, 0x80},
		PPS: []byte{0x68, 0xce, 0x0f, 0x2c, 0x80},
	})
	if err != nil {
		t.Fatal(err)
	}
	audio, err := mp4.NewTrack(2, &rtsp.Format{Codec: rtsp.AAC, ClockRate: 16000, SampleRate: 16000, Channels: 1, Config: []byte{0x14, 8}})
	if err != nil {
		t.Fatal(err)
	}
	b := mp4.AppendHead(nil, []mp4.Track{video, audio}, ident)
	for i, s := range [][]mp4.Sample{
		{{Size: 9, Duration: 6000, Sync: true}, {Size: 5, Duration: 5900}},
		{{Size: 7, Duration: 1024, Sync: true}},
		{{Size: 6, Duration: 6000, Composition: 3000, Sync: true}, {Size: 5, Duration: 6000, Composition: -9, Sync: true}, {Size: 4, Duration: 1}},
	} {
		fr := mp4.Fragment{Number: uint32(i), Base: int64(i) * 12000, UTC: ident.Start, Clock: 3, Samples: s}
		b = mp4.AppendFragment(b, []mp4.Track{video, audio, video}[i], &fr)
		for _, v := range s {
			b = append(b, make([]byte, v.Size)...)
		}
	}
	return b
}

func FuzzParse(f *testing.F) {
	open := seed(f)
	f.Add(open)
	f.Add(closeFile(f, open))
	f.Add(open[:len(open)-3])
	for _, format := range []*rtsp.Format{
		{Codec: rtsp.AV1, ClockRate: 90000, Width: 640, Height: 360, Config: []byte{0x81, 0x2d, 0xcc, 0, 0x0a, 1, 0}},
		{Codec: rtsp.MJPEG, ClockRate: 90000, Width: 640, Height: 360},
		{Codec: rtsp.Opus, ClockRate: 48000, SampleRate: 48000, Channels: 2},
		{Codec: rtsp.LPCM, ClockRate: 16000, SampleRate: 16000, Channels: 2, BitDepth: 24},
	} {
		tr, err := mp4.NewTrack(1, format)
		if err != nil {
			f.Fatal(err)
		}
		b := mp4.AppendHead(nil, []mp4.Track{tr}, ident)
		fr := mp4.Fragment{Number: 1, UTC: ident.Start, Clock: 1, Samples: []mp4.Sample{{Size: 3, Duration: 960, Sync: true}}}
		f.Add(append(mp4.AppendFragment(b, tr, &fr), 1, 2, 3))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		v, err := mp4.Parse(bytes.NewReader(b), int64(len(b)))
		if err != nil {
			return
		}
		if v.End > int64(len(b)) {
			t.Fatalf("end %d of %d bytes", v.End, len(b))
		}
		samples := 0
		at := mp4.InitOffset + int64(len(v.Init))
		for i := range v.Fragments {
			fr := &v.Fragments[i]
			if fr.Offset != at || fr.Track < 0 || fr.Track >= len(v.Tracks) || len(fr.Samples) == 0 {
				t.Fatalf("fragment %d: %+v", i, fr)
			}
			last := len(fr.Samples) - 1
			if fr.SampleOffset(last)+int64(fr.Samples[last].Size) != fr.Offset+fr.Size {
				t.Fatalf("fragment %d: samples do not fill it", i)
			}
			at += fr.Size
			samples += len(fr.Samples)
		}
		if at != v.End || samples > len(b)/4 {
			t.Fatalf("fragments end at %d of %d, %d samples", at, v.End, samples)
		}
		m := mp4.Movie{Tracks: v.Tracks, Fragments: v.Fragments, Created: v.Start}
		size := len(m.Append(nil))
		m.Shift = 1 << 40
		if again := len(m.Append(nil)); again != size {
			t.Fatalf("moov of %d bytes became %d when shifted", size, again)
		}
		for _, tr := range v.Tracks {
			_, _ = tr.Codec(), tr.Browser()
		}
	})
}
