// Package finding holds what the hub finds out of itself, of the home's disks
// and of those it speaks with, so that a person can be told in their language: a
// stable code with arguments in place of a sentence. The English sentences are
// here, for programs, logs and the command line; the console has its own of
// every code (ui/locales).
package finding

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Words is what can be said in every language of the console.
type Words interface {
	// Words returns a code that never changes, and what stands in the places of
	// its sentence as name, value, name, value. A value may be Words itself.
	Words() (code string, args []any)
	String() string // in English
}

// Finding is one thing that a person should know. The zero value is nothing.
type Finding struct {
	Code string
	Args []any
	// Quote is what a library, the system or a peer said of it, in its own words;
	// empty if they said nothing worth showing.
	Quote string
}

// New is a finding of the catalogue. The arguments are name, value, name, value.
func New(code string, args ...any) Finding { return Finding{Code: code, Args: args} }

// Quoting adds the words of somebody else.
func (f Finding) Quoting(words string) Finding {
	f.Quote = words
	return f
}

// IsZero reports whether nothing was found.
func (f Finding) IsZero() bool { return f.Code == "" }

// Words implements Words.
func (f Finding) Words() (code string, args []any) { return f.Code, f.Args }

// Arg is the text of an argument; empty if there is none of that name.
func (f Finding) Arg(name string) string {
	for i := 0; i+1 < len(f.Args); i += 2 {
		if f.Args[i] == name {
			return fmt.Sprint(f.Args[i+1])
		}
	}
	return ""
}

// String is the finding in English, with the quoted words after it.
func (f Finding) String() string {
	text, known := english[f.Code]
	if !known {
		text = f.Code
	}
	pairs := make([]string, 0, len(f.Args))
	for i := 0; i+1 < len(f.Args); i += 2 {
		pairs = append(pairs, "{"+fmt.Sprint(f.Args[i])+"}", fmt.Sprint(f.Args[i+1]))
	}
	text = strings.NewReplacer(pairs...).Replace(text)
	if f.Quote != "" {
		text += " (" + f.Quote + ")"
	}
	return text
}

// MarshalText is String: programs read what the command line says.
func (f Finding) MarshalText() ([]byte, error) { return []byte(f.String()), nil }

// Texts writes findings out in English.
func Texts(list []Finding) []string {
	out := make([]string, 0, len(list))
	for _, f := range list {
		out = append(out, f.String())
	}
	return out
}

// English are the sentences of all codes, with {places} for arguments.
func English() map[string]string { return maps.Clone(english) }

// Codes are all codes, sorted.
func Codes() []string { return slices.Sorted(maps.Keys(english)) }
