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

	"filippo.io/torchwood"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
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

// Prove returns a request's entries with proofs against one checkpoint. A leaf
// that its own proof does not fit is ErrDamaged: nothing false is handed out.
func (l *Log) Prove(ctx context.Context, request string) ([]Proven, error) {
	indexes, err := l.store.ByRequest(ctx, request)
	if err != nil {
		return nil, fmt.Errorf("reading ledger: %w", err)
	}
	return l.ProveEntries(ctx, indexes)
}

// ProveEntries is Prove for entries by their indexes, ascending.
func (l *Log) ProveEntries(ctx context.Context, indexes []int64) ([]Proven, error) {
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

// line is one line of the JSON Lines form of proven entries.
type line struct {
	Entry json.RawMessage `json:"entry"` // the leaf, verbatim
	Proof string          `json:"proof"`
}

// WriteLines writes proven entries as JSON Lines.
func WriteLines(w io.Writer, entries []Proven) error {
	j := json.NewEncoder(w)
	j.SetEscapeHTML(false) // the leaf's bytes are what is hashed
	for _, p := range entries {
		if err := j.Encode(line{p.Leaf, string(p.Proof)}); err != nil {
			return fmt.Errorf("writing entries: %w", err)
		}
	}
	return nil
}

// ReadLines verifies what WriteLines wrote, of untrusted origin, under a hub's
// verifier key. Entries must be in ascending order.
func ReadLines(r io.Reader, vkey string) ([]Proven, error) {
	s := bufio.NewScanner(r)
	s.Buffer(nil, maxLeaf+2*maxProof)
	var out []Proven
	for s.Scan() {
		d := json.NewDecoder(bytes.NewReader(s.Bytes()))
		d.DisallowUnknownFields()
		var l line
		if err := d.Decode(&l); err != nil {
			return nil, fmt.Errorf("reading line %d: %w", len(out)+1, err)
		}
		e, err := VerifyProof(l.Entry, []byte(l.Proof), vkey)
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", len(out)+1, err)
		}
		if len(out) > 0 && out[len(out)-1].Entry.Index >= e.Index {
			return nil, fmt.Errorf("line %d: entries are not in order", len(out)+1)
		}
		out = append(out, Proven{Leaf: l.Entry, Entry: e, Proof: []byte(l.Proof)})
	}
	if err := s.Err(); err != nil {
		return nil, fmt.Errorf("reading line %d: %w", len(out)+1, err)
	}
	return out, nil
}
