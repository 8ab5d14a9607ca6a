package homekit

import (
	"bytes"
	"embed"
	"slices"
	"sync"
	"unicode"

	"github.com/go-text/typesetting/di"
	"github.com/go-text/typesetting/font"
	"github.com/go-text/typesetting/font/opentype"
	"github.com/go-text/typesetting/language"
	"github.com/go-text/typesetting/shaping"
	"golang.org/x/image/font/gofont/gobold"
	"golang.org/x/image/font/gofont/gomedium"
	"golang.org/x/image/font/gofont/gomono"
	"golang.org/x/image/font/gofont/goregular"
	"golang.org/x/image/math/fixed"
	"golang.org/x/image/vector"
	"golang.org/x/text/unicode/bidi"
)

//go:embed fonts/*.ttf
var notoFiles embed.FS

// em is the size that text is shaped at; a line is scaled to its pen after that.
const em = 1000

// fontData parses the fonts that are built in, once: for each weight the Go font,
// and after it those for what it lacks. A parsed font is immutable.
var fontData = sync.OnceValue(func() map[weight][]*font.Font {
	parse := func(ttf []byte) *font.Font {
		f, err := font.ParseTTF(bytes.NewReader(ttf))
		if err != nil { // the fonts are constants
			panic(err)
		}
		return f.Font
	}
	noto := func(style string) (list []*font.Font) {
		for _, script := range []string{"Sans", "SansHebrew", "SansArabic"} {
			ttf, err := notoFiles.ReadFile("fonts/Noto" + script + "-" + style + ".ttf")
			if err != nil { // embedded at build time
				panic(err)
			}
			list = append(list, parse(ttf))
		}
		return list
	}
	plain, strong := noto("Regular"), noto("Bold")
	return map[weight][]*font.Font{
		regular: slices.Insert(slices.Clone(plain), 0, parse(goregular.TTF)),
		medium:  slices.Insert(slices.Clone(plain), 0, parse(gomedium.TTF)),
		bold:    slices.Insert(strong, 0, parse(gobold.TTF)),
		mono:    slices.Insert(plain, 0, parse(gomono.TTF)),
	}
})

// setter turns text into glyphs. One goroutine uses it at a time.
type setter struct {
	faces  map[weight][]*font.Face
	shaper shaping.HarfbuzzShaper
	cutter shaping.Segmenter
}

// setters are kept for the next card: their tables are dear to make.
var setters = sync.Pool{New: func() any {
	s := &setter{faces: map[weight][]*font.Face{}}
	for w, list := range fontData() {
		for _, f := range list {
			s.faces[w] = append(s.faces[w], font.NewFace(f))
		}
	}
	return s
}}

// faces chooses the first font that has a character.
type faces []*font.Face

// ResolveFace returns the first font if none has it.
func (f faces) ResolveFace(r rune) *font.Face {
	for _, face := range f {
		if _, ok := face.NominalGlyph(r); ok {
			return face
		}
	}
	return f[0]
}

// glyphs are one line of text in glyphs, from left to right as they are drawn.
type glyphs struct {
	runs  []shaping.Output
	width float64 // in ems
}

// line shapes one line of clean text.
func (s *setter) line(w weight, rtl bool, text string) glyphs {
	r := []rune(text)
	if len(r) == 0 {
		return glyphs{}
	}
	in := shaping.Input{Text: r, RunEnd: len(r), Size: fixed.I(em), Language: language.NewLanguage("en")}
	if rtl {
		in.Direction = di.DirectionRTL
	}
	parts := s.cutter.Split(in, faces(s.faces[w]))
	var out glyphs
	for _, i := range visual(parts, rtl) {
		run := s.shaper.Shape(parts[i])
		out.runs = append(out.runs, run)
		out.width += float64(run.Advance) / 64 / em
	}
	return out
}

// visual is the order in which parts are drawn, from the left (UAX 9, rule L2).
// The segmenter tells directions, not levels: a number beside words from right
// to left belongs to them.
func visual(parts []shaping.Input, rtl bool) []int {
	levels, order := make([]int, len(parts)), make([]int, len(parts))
	for i, p := range parts {
		order[i] = i
		switch {
		case p.Direction == di.DirectionRTL:
			levels[i] = 1
		case rtl, i > 0 && levels[i-1] > 0 && !lettered(p.Text[p.RunStart:p.RunEnd]):
			levels[i] = 2
		}
	}
	for level := 2; level > 0; level-- {
		for i := 0; i < len(levels); i++ {
			from := i
			for i < len(levels) && levels[i] >= level {
				i++
			}
			slices.Reverse(order[from:i])
		}
	}
	return order
}

func lettered(r []rune) bool { return slices.ContainsFunc(r, unicode.IsLetter) }

// rightToLeft reports whether the first letter of a text is of a script that is
// written from right to left.
func rightToLeft(s string) bool {
	for _, r := range s {
		switch p, _ := bidi.LookupRune(r); p.Class() {
		case bidi.R, bidi.AL:
			return true
		case bidi.L:
			return false
		}
	}
	return false
}

// trace adds a line of glyphs to a picture in the making. The origin is x, y; em
// is its letters' size; all in pixels.
func (s glyphs) trace(to *vector.Rasterizer, x, y, size float64) {
	for _, run := range s.runs {
		k := size / float64(run.Face.Upem())
		for _, g := range run.Glyphs {
			at := func(p opentype.SegmentPoint) (float32, float32) {
				px := x + size*float64(g.XOffset)/64/em + k*float64(p.X)
				return float32(px), float32(y - size*float64(g.YOffset)/64/em - k*float64(p.Y))
			}
			outline, _ := run.Face.GlyphData(g.GlyphID).(font.GlyphOutline) // a space has none
			contours(to, outline.Segments, at)
			x += size * float64(g.Advance) / 64 / em
		}
	}
}

func contours(to *vector.Rasterizer, segments []opentype.Segment, at func(opentype.SegmentPoint) (float32, float32)) {
	for i, s := range segments {
		ax, ay := at(s.Args[0])
		bx, by := at(s.Args[1])
		switch s.Op {
		case opentype.SegmentOpMoveTo:
			if i > 0 {
				to.ClosePath()
			}
			to.MoveTo(ax, ay)
		case opentype.SegmentOpLineTo:
			to.LineTo(ax, ay)
		case opentype.SegmentOpQuadTo:
			to.QuadTo(ax, ay, bx, by)
		case opentype.SegmentOpCubeTo:
			cx, cy := at(s.Args[2])
			to.CubeTo(ax, ay, bx, by, cx, cy)
		}
	}
	if len(segments) > 0 {
		to.ClosePath()
	}
}

// drawable leaves out the signs that no font here has, and reports whether all
// letters and digits are left: a name in part would be another name.
func drawable(s string) (string, bool) {
	typist := setters.Get().(*setter)
	defer setters.Put(typist)
	var out []rune
	for _, r := range s {
		has := slices.ContainsFunc(typist.faces[regular], func(f *font.Face) bool {
			_, ok := f.NominalGlyph(r)
			return ok
		})
		switch {
		case has:
			out = append(out, r)
		case unicode.IsLetter(r), unicode.IsNumber(r):
			return "", false
		}
	}
	return clean(string(out)), len(out) > 0 || s == ""
}

// words are a stranger's words as they can be drawn, or what stands for them.
func words(text, instead string) string {
	if s, ok := drawable(clean(text)); ok {
		return s
	}
	s, _ := drawable(clean(instead))
	return s
}

// words of a card always say something: that they are to be read elsewhere.
func (c *canvas) words(text, instead string) string {
	if s := words(text, instead); s != "" || clean(text) == "" {
		return s
	}
	return c.say.Elsewhere
}
