package main

import (
	"image/color"
	"math"
)

// col is a colour, 0 to 255 a channel, with opacity 0 to 1.
type col struct{ r, g, b, a float64 }

func hex(v uint32) col {
	return col{float64(v >> 16 & 255), float64(v >> 8 & 255), float64(v & 255), 1}
}

func (c col) alpha(a float64) col { c.a = a; return c }

func (c col) to(d col, k float64) col {
	return col{lerp(c.r, d.r, k), lerp(c.g, d.g, k), lerp(c.b, d.b, k), lerp(c.a, d.a, k)}
}

// dusk pulls a colour towards the shade all shadows of the films have.
func (c col) dusk(k float64) col { return c.to(hex(0x2b2a4c).alpha(c.a), k) }

// warm pulls a colour towards the light of the low sun and the lamps.
func (c col) warm(k float64) col { return c.to(hex(0xffcf8f).alpha(c.a), k) }

// stop is a colour at a place of a gradient, 0 to 1.
type stop struct {
	at float64
	c  col
}

// paint is what a shape is filled with: one colour, or a gradient.
type paint struct {
	stops  []stop
	p0, p1 pt      // the line along which a linear gradient runs
	radius float64 // when positive: radial about p0
	squash float64 // radial: height over width
	light  bool    // adds to what is there instead of covering it
}

func solid(c col) paint { return paint{stops: []stop{{0, c}}} }

func linear(p0, p1 pt, c0, c1 col) paint {
	return paint{stops: []stop{{0, c0}, {1, c1}}, p0: p0, p1: p1}
}

func radial(at pt, r, squash float64, c0, c1 col) paint {
	return paint{stops: []stop{{0, c0}, {1, c1}}, p0: at, radius: r, squash: squash}
}

// shader returns the colour of each pixel; gradients read a table.
func (p paint) shader() func(x, y float64) col {
	if len(p.stops) == 1 {
		c := p.stops[0].c
		return func(float64, float64) col { return c }
	}
	const n = 512
	var table [n + 1]col
	for i := range table {
		table[i] = p.lookup(float64(i) / n)
	}
	if p.radius > 0 {
		return func(x, y float64) col {
			d := math.Hypot(x-p.p0.x, (y-p.p0.y)/p.squash) / p.radius
			return table[int(clamp(d, 0, 1)*n)]
		}
	}
	d := p.p1.sub(p.p0)
	k := 1 / (d.x*d.x + d.y*d.y)
	return func(x, y float64) col {
		return table[int(clamp(((x-p.p0.x)*d.x+(y-p.p0.y)*d.y)*k, 0, 1)*n)]
	}
}

func (p paint) lookup(t float64) col {
	for i := 1; i < len(p.stops); i++ {
		if a, b := p.stops[i-1], p.stops[i]; t <= b.at {
			return a.c.to(b.c, clamp((t-a.at)/(b.at-a.at), 0, 1))
		}
	}
	return p.stops[len(p.stops)-1].c
}

// lamp is the halo of a light.
func (c *canvas) lamp(at pt, r, squash float64, light col, strength float64) {
	p := paint{p0: at, radius: r, squash: squash, light: true, stops: []stop{
		{0, light.alpha(strength)},
		{.25, light.alpha(strength * .5)},
		{.55, light.alpha(strength * .16)},
		{1, light.alpha(0)},
	}}
	c.fill(p, ellipse(at, r, r*squash))
}

func (c col) rgba() color.RGBA {
	return color.RGBA{uint8(c.r), uint8(c.g), uint8(c.b), 255}
}
