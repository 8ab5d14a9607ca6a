package witness

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"filippo.io/torchwood"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// testLog is a log in memory.
type testLog struct {
	signer note.Signer
	vkey   string
	hashes []tlog.Hash
	size   int64
}

func newLog(t *testing.T, name string) *testLog {
	t.Helper()
	skey, vkey, err := note.GenerateKey(rand.Reader, name)
	if err != nil {
		t.Fatal(err)
	}
	s, err := note.NewSigner(skey)
	if err != nil {
		t.Fatal(err)
	}
	return &testLog{signer: s, vkey: vkey}
}

// ReadHashes implements tlog.HashReader.
func (l *testLog) ReadHashes(at []int64) ([]tlog.Hash, error) {
	out := make([]tlog.Hash, len(at))
	for i, x := range at {
		out[i] = l.hashes[x]
	}
	return out, nil
}

func (l *testLog) grow(t *testing.T, entries ...string) {
	t.Helper()
	for _, e := range entries {
		h, err := tlog.StoredHashes(l.size, []byte(e), l)
		if err != nil {
			t.Fatal(err)
		}
		l.hashes, l.size = append(l.hashes, h...), l.size+1
	}
}

// ask asks for the newest tree, going on from one of old entries.
func (l *testLog) ask(t *testing.T, old int64) []byte {
	t.Helper()
	root, err := tlog.TreeHash(l.size, l)
	if err != nil {
		t.Fatal(err)
	}
	c := torchwood.Checkpoint{Origin: l.signer.Name(), Tree: tlog.Tree{N: l.size, Hash: root}}
	a := Ask{Old: old}
	if a.Checkpoint, err = note.Sign(&note.Note{Text: c.String()}, l.signer); err != nil {
		t.Fatal(err)
	}
	if old > 0 && old < l.size {
		if a.Proof, err = tlog.ProveTree(l.size, old, l); err != nil {
			t.Fatal(err)
		}
	}
	return a.Format()
}

func newWitness(t *testing.T) (dir string, v *torchwood.CosignatureVerifier) {
	t.Helper()
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	dir = filepath.Join(t.TempDir(), "witness")
	vkey, err := Init(dir, "witness.example/w1", key)
	if err != nil {
		t.Fatal(err)
	}
	if v, err = torchwood.NewCosignatureVerifier(vkey); err != nil {
		t.Fatal(err)
	}
	return dir, v
}

// wantSigned reads an answer with C2SP's own tools.
func wantSigned(t *testing.T, answer, ask []byte, v *torchwood.CosignatureVerifier) {
	t.Helper()
	a, err := ParseAsk(ask)
	if err != nil {
		t.Fatal(err)
	}
	n, err := note.Open(append(bytes.Clone(a.Checkpoint), answer...), note.VerifierList(v))
	if err != nil {
		t.Fatalf("%v in\n%s", err, answer)
	}
	if s, err := Read(answer, n.Text, v); err != nil || s != n.Sigs[0] {
		t.Errorf("read %v, %v", s, err)
	}
	sec, err := torchwood.CosignatureTimestamp(n.Sigs[0])
	if err != nil || time.Since(time.Unix(sec, 0)).Abs() > time.Minute {
		t.Errorf("signed at %d, %v", sec, err)
	}
}

func TestCosign(t *testing.T) {
	dir, v := newWitness(t)
	l := newLog(t, "police.example/gatehouse")
	l.grow(t, "a", "b", "c")
	first := l.ask(t, 0)
	if _, err := Cosign(dir, first, ""); !errors.Is(err, ErrUnknownLog) {
		t.Errorf("an unknown log: %v", err)
	}
	s, err := Cosign(dir, first, l.vkey)
	if err != nil || s.Size != 3 || s.Was != 0 {
		t.Fatalf("first: %+v, %v", s, err)
	}
	wantSigned(t, s.Cosignature, first, v)
	if s, err = Cosign(dir, first, ""); err != nil { // the answer was lost
		t.Fatal(err)
	}
	wantSigned(t, s.Cosignature, first, v)
	l.grow(t, "d", "e")
	ask := l.ask(t, 3)
	if s, err = Cosign(dir, ask, ""); err != nil || s.Size != 5 || s.Was != 3 {
		t.Fatalf("second: %+v, %v", s, err)
	}
	wantSigned(t, s.Cosignature, ask, v)
	behind := new(Behind)
	if _, err := Cosign(dir, first, ""); !errors.As(err, &behind) || behind.Known != 5 {
		t.Errorf("an older tree: %v", err)
	}
	l.grow(t, "f")
	if _, err := Cosign(dir, l.ask(t, 3), ""); !errors.As(err, &behind) || behind.Ask != 3 || behind.Known != 5 {
		t.Errorf("from another tree: %v", err)
	}
	if _, err := Cosign(dir, l.ask(t, 5), newLog(t, "police.example/gatehouse").vkey); !errors.Is(err, ErrOtherKey) {
		t.Errorf("another key: %v", err)
	}
}

func TestCosignRefusesASplitView(t *testing.T) {
	dir, _ := newWitness(t)
	l := newLog(t, "police.example/gatehouse")
	l.grow(t, "a", "b", "c")
	other := &testLog{signer: l.signer, vkey: l.vkey}
	other.grow(t, "a", "b", "x")
	if _, err := Cosign(dir, l.ask(t, 0), l.vkey); err != nil {
		t.Fatal(err)
	}
	if _, err := Cosign(dir, other.ask(t, 3), ""); !errors.Is(err, ErrSplit) {
		t.Errorf("another tree of the same size: %v", err)
	}
	other.grow(t, "d")
	if _, err := Cosign(dir, other.ask(t, 3), ""); !errors.Is(err, ErrSplit) {
		t.Errorf("another tree that grew: %v", err)
	}
	forged := newLog(t, "police.example/gatehouse")
	forged.grow(t, "a", "b", "c", "d")
	if _, err := Cosign(dir, forged.ask(t, 3), ""); !errors.Is(err, ErrNotItsLog) {
		t.Errorf("another signer: %v", err)
	}
	l.grow(t, "d")
	if _, err := Cosign(dir, l.ask(t, 3), ""); err != nil {
		t.Errorf("the honest log afterwards: %v", err)
	}
}

func TestForgetfulWitnessIsRefused(t *testing.T) {
	dir, _ := newWitness(t)
	l := newLog(t, "police.example/gatehouse")
	l.grow(t, "a")
	if err := os.WriteFile(filepath.Join(dir, nameFile), []byte("{}"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Cosign(dir, l.ask(t, 0), l.vkey); err == nil {
		t.Error("a witness that forgot what it signed for signs")
	}
}

func TestServer(t *testing.T) {
	dir, v := newWitness(t)
	l := newLog(t, "police.example/gatehouse")
	if _, err := Trust(dir, l.vkey); err != nil {
		t.Fatal(err)
	}
	if _, err := Trust(dir, newLog(t, "police.example/gatehouse").vkey); !errors.Is(err, ErrOtherKey) {
		t.Errorf("trusting another key of one name: %v", err)
	}
	s, err := NewServer(dir, "127.0.0.1:0", slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	post := func(body []byte) (int, string, []byte) {
		resp, err := http.Post("http://"+s.Addr().String()+"/add-checkpoint", "", bytes.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		answer, err := io.ReadAll(resp.Body)
		if err := errors.Join(err, resp.Body.Close()); err != nil {
			t.Fatal(err)
		}
		return resp.StatusCode, resp.Header.Get("Content-Type"), answer
	}
	l.grow(t, "a", "b")
	ask := l.ask(t, 0)
	code, _, answer := post(ask)
	if code != http.StatusOK {
		t.Fatalf("status %d: %s", code, answer)
	}
	wantSigned(t, answer, ask, v)
	l.grow(t, "c")
	if code, kind, answer := post(l.ask(t, 1)); code != http.StatusConflict || kind != "text/x.tlog.size" || string(answer) != "2\n" {
		t.Errorf("from another tree: %d %s %q", code, kind, answer)
	}
	split := &testLog{signer: l.signer, vkey: l.vkey}
	split.grow(t, "a", "x", "c")
	stranger := newLog(t, "stranger.example/gatehouse")
	stranger.grow(t, "a")
	forged := newLog(t, "police.example/gatehouse")
	forged.grow(t, "a", "b", "c")
	for _, c := range []struct {
		body []byte
		want int
	}{
		{split.ask(t, 2), http.StatusUnprocessableEntity},
		{stranger.ask(t, 0), http.StatusNotFound},
		{forged.ask(t, 2), http.StatusForbidden},
		{[]byte("old 2\n\n"), http.StatusNotFound},
		{[]byte("new"), http.StatusBadRequest},
		{bytes.Repeat([]byte("x"), MaxAsk+1), http.StatusBadRequest},
		{l.ask(t, 2), http.StatusOK},
	} {
		if code, _, answer := post(c.body); code != c.want {
			t.Errorf("status %d, want %d: %s", code, c.want, answer)
		}
	}
}

// FuzzParseAsk holds that what is read is written again as it was.
func FuzzParseAsk(f *testing.F) {
	f.Add([]byte("old 0\n\nlog\n1\nAAAA\n"))
	f.Add([]byte("old 3\nYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWE=\n\nlog\n"))
	f.Add([]byte("old -1\n\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		a, err := ParseAsk(text)
		if err != nil {
			return
		}
		if got := a.Format(); !bytes.Equal(got, text) {
			t.Errorf("%q became %q", text, got)
		}
	})
}

// FuzzRead holds that nothing but the witness's signature is taken for it.
func FuzzRead(f *testing.F) {
	key := ed25519.NewKeyFromSeed(bytes.Repeat([]byte{7}, ed25519.SeedSize))
	s, err := torchwood.NewCosignatureSigner("witness.example/w1", key)
	if err != nil {
		f.Fatal(err)
	}
	text := torchwood.Checkpoint{Origin: "police.example/gatehouse", Tree: tlog.Tree{N: 1}}.String()
	line, err := signature(text, s)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(line)
	f.Add([]byte("— witness.example/w1 AAAA\n"))
	f.Fuzz(func(t *testing.T, answer []byte) {
		sig, err := Read(answer, text, s.Verifier())
		if err != nil {
			return
		}
		if sig.Name != "witness.example/w1" || !bytes.Contains(answer, []byte(sig.Base64)) {
			t.Errorf("%+v of %q", sig, answer)
		}
	})
}
