package ledger

import (
	"bufio"
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"filippo.io/torchwood"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// growthHead is the first line of a proof of growth. Such a proof is
//
//	gatehouse ledger growth v1
//	old 5
//	<base64 of each hash of the RFC 6962 section 2.1.2 proof>
//
//	<the newer checkpoint>
const growthHead = "gatehouse ledger growth v1\n"

// maxSigned bounds a signed checkpoint.
const maxSigned = 16 << 10

// ErrGrowth means that a proof does not show that one ledger grew from another.
var ErrGrowth = errors.New("the ledger did not grow from that one")

// ProveGrowth proves that the ledger of now begins with the first from entries it
// once had: against a checkpoint of that size, which the reader kept. It is for the owner to hand
// out: it tells how long the ledger is.
func (l *Log) ProveGrowth(ctx context.Context, from int64) ([]byte, error) {
	tree, signed, err := l.head(ctx)
	if err != nil {
		return nil, err
	}
	if from < 1 || from > tree.N {
		return nil, fmt.Errorf("%w: it has %d entries, a proof can begin at 1 to %d", ErrGrowth, tree.N, tree.N)
	}
	old, err := tlog.TreeHash(from, l.store)
	if err != nil {
		return nil, fmt.Errorf("hashing ledger: %w", err)
	}
	proof, err := tlog.ProveTree(tree.N, from, l.store)
	if err != nil {
		return nil, fmt.Errorf("%w: proving growth: %w", ErrDamaged, err)
	}
	if err := tlog.CheckTree(proof, tree.N, tree.Hash, from, old); err != nil {
		return nil, fmt.Errorf("%w: proving growth: %w", ErrDamaged, err)
	}
	var b bytes.Buffer
	fmt.Fprintf(&b, "%sold %d\n", growthHead, from)
	for _, h := range proof {
		fmt.Fprintf(&b, "%s\n", h)
	}
	b.WriteByte('\n')
	b.Write(signed)
	return b.Bytes(), nil
}

// CheckGrowth verifies what ProveGrowth made, of untrusted origin, against an
// older checkpoint under a hub's verifier key. It returns both sizes. What
// does not hold is ErrGrowth.
func CheckGrowth(older, proof []byte, vkey string) (from, to int64, err error) {
	old, err := openCheckpoint(older, vkey)
	if err != nil {
		return 0, 0, fmt.Errorf("%w: the older checkpoint: %w", ErrGrowth, err)
	}
	from, path, signed, err := parseGrowth(proof)
	if err != nil {
		return 0, 0, fmt.Errorf("%w: the proof: %w", ErrGrowth, err)
	}
	now, err := openCheckpoint(signed, vkey)
	switch {
	case err != nil:
		return 0, 0, fmt.Errorf("%w: the newer checkpoint: %w", ErrGrowth, err)
	case from != old.N:
		return 0, 0, fmt.Errorf("%w: the proof begins at %d entries and the older checkpoint has %d", ErrGrowth, from, old.N)
	}
	if err := tlog.CheckTree(path, now.N, now.Hash, old.N, old.Hash); err != nil {
		return 0, 0, fmt.Errorf("%w: %w", ErrGrowth, err)
	}
	return old.N, now.N, nil
}

// parseGrowth reads a proof of growth.
func parseGrowth(proof []byte) (from int64, path tlog.TreeProof, signed []byte, err error) {
	malformed := errors.New("it is malformed")
	if len(proof) > maxProof {
		return 0, nil, nil, fmt.Errorf("it has %d bytes; %d are allowed", len(proof), maxProof)
	}
	head, signed, ok := bytes.Cut(proof, []byte("\n\n"))
	text, ok2 := strings.CutPrefix(string(head)+"\n", growthHead+"old ")
	if !ok || !ok2 {
		return 0, nil, nil, malformed
	}
	lines := strings.Split(strings.TrimSuffix(text, "\n"), "\n")
	if from, err = strconv.ParseInt(lines[0], 10, 64); err != nil || strconv.FormatInt(from, 10) != lines[0] || len(lines) > 65 {
		return 0, nil, nil, malformed
	}
	for _, line := range lines[1:] {
		b, err := base64.StdEncoding.Strict().DecodeString(line)
		if err != nil || len(b) != tlog.HashSize || base64.StdEncoding.EncodeToString(b) != line {
			return 0, nil, nil, malformed
		}
		path = append(path, tlog.Hash(b))
	}
	return from, path, signed, nil
}

// openCheckpoint verifies a checkpoint of untrusted origin under a hub's verifier key.
func openCheckpoint(signed []byte, vkey string) (tlog.Tree, error) {
	if len(signed) > maxSigned {
		return tlog.Tree{}, fmt.Errorf("it has %d bytes; %d are allowed", len(signed), maxSigned)
	}
	v, err := note.NewVerifier(vkey)
	if err != nil {
		return tlog.Tree{}, fmt.Errorf("reading verifier key: %w", err)
	}
	c, _, err := torchwood.VerifyCheckpoint(signed, torchwood.ThresholdPolicy(2, torchwood.OriginPolicy(v.Name()), torchwood.SingleVerifierPolicy(v)))
	if err != nil {
		return tlog.Tree{}, err
	}
	return c.Tree, nil
}

// CheckExport verifies what Export wrote, of untrusted origin: that the lines are
// exactly the entries of the checkpoint, under a hub's verifier key. It returns how many they are.
func CheckExport(r io.Reader, checkpoint []byte, vkey string) (int64, error) {
	want, err := openCheckpoint(checkpoint, vkey)
	if err != nil {
		return 0, fmt.Errorf("the checkpoint: %w", err)
	}
	var c checker // for its right edge
	s := bufio.NewScanner(r)
	s.Buffer(nil, maxLeaf+1)
	var n int64
	for s.Scan() {
		if _, err := Decode(s.Bytes()); err != nil {
			return n, fmt.Errorf("line %d: %w", n+1, err)
		}
		hashes, err := tlog.StoredHashes(n, s.Bytes(), &c)
		if err != nil {
			return n, fmt.Errorf("line %d: %w", n+1, err)
		}
		copy(c.edge[:], hashes)
		if n++; n > want.N {
			return n, fmt.Errorf("%w: more lines than the %d entries of the checkpoint", ErrDamaged, want.N)
		}
	}
	if err := s.Err(); err != nil {
		return n, fmt.Errorf("reading line %d: %w", n+1, err)
	}
	root, err := tlog.TreeHash(n, &c)
	if err != nil {
		return n, err
	}
	if n != want.N || root != want.Hash {
		return n, fmt.Errorf("%w: the %d lines are not the %d entries of the checkpoint", ErrDamaged, n, want.N)
	}
	return n, nil
}
