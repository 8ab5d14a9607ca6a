package bulletintest

import (
	"crypto/rand"
	"fmt"
	"testing"

	"filippo.io/torchwood"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"gatehouse/hub/bulletin"
)

// Log is a transparency log in memory with its witnesses.
type Log struct {
	Key       string   // C2SP verifier key
	Witnesses []string // C2SP cosignature keys
	Origin    string
	Extra     string // extension lines of the checkpoint

	Signers []note.Signer // the log's, then the witnesses'
	kinds   []bulletin.Kind
	envs    [][]byte
	hashes  []tlog.Hash
}

// NewLog makes an empty log with n witnesses.
func NewLog(t testing.TB, n int) *Log {
	t.Helper()
	l := &Log{Origin: "police.springfield.example/gatehouse"}
	skey, vkey, err := note.GenerateKey(rand.Reader, l.Origin)
	if err != nil {
		t.Fatal(err)
	}
	s, err := note.NewSigner(skey)
	if err != nil {
		t.Fatal(err)
	}
	l.Key, l.Signers = vkey, []note.Signer{s}
	for i := range n {
		w, err := torchwood.NewCosignatureSigner(fmt.Sprintf("witness%d.example", i), Key(t))
		if err != nil {
			t.Fatal(err)
		}
		l.Witnesses, l.Signers = append(l.Witnesses, w.Verifier().String()), append(l.Signers, w)
	}
	return l
}

// Policy is the policy that believes this log.
func (l *Log) Policy(t testing.TB) *bulletin.Policy {
	t.Helper()
	p, err := bulletin.NewPolicy(l.Key, l.Witnesses)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// Add appends an envelope.
func (l *Log) Add(t testing.TB, k bulletin.Kind, env []byte) {
	t.Helper()
	n := int64(len(l.envs))
	hashes, err := tlog.StoredHashesForRecordHash(n, bulletin.LogHash(env), l.reader())
	if err != nil {
		t.Fatal(err)
	}
	l.kinds, l.envs, l.hashes = append(l.kinds, k), append(l.envs, env), append(l.hashes, hashes...)
}

func (l *Log) reader() tlog.HashReaderFunc {
	return func(indexes []int64) ([]tlog.Hash, error) {
		out := make([]tlog.Hash, len(indexes))
		for i, x := range indexes {
			out[i] = l.hashes[x]
		}
		return out, nil
	}
}

// Checkpoint is the signed and cosigned checkpoint of now.
func (l *Log) Checkpoint(t testing.TB) []byte {
	t.Helper()
	n := int64(len(l.envs))
	h, err := tlog.TreeHash(n, l.reader())
	if err != nil {
		t.Fatal(err)
	}
	c := torchwood.Checkpoint{Origin: l.Origin, Tree: tlog.Tree{N: n, Hash: h}, Extension: l.Extra}
	signed, err := note.Sign(&note.Note{Text: c.String()}, l.Signers...)
	if err != nil {
		t.Fatal(err)
	}
	return signed
}

// Lines are all entries with proofs against one checkpoint.
func (l *Log) Lines(t testing.TB) []bulletin.Line {
	t.Helper()
	signed := l.Checkpoint(t)
	var lines []bulletin.Line
	for i, env := range l.envs {
		p, err := tlog.ProveRecord(int64(len(l.envs)), int64(i), l.reader())
		if err != nil {
			t.Fatal(err)
		}
		lines = append(lines, bulletin.Line{Kind: l.kinds[i], Envelope: env, Proof: torchwood.FormatProof(int64(i), p, signed)})
	}
	return lines
}

// File is the .ghb file of all entries.
func (l *Log) File(t testing.TB) []byte {
	t.Helper()
	data, err := bulletin.WriteFile(l.Lines(t))
	if err != nil {
		t.Fatal(err)
	}
	return data
}
