package mp4

import (
	"math"
	"time"
)

// Movie lays fragments out as one seekable file: its moov has complete sample
// tables and no mention of fragments.
type Movie struct {
	Tracks    []Track
	Fragments []Fragment // of each track in decode order; Offset is where prft stands in the file the moov is for
	Shift     int64      // added to every Offset
	In, Out   int64      // what is presented, as [In, Out) in ticks of Tracks[0] on the run's timeline; see Window
	Created   time.Time
}

// Window returns what can be presented: from the lowest presentation time of
// the first track that has samples to the end of its last sample, in ticks of
// Tracks[0]. An In and Out of zero stand for it.
func (m *Movie) Window() (in, out int64) {
	lead := m.lead()
	in, out = math.MaxInt64, math.MinInt64
	for i := range m.Fragments {
		f := &m.Fragments[i]
		if f.Track != lead {
			continue
		}
		dts := f.Base
		for _, s := range f.Samples {
			pts := dts + int64(s.Composition)
			in, out = min(in, pts), max(out, pts+int64(s.Duration))
			dts += int64(s.Duration)
		}
	}
	if in > out {
		return 0, 0
	}
	from, to := m.Tracks[lead].Timescale, m.Tracks[0].Timescale
	return rescale(in, from, to), rescale(out, from, to)
}

func (m *Movie) lead() int {
	lead := len(m.Tracks)
	for i := range m.Fragments {
		lead = min(lead, m.Fragments[i].Track)
	}
	return lead % max(len(m.Tracks), 1)
}

// Append appends the moov. Its length does not depend on Shift or on Offsets.
// Tracks without samples are left out.
func (m *Movie) Append(b []byte) []byte {
	in, out := m.In, m.Out
	if in == 0 && out == 0 {
		in, out = m.Window()
	}
	scale := m.Tracks[0].Timescale
	duration := uint64(max(out-in, 0))
	return box(b, "moov", func(b []byte) []byte {
		b = mvhd(b, m.Created, scale, duration, m.Tracks)
		for k, t := range m.Tracks {
			tab := m.table(k)
			if len(tab.sizes) == 0 {
				continue
			}
			tab.movieDuration = duration
			tab.edits(rescale(in, scale, t.Timescale), t.Timescale, scale)
			b = t.trak(b, m.Created, tab)
		}
		return b
	})
}

// run is count times the same value.
type run struct{ count, value uint32 }

func addRun(r []run, v uint32) []run {
	if n := len(r); n > 0 && r[n-1].value == v {
		r[n-1].count++
		return r
	}
	return append(r, run{1, v})
}

// table is what a trak says of its samples.
type table struct {
	sizes    []uint32
	stts     []run
	ctts     []run // composition offsets as two's complement
	negative bool  // one of them is below zero
	shifted  bool  // one of them is not zero
	stss     []uint32
	chunks   []int64 // offsets; one a fragment
	perChunk []uint32

	base          int64 // decode time of the first sample on the run's timeline
	duration      int64 // media duration, ticks
	movieDuration uint64
	empty         uint64 // initial empty edit, movie ticks
	shown         uint64 // length of the media edit, movie ticks
	media         int64  // where the media edit begins, track ticks
}

// table collects the samples of track k. A sample lasts until the next one
// decodes, also over the seam of two fragments, so that rounding at seams does
// not add up.
func (m *Movie) table(k int) *table {
	t := &table{}
	var dts int64 // where the tables place the next sample, if nothing corrects it
	last := uint32(0)
	for i := range m.Fragments {
		f := &m.Fragments[i]
		if f.Track != k || len(f.Samples) == 0 {
			continue
		}
		if len(t.sizes) == 0 {
			t.base, dts = f.Base, f.Base
		} else {
			dts = t.seam(f.Base, dts, last)
		}
		t.chunks = append(t.chunks, f.Offset+f.Data+m.Shift)
		t.perChunk = append(t.perChunk, uint32(len(f.Samples)))
		for _, s := range f.Samples {
			t.add(s)
			dts += int64(s.Duration)
			last = s.Duration
		}
	}
	t.duration = dts - t.base
	return t
}

// seam corrects the last sample's duration so that the next one decodes at
// base, and returns where it then does: later, if base is before the last sample.
func (t *table) seam(base, dts int64, last uint32) int64 {
	want := int64(last) + base - dts
	v := uint32(min(max(want, 0), math.MaxUint32))
	if v == last {
		return dts
	}
	r := &t.stts[len(t.stts)-1]
	if r.count--; r.count == 0 {
		t.stts = t.stts[:len(t.stts)-1]
	}
	t.stts = addRun(t.stts, v)
	return dts - int64(last) + int64(v)
}

func (t *table) add(s Sample) {
	t.sizes = append(t.sizes, s.Size)
	t.stts = addRun(t.stts, s.Duration)
	t.ctts = addRun(t.ctts, uint32(s.Composition))
	t.negative = t.negative || s.Composition < 0
	t.shifted = t.shifted || s.Composition != 0
	if s.Sync {
		t.stss = append(t.stss, uint32(len(t.sizes)))
	}
}

// edits places the track so that the run's time in (track ticks) is the
// movie's zero.
func (t *table) edits(in int64, from, to uint32) {
	t.media = in - t.base
	if t.media < 0 {
		t.empty = min(uint64(rescale(-t.media, from, to)), t.movieDuration)
		t.media = 0
	}
	left := uint64(max(rescale(t.duration-t.media, from, to), 0))
	t.shown = min(t.movieDuration-t.empty, left)
	if t.shifted { // composition offsets carry the last pictures past the media's end
		t.shown = t.movieDuration - t.empty
	}
}
