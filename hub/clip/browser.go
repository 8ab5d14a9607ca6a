package clip

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"sort"

	"gatehouse/hub/internal/mp4"
	"gatehouse/hub/recording"
)

// ErrNoBrowser means that what is recorded in a range has a format that browsers
// do not play as HLS: Motion JPEG, or sound alone in G.711 or LPCM. A file of it
// plays elsewhere.
var ErrNoBrowser = errors.New("recorded in a format that browsers do not play")

// A browser refuses a playlist for the sake of one track that it does not know.
// So a segment with such sound beside its pictures is listed without the sound:
// what stands behind its address is the segment file without those fragments.

// carried reports whether a playlist carries track k.
func (t *table) carried(k int) bool { return t.file.Tracks[k].Browser() }

// all reports whether a playlist carries the segment file as it is.
func (t *table) all() bool {
	return !slices.ContainsFunc(t.file.Tracks, func(t mp4.Track) bool { return !t.Browser() })
}

// forBrowsers leaves out what has no pictures, or sound alone, that a playlist carries.
func forBrowsers(pieces []piece) []piece {
	return slices.DeleteFunc(pieces, func(p piece) bool { return !p.table.carried(p.table.lead) })
}

// place is where groups that follow each other stand behind their segment's address.
func (t *table) place(groups []group) (at, size int64) {
	first, last := groups[0].first, groups[len(groups)-1]
	all := t.all()
	for i := range t.file.Fragments[:last.first+last.n] {
		f := &t.file.Fragments[i]
		switch {
		case !all && !t.carried(f.Track):
		case i >= first:
			size += f.Size
		default:
			at += f.Size
		}
	}
	if all {
		at = t.file.Fragments[first].Offset
	}
	return at, size
}

// selected is a segment file without some of its fragments.
type selected struct {
	recording.File
	extents []extent
	size    int64
}

func selectFrom(f recording.File, t *table) *selected {
	s := &selected{File: f}
	for i := range t.file.Fragments {
		fr := &t.file.Fragments[i]
		if t.carried(fr.Track) {
			s.extents = append(s.extents, extent{at: s.size, size: fr.Size, offset: fr.Offset})
			s.size += fr.Size
		}
	}
	return s
}

// Size implements recording.File.
func (s *selected) Size() int64 { return s.size }

// ReadAt implements io.ReaderAt.
func (s *selected) ReadAt(b []byte, off int64) (int, error) {
	if off < 0 {
		return 0, errors.New("negative offset")
	}
	done := 0
	i := sort.Search(len(s.extents), func(i int) bool { return s.extents[i].at+s.extents[i].size > off })
	for ; i < len(s.extents) && done < len(b); i++ {
		e := s.extents[i]
		into := off - e.at
		part := b[done:min(int64(len(b)), int64(done)+e.size-into)]
		n, err := s.File.ReadAt(part, e.offset+into)
		done, off = done+n, off+int64(n)
		if n < len(part) {
			if err == nil || errors.Is(err, io.EOF) {
				err = io.ErrUnexpectedEOF
			}
			return done, fmt.Errorf("reading segment: %w", err)
		}
	}
	if done < len(b) {
		return done, io.EOF
	}
	return done, nil
}
