package main

import (
	"strings"
	"testing"
)

// TestTwoSecretsOnOneInput: what is read for one prompt leaves the next its line.
func TestTwoSecretsOnOneInput(t *testing.T) {
	in := strings.NewReader("first\r\nsecond\nthird")
	for _, want := range []string{"first", "second", "third"} {
		if got, err := secret(in, "secret"); got != want || err != nil {
			t.Errorf("%q, %v", got, err)
		}
	}
	if _, err := secret(in, "secret"); err == nil {
		t.Error("a secret out of nothing")
	}
}
