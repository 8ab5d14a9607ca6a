package bulletin_test

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"flag"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"gatehouse/hub/bulletin"
)

var update = flag.Bool("update", false, "write testdata/vectors again")

// vectorFile is a file of testdata/vectors; its README says what each member means.
type vectorFile struct {
	About     string    `json:"about"`
	Now       time.Time `json:"now,omitzero"`
	Profile   string    `json:"profile,omitempty"`
	Log       string    `json:"log,omitempty"`
	Witnesses []string  `json:"witnesses,omitempty"`
	Vectors   []vector  `json:"vectors"`
}

type vector struct {
	Name   string        `json:"name"`
	Code   bulletin.Code `json:"code,omitempty"`
	Reason string        `json:"reason,omitempty"`

	Now        time.Time          `json:"now,omitzero"`
	Profile    string             `json:"profile,omitempty"`
	Replaces   string             `json:"replaces,omitempty"`
	Envelope   string             `json:"envelope,omitempty"`
	Spaces     int                `json:"spaces,omitempty"`
	Checkpoint string             `json:"checkpoint,omitempty"`
	Time       time.Time          `json:"time,omitzero"`
	Proof      string             `json:"proof,omitempty"`
	Index      int64              `json:"index,omitempty"`
	Size       int64              `json:"size,omitempty"`
	File       []byte             `json:"file,omitempty"`
	Zeros      int                `json:"zeros,omitempty"`
	Parts      []part             `json:"parts,omitempty"`
	Lines      int                `json:"lines,omitempty"`
	Bad        []bad              `json:"bad,omitempty"`
	Rings      [][]bulletin.Point `json:"rings,omitempty"`
	SquareKM   float64            `json:"km2,omitempty"`
}

type part struct {
	Text  string `json:"text"`
	Bytes []byte `json:"bytes,omitempty"`
	Times int    `json:"times"`
}

type bad struct {
	Line   int           `json:"line"`
	Code   bulletin.Code `json:"code"`
	Reason string        `json:"reason"`
}

// runners say what this package makes of a vector: an error, if it refuses it.
var runners = map[string]func(t testing.TB, f vectorFile, v vector) error{
	"requests.json": func(t testing.TB, f vectorFile, v vector) error {
		p, err := bulletin.OpenProfile([]byte(or(v.Profile, f.Profile)))
		if err != nil {
			t.Fatal(err)
		}
		q, err := bulletin.OpenRequest([]byte(v.Envelope+strings.Repeat(" ", v.Spaces)), p)
		if err != nil {
			return err
		}
		now := f.Now
		if !v.Now.IsZero() {
			now = v.Now
		}
		return bulletin.CheckLimits(q, p, now)
	},
	"profiles.json": func(_ testing.TB, _ vectorFile, v vector) error {
		p, err := bulletin.OpenProfile([]byte(v.Envelope))
		if err != nil || v.Replaces == "" {
			return err
		}
		old, err := bulletin.OpenProfile([]byte(v.Replaces))
		if err != nil {
			return err
		}
		return p.RotatedFrom(old)
	},
	"receipts.json": func(t testing.TB, f vectorFile, v vector) error {
		p, err := bulletin.OpenProfile([]byte(f.Profile))
		if err != nil {
			t.Fatal(err)
		}
		_, err = bulletin.OpenReceipt([]byte(v.Envelope), p)
		return err
	},
	"dispositions.json": func(t testing.TB, f vectorFile, v vector) error {
		p, err := bulletin.OpenProfile([]byte(f.Profile))
		if err != nil {
			t.Fatal(err)
		}
		_, err = bulletin.OpenDisposition([]byte(v.Envelope), p)
		return err
	},
	"checkpoints.json": func(t testing.TB, f vectorFile, v vector) error {
		c, err := policyOf(t, f).Checkpoint([]byte(v.Checkpoint + strings.Repeat(" ", v.Spaces)))
		if err == nil && (c.Size != v.Size || !c.Time.Equal(v.Time)) {
			t.Errorf("size %d at %v, want %d at %v", c.Size, c.Time, v.Size, v.Time)
		}
		return err
	},
	"proofs.json": func(t testing.TB, f vectorFile, v vector) error {
		e, err := policyOf(t, f).Verify(bulletin.Line{
			Kind: bulletin.KindRequest, Envelope: []byte(v.Envelope), Proof: []byte(v.Proof + strings.Repeat(" ", v.Spaces)),
		})
		if err == nil && (e.Index != v.Index || e.Size != v.Size) {
			t.Errorf("entry %d of %d, want %d of %d", e.Index, e.Size, v.Index, v.Size)
		}
		return err
	},
	"files.json": runFile,
	"areas.json": func(t testing.TB, _ vectorFile, v vector) error {
		if got := bulletin.UnionSquareKM(v.Rings); got < v.SquareKM*0.999 || got > v.SquareKM*1.001 {
			t.Errorf("%f km², want %f", got, v.SquareKM)
		}
		return nil
	},
}

func runFile(t testing.TB, _ vectorFile, v vector) error {
	data := append(bytes.Clone(v.File), make([]byte, v.Zeros)...)
	if v.Parts != nil {
		if zippedParts[v.Name] == nil {
			zippedParts[v.Name] = zipParts(t, v.Parts)
		}
		data = append(bytes.Clone(zippedParts[v.Name]), v.File...)
	}
	lines, found := 0, []bad(nil)
	err := bulletin.ReadFile(data, func(bulletin.Line) error { lines++; return nil }, func(n int, r *bulletin.Refusal) {
		if len(found) < 10 {
			found = append(found, bad{n, r.Code, r.Detail})
		}
	})
	if err != nil {
		return err
	}
	if learn, is := t.(quiet); is {
		learn.bad(found)
	}
	if lines != v.Lines || len(found) != len(v.Bad) {
		t.Errorf("%d lines and %v, want %d and %v", lines, found, v.Lines, v.Bad)
		return nil
	}
	for i, b := range found {
		if b != v.Bad[i] {
			t.Errorf("%v, want %v", b, v.Bad[i])
		}
	}
	return nil
}

// zippedParts are by the name of their vector: a bomb takes its time to make.
var zippedParts = map[string][]byte{}

func zipParts(t testing.TB, parts []part) []byte {
	t.Helper()
	var b bytes.Buffer
	z, err := gzip.NewWriterLevel(&b, gzip.BestSpeed)
	for _, p := range parts {
		text := append([]byte(p.Text), p.Bytes...)
		for range p.Times {
			if err == nil {
				_, err = z.Write(text)
			}
		}
	}
	if err == nil {
		err = z.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func or(a, b string) string {
	if a != "" {
		return a
	}
	return b
}

func policyOf(t testing.TB, f vectorFile) *bulletin.Policy {
	t.Helper()
	p, err := bulletin.NewPolicy(f.Log, f.Witnesses)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// TestVectors runs the published vectors. They are made of fixed keys and
// times by the generator beside this file: with -update it writes them anew.
func TestVectors(t *testing.T) {
	made := generate(t)
	var reasons []string
	for name, run := range runners {
		file := filepath.Join("testdata", "vectors", name)
		text, err := encodeVectors(made[name])
		if err != nil {
			t.Fatal(err)
		}
		if *update {
			if err := os.WriteFile(file, text, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		there, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(there, text) {
			t.Errorf("%s is not what the generator makes; go test ./hub/bulletin -run TestVectors -update", name)
		}
		var f vectorFile
		if err := json.Unmarshal(there, &f); err != nil {
			t.Fatal(err)
		}
		names := map[string]bool{}
		for _, v := range f.Vectors {
			if names[v.Name] {
				t.Errorf("%s has %q twice", name, v.Name)
			}
			names[v.Name] = true
			t.Run(name+"/"+v.Name, func(t *testing.T) {
				var r *bulletin.Refusal
				switch err := run(t, f, v); {
				case err == nil && v.Code != "":
					t.Errorf("accepted, want %s", v.Code)
				case err != nil && (!errors.As(err, &r) || r.Code != v.Code || r.Detail != v.Reason):
					t.Errorf("%v, want %s: %s", err, v.Code, v.Reason)
				}
			})
			reasons = append(reasons, v.Reason)
			for _, b := range v.Bad {
				reasons = append(reasons, b.Reason)
			}
		}
	}
	wantEveryReason(t, reasons)
}

// notInVectors are the reasons that no document can have by itself.
var notInVectors = []string{
	"Somebody in this role has signed already.", // of signing
	"One key stands in two roles.",              // its profile would have been refused
	"The request is larger than 8 KiB.",         // of drafts; the payload of an envelope is measured before
}

// wantEveryReason reads this package's source for the sentences of refusals, and
// wants one of the vectors for each. What is not a literal may be anything.
func wantEveryReason(t *testing.T, reasons []string) {
	t.Helper()
	all := strings.Join(reasons, "\n")
	for _, want := range sentences(t) {
		known := false
		for _, s := range notInVectors {
			known = known || want.MatchString(s)
		}
		if !known && !want.MatchString(all) {
			t.Errorf("no vector is refused for: %v", want)
		}
	}
}

// sentenceAt is which argument of a function is the sentence that it refuses
// with, and what stands around it there.
var sentenceAt = map[string]struct {
	arg           int
	before, after string
}{
	"refuse": {1, "", ""}, "fail": {1, "", ""}, "must": {1, "", ""}, "wrong": {0, "The member .* is not ", `\.`},
	"text": {0, "The text of ", " (is too|contains).*"}, "contact": {0, "The text of ", " (is too|contains).*"},
	"matches": {0, "The member ", " is not.*"}, "oneOf": {0, "The member ", " is not one of.*"},
	"count": {0, "The list ", " is too.*"}, "distinct": {0, "The list ", " names something twice\\."},
}

func sentences(t *testing.T) (out []*regexp.Regexp) {
	t.Helper()
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(file, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.FuncDecl: // what these return is the rest of a sentence
				if n.Name.Name == "plainText" || n.Name.Name == "checkRing" {
					out = append(out, returned(n)...)
				}
			case *ast.CallExpr:
				at, is := sentenceAt[called(n)]
				if is && at.arg < len(n.Args) {
					if p := pattern(n.Args[at.arg]); p != ".*" {
						out = append(out, regexp.MustCompile("(?m)^(This is not a DSSE envelope: )?"+at.before+p+at.after+"$"))
					}
				}
			}
			return true
		})
	}
	if len(out) < 100 {
		t.Fatalf("only %d sentences found", len(out))
	}
	return out
}

func returned(f *ast.FuncDecl) (out []*regexp.Regexp) {
	ast.Inspect(f, func(n ast.Node) bool {
		if r, is := n.(*ast.ReturnStmt); is {
			if p := pattern(r.Results[0]); p != "" && p != ".*" {
				out = append(out, regexp.MustCompile(p))
			}
		}
		return true
	})
	return out
}

func called(c *ast.CallExpr) string {
	switch f := c.Fun.(type) {
	case *ast.Ident:
		return f.Name
	case *ast.SelectorExpr:
		return f.Sel.Name
	}
	return ""
}

// pattern matches what a string expression may be.
func pattern(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.BasicLit:
		s, _ := strconv.Unquote(e.Value)
		return regexp.QuoteMeta(s)
	case *ast.BinaryExpr:
		return pattern(e.X) + pattern(e.Y)
	}
	return ".*"
}
