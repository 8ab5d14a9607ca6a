package ui

import (
	"embed"
	"encoding/json"
	"fmt"
	"html"
	"html/template"
	"strings"
)

//go:embed locales/*.json
var localeFiles embed.FS

// message is one text; One is used where the argument "n" is 1.
type message struct{ One, Other string }

// UnmarshalJSON takes a string, or an object with "one" and "other".
func (m *message) UnmarshalJSON(b []byte) error {
	if len(b) > 0 && b[0] == '"' {
		return json.Unmarshal(b, &m.Other)
	}
	var forms struct{ One, Other string }
	if err := json.Unmarshal(b, &forms); err != nil {
		return fmt.Errorf("reading plural forms: %w", err)
	}
	m.One, m.Other = forms.One, forms.Other
	return nil
}

// locale is one language's texts.
type locale struct {
	tag   string
	texts map[string]message
}

func english() *locale {
	l, err := loadLocale("en")
	if err != nil {
		panic(err) // embedded at build time; a test reads it
	}
	return l
}

func loadLocale(tag string) (*locale, error) {
	b, err := localeFiles.ReadFile("locales/" + tag + ".json")
	if err != nil {
		return nil, fmt.Errorf("opening locale: %w", err)
	}
	l := &locale{tag: tag}
	if err := json.Unmarshal(b, &l.texts); err != nil {
		return nil, fmt.Errorf("reading locale %s: %w", tag, err)
	}
	return l, nil
}

// has reports whether a key has a text.
func (l *locale) has(key string) bool {
	_, ok := l.texts[key]
	return ok
}

// fill looks a text up and puts the named arguments, given as name, value,
// name, value, into their {places}. A key without a text is an error: a page
// that does not say what it means to must not be shown.
func (l *locale) fill(key string, dress func(any) string, args []any) (string, error) {
	m, ok := l.texts[key]
	if !ok {
		return "", fmt.Errorf("no text for %q", key)
	}
	if len(args)%2 != 0 {
		return "", fmt.Errorf("text %q: odd number of arguments", key)
	}
	s := m.Other
	for i := 0; i < len(args); i += 2 {
		if args[i] == "n" && fmt.Sprint(args[i+1]) == "1" && m.One != "" {
			s = m.One
		}
	}
	pairs := make([]string, 0, len(args))
	for i := 0; i < len(args); i += 2 {
		pairs = append(pairs, "{"+fmt.Sprint(args[i])+"}", dress(args[i+1]))
	}
	return strings.NewReplacer(pairs...).Replace(s), nil
}

// t is the template function for a text; html/template escapes the result.
func (l *locale) t(key string, args ...any) (string, error) {
	return l.fill(key, func(v any) string { return fmt.Sprint(v) }, args)
}

// tb is t for a text with words of strangers in it: every argument is escaped
// and isolated, so that its direction cannot leak into the sentence.
func (l *locale) tb(key string, args ...any) (template.HTML, error) {
	plain := *l
	m, ok := l.texts[key]
	if ok {
		plain.texts = map[string]message{key: {One: html.EscapeString(m.One), Other: html.EscapeString(m.Other)}}
	}
	s, err := plain.fill(key, func(v any) string {
		return "<bdi>" + html.EscapeString(fmt.Sprint(v)) + "</bdi>"
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
