package homekit

import (
	"bytes"
	"image"
	"image/color"
	"image/jpeg"
	"strings"
	"testing"
)

var plain = style{say: English}

// jpegMax is what a snapshot may weigh: every notified device fetches one.
const jpegMax = 200_000

var allSizes = append([]size{{640, 480}, {480, 360}, {320, 180}, {64, 48}, {1920, 48}, {64, 1440}}, usual...)

// awkward are cards that a careless layout would spoil.
var awkward = map[string]Card{
	"sample": sample,
	"empty":  {Request: "r"},
	"long": {
		Request: "r", Agency: strings.Repeat("Landeskriminalamt Brandermittlung ", 20), Case: strings.Repeat("881723-", 40),
		Area: strings.Repeat("Königstraße and ", 30), Window: strings.Repeat("Monday 30 November ", 10),
		Deadline: strings.Repeat("Wednesday ", 20), Hash: strings.Repeat("anchor ", 30), Index: 999999, Total: 9999999,
	},
	"one word": {
		Request: "r", Agency: strings.Repeat("W", 400), Case: strings.Repeat("W", 400), Area: strings.Repeat("W", 400),
		Window: strings.Repeat("W", 400), Deadline: strings.Repeat("W", 400), Hash: strings.Repeat("W", 400),
	},
	"right to left": {
		Request: "r", Agency: strings.Repeat("משטרת ישראל 12 ", 20), Case: strings.Repeat("שרטة-", 40),
		Area: strings.Repeat("القيادة العامة ", 30), Index: 1, Total: 2,
	},
	"hostile": {
		Request: "r", Agency: "Police\u202Eeciloptoneraew\u202C\x00\x1b[31m\n\n\n", Case: "Z\u0301\u0302\u0303\u0304\u0305",
		Area: "\u2066\u200b\u200f", Window: "日本語 🚓 עברית", Deadline: "\xff\xfe", Hash: "\u00AD\uFEFF",
	},
}

func decode(t *testing.T, b []byte, s size) image.Image {
	t.Helper()
	if len(b) > jpegMax && s.w*s.h <= 1280*720 {
		t.Errorf("%v: %d bytes", s, len(b))
	}
	img, err := jpeg.Decode(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	if got := img.Bounds().Size(); got != image.Pt(s.w, s.h) {
		t.Errorf("drawn %v, want %v", got, s)
	}
	return img
}

// share is how much of a picture's rectangle is near a colour.
func share(img image.Image, r image.Rectangle, c color.RGBA) float64 {
	n := 0
	for y := r.Min.Y; y < r.Max.Y; y++ {
		for x := r.Min.X; x < r.Max.X; x++ {
			got := color.RGBAModel.Convert(img.At(x, y)).(color.RGBA)
			if near(got.R, c.R) && near(got.G, c.G) && near(got.B, c.B) {
				n++
			}
		}
	}
	return float64(n) / float64(r.Dx()*r.Dy())
}

func near(a, b uint8) bool { return max(a, b)-min(a, b) < 40 }

func TestCardsAreDrawn(t *testing.T) {
	for _, s := range usual {
		img := decode(t, drawCard(sample, plain, s).jpeg(), s)
		all := img.Bounds()
		checkInk(t, s, img, map[string]inkRange{
			"paper":  {all, paper, 0.6, 0.97},
			"ink":    {all, ink, 0.015, 0.2},
			"edge":   {image.Rect(0, 0, max(s.w/200, 1), s.h), hold, 0.9, 1},
			"time":   {image.Rect(0, s.h/2, s.w, s.h), accent, 0.002, 0.1},
			"badge":  {image.Rect(s.w*3/4, 0, s.w, s.h/4), hold, 0.01, 0.3},
			"border": {image.Rect(0, s.h-s.h/40, s.w, s.h), ink, 0, 0},
			"right":  {image.Rect(s.w-s.w/40, 0, s.w, s.h), ink, 0, 0},
		})
		img = decode(t, drawCard(Card{}, plain, s).jpeg(), s)
		checkInk(t, s, img, map[string]inkRange{
			"idle ground": {all, night, 0.85, 0.995},
			"idle text":   {all, nightInk, 0.004, 0.1},
			"idle violet": {all, hold, 0, 0},
		})
	}
}

type inkRange struct {
	in       image.Rectangle
	color    color.RGBA
	min, max float64
}

func checkInk(t *testing.T, s size, img image.Image, want map[string]inkRange) {
	t.Helper()
	for name, w := range want {
		if got := share(img, w.in, w.color); got < w.min || got > w.max {
			t.Errorf("%v: %s covers %.4f, want %.4f to %.4f", s, name, got, w.min, w.max)
		}
	}
}

func TestAwkwardCardsStayInside(t *testing.T) {
	for name, c := range awkward {
		for _, s := range allSizes {
			img := decode(t, drawCard(c, plain, s).jpeg(), s)
			if s.h < 200 || s.w < 200 {
				continue
			}
			edge := max(s.w/60, 2)
			if got := share(img, image.Rect(s.w-edge, 0, s.w, s.h), ink); got > 0 {
				t.Errorf("%s at %v: text runs over the right edge", name, s)
			}
			if got := share(img, image.Rect(0, s.h-2, s.w, s.h), ink); got > 0 {
				t.Errorf("%s at %v: text runs over the bottom", name, s)
			}
		}
	}
}

func TestNeutralCardSaysNothingOfTheRequest(t *testing.T) {
	other := card("other", "Another agency")
	other.Total = sample.Total
	for _, s := range usual {
		if !bytes.Equal(drawCard(sample, style{say: English, neutral: true}, s).jpeg(), drawCard(other, style{say: English, neutral: true}, s).jpeg()) {
			t.Errorf("%v: two requests have different neutral cards", s)
		}
		if bytes.Equal(drawCard(sample, style{say: English, neutral: true}, s).jpeg(), drawCard(sample, plain, s).jpeg()) {
			t.Errorf("%v: the neutral card is the full one", s)
		}
	}
}

func TestSnapshotSizesAreBounded(t *testing.T) {
	for ask, want := range map[size]size{
		{0, 0}: {640, 360}, {-5, 100}: {640, 360}, {1280, 720}: {1280, 720}, {333, 222}: {333, 222},
		{1 << 30, 1 << 30}: {1440, 1440}, {3840, 2160}: {1920, 1080}, {1, 1}: {64, 48}, {1 << 40, 1}: {1920, 48},
	} {
		if got := bounded(ask.w, ask.h); got != want {
			t.Errorf("bounded(%v) = %v, want %v", ask, got, want)
		}
	}
	f := newFace(sample, plain)
	for w := 100; w < 130; w++ {
		f.jpeg(w, 60)
	}
	if len(f.jpegs) > facesMax {
		t.Errorf("%d pictures kept", len(f.jpegs))
	}
}

func BenchmarkDrawCard(b *testing.B) {
	for b.Loop() {
		drawCard(sample, plain, size{1280, 720}).jpeg()
	}
}
