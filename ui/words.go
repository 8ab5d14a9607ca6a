package ui

import (
	_ "embed"
	"encoding/hex"
	"strings"
)

// wordList has one word for each value of a byte. The order is part of what
// owners compare: never change it.
//
//go:embed words.txt
var wordList string

var byteWords = strings.Fields(wordList)

// hashWords writes the first six bytes of a hex digest as words: 48 bits, for
// two people to compare over a telephone. The hex beside it is the whole.
func hashWords(digest string) string {
	if len(digest) < 12 {
		return ""
	}
	b, err := hex.DecodeString(digest[:12])
	if err != nil {
		return ""
	}
	words := make([]string, len(b))
	for i, v := range b {
		words[i] = byteWords[v]
	}
	return strings.Join(words, " ")
}
