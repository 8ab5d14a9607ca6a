package clip

import (
	"context"
	"crypto/sha256"
	"fmt"
	"hash"
	"io"
	"math"
	"slices"

	"gatehouse/hub/internal/mp4"
	"gatehouse/hub/recording"
	"gatehouse/rtsp"
)

// MP4 is a virtual file: ftyp · moov with complete sample tables · mdat that
// holds the recorded bytes. That of a whole part holds the initialisation and
// the fragments verbatim; its edit lists make the first picture time zero and
// hide no picture. That of a clip shows exactly what was asked for; see
// [Export]. It is for one goroutine, except ReadAt.
type MP4 struct {
	io.ReadSeeker
	files  *files
	init   []byte
	size   int64
	etag   string
	info   Info
	video  *TrackInfo // nil when absent
	frames []frame
}

// frame is a fragment and where it is.
type frame struct {
	mp4.Fragment // Offset is in the virtual file
	track        *TrackInfo
}

// Size of the file in bytes.
func (m *MP4) Size() int64 { return m.size }

// ETag is a strong validator, with quotes. It is derived from what the bytes
// are a function of: the sample tables, the initialisation, which names chain
// and position, and the places of the fragments, which never change once written.
func (m *MP4) ETag() string { return m.etag }

// Info describes the file. Its SHA-256 values are zero; see Hashed.
func (m *MP4) Info() Info { return m.info }

// ReadAt implements io.ReaderAt. It is safe for concurrent use.
func (m *MP4) ReadAt(b []byte, off int64) (int, error) { return m.files.ReadAt(b, off) }

// Release closes the segment files for now; a later read opens them again.
func (m *MP4) Release() error { return m.files.releaseAll() }

// Close closes the segment files for good.
func (m *MP4) Close() error { return m.files.Close() }

// MP4 opens a part as a virtual file. A part of which the options leave nothing
// is ErrNoFootage.
func (s *Service) MP4(ctx context.Context, p Part, o Options) (*MP4, error) {
	if len(p.pieces) == 0 {
		return nil, ErrNoFootage
	}
	gaps, err := s.archive.Gaps(ctx, p.Camera, p.Stream, p.From, p.To)
	if err != nil {
		return nil, fmt.Errorf("listing gaps: %w", err)
	}
	b := newBuilder(s.archive, p)
	for t, i := range p.fragments() {
		if f := &t.file.Fragments[i]; o.Audio || b.tracks[f.Track].Video {
			b.add(span{t, i, 0, len(f.Samples)})
		}
	}
	if len(b.frames) == 0 {
		return nil, ErrNoFootage
	}
	m := b.build(b.window(), p.pieces[0].table.file.Init)
	m.info.Gaps = gaps
	return m, nil
}

// builder lays a virtual file out.
type builder struct {
	tracks []mp4.Track
	frames []frame // Offset counts from the end of the initialisation until build
	info   Info
	files  *files
	size   int64 // of the fragments
	by     []TrackInfo
	ends   []int64 // decode time at which each track ends, ticks
}

func newBuilder(a archive, p Part) *builder {
	file := p.pieces[0].table.file
	b := &builder{tracks: file.Tracks, files: &files{archive: a}, by: make([]TrackInfo, len(file.Tracks)), ends: make([]int64, len(file.Tracks))}
	b.info = Info{From: p.From, To: p.To}
	for i, t := range file.Tracks {
		b.by[i] = TrackInfo{
			Codec: t.Codec(), Width: t.Width, Height: t.Height, Scale: int(t.Timescale),
			FirstPTS: math.MaxInt64, LastPTS: math.MinInt64,
		}
	}
	return b
}

// add appends a fragment with its boxes, or samples of it without.
func (b *builder) add(s span) {
	fr := s.table.file.Fragments[s.fragment]
	if s.hi-s.lo < len(fr.Samples) {
		fr = slice(fr, s.lo, s.hi)
	}
	segment := s.table.segment
	b.files.add(segment, fr.Offset, fr.Size)
	b.info.Fragments = append(b.info.Fragments, FragmentRef{Segment: segment.ID, Leaf: s.fragment + 1, Offset: b.size, Size: fr.Size})
	fr.Offset = b.size
	b.size += fr.Size

	info := &b.by[fr.Track]
	info.Samples += len(fr.Samples)
	dts := fr.Base
	for _, s := range fr.Samples {
		pts := dts + int64(s.Composition)
		info.FirstPTS, info.LastPTS = min(info.FirstPTS, pts), max(info.LastPTS, pts)
		dts += int64(s.Duration)
	}
	b.ends[fr.Track] = dts
	info.Duration += ticks(fr.Duration(), b.tracks[fr.Track].Timescale)
	b.frames = append(b.frames, frame{fr, info})
	b.info.Clock = worse(b.info.Clock, rtsp.ClockQuality(fr.Clock))
}

// window is all that can be presented, on the timeline of the first track.
func (b *builder) window() (w [2]int64) {
	movie := b.movie()
	w[0], w[1] = movie.Window()
	for i, t := range b.by { // the last sound may outlast the last picture
		if t.Samples > 0 {
			w[1] = max(w[1], b.ends[i]*int64(b.tracks[0].Timescale)/int64(t.Scale))
		}
	}
	return w
}

func (b *builder) movie() mp4.Movie {
	fragments := make([]mp4.Fragment, len(b.frames))
	for i := range b.frames {
		fragments[i] = b.frames[i].Fragment
	}
	return mp4.Movie{Tracks: b.tracks, Fragments: fragments, Created: b.info.From}
}

// build writes the head, which is everything before the first fragment, for a
// file that presents a window. An initialisation, if there is one, comes first
// in the mdat.
func (b *builder) build(window [2]int64, init []byte) *MP4 {
	movie := b.movie()
	movie.In, movie.Out = window[0], window[1]
	head := mp4.AppendFileType(nil)
	movie.Shift = int64(len(head)+len(movie.Append(nil))+mp4.PatchSize) + int64(len(init))
	head = movie.Append(head)
	mdat := mp4.PatchMdat(mp4.PatchOffset + mp4.PatchSize + int64(len(init)) + b.size)
	head = append(append(head, mdat[:]...), init...)

	m := &MP4{files: b.files, size: int64(len(head)) + b.size, info: b.info, frames: b.frames, init: init}
	for i := range m.frames {
		m.frames[i].Offset += int64(len(head))
		m.info.Fragments[i].Offset += int64(len(head))
	}
	m.info.Bytes = m.size
	m.describe(b)
	m.etag = b.files.etag(head)
	b.files.head = head
	b.files.size = m.size
	m.ReadSeeker = io.NewSectionReader(b.files, 0, m.size)
	return m
}

// describe points Info at the tracks that have samples.
func (m *MP4) describe(b *builder) {
	for i := range b.by {
		switch t := &b.by[i]; {
		case t.Samples == 0:
		case b.tracks[i].Video:
			m.info.Video, m.video = *t, t
		case m.info.Audio == nil:
			m.info.Audio = t
		}
	}
}

// qualities of a clock, best first, in words.
var qualities = []string{"report", "suspect", "arrival", "unset"}

// worse returns the worse of a quality in words and another.
func worse(words string, q rtsp.ClockQuality) string {
	w := "unset"
	if q >= rtsp.ClockReport && q <= rtsp.ClockUnset {
		w = qualities[q-rtsp.ClockReport]
	}
	for _, better := range qualities {
		if better == words {
			return w
		}
		if better == w && words != "" {
			return words
		}
	}
	return w
}

// Hashed reads the whole file and returns Info with all its SHA-256 values:
// each fragment's and the initialisation's, which are records of their segments'
// Merkle trees, and each track's over its samples in order.
func (m *MP4) Hashed(ctx context.Context) (Info, error) {
	info := m.info
	info.Fragments = make([]FragmentRef, len(m.info.Fragments))
	copy(info.Fragments, m.info.Fragments)
	sums := map[*TrackInfo]hash.Hash{}
	file := sha256.New()
	file.Write(m.files.head)
	var buf []byte
	for i := range m.frames {
		if err := ctx.Err(); err != nil {
			return Info{}, err
		}
		f := &m.frames[i]
		buf = slices.Grow(buf[:0], int(f.Fragment.Size))[:f.Fragment.Size]
		if _, err := m.ReadAt(buf, f.Offset); err != nil {
			return Info{}, fmt.Errorf("reading footage: %w", err)
		}
		file.Write(buf)
		info.Fragments[i].Hash = recording.Hash(sha256.Sum256(buf))
		if sums[f.track] == nil {
			sums[f.track] = sha256.New()
		}
		sums[f.track].Write(buf[f.Data:])
	}
	info.SHA256 = recording.Hash(file.Sum(nil))
	info.Init = sha256.Sum256(m.init)
	if h := sums[m.video]; h != nil {
		info.Video.SHA256 = recording.Hash(h.Sum(nil))
	}
	if h := sums[m.info.Audio]; h != nil {
		audio := *m.info.Audio
		audio.SHA256 = recording.Hash(h.Sum(nil))
		info.Audio = &audio
	}
	return info, nil
}
