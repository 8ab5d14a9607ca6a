package yamledit

import (
	"bytes"
	"slices"
	"strings"
)

// unixLines is a text with every line end written as one byte.
func unixLines(data []byte) []byte { return bytes.ReplaceAll(data, []byte("\r\n"), []byte("\n")) }

// splice puts text in the place of the bytes from up to to, counted with Unix line ends.
type splice struct {
	from, to int
	text     string
}

// into makes the splice in a text with its own line ends, which new lines take over.
func (s splice) into(data []byte) []byte {
	text := s.text
	if i := bytes.IndexByte(data, '\n'); i > 0 && data[i-1] == '\r' {
		text = strings.ReplaceAll(text, "\n", "\r\n")
	}
	from, to := dosOffset(data, s.from), dosOffset(data, s.to)
	return slices.Concat(data[:from], []byte(text), data[to:])
}

// dosOffset is where a byte of a text with Unix line ends is in the text as it was.
func dosOffset(data []byte, unix int) int {
	at := 0
	for unix > 0 && at < len(data) {
		if data[at] == '\r' && at+1 < len(data) && data[at+1] == '\n' {
			at++
		}
		at++
		unix--
	}
	return at
}

// place is how far a path leads: the entries it goes through, and the steps
// that nothing is there for.
type place struct {
	root  *part
	trail []entry
	in    []*part // the mapping or list of each entry
	rest  []step
}

func (y *yamlText) find(steps []step) place {
	p := place{root: y.root}
	for i, s := range steps {
		v := p.value()
		j := s.at(v)
		if j < 0 {
			p.rest = steps[i:]
			return p
		}
		p.trail, p.in = append(p.trail, v.entries[j]), append(p.in, v)
	}
	return p
}

func (p place) entry() entry {
	if len(p.trail) == 0 {
		return entry{}
	}
	return p.trail[len(p.trail)-1]
}

func (p place) value() *part {
	if len(p.trail) == 0 {
		return p.root
	}
	return p.entry().value
}

// flow reports whether the value stands inside {…} or […].
func (p place) flow() bool {
	return slices.ContainsFunc(p.in, func(v *part) bool { return v.flow })
}

// lineEnd is the line end, or the text's, at or after a byte.
func (y *yamlText) lineEnd(at int) int {
	if i := bytes.IndexByte(y.data[at:], '\n'); i >= 0 {
		return at + i
	}
	return len(y.data)
}

func (y *yamlText) lineStart(at int) int { return bytes.LastIndexByte(y.data[:at], '\n') + 1 }

func (y *yamlText) column(at int) int { return at - y.lineStart(at) }

func (y *yamlText) lineOf(at int) int { return bytes.Count(y.data[:at], []byte("\n")) + 1 }

// keeps refuses to take away bytes that hold a comment.
func (y *yamlText) keeps(from, to int) error {
	for i, t := range y.tokens {
		if strings.HasPrefix(t.Type.String(), "Comment") && y.starts[i] >= from && y.starts[i] < to {
			return &Refused{Line: y.lineOf(y.starts[i]), Text: "a comment stands inside what would be replaced; change it there by hand"}
		}
	}
	return nil
}

// replace writes another value where one is.
func (y *yamlText) replace(at place, want any) (splice, error) {
	text, err := flowText(want)
	if err != nil {
		return splice{}, err
	}
	v, e := at.value(), at.entry()
	if err := y.keeps(v.start, v.end); err != nil {
		return splice{}, err
	}
	switch {
	case at.flow() || isScalar(want) || (inFlow(want, text) && (v.flow || v.kind == partScalar)) || e.name == "":
		if v.start == v.end {
			text = " " + text
		}
		return splice{v.start, v.end, text}, nil
	case inFlow(want, text) && (len(at.trail) > 1 || !isMap(want)):
		return y.below(e, "").on(" " + text), nil
	}
	block, err := blockText(want, y.column(e.at)+2)
	return y.below(e, "\n"+block), err
}

func isMap(v any) bool {
	m, ok := v.(Map)
	return ok && len(m) > 0
}

// below puts lines, each beginning with its line end, below a key instead of
// its value. What else stands on the key's line stays.
func (y *yamlText) below(e entry, lines string) splice {
	v := e.value
	rest := y.data[v.end:y.lineEnd(v.end)]
	end := v.end
	if v.kind != partScalar && !v.flow && v.start != e.colon {
		rest, end = y.data[e.colon:y.lineEnd(e.colon)], y.footEnd(e)
	}
	return splice{e.colon, y.lineEnd(end), strings.TrimRight(string(rest), " \t") + lines}
}

// on puts text before the rest.
func (s splice) on(text string) splice {
	s.text = text + s.text
	return s
}

// make writes a value at a path that leads nowhere yet.
func (y *yamlText) make(at place, want any) (splice, error) {
	for _, s := range slices.Backward(at.rest[1:]) {
		want = Map{{s.key, want}}
	}
	key := at.rest[0].key
	switch v := at.value(); {
	case v == nil: // the text holds comments at most
		text, err := blockText(Map{{key, want}}, 0)
		if len(y.data) > 0 && y.data[len(y.data)-1] != '\n' {
			return splice{len(y.data), len(y.data), "\n" + text}, err
		}
		return splice{len(y.data), len(y.data), text + "\n"}, err
	case v.empty() && len(v.entries) == 0:
		return y.replace(at, Map{{key, want}})
	}
	return y.add(at, key, want)
}

// add writes one more entry into a mapping or, without a key, a list that has some.
func (y *yamlText) add(at place, key string, want any) (splice, error) {
	v := at.value()
	var item any = Map{{key, want}}
	if key == "" {
		item = []any{want}
	}
	if v.flow || at.flow() {
		text, err := flowText(item)
		if err != nil {
			return splice{}, err
		}
		text = text[1 : len(text)-1]
		end := len(bytes.TrimRight(y.data[:v.end-1], " \t\n"))
		if last := y.data[end-1]; last != ',' && last != '{' && last != '[' {
			text = ", " + text
		}
		return splice{end, end, text}, nil
	}
	last := v.entries[len(v.entries)-1]
	text, err := blockText(item, y.column(v.entries[0].at))
	end := y.lineEnd(last.value.end)
	return splice{end, end, "\n" + text}, err
}

// remove takes an entry away: its lines, or its words in {…} and […].
func (y *yamlText) remove(at place) (splice, error) {
	if len(at.trail) == 0 {
		return splice{}, &Refused{Text: "the whole file is not deleted"}
	}
	e, in := at.entry(), at.in[len(at.in)-1]
	i := slices.IndexFunc(in.entries, func(o entry) bool { return o.at == e.at })
	switch {
	case at.flow():
		s := splice{from: e.at, to: e.value.end}
		if i+1 < len(in.entries) {
			s.to = in.entries[i+1].at
		} else if i > 0 {
			s.from = in.entries[i-1].value.end
		}
		return s, y.keeps(s.from, s.to)
	case len(bytes.TrimSpace(y.data[y.lineStart(e.at):e.at])) == 0:
		s := splice{from: y.lineStart(e.at), to: y.lineEnd(e.value.end) + 1}
		if s.to > len(y.data) {
			s.from, s.to = max(s.from-1, 0), len(y.data)
		}
		return s, nil
	case i+1 < len(in.entries): // the key after a dash: the next takes its place
		s := splice{from: e.at, to: in.entries[i+1].at}
		return s, y.keeps(s.from, s.to)
	}
	return splice{}, &Refused{Line: y.lineOf(e.at), Text: "cannot be removed as the file is written; remove it there by hand"}
}
