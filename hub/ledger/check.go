package ledger

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"

	"filippo.io/torchwood"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// Check recomputes every hash from the leaves and compares it with those stored
// and, if given, with an older signed checkpoint that must be a prefix. It also
// checks that each request's list names its entries, all of them, and the log of
// hours. What does not hold is ErrDamaged.
func (l *Log) Check(ctx context.Context, older []byte) error {
	size, err := l.store.Size()
	if err != nil {
		return fmt.Errorf("reading ledger size: %w", err)
	}
	then := tlog.Tree{N: -1}
	if older != nil {
		if then, err = l.openOwn(older); err != nil {
			return err
		}
		if then.N > size {
			return fmt.Errorf("%w: it had %d entries once and has %d now", ErrDamaged, then.N, size)
		}
	}
	c := checker{store: l.store, then: then, requests: map[string][]int64{}}
	if err := c.prefix(0); err != nil {
		return err
	}
	if err := l.each(ctx, size, c.leaf); err != nil {
		return err
	}
	if err := c.lists(ctx, size); err != nil {
		return err
	}
	return l.checkHours(ctx)
}

// CheckGrown compares the ledger's size, and the tree hash of the common part, with an older signed
// checkpoint, without reading entries. A ledger that is shorter or another is ErrDamaged.
func (l *Log) CheckGrown(older []byte) error {
	then, err := l.openOwn(older)
	if err != nil {
		return err
	}
	size, err := l.store.Size()
	if err != nil {
		return fmt.Errorf("reading ledger size: %w", err)
	}
	if then.N > size {
		return fmt.Errorf("%w: it had %d entries once and has %d now", ErrDamaged, then.N, size)
	}
	root, err := tlog.TreeHash(then.N, l.store)
	if err != nil {
		return fmt.Errorf("hashing ledger: %w", err)
	}
	if root != then.Hash {
		return fmt.Errorf("%w: its first %d entries are not those that were signed", ErrDamaged, then.N)
	}
	return nil
}

// openOwn opens a checkpoint that this log signed.
func (l *Log) openOwn(signed []byte) (tlog.Tree, error) {
	policy := torchwood.ThresholdPolicy(2, torchwood.OriginPolicy(l.signer.Name()),
		torchwood.SingleVerifierPolicy(resigner{l.signer}))
	c, _, err := torchwood.VerifyCheckpoint(signed, policy)
	if err != nil {
		return tlog.Tree{}, fmt.Errorf("opening older checkpoint: %w", err)
	}
	return c.Tree, nil
}

// resigner verifies by signing again: Ed25519 signatures are deterministic (RFC
// 8032 section 5.1.6), and a note.Signer does not tell its public key.
type resigner struct{ note.Signer }

// Verify implements note.Verifier.
func (r resigner) Verify(msg, sig []byte) bool {
	again, err := r.Sign(msg)
	return err == nil && bytes.Equal(again, sig)
}

// checker recomputes the tree from the leaves alone, holding its right edge.
type checker struct {
	store    Store
	then     tlog.Tree     // N is -1 if there is none
	edge     [64]tlog.Hash // by level: the newest complete subtree
	requests map[string][]int64
}

// ReadHashes answers from the edge, which is all that appending and hashing the
// tree at its present size ask for.
func (c *checker) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	out := make([]tlog.Hash, len(indexes))
	for i, x := range indexes {
		level, _ := tlog.SplitStoredHashIndex(x)
		out[i] = c.edge[level]
	}
	return out, nil
}

func (c *checker) leaf(n int64, leaf []byte) error {
	e, err := Decode(leaf)
	if err != nil {
		return fmt.Errorf("%w: entry %d: %w", ErrDamaged, n, err)
	}
	if e.Request != "" {
		c.requests[e.Request] = append(c.requests[e.Request], n)
	}
	want, err := tlog.StoredHashes(n, leaf, c)
	if err != nil {
		return err
	}
	indexes := make([]int64, len(want))
	for i := range indexes {
		indexes[i] = tlog.StoredHashIndex(0, n) + int64(i)
	}
	have, err := c.store.ReadHashes(indexes)
	if err != nil {
		return fmt.Errorf("reading hashes of entry %d: %w", n, err)
	}
	if !slices.Equal(have, want) {
		return fmt.Errorf("%w: the hashes stored with entry %d are not its own", ErrDamaged, n)
	}
	copy(c.edge[:], want)
	return c.prefix(n + 1)
}

// prefix compares the tree with the older checkpoint when it has that size.
func (c *checker) prefix(n int64) error {
	if n != c.then.N {
		return nil
	}
	root, err := tlog.TreeHash(n, c)
	if err != nil {
		return err
	}
	if root != c.then.Hash {
		return fmt.Errorf("%w: its first %d entries are not those of the older checkpoint", ErrDamaged, n)
	}
	return nil
}

// lists compares the store's lists by request with the leaves.
func (c *checker) lists(ctx context.Context, size int64) error {
	var errs []error
	for request, want := range c.requests {
		have, err := c.store.ByRequest(ctx, request)
		if err != nil {
			return fmt.Errorf("reading entries of a request: %w", err)
		}
		have = slices.DeleteFunc(slices.Clone(have), func(i int64) bool { return i >= size })
		if !slices.Equal(have, want) {
			errs = append(errs, fmt.Errorf("%w: the list of a request's entries is not complete: entry %d", ErrDamaged, want[0]))
		}
	}
	return errors.Join(errs...)
}
