package bulletin_test

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"filippo.io/torchwood"
	"github.com/google/go-cmp/cmp"
	"golang.org/x/mod/sumdb/note"

	"gatehouse/hub/bulletin"
	"gatehouse/hub/bulletin/bulletintest"
)

func filled(t testing.TB, witnesses, n int) *bulletintest.Log {
	t.Helper()
	l := bulletintest.NewLog(t, witnesses)
	for i := range n {
		l.Add(t, bulletin.KindRequest, fmt.Appendf(nil, `{"n":%d}`, i))
	}
	return l
}

func TestCheckpoint(t *testing.T) {
	l := filled(t, 3, 5)
	log, w := l.Signers[0], l.Signers[1:]
	sign := func(s ...note.Signer) []byte {
		m := *l
		m.Signers = s
		return m.Checkpoint(t)
	}
	for name, c := range map[string]struct {
		signed []byte
		ok     bool
	}{
		"all":                    {sign(log, w[0], w[1], w[2]), true},
		"majority":               {sign(log, w[0], w[2]), true},
		"minority":               {sign(log, w[0]), false},
		"one witness many times": {sign(log, w[0], w[0], w[0]), false},
		"no log":                 {sign(w[0], w[1], w[2]), false},
		"with a stranger":        {sign(log, w[0], w[1], bulletintest.NewLog(t, 1).Signers[0]), true},
		"another log":            {bulletintest.NewLog(t, 3).Checkpoint(t), false},
		"empty":                  {nil, false},
		"cut":                    {sign(l.Signers...)[:80], false},
		"huge":                   {append(sign(l.Signers...), bytes.Repeat([]byte("x"), 20<<10)...), false},
	} {
		got, err := l.Policy(t).Checkpoint(c.signed)
		if !c.ok {
			t.Run(name, func(t *testing.T) { wantCode(t, err, bulletin.BadProof) })
			continue
		}
		if err != nil || got.Size != 5 || got.Origin != l.Origin || time.Since(got.Time) > time.Minute || time.Until(got.Time) > 0 {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
	l.Extra = "extension\n"
	_, err := l.Policy(t).Checkpoint(l.Checkpoint(t))
	wantCode(t, err, bulletin.BadProof)

	// The log's key signs for its own name only.
	other := *l
	other.Extra, other.Origin = "", "elsewhere.example/gatehouse"
	_, err = l.Policy(t).Checkpoint(other.Checkpoint(t))
	wantCode(t, err, bulletin.BadProof)

	// Without witnesses there is no time.
	bare := filled(t, 0, 1)
	if c, err := bare.Policy(t).Checkpoint(bare.Checkpoint(t)); err != nil || !c.Time.IsZero() {
		t.Errorf("%+v, %v", c, err)
	}
}

func TestPolicyRefusesOneKeyAsTwo(t *testing.T) {
	l := bulletintest.NewLog(t, 1)
	k := bulletintest.Key(t)
	name := func(n string) string {
		s, err := torchwood.NewCosignatureSigner(n, k)
		if err != nil {
			t.Fatal(err)
		}
		return s.Verifier().String()
	}
	for what, w := range map[string][]string{
		"a witness twice":              {l.Witnesses[0], l.Witnesses[0]},
		"one key under two names":      {name("a.example"), name("b.example")},
		"a log key in place of one":    {l.Key},
		"a witness that is not a vkey": {"x"},
	} {
		if _, err := bulletin.NewPolicy(l.Key, w); err == nil {
			t.Errorf("%s was accepted", what)
		}
	}
	if _, err := bulletin.NewPolicy(l.Witnesses[0], nil); err == nil {
		t.Error("a cosignature key was accepted as a log's")
	}
}

func TestVerify(t *testing.T) {
	l := filled(t, 2, 7)
	p := l.Policy(t)
	lines := l.Lines(t)
	for i, line := range lines {
		e, err := p.Verify(line)
		if err != nil || e.Index != int64(i) || e.Size != 7 {
			t.Fatalf("line %d: %+v, %v", i, e, err)
		}
		// What C2SP's own implementation says of the same proof.
		if err := torchwood.VerifyProof(torchwood.ThresholdPolicy(2,
			torchwood.OriginPolicy(l.Origin), torchwood.SingleVerifierPolicy(verifierOf(t, l.Key))), bulletin.LogHash(line.Envelope), line.Proof); err != nil {
			t.Fatal(err)
		}
	}
	proof := string(lines[3].Proof)
	for name, c := range map[string]bulletin.Line{
		"another envelope": {Envelope: []byte(`{"n":9}`), Proof: lines[3].Proof},
		"another's proof":  {Envelope: lines[3].Envelope, Proof: lines[4].Proof},
		"white space":      {Envelope: []byte(`{"n": 3}`), Proof: lines[3].Proof},
		"no proof":         {Envelope: lines[3].Envelope},
		"other index":      {Envelope: lines[3].Envelope, Proof: []byte(strings.Replace(proof, "index 3", "index 2", 1))},
		"signed index":     {Envelope: lines[3].Envelope, Proof: []byte(strings.Replace(proof, "index 3", "index +3", 1))},
		"padded index":     {Envelope: lines[3].Envelope, Proof: []byte(strings.Replace(proof, "index 3", "index 03", 1))},
		"negative index":   {Envelope: lines[3].Envelope, Proof: []byte(strings.Replace(proof, "index 3", "index -3", 1))},
		"extra data":       {Envelope: lines[3].Envelope, Proof: []byte(strings.Replace(proof, "index 3", "extra eA==\nindex 3", 1))},
		"version 2":        {Envelope: lines[3].Envelope, Proof: []byte(strings.Replace(proof, "@v1", "@v2", 1))},
		"flipped hash":     {Envelope: lines[3].Envelope, Proof: flip(lines[3].Proof, len("c2sp.org/tlog-proof@v1\nindex 3\n")+3)},
		"too large":        {Envelope: lines[3].Envelope, Proof: append(lines[3].Proof, make([]byte, 20<<10)...)},
	} {
		_, err := p.Verify(c)
		t.Run(name, func(t *testing.T) { wantCode(t, err, bulletin.BadProof) })
	}
	_, err := filled(t, 2, 7).Policy(t).Verify(lines[3])
	wantCode(t, err, bulletin.BadProof)
}

// TestVerifyRemembersNothingFalse: the policy remembers a signature that
// verified; one that differs in a bit must not profit.
func TestVerifyRemembersNothingFalse(t *testing.T) {
	l := filled(t, 1, 2)
	p := l.Policy(t)
	good := l.Checkpoint(t)
	if _, err := p.Checkpoint(good); err != nil {
		t.Fatal(err)
	}
	for i := range good {
		if c, err := p.Checkpoint(flip(good, i)); err == nil && (c.Size != 2 || c.Origin != l.Origin) {
			t.Errorf("byte %d: %+v", i, c)
		}
	}
}

func flip(b []byte, i int) []byte {
	b = bytes.Clone(b)
	b[i] ^= 1
	return b
}

func verifierOf(t *testing.T, vkey string) note.Verifier {
	t.Helper()
	v, err := note.NewVerifier(vkey)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func gz(t testing.TB, text string) []byte {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	if _, err := w.Write([]byte(text)); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// read counts lines and refusals.
func read(data []byte) (lines []bulletin.Line, bad []int, err error) {
	err = bulletin.ReadFile(data, func(l bulletin.Line) error {
		lines = append(lines, l)
		return nil
	}, func(n int, _ *bulletin.Refusal) { bad = append(bad, n) })
	return lines, bad, err
}

func TestFileRoundTrip(t *testing.T) {
	l := filled(t, 1, 3)
	l.Add(t, bulletin.KindProfile, []byte(`{ "x" : "<&> é — \u00e9" }`)) // kept byte for byte
	want := l.Lines(t)
	data, err := bulletin.WriteFile(want)
	if err != nil {
		t.Fatal(err)
	}
	got, bad, err := read(data)
	if err != nil || bad != nil {
		t.Fatal(bad, err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	again, err := bulletin.WriteFile(want)
	if err != nil || !bytes.Equal(data, again) {
		t.Errorf("equal lines gave other bytes: %v", err)
	}
	stop := errors.New("stop")
	n := 0
	if err := bulletin.ReadFile(data, func(bulletin.Line) error { n++; return stop }, nil); err != stop || n != 1 {
		t.Errorf("%v after %d lines", err, n)
	}
	empty, err := bulletin.WriteFile(nil)
	if err != nil {
		t.Fatal(err)
	}
	if lines, bad, err := read(empty); lines != nil || bad != nil || err != nil {
		t.Error(lines, bad, err)
	}
}

func TestWriteFileRefuses(t *testing.T) {
	ok := bulletin.Line{Kind: bulletin.KindRequest, Envelope: []byte(`{}`), Proof: []byte("p")}
	for name, change := range map[string]func(*bulletin.Line){
		"kind":       func(l *bulletin.Line) { l.Kind = "advert" },
		"line break": func(l *bulletin.Line) { l.Envelope = []byte("{\n}") },
		"no object":  func(l *bulletin.Line) { l.Envelope = []byte("[]") },
		"empty":      func(l *bulletin.Line) { l.Envelope = nil },
		"two":        func(l *bulletin.Line) { l.Envelope = []byte(`{}{}`) },
		"no proof":   func(l *bulletin.Line) { l.Proof = nil },
	} {
		l := ok
		change(&l)
		if _, err := bulletin.WriteFile([]bulletin.Line{ok, l}); err == nil {
			t.Errorf("%s was written", name)
		}
	}
}

func TestReadFileSkipsBadLines(t *testing.T) {
	const good = `{"kind":"request","env":{},"proof":"p"}`
	for name, line := range map[string]string{
		"empty":            ``,
		"garbage":          `xyz`,
		"array":            `[]`,
		"unknown kind":     `{"kind":"advert","env":{},"proof":"p"}`,
		"kind in capitals": `{"Kind":"request","env":{},"proof":"p"}`,
		"unknown member":   `{"kind":"request","env":{},"proof":"p","x":1}`,
		"duplicate":        `{"kind":"request","kind":"request","env":{},"proof":"p"}`,
		"missing":          `{"kind":"request","env":{}}`,
		"null":             `{"kind":"request","env":null,"proof":"p"}`,
		"envelope a text":  `{"kind":"request","env":"{}","proof":"p"}`,
		"not UTF-8":        "{\"kind\":\"request\",\"env\":{\"a\":\"\xff\"},\"proof\":\"p\"}",
		"something after":  good + good,
		"deep":             `{"kind":"request","env":{"a":` + strings.Repeat("[", 20000) + strings.Repeat("]", 20000) + `},"proof":"p"}`,
		"too long":         `{"kind":"request","env":{"a":"` + strings.Repeat("x", 70<<10) + `"},"proof":"p"}`,
		"far too long":     `{"kind":"request","env":{"a":"` + strings.Repeat("x", 1<<20) + `"},"proof":"p"}`,
	} {
		lines, bad, err := read(gz(t, good+"\n"+line+"\n"+good))
		if err != nil || len(lines) != 2 || len(bad) != 1 || bad[0] != 2 {
			t.Errorf("%s: %d lines, bad %v, %v", name, len(lines), bad, err)
		}
	}
}

func TestReadFileRefuses(t *testing.T) {
	const good = `{"kind":"request","env":{},"proof":"p"}` + "\n"
	whole := gz(t, strings.Repeat(good, 100))
	for name, data := range map[string][]byte{
		"nothing":        nil,
		"plain text":     []byte(good),
		"too large":      make([]byte, bulletin.MaxFile+1),
		"cut":            whole[:len(whole)-9],
		"bad checksum":   flip(whole, len(whole)-6),
		"something more": append(bytes.Clone(whole), 0),
		"second member":  append(bytes.Clone(whole), whole...),
		"bomb in a line": gz(t, strings.Repeat("0", bulletin.MaxInflated+1)),
		"bomb of lines":  gz(t, strings.Repeat(strings.Repeat(" ", 1<<20)+"\n", 65)),
		"too many lines": gz(t, strings.Repeat("\n", bulletin.MaxLines+1)),
	} {
		_, _, err := read(data)
		t.Run(name, func(t *testing.T) { wantCode(t, err, bulletin.BadFile) })
	}
	if _, bad, err := read(gz(t, strings.Repeat("\n", bulletin.MaxLines))); err != nil || len(bad) != bulletin.MaxLines {
		t.Errorf("%d bad lines, %v", len(bad), err)
	}
}
