package recording

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"gatehouse/hub/internal/slots"
)

// Heads is what one ledger entry commits to: the links of all segments that
// were closed since the heads before, of every stream. Its Root is that of a
// [slots.Tree] which holds, for each of Chains in their order,
//
//	SHA-256("gatehouse heads v1" ‖ 0x00 ‖ Chain ‖ Links)
//
// so that no proof tells how many cameras there are.
type Heads struct {
	Entry  int64 // index in the ledger
	Time   time.Time
	Root   Hash   // what the ledger says
	Seed   Hash   // of the tree
	Chains []Head // at most slots.N
}

// Head is one stream's part of Heads.
type Head struct {
	Chain          [16]byte
	Camera, Stream string     // these stay at home
	Ranges         [][2]int64 // Seq of the segments from first to last, ascending, apart
	Links          Hash       // Merkle root, as in [Root], over their links by Seq
	Oldest         int64      // Seq of the first segment kept then: the rules had deleted what is below and not held
}

// HeadStore keeps heads beside the ledger.
type HeadStore interface {
	// AddHeads appends a ledger entry that says h.Root and stores h, in one transaction. Entry is not read.
	AddHeads(ctx context.Context, h Heads) error
	// Noted returns one more than the highest Seq of a chain in any heads (0 if there are none),
	// and the lower ones that are in no heads, ascending.
	Noted(ctx context.Context, chain [16]byte) (next int64, missing []int64, err error)
	// HeadsWith returns the heads that commit to a segment; ErrNotFound if none do yet.
	HeadsWith(ctx context.Context, chain [16]byte, seq int64) (Heads, error)
	// EachHeads calls f with all heads, by Entry.
	EachHeads(ctx context.Context, f func(Heads) error) error
}

const headsDomain = "gatehouse heads v1\x00"

func headContent(chain [16]byte, links Hash) [32]byte {
	b := append([]byte(headsDomain), chain[:]...)
	return sha256.Sum256(append(b, links[:]...))
}

func (h *Heads) tree() *slots.Tree {
	t := &slots.Tree{Seed: h.Seed}
	for _, c := range h.Chains {
		t.Contents = append(t.Contents, headContent(c.Chain, c.Links))
	}
	return t
}

// MakeRoot computes Root from the other fields.
func (h *Heads) MakeRoot() Hash { return h.tree().Root() }

// HeadProof shows that a segment's link is in the heads of a ledger entry. It
// tells nothing of other cameras, and of the same camera's other segments only
// how many the entry commits to.
type HeadProof struct {
	Entry int64  // index in the ledger
	Index int64  // of the link under Links
	Size  int64  // number of links under Links
	Path  []Hash // audit path (RFC 6962 2.1.1) from the link to Links
	Links Hash
	Slot  slots.Proof // from Links to the root in the ledger
}

var errHeadProof = errors.New("the proof does not lead to the ledger's entry")

// Check reports whether the link of a chain is under root.
func (p *HeadProof) Check(chain [16]byte, link, root Hash) error {
	path := make(tlog.RecordProof, len(p.Path))
	for i, h := range p.Path {
		path[i] = tlog.Hash(h)
	}
	if p.Size < 1 || p.Index < 0 || p.Index >= p.Size ||
		tlog.CheckRecord(path, p.Size, tlog.Hash(p.Links), p.Index, tlog.RecordHash(link[:])) != nil ||
		p.Slot.Check(root, headContent(chain, p.Links)) != nil {
		return errHeadProof
	}
	return nil
}

// audit is the audit path of record i.
func audit(records []Hash, i int64) ([]Hash, error) {
	var stored storedHashes
	for n, r := range records {
		more, err := tlog.StoredHashes(int64(n), r[:], stored)
		if err != nil {
			return nil, err
		}
		stored = append(stored, more...)
	}
	p, err := tlog.ProveRecord(int64(len(records)), i, stored)
	out := make([]Hash, len(p))
	for i, h := range p {
		out[i] = Hash(h)
	}
	return out, err
}

// storedHashes are the hashes of a tree in tlog's order.
type storedHashes []tlog.Hash

// ReadHashes implements tlog.HashReader.
func (s storedHashes) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	out := make([]tlog.Hash, len(indexes))
	for i, x := range indexes {
		if x >= int64(len(s)) {
			return nil, errors.New("a hash is asked for that is not there")
		}
		out[i] = s[x]
	}
	return out, nil
}

// NoteHeads writes heads with every segment that was closed since the last. If
// there is none it writes nothing, unless always is set. One recorder may be
// closing a segment meanwhile: it is in the heads that follow.
func (a *Archive) NoteHeads(ctx context.Context, always bool) error {
	if a.cfg.Heads == nil {
		return nil
	}
	a.noting.Lock()
	defer a.noting.Unlock()
	streams, err := a.cfg.Index.Streams(ctx)
	if err != nil {
		return err
	}
	var all []Head
	for _, s := range streams {
		h, err := a.newHead(ctx, s[0], s[1])
		if errors.Is(err, ErrNotFound) {
			continue // a camera that never sent a picture has gaps, and nothing to commit to
		}
		if err != nil {
			return err
		}
		if len(h.Ranges) > 0 {
			all = append(all, h)
		}
	}
	for len(all) > 0 || always {
		n := min(len(all), slots.N)
		if err := a.cfg.Heads.AddHeads(ctx, newHeads(all[:n], a.cfg.Now())); err != nil {
			return fmt.Errorf("noting the recordings in the ledger: %w", err)
		}
		all, always = all[n:], false
	}
	return nil
}

func newHeads(chains []Head, now time.Time) Heads {
	h := Heads{Time: now, Seed: slots.NewSeed(), Chains: chains}
	h.Root = h.MakeRoot()
	return h
}

// newHead gathers the closed segments of a stream that no heads commit to.
func (a *Archive) newHead(ctx context.Context, camera, stream string) (Head, error) {
	h := Head{Camera: camera, Stream: stream}
	last, err := a.cfg.Index.LastSegment(ctx, camera, stream)
	if err != nil {
		return h, err
	}
	h.Chain = last.Chain
	next, missing, err := a.cfg.Heads.Noted(ctx, h.Chain)
	if err != nil {
		return h, fmt.Errorf("reading what the ledger notes: %w", err)
	}
	var links []Hash
	for _, from := range append(missing, next) {
		to := from + 1
		if from == next {
			to = last.Seq + 1
		}
		rows, err := a.cfg.Index.Chain(ctx, camera, stream, from, to)
		if err != nil {
			return h, err
		}
		for _, r := range rows {
			if r.State != Open && r.Chain == h.Chain {
				links = append(links, r.Link)
				h.include(r.Seq)
			}
		}
	}
	h.Links = Root(links)
	if h.Oldest, err = a.cfg.Index.OldestSeq(ctx, camera, stream); errors.Is(err, ErrNotFound) {
		h.Oldest, err = last.Seq+1, nil
	}
	return h, err
}

// include adds a Seq, which is higher than those before.
func (h *Head) include(seq int64) {
	if n := len(h.Ranges); n > 0 && h.Ranges[n-1][1]+1 == seq {
		h.Ranges[n-1][1] = seq
		return
	}
	h.Ranges = append(h.Ranges, [2]int64{seq, seq})
}

// HeadProof proves a closed segment up to the ledger. It is ErrNotFound for one
// that is not noted yet.
func (a *Archive) HeadProof(ctx context.Context, s Segment) (HeadProof, error) {
	if a.cfg.Heads == nil {
		return HeadProof{}, ErrNotFound
	}
	heads, err := a.cfg.Heads.HeadsWith(ctx, s.Chain, s.Seq)
	if err != nil {
		return HeadProof{}, err
	}
	for i, h := range heads.Chains {
		if h.Chain != s.Chain {
			continue
		}
		links, at, err := linksOf(ctx, a.cfg.Index, h, s.Seq)
		if err != nil {
			return HeadProof{}, err
		}
		p := HeadProof{Entry: heads.Entry, Index: at, Size: int64(len(links)), Links: h.Links}
		if p.Path, err = audit(links, at); err != nil {
			return p, fmt.Errorf("proving segment %d: %w", s.ID, err)
		}
		if p.Slot, err = heads.tree().Prove(i); err != nil {
			return p, fmt.Errorf("proving segment %d: %w", s.ID, err)
		}
		// Nothing false is handed out.
		if err := p.Check(s.Chain, s.Link, heads.Root); err != nil {
			return p, fmt.Errorf("proving segment %d: %w", s.ID, err)
		}
		return p, nil
	}
	return HeadProof{}, ErrNotFound
}

// linksOf are the links that a head commits to, and where that of seq is.
func linksOf(ctx context.Context, index Index, h Head, seq int64) (links []Hash, at int64, err error) {
	for _, r := range h.Ranges {
		rows, err := index.Chain(ctx, h.Camera, h.Stream, r[0], r[1]+1)
		if err != nil {
			return nil, 0, err
		}
		for _, row := range rows {
			if row.Seq == seq {
				at = int64(len(links))
			}
			links = append(links, row.Link)
		}
	}
	return links, at, nil
}

// runHeads notes the recordings at the start, at every full hour and, whatever
// was recorded, at midnight UTC. When ctx ends it notes the rest: recorders have
// ended by then.
func (a *Archive) runHeads(ctx context.Context) error {
	for always := false; ; {
		if err := a.NoteHeads(context.WithoutCancel(ctx), always); err != nil || ctx.Err() != nil {
			return err
		}
		now := a.cfg.Now().UTC()
		next := now.Truncate(time.Hour).Add(time.Hour)
		select {
		case <-time.After(next.Sub(now)):
			always = next.Hour() == 0
		case <-ctx.Done():
			always = false
		}
	}
}
