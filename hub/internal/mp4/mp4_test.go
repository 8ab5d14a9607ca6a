package mp4_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"gatehouse/hub/internal/mp4"
	"gatehouse/hub/internal/mp4/mp4test"
	"gatehouse/rtsp"
)

var ident = mp4.Ident{
	Chain: [16]byte{1, 2, 3}, Run: 1795294803123456, Seq: 41, Previous: [32]byte{9, 8},
	Start: time.UnixMicro(1795294803123456).UTC(),
}

// payload is a unit as it is stored.
func payload(u *rtsp.Unit) (b []byte) {
	for _, d := range u.Data {
		if u.Format.Codec == rtsp.H264 || u.Format.Codec == rtsp.H265 {
			b = binary.BigEndian.AppendUint32(b, uint32(len(d)))
		}
		b = append(b, d...)
	}
	return b
}

// write lays footage out as an open file: a fragment for every n units of a
// track, on a timeline moved by one second.
func write(t testing.TB, f mp4test.Footage, n int) []byte {
	t.Helper()
	var tracks []mp4.Track
	units := make([][]*rtsp.Unit, len(f.Session.Formats))
	for i, format := range f.Session.Formats {
		tr, err := mp4.NewTrack(uint32(i+1), format)
		if err != nil {
			t.Fatal(err)
		}
		tracks = append(tracks, tr)
	}
	for _, u := range f.Units {
		units[u.Format.Track] = append(units[u.Format.Track], u)
	}
	b := mp4.AppendHead(nil, tracks, ident)
	number := uint32(1)
	for more := true; more; {
		more = false
		for k := range units {
			if len(units[k]) == 0 {
				continue
			}
			n := min(n, len(units[k]))
			b = fragment(b, tracks[k], number, units[k][:n], units[k][n:])
			units[k], more = units[k][n:], true
			number++
		}
	}
	return b
}

func fragment(b []byte, t mp4.Track, number uint32, units, after []*rtsp.Unit) []byte {
	shift := int64(t.Timescale)
	fr := mp4.Fragment{
		Number: number, Base: units[0].DTS + shift, PTS: units[0].PTS + shift,
		UTC: units[0].UTC, Clock: uint8(units[0].Clock),
	}
	all := append(append([]*rtsp.Unit{}, units...), after...)
	for i, u := range units {
		s := mp4.Sample{Size: uint32(len(payload(u))), Composition: int32(u.PTS - u.DTS), Sync: u.Random}
		switch {
		case i+1 < len(all):
			s.Duration = uint32(all[i+1].DTS - u.DTS)
		case i > 0:
			s.Duration = fr.Samples[i-1].Duration
		default:
			s.Duration = uint32(u.Ticks())
		}
		fr.Samples = append(fr.Samples, s)
	}
	b = mp4.AppendFragment(b, t, &fr)
	for _, u := range units {
		b = append(b, payload(u)...)
	}
	return b
}

// closeFile finishes an open file.
func closeFile(t testing.TB, b []byte) []byte {
	t.Helper()
	f, err := mp4.Parse(bytes.NewReader(b), int64(len(b)))
	if err != nil {
		t.Fatal(err)
	}
	m := mp4.Movie{Tracks: f.Tracks, Fragments: f.Fragments, Created: f.Start}
	b = m.Append(append([]byte{}, b[:f.End]...))
	p := mp4.PatchMdat(f.End)
	copy(b[mp4.PatchOffset:], p[:])
	return b
}

func save(t testing.TB, b []byte) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "x.mp4")
	if err := os.WriteFile(name, b, 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

func TestParseReturnsWhatWasWritten(t *testing.T) {
	f := mp4test.Make(t, mp4test.Shot{Video: rtsp.H264, Audio: rtsp.AAC, Seconds: 4, B: 2})
	open := write(t, f, 20)
	for _, file := range [][]byte{open, closeFile(t, open)} {
		got, err := mp4.Parse(bytes.NewReader(file), int64(len(file)))
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(ident, got.Ident); diff != "" {
			t.Error(diff)
		}
		if got.End != int64(len(open)) || got.Closed != (len(file) != len(open)) {
			t.Errorf("end %d closed %t of %d bytes", got.End, got.Closed, len(open))
		}
		next := make([]int, 2)
		for _, fr := range got.Fragments {
			for i, s := range fr.Samples {
				u := nth(f, fr.Track, next[fr.Track])
				next[fr.Track]++
				at := fr.SampleOffset(i)
				if !bytes.Equal(file[at:at+int64(s.Size)], payload(u)) || s.Sync != u.Random {
					t.Fatalf("track %d sample %d is not the unit sent", fr.Track, next[fr.Track])
				}
				if i == 0 && (!fr.UTC.Equal(u.UTC) || fr.PTS != u.PTS+int64(u.Format.ClockRate) || fr.Clock != 1) {
					t.Fatalf("reference time %v %d %d for %v %d", fr.UTC, fr.PTS, fr.Clock, u.UTC, u.PTS)
				}
			}
		}
		if next[0]+next[1] != len(f.Units) {
			t.Errorf("%v samples of %d units", next, len(f.Units))
		}
	}
}

func nth(f mp4test.Footage, track, n int) *rtsp.Unit {
	for _, u := range f.Units {
		if u.Format.Track != track {
			continue
		}
		if n == 0 {
			return u
		}
		n--
	}
	return nil
}

func TestPlayersReadOpenAndClosedFiles(t *testing.T) {
	for _, c := range []struct {
		shot   mp4test.Shot
		codecs []string
	}{
		{mp4test.Shot{Video: rtsp.H264, Audio: rtsp.AAC, Seconds: 4, B: 2}, []string{"avc1.", "mp4a.40.2"}},
		{mp4test.Shot{Video: rtsp.H265, Audio: rtsp.PCMU, Seconds: 3}, []string{"hvc1.1.6.L", "ulaw"}},
		{mp4test.Shot{Video: rtsp.H264, Audio: rtsp.PCMA, Seconds: 3}, []string{"avc1.", "alaw"}},
		{mp4test.Shot{Audio: rtsp.AAC, Seconds: 3}, []string{"mp4a.40.2"}},
		{mp4test.Shot{Video: rtsp.AV1, Audio: rtsp.Opus, Seconds: 3}, []string{"av01.0.00M.08", "Opus"}},
		{mp4test.Shot{Video: rtsp.MJPEG, Audio: rtsp.LPCM, Seconds: 3}, []string{"jpeg", "twos"}},
		{mp4test.Shot{Video: rtsp.H264, Audio: rtsp.LPCM, Bits: 24, Seconds: 3}, []string{"avc1.", "in24"}},
		{mp4test.Shot{Video: rtsp.H264, Audio: rtsp.LPCM, Bits: 8, Seconds: 3}, []string{"avc1.", "raw "}},
	} {
		t.Run(fmt.Sprint(c.codecs), func(t *testing.T) {
			f := mp4test.Make(t, c.shot)
			open := write(t, f, 25)
			parsed, err := mp4.Parse(bytes.NewReader(open), int64(len(open)))
			if err != nil {
				t.Fatal(err)
			}
			for i, tr := range parsed.Tracks {
				if got := tr.Codec(); len(got) < len(c.codecs[i]) || got[:len(c.codecs[i])] != c.codecs[i] {
					t.Errorf("track %d codec %q, want %q…", i, got, c.codecs[i])
				}
			}
			for _, b := range [][]byte{open, closeFile(t, open)} {
				name := save(t, b)
				count(t, name, f, int64(c.shot.Seconds), len(b) == len(open))
				if n := mp4test.Decode(t, name); c.shot.Video != "" && n != c.shot.Seconds*15 {
					t.Errorf("decoded %d pictures, want %d", n, c.shot.Seconds*15)
				}
			}
		})
	}
}

// count checks that ffprobe sees every unit, and in a closed file at its time.
func count(t *testing.T, name string, f mp4test.Footage, seconds int64, open bool) {
	t.Helper()
	want := make([]int, len(f.Session.Formats))
	for _, u := range f.Units {
		// A closed file presents no sound past the last picture.
		if open || u.Format.Track == 0 || u.DTS < seconds*int64(u.Format.ClockRate) {
			want[u.Format.Track]++
		}
	}
	got := make([]int, len(want))
	for _, p := range mp4test.Packets(t, name) {
		u := nth(f, p.Stream, got[p.Stream])
		got[p.Stream]++
		if u == nil {
			break
		}
		shift := int64(0)
		if open {
			shift = int64(u.Format.ClockRate)
		}
		if p.PTS != u.PTS+shift || p.DTS != u.DTS+shift || p.Key() != u.Random {
			t.Fatalf("stream %d packet %d: pts %d dts %d %s, want %d %d %t", p.Stream, got[p.Stream]-1,
				p.PTS, p.DTS, p.Flags, u.PTS+shift, u.DTS+shift, u.Random)
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error("packets: " + diff)
	}
}

func TestParseKeepsTheWholeFragmentsOfACutFile(t *testing.T) {
	f := mp4test.Make(t, mp4test.Shot{Video: rtsp.H264, Audio: rtsp.PCMU, Seconds: 3})
	b := write(t, f, 10)
	whole, err := mp4.Parse(bytes.NewReader(b), int64(len(b)))
	if err != nil {
		t.Fatal(err)
	}
	init := whole.Fragments[0].Offset
	for cut := int64(0); cut <= int64(len(b)); cut++ {
		if cut > init && (cut-init)%61 > 1 && !near(whole, cut) {
			continue
		}
		got, err := mp4.Parse(bytes.NewReader(b[:cut]), cut)
		if cut < init {
			if !errors.Is(err, mp4.ErrFormat) {
				t.Fatalf("cut at %d in the initialisation: %v", cut, err)
			}
			continue
		}
		if err != nil {
			t.Fatalf("cut at %d: %v", cut, err)
		}
		n := 0
		for n < len(whole.Fragments) && whole.Fragments[n].Offset+whole.Fragments[n].Size <= cut {
			n++
		}
		if diff := cmp.Diff(whole.Fragments[:n], got.Fragments, cmp.Transformer("nil", func(v []mp4.Fragment) []mp4.Fragment {
			return append([]mp4.Fragment{}, v...)
		})); diff != "" {
			t.Fatalf("cut at %d: %s", cut, diff)
		}
	}
}

func near(f *mp4.File, at int64) bool {
	for _, fr := range f.Fragments {
		if d := at - fr.Offset; d >= -1 && d <= 1 {
			return true
		}
	}
	return false
}

func TestParseStopsAtZerosAndLies(t *testing.T) {
	f := mp4test.Make(t, mp4test.Shot{Video: rtsp.H264, Seconds: 2})
	b := write(t, f, 15)
	whole, err := mp4.Parse(bytes.NewReader(b), int64(len(b)))
	if err != nil || len(whole.Fragments) != 2 {
		t.Fatalf("%v, %d fragments", err, len(whole.Fragments))
	}
	second := whole.Fragments[1].Offset
	bad := map[string]func([]byte){
		"zeros":         func(b []byte) { clear(b[second:]) },
		"prft size":     func(b []byte) { b[second+3]++ },
		"moof size":     func(b []byte) { b[second+32] = 0xff },
		"mdat too long": func(b []byte) { b[second+whole.Fragments[1].Data-8]++ },
		"track":         func(b []byte) { b[bytes.LastIndex(b, []byte("tfhd"))+11]++ },
		"sample count":  func(b []byte) { copy(b[bytes.LastIndex(b, []byte("trun"))+8:], "\xff\xff\xff\xff") },
		"sample size":   func(b []byte) { b[bytes.LastIndex(b, []byte("trun"))+30]++ },
		"base time":     func(b []byte) { b[bytes.LastIndex(b, []byte("tfdt"))+8] = 0xff },
	}
	for name, spoil := range bad {
		v := append([]byte{}, b...)
		spoil(v)
		got, err := mp4.Parse(bytes.NewReader(v), int64(len(v)))
		if err != nil || len(got.Fragments) != 1 || got.End != second {
			t.Errorf("%s: %v, %d fragments", name, err, len(got.Fragments))
		}
	}
	if _, err := mp4.Parse(bytes.NewReader(b[:second]), int64(len(b))); err == nil {
		t.Error("a file shorter than said gave no error")
	}
}

// A seam whose times do not meet is corrected once and does not add up.
func TestMovieCorrectsSeams(t *testing.T) {
	tr, err := mp4.NewTrack(1, &rtsp.Format{Codec: rtsp.PCMU, ClockRate: 8000, SampleRate: 8000, Channels: 1})
	if err != nil {
		t.Fatal(err)
	}
	b := mp4.AppendHead(nil, []mp4.Track{tr}, ident)
	for i := range 20 {
		fr := mp4.Fragment{Number: uint32(i), Base: 8000 + int64(i)*325, Samples: []mp4.Sample{{Size: 160, Duration: 160, Sync: true}, {Size: 160, Duration: 160, Sync: true}}}
		if i == 7 {
			fr.Base -= 200 // overlaps
		}
		b = append(mp4.AppendFragment(b, tr, &fr), make([]byte, 320)...)
	}
	packets := mp4test.Packets(t, save(t, closeFile(t, b)))
	if len(packets) != 40 {
		t.Fatalf("%d packets", len(packets))
	}
	for i, p := range packets {
		want := int64(i/2*325 + i%2*160)
		switch i {
		case 14: // may not decode before the one it overlaps
			want = 6*325 + 160
		case 15:
			want = 6*325 + 160 + 160
		}
		if p.DTS != want {
			t.Errorf("packet %d at %d, want %d", i, p.DTS, want)
		}
	}
}

func TestCodecNames(t *testing.T) {
	for want, format := range map[string]*rtsp.Format{
		"av01.0.04M.08": {Codec: rtsp.AV1, Config: []byte{0x81, 0x04, 0x0c, 0}},
		"av01.2.13H.12": {Codec: rtsp.AV1, Config: []byte{0x81, 0x4d, 0xe0, 0}},
		"av01.0.08M.10": {Codec: rtsp.AV1, Config: []byte{0x81, 0x08, 0x4c, 0}},
		"jpeg":          {Codec: rtsp.MJPEG},
		"Opus":          {Codec: rtsp.Opus, Channels: 2, SampleRate: 48000},
		"twos":          {Codec: rtsp.LPCM, BitDepth: 16},
		"in24":          {Codec: rtsp.LPCM, BitDepth: 24},
		"raw ":          {Codec: rtsp.LPCM, BitDepth: 8},
	} {
		format.ClockRate = 48000
		tr, err := mp4.NewTrack(1, format)
		if err != nil || tr.Codec() != want {
			t.Errorf("%q, %v, want %q", tr.Codec(), err, want)
		}
	}
	for _, format := range []*rtsp.Format{
		{Codec: rtsp.AV1}, {Codec: rtsp.AV1, Config: []byte{1, 0, 0, 0}}, {Codec: rtsp.LPCM, BitDepth: 20}, {Codec: "vp8"},
	} {
		format.ClockRate = 48000
		if _, err := mp4.NewTrack(1, format); !errors.Is(err, mp4.ErrCodec) {
			t.Errorf("%+v: %v", format, err)
		}
	}
}
