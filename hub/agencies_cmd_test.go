package main

import (
	"bytes"
	"strings"
	"testing"

	"gatehouse/hub/control"
)

// TestAgenciesAddNamesOneRoot: with two sets of root keys under one name the
// command does not choose.
func TestAgenciesAddNamesOneRoot(t *testing.T) {
	one := control.Known{Agency: "police.example", Name: "Police", Root: strings.Repeat("1a", 32), CallBack: "+1 555"}
	two := one
	two.Root = strings.Repeat("2b", 32)
	other := control.Known{Agency: "other.example", Root: strings.Repeat("3c", 32)}
	for name, c := range map[string]struct {
		root  string
		known []control.Known
		want  string // "" for an error
	}{
		"the only one":  {"", []control.Known{other, one}, one.Root},
		"two":           {"", []control.Known{one, two}, ""},
		"two, one said": {strings.ToUpper(two.Root[:8]) + " " + two.Root[8:], []control.Known{one, two}, two.Root},
		"unknown":       {"", []control.Known{other}, ""},
	} {
		var out bytes.Buffer
		got, err := (&agenciesAdd{Agency: "police.example", Root: c.root}).root(c.known, &out)
		if got != c.want || (err == nil) != (c.want != "") {
			t.Errorf("%s: %q, %v; want %q", name, got, err, c.want)
		}
		for _, k := range c.known {
			if strings.Contains(out.String(), k.Root) != (k.Agency == "police.example") {
				t.Errorf("%s: said %q", name, out.String())
			}
		}
	}
}
