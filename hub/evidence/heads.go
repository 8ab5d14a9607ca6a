package evidence

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"gatehouse/hub/ledger"
	"gatehouse/hub/recording"
)

// headsName is the file with the ledger entries that links lead to.
const headsName = "custody/recordings.jsonl"

// noted leads from a segment's link to an entry of the ledger: the fields of
// recording.HeadProof.
type noted struct {
	Entry  int64      `json:"ledger_entry"`
	Index  int64      `json:"index"`
	Size   int64      `json:"size"`
	Path   []hexBytes `json:"path"`
	Links  hexBytes   `json:"links"`
	Slot   int        `json:"slot"`
	Salt   hexBytes   `json:"salt"`
	Parent []hexBytes `json:"parent"`
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
	return &noted{p.Entry, p.Index, p.Size, hexOf(p.Path), p.Links[:], p.Slot, p.Salt[:], hexOf(p.Parent)}, nil
}

func hexOf(hashes []recording.Hash) []hexBytes {
	out := make([]hexBytes, len(hashes))
	for i := range hashes {
		out[i] = hashes[i][:]
	}
	return out
}

func hashesOf(list []hexBytes) ([]recording.Hash, bool) {
	out := make([]recording.Hash, len(list))
	for i := range list {
		var ok bool
		if out[i], ok = list[i].hash(); !ok {
			return nil, false
		}
	}
	return out, true
}

// check recomputes the way from the link to the root that a ledger entry notes.
func (n *noted) check(l *link, roots map[int64]recording.Hash) error {
	root, known := roots[n.Entry]
	path, ok1 := hashesOf(n.Path)
	parent, ok2 := hashesOf(n.Parent)
	links, ok3 := n.Links.hash()
	salt, ok4 := n.Salt.hash()
	own, ok5 := l.Link.hash()
	if !known {
		return fmt.Errorf("ledger entry %d is not in the package", n.Entry)
	}
	if !ok1 || !ok2 || !ok3 || !ok4 || !ok5 || len(l.Chain) != 16 {
		return errors.New("a field of its way to the ledger is malformed")
	}
	p := recording.HeadProof{Entry: n.Entry, Index: n.Index, Size: n.Size, Path: path, Links: links, Slot: n.Slot, Salt: salt, Parent: parent}
	return p.Check([16]byte(l.Chain), own, root)
}

// headEntries is the file of the ledger entries that custodies lead to; nil if
// they lead to none.
func (s *Sealer) headEntries(ctx context.Context, all []*custody) ([]byte, error) {
	indexes := map[int64]bool{}
	for _, c := range all {
		for _, l := range c.Segments {
			if l.Noted != nil {
				indexes[l.Noted.Entry] = true
			}
		}
	}
	if len(indexes) == 0 {
		return nil, nil
	}
	proven, err := s.cfg.Ledger.ProveEntries(ctx, slices.Sorted(maps.Keys(indexes)))
	if err != nil {
		return nil, fmt.Errorf("proving ledger entries: %w", err)
	}
	var b bytes.Buffer
	if err := ledger.WriteLines(&b, proven); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

// readHeads verifies the entries of headsName and returns the roots they note.
func (v *verifier) readHeads() (map[int64]recording.Hash, error) {
	roots := map[int64]recording.Hash{}
	if v.src.files[headsName] == nil {
		return roots, nil
	}
	entries, err := ledger.ReadLines(bytes.NewReader(v.text(headsName)), v.manifest.Predicate.Ledger)
	if err != nil {
		return nil, fmt.Errorf("the ledger's notes of recordings: %w", err)
	}
	for _, e := range entries {
		root, err := ledger.HeadsRoot(e.Entry)
		if err != nil {
			return nil, fmt.Errorf("ledger entry %d: %w", e.Entry.Index, err)
		}
		roots[e.Entry.Index] = root
	}
	return roots, nil
}
