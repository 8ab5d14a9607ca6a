package bulletin

import (
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// maxDepth bounds the nesting of a value that nothing here knows the schema
// of: an envelope in its line, which nests three deep.
const maxDepth = 32

// scanner reads JSON (RFC 8259) from a text of valid UTF-8, front to back. It
// allocates for strings with escapes only; other strings are parts of the text.
type scanner struct {
	text string
	at   int
}

func (s *scanner) space() {
	for s.at < len(s.text) {
		switch s.text[s.at] {
		case ' ', '\t', '\r', '\n':
			s.at++
		default:
			return
		}
	}
}

// peek returns the first byte of what comes next, 0 at the end.
func (s *scanner) peek() byte {
	s.space()
	if s.at == len(s.text) {
		return 0
	}
	return s.text[s.at]
}

// take reads one byte of structure if it comes next.
func (s *scanner) take(c byte) bool {
	if s.peek() != c {
		return false
	}
	s.at++
	return true
}

// word reads a literal name.
func (s *scanner) word(w string) bool {
	if !strings.HasPrefix(s.text[s.at:], w) {
		return false
	}
	s.at += len(w)
	return true
}

// next reads what stands between two elements of a list or object that ends in
// end: more is true if another one follows.
func (s *scanner) next(first bool, end byte) (more, ok bool) {
	if first {
		return !s.take(end), true
	}
	if s.take(end) {
		return false, true
	}
	return true, s.take(',')
}

// name reads a member's name and the colon.
func (s *scanner) name() (string, bool) {
	name, ok := s.str()
	return name, ok && s.take(':')
}

// str reads a string. As in encoding/json, half a surrogate pair is U+FFFD.
func (s *scanner) str() (string, bool) {
	if !s.take('"') {
		return "", false
	}
	from := s.at
	for ; s.at < len(s.text); s.at++ {
		switch c := s.text[s.at]; {
		case c == '"':
			s.at++
			return s.text[from : s.at-1], true
		case c == '\\':
			return s.escaped(from)
		case c < ' ':
			return "", false
		}
	}
	return "", false
}

// escaped goes on with a string at its first escape.
func (s *scanner) escaped(from int) (string, bool) {
	b := append(make([]byte, 0, s.at-from+64), s.text[from:s.at]...)
	for s.at < len(s.text) {
		c := s.text[s.at]
		s.at++
		switch {
		case c == '"':
			return string(b), true
		case c < ' ':
			return "", false
		case c != '\\':
			b = append(b, c)
			continue
		case s.at == len(s.text):
			return "", false
		}
		c = s.text[s.at]
		s.at++
		if c == 'u' {
			r, ok := s.hex()
			if !ok {
				return "", false
			}
			if utf16.IsSurrogate(r) {
				r = s.pair(r)
			}
			b = utf8.AppendRune(b, r)
			continue
		}
		i := strings.IndexByte(`"\/bfnrt`, c)
		if i < 0 {
			return "", false
		}
		b = append(b, "\"\\/\b\f\n\r\t"[i])
	}
	return "", false
}

// pair joins a surrogate with the one that has to follow.
func (s *scanner) pair(first rune) rune {
	back := s.at
	if s.word(`\u`) {
		if second, ok := s.hex(); ok {
			if r := utf16.DecodeRune(first, second); r != utf8.RuneError {
				return r
			}
		}
	}
	s.at = back
	return utf8.RuneError
}

// hex reads four hexadecimal digits.
func (s *scanner) hex() (r rune, ok bool) {
	if len(s.text)-s.at < 4 {
		return 0, false
	}
	for _, c := range []byte(s.text[s.at : s.at+4]) {
		switch {
		case c >= '0' && c <= '9':
			r = r<<4 | rune(c-'0')
		case c|0x20 >= 'a' && c|0x20 <= 'f':
			r = r<<4 | rune(c|0x20-'a'+10)
		default:
			return 0, false
		}
	}
	s.at += 4
	return r, true
}

// number reads a number and returns it as it stands.
func (s *scanner) number() (string, bool) {
	s.space()
	from := s.at
	digits := func() bool {
		before := s.at
		for s.at < len(s.text) && s.text[s.at] >= '0' && s.text[s.at] <= '9' {
			s.at++
		}
		return s.at > before
	}
	s.word("-")
	if !s.word("0") && !digits() {
		return "", false
	}
	if s.word(".") && !digits() {
		return "", false
	}
	if s.word("e") || s.word("E") {
		if !s.word("+") {
			s.word("-")
		}
		if !digits() {
			return "", false
		}
	}
	return s.text[from:s.at], true
}

// skip reads any value that nests at most so deep.
func (s *scanner) skip(depth int) bool {
	switch c := s.peek(); c {
	case '"':
		_, ok := s.str()
		return ok
	case 't':
		return s.word("true")
	case 'f':
		return s.word("false")
	case 'n':
		return s.word("null")
	case '{', '[':
		s.at++
		for first := true; ; first = false {
			more, ok := s.next(first, c+2) // } and ] are two after { and [
			if !ok || depth == 0 {
				return false
			}
			if !more {
				return true
			}
			if c == '{' {
				if _, ok := s.name(); !ok {
					return false
				}
			}
			if !s.skip(depth - 1) {
				return false
			}
		}
	default:
		_, ok := s.number()
		return ok
	}
}
