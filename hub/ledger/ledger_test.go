package ledger_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"gatehouse/hub/ledger"
	"gatehouse/hub/ledger/ledgertest"
)

const origin = "gatehouse.local/ledger/test"

func signer(t testing.TB, name string) (note.Signer, string) {
	t.Helper()
	skey, vkey, err := note.GenerateKey(nil, name)
	if err != nil {
		t.Fatal(err)
	}
	s, err := note.NewSigner(skey)
	if err != nil {
		t.Fatal(err)
	}
	return s, vkey
}

func filled(t testing.TB, n int) (*ledger.Log, *ledgertest.Memory, string) {
	t.Helper()
	s, vkey := signer(t, origin)
	m := &ledgertest.Memory{}
	l := ledger.New(m, s)
	for i := range n {
		_, err := l.Append(t.Context(), ledger.Entry{
			Time: time.Date(2026, 11, 21, 21, 0, i, 123456789, time.FixedZone("x", 3600)), Kind: ledger.Received,
			Request: fmt.Sprint("r", i%3), Agency: "police.example", Text: "A request <arrived> & was read.",
			Data: json.RawMessage(`{ "z": 1.50, "a": {"b": [true, null]} }`),
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return l, m, vkey
}

func TestMemory(t *testing.T) {
	ledgertest.TestStore(t, func(*testing.T) ledger.Store { return &ledgertest.Memory{} })
}

func TestLeafIsCanonical(t *testing.T) {
	_, m, _ := filled(t, 1)
	leaves, _ := m.Leaves(t.Context(), 0, 1)
	e, err := ledger.Decode(leaves[0])
	if err != nil {
		t.Fatal(err)
	}
	want := `{"salt":"` + base64.StdEncoding.EncodeToString(e.Salt) + `","time":"2026-11-21T20:00:00.123456Z",` +
		`"kind":"request.received","request":"r0","agency":"police.example","text":"A request <arrived> & was read.",` +
		`"data":{"a":{"b":[true,null]},"z":1.50}}`
	if diff := cmp.Diff(want, string(leaves[0])); diff != "" {
		t.Fatal(diff)
	}
}

func TestAppendRefusesAndMends(t *testing.T) {
	l, _, _ := filled(t, 0)
	good := ledger.Entry{Time: time.Unix(1, 0), Kind: ledger.Shown, Text: "x"}
	for name, edit := range map[string]func(*ledger.Entry){
		"no time":     func(e *ledger.Entry) { e.Time = time.Time{} },
		"no kind":     func(e *ledger.Entry) { e.Kind = "" },
		"odd kind":    func(e *ledger.Entry) { e.Kind = "Request Shown" },
		"no text":     func(e *ledger.Entry) { e.Text = " \n" },
		"long text":   func(e *ledger.Entry) { e.Text = strings.Repeat("x", 1<<14) },
		"data list":   func(e *ledger.Entry) { e.Data = json.RawMessage(`[1]`) },
		"data twice":  func(e *ledger.Entry) { e.Data = json.RawMessage(`{} {}`) },
		"data null":   func(e *ledger.Entry) { e.Data = json.RawMessage(`null`) },
		"data broken": func(e *ledger.Entry) { e.Data = json.RawMessage(`{"a"`) },
		"data large":  func(e *ledger.Entry) { e.Data = json.RawMessage(`{"a":"` + strings.Repeat("x", 1<<18) + `"}`) },
		"long agency": func(e *ledger.Entry) { e.Agency = strings.Repeat("x", 1000) },
	} {
		e := good
		edit(&e)
		if _, err := l.Append(t.Context(), e); err == nil {
			t.Errorf("%s: appended", name)
		}
	}
	good.Text = "An agency named \"A\nB\x00\xff\u2028\" asked."
	got, err := l.Append(t.Context(), good)
	if err != nil {
		t.Fatal(err)
	}
	if want := "An agency named \"A B \uFFFD \" asked."; got[0].Text != want {
		t.Fatalf("text %q, want %q", got[0].Text, want)
	}
	again, err := l.Entries(t.Context(), 0, 5)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(got, again); diff != "" {
		t.Fatalf("what Append returned is not what is read (-returned +read):\n%s", diff)
	}
}

func TestProofs(t *testing.T) {
	l, _, vkey := filled(t, 41)
	_, other := signer(t, origin)
	proven, err := l.Prove(t.Context(), "r1")
	if err != nil || len(proven) != 14 {
		t.Fatalf("%d entries, %v", len(proven), err)
	}
	for i, p := range proven {
		e, err := ledger.VerifyProof(p.Leaf, p.Proof, vkey)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(p.Entry, e); diff != "" || e.Index != int64(1+3*i) {
			t.Fatalf("entry %d: %s", e.Index, diff)
		}
		if _, err := ledger.VerifyProof(proven[(i+1)%14].Leaf, p.Proof, vkey); err == nil {
			t.Fatal("another entry's proof was accepted")
		}
		if _, err := ledger.VerifyProof(p.Leaf, p.Proof, other); err == nil {
			t.Fatal("another hub's key was accepted")
		}
		for j := range p.Proof {
			bad := bytes.Clone(p.Proof)
			bad[j] ^= 1
			if _, err := ledger.VerifyProof(p.Leaf, bad, vkey); err == nil {
				t.Fatalf("proof with a bit flipped in byte %d accepted:\n%s", j, bad)
			}
		}
	}
}

func TestCheckpointIsC2SP(t *testing.T) {
	l, m, vkey := filled(t, 5)
	signed, err := l.Checkpoint(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	v, err := note.NewVerifier(vkey)
	if err != nil {
		t.Fatal(err)
	}
	n, err := note.Open(signed, note.VerifierList(v))
	if err != nil {
		t.Fatal(err)
	}
	leaves, _ := m.Leaves(t.Context(), 0, 5)
	leaf := func(i int) []byte { h := sha256.Sum256(append([]byte{0}, leaves[i]...)); return h[:] }
	node := func(a, b []byte) []byte { h := sha256.Sum256(append(append([]byte{1}, a...), b...)); return h[:] }
	root := node(node(node(leaf(0), leaf(1)), node(leaf(2), leaf(3))), leaf(4)) // RFC 6962 section 2.1
	want := origin + "\n5\n" + base64.StdEncoding.EncodeToString(root) + "\n"
	if n.Text != want {
		t.Fatalf("checkpoint\n%s\nwant\n%s", n.Text, want)
	}
}

func TestEmptyLedger(t *testing.T) {
	l, _, _ := filled(t, 0)
	cp, err := l.Checkpoint(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	empty, _ := hex.DecodeString("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")
	if !strings.Contains(string(cp), "\n0\n"+base64.StdEncoding.EncodeToString(empty)) {
		t.Fatalf("%s", cp)
	}
	if err := l.Check(t.Context(), cp); err != nil {
		t.Fatal(err)
	}
	if p, err := l.Prove(t.Context(), "x"); len(p) != 0 || err != nil {
		t.Fatal(p, err)
	}
}

func TestCheckFindsDamage(t *testing.T) {
	for name, corrupt := range map[string]func([][]byte, []tlog.Hash) ([][]byte, []tlog.Hash){
		"leaf changed": func(l [][]byte, h []tlog.Hash) ([][]byte, []tlog.Hash) {
			l[7] = bytes.Replace(l[7], []byte("arrived"), []byte("arriveD"), 1)
			return l, h
		},
		"leaves swapped": func(l [][]byte, h []tlog.Hash) ([][]byte, []tlog.Hash) { l[3], l[4] = l[4], l[3]; return l, h },
		"not canonical": func(l [][]byte, h []tlog.Hash) ([][]byte, []tlog.Hash) {
			l[3] = append([]byte(" "), l[3]...)
			return l, h
		},
		"leaf hash":  func(l [][]byte, h []tlog.Hash) ([][]byte, []tlog.Hash) { h[0][0] ^= 1; return l, h },
		"inner hash": func(l [][]byte, h []tlog.Hash) ([][]byte, []tlog.Hash) { h[2][31] ^= 1; return l, h },
		"end cut off": func(l [][]byte, h []tlog.Hash) ([][]byte, []tlog.Hash) {
			return l[:10], h[:tlog.StoredHashCount(10)]
		},
		"history rewritten": func(l [][]byte, _ []tlog.Hash) ([][]byte, []tlog.Hash) {
			l[2] = bytes.Replace(l[2], []byte("arrived"), []byte("vanished"), 1)
			var h []tlog.Hash
			for i := range l {
				more, err := tlog.StoredHashes(int64(i), l[i], tlog.HashReaderFunc(func(x []int64) ([]tlog.Hash, error) {
					var out []tlog.Hash
					for _, i := range x {
						out = append(out, h[i])
					}
					return out, nil
				}))
				if err != nil {
					panic(err)
				}
				h = append(h, more...)
			}
			return l, h
		},
	} {
		t.Run(name, func(t *testing.T) {
			l, m, _ := filled(t, 11)
			older, err := l.Checkpoint(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if _, err := l.Append(t.Context(), ledger.Entry{Time: time.Unix(9, 0), Kind: ledger.Shown, Text: "x"}); err != nil {
				t.Fatal(err)
			}
			if err := l.Check(t.Context(), older); err != nil {
				t.Fatalf("before: %v", err)
			}
			m.Corrupt(corrupt)
			if err := l.Check(t.Context(), older); !errors.Is(err, ledger.ErrDamaged) {
				t.Fatalf("after: %v", err)
			}
		})
	}
}

func TestCheckRefusesForeignCheckpoint(t *testing.T) {
	l, m, _ := filled(t, 3)
	s, _ := signer(t, origin)
	foreign, err := ledger.New(m, s).Checkpoint(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Check(t.Context(), foreign); err == nil {
		t.Fatal("a checkpoint of another key was accepted")
	}
}

func TestProveRefusesDamage(t *testing.T) {
	l, m, _ := filled(t, 6)
	m.Corrupt(func(l [][]byte, h []tlog.Hash) ([][]byte, []tlog.Hash) {
		l[1] = bytes.Replace(l[1], []byte("arrived"), []byte("arriveD"), 1)
		return l, h
	})
	if _, err := l.Prove(t.Context(), "r1"); !errors.Is(err, ledger.ErrDamaged) {
		t.Fatalf("%v", err)
	}
	if _, err := l.ProveEntry(t.Context(), 1); !errors.Is(err, ledger.ErrDamaged) {
		t.Fatalf("%v", err)
	}
}

func TestProveEntry(t *testing.T) {
	l, _, v := filled(t, 6)
	p, err := l.ProveEntry(t.Context(), 4)
	if err != nil || p.Entry.Index != 4 {
		t.Fatalf("%+v, %v", p.Entry, err)
	}
	if e, err := ledger.VerifyProof(p.Leaf, p.Proof, v); err != nil || e.Text != p.Entry.Text {
		t.Errorf("%+v, %v", e, err)
	}
	for _, i := range []int64{-1, 6, 1 << 40} {
		if _, err := l.ProveEntry(t.Context(), i); !errors.Is(err, ledger.ErrNoEntry) {
			t.Errorf("entry %d: %v, want ErrNoEntry", i, err)
		}
	}
}

func TestExport(t *testing.T) {
	l, m, _ := filled(t, 600)
	var b bytes.Buffer
	cp, err := l.Export(t.Context(), &b)
	if err != nil {
		t.Fatal(err)
	}
	lines := bytes.Split(bytes.TrimSuffix(b.Bytes(), []byte("\n")), []byte("\n"))
	leaves, _ := m.Leaves(t.Context(), 0, 600)
	if diff := cmp.Diff(leaves, lines); diff != "" {
		t.Fatal(diff)
	}
	if err := l.Check(t.Context(), cp); err != nil {
		t.Fatal(err)
	}
}

func FuzzDecode(f *testing.F) {
	_, m, _ := filled(f, 2)
	leaves, _ := m.Leaves(f.Context(), 0, 2)
	f.Add(leaves[0])
	f.Add([]byte(`{"salt":"AAAAAAAAAAAAAAAAAAAAAA==","time":"2026-01-01T00:00:00Z","kind":"a","text":"x"}`))
	f.Add([]byte(`{"Salt":"AAAAAAAAAAAAAAAAAAAAAA==","salt":"","time":"2026-01-01T00:00:00Z","kind":"a","text":"x","data":{"a":1,"a":2}}`))
	f.Fuzz(func(t *testing.T, leaf []byte) {
		e, err := ledger.Decode(leaf)
		if err != nil {
			return
		}
		// What is accepted is a fixed point: the same entry appended again differs in its salt alone.
		m := &ledgertest.Memory{}
		again, err := m.AppendEntries(t.Context(), e)
		if err != nil {
			t.Fatal(err)
		}
		again[0].Salt = e.Salt
		if diff := cmp.Diff(e, again[0]); diff != "" {
			t.Fatal(diff)
		}
	})
}

func FuzzVerifyProof(f *testing.F) {
	l, _, vkey := filled(f, 7)
	proven, err := l.Prove(f.Context(), "r1")
	if err != nil {
		f.Fatal(err)
	}
	for _, p := range proven {
		f.Add(p.Leaf, p.Proof)
	}
	f.Fuzz(func(t *testing.T, leaf, proof []byte) {
		e, err := ledger.VerifyProof(leaf, proof, vkey)
		if err != nil {
			return
		}
		for _, p := range proven {
			if cmp.Equal(p.Entry, e) {
				return
			}
		}
		t.Fatalf("an entry never appended verified: %+v", e)
	})
}

func BenchmarkCheck(b *testing.B) {
	l, _, _ := filled(b, 2000)
	for b.Loop() {
		if err := l.Check(b.Context(), nil); err != nil {
			b.Fatal(err)
		}
	}
}
