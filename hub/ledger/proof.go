package ledger

import (
	"bufio"
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"filippo.io/torchwood"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"gatehouse/hub/internal/slots"
)

// maxProof bounds a tlog-proof: 63 hashes, a checkpoint and its cosignatures
// need under 8 KiB.
const maxProof = 64 << 10

// Proven is an entry with a C2SP tlog-proof that holds a signed checkpoint.
type Proven struct {
	Leaf  []byte
	Entry Entry
	Proof []byte
}

// Prove returns a request's entries with proofs against one checkpoint, for the
// owner: such a proof tells how long the ledger is. A leaf
// that its own proof does not fit is ErrDamaged: nothing false is handed out.
func (l *Log) Prove(ctx context.Context, request string) ([]Proven, error) {
	indexes, err := l.store.ByRequest(ctx, request)
	if err != nil {
		return nil, fmt.Errorf("reading ledger: %w", err)
	}
	tree, signed, err := l.head(ctx)
	if err != nil {
		return nil, err
	}
	out := make([]Proven, len(indexes))
	for i, index := range indexes {
		if out[i], err = l.prove(ctx, tree, index, signed); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// ErrNoEntry means that the ledger has no entry of that index.
var ErrNoEntry = errors.New("the ledger has no such entry")

// ProveEntry is Prove for the entry of one index. It answers ErrNoEntry.
func (l *Log) ProveEntry(ctx context.Context, index int64) (Proven, error) {
	tree, signed, err := l.head(ctx)
	if err != nil {
		return Proven{}, err
	}
	if index < 0 || index >= tree.N {
		return Proven{}, ErrNoEntry
	}
	return l.prove(ctx, tree, index, signed)
}

func (l *Log) prove(ctx context.Context, tree tlog.Tree, i int64, signed []byte) (Proven, error) {
	leaves, err := l.store.Leaves(ctx, i, 1)
	if err != nil {
		return Proven{}, fmt.Errorf("reading ledger: %w", err)
	}
	if len(leaves) != 1 {
		return Proven{}, fmt.Errorf("%w: entry %d of %d is missing", ErrDamaged, i, tree.N)
	}
	e, err := Decode(leaves[0])
	if err != nil {
		return Proven{}, fmt.Errorf("%w: entry %d: %w", ErrDamaged, i, err)
	}
	e.Index = i
	path, err := tlog.ProveRecord(tree.N, i, l.store)
	if err != nil {
		return Proven{}, fmt.Errorf("%w: proving entry %d: %w", ErrDamaged, i, err)
	}
	if err := tlog.CheckRecord(path, tree.N, tree.Hash, i, tlog.RecordHash(leaves[0])); err != nil {
		return Proven{}, fmt.Errorf("%w: entry %d is not the one appended: %w", ErrDamaged, i, err)
	}
	return Proven{Leaf: leaves[0], Entry: e, Proof: torchwood.FormatProof(i, path, signed)}, nil
}

// VerifyProof checks a leaf and its proof under the hub's verifier key (C2SP vkey) and returns the entry.
func VerifyProof(leaf, proof []byte, vkey string) (Entry, error) {
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
	policy := torchwood.ThresholdPolicy(2, torchwood.OriginPolicy(v.Name()), torchwood.SingleVerifierPolicy(v))
	if err := torchwood.VerifyProof(policy, tlog.RecordHash(leaf), proof); err != nil {
		return Entry{}, fmt.Errorf("verifying proof: %w", err)
	}
	e, err := Decode(leaf)
	if err != nil {
		return Entry{}, err
	}
	if e.Index, err = proofIndex(proof); err != nil {
		return Entry{}, err
	}
	return e, nil
}

// strictBase64 refuses hashes and signatures with stray bits after their last
// byte, so that a valid proof has one spelling.
func strictBase64(proof []byte) error {
	for line := range strings.Lines(string(proof)) {
		word := strings.TrimSuffix(line[strings.LastIndexByte(line, ' ')+1:], "\n")
		if !strings.HasSuffix(word, "=") {
			continue
		}
		if _, err := base64.StdEncoding.Strict().DecodeString(word); err != nil {
			return fmt.Errorf("proof is not in canonical form: %w", err)
		}
	}
	return nil
}

// proofIndex reads the index line of a proof that has been verified.
func proofIndex(proof []byte) (int64, error) {
	for line := range strings.Lines(string(proof)) {
		if n, ok := strings.CutPrefix(line, "index "); ok {
			return strconv.ParseInt(strings.TrimSuffix(n, "\n"), 10, 64)
		}
	}
	return 0, errors.New("proof has no index")
}

// line is one line of the JSON Lines form of entries that leave the home.
// Without a slot, as older versions wrote it, the proof is that of the entry in
// the ledger itself.
type line struct {
	Entry json.RawMessage `json:"entry"` // the leaf, verbatim
	Slot  *slots.Proof    `json:"slot,omitempty"`
	Hour  *time.Time      `json:"hour,omitempty"` // its end
	Proof string          `json:"proof"`
}

// WriteLines writes entries as JSON Lines.
func WriteLines(w io.Writer, entries []Told) error {
	j := json.NewEncoder(w)
	j.SetEscapeHTML(false) // the leaf's bytes are what is hashed
	for _, t := range entries {
		if err := j.Encode(line{t.Leaf, &t.Slot, &t.End, string(t.Proof)}); err != nil {
			return fmt.Errorf("writing entries: %w", err)
		}
	}
	return nil
}

// ReadLines verifies what WriteLines wrote, of untrusted origin, under a hub's
// verifier key. No entry may stand there twice.
func ReadLines(r io.Reader, vkey string) ([]Entry, error) {
	s := bufio.NewScanner(r)
	s.Buffer(nil, maxLeaf+2*maxProof)
	var out []Entry
	seen := map[tlog.Hash]bool{}
	for s.Scan() {
		d := json.NewDecoder(bytes.NewReader(s.Bytes()))
		d.DisallowUnknownFields()
		var l line
		if err := d.Decode(&l); err != nil {
			return nil, fmt.Errorf("reading line %d: %w", len(out)+1, err)
		}
		e, err := l.verify(vkey)
		if h := tlog.RecordHash(l.Entry); err == nil && seen[h] {
			err = errors.New("the entry stands there twice")
		} else {
			seen[h] = true
		}
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", len(out)+1, err)
		}
		out = append(out, e)
	}
	if err := s.Err(); err != nil {
		return nil, fmt.Errorf("reading line %d: %w", len(out)+1, err)
	}
	return out, nil
}

func (l *line) verify(vkey string) (Entry, error) {
	switch {
	case l.Slot == nil && l.Hour == nil:
		return VerifyProof(l.Entry, []byte(l.Proof), vkey)
	case l.Slot == nil || l.Hour == nil:
		return Entry{}, errors.New("a part of the proof is missing")
	}
	return verifyTold(l.Entry, *l.Slot, *l.Hour, []byte(l.Proof), vkey)
}
