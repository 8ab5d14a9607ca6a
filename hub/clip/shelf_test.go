package clip

import (
	"bytes"
	"context"
	"encoding/binary"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"gatehouse/hub/internal/mp4"
	"gatehouse/hub/internal/mp4/mp4test"
	"gatehouse/hub/recording"
	"gatehouse/rtsp"
)

// shelf is an archive in memory whose segments are cut as a test wants them.
type shelf struct {
	rows  []recording.Segment
	data  map[int64][]byte
	gaps  []recording.Gap
	cut   map[int64]int64 // files that are shorter than their rows say
	opens atomic.Int64    // files open now
	most  atomic.Int64
}

func (s *shelf) Segments(_ context.Context, camera, stream string, from, to time.Time) (out []recording.Segment, _ error) {
	for _, r := range s.rows {
		if r.Camera == camera && r.Stream == stream && r.Start.Before(to) && r.End().After(from) {
			out = append(out, r)
		}
	}
	return out, nil
}

func (s *shelf) Gaps(_ context.Context, _, _ string, from, to time.Time) (out []recording.Gap, _ error) {
	for _, g := range s.gaps {
		if g.From.Before(to) && g.To.After(from) {
			out = append(out, g)
		}
	}
	return out, nil
}

func (s *shelf) Open(r recording.Segment) (recording.File, error) {
	b, ok := s.data[r.ID]
	if !ok {
		return nil, os.ErrNotExist
	}
	n := s.opens.Add(1)
	for m := s.most.Load(); n > m && !s.most.CompareAndSwap(m, n); m = s.most.Load() {
	}
	end := r.Bytes
	if n, ok := s.cut[r.ID]; ok {
		end = n
	}
	return &shelfFile{bytes.NewReader(b[:end]), s}, nil
}

type shelfFile struct {
	*bytes.Reader
	shelf *shelf
}

func (f *shelfFile) Size() int64 { return f.Reader.Size() }
func (f *shelfFile) Close() error {
	f.shelf.opens.Add(-1)
	return nil
}

// film cuts footage into segments of n groups of pictures and puts them on the
// shelf as one run; it returns their ids.
func (s *shelf) film(t testing.TB, f mp4test.Footage, n int) []int64 {
	t.Helper()
	if s.data == nil {
		s.data = map[int64][]byte{}
	}
	var tracks []mp4.Track
	for i, format := range f.Session.Formats {
		track, err := mp4.NewTrack(uint32(i+1), format)
		if err != nil {
			t.Fatal(err)
		}
		tracks = append(tracks, track)
	}
	var ids []int64
	groups := groupsOf(f)
	for i := 0; i < len(groups); i += n {
		ids = append(ids, s.segment(t, f, tracks, groups[i:min(i+n, len(groups))]))
	}
	return ids
}

// groupsOf splits units before each key frame.
func groupsOf(f mp4test.Footage) (out [][]*rtsp.Unit) {
	for _, u := range f.Units {
		if u.Format.Track == 0 && u.Random && (u.Format.Video() || len(out) == 0) {
			out = append(out, nil)
		}
		if len(out) > 0 {
			out[len(out)-1] = append(out[len(out)-1], u)
		}
	}
	return out
}

func (s *shelf) segment(t testing.TB, f mp4test.Footage, tracks []mp4.Track, groups [][]*rtsp.Unit) int64 {
	t.Helper()
	id := int64(len(s.rows) + 1)
	start := groups[0][0].UTC
	b := mp4.AppendHead(nil, tracks, mp4.Ident{Run: f.Session.Zero.UnixMicro(), Seq: id - 1, Start: start})
	var fragments []mp4.Fragment
	var length time.Duration
	for _, g := range groups {
		for k := range tracks {
			var fr *mp4.Fragment
			if b, fr = fragment(b, tracks, k, g); fr != nil {
				fragments = append(fragments, *fr)
				if k == 0 {
					length += ticks(fr.Duration(), tracks[0].Timescale)
				}
			}
		}
	}
	end := int64(len(b))
	b = (&mp4.Movie{Tracks: tracks, Fragments: fragments, Created: start}).Append(b)
	patch := mp4.PatchMdat(end)
	copy(b[mp4.PatchOffset:], patch[:])
	s.data[id] = b
	s.rows = append(s.rows, recording.Segment{
		ID: id, Camera: "Yard", Stream: recording.Main, Run: f.Session.Zero.UnixMicro(), Seq: id - 1,
		Start: start, Duration: length, Bytes: int64(len(b)), State: recording.Closed, Clock: rtsp.ClockReport,
	})
	return id
}

func fragment(b []byte, tracks []mp4.Track, k int, units []*rtsp.Unit) ([]byte, *mp4.Fragment) {
	fr := mp4.Fragment{Track: k, Offset: int64(len(b)), Clock: 1, Number: 1}
	var data []byte
	var own []*rtsp.Unit
	for _, u := range units {
		if u.Format.Track == k {
			own = append(own, u)
		}
	}
	if len(own) == 0 {
		return b, nil
	}
	for i, u := range own {
		before := len(data)
		for _, n := range u.Data {
			if mp4.Lengths(u.Format) {
				data = binary.BigEndian.AppendUint32(data, uint32(len(n)))
			}
			data = append(data, n...)
		}
		d := uint32(u.Format.ClockRate) / 15
		switch {
		case i+1 < len(own):
			d = uint32(own[i+1].DTS - u.DTS)
		case i > 0:
			d = uint32(u.DTS - own[i-1].DTS)
		}
		fr.Samples = append(fr.Samples, mp4.Sample{
			Size: uint32(len(data) - before), Duration: d, Composition: int32(u.PTS - u.DTS), Sync: u.Random,
		})
	}
	lead := int64(own[0].Format.ClockRate) // a second, so that no decode time is negative
	fr.Base, fr.PTS, fr.UTC = own[0].DTS+lead, own[0].PTS+lead, own[0].UTC
	b = mp4.AppendFragment(b, tracks[k], &fr)
	fr.Data = int64(len(b)) - fr.Offset
	b = append(b, data...)
	fr.Size = int64(len(b)) - fr.Offset
	return b, &fr
}

func whole(f mp4test.Footage) Range {
	return Range{Camera: "Yard", Stream: recording.Main, From: f.Session.Zero, To: f.Session.Zero.Add(time.Hour)}
}

// save writes a virtual file to disk for other programs.
func save(t testing.TB, m *MP4) string {
	t.Helper()
	b := make([]byte, m.Size())
	if _, err := m.ReadAt(b, 0); err != nil {
		t.Fatal(err)
	}
	name := filepath.Join(t.TempDir(), "clip.mp4")
	if err := os.WriteFile(name, b, 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}
