package homekit

import (
	"bytes"
	"image"
	"image/color"
	"image/draw"
	"image/jpeg"
	"math"

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

// pen is a way to write: a font, a size in layout units and a colour.
type pen struct {
	weight weight
	size   float64
	color  color.RGBA
	rtl    bool // the words around are written from right to left
}

// of returns the pen to write all lines of a text with.
func (p pen) of(text string) pen {
	p.rtl = rightToLeft(text)
	return p
}

// lineKey is what the glyphs of a line depend on.
type lineKey struct {
	weight weight
	rtl    bool
	text   string
}

// canvas is a picture that is drawn on in layout units, which are scale pixels.
// One goroutine uses it.
type canvas struct {
	img   *image.RGBA
	scale float64
	lines map[lineKey]glyphs // measured so far
	say   Words              // of a card
}

func newCanvas(s size, scale float64, background color.RGBA) *canvas {
	img := image.NewRGBA(image.Rect(0, 0, s.w, s.h))
	draw.Draw(img, img.Bounds(), image.NewUniform(background), image.Point{}, draw.Src)
	return &canvas{img: img, scale: scale, lines: map[lineKey]glyphs{}}
}

// width and height of the canvas in layout units.
func (c *canvas) width() float64  { return float64(c.img.Rect.Dx()) / c.scale }
func (c *canvas) height() float64 { return float64(c.img.Rect.Dy()) / c.scale }

// line returns a line's glyphs, which are the same in all sizes.
func (c *canvas) line(p pen, text string) glyphs {
	key := lineKey{p.weight, p.rtl, text}
	l, ok := c.lines[key]
	if !ok {
		typist := setters.Get().(*setter)
		defer setters.Put(typist)
		l = typist.line(p.weight, p.rtl, text)
		c.lines[key] = l
	}
	return l
}

// measure returns the width of a text in layout units.
func (c *canvas) measure(p pen) measurer {
	return func(s string) float64 { return c.line(p, s).width * p.size }
}

// write draws one line with its baseline at y, and returns its width.
func (c *canvas) write(p pen, x, y float64, s string) float64 {
	l := c.line(p, s)
	// Marks may stand out of a line by as much as its height.
	size := p.size * c.scale
	box := image.Rect(int(x*c.scale-size), int(y*c.scale-2*size), int((x+l.width*p.size)*c.scale+size)+1, int(y*c.scale+size)+1).Intersect(c.img.Rect)
	if !box.Empty() {
		r := vector.NewRasterizer(box.Dx(), box.Dy())
		// Baselines on whole pixels keep small text sharp.
		l.trace(r, x*c.scale-float64(box.Min.X), math.Round(y*c.scale)-float64(box.Min.Y), size)
		r.Draw(c.img, box, image.NewUniform(p.color), image.Point{})
	}
	return l.width * p.size
}

// block writes lines from y on, each a step lower, between x and right: a text
// that is written from right to left begins at the right.
func (c *canvas) block(p pen, x, right, y, step float64, lines []string) {
	for i, t := range lines {
		if p.rtl {
			c.writeRight(p, right, y+float64(i)*step, t)
		} else {
			c.write(p, x, y+float64(i)*step, t)
		}
	}
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
