package main

import "math"

// foliage is a set of leaves that sway in the wind.
type foliage struct {
	leaves []frond
}

type frond struct {
	at          pt
	length, dir float64
	width       float64
	c           col
	phase       float64
	turns       float64 // whole swings in one loop, so that the loop has no seam
	give        float64 // radians
}

// tuft adds n leaves round a point within a radius, pointing outward.
func (f *foliage) tuft(r *rng, at pt, rx, ry float64, n int, size float64, dark, bright col) {
	for i := range n {
		a, d := r.in(0, 2*math.Pi), math.Sqrt(r.next())
		s, c := math.Sincos(a)
		p := at.add(pt{rx * d * c, ry * d * s})
		f.leaves = append(f.leaves, frond{
			at: p, length: size * r.in(.7, 1.25), dir: math.Atan2(s*ry, c*rx) + r.in(-.7, .7), width: r.in(.2, .3),
			c:     dark.to(bright, clamp(.5-.5*d*s+r.in(-.3, .3)+float64(i)/float64(n)*.3, 0, 1)),
			phase: p.x*.012 + r.in(0, .8), turns: 8 + math.Floor(r.in(0, 4)), give: r.in(.05, .14),
		})
	}
}

// grass adds blades standing on the line from a to b.
func (f *foliage) grass(r *rng, a, b pt, n int, size float64, dark, bright col) {
	for i := range n {
		p := a.to(b, (float64(i)+r.next())/float64(n))
		f.leaves = append(f.leaves, frond{
			at: p, length: size * r.in(.6, 1.2), dir: -math.Pi/2 + r.in(-.45, .45), width: r.in(.05, .085),
			c: dark.to(bright, r.next()), phase: p.x*.01 + r.in(0, .5), turns: 9, give: r.in(.05, .1),
		})
	}
}

// draw paints the leaves at loop, the part of the loop gone by, 0 to 1.
// Gusts come and go twice a loop.
func (f *foliage) draw(c *canvas, loop float64) {
	gust := .65 + .35*math.Sin(2*math.Pi*2*loop)
	for _, l := range f.leaves {
		a := l.give * gust * math.Sin(2*math.Pi*l.turns*loop-l.phase*3)
		c.fill(solid(l.c), leaf(l.at, l.length, l.width, l.dir+a))
	}
}

// crown is a tree's or shrub's outline: overlapping rounds about a middle.
func crown(r *rng, at pt, rx, ry float64, bulges int) [][]pt {
	out := [][]pt{ellipse(at, rx*.8, ry*.8)}
	for i := range bulges {
		s, c := math.Sincos(2 * math.Pi * (float64(i) + r.in(-.2, .2)) / float64(bulges))
		k := r.in(.34, .46)
		out = append(out, ellipse(pt{at.x + rx*(1-k)*c, at.y + ry*(1-k)*s}, rx*k, ry*k))
	}
	return out
}

// tree paints a round tree with its light side to the left.
func (c *canvas) tree(r *rng, foot pt, h float64, bark, dark, bright col) {
	c.fill(solid(bark), []pt{{foot.x - h*.03, foot.y}, {foot.x - h*.018, foot.y - h*.6}, {foot.x + h*.018, foot.y - h*.6}, {foot.x + h*.03, foot.y}})
	at := pt{foot.x, foot.y - h*.64}
	c.fill(linear(at.add(pt{-h * .3, -h * .3}), at.add(pt{h * .3, h * .35}), dark.to(bright, .55), dark), crown(r, at, h*.33, h*.37, 9)...)
	c.fill(solid(bright.alpha(.55)), crown(r, at.add(pt{-h * .07, -h * .09}), h*.2, h*.21, 7)...)
	c.fill(solid(bright.warm(.35).alpha(.35)), crown(r, at.add(pt{-h * .11, -h * .16}), h*.1, h*.1, 6)...)
}

// shrub paints a low bush standing on foot.
func (c *canvas) shrub(r *rng, foot pt, w, h float64, dark, bright col) {
	at := pt{foot.x, foot.y - h*.42}
	c.fill(linear(at.add(pt{0, -h * .5}), at.add(pt{0, h * .5}), bright, dark), crown(r, at, w*.5, h*.52, 8)...)
	c.fill(solid(bright.warm(.25).alpha(.4)), crown(r, at.add(pt{-w * .1, -h * .16}), w*.25, h*.22, 6)...)
}
