package homekit

import "fmt"

// Words are what a picture says beside the words of a request, in one language.
type Words struct {
	Title     string // what this is, above everything
	Idle      string // no request waits
	Promise   string // in one sentence
	MayRefuse string // the same, where there is no room for it
	Open      string // where to read what the picture does not say
	Elsewhere string // stands for words in letters that no font here has
	Case      string // before a case number
	Where     string // before an area
	When      string // before a span of time
	AnswerBy  string // before the last moment for an answer
	By        string // the same in a small picture
	NoPicture string // a camera has none

	Waits func(n int) string        // so many requests wait
	Nth   func(i, total int) string // the i-th of so many
}

// English is spoken if Config has no Words.
var English = Words{
	Title: "Video request", Idle: "No request waits", Promise: "Nothing leaves this home unless you approve it.",
	MayRefuse: "You may say no.", Open: "Read more in the console.", Elsewhere: "In the console",
	Case: "Case", Where: "Where", When: "When", AnswerBy: "Answer by", By: "by",
	NoPicture: "No picture from this camera now",
	Waits: func(n int) string {
		if n == 1 {
			return "1 request waits"
		}
		return fmt.Sprintf("%d requests wait", n)
	},
	Nth: func(i, total int) string { return fmt.Sprintf("%d of %d", i, total) },
}

// style is how the owner wants cards.
type style struct {
	say     Words
	neutral bool // they say nothing of a request but that it waits
}
