package yamledit

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
)

// Map is a mapping to write, in its order.
type Map []Field

// Field is one key of a Map.
type Field struct {
	Key   string
	Value any
}

// With adds a value below a path of keys, such as keep.days.
func (m Map) With(path string, value any) Map {
	key, rest, deep := strings.Cut(path, ".")
	i := slices.IndexFunc(m, func(f Field) bool { return f.Key == key })
	if !deep {
		return append(m, Field{key, value})
	}
	if i < 0 {
		return append(m, Field{key, Map{}.With(rest, value)})
	}
	below, _ := m[i].Value.(Map)
	m[i].Value = below.With(rest, value)
	return m
}

// Span writes a duration as people do: 90s, 5m, 1h30m.
func Span(d time.Duration) string {
	s := d.String()
	for _, zero := range []string{"m0s", "h0m"} {
		if rest, ok := strings.CutSuffix(s, zero); ok {
			s = rest + zero[:1]
		}
	}
	return s
}

// flowText writes a value on one line.
func flowText(v any) (string, error) {
	var items []string
	left, right := "[", "]"
	switch v := v.(type) {
	case string:
		return quoted(v)
	case bool:
		return strconv.FormatBool(v), nil
	case int:
		return strconv.Itoa(v), nil
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64), nil
	case time.Duration:
		return Span(v), nil
	case fmt.Stringer:
		return quoted(v.String())
	case Map:
		left, right = "{", "}"
		for _, f := range v {
			text, err := flowText(f.Value)
			if err != nil {
				return "", err
			}
			items = append(items, f.Key+": "+text)
		}
	case []any:
		for _, x := range v {
			text, err := flowText(x)
			if err != nil {
				return "", err
			}
			items = append(items, text)
		}
	default:
		return "", fmt.Errorf("yamledit: no way to write a %T", v)
	}
	return left + strings.Join(items, ", ") + right, nil
}

// plainWord is text that needs no quotes wherever it stands, if YAML takes it for text at all.
var plainWord = regexp.MustCompile(`^[\pL\pN/._][\pL\pN/._@%+*?=&;~ ()-]*(?::[\pL\pN/._@%+*?=&;~()-]+)*$`)

// quoted writes a string, with quotes where it would be read as something else.
func quoted(s string) (string, error) {
	if plainWord.MatchString(s) && strings.TrimSpace(s) == s && reads(s, s) {
		return s, nil
	}
	var b strings.Builder
	enc := json.NewEncoder(&b) // JSON's strings are YAML's
	enc.SetEscapeHTML(false)
	if err := enc.Encode(s); err != nil {
		return "", err
	}
	text := strings.TrimSuffix(b.String(), "\n")
	if !reads(text, s) {
		return "", &Refused{Text: "has characters that the file cannot hold"}
	}
	return text, nil
}

// reads reports whether a text, on a line of its own and inside a list, is read as s.
func reads(text, s string) bool {
	f, err := parser.ParseBytes([]byte("[x, "+text+"]"), 0)
	if err != nil || len(f.Docs) != 1 {
		return false
	}
	list, ok := f.Docs[0].Body.(*ast.SequenceNode)
	if !ok || len(list.Values) != 2 {
		return false
	}
	n, ok := list.Values[1].(*ast.StringNode)
	return ok && n.Value == s
}

// inFlow reports whether a value is written on one line: whatever is no list of
// mappings and short.
func inFlow(v any, text string) bool {
	if list, ok := v.([]any); ok {
		for _, x := range list {
			if _, ok := x.(Map); ok {
				return false
			}
		}
	}
	return len(text) <= 72
}

// blockText writes a value in lines that begin with indent spaces, the first
// one too, and without the last line end.
func blockText(v any, indent int) (string, error) {
	pad := strings.Repeat(" ", indent)
	var lines []string
	switch v := v.(type) {
	case Map:
		for _, f := range v {
			text, err := flowText(f.Value)
			if err != nil {
				return "", err
			}
			if m, ok := f.Value.(Map); isScalar(f.Value) || inFlow(f.Value, text) && (indent > 0 || !ok || len(m) == 0) {
				lines = append(lines, pad+f.Key+": "+text)
				continue
			}
			if text, err = blockText(f.Value, indent+2); err != nil {
				return "", err
			}
			lines = append(lines, pad+f.Key+":", text)
		}
	case []any:
		for _, x := range v {
			text, err := blockText(x, indent+2)
			if err != nil {
				return "", err
			}
			lines = append(lines, pad+"- "+text[indent+2:])
		}
	default:
		text, err := flowText(v)
		return pad + text, err
	}
	if len(lines) == 0 {
		text, err := flowText(v)
		return pad + text, err
	}
	return strings.Join(lines, "\n"), nil
}

func isScalar(v any) bool {
	switch v.(type) {
	case Map, []any:
		return false
	}
	return true
}
