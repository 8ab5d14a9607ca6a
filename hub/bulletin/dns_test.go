package bulletin_test

import (
	"regexp"
	"strings"
	"testing"

	"gatehouse/hub/bulletin"
)

func TestIsDNSName(t *testing.T) {
	long := strings.Repeat("a", 63)
	for s, want := range map[string]bool{
		"police.example": true, "a.bc": true, "0-0.x9": true, "xn--a.xn--p1ai": true, long + "." + long: true,
		"": false, "police": false, ".police.example": false, "police.example.": false, "police..example": false,
		"Police.example": false, "police.e": false, "police.9e": false, "police.-e": false, "police.e-": false, "-p.example": false,
		"po_lice.example": false, "police.example/x": false, "../x.example": false, "192.0.2.1": false, "police.example\n": false,
		"pölice.example": false, long + "a.example": false, strings.Repeat(long+".", 4) + "ab": false, strings.Repeat("a.", 126) + "a": false,
	} {
		if bulletin.IsDNSName(s) != want {
			t.Errorf("%q: %v, want %v", s, !want, want)
		}
	}
}

// FuzzIsDNSName compares with the same rule written as an expression.
func FuzzIsDNSName(f *testing.F) {
	rule := regexp.MustCompile(`^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]([a-z0-9-]{0,61}[a-z0-9])$`)
	f.Add("police.example")
	f.Add("a-.b0.c-d")
	f.Fuzz(func(t *testing.T, s string) {
		if want := len(s) <= 253 && rule.MatchString(s); bulletin.IsDNSName(s) != want {
			t.Fatalf("%q: want %v", s, want)
		}
	})
}
