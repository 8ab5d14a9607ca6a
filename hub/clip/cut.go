package clip

import (
	"iter"
	"math"
	"strings"
	"time"

	"gatehouse/hub/internal/mp4"
)

// cut is what of a part is shown, to the picture and the tick.
type cut struct {
	part     Part
	from, to time.Time // UTC of the first picture shown, and of the end of the last
	in, out  int64     // the same on the run's timeline, in ticks of the first track
	spans    []span    // what the file holds, in file order
}

// span is samples [lo, hi) of a fragment.
type span struct {
	table    *table
	fragment int
	lo, hi   int
}

// preroll is how much sound a decoder is given before the first that is heard:
// AAC overlaps two frames, and Opus asks for 80 ms (RFC 7845 4.6).
const preroll = 80 * time.Millisecond

// cutOut returns what of a part lies in [from, to): the pictures whose time does,
// to the microsecond, and the sound beside them; in a part without pictures, the
// sound. It is not ok if nothing does.
//
// The file holds what decoding those needs and nothing else: pictures from the
// last key frame on that is shown no later than the first of them, down to the
// last of them in decoding order, and sound from preroll before.
func cutOut(p Part, from, to time.Time, audio bool) (cut, bool) {
	lead, tracks := p.pieces[0].table.lead, p.pieces[0].table.file.Tracks
	w := p.scan(lead, from, to)
	if w.shown.a >= w.shown.b {
		return cut{}, false
	}
	scale := tracks[lead].Timescale
	c := cut{part: p, from: w.from, to: w.to}
	c.in, c.out = rescale(w.in, scale, tracks[0].Timescale), rescale(w.out, scale, tracks[0].Timescale)
	keep := make([]interval, len(tracks))
	for k, t := range tracks {
		switch {
		case t.Video && k == lead:
			keep[k] = interval{w.key, w.shown.b}
		case !t.Video && (audio || k == lead):
			keep[k] = p.sounding(k, rescale(w.in, scale, t.Timescale)-before(t), rescale(w.out, scale, t.Timescale))
		}
	}
	seen := make([]int, len(tracks)) // samples so far
	for t, i := range p.fragments() {
		f := &t.file.Fragments[i]
		if lo, hi := keep[f.Track].within(seen[f.Track], len(f.Samples)); lo < hi {
			c.spans = append(c.spans, span{t, i, lo, hi})
		}
		seen[f.Track] += len(f.Samples)
	}
	return c, true
}

// before is the preroll of a track, in its ticks.
func before(t mp4.Track) int64 {
	switch name := strings.ToLower(t.Codec()); {
	case strings.HasPrefix(name, "mp4a"), strings.HasPrefix(name, "opus"):
		return toTicks(preroll, t.Timescale)
	}
	return 0
}

// interval is samples [a, b) of a track, counted over a part.
type interval struct{ a, b int }

// within is the interval's share of n samples of which the first has number at.
func (v interval) within(at, n int) (lo, hi int) {
	return min(max(v.a-at, 0), n), min(max(v.b-at, 0), n)
}

// fragments lists a part's fragments in order, as positions in their tables.
func (p *Part) fragments() iter.Seq2[*table, int] {
	return func(yield func(*table, int) bool) {
		for _, piece := range p.pieces {
			for _, g := range piece.groups {
				for i := g.first; i < g.first+g.n; i++ {
					if !yield(piece.table, i) {
						return
					}
				}
			}
		}
	}
}

// timed is a sample with its presentation time.
type timed struct {
	mp4.Sample
	fragment *mp4.Fragment
	pts      int64
}

// utc is when the sample, or what is some ticks later, was taken: its fragment
// says so of its first sample.
func (s timed) utc(later int64, scale uint32) time.Time {
	f := s.fragment
	return f.UTC.Add(ticks(s.pts+later-f.Base-int64(f.Samples[0].Composition), scale)).Round(time.Microsecond)
}

// samples numbers the samples of one track of a part in decoding order.
func (p *Part) samples(track int) iter.Seq2[int, timed] {
	return func(yield func(int, timed) bool) {
		n := 0
		for t, i := range p.fragments() {
			f := &t.file.Fragments[i]
			if f.Track != track {
				continue
			}
			dts := f.Base
			for _, s := range f.Samples {
				if !yield(n, timed{s, f, dts + int64(s.Composition)}) {
					return
				}
				dts += int64(s.Duration)
				n++
			}
		}
	}
}

// window is what of a leading track a range shows.
type window struct {
	key      int      // where decoding starts
	shown    interval // from the first to the last shown in decoding order; empty if there is none
	in, out  int64    // presentation times
	from, to time.Time
}

// scan finds what a range shows of a part's leading track. Pictures that come
// before the first key frame in time cannot be decoded and do not count.
func (p *Part) scan(lead int, from, to time.Time) window {
	from, to = from.Round(time.Microsecond), to.Round(time.Microsecond)
	scale := p.pieces[0].table.file.Tracks[lead].Timescale
	w := window{shown: interval{math.MaxInt, 0}, in: math.MaxInt64}
	var last timed
	decodable := int64(math.MaxInt64)
	for n, s := range p.samples(lead) {
		if s.Sync && decodable == math.MaxInt64 {
			decodable = s.pts
		}
		at := s.utc(0, scale)
		if s.pts < decodable || at.Before(from) || !at.Before(to) {
			continue
		}
		w.shown = interval{min(w.shown.a, n), n + 1}
		if s.pts < w.in {
			w.in, w.from = s.pts, at
		}
		if last.fragment == nil || s.pts > last.pts {
			last = s
		}
	}
	if last.fragment == nil {
		return w
	}
	w.out = last.pts + int64(last.Duration)
	next := int64(math.MaxInt64)
	for n, s := range p.samples(lead) {
		if s.Sync && s.pts <= w.in && n <= w.shown.a {
			w.key = n
		}
		if s.pts > last.pts {
			next = min(next, s.pts) // it tells how long the last one is shown
		}
	}
	if next != math.MaxInt64 {
		w.out = next
	}
	w.to = last.utc(w.out-last.pts, scale)
	if w.to.After(to) {
		w.to = to
		w.out = last.pts + max(toTicks(to.Sub(last.utc(0, scale)), scale), 1)
	}
	return w
}

// sounding finds the samples of a track that reach into [in, out).
func (p *Part) sounding(track int, in, out int64) interval {
	v := interval{math.MaxInt, 0}
	for n, s := range p.samples(track) {
		if s.pts+int64(s.Duration) > in && s.pts < out {
			v = interval{min(v.a, n), n + 1}
		}
	}
	return v
}

// slice is samples [lo, hi) of a fragment, without its boxes.
func slice(f mp4.Fragment, lo, hi int) mp4.Fragment {
	at := f.SampleOffset(lo)
	f.Offset, f.Data, f.Size = at, 0, 0
	for _, s := range f.Samples[:lo] {
		f.Base += int64(s.Duration)
	}
	f.Samples = f.Samples[lo:hi]
	for _, s := range f.Samples {
		f.Size += int64(s.Size)
	}
	return f
}

// toTicks is the inverse of ticks, to the nearest tick.
func toTicks(d time.Duration, scale uint32) int64 {
	return int64(d/time.Second)*int64(scale) + (int64(d%time.Second)*int64(scale)+int64(time.Second)/2)/int64(time.Second)
}

// rescale converts ticks of one scale to another, to the nearest. It holds for
// the times a segment may have, which are below 2^61.
func rescale(v int64, from, to uint32) int64 {
	if from == to {
		return v
	}
	return v/int64(from)*int64(to) + (v%int64(from)*int64(to)+int64(from)/2)/int64(from)
}
