// Package yamledit changes values in a YAML file that a person keeps: every byte
// outside of the change stays as it was, comments and line ends too.
//
// An edit is made on bytes and proved on meaning: the text is read again and
// must say what it said before, with the change and nothing else. Whatever does
// not come out so is refused in words.
package yamledit

import (
	"bytes"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// Change is one edit of the file's text. See [Set], [Delete], [Append] and [SetText].
type Change struct {
	path string
	kind changeKind
	want any
	text string
}

type changeKind int

const (
	setValue changeKind = iota
	deleteValue
	appendValue
	setText
)

// Set writes a value at a path such as home.name or cameras[name=porch].url and
// makes what is missing above it. A value is a string, bool, int, float64,
// time.Duration, [fmt.Stringer], [Map] or []any of these. Of a mapping or list only
// what differs is written, so that the comments inside stay.
func Set(path string, value any) Change { return Change{path: path, want: value} }

// Delete removes a key, or an entry of a list; one that is not there is no error.
func Delete(path string) Change { return Change{path: path, kind: deleteValue} }

// Append adds an entry at the end of a list.
func Append(path string, value any) Change { return Change{path: path, kind: appendValue, want: value} }

// SetText replaces everything below a key, comments too, by lines of YAML that a
// person wrote. They are indented as the file needs it.
func SetText(path, text string) Change { return Change{path: path, kind: setText, text: text} }

// Refused is an edit that cannot be made without losing something.
type Refused struct {
	Line int // 0 if it belongs to no line
	Text string
}

// Error says why, and where.
func (r *Refused) Error() string {
	if r.Line == 0 {
		return r.Text
	}
	return fmt.Sprintf("line %d: %s", r.Line, r.Text)
}

// Rewrite makes changes to a text and leaves every byte outside of what they
// change as it is: comments, spaces, line ends, and a missing last line end. The
// error is *Refused if the text is written in a way that the change would spoil.
func Rewrite(data []byte, changes ...Change) ([]byte, error) {
	for _, c := range changes {
		before, err := readYAML(unixLines(data))
		if err != nil {
			return nil, err
		}
		steps, err := parsePath(c.path)
		if err != nil {
			return nil, err
		}
		want, err := c.result(before, steps)
		if err != nil {
			return nil, err
		}
		if data, err = c.apply(data, before, steps); err != nil {
			return nil, err
		}
		// What was found by bytes is proved by meaning: the change, and nothing else.
		after, err := readYAML(unixLines(data))
		if err != nil || !same(after.root, want) {
			return nil, &Refused{Text: "cannot change " + c.path + " as the file is written; change it there by hand"}
		}
	}
	return data, nil
}

// result is what the text should mean after the change.
func (c Change) result(y *yamlText, steps []step) (*part, error) {
	text := c.text
	if c.kind == setValue || c.kind == appendValue {
		var err error
		if text, err = flowText(c.want); err != nil {
			return nil, err
		}
	}
	value, err := readYAML(unixLines([]byte(text)))
	if err != nil {
		return nil, err
	}
	return c.graft(y.root, steps, value.root)
}

func (c Change) graft(p *part, steps []step, value *part) (*part, error) {
	if len(steps) == 0 {
		switch c.kind {
		case appendValue:
			if !p.empty() && p.kind != partList {
				return nil, &Refused{Text: c.path + " is no list"}
			}
			if p.empty() {
				p = &part{}
			}
			return &part{kind: partList, entries: append(slices.Clone(p.entries), entry{value: value})}, nil
		case deleteValue:
			return nil, nil
		}
		return value, nil
	}
	i := steps[0].at(p)
	next := &part{kind: partMap}
	if p != nil {
		next.kind, next.scalar, next.entries = p.kind, p.scalar, slices.Clone(p.entries)
	}
	if i < 0 {
		switch {
		case c.kind == deleteValue:
			return p, nil
		case steps[0].key == "":
			return nil, &Refused{Text: c.path + " is not there"}
		case !p.empty() && p.kind != partMap:
			return nil, &Refused{Text: c.path + " has no place: what is above it is no mapping"}
		}
		next.kind = partMap
		i = len(next.entries)
		next.entries = append(next.entries, entry{name: steps[0].key})
	}
	child, err := c.graft(next.entries[i].value, steps[1:], value)
	if err != nil {
		return nil, err
	}
	if child == nil && len(steps) == 1 && next.kind == partList {
		next.entries = slices.Delete(next.entries, i, i+1)
	} else {
		next.entries[i].value = child
	}
	return next, nil
}

// apply makes the change to the bytes.
func (c Change) apply(data []byte, y *yamlText, steps []step) ([]byte, error) {
	at := y.find(steps)
	switch c.kind {
	case deleteValue:
		if at.rest != nil {
			return data, nil
		}
		s, err := y.remove(at)
		return s.into(data), err
	case appendValue:
		if at.rest == nil && !at.value().empty() {
			s, err := y.add(at, "", c.want)
			return s.into(data), err
		}
		return Change{path: c.path, want: []any{c.want}}.apply(data, y, steps)
	case setText:
		return c.applyText(data, at, y)
	}
	if at.rest != nil {
		s, err := y.make(at, c.want)
		return s.into(data), err
	}
	return c.assign(data, y, at)
}

// assign makes an existing value what is wanted, entry by entry where it can.
func (c Change) assign(data []byte, y *yamlText, at place) ([]byte, error) {
	old := at.value()
	var steps []Change
	switch want := c.want.(type) {
	case Map:
		if old.kind != partMap || len(old.entries) == 0 {
			break
		}
		for _, f := range want {
			steps = append(steps, Set(c.path+"."+f.Key, f.Value))
		}
		for _, e := range old.entries {
			if !slices.ContainsFunc(want, func(f Field) bool { return f.Key == e.name }) {
				steps = append(steps, Delete(c.path+"."+e.name))
			}
		}
		return Rewrite(data, steps...)
	case []any:
		if old.kind != partList || len(old.entries) == 0 || len(want) == 0 {
			break
		}
		for i, v := range want {
			if i < len(old.entries) {
				steps = append(steps, Set(fmt.Sprintf("%s[%d]", c.path, i), v))
			} else {
				steps = append(steps, Append(c.path, v))
			}
		}
		for i := len(old.entries) - 1; i >= len(want); i-- {
			steps = append(steps, Delete(fmt.Sprintf("%s[%d]", c.path, i)))
		}
		return Rewrite(data, steps...)
	}
	s, err := y.replace(at, c.want)
	return s.into(data), err
}

func (c Change) applyText(data []byte, at place, y *yamlText) ([]byte, error) {
	if len(at.rest) > 0 {
		if len(at.rest) > 1 || at.rest[0].key == "" || len(at.trail) > 0 {
			return nil, &Refused{Text: c.path + " is not there"}
		}
		// The key first, with a value that the text then takes the place of.
		made, err := Rewrite(data, Set(c.path, "x"))
		if err != nil {
			return nil, err
		}
		return Rewrite(made, c)
	}
	if at.flow() || at.entry().name == "" {
		return nil, &Refused{Text: "cannot change " + c.path + " as the file is written; change it there by hand"}
	}
	e := at.entry()
	pad := strings.Repeat(" ", y.column(e.at)+2)
	var b strings.Builder
	for l := range strings.Lines(strings.TrimRight(string(unixLines([]byte(c.text))), " \t\n")) {
		if l = strings.TrimRight(l, " \t\n"); l != "" {
			l = pad + l
		}
		b.WriteString("\n" + l)
	}
	return y.below(e, b.String()).into(data), nil
}

// Text is what stands below a key, comments too, without the indentation: what
// [SetText] takes. It is empty if nothing does.
func Text(data []byte, path string) (string, error) {
	y, err := readYAML(unixLines(data))
	if err != nil {
		return "", err
	}
	steps, err := parsePath(path)
	if err != nil {
		return "", err
	}
	at := y.find(steps)
	if at.rest != nil || at.value().kind == partNull {
		return "", nil
	}
	v, e := at.value(), at.entry()
	if v.flow || v.kind == partScalar {
		return string(y.data[v.start:v.end]) + "\n", nil
	}
	lines := strings.SplitAfter(string(y.data[min(y.lineEnd(e.colon)+1, len(y.data)):y.lineEnd(y.footEnd(e))]), "\n")
	indent := y.column(v.start)
	for i, l := range lines {
		lines[i] = l[min(indent, len(l)-len(strings.TrimLeft(l, " "))):]
	}
	return strings.TrimRight(strings.Join(lines, ""), "\n") + "\n", nil
}

var comment = regexp.MustCompile(`^[ \t]*#`)

// footEnd is the end of an entry's value with the comments after it that are
// indented deeper than its key, and so belong to it.
func (y *yamlText) footEnd(e entry) int {
	end := e.value.end
	for at := y.lineEnd(end) + 1; at < len(y.data); at = y.lineEnd(at) + 1 {
		l := y.data[at:y.lineEnd(at)]
		deeper := len(l)-len(bytes.TrimLeft(l, " ")) > y.column(e.at)
		if len(bytes.TrimSpace(l)) > 0 && !(deeper && comment.Match(l)) {
			break
		}
		if deeper && comment.Match(l) {
			end = at + len(l)
		}
	}
	return end
}
