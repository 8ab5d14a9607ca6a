package ui

import (
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"gatehouse/bridge/homekit"
	"gatehouse/hub/config"
)

// TestCardSpeaksTheLanguagesOfTheConsole: no word of the doorbell's picture is
// missing in a language, and English is what the bridge says by itself.
func TestCardSpeaksTheLanguagesOfTheConsole(t *testing.T) {
	var tags []string
	for _, l := range allLocales() {
		tags = append(tags, l.tag)
		w, _ := Card(l.tag)
		said := spoken(w)
		for i, s := range said {
			if s == "" || l.tag != "en" && s == spoken(homekit.English)[i] {
				t.Errorf("%s: word %d is %q", l.tag, i, s)
			}
		}
		if diff := cmp.Diff(spoken(homekit.English), said); l.tag == "en" && diff != "" {
			t.Error(diff)
		}
	}
	slices.Sort(tags)
	if diff := cmp.Diff(config.Languages, tags); diff != "" {
		t.Errorf("languages of the configuration (-) and the console (+):\n%s", diff)
	}
	_, date := Card("es")
	if got := date(time.Date(2026, 11, 27, 18, 0, 0, 0, time.UTC), "Mon 2 Jan, 15:04"); got != "vie 27 nov, 18:00" {
		t.Errorf("a deadline is written %q", got)
	}
	if w, _ := Card("xx"); w.Title != homekit.English.Title {
		t.Errorf("an unknown language says %q", w.Title)
	}
}

// spoken are all the texts of a card, with some numbers.
func spoken(w homekit.Words) (list []string) {
	for v := reflect.ValueOf(w); len(list) < v.NumField()-2; {
		list = append(list, v.Field(len(list)).String())
	}
	return append(list, w.Waits(1), w.Waits(2), w.Nth(2, 3))
}
