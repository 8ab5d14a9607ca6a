package yamledit

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/lexer"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"
)

// part is one value of a YAML text and where its bytes are. The library's own
// printer keeps comments but not the spaces around them, so the tree is used to
// find bytes and never to write them.
type part struct {
	kind       partKind
	flow       bool // written as {…} or […]
	start, end int  // of the value's bytes; both after the colon if nothing is written
	scalar     string
	entries    []entry
}

type partKind int

const (
	partNull partKind = iota
	partScalar
	partMap
	partList
)

// entry is one line of a mapping or list.
type entry struct {
	name  string // of a mapping's
	at    int    // first byte: the key, the dash, or a flow list's value
	colon int    // byte after the colon, of a mapping's
	value *part
}

// yamlText is a text with Unix line ends and the places of its tokens.
type yamlText struct {
	data   []byte
	lines  []int // first byte of each line
	tokens []*token.Token
	starts []int // first byte of each token
	root   *part // nil if the text holds nothing but comments
}

// readYAML finds the parts of one document. It refuses what it could not write
// back: anchors, aliases, tags and keys that are no plain word.
func readYAML(data []byte) (*yamlText, error) {
	y := &yamlText{data: data, lines: []int{0}}
	for i, b := range data {
		if b == '\n' {
			y.lines = append(y.lines, i+1)
		}
	}
	f, err := parser.ParseBytes(data, 0)
	if err != nil {
		return nil, &Refused{Text: "not valid YAML"}
	}
	y.tokens = lexer.Tokenize(string(data))
	for _, t := range y.tokens {
		y.starts = append(y.starts, y.offset(t.Position))
	}
	docs := slices.DeleteFunc(f.Docs, func(doc *ast.DocumentNode) bool { return doc.Body == nil })
	switch {
	case len(docs) > 1:
		return nil, &Refused{Text: "more than one document"}
	case len(docs) == 0:
		return y, nil
	}
	y.root, err = y.part(docs[0].Body, 0)
	return y, err
}

// offset is the byte that a token's line and column, counted in characters, mean.
func (y *yamlText) offset(p *token.Position) int {
	if p.Line < 1 || p.Line > len(y.lines) {
		return len(y.data)
	}
	at := y.lines[p.Line-1]
	for range p.Column - 1 {
		_, n := utf8.DecodeRune(y.data[at:])
		at += n
	}
	return at
}

// ends is the byte after the token at a place, without the white space that follows.
func (y *yamlText) ends(t *token.Token) int {
	i := slices.IndexFunc(y.tokens, func(o *token.Token) bool { return *o.Position == *t.Position && o.Type == t.Type })
	if i < 0 {
		return -1
	}
	end := len(y.data)
	if i+1 < len(y.tokens) {
		end = y.starts[i+1]
	}
	return len(bytes.TrimRight(y.data[:end], " \t\n"))
}

func (y *yamlText) part(n ast.Node, colon int) (*part, error) {
	t := n.GetToken()
	switch n := n.(type) {
	case *ast.AnchorNode, *ast.AliasNode, *ast.TagNode:
		return nil, &Refused{Line: t.Position.Line, Text: "anchors, aliases and tags are not used in this file"}
	case ast.MapNode:
		return y.mapping(n, t)
	case *ast.SequenceNode:
		return y.sequence(n, t)
	case *ast.NullNode:
		p := &part{start: colon, end: colon}
		if end := y.ends(t); t.Type == token.NullType && end > y.offset(t.Position) {
			p.start, p.end = y.offset(t.Position), end
		}
		return p, nil
	case *ast.LiteralNode:
		return y.written(&part{kind: partScalar, start: y.offset(t.Position), end: y.ends(n.Value.GetToken()), scalar: "text " + n.Value.Value}, t)
	case *ast.StringNode:
		return y.written(&part{kind: partScalar, start: y.offset(t.Position), end: y.ends(t), scalar: "text " + n.Value}, t)
	case ast.ScalarNode:
		return y.written(&part{kind: partScalar, start: y.offset(t.Position), end: y.ends(t), scalar: n.Type().String() + " " + t.Value}, t)
	}
	return nil, &Refused{Line: t.Position.Line, Text: "cannot be edited as it is written"}
}

// written refuses a part whose bytes could not be found.
func (y *yamlText) written(p *part, t *token.Token) (*part, error) {
	if p.start < 0 || p.end < p.start || p.end > len(y.data) {
		return nil, &Refused{Line: t.Position.Line, Text: "cannot be edited as it is written"}
	}
	return p, nil
}

func (y *yamlText) mapping(n ast.MapNode, t *token.Token) (*part, error) {
	p := &part{kind: partMap, start: -1}
	if m, ok := n.(*ast.MappingNode); ok && m.IsFlowStyle {
		p.flow, p.start, p.end = true, y.offset(m.Start.Position), y.ends(m.End)
	}
	for it := n.MapRange(); it.Next(); {
		kv := it.KeyValue()
		key := kv.Key.GetToken()
		if _, ok := kv.Key.(*ast.StringNode); !ok || kv.Start == nil || kv.Start.Type != token.MappingValueType {
			return nil, &Refused{Line: t.Position.Line, Text: "keys should be plain words"}
		}
		e := entry{name: key.Value, at: y.offset(key.Position), colon: y.offset(kv.Start.Position) + 1}
		var err error
		if e.value, err = y.part(kv.Value, e.colon); err != nil {
			return nil, err
		}
		p.add(e)
	}
	return y.written(p, t)
}

func (y *yamlText) sequence(n *ast.SequenceNode, t *token.Token) (*part, error) {
	p := &part{kind: partList, start: -1, flow: n.IsFlowStyle}
	if n.IsFlowStyle {
		p.start, p.end = y.offset(n.Start.Position), y.ends(n.End)
	} else if len(n.Entries) != len(n.Values) {
		return nil, &Refused{Line: t.Position.Line, Text: "cannot be edited as it is written"}
	}
	for i, v := range n.Values {
		e := entry{at: y.offset(v.GetToken().Position)}
		if !p.flow {
			e.at = y.offset(n.Entries[i].Start.Position)
		}
		var err error
		if e.value, err = y.part(v, e.at+1); err != nil {
			return nil, err
		}
		if p.flow {
			e.at = e.value.start
		}
		p.add(e)
	}
	return y.written(p, t)
}

func (p *part) add(e entry) {
	if p.start < 0 {
		p.start = e.at
	}
	if !p.flow {
		p.end = max(p.end, e.value.end)
	}
	p.entries = append(p.entries, e)
}

// same reports whether two parts hold the same values; nothing written, an
// empty list and an empty mapping are the same.
func same(a, b *part) bool {
	if a.empty() || b.empty() {
		return a.empty() && b.empty()
	}
	if a.kind != b.kind || a.scalar != b.scalar {
		return false
	}
	x, y := a.full(), b.full()
	if len(x) != len(y) {
		return false
	}
	for i, e := range x {
		o := y[i]
		if a.kind == partMap {
			j := b.find(e.name)
			if j < 0 {
				return false
			}
			o = b.entries[j]
		}
		if !same(e.value, o.value) {
			return false
		}
	}
	return true
}

// full are the entries that count: of a mapping those that hold something.
func (p *part) full() []entry {
	if p.kind != partMap {
		return p.entries
	}
	return slices.DeleteFunc(slices.Clone(p.entries), func(e entry) bool { return e.value.empty() })
}

func (p *part) empty() bool {
	return p == nil || p.kind != partScalar && len(p.full()) == 0
}

func (p *part) find(name string) int {
	return slices.IndexFunc(p.entries, func(e entry) bool { return e.name == name })
}

// step is one part of a path: a key, or an entry of a list by its number or by
// the value of its name.
type step struct {
	key   string
	index int
	name  string
}

// parsePath reads home.name, storage[0].path and cameras[name=porch].url.
func parsePath(path string) (steps []step, err error) {
	for _, word := range strings.Split(path, ".") {
		key, selector, listed := strings.Cut(word, "[")
		steps = append(steps, step{key: key})
		if !listed {
			continue
		}
		selector, closed := strings.CutSuffix(selector, "]")
		s := step{index: -1}
		if name, named := strings.CutPrefix(selector, "name="); named {
			s.name = name
		} else if _, err := fmt.Sscanf(selector, "%d", &s.index); err != nil || s.index < 0 {
			closed = false
		}
		if !closed {
			return nil, fmt.Errorf("yamledit: no path: %s", path)
		}
		steps = append(steps, s)
	}
	return steps, nil
}

// at is the number of a step's entry in p, or -1.
func (s step) at(p *part) int {
	switch {
	case p == nil:
		return -1
	case s.key != "":
		if p.kind != partMap {
			return -1
		}
		return p.find(s.key)
	case p.kind != partList:
		return -1
	case s.name != "":
		return slices.IndexFunc(p.entries, func(e entry) bool {
			i := -1
			if e.value.kind == partMap {
				i = e.value.find("name")
			}
			if i < 0 {
				return false
			}
			_, name, _ := strings.Cut(e.value.entries[i].value.scalar, " ")
			return name == s.name
		})
	case s.index < len(p.entries):
		return s.index
	}
	return -1
}
