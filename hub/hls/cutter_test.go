package hls

import (
	"errors"
	"math"
	"strings"
	"testing"
	"time"

	"gatehouse/rtsp"
)

// picture is the format of a small picture.
func picture(level byte) *rtsp.Format {
	return &rtsp.Format{
		Codec: rtsp.H264, ClockRate: 90000, Width: 640, Height: 360, PPS: []byte{0x68, 0xce, 0x3c, 0x80},
		SPS: []byte{0x67, 0x42, 0xc0, level, 0xda, 0x02, 0x80, 0xbf, 0xe5, 0xc0, 0x44, 0, 0, 3, 0, 4, 0, 0, 3, 0, 0xca, 0x3c, 0x58, 0xba, 0x80},
	}
}

// film is a camera whose units a test makes.
type film struct {
	t       *testing.T
	server  *Server
	stream  *stream
	session *rtsp.Session
	pts     int64
	zero    time.Time
}

func newFilm(t *testing.T, s *Server) *film {
	t.Helper()
	f := &film{t: t, server: s, zero: time.Date(2026, 11, 21, 21, 0, 0, 0, time.UTC)}
	f.stream = newStream(s, key{"porch", "main"}, s.groups[key{"porch", "main"}], func(error) {})
	f.stream.cut.joined = f.zero.Add(-time.Hour)
	f.begin(picture(30))
	return f
}

func (f *film) begin(format *rtsp.Format) {
	f.t.Helper()
	f.session = &rtsp.Session{Formats: []*rtsp.Format{format}, Zero: f.zero}
	if err := f.stream.cut.session(f.session); err != nil {
		f.t.Fatal(err)
	}
}

// shoot makes n pictures of each seconds, the first of every group a key frame.
func (f *film) shoot(n, group int, each float64) error {
	for i := range n {
		at := f.zero.Add(time.Duration(f.pts) * time.Second / 90000)
		err := f.stream.cut.unit(&rtsp.Unit{
			Format: f.session.Formats[0], PTS: f.pts, DTS: f.pts, UTC: at, Arrived: at, Random: i%group == 0, Data: [][]byte{make([]byte, 50)},
		})
		if err != nil {
			return err
		}
		f.pts += int64(each * 90000)
	}
	return nil
}

func (f *film) list() told {
	f.t.Helper()
	text := f.stream.list.media()
	p, err := read(string(text))
	if err != nil {
		f.t.Fatalf("%v in\n%s", err, text)
	}
	return p
}

// TestRates: parts hold as many pictures as make a quarter of a second or, of a
// slow camera, one; of one slower than two seconds a picture nothing is made.
func TestRates(t *testing.T) {
	for each, want := range map[float64]float64{1. / 30: 0.294, 0.04: 0.308, 0.1: 0.33, 0.2: 0.44, 1: 1.1} {
		f := newFilm(t, New(Config{}))
		n := int(4 / each)
		if err := f.shoot(4*n, n, each); err != nil {
			t.Fatalf("%v: %v", each, err)
		}
		if p := f.list(); math.Abs(p.longest-want) > 0.002 || p.target != leastTarget {
			t.Errorf("a picture every %v s: parts of %v, target %d", each, p.longest, p.target)
		}
	}
	if err := newFilm(t, New(Config{})).shoot(20, 5, 3); !errors.Is(err, errNoCodec) {
		t.Errorf("a picture every 3 s: %v", err)
	}
}

// TestShortGroups: a media segment takes groups of pictures shorter than a second
// together.
func TestShortGroups(t *testing.T) {
	f := newFilm(t, New(Config{}))
	if err := f.shoot(25*20, 10, 0.04); err != nil {
		t.Fatal(err)
	}
	for _, s := range f.list().segments {
		if !s.gap && s.uri != "" && (s.seconds < 1 || s.seconds > 1.5 || len(s.parts) > 0 && !s.parts[0].independent) {
			t.Errorf("%+v", s)
		}
	}
}

// TestGroupsOutgrow: groups of pictures longer than the target duration end a
// list, and the next one is made for them; those longer than any are cut.
func TestGroupsOutgrow(t *testing.T) {
	s := New(Config{})
	f := newFilm(t, s)
	if err := f.shoot(25*20, 25*8, 0.04); !errors.Is(err, errOutgrown) {
		t.Fatalf("groups of 8 s: %v", err)
	}
	f = newFilm(t, s)
	if err := f.shoot(25*60, 25*8, 0.04); err != nil {
		t.Fatal(err)
	}
	if p := f.list(); p.target != 8 {
		t.Errorf("target %d for groups of 8 s", p.target)
	}
	s = New(Config{})
	if err := newFilm(t, s).shoot(25*70, 25*30, 0.04); !errors.Is(err, errOutgrown) {
		t.Fatalf("groups of 30 s: %v", err)
	}
	f = newFilm(t, s)
	if err := f.shoot(25*180, 25*30, 0.04); err != nil {
		t.Fatal(err)
	}
	if p := f.list(); p.target != mostTarget {
		t.Errorf("target %d for groups of 30 s", p.target)
	}
}

// TestPartings: what does not continue is told, and a change of what decoders
// need to know with it; other codecs end the list.
func TestPartings(t *testing.T) {
	f := newFilm(t, New(Config{}))
	if err := f.shoot(60, 50, 0.04); err != nil {
		t.Fatal(err)
	}
	if err := f.stream.cut.parting(); err != nil {
		t.Fatal(err)
	}
	f.pts += 5 * 90000
	if err := f.shoot(60, 50, 0.04); err != nil {
		t.Fatal(err)
	}
	text := string(f.stream.list.media())
	if strings.Count(text, "DISCONTINUITY\n") != 1 || strings.Count(text, "EXT-X-MAP") != 2 {
		t.Errorf("after a loss:\n%s", text)
	}
	if err := f.stream.cut.parting(); err != nil {
		t.Fatal(err)
	}
	other := picture(30)
	other.PPS = append(other.PPS, 1)
	f.pts = 0
	f.begin(other)
	if err := f.shoot(60, 50, 0.04); err != nil {
		t.Fatal(err)
	}
	text = string(f.stream.list.media())
	if strings.Count(text, "DISCONTINUITY\n") != 2 || !strings.Contains(text, "1.init.mp4") {
		t.Errorf("with another picture parameter set:\n%s", text)
	}
	if err := f.stream.cut.session(&rtsp.Session{Formats: []*rtsp.Format{picture(31)}}); !errors.Is(err, errOutgrown) {
		t.Errorf("another level: %v", err)
	}
}

// TestRateFalls: one late picture changes nothing; a camera that goes on more
// slowly than parts may last gets another list.
func TestRateFalls(t *testing.T) {
	f := newFilm(t, New(Config{}))
	if err := f.shoot(100, 50, 0.04); err != nil {
		t.Fatal(err)
	}
	f.pts += 90000
	if err := f.shoot(100, 50, 0.04); err != nil {
		t.Fatalf("one late picture: %v", err)
	}
	if err := f.shoot(100, 50, 0.5); !errors.Is(err, errOutgrown) {
		t.Errorf("two pictures a second: %v", err)
	}
}

// TestLargeGroups: what does not fit ends the list.
func TestLargeGroups(t *testing.T) {
	s := New(Config{})
	for i := range MaxStreams {
		s.streams[key{"other", string(rune('a' + i))}] = nil
	}
	f := newFilm(t, s)
	u := func(i int) *rtsp.Unit {
		at := f.zero.Add(time.Duration(i) * 40 * time.Millisecond)
		return &rtsp.Unit{
			Format: f.session.Formats[0], PTS: int64(i) * 3600, DTS: int64(i) * 3600, UTC: at, Arrived: at, Random: i == 0, Data: [][]byte{make([]byte, 100<<10)},
		}
	}
	for i := range 100 {
		if err := f.stream.cut.unit(u(i)); err != nil {
			if !errors.Is(err, errLarge) || f.stream.list.bytes > s.share()+1<<20 {
				t.Errorf("%v with %d bytes", err, f.stream.list.bytes)
			}
			return
		}
	}
	t.Error("10 MB are kept of 4")
}
