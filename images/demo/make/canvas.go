package main

import (
	"image"
	"image/draw"
	"math"

	"golang.org/x/image/vector"
)

// pt is a point of the picture, in pixels, y down.
type pt struct{ x, y float64 }

func (p pt) add(q pt) pt           { return pt{p.x + q.x, p.y + q.y} }
func (p pt) sub(q pt) pt           { return pt{p.x - q.x, p.y - q.y} }
func (p pt) mul(k float64) pt      { return pt{p.x * k, p.y * k} }
func (p pt) len() float64          { return math.Hypot(p.x, p.y) }
func (p pt) to(q pt, k float64) pt { return pt{lerp(p.x, q.x, k), lerp(p.y, q.y, k)} }

func lerp(a, b, k float64) float64 { return a + (b-a)*k }

func clamp(x, lo, hi float64) float64 { return math.Max(lo, math.Min(hi, x)) }

// ease goes from 0 at a to 1 at b without a jerk, and stays there.
func ease(x, a, b float64) float64 {
	k := clamp((x-a)/(b-a), 0, 1)
	return k * k * (3 - 2*k)
}

// canvas is a picture and the scratch memory to draw on it.
type canvas struct {
	img  *image.RGBA
	mask *image.Alpha
	ras  *vector.Rasterizer
	clip image.Rectangle
}

func newCanvas(w, h int) *canvas {
	r := image.Rect(0, 0, w, h)
	return &canvas{img: image.NewRGBA(r), mask: image.NewAlpha(r), ras: vector.NewRasterizer(w, h), clip: r}
}

// clipTo keeps all drawing inside r until the function it returns is called.
func (c *canvas) clipTo(r image.Rectangle) func() {
	was := c.clip
	c.clip = r.Intersect(was)
	return func() { c.clip = was }
}

// fill paints the inside of the polygons, anti-aliased, non-zero winding.
func (c *canvas) fill(p paint, polys ...[]pt) {
	b := bounds(polys).Intersect(c.clip)
	if b.Empty() {
		return
	}
	c.cover(b, polys)
	c.blend(p, b)
}

// cover writes the polygons' coverage of b into the mask's top left corner.
func (c *canvas) cover(b image.Rectangle, polys [][]pt) {
	c.ras.Reset(b.Dx(), b.Dy())
	ox, oy := float64(b.Min.X), float64(b.Min.Y)
	for _, poly := range polys {
		back := area(poly) < 0
		for i := range poly {
			q := poly[i]
			if back { // one winding for all, or overlaps would cancel out
				q = poly[len(poly)-1-i]
			}
			x, y := float32(q.x-ox), float32(q.y-oy)
			if i == 0 {
				c.ras.MoveTo(x, y)
			} else {
				c.ras.LineTo(x, y)
			}
		}
		c.ras.ClosePath()
	}
	c.ras.DrawOp = draw.Src
	c.ras.Draw(c.mask, image.Rect(0, 0, b.Dx(), b.Dy()), image.Opaque, image.Point{})
}

// blend paints b through the mask that cover left.
func (c *canvas) blend(p paint, b image.Rectangle) {
	at := p.shader()
	for y := b.Min.Y; y < b.Max.Y; y++ {
		m := c.mask.Pix[(y-b.Min.Y)*c.mask.Stride:]
		o := c.img.PixOffset(b.Min.X, y)
		row := c.img.Pix[o : o+4*b.Dx()]
		for i := 0; i < b.Dx(); i++ {
			if m[i] == 0 {
				continue
			}
			s := at(float64(b.Min.X+i)+.5, float64(y)+.5)
			a := s.a * float64(m[i]) / 255
			d := row[4*i : 4*i+4 : 4*i+4]
			if p.light {
				d[0] = glow(d[0], s.r*a)
				d[1] = glow(d[1], s.g*a)
				d[2] = glow(d[2], s.b*a)
			} else {
				d[0] = mix8(d[0], s.r, a)
				d[1] = mix8(d[1], s.g, a)
				d[2] = mix8(d[2], s.b, a)
			}
			d[3] = 255
		}
	}
}

func mix8(d uint8, s, a float64) uint8 { return uint8(float64(d) + (s-float64(d))*a + .5) }

// glow adds light the way a lens does: bright parts take up less of it.
func glow(d uint8, s float64) uint8 {
	v := float64(d)
	return uint8(v + s*(255-v)/255 + .5)
}

// soft paints polygons with edges blurred over about 2×radius pixels.
func (c *canvas) soft(p paint, radius int, polys ...[]pt) {
	b := bounds(polys).Inset(-2 * radius).Intersect(c.clip)
	if b.Empty() {
		return
	}
	c.cover(b, polys)
	for range 2 {
		for y := range b.Dy() {
			boxBlur(c.mask.Pix[y*c.mask.Stride:], 1, b.Dx(), radius)
		}
		for x := range b.Dx() {
			boxBlur(c.mask.Pix[x:], c.mask.Stride, b.Dy(), radius)
		}
	}
	c.blend(p, b)
}

// boxBlur averages n values lying step apart over 2×radius+1 neighbours;
// beyond the ends the end values count on.
func boxBlur(pix []uint8, step, n, radius int) {
	src := make([]uint8, n)
	for i := range n {
		src[i] = pix[i*step]
	}
	at := func(i int) int { return int(src[max(0, min(n-1, i))]) }
	sum := 0
	for i := -radius; i <= radius; i++ {
		sum += at(i)
	}
	for i := range n {
		pix[i*step] = uint8(sum / (2*radius + 1))
		sum += at(i+radius+1) - at(i-radius)
	}
}

func area(poly []pt) float64 {
	sum := 0.0
	for i, p := range poly {
		q := poly[(i+1)%len(poly)]
		sum += p.x*q.y - q.x*p.y
	}
	return sum / 2
}

func bounds(polys [][]pt) image.Rectangle {
	x0, y0, x1, y1 := math.Inf(1), math.Inf(1), math.Inf(-1), math.Inf(-1)
	for _, poly := range polys {
		for _, q := range poly {
			x0, x1 = math.Min(x0, q.x), math.Max(x1, q.x)
			y0, y1 = math.Min(y0, q.y), math.Max(y1, q.y)
		}
	}
	if x0 > x1 {
		return image.Rectangle{}
	}
	const far = 1 << 14 // keeps the conversion to int within range
	return image.Rect(int(math.Floor(max(x0, -far))), int(math.Floor(max(y0, -far))),
		int(math.Ceil(min(x1, far)))+1, int(math.Ceil(min(y1, far)))+1)
}
