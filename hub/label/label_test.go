package label

import (
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestCheck(t *testing.T) {
	good := []string{
		"Einfahrt Süd", "مدخل", "Front door 🚪", "María", "دوربین می\u200cبیند", "👨‍👩‍👧 at home", "👩🏽‍🌾", "🏳️‍🌈", "❤️", "🇩🇪", "7", "…",
		strings.Repeat("ü", Max), strings.Repeat("🚪", Max),
	}
	for _, s := range good {
		if wrong := Check(Clean(s)); wrong != "" {
			t.Errorf("%q %s", s, wrong)
		}
	}
	bad := map[string]string{
		"":                           "is empty",
		" \t ":                       "is empty",
		strings.Repeat("ü", Max+1):   "is longer than 64 characters",
		"Front\x00door":              "contains a control or invisible character",
		"Front\ndoor":                "contains a control or invisible character",
		"Front\u202edoor":            "contains a control or invisible character",
		"\u2066Front door\u2069":     "contains a control or invisible character",
		"Front\u200edoor":            "contains a control or invisible character",
		"Front\u200bdoor":            "contains a control or invisible character",
		"Front\u200ddoor":            "contains a control or invisible character",
		"Front\u2028door":            "contains a control or invisible character",
		"🚪\u200d":                    "contains a control or invisible character",
		"\u3164":                     "contains a control or invisible character",
		"\u2800":                     "contains a control or invisible character",
		"Front\xff":                  "contains a damaged character",
		"Front\ufffd":                "contains a damaged character",
		"\u0301":                     "has nothing to be seen",
		"e" + strings.Repeat("̂", 9): "stacks too many marks on a letter",
	}
	for s, want := range bad {
		if wrong := Check(Clean(s)); wrong != want {
			t.Errorf("%q: %q, want %q", s, wrong, want)
		}
	}
	if Clean(" Su\u0308d\u00a0") != "Süd" {
		t.Errorf("%q", Clean(" Su\u0308d\u00a0"))
	}
}

func TestSlug(t *testing.T) {
	taken := func(s string) bool { return slices.Contains([]string{"yard", "yard-2", "camera"}, s) }
	for in, want := range map[string]string{
		"Einfahrt Süd": "einfahrt-sud", "María": "maria", "Straße": "strasse", "Łódź – Gate": "lodz-gate", "O'Neill’s": "oneills",
		"Front door 🚪": "front-door", "مدخل": "camera-2", "🚪": "camera-2", "": "camera-2", "--": "camera-2", "2": "camera-2", "Yard": "yard-3",
		strings.Repeat("long ", 20): "long-long-long-long-long-lon",
	} {
		if got := Slug(in, "camera", taken); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}

// FuzzLabel: cleaning twice changes nothing, what passes the check can be shown
// on one line, and every slug is a name.
func FuzzLabel(f *testing.F) {
	for _, s := range []string{"Einfahrt Süd", "مدخل", "👨‍👩‍👧", "a\u202eb", "\xff", "e\u0301\u0302"} {
		f.Add(s)
	}
	name := regexp.MustCompile(`^[a-z0-9](?:[a-z0-9-]{0,30}[a-z0-9])?$`)
	f.Fuzz(func(t *testing.T, s string) {
		c := Clean(s)
		if utf8.ValidString(s) && Clean(c) != c {
			t.Errorf("%q: %q, then %q", s, c, Clean(c))
		}
		if Check(c) == "" && (!utf8.ValidString(c) || utf8.RuneCountInString(c) > Max || strings.ContainsAny(c, "\n\r\x00\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u200e\u200f")) {
			t.Errorf("%q passes", c)
		}
		if got := Slug(s, "camera", func(n string) bool { return n == "camera" }); !name.MatchString(got) {
			t.Errorf("%q: the name %q", s, got)
		}
	})
}
