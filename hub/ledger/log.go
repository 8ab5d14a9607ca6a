package ledger

import (
	"context"
	"errors"
	"fmt"
	"io"

	"filippo.io/torchwood"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// ErrDamaged means that what is stored is not what was appended.
var ErrDamaged = errors.New("the ledger is damaged")

// Log reads and proves a ledger.
type Log struct {
	store  Store
	signer note.Signer
}

// New returns a Log. The signer is the hub's key; its name is the checkpoint's origin.
func New(s Store, signer note.Signer) *Log { return &Log{store: s, signer: signer} }

// Append adds entries in a transaction of their own.
func (l *Log) Append(ctx context.Context, e ...Entry) ([]Entry, error) {
	return l.store.AppendEntries(ctx, e...)
}

// Entries returns entries [from, from+n), fewer at the end.
func (l *Log) Entries(ctx context.Context, from int64, n int) ([]Entry, error) {
	leaves, err := l.store.Leaves(ctx, from, n)
	if err != nil {
		return nil, fmt.Errorf("reading ledger: %w", err)
	}
	entries := make([]Entry, len(leaves))
	for i, leaf := range leaves {
		if entries[i], err = Decode(leaf); err != nil {
			return nil, fmt.Errorf("%w: entry %d: %w", ErrDamaged, from+int64(i), err)
		}
		entries[i].Index = from + int64(i)
	}
	return entries, nil
}

// Size is the number of entries.
func (l *Log) Size() (int64, error) { return l.store.Size() }

// Checkpoint returns the signed C2SP checkpoint of the current tree.
func (l *Log) Checkpoint(ctx context.Context) ([]byte, error) {
	_, signed, err := l.head(ctx)
	return signed, err
}

func (l *Log) head(ctx context.Context) (tlog.Tree, []byte, error) {
	if err := ctx.Err(); err != nil {
		return tlog.Tree{}, nil, err
	}
	n, err := l.store.Size()
	if err != nil {
		return tlog.Tree{}, nil, fmt.Errorf("reading ledger size: %w", err)
	}
	root, err := tlog.TreeHash(n, l.store)
	if err != nil {
		return tlog.Tree{}, nil, fmt.Errorf("hashing ledger: %w", err)
	}
	tree := tlog.Tree{N: n, Hash: root}
	text := torchwood.Checkpoint{Origin: l.signer.Name(), Tree: tree}.String()
	signed, err := note.Sign(&note.Note{Text: text}, l.signer)
	if err != nil {
		return tlog.Tree{}, nil, fmt.Errorf("signing checkpoint: %w", err)
	}
	return tree, signed, nil
}

// Export writes the whole ledger as JSON Lines, one canonical entry a line in
// order, and returns the signed checkpoint of exactly these lines.
func (l *Log) Export(ctx context.Context, w io.Writer) (checkpoint []byte, err error) {
	tree, signed, err := l.head(ctx)
	if err != nil {
		return nil, err
	}
	err = l.each(ctx, tree.N, func(_ int64, leaf []byte) error {
		_, err := w.Write(append(leaf[:len(leaf):len(leaf)], '\n'))
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("exporting ledger: %w", err)
	}
	return signed, nil
}

// each calls f with the leaves of the first n entries.
func (l *Log) each(ctx context.Context, n int64, f func(index int64, leaf []byte) error) error {
	const batch = 512
	for i := int64(0); i < n; {
		leaves, err := l.store.Leaves(ctx, i, int(min(batch, n-i)))
		if err != nil {
			return err
		}
		if len(leaves) == 0 {
			return fmt.Errorf("%w: entry %d of %d is missing", ErrDamaged, i, n)
		}
		for _, leaf := range leaves {
			if err := f(i, leaf); err != nil {
				return err
			}
			i++
		}
	}
	return nil
}
