package evidence

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"gatehouse/hub/internal/slots"
	"gatehouse/hub/ledger"
	"gatehouse/hub/recording"
)

// headsName is the file with the ledger entries that links lead to.
const headsName = "custody/recordings.jsonl"

// noted leads from a segment's link to an entry of the ledger: the fields of
// recording.HeadProof. The entry is known by its line in headsName, since its
// place in the ledger would tell how much was asked and decided before it.
type noted struct {
	entry int64
	Line  int          `json:"line"` // from 0
	Index int64        `json:"index"`
	Size  int64        `json:"size"`
	Path  []slots.Hash `json:"path"`
	Links slots.Hash   `json:"links"`
	Slot  slots.Proof  `json:"slot"`
}

// newNoted is nil for a segment that the ledger does not speak of yet.
func newNoted(ctx context.Context, a *recording.Archive, s recording.Segment) (*noted, error) {
	p, err := a.HeadProof(ctx, s)
	if errors.Is(err, recording.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	n := &noted{entry: p.Entry, Index: p.Index, Size: p.Size, Path: []slots.Hash{}, Links: slots.Hash(p.Links), Slot: p.Slot}
	for _, h := range p.Path {
		n.Path = append(n.Path, slots.Hash(h))
	}
	return n, nil
}

// check recomputes the way from the link to the root that a ledger entry notes.
func (n *noted) check(l *link, roots []recording.Hash) error {
	own, ok := l.Link.hash()
	if n.Line < 0 || n.Line >= len(roots) {
		return errors.New("the ledger's note of it is not in the package")
	}
	if !ok || len(l.Chain) != 16 {
		return errors.New("a field is malformed")
	}
	p := recording.HeadProof{Index: n.Index, Size: n.Size, Links: recording.Hash(n.Links), Slot: n.Slot}
	for _, h := range n.Path {
		p.Path = append(p.Path, recording.Hash(h))
	}
	return p.Check([16]byte(l.Chain), own, roots[n.Line])
}

// headEntries is the file of the ledger entries that custodies lead to; nil if
// they lead to none. A note whose hour has not ended stays at home.
func (s *Sealer) headEntries(ctx context.Context, all []*custody) ([]byte, error) {
	lines := map[int64]int{}
	for _, c := range all {
		for _, l := range c.Segments {
			if l.Noted != nil {
				lines[l.Noted.entry] = 0
			}
		}
	}
	told, err := s.cfg.Ledger.Tell(ctx, slices.Sorted(maps.Keys(lines)))
	if err != nil {
		return nil, fmt.Errorf("proving ledger entries: %w", err)
	}
	clear(lines)
	for i, t := range told {
		lines[t.Entry.Index] = i
	}
	for _, c := range all {
		for i := range c.Segments {
			l := &c.Segments[i]
			if l.Noted == nil {
				continue
			}
			var ok bool
			if l.Noted.Line, ok = lines[l.Noted.entry]; !ok {
				l.Noted = nil
			}
		}
	}
	var b bytes.Buffer
	if err := ledger.WriteLines(&b, told); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

// readHeads verifies the entries of headsName and returns the roots they note,
// by line.
func (v *verifier) readHeads() ([]recording.Hash, error) {
	if v.src.files[headsName] == nil {
		return nil, nil
	}
	entries, err := ledger.ReadLines(bytes.NewReader(v.text(headsName)), v.manifest.Predicate.Ledger)
	if err != nil {
		return nil, fmt.Errorf("the ledger's notes of recordings: %w", err)
	}
	roots := make([]recording.Hash, len(entries))
	for i, e := range entries {
		root, err := ledger.HeadsRoot(e)
		if err != nil {
			return nil, fmt.Errorf("line %d of the ledger's notes of recordings: %w", i+1, err)
		}
		roots[i] = root
	}
	return roots, nil
}
