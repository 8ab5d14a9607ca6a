package config

import (
	"bytes"
	"encoding"
	"errors"
	"fmt"
	"math"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
)

// MaxFile bounds the file; a real one is a few kilobytes.
const MaxFile = 1 << 20

// decoder fills a Config from the YAML tree and collects every problem with
// its line, where the library's own decoder stops at the first.
type decoder struct {
	problems Problems
	lines    map[string]place // by key path, for checks after decoding
	unread   int              // so many of the problems are of values that could not be read
	broken   bool             // not YAML at all
}

// place is where something stands in the file, both from 1.
type place struct{ line, column int }

var start = place{1, 1}

func (d *decoder) fail(at place, key, format string, args ...any) {
	d.problems = append(d.problems, Problem{at.line, at.column, key, fmt.Sprintf(format, args...), format, args})
}

// sorted are the problems by their lines; nil if there is none.
func (d *decoder) sorted() error {
	if len(d.problems) == 0 {
		return nil
	}
	slices.SortStableFunc(d.problems, func(a, b Problem) int { return a.Line - b.Line }) // within a line, causes come first
	return d.problems
}

// at reports a problem of a decoded value, on the line of the nearest key that
// exists. What could not be read was told of already.
func (d *decoder) at(key, format string, args ...any) {
	if slices.ContainsFunc(d.problems[:d.unread], func(p Problem) bool { return p.Key == key }) {
		return
	}
	for k := key; k != ""; {
		if at, ok := d.lines[k]; ok {
			d.fail(at, key, format, args...)
			return
		}
		k = k[:max(strings.LastIndexAny(k, ".["), 0)]
	}
	d.fail(start, key, format, args...)
}

func (d *decoder) document(data []byte, into any) {
	if len(data) > MaxFile {
		d.broken = true
		d.fail(start, "file", "larger than 1 MB")
		return
	}
	// The parser counts a line twice that ends in a comment and in two bytes.
	data = bytes.ReplaceAll(data, []byte("\r\n"), []byte("\n"))
	f, err := parser.ParseBytes(data, 0)
	if err != nil {
		d.broken = true
		d.syntax(err)
		return
	}
	// A line of --- may stand before the document, and even after it. The parser
	// passes over what follows an empty document, so that it must be looked for.
	docs := slices.DeleteFunc(f.Docs, func(doc *ast.DocumentNode) bool { return doc.Body == nil })
	written, at := documents(data)
	switch {
	case written > 1 || written == 1 && len(docs) != 1:
		d.broken = true
		d.fail(place{at, 1}, "file", "more than one document")
	case written == 1:
		d.node(docs[0].Body, reflect.ValueOf(into).Elem(), "")
		d.unread = len(d.problems)
	}
}

// marker is a line that ends a document or begins one, with what may stand on it.
var marker = regexp.MustCompile(`^(---|\.\.\.)(\s|$)`)

// documents counts the documents of a YAML stream (YAML 1.2 9) that hold more
// than comments, and tells the line at which the last of them begins.
func documents(data []byte) (n, at int) {
	fresh := true
	i := 0
	for l := range bytes.Lines(data) {
		i++
		if marker.Match(l) {
			fresh, l = true, l[3:]
		}
		l = bytes.TrimSpace(l)
		if fresh && len(l) > 0 && l[0] != '#' && l[0] != '%' {
			fresh = false
			n, at = n+1, i
		}
	}
	return n, max(at, 1)
}

func (d *decoder) syntax(err error) {
	var se *yaml.SyntaxError
	if errors.As(err, &se) && se.Token != nil && se.Token.Position != nil {
		d.fail(place{se.Token.Position.Line, se.Token.Position.Column}, "file", "not valid YAML: %s", se.Message)
		return
	}
	d.fail(start, "file", "not valid YAML")
}

func placeOf(n ast.Node) place {
	if t := n.GetToken(); t != nil && t.Position != nil {
		return place{t.Position.Line, t.Position.Column}
	}
	return start
}

func (d *decoder) node(n ast.Node, v reflect.Value, key string) {
	if _, ok := d.lines[key]; !ok {
		d.lines[key] = placeOf(n)
	}
	switch n.(type) {
	case *ast.NullNode:
		return
	case *ast.AnchorNode, *ast.AliasNode, *ast.TagNode:
		d.fail(placeOf(n), key, "anchors, aliases and tags are not used in this file")
		return
	}
	if v.Kind() == reflect.Pointer {
		p := reflect.New(v.Type().Elem())
		d.node(n, p.Elem(), key)
		v.Set(p)
		return
	}
	_, text := v.Addr().Interface().(encoding.TextUnmarshaler)
	switch {
	case v.Kind() == reflect.Struct && !text:
		d.mapping(n, v, key)
	case v.Kind() == reflect.Slice:
		d.sequence(n, v, key)
	default:
		d.scalar(n, v, key)
	}
}

func (d *decoder) mapping(n ast.Node, v reflect.Value, key string) {
	m, ok := n.(ast.MapNode)
	if !ok {
		d.fail(placeOf(n), orFile(key), "should hold keys and values")
		return
	}
	seen := map[string]bool{}
	for it := m.MapRange(); it.Next(); {
		name := it.Key().GetToken().Value
		path := strings.TrimPrefix(key+"."+name, ".")
		field, known := fieldOf(v, name)
		switch {
		case !known:
			d.fail(placeOf(it.Key()), path, "unknown key; known here: %s", strings.Join(keysOf(v.Type()), " "))
		case seen[name]:
			d.fail(placeOf(it.Key()), path, "stands here twice")
		default:
			d.lines[path] = placeOf(it.Key())
			d.node(it.Value(), field, path)
		}
		seen[name] = true
	}
}

func (d *decoder) sequence(n ast.Node, v reflect.Value, key string) {
	s, ok := n.(*ast.SequenceNode)
	if !ok {
		d.fail(placeOf(n), key, "should be a list")
		return
	}
	v.Set(reflect.MakeSlice(v.Type(), len(s.Values), len(s.Values)))
	for i, item := range s.Values {
		d.node(item, v.Index(i), fmt.Sprintf("%s[%d]", key, i))
	}
}

func (d *decoder) scalar(n ast.Node, v reflect.Value, key string) {
	text := n.GetToken().Value
	if _, ok := n.(ast.ScalarNode); !ok {
		d.fail(placeOf(n), key, "should be a single value")
		return
	}
	if u, ok := v.Addr().Interface().(encoding.TextUnmarshaler); ok {
		if err := u.UnmarshalText([]byte(text)); err != nil {
			d.fail(placeOf(n), key, "%s", err)
		}
		return
	}
	if v.Type() == reflect.TypeFor[time.Duration]() {
		dur, err := time.ParseDuration(text)
		if err != nil {
			d.fail(placeOf(n), key, "not a duration; write for example 90s, 5m or 1h")
			return
		}
		v.SetInt(int64(dur))
		return
	}
	d.plain(n, v, key, text)
}

func (d *decoder) plain(n ast.Node, v reflect.Value, key, text string) {
	switch v.Kind() {
	case reflect.String:
		if s, ok := n.(*ast.LiteralNode); ok {
			text = s.Value.Value
		}
		v.SetString(text)
	case reflect.Bool:
		b, ok := n.(*ast.BoolNode)
		if !ok {
			d.fail(placeOf(n), key, "should be true or false")
			return
		}
		v.SetBool(b.Value)
	case reflect.Int:
		var i int64
		if _, ok := n.(*ast.IntegerNode); !ok || yaml.NodeToValue(n, &i) != nil {
			d.fail(placeOf(n), key, "should be a whole number")
			return
		}
		v.SetInt(i)
	case reflect.Float64:
		var f float64
		if yaml.NodeToValue(n, &f) != nil || math.IsNaN(f) || math.IsInf(f, 0) {
			d.fail(placeOf(n), key, "should be a number")
			return
		}
		v.SetFloat(f)
	default:
		panic("config: no decoder for " + v.Type().String())
	}
}

func fieldOf(v reflect.Value, name string) (reflect.Value, bool) {
	for i := range v.NumField() {
		if v.Type().Field(i).Tag.Get("yaml") == name {
			return v.Field(i), true
		}
	}
	return reflect.Value{}, false
}

func keysOf(t reflect.Type) []string {
	keys := make([]string, t.NumField())
	for i := range keys {
		keys[i] = t.Field(i).Tag.Get("yaml")
	}
	return keys
}

func orFile(key string) string {
	if key == "" {
		return "file"
	}
	return key
}
