package bulletin

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"math"
	"strconv"
	"strings"
	"sync"
	"time"

	"filippo.io/torchwood"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

const (
	maxCheckpoint = 16 << 10
	maxProof      = 16 << 10
	proofHeader   = "c2sp.org/tlog-proof@v1\n"
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
	all := []torchwood.Policy{torchwood.OriginPolicy(v.Name()), torchwood.SingleVerifierPolicy(&memo{Verifier: v})}
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
		quorum = append(quorum, torchwood.SingleVerifierPolicy(&memo{Verifier: v}))
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

// memo remembers the last signature that verified: the proofs of one bulletin
// carry the same checkpoint, so it is verified once and not once a line.
type memo struct {
	note.Verifier
	mu   sync.Mutex
	last [32]byte // guarded by mu
}

func (m *memo) Verify(msg, sig []byte) bool {
	h := sha256.New()
	fmt.Fprintf(h, "%d\n", len(msg))
	h.Write(msg)
	h.Write(sig)
	sum := [32]byte(h.Sum(nil))
	m.mu.Lock()
	defer m.mu.Unlock()
	if sum == m.last {
		return true
	}
	if !m.Verifier.Verify(msg, sig) {
		return false
	}
	m.last = sum
	return true
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
	return Checkpoint{Origin: c.Origin, Size: c.N, Hash: c.Hash, Time: newest, Signed: bytes.Clone(signed)}, nil
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
	rest, ok := bytes.CutPrefix(l.Proof, []byte(proofHeader+"index "))
	if !ok {
		return Entry{}, refuse(BadProof, "The proof is not a tlog-proof without extra data.")
	}
	digits, _, _ := bytes.Cut(rest, []byte("\n"))
	index, err := strconv.ParseInt(string(digits), 10, 64)
	if err != nil || strconv.FormatInt(index, 10) != string(digits) {
		return Entry{}, refuse(BadProof, "The proof has no index.")
	}
	if err := torchwood.VerifyProof(p.policy, LogHash(l.Envelope), l.Proof); err != nil {
		return Entry{}, refuse(BadProof, "The line is not in the log, or the log and its witnesses have not signed for it.")
	}
	_, signed, _ := bytes.Cut(l.Proof, []byte("\n\n"))
	c, r := p.checkpoint(signed)
	if r != nil {
		return Entry{}, r
	}
	return Entry{Line: l, Hash: sha256.Sum256(l.Envelope), Index: index, Size: c.Size}, nil
}
