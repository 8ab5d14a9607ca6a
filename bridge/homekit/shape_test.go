package homekit

import (
	"bytes"
	"image"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// drawnAs reports whether two cards are the same picture.
func drawnAs(a, b Card) bool {
	s := size{640, 360}
	return bytes.Equal(drawCard(a, plain, s).img.Pix, drawCard(b, plain, s).img.Pix)
}

func named(name string) Card {
	c := sample
	c.Agency, c.Domain = name, "police.example"
	return c
}

func TestScriptsAreDrawn(t *testing.T) {
	for _, name := range []string{"משטרת ישראל", "شرطة دبي", "Αστυνομία", "Полиция", "Công an Hà Nội", "Łódź"} {
		c := newCanvas(size{600, 80}, 1, paper)
		for _, run := range c.line(pen{weight: bold}, name).runs {
			for _, g := range run.Glyphs {
				if g.GlyphID == 0 {
					t.Errorf("%q has a glyph that says nothing", name)
				}
			}
		}
		if drawnAs(named(name), named("")) || drawnAs(named(name), named("police.example")) {
			t.Errorf("%q is not drawn", name)
		}
	}
	if !drawnAs(named("東京 Police"), named("police.example")) {
		t.Error("a name with letters that cannot be drawn is not the agency's domain")
	}
	if !drawnAs(named("City Police 🚓"), named("City Police")) {
		t.Error("a sign without a glyph is drawn")
	}
}

// order is a line's text as it is read from the left, a run at a time.
func order(text string) (out []string) {
	s := setters.Get().(*setter)
	defer setters.Put(s)
	r := []rune(text)
	for _, run := range s.line(regular, rightToLeft(text), text).runs {
		out = append(out, strings.TrimSpace(string(r[run.Runes.Offset:run.Runes.Offset+run.Runes.Count])))
	}
	return out
}

func TestRunsAreMirrored(t *testing.T) {
	for text, want := range map[string][]string{
		"משטרה Police 7":  {"Police 7", "משטרה"},
		"Police משטרה":    {"Police", "משטרה"},
		"A משטרה 12 חיפה": {"A", "חיפה", "12", "משטרה"},
	} {
		got := order(text)
		got = deleteEmpty(got)
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("%q from the left:\n%s", text, d)
		}
	}
	if share(drawCard(named("חיפה"), plain, size{1280, 720}).img, image.Rect(100, 110, 640, 220), ink) > 0 {
		t.Error("a name that is written from right to left begins at the left")
	}
}

func deleteEmpty(in []string) (out []string) {
	for _, s := range in {
		if s != "" {
			out = append(out, s)
		}
	}
	return out
}

func FuzzDrawCard(f *testing.F) {
	for _, s := range []string{"Police\u202Eecilop", "משטרה 12 abc", "شرطة\u200d\u0651", "\xff\xfe", strings.Repeat("W\u0301ש", 4000), "日本 🚓"} {
		f.Add(s, s, uint16(320), uint16(180))
	}
	f.Fuzz(func(t *testing.T, name, area string, w, h uint16) {
		s := bounded(int(w%640), int(h%480))
		g, scale := gridOf(s)
		c := drawFull(Card{Request: "r", Agency: name, Area: area, Case: name, Window: area}, English, g, s, scale)
		if c.img.Rect.Dx() != s.w || c.img.Rect.Dy() != s.h {
			t.Fatal("another size")
		}
	})
}
