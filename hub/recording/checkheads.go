package recording

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"
)

// noted is what the ledger says of one chain.
type noted struct {
	camera, stream string
	heads          []notedHead // by entry
	oldest         int64       // in the newest heads: what is below was deleted by rule then, or is held
	seen           bool        // the index knows the chain
}

type notedHead struct {
	Head
	at time.Time
}

// readHeads collects what the ledger says, and checks that what house.db says
// of it is what the ledger's entries commit to.
func (c *checker) readHeads(ctx context.Context) error {
	c.noted = map[[16]byte]*noted{}
	if c.a.cfg.Heads == nil {
		return nil
	}
	err := c.a.cfg.Heads.EachHeads(ctx, func(h Heads) error {
		if h.MakeRoot() != h.Root {
			c.report(Finding{Kind: "ledger", Damage: true, Detail: fmt.Sprintf(
				"what house.db keeps of ledger entry %d, of %s, is not what the entry commits to", h.Entry, h.Time.Format(time.RFC3339))})
		}
		for _, head := range h.Chains {
			n := c.noted[head.Chain]
			if n == nil {
				n = &noted{camera: head.Camera, stream: head.Stream}
				c.noted[head.Chain] = n
			}
			n.heads = append(n.heads, notedHead{head, h.Time})
			n.oldest = max(n.oldest, head.Oldest)
		}
		return ctx.Err()
	})
	if err != nil && ctx.Err() == nil {
		c.report(Finding{Kind: "ledger", Damage: true, Detail: "what the ledger notes of recordings cannot be read: " + err.Error()})
		err = nil
	}
	return err
}

// ruled reports whether the ledger knows of every segment of a chain in
// [from, to) that a rule had deleted it.
func (c *checker) ruled(chain [16]byte, from, to int64) bool {
	n := c.noted[chain]
	return n != nil && from < to && to <= n.oldest
}

// heads compares the links in the index with those the ledger noted.
func (c *checker) heads(rows []ChainRow) {
	by := map[[16]byte]map[int64]Hash{}
	for _, r := range rows {
		if by[r.Chain] == nil {
			by[r.Chain] = map[int64]Hash{}
		}
		by[r.Chain][r.Seq] = r.Link
		if r.State == Open {
			by[r.Chain][r.Seq] = Hash{}
		}
	}
	for chain, links := range by {
		n := c.noted[chain]
		if n == nil {
			continue
		}
		n.seen = true
		for _, h := range n.heads {
			c.head(n, h, links)
		}
	}
}

func (c *checker) head(n *noted, h notedHead, have map[int64]Hash) {
	var links []Hash
	var missing []int64
	for _, r := range h.Ranges {
		for seq := r[0]; seq <= r[1]; seq++ {
			link, ok := have[seq]
			switch {
			case !ok:
				missing = append(missing, seq)
			case link == Hash{}:
				return // a power cut undid its row; recovery computes the link again
			}
			links = append(links, link)
		}
	}
	find := func(kind string, damage bool, format string, args ...any) {
		c.report(Finding{Kind: kind, Camera: n.camera, Stream: n.stream, Damage: damage, Detail: fmt.Sprintf(format, args...)})
	}
	at := h.at.Format(time.RFC3339)
	switch {
	case len(missing) == 0 && Root(links) != h.Links:
		find("ledger", true, "segments %d to %d are not those that the ledger noted on %s: the chain was written anew",
			h.Ranges[0][0], h.Ranges[len(h.Ranges)-1][1], at)
	case len(missing) > 0 && missing[len(missing)-1] < n.oldest:
		find("deleted", false, "%d segments from %d on, which the ledger noted on %s, had been deleted by rule when the index was made anew",
			len(missing), missing[0], at)
	case len(missing) > 0:
		find("ledger", true, "%d segments from %d on, which the ledger noted on %s, are gone from the index", len(missing), missing[0], at)
	}
}

// lostChains reports chains of the ledger of which the index knows nothing.
func (c *checker) lostChains() {
	for _, chain := range slices.SortedFunc(maps.Keys(c.noted), func(a, b [16]byte) int { return slices.Compare(a[:], b[:]) }) {
		if n := c.noted[chain]; !n.seen {
			for _, h := range n.heads {
				c.head(n, h, nil)
			}
		}
	}
}
