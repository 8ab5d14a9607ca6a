package bulletin

import (
	"encoding/base64"
	"reflect"
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode/utf8"
)

// maxElements bounds every array; the schemas bound most of them further.
const maxElements = 500

var (
	timeType  = reflect.TypeFor[time.Time]()
	bytesType = reflect.TypeFor[[]byte]()
)

// decodeStrict decodes one JSON value into v, a pointer to a struct.
//
// The Go type is the schema: members are named exactly as their tags, each at
// most once at every depth, and all are required but those marked omitempty,
// which must not be empty when present. No null; numbers are integers, floats
// are coordinates of at most five decimals; times are RFC 3339 UTC in their
// shortest form; bytes are padded standard base64. Every string keeps to
// [plainText]. A member that the type does not name is refused unread, so
// nesting is bounded by the type. What was decoded holds on to one copy of data.
func decodeStrict(data []byte, v any) *Refusal {
	if !utf8.Valid(data) {
		return refuse(BadSchema, "The text is not valid UTF-8.")
	}
	to := reflect.ValueOf(v).Elem()
	w := walker{scanner: scanner{text: string(data)}}
	if r := w.value(schemaOf(to.Type()), to, false); r != nil {
		return r
	}
	if w.space(); w.at != len(w.text) {
		return refuse(BadSchema, "There is something after the end of the JSON object.")
	}
	return nil
}

// schema is what a walker needs to know of a type.
type schema struct {
	t       reflect.Type
	members []member // of a struct
	elem    *schema  // of a slice
}

type member struct {
	name     string
	optional bool
	*schema
}

var schemas sync.Map // reflect.Type to *schema; as many as there are types of documents

func schemaOf(t reflect.Type) *schema {
	if s, ok := schemas.Load(t); ok {
		return s.(*schema)
	}
	s := &schema{t: t}
	switch {
	case t == timeType || t == bytesType:
	case t.Kind() == reflect.Struct:
		for i := range t.NumField() {
			name, options, _ := strings.Cut(t.Field(i).Tag.Get("json"), ",")
			s.members = append(s.members, member{name, options == "omitempty", schemaOf(t.Field(i).Type)})
		}
	case t.Kind() == reflect.Slice:
		s.elem = schemaOf(t.Elem())
	}
	schemas.Store(t, s)
	return s
}

// walker reads values by their schema. Its path is where it is, for the words
// of a refusal.
type walker struct {
	scanner
	path [8]string
	deep int
}

// where names the place, as in "case.state".
func (w *walker) where() string { return where(strings.Join(w.path[:w.deep], ".")) }

func (w *walker) wrong(want string) *Refusal {
	return refuse(BadSchema, "The member "+w.where()+" is not "+want+".")
}

func malformed() *Refusal { return refuse(BadSchema, "The JSON is malformed.") }

// value reads one value into v; optional ones must not be empty.
func (w *walker) value(s *schema, v reflect.Value, optional bool) *Refusal {
	switch {
	case s.t == timeType:
		return w.time(v)
	case s.t == bytesType:
		return w.bytes(v, optional)
	case s.members != nil:
		return w.object(s, v)
	case s.elem != nil:
		return w.array(s, v, optional)
	}
	switch s.t.Kind() {
	case reflect.String:
		return w.plain(v, optional)
	case reflect.Bool:
		return w.bool(v)
	case reflect.Float64:
		return w.coordinate(v)
	default:
		return w.integer(v)
	}
}

func (w *walker) object(s *schema, v reflect.Value) *Refusal {
	if !w.take('{') {
		return w.wrong("an object")
	}
	seen, guess := uint64(0), 0
	for first := true; ; first = false {
		more, ok := w.next(first, '}')
		if !ok {
			return malformed()
		}
		if !more {
			break
		}
		name, ok := w.name()
		if !ok {
			return malformed()
		}
		i := memberNamed(s.members, name, guess)
		if i < 0 {
			return refuse(BadSchema, "There is an unknown member in "+w.where()+".")
		}
		w.path[w.deep] = name
		w.deep++
		if seen&(1<<i) != 0 {
			return refuse(BadSchema, "The member "+w.where()+" is there twice.")
		}
		seen |= 1 << i
		if r := w.value(s.members[i].schema, v.Field(i), s.members[i].optional); r != nil {
			return r
		}
		w.deep--
		guess = i + 1
	}
	for i, m := range s.members {
		if seen&(1<<i) == 0 && !m.optional {
			w.path[w.deep] = m.name
			w.deep++
			return refuse(BadSchema, "The member "+w.where()+" is missing.")
		}
	}
	return nil
}

// memberNamed returns the place of the member with exactly that name, or -1.
// Most documents have their members in order, so it looks at guess first.
func memberNamed(list []member, name string, guess int) int {
	if guess < len(list) && list[guess].name == name {
		return guess
	}
	for i := range list {
		if list[i].name == name {
			return i
		}
	}
	return -1
}

func (w *walker) array(s *schema, v reflect.Value, optional bool) *Refusal {
	if !w.take('[') {
		return w.wrong("a list")
	}
	v.Set(reflect.MakeSlice(s.t, 0, 4))
	for n := 0; ; n++ {
		more, ok := w.next(n == 0, ']')
		switch {
		case !ok:
			return malformed()
		case !more && n == 0 && optional:
			return w.empty()
		case !more:
			return nil
		case n == maxElements:
			return refuse(BadSchema, "The list "+w.where()+" is too long.")
		}
		if n == v.Cap() {
			v.Grow(n)
		}
		v.SetLen(n + 1)
		v.Index(n).SetZero()
		if r := w.value(s.elem, v.Index(n), false); r != nil {
			return r
		}
	}
}

func (w *walker) empty() *Refusal {
	return refuse(BadSchema, "The member "+w.where()+" is there and empty.")
}

// quoted reads a string where one has to be; not one at all is what want says.
func (w *walker) quoted(want string) (string, *Refusal) {
	if w.peek() != '"' {
		return "", w.wrong(want)
	}
	s, ok := w.str()
	if !ok {
		return "", malformed()
	}
	return s, nil
}

func (w *walker) plain(v reflect.Value, optional bool) *Refusal {
	s, r := w.quoted("text")
	if r != nil {
		return r
	}
	if optional && s == "" {
		return w.empty()
	}
	if what := plainText(s); what != "" {
		return refuse(BadSchema, "The text of "+w.where()+" "+what+".")
	}
	v.SetString(s)
	return nil
}

func (w *walker) bool(v reflect.Value) *Refusal {
	w.space()
	yes := w.word("true")
	if !yes && !w.word("false") {
		return w.wrong("true or false")
	}
	v.SetBool(yes)
	return nil
}

// coordinate reads a number of at most three digits before the point and five after it.
func (w *walker) coordinate(v reflect.Value) *Refusal {
	const want = "a number of at most five decimals"
	s, ok := w.number()
	whole, part, pointed := strings.Cut(strings.TrimPrefix(s, "-"), ".")
	if !ok || len(whole) > 3 || len(part) > 5 || pointed && part == "" || strings.ContainsAny(s, "eE") {
		return w.wrong(want)
	}
	f, err := strconv.ParseFloat(s, 64)
	if err != nil {
		return w.wrong(want)
	}
	v.SetFloat(f)
	return nil
}

// integer reads a whole number of at most 16 digits, without a negative zero.
func (w *walker) integer(v reflect.Value) *Refusal {
	const want = "an integer"
	s, ok := w.number()
	if !ok || s == "-0" || len(strings.TrimPrefix(s, "-")) > 16 || strings.ContainsAny(s, ".eE") {
		return w.wrong(want)
	}
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil || v.OverflowInt(n) {
		return w.wrong(want)
	}
	v.SetInt(n)
	return nil
}

func (w *walker) time(v reflect.Value) *Refusal {
	const want = "an RFC 3339 time in UTC, such as 2026-11-21T21:00:00Z"
	s, r := w.quoted(want)
	if r != nil {
		return r
	}
	t, err := time.Parse(time.RFC3339Nano, s)
	var again [len(time.RFC3339Nano) + 8]byte
	if err != nil || !strings.HasSuffix(s, "Z") || string(t.AppendFormat(again[:0], time.RFC3339Nano)) != s {
		return w.wrong(want)
	}
	*v.Addr().Interface().(*time.Time) = t
	return nil
}

func (w *walker) bytes(v reflect.Value, optional bool) *Refusal {
	const want = "padded standard base64"
	s, r := w.quoted(want)
	if r != nil {
		return r
	}
	if optional && s == "" {
		return w.empty()
	}
	b, err := base64.StdEncoding.Strict().DecodeString(s)
	// DecodeString skips line breaks, which are no base64.
	if err != nil || strings.ContainsAny(s, "\r\n") {
		return w.wrong(want)
	}
	v.SetBytes(b)
	return nil
}

func where(at string) string {
	if at == "" {
		return "the outermost object"
	}
	return at
}

func refuse(c Code, detail string) *Refusal { return &Refusal{Code: c, Detail: detail} }
