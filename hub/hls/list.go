package hls

import (
	"bytes"
	"fmt"
	"math"
	"time"
)

// Durations of a playlist, in seconds.
const (
	leastTarget = 4  // target duration, unless groups of pictures are known to be longer
	mostTarget  = 12 // longer groups are cut
	gaps        = 3  // media segments without media that a playlist begins with
)

// part is a Partial Segment.
type part struct {
	data        []byte
	seconds     float64
	independent bool // decoding can start with it
}

// segment is a Media Segment. The last one of a list is still growing.
type segment struct {
	number  int64 // its Media Sequence Number
	gap     bool  // it was never there
	parted  bool  // it does not continue the one before
	init    int   // position in list.inits
	start   time.Time
	seconds float64
	bytes   int
	parts   []*part
}

// list is what a playlist says.
type list struct {
	target   int     // EXT-X-TARGETDURATION in seconds; 0 before the first segment
	longest  float64 // PART-TARGET in seconds
	codecs   string
	width    int
	height   int
	inits    [][]byte
	segments []*segment // the last one grows; it may have no part yet
	gone     []*segment // not listed any more, still there for who is late
	partings int64      // discontinuities before the first of segments
	bytes    int        // of all parts
}

// begin makes a list of gaps: players want complete media segments before the one
// that grows, and there has been none yet.
func (l *list) begin(target int, longest float64) {
	l.target, l.longest = target, longest
	for n := range int64(gaps) {
		l.segments = append(l.segments, &segment{number: n, gap: true, seconds: float64(target)})
	}
	l.open(false)
}

// holdBack is how far from the end players keep, in seconds. At least twice the
// part target is asked for, and three times advised.
func (l *list) holdBack() float64 { return 3 * l.longest }

// open adds a media segment after the last one.
func (l *list) open(parted bool) {
	n := l.segments[len(l.segments)-1].number + 1
	l.segments = append(l.segments, &segment{number: n, parted: parted, init: len(l.inits) - 1})
}

func (l *list) growing() *segment { return l.segments[len(l.segments)-1] }

// slide lets go of what is old: of media segments while three target durations
// stay listed (6.2.2), of those that were listed but for the last two, and of any
// while there are more than most bytes. It reports false if that is not enough.
func (l *list) slide(most int) bool {
	complete := func() (n float64) {
		for _, s := range l.segments[:len(l.segments)-1] {
			n += s.seconds
		}
		return n
	}
	for len(l.segments) > 1 && complete()-l.segments[0].seconds >= float64(3*l.target) {
		l.unlist()
	}
	for len(l.gone) > 2 || len(l.gone) > 0 && l.bytes > most {
		l.drop()
	}
	for len(l.segments) > 1 && l.bytes > most {
		l.unlist()
		for len(l.gone) > 0 {
			l.drop()
		}
	}
	return l.bytes <= most
}

// unlist takes the first media segment off the list.
func (l *list) unlist() {
	first := l.segments[0]
	l.segments = l.segments[1:]
	if first.parted {
		l.partings++
	}
	if !first.gap {
		l.gone = append(l.gone, first)
	}
}

// drop lets go of the media segment that was taken off first.
func (l *list) drop() {
	l.bytes -= l.gone[0].bytes
	l.gone = l.gone[1:]
}

// playable reports whether a player that begins now has what it holds back.
func (l *list) playable() bool {
	if l.target == 0 {
		return false
	}
	var n float64
	for _, s := range l.segments {
		if !s.gap {
			n += s.seconds
		}
	}
	return n >= l.holdBack()
}

// find returns a media segment that is listed or was.
func (l *list) find(number int64) *segment {
	for _, s := range l.segments {
		if s.number == number && !s.gap {
			return s
		}
	}
	for _, s := range l.gone {
		if s.number == number {
			return s
		}
	}
	return nil
}

// has reports whether the list has a part of a media segment, or, with part < 0,
// the whole of it, or something newer (6.2.5.2).
func (l *list) has(number, part int64) bool {
	last := l.growing()
	if number < last.number {
		if part < 0 || number < last.number-1 {
			return true
		}
		before := l.segments[len(l.segments)-2]
		// More than a complete media segment has is the first of the next.
		return part < int64(len(before.parts)) || len(last.parts) > 0
	}
	return number == last.number && part >= 0 && part < int64(len(last.parts))
}

// ahead reports whether what is asked for is too far in the future to wait for.
func (l *list) ahead(number, part int64) bool {
	last := l.growing()
	if number > last.number+1 {
		return true
	}
	limit := int64(3)
	if l.longest < 1 {
		limit = int64(math.Ceil(3 / l.longest))
	}
	switch number {
	case last.number:
		return part >= int64(len(last.parts))+limit
	case last.number + 1:
		return part >= limit
	}
	return false
}

// master is a Multivariant Playlist, which says the codecs before a browser
// fetches what it cannot play.
func (l *list) master(at string) []byte {
	var seconds float64
	for _, s := range l.segments {
		if !s.gap {
			seconds += s.seconds
		}
	}
	rate := 0
	if seconds > 0 {
		rate = int(float64(l.bytes) * 8 / seconds)
	}
	return fmt.Appendf(nil, "#EXTM3U\n#EXT-X-VERSION:9\n#EXT-X-STREAM-INF:BANDWIDTH=%d,CODECS=\"%s\",RESOLUTION=%dx%d\n%s\n",
		max(rate, 1), l.codecs, l.width, l.height, at)
}

// media is the Media Playlist.
func (l *list) media() []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "#EXTM3U\n#EXT-X-VERSION:9\n#EXT-X-TARGETDURATION:%d\n", l.target)
	fmt.Fprintf(&b, "#EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,PART-HOLD-BACK=%.3f\n#EXT-X-PART-INF:PART-TARGET=%.3f\n", l.holdBack(), l.longest)
	fmt.Fprintf(&b, "#EXT-X-MEDIA-SEQUENCE:%d\n#EXT-X-DISCONTINUITY-SEQUENCE:%d\n", l.segments[0].number, l.partings)
	inited := -1
	for i, s := range l.segments {
		whole := i < len(l.segments)-1
		if !whole && len(s.parts) == 0 {
			break
		}
		if s.parted {
			b.WriteString("#EXT-X-DISCONTINUITY\n")
		}
		if inited != s.init || s.parted {
			fmt.Fprintf(&b, "#EXT-X-MAP:URI=\"%d.init.mp4\"\n", s.init)
			inited = s.init
		}
		if s.gap {
			fmt.Fprintf(&b, "#EXT-X-GAP\n#EXTINF:%.3f,\n%d.mp4\n", s.seconds, s.number)
			continue
		}
		fmt.Fprintf(&b, "#EXT-X-PROGRAM-DATE-TIME:%s\n", s.start.UTC().Format("2006-01-02T15:04:05.000Z"))
		if i >= len(l.segments)-3 {
			s.writeParts(&b)
		}
		if whole {
			fmt.Fprintf(&b, "#EXTINF:%.5f,\n%d.mp4\n", s.seconds, s.number)
		}
	}
	last := l.growing()
	fmt.Fprintf(&b, "#EXT-X-PRELOAD-HINT:TYPE=PART,URI=\"%d.%d.mp4\"\n", last.number, len(last.parts))
	return b.Bytes()
}

func (s *segment) writeParts(b *bytes.Buffer) {
	for i, p := range s.parts {
		fmt.Fprintf(b, "#EXT-X-PART:DURATION=%.5f,URI=\"%d.%d.mp4\"", p.seconds, s.number, i)
		if p.independent {
			b.WriteString(",INDEPENDENT=YES")
		}
		b.WriteByte('\n')
	}
}
