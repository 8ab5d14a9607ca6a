package ui

import (
	"time"

	"gatehouse/bridge/homekit"
)

// Card returns what the doorbell's picture says in a language of the console,
// and how that language writes a time by a layout of package time. A language
// that the console does not speak is English.
func Card(tag string) (homekit.Words, func(time.Time, string) string) {
	l := english()
	for _, o := range allLocales() {
		if o.tag == tag {
			l = o
		}
	}
	return homekit.Words{
		Title:     l.say("bell.title"),
		Idle:      l.say("bell.idle"),
		Promise:   l.say("bell.promise"),
		MayRefuse: l.say("bell.may-refuse"),
		Open:      l.say("bell.open"),
		Elsewhere: l.say("bell.elsewhere"),
		Case:      l.say("bell.case"),
		Where:     l.say("bell.where"),
		When:      l.say("bell.when"),
		AnswerBy:  l.say("bell.answer-by"),
		By:        l.say("bell.by"),
		NoPicture: l.say("bell.no-picture"),
		Waits:     func(n int) string { return l.say("bell.waits", "n", n) },
		Nth:       func(i, total int) string { return l.say("bell.nth", "i", i, "total", total) },
	}, l.date
}
