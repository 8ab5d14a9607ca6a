package clip

import (
	"errors"
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"gatehouse/hub/internal/mp4/mp4test"
	"gatehouse/rtsp"
)

// playlist is a media playlist, read strictly.
type playlist struct {
	target, sequence, partings int64
	vod, ended, independent    bool
	segments                   []mediaSegment
}

type mediaSegment struct {
	id, at, size int64
	seconds      float64
	init         int64
	parted       bool
	date         time.Time // zero if not told
}

var (
	attributesMap = regexp.MustCompile(`^URI="init/(\d+)\.mp4"$`)
	byteRange     = regexp.MustCompile(`^(\d+)@(\d+)$`)
	uri           = regexp.MustCompile(`^segment/(\d+)\.mp4$`)
	duration      = regexp.MustCompile(`^(\d+\.\d+),$`)
)

// readPlaylist holds a media playlist to RFC 8216 and to what Playlist promises.
func readPlaylist(text string) (p playlist, err error) {
	lines := strings.Split(text, "\n")
	if lines[0] != "#EXTM3U" || lines[len(lines)-1] != "" {
		return p, errors.New("4.3.1.1: does not begin with EXTM3U, or its last line has no end")
	}
	r := lister{playlist: &p, once: map[string]bool{}, version: 1}
	for i, line := range lines[1 : len(lines)-1] {
		if err := r.line(line); err != nil {
			return p, fmt.Errorf("line %d, %q: %w", i+2, line, err)
		}
	}
	return p, r.end()
}

// lister is a playlist that is being read.
type lister struct {
	*playlist
	once    map[string]bool // tags that may stand but once
	version int64
	needs   int64 // the version that its tags need (section 7)
	next    mediaSegment
	has     map[string]bool // tags for the next segment
	init    int64
}

func (r *lister) line(line string) error {
	if r.ended {
		return errors.New("something after EXT-X-ENDLIST")
	}
	if !strings.HasPrefix(line, "#") {
		return r.uri(line)
	}
	tag, value, _ := strings.Cut(line, ":")
	switch tag {
	case "#EXT-X-VERSION", "#EXT-X-TARGETDURATION", "#EXT-X-MEDIA-SEQUENCE", "#EXT-X-DISCONTINUITY-SEQUENCE",
		"#EXT-X-PLAYLIST-TYPE", "#EXT-X-INDEPENDENT-SEGMENTS", "#EXT-X-ENDLIST":
		if r.once[tag] {
			return errors.New("stands twice")
		}
		r.once[tag] = true
		return r.header(tag, value)
	}
	if r.has == nil {
		r.has = map[string]bool{}
	}
	if r.has[tag] {
		return errors.New("stands twice for one segment")
	}
	r.has[tag] = true
	return r.segmentTag(tag, value)
}

func (r *lister) header(tag, value string) (err error) {
	numbers := map[string]*int64{
		"#EXT-X-VERSION": &r.version, "#EXT-X-TARGETDURATION": &r.target,
		"#EXT-X-MEDIA-SEQUENCE": &r.sequence, "#EXT-X-DISCONTINUITY-SEQUENCE": &r.partings,
	}
	if into := numbers[tag]; into != nil {
		*into, err = strconv.ParseInt(value, 10, 64)
		if err == nil && *into < 0 {
			err = errors.New("below zero")
		}
		if len(r.segments) > 0 || len(r.has) > 0 {
			return errors.New("4.3.3: after the first media segment")
		}
		return err
	}
	switch tag {
	case "#EXT-X-PLAYLIST-TYPE":
		r.vod = value == "VOD"
	case "#EXT-X-INDEPENDENT-SEGMENTS":
		r.independent = true
	case "#EXT-X-ENDLIST":
		r.ended = true
	}
	return nil
}

func (r *lister) segmentTag(tag, value string) (err error) {
	switch tag {
	case "#EXTINF":
		m := duration.FindStringSubmatch(value)
		if m == nil {
			return errors.New("4.3.2.1: not a decimal with a comma")
		}
		r.needs = max(r.needs, 3)
		r.next.seconds, err = strconv.ParseFloat(m[1], 64)
	case "#EXT-X-BYTERANGE":
		m := byteRange.FindStringSubmatch(value)
		if m == nil {
			return errors.New("4.3.2.2: no length and offset")
		}
		r.needs = max(r.needs, 4)
		r.next.size, _ = strconv.ParseInt(m[1], 10, 64)
		r.next.at, _ = strconv.ParseInt(m[2], 10, 64)
	case "#EXT-X-DISCONTINUITY":
		r.next.parted = true
		if value != "" || len(r.segments) == 0 {
			return errors.New("4.3.2.3: a value, or before the first segment, where nothing is parted")
		}
	case "#EXT-X-MAP":
		m := attributesMap.FindStringSubmatch(value)
		if m == nil {
			return errors.New("4.3.2.5: no URI")
		}
		r.needs = max(r.needs, 6)
		r.init, _ = strconv.ParseInt(m[1], 10, 64)
	case "#EXT-X-PROGRAM-DATE-TIME":
		r.next.date, err = time.Parse("2006-01-02T15:04:05.000Z07:00", value)
	default:
		return errors.New("an unknown tag")
	}
	return err
}

func (r *lister) uri(line string) error {
	m := uri.FindStringSubmatch(line)
	switch {
	case m == nil:
		return errors.New("not a segment's address")
	case !r.has["#EXTINF"]:
		return errors.New("4.3.2.1: EXTINF is required")
	case r.next.size == 0:
		return errors.New("no bytes")
	case r.init == 0:
		return errors.New("3.3: no initialisation before a fragment")
	case int64(math.Round(r.next.seconds)) > r.target:
		return errors.New("4.3.3.1: longer than the target duration")
	case (len(r.segments) == 0 || r.next.parted) && (r.next.date.IsZero() || !r.has["#EXT-X-MAP"]):
		return errors.New("no time or initialisation where a stretch begins")
	}
	r.next.id, _ = strconv.ParseInt(m[1], 10, 64)
	r.next.init = r.init
	r.segments = append(r.segments, r.next)
	r.next, r.has = mediaSegment{}, nil
	return nil
}

func (r *lister) end() error {
	switch {
	case len(r.has) > 0:
		return errors.New("tags without a segment")
	case !r.once["#EXT-X-TARGETDURATION"] || !r.once["#EXT-X-MEDIA-SEQUENCE"]:
		return errors.New("4.3.3: no target duration or media sequence")
	case r.version < r.needs:
		return fmt.Errorf("section 7: version %d, needs %d", r.version, r.needs)
	case r.vod != r.ended || r.vod != r.independent:
		return errors.New("half a recording, half live")
	}
	var end time.Time
	for i, s := range r.segments {
		if !s.date.IsZero() && !end.IsZero() {
			if off := s.date.Sub(end).Abs(); !s.parted && off > 20*time.Millisecond {
				return fmt.Errorf("segment %d: the time jumps by %v without a discontinuity", i, off)
			}
		}
		if !s.date.IsZero() {
			end = s.date
		}
		end = end.Add(time.Duration(s.seconds * float64(time.Second)))
	}
	return nil
}

// broken is footage with every kind of hole: in a file, between files, a new
// run, other tracks; and groups of pictures that take several fragments.
func broken(t *testing.T) (*shelf, *Service, Range) {
	t.Helper()
	f := mp4test.Make(t, mp4test.Shot{Video: rtsp.H264, Audio: rtsp.AAC, Seconds: 24, Width: 64})
	all := whole(f)
	var s shelf
	holed := f
	holed.Units = nil
	for _, u := range f.Units { // 2 s are missing within the first file
		if at := seconds(u); at < 2 || at >= 4 {
			holed.Units = append(holed.Units, u)
		}
	}
	s.film(t, holed, 3)
	s.rows = append(s.rows[:2], s.rows[3:]...) // a file is gone
	later := f
	later.Session = &rtsp.Session{Formats: f.Session.Formats, Zero: f.Session.Zero.Add(time.Minute)}
	later.Units = shifted(f.Units, time.Minute)
	s.film(t, later, 4)
	other := mp4test.Make(t, mp4test.Shot{Video: rtsp.H264, Seconds: 4, Width: 128, Start: f.Session.Zero.Add(84 * time.Second)})
	s.film(t, other, 2)
	for i := range s.rows {
		s.rows[i].Seq = int64(i)
	}
	c := newService(&s, "")
	for i, lean := range map[int][]int{0: {1}, 3: {1, 3}} { // the first also just behind the hole
		table, err := c.tables.get(s.rows[i])
		if err != nil {
			t.Fatal(err)
		}
		for _, g := range lean {
			table.groups[g].sync = false
		}
	}
	return &s, c, all
}

func seconds(u *rtsp.Unit) float64 { return float64(u.PTS) / float64(u.Format.ClockRate) }

// TestPlaylistsAreValid holds playlists to RFC 8216.
func TestPlaylistsAreValid(t *testing.T) {
	s, c, all := broken(t)
	b, err := c.Playlist(t.Context(), all)
	if err != nil {
		t.Fatal(err)
	}
	p, err := readPlaylist(string(b))
	if err != nil {
		t.Fatalf("%v in\n%s", err, b)
	}
	if !p.vod || len(p.segments) < 10 {
		t.Errorf("%+v", p)
	}
	partings := 0
	for _, m := range p.segments {
		if m.parted {
			partings++
		}
		checkSegment(t, s, c, m, p.independent)
	}
	if partings != 4 {
		t.Errorf("%d discontinuities in\n%s", partings, b)
	}
}

// checkSegment looks at what a media segment's address has.
func checkSegment(t *testing.T, s *shelf, c *Service, m mediaSegment, independent bool) {
	t.Helper()
	for _, row := range s.rows {
		if row.ID != m.id {
			continue
		}
		table, err := c.tables.get(row)
		if err != nil {
			t.Fatal(err)
		}
		for _, g := range table.groups {
			if fr := table.file.Fragments[g.first]; fr.Offset == m.at {
				if independent && !g.sync {
					t.Errorf("segment %+v is not independent", m)
				}
				if row.Bytes < m.at+m.size {
					t.Errorf("segment %+v ends behind its file", m)
				}
				return
			}
		}
	}
	t.Errorf("segment %+v begins at no group", m)
}

// TestValidatorRefuses: the rules above are really checked.
func TestValidatorRefuses(t *testing.T) {
	const good = "#EXTM3U\n#EXT-X-VERSION:7\n#EXT-X-TARGETDURATION:4\n#EXT-X-MEDIA-SEQUENCE:0\n#EXT-X-MAP:URI=\"init/1.mp4\"\n" +
		"#EXT-X-PROGRAM-DATE-TIME:2026-11-21T21:00:03.123Z\n#EXTINF:4.000000,\n#EXT-X-BYTERANGE:10@20\nsegment/1.mp4\n" +
		"#EXT-X-PROGRAM-DATE-TIME:2026-11-21T21:00:07.123Z\n#EXTINF:4.000000,\n#EXT-X-BYTERANGE:10@30\nsegment/1.mp4\n"
	if _, err := readPlaylist(good); err != nil {
		t.Fatal(err)
	}
	for _, v := range [][2]string{
		{"#EXTM3U\n", ""},
		{"VERSION:7", "VERSION:5"},
		{"DURATION:4", "DURATION:3"},
		{"#EXT-X-MEDIA-SEQUENCE:0\n", ""},
		{"#EXT-X-MAP:URI=\"init/1.mp4\"\n", ""},
		{"#EXT-X-PROGRAM-DATE-TIME:2026-11-21T21:00:03.123Z\n", ""},
		{"00:07.123Z", "00:09.123Z"},
		{"#EXTINF:4.000000,\n", ""},
		{"#EXT-X-BYTERANGE:10@20\n", ""},
		{"segment/1.mp4\n#EXT-X-PRO", "segment/1.mp4\n\n#EXT-X-PRO"},
		{"#EXT-X-TARGETDURATION:4\n", "#EXT-X-TARGETDURATION:4\n#EXT-X-TARGETDURATION:4\n"},
		{"#EXT-X-MEDIA-SEQUENCE:0\n", "#EXT-X-MEDIA-SEQUENCE:0\n#EXT-X-ENDLIST\n"},
	} {
		if _, err := readPlaylist(strings.Replace(good, v[0], v[1], 1)); err == nil {
			t.Errorf("%q as %q is taken", v[0], v[1])
		}
	}
}
