package clip

import (
	"bytes"
	"context"
	"fmt"
	"math"
	"slices"
	"sync"
	"time"

	"gatehouse/hub/internal/mp4"
	"gatehouse/hub/recording"
)

// Playlist returns an HLS media playlist (RFC 8216) of a range: byte ranges of
// the fragments on disk with EXT-X-PROGRAM-DATE-TIME, and EXT-X-DISCONTINUITY
// at gaps. It leaves out what browsers do not play, see ErrNoBrowser, and what
// has lost its file: that is a gap to whoever watches. URIs are relative:
// "init/<segment id>.mp4", see Init, and "segment/<segment id>.mp4", see SegmentFile.
func (s *Service) Playlist(ctx context.Context, r Range) ([]byte, error) {
	pieces, err := s.remaining(ctx, r)
	if err != nil {
		return nil, err
	}
	if pieces = playable(pieces); len(pieces) == 0 {
		return nil, ErrNoFootage
	}
	if pieces = playable(forBrowsers(pieces)); len(pieces) == 0 {
		return nil, ErrNoBrowser
	}
	for _, p := range pieces {
		s.places.remember(p.table.segment)
	}
	return writePlaylist(pieces), nil
}

// playable drops what comes before the first key frame.
func playable(pieces []piece) []piece {
	for len(pieces) > 0 {
		if g := fromSync(pieces[0].groups); len(g) > 0 {
			pieces = slices.Clone(pieces)
			pieces[0].groups = g
			return pieces
		}
		pieces = pieces[1:]
	}
	return nil
}

// leastTarget is the target duration in seconds unless a media segment is
// longer: recorded fragments last 4 s at most.
const leastTarget = 4

// listed is one media segment of a playlist: groups that stand next to each
// other in a file.
type listed struct {
	table  *table
	groups []group
	parted bool // does not continue the one before
}

// mediaSegments makes a media segment of each group of pictures, so that decoding can
// start at any. What follows a hole without a key frame cannot be decoded and is
// left out.
func mediaSegments(pieces []piece) (out []listed) {
	for _, p := range pieces {
		for j := 0; j < len(p.groups); {
			n := j + 1
			for n < len(p.groups) && !p.groups[n].sync && joins(p.table, p.groups[n-1], p.table, p.groups[n]) {
				n++
			}
			next := listed{table: p.table, groups: p.groups[j:n]}
			if k := len(out) - 1; k >= 0 {
				last := out[k].groups
				next.parted = !joins(out[k].table, last[len(last)-1], p.table, p.groups[j])
			}
			if p.groups[j].sync {
				out = append(out, next)
			}
			j = n
		}
	}
	return out
}

func writePlaylist(pieces []piece) []byte {
	var body bytes.Buffer
	var before *table
	target := leastTarget
	for _, l := range mediaSegments(pieces) {
		if l.parted {
			body.WriteString("#EXT-X-DISCONTINUITY\n")
		}
		// What joins can be decoded with one initialisation.
		if before == nil || l.parted {
			fmt.Fprintf(&body, "#EXT-X-MAP:URI=\"init/%d.mp4\"\n", l.table.segment.ID)
		}
		seconds := entry(&body, l, l.parted || l.table != before)
		target = max(target, int(math.Round(seconds)))
		before = l.table
	}
	var b bytes.Buffer
	fmt.Fprintf(&b, "#EXTM3U\n#EXT-X-VERSION:7\n#EXT-X-TARGETDURATION:%d\n", target)
	b.WriteString("#EXT-X-MEDIA-SEQUENCE:0\n#EXT-X-PLAYLIST-TYPE:VOD\n#EXT-X-INDEPENDENT-SEGMENTS\n")
	b.Write(body.Bytes())
	b.WriteString("#EXT-X-ENDLIST\n")
	return b.Bytes()
}

// entry writes one media segment.
func entry(b *bytes.Buffer, l listed, dated bool) (seconds float64) {
	first, last := l.groups[0], l.groups[len(l.groups)-1]
	at, size := l.table.place(l.groups)
	scale := l.table.file.Tracks[l.table.lead].Timescale
	seconds = float64(last.end-first.base) / float64(scale)
	if dated {
		fmt.Fprintf(b, "#EXT-X-PROGRAM-DATE-TIME:%s\n", first.from.UTC().Format("2006-01-02T15:04:05.000Z"))
	}
	fmt.Fprintf(b, "#EXTINF:%.6f,\n#EXT-X-BYTERANGE:%d@%d\nsegment/%d.mp4\n",
		seconds, size, at, l.table.segment.ID)
	return seconds
}

// Init returns the initialisation of a segment, as a playlist's EXT-X-MAP wants
// it: ftyp and moov. An unknown segment is recording.ErrNotFound.
func (s *Service) Init(ctx context.Context, camera, stream string, id int64) ([]byte, error) {
	seg, err := s.find(ctx, camera, stream, id)
	if err != nil {
		return nil, err
	}
	t, err := s.tables.get(seg)
	if err != nil {
		return nil, err
	}
	if t.all() {
		return append(mp4.AppendFileType(nil), t.file.Init...), nil
	}
	tracks := slices.DeleteFunc(slices.Clone(t.file.Tracks), func(t mp4.Track) bool { return !t.Browser() })
	if len(tracks) == 0 {
		return nil, ErrNoBrowser
	}
	return mp4.AppendInit(mp4.AppendFileType(nil), tracks, t.file.Ident), nil
}

// SegmentFile opens the file behind a playlist URI, limited to durable bytes and
// to the tracks that a playlist carries. An unknown segment is recording.ErrNotFound.
func (s *Service) SegmentFile(ctx context.Context, camera, stream string, id int64) (recording.File, error) {
	seg, err := s.find(ctx, camera, stream, id)
	if err != nil {
		return nil, err
	}
	t, err := s.tables.get(seg)
	if err != nil {
		return nil, err
	}
	f, err := s.archive.Open(seg)
	if err != nil {
		return nil, fmt.Errorf("opening segment: %w", err)
	}
	if !t.all() {
		return selectFrom(f, t), nil
	}
	return f, nil
}

// find returns a segment's present row.
func (s *Service) find(ctx context.Context, camera, stream string, id int64) (recording.Segment, error) {
	from, to := time.Unix(0, 0), time.Unix(1<<33, 0)
	if start, ok := s.places.start(id); ok {
		from, to = start, start.Add(time.Microsecond)
	}
	segments, err := s.archive.Segments(ctx, camera, stream, from, to)
	if err != nil {
		return recording.Segment{}, fmt.Errorf("listing segments: %w", err)
	}
	i := slices.IndexFunc(segments, func(s recording.Segment) bool { return s.ID == id })
	if i < 0 {
		return recording.Segment{}, fmt.Errorf("segment %d: %w", id, recording.ErrNotFound)
	}
	s.places.remember(segments[i])
	return segments[i], nil
}

// places remembers when segments start, so that the index need not be searched
// for each byte range.
type places struct {
	mu     sync.Mutex // guards starts
	starts map[int64]time.Time
}

// maxPlaces is enough for two days of one stream.
const maxPlaces = 4096

func (p *places) remember(s recording.Segment) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.starts) >= maxPlaces {
		clear(p.starts)
	}
	p.starts[s.ID] = s.Start
}

func (p *places) start(id int64) (time.Time, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	t, ok := p.starts[id]
	return t, ok
}
