package ledger

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"filippo.io/torchwood"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"gatehouse/hub/internal/slots"
)

// A proof against the ledger itself tells its size, and so how much was asked
// and decided between two entries. What leaves the home is therefore proven
// against a second log, which grows by one leaf an hour whatever happens: the
// hour's entries are in a [slots.Tree], which does not tell how many they are.

// Hour is one leaf of the log of hours.
type Hour struct {
	Index    int64
	End      time.Time // full hour, UTC; one hour after that of the leaf before
	Seed     [32]byte  // of the tree
	Root     [32]byte
	From, To int64 // indexes of the entries it holds, [From, To): all since the hour before, or the first slots.N of them
}

// HourTx is a Tx that can also add hours.
type HourTx interface {
	Tx
	// LastHour returns the newest hour; ok is false if there is none.
	LastHour() (h Hour, ok bool, err error)
	// LeavesOf returns the leaf bytes of entries [from, to).
	LeavesOf(from, to int64) ([][]byte, error)
	// PutHour stores an hour.
	PutHour(h Hour) error
}

// clockSet is 2026-01-01: this program did not exist before, so a clock that
// shows an earlier time was never set.
var clockSet = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// maxHours bounds what AddHours adds at once: ten years. A clock that is
// further ahead than that is wrong.
const maxHours = 10 * 366 * 24

// ErrClock means that this machine's clock cannot be right.
var ErrClock = errors.New("the clock of this machine is wrong")

// AddHours adds a leaf for each full hour that has passed at now since the
// newest, so that the number of leaves tells the time and nothing else. Without
// a leaf the first is that of the hour that ended last.
func AddHours(tx HourTx, now time.Time) error {
	if now.Before(clockSet) {
		return nil // the leaves come once the clock is set
	}
	last, ok, err := tx.LastHour()
	if err != nil {
		return fmt.Errorf("reading hours: %w", err)
	}
	end := now.UTC().Truncate(time.Hour)
	if !ok {
		last = Hour{Index: -1, End: end.Add(-time.Hour)}
	}
	if end.Sub(last.End) > maxHours*time.Hour {
		return fmt.Errorf("adding hours to the ledger: %w", ErrClock)
	}
	size, err := tx.Size()
	if err != nil {
		return fmt.Errorf("reading ledger size: %w", err)
	}
	for last.End.Before(end) {
		h := Hour{
			Index: last.Index + 1, End: last.End.Add(time.Hour), Seed: slots.NewSeed(),
			From: last.To, To: min(size, last.To+slots.N),
		}
		leaves, err := tx.LeavesOf(h.From, h.To)
		if err != nil {
			return fmt.Errorf("reading entries of an hour: %w", err)
		}
		h.Root = h.tree(leaves).Root()
		if err := tx.PutHour(h); err != nil {
			return fmt.Errorf("storing an hour: %w", err)
		}
		last = h
	}
	return nil
}

func (h *Hour) tree(leaves [][]byte) *slots.Tree {
	t := &slots.Tree{Seed: h.Seed}
	for _, leaf := range leaves {
		t.Contents = append(t.Contents, sha256.Sum256(leaf)) // a leaf has its own salt
	}
	return t
}

// hourLeaf is what is hashed of an hour.
func hourLeaf(end time.Time, root [32]byte) []byte {
	return fmt.Appendf(nil, "gatehouse hour v1\n%s\n%s\n", end.UTC().Format(time.RFC3339), base64.StdEncoding.EncodeToString(root[:]))
}

// hoursOrigin is the origin of the log of hours of a ledger.
func hoursOrigin(ledger string) string { return ledger + "/hours" }

// RunHours adds the hours that have passed at the start, and each hour from
// then on, until ctx ends. An error is the store's.
func (l *Log) RunHours(ctx context.Context, now func() time.Time) error {
	for {
		if err := l.store.AddHours(ctx, now()); err != nil && ctx.Err() == nil && !errors.Is(err, ErrClock) {
			return err
		}
		t := now().UTC()
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(min(t.Truncate(time.Hour).Add(time.Hour).Sub(t), time.Minute)): // a clock may be set
		}
	}
}

// Told is an entry with its way to the log of hours, which tells of the rest of
// the ledger nothing but its age in hours.
type Told struct {
	Entry Entry
	Leaf  []byte
	Slot  slots.Proof // to the root of the hour
	End   time.Time   // of the hour
	Proof []byte      // C2SP tlog-proof of the hour
}

// Tell returns entries, by their indexes, ascending, with their ways to the log
// of hours. Those whose hour has not ended are left out.
func (l *Log) Tell(ctx context.Context, indexes []int64) ([]Told, error) {
	hours, err := l.store.Hours(ctx)
	if err != nil {
		return nil, fmt.Errorf("reading hours: %w", err)
	}
	if len(hours) == 0 || len(indexes) == 0 {
		return nil, nil
	}
	tree, signed, err := l.hoursHead(hours)
	if err != nil {
		return nil, err
	}
	var out []Told
	at := 0
	for _, i := range indexes {
		for at < len(hours) && hours[at].To <= i {
			at++
		}
		if at == len(hours) {
			break
		}
		t, err := l.tell(ctx, hours[at], i)
		if err != nil {
			return nil, err
		}
		path, err := tlog.ProveRecord(int64(len(hours)), int64(at), tree)
		if err != nil {
			return nil, fmt.Errorf("proving an hour: %w", err)
		}
		t.Proof = torchwood.FormatProof(int64(at), path, signed)
		out = append(out, t)
	}
	return out, nil
}

// tell proves an entry up to its hour.
func (l *Log) tell(ctx context.Context, h Hour, i int64) (Told, error) {
	leaves, err := l.store.Leaves(ctx, h.From, int(h.To-h.From))
	if err != nil {
		return Told{}, fmt.Errorf("reading ledger: %w", err)
	}
	if int64(len(leaves)) != h.To-h.From || i < h.From {
		return Told{}, fmt.Errorf("%w: entries of the hour to %s are missing", ErrDamaged, h.End.Format(time.RFC3339))
	}
	tree := h.tree(leaves)
	if tree.Root() != h.Root {
		return Told{}, fmt.Errorf("%w: the entries of the hour to %s are not those it was closed with", ErrDamaged, h.End.Format(time.RFC3339))
	}
	leaf := leaves[i-h.From]
	e, err := Decode(leaf)
	if err != nil {
		return Told{}, fmt.Errorf("%w: entry %d: %w", ErrDamaged, i, err)
	}
	e.Index = i
	p, err := tree.Prove(int(i - h.From))
	return Told{Entry: e, Leaf: leaf, Slot: p, End: h.End}, err
}

// hoursTree is the tree of the hours.
func hoursTree(hours []Hour) (tree storedHashes, err error) {
	for i, h := range hours {
		if h.Index != int64(i) || i > 0 && !h.End.Equal(hours[i-1].End.Add(time.Hour)) {
			return nil, fmt.Errorf("%w: an hour is missing before %s", ErrDamaged, h.End.Format(time.RFC3339))
		}
		more, err := tlog.StoredHashes(int64(i), hourLeaf(h.End, h.Root), tree)
		if err != nil {
			return nil, fmt.Errorf("hashing hours: %w", err)
		}
		tree = append(tree, more...)
	}
	return tree, nil
}

// hoursHead is the tree of the hours and its signed checkpoint.
func (l *Log) hoursHead(hours []Hour) (storedHashes, []byte, error) {
	tree, err := hoursTree(hours)
	if err != nil {
		return nil, nil, err
	}
	n := int64(len(hours))
	root, err := tlog.TreeHash(n, tree)
	if err != nil {
		return nil, nil, fmt.Errorf("hashing hours: %w", err)
	}
	text := torchwood.Checkpoint{Origin: hoursOrigin(l.signer.Name()), Tree: tlog.Tree{N: n, Hash: root}}.String()
	signed, err := note.Sign(&note.Note{Text: text}, l.signer)
	if err != nil {
		return nil, nil, fmt.Errorf("signing checkpoint: %w", err)
	}
	return tree, signed, nil
}

// storedHashes are the hashes of a tree in tlog's order.
type storedHashes []tlog.Hash

// ReadHashes implements tlog.HashReader.
func (s storedHashes) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	out := make([]tlog.Hash, len(indexes))
	for i, x := range indexes {
		if x < 0 || x >= int64(len(s)) {
			return nil, errors.New("a hash is asked for that is not stored")
		}
		out[i] = s[x]
	}
	return out, nil
}

// verifyTold checks an entry's way to the log of hours under the hub's verifier
// key, and returns the entry. Its Index stays 0: nobody outside knows it.
func verifyTold(leaf []byte, slot slots.Proof, end time.Time, proof []byte, vkey string) (Entry, error) {
	if len(proof) > maxProof {
		return Entry{}, fmt.Errorf("proof of %d bytes; %d are allowed", len(proof), maxProof)
	}
	v, err := note.NewVerifier(vkey)
	if err != nil {
		return Entry{}, fmt.Errorf("reading verifier key: %w", err)
	}
	if err := strictBase64(proof); err != nil {
		return Entry{}, err
	}
	root, err := slot.RootOf(sha256.Sum256(leaf))
	if err != nil {
		return Entry{}, err
	}
	policy := torchwood.ThresholdPolicy(2, torchwood.OriginPolicy(hoursOrigin(v.Name())), torchwood.SingleVerifierPolicy(v))
	if err := torchwood.VerifyProof(policy, tlog.RecordHash(hourLeaf(end, root)), proof); err != nil {
		return Entry{}, fmt.Errorf("verifying proof: %w", err)
	}
	if end.Location() != time.UTC || strings.Contains(end.Format(time.RFC3339Nano), ".") {
		return Entry{}, errors.New("the end of the hour is not in its usual form")
	}
	return Decode(leaf)
}

// OfRequest returns the indexes of a request's entries of some kinds, ascending.
func (l *Log) OfRequest(ctx context.Context, request string, kinds ...Kind) ([]int64, error) {
	indexes, err := l.store.ByRequest(ctx, request)
	if err != nil {
		return nil, fmt.Errorf("reading ledger: %w", err)
	}
	var out []int64
	for _, i := range indexes {
		entries, err := l.Entries(ctx, i, 1)
		if err != nil {
			return nil, err
		}
		if len(entries) == 1 && slices.Contains(kinds, entries[0].Kind) {
			out = append(out, i)
		}
	}
	return out, nil
}

// checkHours checks that the log of hours is whole and holds the entries there are.
func (l *Log) checkHours(ctx context.Context) error {
	hours, err := l.store.Hours(ctx)
	if err != nil {
		return fmt.Errorf("reading hours: %w", err)
	}
	if _, err := hoursTree(hours); err != nil {
		return err
	}
	next := int64(0)
	for _, h := range hours {
		if h.From != next {
			return fmt.Errorf("%w: the hour to %s does not go on where the one before ended", ErrDamaged, h.End.Format(time.RFC3339))
		}
		next = h.To
		leaves, err := l.store.Leaves(ctx, h.From, int(h.To-h.From))
		if err != nil {
			return fmt.Errorf("reading ledger: %w", err)
		}
		if h.tree(leaves).Root() != h.Root {
			return fmt.Errorf("%w: the entries of the hour to %s are not those it was closed with", ErrDamaged, h.End.Format(time.RFC3339))
		}
	}
	return nil
}
