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
	"time"
	"unicode/utf8"
)

// maxElements bounds every array; the schemas bound most of them further.
const maxElements = 500

var (
	timeType  = reflect.TypeFor[time.Time]()
	bytesType = reflect.TypeFor[[]byte]()

	integer    = regexp.MustCompile(`^(0|-?[1-9][0-9]{0,15})$`)
	coordinate = regexp.MustCompile(`^-?(0|[1-9][0-9]{0,2})(\.[0-9]{1,5})?$`)
)

// decodeStrict decodes one JSON value into v, a pointer to a struct.
//
// The Go type is the schema: members are named exactly as their tags, each at
// most once at every depth, and all are required but those marked omitempty,
// which must not be empty when present. No null; numbers are integers, floats
// are coordinates of at most five decimals; times are RFC 3339 UTC in their
// shortest form; bytes are padded standard base64. Every string keeps to
// [plainText]. A member that the type does not name is refused unread, so
// nesting is bounded by the type.
func decodeStrict(data []byte, v any) *Refusal {
	if !utf8.Valid(data) {
		return refuse(BadSchema, "The text is not valid UTF-8.")
	}
	w := walker{json.NewDecoder(bytes.NewReader(data))}
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

type walker struct{ dec *json.Decoder }

func (w walker) token() (json.Token, *Refusal) {
	t, err := w.dec.Token()
	if err != nil {
		return nil, refuse(BadSchema, "The JSON is malformed.")
	}
	return t, nil
}

// value reads one value of type t; optional ones must not be empty.
func (w walker) value(t reflect.Type, at string, optional bool) *Refusal {
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

func (w walker) object(t reflect.Type, at string) *Refusal {
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

func (w walker) array(elem reflect.Type, at string) *Refusal {
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
		return plainText(s, at)
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

func where(at string) string {
	if at == "" {
		return "the outermost object"
	}
	return at
}

func wrong(at, want string) *Refusal {
	return refuse(BadSchema, "The member "+where(at)+" is not "+want+".")
}

func refuse(c Code, detail string) *Refusal { return &Refusal{Code: c, Detail: detail} }
