package homekit

import (
	"sort"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

const (
	textMax = 300 // runes of one text that can reach the card
	missing = '\uFFFD'
)

// clean makes untrusted text harmless to draw: one line of letters, digits,
// punctuation and symbols in their written order. Control characters and all
// that would change the order, stack on other letters or be invisible are gone.
func clean(s string) string {
	if len(s) > textMax*utf8.UTFMax*2 {
		s = s[:textMax*utf8.UTFMax*2]
	}
	s = norm.NFC.String(strings.ToValidUTF8(s, string(missing)))
	var b strings.Builder
	n, space := 0, false
	for _, r := range s {
		switch {
		case unicode.IsSpace(r), unicode.Is(unicode.Z, r), unicode.IsControl(r):
			space = n > 0
			continue
		case !unicode.IsGraphic(r), unicode.Is(unicode.M, r), invisible(r):
			continue
		}
		if n >= textMax {
			break
		}
		if space {
			b.WriteByte(' ')
			space = false
			n++
		}
		b.WriteRune(r)
		n++
	}
	return b.String()
}

// invisible reports graphic characters that draw nothing.
func invisible(r rune) bool {
	switch r {
	case '\u115F', '\u1160', '\u3164', '\uFFA0', '\u2800': // Hangul fillers, empty Braille
		return true
	}
	return false
}

// measurer returns the width of a text.
type measurer func(string) float64

// wrap breaks s into lines no wider than width, at spaces where it can. What does
// not fit into the last line ends in an ellipsis.
func wrap(s string, width float64, lines int, measure measurer) []string {
	var out []string
	words := strings.Fields(s)
	for len(words) > 0 && len(out) < lines {
		if len(out) == lines-1 {
			out = append(out, fit(strings.Join(words, " "), width, measure))
			break
		}
		n := 1
		for n < len(words) && measure(strings.Join(words[:n+1], " ")) <= width {
			n++
		}
		line := strings.Join(words[:n], " ")
		words = words[n:]
		if measure(line) > width { // one word wider than the line
			var rest string
			line, rest = split(line, width, measure)
			words = append([]string{rest}, words...)
		}
		out = append(out, line)
	}
	return out
}

// split cuts a word so that its first part fits, at least one character.
func split(word string, width float64, measure measurer) (string, string) {
	r := []rune(word)
	n := longest(len(r)-1, func(n int) bool { return measure(string(r[:n])) <= width })
	n = max(n, 1)
	return string(r[:n]), string(r[n:])
}

// fit shortens s with an ellipsis until it is no wider than width.
func fit(s string, width float64, measure measurer) string {
	if measure(s) <= width {
		return s
	}
	r := []rune(s)
	cut := func(n int) string { return strings.TrimRight(string(r[:n]), " ,;:-–") + "…" }
	return cut(longest(len(r)-1, func(n int) bool { return measure(cut(n)) <= width }))
}

// longest returns the largest n from 0 to most for which ok holds, where ok holds
// up to some n and not beyond.
func longest(most int, ok func(n int) bool) int {
	return sort.Search(most, func(n int) bool { return !ok(n + 1) })
}

// fits reports whether wrap would show all of s.
func fits(s string, width float64, lines int, measure measurer) bool {
	got := wrap(s, width, lines, measure)
	return len(got) == 0 || !strings.HasSuffix(got[len(got)-1], "…") || strings.HasSuffix(s, "…")
}
