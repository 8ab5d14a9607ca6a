package clip

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/google/go-cmp/cmp"

	"gatehouse/hub/internal/mp4/mp4test"
	"gatehouse/hub/recording"
	"gatehouse/rtsp"
)

func only(t *testing.T, s *Service, r Range) Part {
	t.Helper()
	parts, err := s.Parts(t.Context(), r)
	if err != nil || len(parts) != 1 {
		t.Fatalf("%d parts, %v", len(parts), err)
	}
	return parts[0]
}

func open(t *testing.T, s *Service, p Part, o Options) *MP4 {
	t.Helper()
	m, err := s.MP4(t.Context(), p, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := m.Close(); err != nil {
			t.Error(err)
		}
	})
	return m
}

func TestPlaysEverywhere(t *testing.T) {
	for _, shot := range []mp4test.Shot{
		{Video: rtsp.H264, Audio: rtsp.AAC, Seconds: 12},
		{Video: rtsp.H264, B: 2, Audio: rtsp.PCMU, Seconds: 12},
		{Video: rtsp.H265, B: 2, Audio: rtsp.AAC, Seconds: 6},
		{Video: rtsp.H264, Seconds: 6, GOP: 75},
		{Audio: rtsp.AAC, Seconds: 4},
	} {
		t.Run(fmt.Sprint(shot.Video, shot.Audio, shot.B), func(t *testing.T) {
			f := mp4test.Make(t, shot)
			var s shelf
			s.film(t, f, 2)
			m := open(t, newService(&s, ""), only(t, newService(&s, ""), whole(f)), Options{Audio: true})
			name := save(t, m)
			if got, want := mp4test.Decode(t, name), pictures(f); got != want {
				t.Errorf("%d pictures decoded of %d", got, want)
			}
			checkStart(t, name)
			checkTracks(t, name, m.Info())
		})
	}
}

func pictures(f mp4test.Footage) (n int) {
	for _, u := range f.Units {
		if u.Format.Video() {
			n++
		}
	}
	return n
}

// checkStart asks ffprobe when each track is first shown.
func checkStart(t *testing.T, name string) {
	t.Helper()
	out := mp4test.Run(t, "ffprobe", "-v", "error", "-show_entries", "stream=codec_type,start_time", "-of", "csv=p=0", name)
	for _, line := range strings.Fields(string(out)) {
		kind, at, _ := strings.Cut(strings.Trim(line, ","), ",")
		v, err := strconv.ParseFloat(at, 64)
		if err != nil || math.Abs(v) > 0.001 && (kind == "video" || math.Abs(v) > 0.1) {
			t.Errorf("%s begins at %s", kind, at)
		}
	}
}

func checkTracks(t *testing.T, name string, info Info) {
	t.Helper()
	count := map[bool]int{}
	for _, p := range mp4test.Packets(t, name) {
		count[p.Stream == 0 && info.Video.Samples > 0]++
	}
	if count[true] != info.Video.Samples || info.Audio != nil && count[false] != info.Audio.Samples {
		t.Errorf("ffprobe counts %v, Info says %d and %v", count, info.Video.Samples, info.Audio)
	}
}

// TestSync checks every sample's time in the file against the camera's, from a
// middle of the run on, so that picture and sound stay together.
func TestSync(t *testing.T) {
	f := mp4test.Make(t, mp4test.Shot{Video: rtsp.H264, B: 2, Audio: rtsp.AAC, Seconds: 16})
	var s shelf
	s.film(t, f, 3)
	c := newService(&s, "")
	r := whole(f)
	r.From = r.From.Add(5 * time.Second)
	m := open(t, c, only(t, c, r), Options{Audio: true})
	zero := float64(m.Info().Video.FirstPTS)/90000 - 1 // the shelf's lead of a second
	want := map[int]map[int64]bool{0: {}, 1: {}}
	for _, u := range f.Units {
		at := float64(u.PTS)/float64(u.Format.ClockRate) - zero
		want[u.Format.Track][int64(math.Round(at*1000))] = true
	}
	for _, p := range mp4test.Packets(t, save(t, m)) {
		ms := int64(math.Round(float64(p.PTS) * 1000 / []float64{90000, 16000}[p.Stream]))
		if !want[p.Stream][ms] && !want[p.Stream][ms+1] && !want[p.Stream][ms-1] {
			t.Fatalf("track %d has a sample at %d ms that the camera did not send then", p.Stream, ms)
		}
	}
}

func TestFragmentsAreTheRecordedBytes(t *testing.T) {
	f := mp4test.Make(t, mp4test.Shot{Video: rtsp.H264, Audio: rtsp.AAC, Seconds: 12})
	var s shelf
	s.film(t, f, 2)
	c := newService(&s, "")
	m := open(t, c, only(t, c, whole(f)), Options{Audio: true})
	info, err := m.Hashed(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	file, err := os.ReadFile(save(t, m))
	if err != nil {
		t.Fatal(err)
	}
	if info.SHA256 != sha256.Sum256(file) || info.Bytes != int64(len(file)) {
		t.Fatal("hash or size of the file")
	}
	last := map[int64]int{}
	for _, ref := range info.Fragments {
		b := file[ref.Offset : ref.Offset+ref.Size]
		if ref.Hash != sha256.Sum256(b) {
			t.Fatalf("hash of fragment %d of segment %d", ref.Leaf, ref.Segment)
		}
		if !bytes.Contains(s.data[ref.Segment], b) || string(b[4:8]) != "prft" {
			t.Fatalf("fragment %d is not verbatim", ref.Leaf)
		}
		if ref.Leaf != last[ref.Segment]+1 {
			t.Fatalf("leaf %d after %d", ref.Leaf, last[ref.Segment])
		}
		last[ref.Segment] = ref.Leaf
	}
	table, err := c.tables.get(s.rows[0])
	if err != nil {
		t.Fatal(err)
	}
	if info.Init != sha256.Sum256(table.file.Init) || !bytes.Contains(file, table.file.Init) {
		t.Fatal("initialisation is not verbatim")
	}
	if diff := cmp.Diff(trackHash(f, 0), info.Video.SHA256); diff != "" {
		t.Fatal("video", diff)
	}
	if diff := cmp.Diff(trackHash(f, 1), info.Audio.SHA256); diff != "" {
		t.Fatal("audio", diff)
	}
}

// trackHash hashes a track's samples from what the camera sent.
func trackHash(f mp4test.Footage, track int) recording.Hash {
	h := sha256.New()
	for _, u := range f.Units {
		if u.Format.Track != track {
			continue
		}
		for _, n := range u.Data {
			if u.Format.Video() {
				_ = binary.Write(h, binary.BigEndian, uint32(len(n)))
			}
			h.Write(n)
		}
	}
	return recording.Hash(h.Sum(nil))
}

func TestWithoutAudio(t *testing.T) {
	f := mp4test.Make(t, mp4test.Shot{Video: rtsp.H264, Audio: rtsp.AAC, Seconds: 8})
	var s shelf
	s.film(t, f, 2)
	c := newService(&s, "")
	p := only(t, c, whole(f))
	with, without := open(t, c, p, Options{Audio: true}), open(t, c, p, Options{})
	a, err := with.Hashed(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	b, err := without.Hashed(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if a.Video != b.Video || b.Audio != nil {
		t.Errorf("video with audio %+v, without %+v (%v)", a.Video, b.Video, b.Audio)
	}
	if with.ETag() == without.ETag() {
		t.Error("both files have one ETag")
	}
	name := save(t, without)
	for _, p := range mp4test.Packets(t, name) {
		if p.Stream != 0 {
			t.Fatal("the file has a second track")
		}
	}
	if got := mp4test.Decode(t, name); got != pictures(f) {
		t.Errorf("%d pictures of %d", got, pictures(f))
	}
	for _, u := range f.Units { // not even as unused bytes
		if raw, _ := os.ReadFile(name); !u.Format.Video() && len(u.Data[0]) > 16 && bytes.Contains(raw, u.Data[0]) {
			t.Fatal("sound is left in the file")
		}
	}
	only := mp4test.Make(t, mp4test.Shot{Audio: rtsp.PCMA, Seconds: 2})
	var quiet shelf
	quiet.film(t, only, 2)
	c = newService(&quiet, "")
	parts, err := c.Parts(t.Context(), whole(only))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.MP4(t.Context(), parts[0], Options{}); !errors.Is(err, ErrNoFootage) {
		t.Errorf("a file without tracks: %v", err)
	}
}

func TestReadSeeker(t *testing.T) {
	f := mp4test.Make(t, mp4test.Shot{Video: rtsp.H264, Audio: rtsp.PCMA, Seconds: 16})
	var s shelf
	s.film(t, f, 1)
	c := newService(&s, "")
	p := only(t, c, whole(f))
	m := open(t, c, p, Options{Audio: true})
	want, err := io.ReadAll(m)
	if err != nil || int64(len(want)) != m.Size() {
		t.Fatalf("%d bytes of %d, %v", len(want), m.Size(), err)
	}
	if err := iotest.TestReader(io.NewSectionReader(m, 0, m.Size()), want); err != nil {
		t.Fatal(err)
	}
	r := rand.New(rand.NewPCG(1, 2))
	for range 500 {
		off := r.Int64N(m.Size())
		b := make([]byte, min(r.IntN(20000), len(want)-int(off)))
		if _, err := m.ReadAt(b, off); err != nil || !bytes.Equal(b, want[off:int(off)+len(b)]) {
			t.Fatalf("at %d: %v", off, err)
		}
	}
	if n := s.most.Load(); n > maxOpen+1 {
		t.Errorf("%d files open at once", n)
	}
	if err := m.Release(); err != nil || s.opens.Load() != 0 {
		t.Fatalf("%d files open after Release, %v", s.opens.Load(), err)
	}
	if _, err := m.ReadAt(make([]byte, 1), m.Size()-1); err != nil {
		t.Fatalf("read after Release: %v", err)
	}
	if err := m.Close(); err != nil {
		t.Fatal(err)
	}
	if n := s.opens.Load(); n != 0 {
		t.Errorf("%d files left open", n)
	}
	if _, err := m.ReadAt(make([]byte, 1), m.Size()-1); err == nil {
		t.Error("read after Close")
	}
	if again := open(t, newService(&s, ""), p, Options{Audio: true}); again.ETag() != m.ETag() {
		t.Error("the same clip has another ETag")
	}
}

func TestFileGoneWhileReading(t *testing.T) {
	f := mp4test.Make(t, mp4test.Shot{Video: rtsp.H264, Seconds: 8})
	var s shelf
	ids := s.film(t, f, 2)
	c := newService(&s, "")
	m := open(t, c, only(t, c, whole(f)), Options{})
	delete(s.data, ids[1])
	if _, err := io.Copy(io.Discard, m); !errors.Is(err, os.ErrNotExist) {
		t.Fatalf("%v", err)
	}
	s.data[ids[1]] = make([]byte, 1000)
	s.rows[1].Bytes = 1000
	m.files.segments[1].Bytes = 1000
	if _, err := m.Hashed(t.Context()); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Fatalf("a file cut short: %v", err)
	}
}

func TestInfo(t *testing.T) {
	f := mp4test.Make(t, mp4test.Shot{Video: rtsp.H264, B: 2, Audio: rtsp.AAC, Seconds: 8})
	var s shelf
	s.film(t, f, 2)
	zero := f.Session.Zero
	s.gaps = []recording.Gap{{From: zero.Add(time.Second), To: zero.Add(2 * time.Second), Reason: rtsp.ReasonLost}}
	c := newService(&s, "")
	got := open(t, c, only(t, c, whole(f)), Options{Audio: true}).Info()
	if got.Video.Codec[:5] != "avc1." || got.Audio.Codec != "mp4a.40.2" || got.Clock != "report" || len(got.Gaps) != 1 {
		t.Errorf("%+v", got)
	}
	if got.Video.Duration != 8*time.Second || got.Video.Width != 320 || got.Video.Scale != 90000 {
		t.Errorf("%+v", got.Video)
	}
	if got.To.Sub(got.From) != 8*time.Second {
		t.Errorf("from %v to %v", got.From, got.To)
	}
	if d := got.Video.LastPTS - got.Video.FirstPTS; d != 90000/15*119 {
		t.Errorf("PTS span %d", d)
	}
}

func TestWorse(t *testing.T) {
	for _, c := range []struct {
		words string
		q     rtsp.ClockQuality
		want  string
	}{
		{"", rtsp.ClockReport, "report"},
		{"report", rtsp.ClockArrival, "arrival"},
		{"arrival", rtsp.ClockSuspect, "arrival"},
		{"suspect", rtsp.ClockSuspect, "suspect"},
		{"report", 0, "unset"},
		{"unset", rtsp.ClockReport, "unset"},
	} {
		if got := worse(c.words, c.q); got != c.want {
			t.Errorf("worse(%q, %d) = %q, want %q", c.words, c.q, got, c.want)
		}
	}
}
