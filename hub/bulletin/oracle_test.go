package bulletin

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/text/unicode/norm"
)

// The parsers of this file say the same as those of the package by way of
// encoding/json and regular expressions: slow, and easier to believe. The fuzz
// targets below hold the two against each other.

var (
	integer    = regexp.MustCompile(`^(0|-?[1-9][0-9]{0,15})$`)
	coordinate = regexp.MustCompile(`^-?(0|[1-9][0-9]{0,2})(\.[0-9]{1,5})?$`)
	hexHash    = regexp.MustCompile(`^[0-9a-f]{64}$`)
	uuid7      = regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`)
)

func oldDecode(data []byte, v any) *Refusal {
	if !utf8.Valid(data) {
		return refuse(BadSchema, "The text is not valid UTF-8.")
	}
	w := oldWalker{json.NewDecoder(bytes.NewReader(data))}
	w.dec.UseNumber()
	if r := w.value(reflect.TypeOf(v).Elem(), "", false); r != nil {
		return r
	}
	if _, err := w.dec.Token(); !errors.Is(err, io.EOF) {
		return refuse(BadSchema, "There is something after the end of the JSON object.")
	}
	if err := json.Unmarshal(data, v); err != nil {
		return refuse(BadSchema, "A value does not fit its field.")
	}
	return nil
}

type oldWalker struct{ dec *json.Decoder }

func (w oldWalker) token() (json.Token, *Refusal) {
	t, err := w.dec.Token()
	if err != nil {
		return nil, refuse(BadSchema, "The JSON is malformed.")
	}
	return t, nil
}

// value reads one value of type t; optional ones must not be empty.
func (w oldWalker) value(t reflect.Type, at string, optional bool) *Refusal {
	tok, r := w.token()
	if r != nil {
		return r
	}
	if optional && (tok == "" || tok == json.Delim('[') && !w.dec.More()) {
		return refuse(BadSchema, "The member "+where(at)+" is there and empty.")
	}
	switch t.Kind() {
	case reflect.Struct:
		if t == timeType {
			return timeValue(tok, at)
		}
		if tok != json.Delim('{') {
			return wrong(at, "an object")
		}
		return w.object(t, at)
	case reflect.Slice:
		if t == bytesType {
			return bytesValue(tok, at)
		}
		if tok != json.Delim('[') {
			return wrong(at, "a list")
		}
		return w.array(t.Elem(), at)
	default:
		return scalar(tok, t.Kind(), at)
	}
}

func (w oldWalker) object(t reflect.Type, at string) *Refusal {
	seen := make([]bool, t.NumField())
	for w.dec.More() {
		tok, r := w.token()
		if r != nil {
			return r
		}
		name, _ := tok.(string)
		i := fieldNamed(t, name)
		switch {
		case i < 0:
			return refuse(BadSchema, "There is an unknown member in "+where(at)+".")
		case seen[i]:
			return refuse(BadSchema, "The member "+where(join(at, name))+" is there twice.")
		}
		seen[i] = true
		_, optional := tag(t.Field(i))
		if r := w.value(t.Field(i).Type, join(at, name), optional); r != nil {
			return r
		}
	}
	for i, ok := range seen {
		if name, optional := tag(t.Field(i)); !ok && !optional {
			return refuse(BadSchema, "The member "+where(join(at, name))+" is missing.")
		}
	}
	_, r := w.token()
	return r
}

func (w oldWalker) array(elem reflect.Type, at string) *Refusal {
	n := 0
	for ; w.dec.More(); n++ {
		if n == maxElements {
			return refuse(BadSchema, "The list "+where(at)+" is too long.")
		}
		if r := w.value(elem, at, false); r != nil {
			return r
		}
	}
	_, r := w.token()
	return r
}

func scalar(tok json.Token, k reflect.Kind, at string) *Refusal {
	switch k {
	case reflect.String:
		s, ok := tok.(string)
		if !ok {
			return wrong(at, "text")
		}
		return oldText(s, at)
	case reflect.Bool:
		if _, ok := tok.(bool); !ok {
			return wrong(at, "true or false")
		}
	case reflect.Float64:
		if n, ok := tok.(json.Number); !ok || !coordinate.MatchString(n.String()) {
			return wrong(at, "a number of at most five decimals")
		}
	default:
		if n, ok := tok.(json.Number); !ok || !integer.MatchString(n.String()) {
			return wrong(at, "an integer")
		}
	}
	return nil
}

func timeValue(tok json.Token, at string) *Refusal {
	s, _ := tok.(string)
	t, err := time.Parse(time.RFC3339Nano, s)
	if err != nil || !strings.HasSuffix(s, "Z") || t.Format(time.RFC3339Nano) != s {
		return wrong(at, "an RFC 3339 time in UTC, such as 2026-11-21T21:00:00Z")
	}
	return nil
}

func bytesValue(tok json.Token, at string) *Refusal {
	s, ok := tok.(string)
	b, err := base64.StdEncoding.Strict().DecodeString(s)
	// DecodeString skips line breaks; the second encoding does not have them.
	if !ok || err != nil || base64.StdEncoding.EncodeToString(b) != s {
		return wrong(at, "padded standard base64")
	}
	return nil
}

// fieldNamed returns the index of the field with exactly that name, or -1;
// encoding/json itself would also take other cases of it.
func fieldNamed(t reflect.Type, name string) int {
	for i := range t.NumField() {
		if n, _ := tag(t.Field(i)); n == name {
			return i
		}
	}
	return -1
}

func tag(f reflect.StructField) (name string, optional bool) {
	name, options, _ := strings.Cut(f.Tag.Get("json"), ",")
	return name, options == "omitempty"
}

func join(at, name string) string {
	if at == "" {
		return name
	}
	return at + "." + name
}

func wrong(at, want string) *Refusal {
	return refuse(BadSchema, "The member "+where(at)+" is not "+want+".")
}

func oldText(s, at string) *Refusal {
	bad := func(what string) *Refusal { return refuse(BadSchema, "The text of "+where(at)+" "+what+".") }
	switch {
	case !norm.NFC.IsNormalString(s):
		return bad("is not in Unicode normal form C")
	case strings.TrimSpace(s) != s:
		return bad("begins or ends with white space")
	}
	var before rune
	marks := 0
	for _, c := range s {
		joiner := c == zwnj || c == zwj
		switch {
		case joiner && before > unicode.MaxLatin1 && (unicode.IsLetter(before) || unicode.IsMark(before)):
		case unicode.In(c, unicode.Cc, unicode.Cf, unicode.Co, unicode.Zl, unicode.Zp):
			return bad("contains a control or invisible character")
		case c == utf8.RuneError || c&0xfffe == 0xfffe || (c >= 0xfdd0 && c <= 0xfdef):
			return bad("contains a damaged character")
		}
		if marks++; !unicode.IsMark(c) {
			marks = 0
		}
		if marks > maxMarks {
			return bad("stacks too many marks on a letter")
		}
		before = c
	}
	return nil
}

func oldHasLink(s string) bool {
	return scheme.MatchString(s) || dotted.MatchString(s) || domain.MatchString(s) || cjkDot.MatchString(s) ||
		strings.ContainsAny(s, "@＠") || scheme.MatchString(dots.Replace(s))
}

func oldLine(text []byte) (Line, *Refusal) {
	if !utf8.Valid(text) {
		return Line{}, refuse(BadFile, "The line is not valid UTF-8.")
	}
	malformed := refuse(BadFile, "The line is not a JSON object of kind, env and proof.")
	dec := json.NewDecoder(bytes.NewReader(text))
	if t, err := dec.Token(); err != nil || t != json.Delim('{') {
		return Line{}, malformed
	}
	var l Line
	var kind, proof string
	into := map[string]any{"kind": &kind, "env": (*json.RawMessage)(&l.Envelope), "proof": &proof}
	for dec.More() {
		name, err := dec.Token()
		s, _ := name.(string)
		v := into[s]
		delete(into, s)
		if err != nil || v == nil || dec.Decode(v) != nil {
			return Line{}, malformed
		}
	}
	if _, err := dec.Token(); err != nil || len(into) != 0 || len(bytes.TrimSpace(text[dec.InputOffset():])) != 0 {
		return Line{}, malformed
	}
	l.Kind, l.Proof = Kind(kind), []byte(proof)
	return l, oldCheck(l)
}

func oldCheck(l Line) *Refusal {
	switch l.Kind {
	case KindProfile, KindRequest, KindUpdate, KindDisposition:
	default:
		return refuse(BadFile, "The line is of an unknown kind.")
	}
	switch {
	case len(l.Envelope) > MaxEnvelope:
		return refuse(TooLarge, "The envelope is larger than 64 KiB.")
	case len(l.Proof) == 0 || len(l.Proof) > maxProof || !utf8.Valid(l.Proof):
		return refuse(BadFile, "The line has no proof, or one that is too large.")
	case !utf8.Valid(l.Envelope) || !json.Valid(l.Envelope) || bytes.ContainsAny(l.Envelope, "\r\n") ||
		l.Envelope[0] != '{' || l.Envelope[len(l.Envelope)-1] != '}':
		return refuse(BadFile, "The line has no envelope.")
	}
	return nil
}

// same wants both to accept with equal results, or both to refuse.
func same[T any](t *testing.T, in []byte, got, want T, r, wantR *Refusal) {
	t.Helper()
	if (r == nil) != (wantR == nil) {
		t.Fatalf("%q: %v, by encoding/json %v", in, r, wantR)
	}
	if r == nil {
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("%q: %s", in, diff)
		}
	}
}

// everything has a member of each kind that a document can have.
type everything struct {
	Text  string    `json:"text"`
	Maybe string    `json:"maybe,omitempty"`
	Yes   bool      `json:"yes"`
	N     int       `json:"n"`
	Long  int64     `json:"long"`
	At    time.Time `json:"at"`
	Ring  []Point   `json:"ring"`
	Bytes []byte    `json:"bytes"`
	Pin   []byte    `json:"pin,omitempty"`
	List  []string  `json:"list,omitempty"`
	Deep  struct {
		Deeper Window `json:"deeper"`
	} `json:"deep"`
}

func FuzzStrict(f *testing.F) {
	const good = `{"text":"a\u00e9 \ud83d\ude00","yes":true,"n":-12,"long":9007199254740991,"at":"2026-11-21T18:00:00.5Z",` +
		`"ring":[{"lat":-0.5,"lon":179.99999}],"bytes":"AAE=","deep":{"deeper":{"from":"2026-11-21T18:00:00Z","to":"2026-11-21T18:00:00Z"}}}`
	var v everything
	if r := decodeStrict([]byte(good), &v); r != nil {
		f.Fatal(r)
	}
	f.Add([]byte(good))
	for _, c := range [][2]string{
		{`"yes":true`, `"yes":tru`},
		{`"n":-12`, `"n":-0`},
		{`"n":-12`, `"n":01`},
		{`"n":-12`, `"n":1.0`},
		{`"n":-12`, `"n":1e2`},
		{`"n":-12`, `"n":12345678901234567`},
		{`-0.5`, `-0`},
		{`-0.5`, `1234.5`},
		{`-0.5`, `.5`},
		{`-0.5`, `5.`},
		{`-0.5`, `0.000001`},
		{`"AAE="`, `"AAE"`},
		{`"AAE="`, `"AAF="`},
		{`"AAE="`, `"AA\nE="`},
		{`"AAE="`, `""`},
		{`"text"`, `"maybe":"","text"`},
		{`"text"`, `"maybe":"x","text"`},
		{`"text"`, `"list":[],"text"`},
		{`"text"`, `"list":["x" , "y"],"text"`},
		{`"text"`, `"list":["x",],"text"`},
		{`"text"`, `"pin":"","text"`},
		{`"text":"`, `"text":"\ud800`},
		{`"text":"`, `"text":"\ud800\ud800`},
		{`"text":"`, `"text":"\x`},
		{`"text":"`, `"text":" `},
		{`"ring":[{`, `"ring":[{},{`},
		{`{"text"`, `{,"text"`},
		{`{"text"`, ` {"t\u0065xt":"x","text"`},
		{`18:00:00.5Z`, `18:00:00.50Z`},
		{`18:00:00.5Z`, `24:00:00Z`},
		{`Z"}}}`, `Z"}}},`},
		{`Z"}}}`, `Z"}}} x`},
		{`Z"}}}`, "Z\"}}} \n"},
		{`"text":"`, `"text":"\uDC00\u12G4`},
		{`"text":"`, `"text":"\"\\\/\b`},
		{`"at":"2026`, `"at":"02026`},
		{`"lat":`, `"lon":0,"lat":`},
	} {
		f.Add([]byte(strings.Replace(good, c[0], c[1], 1)))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		var got, want everything
		r, wantR := decodeStrict(data, &got), oldDecode(data, &want)
		same(t, data, got, want, r, wantR)
	})
}

func FuzzStrictEnvelope(f *testing.F) {
	f.Add([]byte(`{"payloadType":"x","payload":"AAE=","signatures":[{"keyid":"a","sig":"AA=="}]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		var got, want wireEnvelope
		r, wantR := decodeStrict(data, &got), oldDecode(data, &want)
		same(t, data, got, want, r, wantR)
	})
}

func FuzzLine(f *testing.F) {
	for _, s := range []string{
		`{"kind":"request","env":{"a":[1,-2.5e+3,true,null,"\u0041\n"]},"proof":"p\n\ud800"}`, ` { "proof":"p" , "env" : { } ,"kind":"profile"} `,
		`{"kind":"request","env":{"a":01},"proof":"p"}`, `{"kind":"request","env":{},"proof":"p"}x`, `{"kind":"request","env":{"a":[1,]},"proof":"p"}`,
		`{"kind":"request","env":{}"proof":"p"}`,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if bytes.Count(data, []byte("{"))+bytes.Count(data, []byte("[")) > maxDepth {
			return // deeper than what is read, perhaps
		}
		got, r := parseLine(data)
		want, wantR := oldLine(data)
		same(t, data, got, want, r, wantR)
	})
}

func FuzzTexts(f *testing.F) {
	for _, s := range []string{
		"", "a. b", "a.b", "http:/", "ſms:", "www.", "x 1.2.3.4", "a。bc", "＠", "a．bc:/", "mailto:", "xmailto:", "K:/", "e\u0301",
		strings.Repeat("a", 64), "0189aaaa-0000-7000-8000-000000000000",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if !utf8.ValidString(s) {
			return
		}
		if what := plainText(s); (what == "") != (oldText(s, "x") == nil) {
			t.Fatalf("%q: %q", s, what)
		}
		if hasLink(s) != oldHasLink(s) {
			t.Fatalf("%q has a link: %v", s, hasLink(s))
		}
		if isHash(s) != hexHash.MatchString(s) || isUUID7(s) != uuid7.MatchString(s) {
			t.Fatalf("%q: %v, %v", s, isHash(s), isUUID7(s))
		}
	})
}
