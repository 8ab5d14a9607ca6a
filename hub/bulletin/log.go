package bulletin

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"math"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"filippo.io/torchwood"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

const (
	maxCheckpoint = 16 << 10
	maxProof      = 16 << 10
	proofHeader   = "c2sp.org/tlog-proof@v1\n"
	hashLine      = 45 // a hash in base64 and the end of its line
)

// LogEntry is what the log holds of an envelope: 32 bytes, so that the text of
// a request can be deleted and the log still be checked.
func LogEntry(envelope []byte) [32]byte {
	h := sha256.New()
	h.Write([]byte("gatehouse/entry/v1\n"))
	h.Write(envelope)
	return [32]byte(h.Sum(nil))
}

// LogHash is the leaf hash of an envelope's entry in the log's Merkle tree.
func LogHash(envelope []byte) tlog.Hash {
	e := LogEntry(envelope)
	return tlog.RecordHash(e[:])
}

// Policy decides whether a checkpoint is to be believed. It may be used by many
// goroutines.
type Policy struct {
	policy    torchwood.Policy
	witnesses map[signer]bool
	last      atomic.Pointer[Checkpoint] // the proofs of one bulletin carry the same one: it is verified once and not once a line
}

// signer is how a note names who signed.
type signer struct {
	name string
	hash uint32
}

// NewPolicy returns the policy of one bulletin: the log's C2SP verifier key
// and its witnesses' cosignature keys, of which a majority must have signed (none, if there are none).
func NewPolicy(log string, witnesses []string) (*Policy, error) {
	v, err := note.NewVerifier(log)
	if err != nil {
		return nil, fmt.Errorf("reading the log's key: %w", err)
	}
	all := []torchwood.Policy{torchwood.OriginPolicy(v.Name()), torchwood.SingleVerifierPolicy(v)}
	p := &Policy{witnesses: map[signer]bool{}}
	keys := map[string]bool{keyOf(log): true}
	var quorum []torchwood.Policy
	for _, w := range witnesses {
		v, err := torchwood.NewCosignatureVerifier(w)
		if err != nil {
			return nil, fmt.Errorf("reading a witness's key: %w", err)
		}
		if keys[keyOf(w)] {
			return nil, fmt.Errorf("reading a witness's key: %s has a key that is listed already", v.Name())
		}
		keys[keyOf(w)] = true
		p.witnesses[signer{v.Name(), v.KeyHash()}] = true
		quorum = append(quorum, torchwood.SingleVerifierPolicy(v))
	}
	if n := len(quorum); n > 0 {
		all = append(all, torchwood.ThresholdPolicy(n/2+1, quorum...))
	}
	p.policy = torchwood.ThresholdPolicy(len(all), all...)
	return p, nil
}

// keyOf returns a verifier key's public key without name, hash and algorithm,
// so that one key cannot be two witnesses.
func keyOf(vkey string) string {
	_, rest, _ := strings.Cut(vkey, "+")
	_, key, _ := strings.Cut(rest, "+")
	b, err := base64.StdEncoding.DecodeString(key)
	if err != nil || len(b) == 0 {
		return ""
	}
	return string(b[1:])
}

// Checkpoint is a verified C2SP checkpoint.
type Checkpoint struct {
	Origin string
	Size   int64
	Hash   [32]byte
	Time   time.Time // newest accepted cosignature; zero without witnesses
	Signed []byte
}

// Checkpoint verifies a signed checkpoint. Extension lines are refused.
func (p *Policy) Checkpoint(signed []byte) (Checkpoint, error) {
	c, r := p.checkpoint(signed)
	return c, asError(r)
}

func (p *Policy) checkpoint(signed []byte) (Checkpoint, *Refusal) {
	if len(signed) > maxCheckpoint {
		return Checkpoint{}, refuse(BadProof, "The log's checkpoint is too large.")
	}
	if last := p.last.Load(); last != nil && bytes.Equal(last.Signed, signed) {
		return *last, nil
	}
	c, n, err := torchwood.VerifyCheckpoint(signed, p.policy)
	if err != nil {
		return Checkpoint{}, refuse(BadProof, "The log's checkpoint lacks the signature of the log or of its witnesses.")
	}
	if c.Extension != "" {
		return Checkpoint{}, refuse(BadProof, "The log's checkpoint has extension lines.")
	}
	newest, r := p.newest(n.Sigs)
	if r != nil {
		return Checkpoint{}, r
	}
	believed := &Checkpoint{Origin: c.Origin, Size: c.N, Hash: c.Hash, Time: newest, Signed: bytes.Clone(signed)}
	p.last.Store(believed)
	return *believed, nil
}

// newest is the time of the newest cosignature by a witness of the policy.
func (p *Policy) newest(sigs []note.Signature) (time.Time, *Refusal) {
	var newest time.Time
	for _, s := range sigs {
		if !p.witnesses[signer{s.Name, s.Hash}] {
			continue
		}
		sec, err := torchwood.CosignatureTimestamp(s)
		if err != nil || sec > math.MaxInt32*100 {
			return time.Time{}, refuse(BadProof, "A witness's cosignature has no sensible time.")
		}
		if t := time.Unix(sec, 0).UTC(); t.After(newest) {
			newest = t
		}
	}
	return newest, nil
}

// Entry is a line whose place in the log has been verified.
type Entry struct {
	Line
	Hash  [32]byte // SHA-256 of Envelope: what Request.Profile and Supersedes name
	Index int64    // in the log
	Size  int64    // of the tree the proof was made for
}

// Verify checks a line's proof under the policy. Proofs with extra data are
// refused: nothing signs for it.
func (p *Policy) Verify(l Line) (Entry, error) {
	e, r := p.verify(l)
	return e, asError(r)
}

func (p *Policy) verify(l Line) (Entry, *Refusal) {
	if len(l.Proof) > maxProof || len(l.Envelope) > MaxEnvelope {
		return Entry{}, refuse(BadProof, "The line is too large.")
	}
	index, path, signed, r := parseProof(l.Proof)
	if r != nil {
		return Entry{}, r
	}
	c, r := p.checkpoint(signed)
	if r != nil {
		return Entry{}, r
	}
	if err := tlog.CheckRecord(path, c.Size, c.Hash, index, LogHash(l.Envelope)); err != nil {
		return Entry{}, refuse(BadProof, "The line is not in the log that its checkpoint is of.")
	}
	return Entry{Line: l, Hash: sha256.Sum256(l.Envelope), Index: index, Size: c.Size}, nil
}

// maxPath is the longest path from a leaf to the root that an index of 63 bits allows.
const maxPath = 63

// parseProof takes a C2SP tlog-proof apart: header, index, hashes up to an empty
// line, signed checkpoint. It refuses the extra line.
func parseProof(proof []byte) (index int64, path tlog.RecordProof, signed []byte, r *Refusal) {
	rest, ok := bytes.CutPrefix(proof, []byte(proofHeader+"index "))
	if !ok {
		return 0, nil, nil, refuse(BadProof, "The proof is not a tlog-proof without extra data.")
	}
	digits, rest, _ := bytes.Cut(rest, []byte("\n"))
	index, err := strconv.ParseInt(string(digits), 10, 64)
	if err != nil || index < 0 || strconv.FormatInt(index, 10) != string(digits) {
		return 0, nil, nil, refuse(BadProof, "The proof has no index.")
	}
	path = make(tlog.RecordProof, 0, min(maxPath, len(rest)/hashLine))
	for len(path) <= maxPath {
		var line []byte
		line, rest, ok = bytes.Cut(rest, []byte("\n"))
		if ok && len(line) == 0 {
			return index, path, rest, nil
		}
		if !ok || len(line) != hashLine-1 {
			break // Decode panics if what it is given does not fit
		}
		var h [tlog.HashSize + 1]byte
		if n, err := base64.StdEncoding.Strict().Decode(h[:], line); err != nil || n != tlog.HashSize {
			break
		}
		path = append(path, tlog.Hash(h[:tlog.HashSize]))
	}
	return 0, nil, nil, refuse(BadProof, "The proof's hashes are malformed.")
}
