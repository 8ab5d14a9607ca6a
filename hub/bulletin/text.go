package bulletin

import (
	"net/mail"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// maxMarks is how many combining marks may follow each other; no orthography in
// use stacks more, and more can be drawn over neighbouring lines.
const maxMarks = 4

const (
	zwnj = '\u200c'
	zwj  = '\u200d'
)

// PlainText says what a line of text has that nothing shown to an owner may
// contain, as "contains a control or invisible character"; "" if nothing.
func PlainText(s string) string { return plainText(s) }

// plainText says what a string has that it must never contain, "" if nothing:
// text that is not in NFC, white space at its ends, control and format characters
// (bidirectional ones among them), private use and damaged characters. The two
// joiners, which Persian and Indic spelling needs, may follow a letter or mark of those scripts.
func plainText(s string) string {
	if printable(s) {
		if s != "" && (s[0] == ' ' || s[len(s)-1] == ' ') {
			return "begins or ends with white space"
		}
		return ""
	}
	switch {
	case !norm.NFC.IsNormalString(s):
		return "is not in Unicode normal form C"
	case strings.TrimSpace(s) != s:
		return "begins or ends with white space"
	}
	var before rune
	marks := 0
	for _, c := range s {
		joiner := c == zwnj || c == zwj
		switch {
		case joiner && before > unicode.MaxLatin1 && (unicode.IsLetter(before) || unicode.IsMark(before)):
		case unicode.In(c, unicode.Cc, unicode.Cf, unicode.Co, unicode.Zl, unicode.Zp):
			return "contains a control or invisible character"
		case c == utf8.RuneError || c&0xfffe == 0xfffe || (c >= 0xfdd0 && c <= 0xfdef):
			return "contains a damaged character"
		}
		if marks++; !unicode.IsMark(c) {
			marks = 0
		}
		if marks > maxMarks {
			return "stacks too many marks on a letter"
		}
		before = c
	}
	return ""
}

// printable reports whether a string is of ASCII's printable characters, as most are.
func printable(s string) bool {
	for i := range len(s) {
		if s[i] < ' ' || s[i] > '~' {
			return false
		}
	}
	return true
}

var (
	// dots that some software folds to a full stop in host names (UTS 46).
	dots = strings.NewReplacer("．", ".", "｡", ".", "。", ".")

	scheme = regexp.MustCompile(`(?i)([a-z][a-z0-9+.-]*:/|www\.|\b(mailto|javascript|data|tel|sms):)`)
	dotted = regexp.MustCompile(`[0-9]{1,3}(\.[0-9]{1,3}){3}`)
	domain = regexp.MustCompile(`[\pL\pN_-]\.\pL{2,}`)
	cjkDot = regexp.MustCompile(`[A-Za-z0-9-][．｡。][A-Za-z]{2,}`)
	email  = regexp.MustCompile(`[A-Za-z0-9._%+-]+@[A-Za-z0-9.-]+\.[A-Za-z]{2,}`)
)

// hasLink reports whether software that turns text into links might find one:
// a scheme, an address, or two letters after a dot without a space between.
func hasLink(s string) bool {
	return mayHaveLink(s) && (scheme.MatchString(s) || dotted.MatchString(s) || domain.MatchString(s) || cjkDot.MatchString(s) ||
		strings.ContainsAny(s, "@＠") || scheme.MatchString(dots.Replace(s)))
}

// mayHaveLink is true where hasLink is, and hardly anywhere else, and much
// cheaper: what makes a link has a colon, an @, a dot with something right
// behind it, or one behind a w, or a dot that is not ASCII's.
func mayHaveLink(s string) bool {
	for i := range len(s) {
		switch c := s[i]; c {
		case ':', '@':
			return true
		case '.':
			if i+1 < len(s) && s[i+1] > ' ' || i > 0 && s[i-1]|0x20 == 'w' {
				return true
			}
		case 0xef, 0xe3: // the first byte of the other dots and of the other @
			if strings.ContainsAny(s[i:], "．｡。＠") {
				return true
			}
		}
	}
	return false
}

var (
	sshUser  = regexp.MustCompile(`^[a-z_][a-z0-9_-]{0,31}$`)
	phone    = regexp.MustCompile(`^\+?[0-9][0-9 ()./-]{4,28}[0-9]( (x|ext\.?) ?[0-9]{1,6})?$`)
	language = regexp.MustCompile(`^[a-z]{2,3}(-[A-Z][a-z]{3})?(-([A-Z]{2}|[0-9]{3}))?$`)
)

// IsDNSName reports whether s may name an agency or a host: at least two
// labels of RFC 1123 in lower case, the last of which begins with a letter and has
// two or more. It is then safe as the name of a file as well.
func IsDNSName(s string) bool {
	if len(s) > 253 {
		return false
	}
	labels := 0
	for more := true; more; labels++ {
		var l string
		if l, s, more = strings.Cut(s, "."); !isLabel(l) || !more && (len(l) < 2 || l[0] < 'a') {
			return false
		}
	}
	return labels >= 2
}

// isLabel wants 1 to 63 of a-z, 0-9 and -, the latter at neither end.
func isLabel(l string) bool {
	for i := range len(l) {
		c := l[i]
		if c != '-' && (c < '0' || c > '9') && (c < 'a' || c > 'z') {
			return false
		}
	}
	return l != "" && len(l) <= 63 && l[0] != '-' && l[len(l)-1] != '-'
}

// isHash wants 64 lower-case hexadecimal digits.
func isHash(s string) bool { return len(s) == 64 && isHex(s) }

func isHex(s string) bool {
	for i := range len(s) {
		if c := s[i]; (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return false
		}
	}
	return true
}

// isUUID7 wants a UUID of RFC 9562's version 7 in lower case.
func isUUID7(s string) bool {
	return len(s) == 36 && s[8] == '-' && s[13] == '-' && s[14] == '7' && s[18] == '-' && s[23] == '-' &&
		strings.IndexByte("89ab", s[19]) >= 0 &&
		isHex(s[:8]) && isHex(s[9:13]) && isHex(s[15:18]) && isHex(s[20:23]) && isHex(s[24:])
}

func isEmail(s string) bool {
	a, err := mail.ParseAddress(s)
	return err == nil && len(s) <= 254 && a.Name == "" && a.Address == s && email.FindString(s) == s
}

// checker keeps the first thing that is wrong with a decoded object.
type checker struct{ r *Refusal }

func (c *checker) fail(code Code, detail string) {
	if c.r == nil {
		c.r = refuse(code, detail)
	}
}

// must refuses the schema unless ok; the sentence tells what has to be.
func (c *checker) must(ok bool, detail string) {
	if !ok {
		c.fail(BadSchema, detail)
	}
}

// text wants least to most characters and nothing that reads as a link.
func (c *checker) text(at, s string, least, most int) {
	c.length(at, s, least, most)
	if hasLink(s) {
		c.fail(BadSchema, "The text of "+at+" contains something that reads as a link.")
	}
}

// contact is text that may contain e-mail addresses.
func (c *checker) contact(at, s string, least, most int) {
	c.length(at, s, least, most)
	if hasLink(s) && hasLink(email.ReplaceAllString(s, " ")) {
		c.fail(BadSchema, "The text of "+at+" contains something that reads as a link.")
	}
}

func (c *checker) length(at, s string, least, most int) {
	if n := utf8.RuneCountInString(s); n < least || n > most {
		c.fail(BadSchema, "The text of "+at+" is too short or too long.")
	}
}

func (c *checker) matches(at string, ok bool, want string) {
	if !ok {
		c.fail(BadSchema, "The member "+at+" is not "+want+".")
	}
}

func (c *checker) oneOf(at, s string, list []string) {
	if !slices.Contains(list, s) {
		c.fail(BadSchema, "The member "+at+" is not one of the values allowed.")
	}
}

func (c *checker) count(at string, n, least, most int) {
	if n < least || n > most {
		c.fail(BadSchema, "The list "+at+" is too short or too long.")
	}
}

func (c *checker) distinct(at string, list []string) {
	for i, s := range list {
		if slices.Contains(list[:i], s) {
			c.fail(BadSchema, "The list "+at+" names something twice.")
		}
	}
}

// err returns the refusal as an error that is nil if there is none.
func (c *checker) err() error { return asError(c.r) }

func asError(r *Refusal) error {
	if r == nil {
		return nil
	}
	return r
}
