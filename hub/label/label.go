// Package label holds the rule of what people may call their cameras and each
// other, and makes names of labels. A label is shown and nothing else: folders,
// addresses, evidence and the ledger have the name, which is identity.
package label

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"gatehouse/hub/bulletin"
)

// Max is the longest label, in characters (Unicode code points).
const Max = 64

// maxName is the longest name of a camera or a person.
const maxName = 32

const zwj = '\u200d'

// Clean is a label as it is kept: without white space at its ends, in Unicode
// normal form C.
func Clean(s string) string { return norm.NFC.String(strings.TrimSpace(s)) }

// Check says what is wrong with a cleaned label, as "is empty"; "" if nothing. What
// nothing shown to an owner may contain, no label may: see [bulletin.PlainText].
func Check(s string) string {
	switch {
	case s == "":
		return "is empty"
	case !utf8.ValidString(s):
		return "contains a damaged character"
	case utf8.RuneCountInString(s) > Max:
		return fmt.Sprintf("is longer than %d characters", Max)
	}
	if wrong := bulletin.PlainText(withoutSigns(s)); wrong != "" {
		return wrong
	}
	seen := false
	for _, c := range s {
		if unicode.Is(unicode.Other_Default_Ignorable_Code_Point, c) || c == '\u2800' { // fillers, which are drawn as nothing
			return "contains a control or invisible character"
		}
		seen = seen || unicode.In(c, unicode.L, unicode.N, unicode.P, unicode.S)
	}
	if !seen {
		return "has nothing to be seen"
	}
	return ""
}

// withoutSigns takes out the joiners of signs that are made of several, such as
// a family, which PlainText knows in words alone.
func withoutSigns(s string) string {
	if !strings.ContainsRune(s, zwj) {
		return s
	}
	runes := []rune(s)
	var b strings.Builder
	for i, c := range runes {
		if c == zwj && i > 0 && i+1 < len(runes) && unicode.In(runes[i-1], unicode.So, unicode.Sk) && unicode.Is(unicode.So, runes[i+1]) {
			continue
		}
		b.WriteRune(c)
	}
	return b.String()
}

// letters are Latin letters that have no form without a mark.
var letters = strings.NewReplacer("ß", "ss", "æ", "ae", "œ", "oe", "ø", "o", "đ", "d", "ð", "d", "þ", "th", "ł", "l", "ı", "i")

// Slug proposes a name (a-z, 0-9 and -, at most 32) for a label that is none of
// the taken ones. Latin letters lose their marks; a label of other scripts gives
// the fallback and a number, such as camera-2.
func Slug(s, fallback string, taken func(string) bool) string {
	var b strings.Builder
	for _, c := range norm.NFD.String(letters.Replace(strings.ToLower(s))) {
		switch {
		case c >= 'a' && c <= 'z', c >= '0' && c <= '9':
			b.WriteRune(c)
		case unicode.IsMark(c), c == '\'', c == '’':
		case b.Len() > 0 && !strings.HasSuffix(b.String(), "-"):
			b.WriteByte('-')
		}
	}
	base := b.String()
	base = strings.Trim(base[:min(len(base), maxName-4)], "-") // room for -999
	if strings.Trim(base, "0123456789-") == "" {
		base = fallback // a bare number says nothing
	}
	name := base
	for n := 2; taken(name); n++ {
		name = fmt.Sprintf("%s-%d", base, n)
	}
	return name
}
