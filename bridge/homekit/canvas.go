package homekit

import (
	"bytes"
	"image"
	"image/color"
	"image/draw"
	"image/jpeg"
	"math"
	"sync"

	"golang.org/x/image/font"
	"golang.org/x/image/font/gofont/gobold"
	"golang.org/x/image/font/gofont/gomedium"
	"golang.org/x/image/font/gofont/gomono"
	"golang.org/x/image/font/gofont/goregular"
	"golang.org/x/image/font/opentype"
	"golang.org/x/image/font/sfnt"
	"golang.org/x/image/math/fixed"
	"golang.org/x/image/vector"
)

// jpegQuality keeps the edges of small letters clean; a card is mostly flat.
const jpegQuality = 87

// weight names one of the fonts.
type weight int

const (
	regular weight = iota
	medium
	bold
	mono
)

// fonts parses the fonts that are built in, once. A parsed font is immutable.
var fonts = sync.OnceValue(func() map[weight]*sfnt.Font {
	m := map[weight]*sfnt.Font{}
	for w, ttf := range map[weight][]byte{
		regular: goregular.TTF, medium: gomedium.TTF, bold: gobold.TTF, mono: gomono.TTF,
	} {
		f, err := opentype.Parse(ttf)
		if err != nil { // the fonts are constants
			panic(err)
		}
		m[w] = f
	}
	return m
})

// pen is a way to write: a font, a size in layout units and a colour.
type pen struct {
	weight weight
	size   float64
	color  color.RGBA
}

// canvas is a picture that is drawn on in layout units, which are scale pixels.
// One goroutine uses it.
type canvas struct {
	img   *image.RGBA
	scale float64
	faces map[pen]font.Face // by weight and size, without colour
}

func newCanvas(s size, scale float64, background color.RGBA) *canvas {
	img := image.NewRGBA(image.Rect(0, 0, s.w, s.h))
	draw.Draw(img, img.Bounds(), image.NewUniform(background), image.Point{}, draw.Src)
	return &canvas{img: img, scale: scale, faces: map[pen]font.Face{}}
}

// width and height of the canvas in layout units.
func (c *canvas) width() float64  { return float64(c.img.Rect.Dx()) / c.scale }
func (c *canvas) height() float64 { return float64(c.img.Rect.Dy()) / c.scale }

func (c *canvas) face(p pen) font.Face {
	p.color = color.RGBA{}
	f, ok := c.faces[p]
	if !ok {
		var err error
		f, err = opentype.NewFace(fonts()[p.weight], &opentype.FaceOptions{
			Size: p.size * c.scale, DPI: 72, Hinting: font.HintingNone,
		})
		if err != nil { // only for a font that is not one
			panic(err)
		}
		c.faces[p] = f
	}
	return f
}

// measure returns the width of a text in layout units.
func (c *canvas) measure(p pen) measurer {
	f := c.face(p)
	return func(s string) float64 { return float64(font.MeasureString(f, s)) / 64 / c.scale }
}

// write draws one line with its baseline at y, and returns its width.
func (c *canvas) write(p pen, x, y float64, s string) float64 {
	d := font.Drawer{
		Dst: c.img, Src: image.NewUniform(p.color), Face: c.face(p),
		// Baselines on whole pixels keep small text sharp.
		Dot: fixed.Point26_6{X: fixed.Int26_6(x * c.scale * 64), Y: fixed.I(int(math.Round(y * c.scale)))},
	}
	d.DrawString(s)
	return c.measure(p)(s)
}

// writeRight draws one line that ends at x.
func (c *canvas) writeRight(p pen, x, y float64, s string) float64 {
	w := c.measure(p)(s)
	c.write(p, x-w, y, s)
	return w
}

// fill draws a rectangle with edges on whole pixels, at least one pixel thick.
func (c *canvas) fill(col color.RGBA, x, y, w, h float64) {
	x0, y0 := math.Round(x*c.scale), math.Round(y*c.scale)
	x1 := max(math.Round((x+w)*c.scale), x0+1)
	y1 := max(math.Round((y+h)*c.scale), y0+1)
	r := image.Rect(int(x0), int(y0), int(x1), int(y1))
	draw.Draw(c.img, r, image.NewUniform(col), image.Point{}, draw.Over)
}

// round draws a rectangle with round corners.
func (c *canvas) round(col color.RGBA, x, y, w, h, radius float64) {
	// A quarter circle as a cubic curve needs its control points this far in.
	const k = 0.5523
	s := c.scale
	left, top := math.Floor(x*s), math.Floor(y*s)
	box := image.Rect(int(left), int(top), int(math.Ceil((x+w)*s)), int(math.Ceil((y+h)*s)))
	r := vector.NewRasterizer(box.Dx(), box.Dy())
	at := func(px, py float64) (float32, float32) { return float32(px*s - left), float32(py*s - top) }
	line := func(px, py float64) { r.LineTo(at(px, py)) }
	corner := func(cx1, cy1, cx2, cy2, px, py float64) {
		ax, ay := at(cx1, cy1)
		bx, by := at(cx2, cy2)
		ex, ey := at(px, py)
		r.CubeTo(ax, ay, bx, by, ex, ey)
	}
	q := radius * (1 - k)
	r.MoveTo(at(x+radius, y))
	line(x+w-radius, y)
	corner(x+w-q, y, x+w, y+q, x+w, y+radius)
	line(x+w, y+h-radius)
	corner(x+w, y+h-q, x+w-q, y+h, x+w-radius, y+h)
	line(x+radius, y+h)
	corner(x+q, y+h, x, y+h-q, x, y+h-radius)
	line(x, y+radius)
	corner(x, y+q, x+q, y, x+radius, y)
	r.ClosePath()
	r.Draw(c.img, box, image.NewUniform(col), image.Point{})
}

// jpeg encodes the canvas.
func (c *canvas) jpeg() []byte {
	var b bytes.Buffer
	if err := jpeg.Encode(&b, c.img, &jpeg.Options{Quality: jpegQuality}); err != nil {
		panic(err) // only for a size JPEG cannot have, which bounded rules out
	}
	return b.Bytes()
}

// drawable replaces characters that no font here has with a mark that says so.
func drawable(s string) string {
	f := fonts()[regular]
	var buf sfnt.Buffer
	out := []rune(s)
	for i, r := range out {
		if g, err := f.GlyphIndex(&buf, r); err != nil || g == 0 {
			out[i] = '□'
		}
	}
	return string(out)
}
