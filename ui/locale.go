package ui

import (
	"embed"
	"encoding/json"
	"fmt"
	"html"
	"html/template"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/text/feature/plural"
	"golang.org/x/text/language"
	"golang.org/x/text/message"
	"golang.org/x/text/number"

	"gatehouse/hub/finding"
)

//go:embed locales/*.json
var localeFiles embed.FS

// forms are one text. A text with a number in it has a form for each plural
// category of its language (CLDR); Other is the form of all the rest.
type forms struct{ Zero, One, Two, Few, Many, Other string }

// UnmarshalJSON takes a string, or an object of plural forms.
func (m *forms) UnmarshalJSON(b []byte) error {
	if len(b) > 0 && b[0] == '"' {
		return json.Unmarshal(b, &m.Other)
	}
	type object forms // without this method
	if err := json.Unmarshal(b, (*object)(m)); err != nil {
		return fmt.Errorf("reading plural forms: %w", err)
	}
	return nil
}

// each calls with every form there is.
func (m forms) each(do func(*string)) forms {
	for _, s := range []*string{&m.Zero, &m.One, &m.Two, &m.Few, &m.Many, &m.Other} {
		if *s != "" {
			do(s)
		}
	}
	return m
}

// of is the form for a number.
func (m forms) of(tag language.Tag, n int) string {
	s := map[plural.Form]string{
		plural.Zero: m.Zero, plural.One: m.One, plural.Two: m.Two, plural.Few: m.Few, plural.Many: m.Many,
	}[plural.Cardinal.MatchPlural(tag, n, 0, 0, 0, 0)]
	if s == "" {
		return m.Other
	}
	return s
}

// locale is one language: its texts, and its manner with numbers and dates.
type locale struct {
	tag   string // BCP 47
	lang  language.Tag
	texts map[string]forms
	print *message.Printer
	// pages are the templates in this language. They are parsed at the first call
	// and kept for as long as the program runs: the console is dressed anew at
	// each change of the configuration, and they are the dear part of it.
	pages func() *renderer
}

// english is the language that every key has a text in.
func english() *locale { return allLocales()[0] }

// allLocales are the languages of the console, English first: it is spoken to
// whoever asks for none of them. They are read once for the program.
var allLocales = sync.OnceValue(func() []*locale {
	names, err := fs.Glob(localeFiles, "locales/*.json")
	if err != nil {
		panic(err) // the pattern is constant
	}
	var list []*locale
	for _, n := range names {
		l, err := loadLocale(strings.TrimSuffix(path.Base(n), ".json"))
		if err != nil {
			panic(err) // embedded at build time; a test reads them
		}
		if l.tag == "en" {
			list = slices.Insert(list, 0, l)
		} else {
			list = append(list, l)
		}
	}
	return list
})

func loadLocale(tag string) (*locale, error) {
	b, err := localeFiles.ReadFile("locales/" + tag + ".json")
	if err != nil {
		return nil, fmt.Errorf("opening locale: %w", err)
	}
	l := &locale{tag: tag}
	if l.lang, err = language.Parse(tag); err != nil {
		return nil, fmt.Errorf("naming locale %s: %w", tag, err)
	}
	if err := json.Unmarshal(b, &l.texts); err != nil {
		return nil, fmt.Errorf("reading locale %s: %w", tag, err)
	}
	return l.ready(), nil
}

// ready makes what a language with its texts needs to be spoken.
func (l *locale) ready() *locale {
	l.print = message.NewPrinter(l.lang)
	l.pages = sync.OnceValue(func() *renderer { return newRenderer(l, newAssets()) })
	return l
}

// dir is the direction in which the language is written.
func (l *locale) dir() string {
	script, _ := l.lang.Script()
	switch script.String() {
	case "Arab", "Hebr", "Thaa", "Syrc", "Nkoo", "Adlm":
		return "rtl"
	}
	return "ltr"
}

// has reports whether a key has a text.
func (l *locale) has(key string) bool {
	_, ok := l.texts[key]
	return ok
}

// fill looks a text up and puts the named arguments, given as name, value,
// name, value, into their {places}. The argument "n" chooses the plural form.
// A key without a text is an error: a page that does not say what it means to
// must not be shown.
func (l *locale) fill(key string, dress func(any) string, args []any) (string, error) {
	m, ok := l.texts[key]
	if !ok {
		return "", fmt.Errorf("no text for %q", key)
	}
	if len(args)%2 != 0 {
		return "", fmt.Errorf("text %q: odd number of arguments", key)
	}
	s := m.Other
	pairs := make([]string, 0, len(args))
	for i := 0; i < len(args); i += 2 {
		if n, ok := whole(args[i+1]); ok && args[i] == "n" {
			s = m.of(l.lang, int(min(n, 1e9))) // a plural form depends on the last digits, and on none beyond
		}
		pairs = append(pairs, "{"+fmt.Sprint(args[i])+"}", dress(args[i+1]))
	}
	return strings.NewReplacer(pairs...).Replace(s), nil
}

// whole is a value that is a whole number.
func whole(v any) (int64, bool) {
	switch n := v.(type) {
	case int:
		return int64(n), true
	case int64:
		return n, true
	}
	return 0, false
}

// word writes an argument: a whole number with the language's grouping, anything
// else as it is.
func (l *locale) word(v any) string {
	if n, ok := whole(v); ok {
		return l.print.Sprint(number.Decimal(n))
	}
	if l.dir() == "rtl" {
		return "\u2068" + fmt.Sprint(v) + "\u2069" // isolated: "6 d 2 h" is not turned round
	}
	return fmt.Sprint(v)
}

// number writes a number with a fixed count of decimals.
func (l *locale) number(f float64, decimals int) string {
	return l.print.Sprint(number.Decimal(f, number.Scale(decimals)))
}

// t is the template function for a text; html/template escapes the result.
func (l *locale) t(key string, args ...any) (string, error) {
	return l.fill(key, l.word, args)
}

// tb is t for a text with words of strangers in it: every argument is escaped
// and isolated, so that its direction cannot leak into the sentence.
func (l *locale) tb(key string, args ...any) (template.HTML, error) {
	plain := *l
	m, ok := l.texts[key]
	if ok {
		plain.texts = map[string]forms{key: m.each(func(s *string) { *s = html.EscapeString(*s) })}
	}
	s, err := plain.fill(key, func(v any) string {
		if w, ok := v.(finding.Words); ok {
			return string(l.found(w))
		}
		return "<bdi>" + html.EscapeString(l.word(v)) + "</bdi>"
	}, args)
	return template.HTML(s), err //nolint:gosec // text and arguments are escaped above
}

// say is t for Go code whose keys a test has checked.
func (l *locale) say(key string, args ...any) string {
	s, err := l.t(key, args...)
	if err != nil {
		return key
	}
	return s
}

// dateNames are the parts of a layout of package time that a language names.
var dateNames = regexp.MustCompile(`January|Jan|Monday|Mon`)

// date writes a time by a layout of package time, with the language's names of
// days and months and its order of a day's date.
func (l *locale) date(t time.Time, layout string) string {
	layout = strings.Replace(layout, dayForm, l.say("date.day"), 1)
	name := func(key string, i int) string {
		if names := strings.Fields(l.say(key)); i < len(names) {
			return names[i]
		}
		return ""
	}
	var b strings.Builder
	for layout != "" {
		at := dateNames.FindStringIndex(layout)
		if at == nil {
			b.WriteString(t.Format(layout))
			break
		}
		b.WriteString(t.Format(layout[:at[0]]))
		switch layout[at[0]:at[1]] {
		case "January":
			b.WriteString(name("date.months", int(t.Month())-1))
		case "Jan":
			b.WriteString(name("date.months-short", int(t.Month())-1))
		case "Monday":
			b.WriteString(name("date.days", int(t.Weekday())))
		default:
			b.WriteString(name("date.days-short", int(t.Weekday())))
		}
		layout = layout[at[1]:]
	}
	return b.String()
}
