package clip

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"gatehouse/hub/recording"
)

// piece is a stretch of groups of one segment.
type piece struct {
	table  *table
	groups []group
}

// Parts resolves a range into the parts that are recorded, in order. A range
// without footage gives ErrNoFootage.
func (s *Service) Parts(ctx context.Context, r Range) ([]Part, error) {
	pieces, err := s.resolve(ctx, r)
	if err != nil {
		return nil, err
	}
	parts := join(r, pieces)
	if len(parts) == 0 {
		return nil, ErrNoFootage
	}
	return parts, nil
}

// join puts pieces together to parts, each of which begins at a key frame.
func join(r Range, pieces []piece) (parts []Part) {
	for _, p := range pieces {
		for i := 0; i < len(p.groups); {
			n := i + 1
			for n < len(p.groups) && joins(p.table, p.groups[n-1], p.table, p.groups[n]) {
				n++
			}
			run := piece{p.table, p.groups[i:n]}
			if k := len(parts); k > 0 && parts[k-1].continuedBy(run) {
				parts[k-1].add(run)
			} else if run.groups = fromSync(run.groups); len(run.groups) > 0 {
				parts = append(parts, newPart(r, run))
			}
			i = n
		}
	}
	return parts
}

// resolve lists what a range touches. Retention may delete a file between its
// listing and its reading; a second listing knows.
func (s *Service) resolve(ctx context.Context, r Range) ([]piece, error) {
	for again := false; ; again = true {
		segments, err := s.segments(ctx, r)
		if err != nil {
			return nil, err
		}
		pieces, err := s.pieces(ctx, r, segments, false)
		if again || !errors.Is(err, recording.ErrNotFound) {
			return pieces, err
		}
	}
}

// remaining lists what a range touches and still has its file.
func (s *Service) remaining(ctx context.Context, r Range) ([]piece, error) {
	segments, err := s.segments(ctx, r)
	if err != nil {
		return nil, err
	}
	return s.pieces(ctx, r, segments, true)
}

func (s *Service) segments(ctx context.Context, r Range) ([]recording.Segment, error) {
	if !r.From.Before(r.To) {
		return nil, ErrNoFootage
	}
	segments, err := s.archive.Segments(ctx, r.Camera, r.Stream, r.From, r.To)
	if err != nil {
		return nil, fmt.Errorf("listing segments: %w", err)
	}
	return segments, nil
}

// pieces lists what a range touches of its segments, from the key frame at or
// before its start. A file that is gone is an error, or is passed over.
func (s *Service) pieces(ctx context.Context, r Range, segments []recording.Segment, over bool) ([]piece, error) {
	var out []piece
	for _, seg := range segments {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		t, err := s.tables.get(seg)
		if over && errors.Is(err, recording.ErrNotFound) {
			s.log.Warn("a segment's file is gone", "camera", seg.Camera, "segment", seg.ID, "err", err)
			continue
		}
		if err != nil {
			return nil, err
		}
		if g := t.between(r.From, r.To); len(g) > 0 {
			out = append(out, piece{t, g})
		}
	}
	return out, nil
}

// between lists the groups that touch [from, to), and those before them down to
// the key frame that from needs.
func (t *table) between(from, to time.Time) []group {
	first := slices.IndexFunc(t.groups, func(g group) bool { return g.to.After(from) })
	if first < 0 {
		return nil
	}
	end := first
	for end < len(t.groups) && t.groups[end].from.Before(to) {
		end++
	}
	if end == first {
		return nil
	}
	for first > 0 && !t.groups[first].sync {
		first--
	}
	return t.groups[first:end]
}

// fromSync drops groups that cannot be decoded because their key frame is missing.
func fromSync(g []group) []group {
	i := slices.IndexFunc(g, func(g group) bool { return g.sync })
	if i < 0 {
		return nil
	}
	return g[i:]
}

func newPart(r Range, p piece) Part {
	part := Part{Range: r}
	part.From = p.groups[0].from
	part.add(p)
	return part
}

func (p *Part) continuedBy(next piece) bool {
	last := p.pieces[len(p.pieces)-1]
	return joins(last.table, last.groups[len(last.groups)-1], next.table, next.groups[0])
}

func (p *Part) add(next piece) {
	p.pieces = append(p.pieces, next)
	if n := len(p.Segments); n == 0 || p.Segments[n-1].ID != next.table.segment.ID {
		p.Segments = append(p.Segments, next.table.segment)
	}
	for _, g := range next.groups {
		p.Fragments += g.n
		p.Bytes += g.bytes
	}
	p.To = next.groups[len(next.groups)-1].to
}
