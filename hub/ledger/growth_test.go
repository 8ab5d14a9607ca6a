package ledger_test

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"gatehouse/hub/ledger"
)

// checkpoints are those of a ledger at each of its sizes.
func checkpoints(t testing.TB, n int) (l *ledger.Log, at [][]byte, vkey string) {
	t.Helper()
	l, _, vkey = filled(t, 0)
	for i := 0; ; i++ {
		cp, err := l.Checkpoint(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if at = append(at, cp); i == n {
			return l, at, vkey
		}
		e := ledger.Entry{Time: time.Unix(int64(i+1), 0), Kind: ledger.Shown, Text: fmt.Sprint("Entry ", i)}
		if _, err := l.Append(t.Context(), e); err != nil {
			t.Fatal(err)
		}
	}
}

func TestGrowth(t *testing.T) {
	l, at, vkey := checkpoints(t, 70)
	for _, n := range []int64{1, 2, 3, 7, 8, 32, 33, 63, 64, 69, 70} {
		proof, err := l.ProveGrowth(t.Context(), n)
		if err != nil {
			t.Fatal(err)
		}
		if from, to, err := ledger.CheckGrowth(at[n], proof, vkey); err != nil || from != n || to != 70 {
			t.Errorf("from %d: %d to %d, %v", n, from, to, err)
		}
		checkTree(t, n, at[n], proof)
		for wrong := range int64(70) {
			if wrong == n {
				continue
			}
			if _, _, err := ledger.CheckGrowth(at[wrong], proof, vkey); !errors.Is(err, ledger.ErrGrowth) {
				t.Fatalf("the proof from %d fits the checkpoint of %d: %v", n, wrong, err)
			}
		}
	}
	for _, n := range []int64{-1, 0, 71} {
		if _, err := l.ProveGrowth(t.Context(), n); !errors.Is(err, ledger.ErrGrowth) {
			t.Errorf("from %d: %v", n, err)
		}
	}
}

// checkTree is an auditor who knows nothing but tlog and the two texts.
func checkTree(t *testing.T, n int64, older, proof []byte) {
	t.Helper()
	tree := func(checkpoint string) (size int64, root tlog.Hash) {
		lines := strings.Split(checkpoint, "\n")
		b, err := base64.StdEncoding.DecodeString(lines[2])
		if _, err2 := fmt.Sscan(lines[1], &size); err != nil || err2 != nil {
			t.Fatal(err, err2)
		}
		return size, tlog.Hash(b)
	}
	head, newer, _ := strings.Cut(string(proof), "\n\n")
	var path tlog.TreeProof
	for _, line := range strings.Split(head, "\n")[2:] {
		h, err := tlog.ParseHash(line)
		if err != nil {
			t.Fatal(err)
		}
		path = append(path, h)
	}
	oldSize, oldRoot := tree(string(older))
	size, root := tree(newer)
	if err := tlog.CheckTree(path, size, root, oldSize, oldRoot); err != nil || oldSize != n {
		t.Errorf("from %d: %v", n, err)
	}
}

// TestGrowthOfAnother has a ledger whose past was rewritten, signed with the same key.
func TestGrowthOfAnother(t *testing.T) {
	s, vkey := signer(t, origin)
	var at [][]byte
	var logs []*ledger.Log
	for i := range 2 {
		_, m, _ := filled(t, 6+i) // salts differ, so do the entries
		l := ledger.New(m, s)
		cp, err := l.Checkpoint(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		at, logs = append(at, cp), append(logs, l)
	}
	proof, err := logs[1].ProveGrowth(t.Context(), 6)
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := ledger.CheckGrowth(at[0], proof, vkey); !errors.Is(err, ledger.ErrGrowth) {
		t.Errorf("%v", err)
	}
	_, other := signer(t, origin)
	if _, _, err := ledger.CheckGrowth(at[1], proof, other); !errors.Is(err, ledger.ErrGrowth) {
		t.Errorf("under another key: %v", err)
	}
}

func TestCheckExport(t *testing.T) {
	l, at, vkey := checkpoints(t, 20)
	var b bytes.Buffer
	cp, err := l.Export(t.Context(), &b)
	if err != nil {
		t.Fatal(err)
	}
	lines := bytes.SplitAfter(b.Bytes(), []byte("\n"))
	lines = lines[:20]
	swapped := append([][]byte{lines[1], lines[0]}, lines[2:]...)
	changed := append([][]byte{bytes.Replace(lines[0], []byte("Entry"), []byte("entry"), 1)}, lines[1:]...)
	for name, c := range map[string]struct {
		lines [][]byte
		cp    []byte
		ok    bool
	}{
		"whole":            {lines, cp, true},
		"one less":         {lines[:19], cp, false},
		"none":             {nil, cp, false},
		"twice":            {append(lines[:20:20], lines...), cp, false},
		"swapped":          {swapped, cp, false},
		"changed":          {changed, cp, false},
		"older":            {lines, at[19], false},
		"older, one less":  {lines[:19], at[19], true},
		"empty, and so it": {nil, at[0], true},
		"no checkpoint":    {lines, nil, false},
	} {
		n, err := ledger.CheckExport(bytes.NewReader(bytes.Join(c.lines, nil)), c.cp, vkey)
		if (err == nil) != c.ok || c.ok && n != int64(len(c.lines)) {
			t.Errorf("%s: %d, %v", name, n, err)
		}
	}
}

func FuzzCheckGrowth(f *testing.F) {
	l, at, vkey := checkpoints(f, 11)
	for _, n := range []int64{1, 5, 8, 11} {
		proof, err := l.ProveGrowth(f.Context(), n)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(at[n], proof)
	}
	f.Fuzz(func(t *testing.T, older, proof []byte) {
		from, to, err := ledger.CheckGrowth(older, proof, vkey)
		if err != nil {
			return
		}
		// Only what was signed verifies, and it has one spelling but for signatures of others.
		signed, err := l.ProveGrowth(t.Context(), from)
		head, _, _ := bytes.Cut(signed, []byte("\n\n"))
		if err != nil || to != 11 || !bytes.HasPrefix(proof, head) {
			t.Fatalf("from %d to %d: %q, %v", from, to, proof, err)
		}
	})
}

func FuzzCheckExport(f *testing.F) {
	l, _, vkey := checkpoints(f, 5)
	var b bytes.Buffer
	cp, err := l.Export(f.Context(), &b)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(b.Bytes())
	f.Fuzz(func(t *testing.T, lines []byte) {
		_, err := ledger.CheckExport(bytes.NewReader(lines), cp, vkey)
		same := bytes.Equal(bytes.TrimSuffix(lines, []byte("\n")), bytes.TrimSuffix(b.Bytes(), []byte("\n")))
		if (err == nil) && !same && !bytes.Contains(lines, []byte("\r")) {
			t.Fatalf("another export was accepted: %q", lines)
		}
	})
}
