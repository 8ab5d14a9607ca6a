package main

import (
	"math"
	"sort"
)

// vehicle is a body extruded from its side view; x forward, y up, metres,
// about the middle of its ground area. It narrows towards the roof.
type vehicle struct {
	outline    []pt // side view, clockwise, from the lower rear over the roof
	half, roof float64
	waist      float64 // height where it starts to narrow
	body, trim col
	axles      [2]float64
	wheel      float64
	screen     [2]int // the outline's edge that is the windscreen, its two points
	rear       [2]int // and the one that is the rear
	panes      [][]pt // side windows
	stripe     [][]pt // painted areas of the side
	seams      []float64
	lampY      float64
}

// pen draws a vehicle standing at pos, heading in radians from +x to +z.
type pen struct {
	c       *canvas
	k       camera
	v       *vehicle
	pos     vec
	heading float64
}

// on is the place of the point (x, y) of the body at w times its half width.
func (p pen) on(x, y, w float64) vec {
	s, c := math.Sincos(p.heading)
	top := p.v.outline[0].y
	for _, q := range p.v.outline {
		top = math.Max(top, q.y)
	}
	half := lerp(p.v.half, p.v.roof, clamp((y-p.v.waist)/(top-p.v.waist), 0, 1))
	z := w * half
	return vec{p.pos.x + x*c - z*s, p.pos.y + y, p.pos.z + x*s + z*c}
}

func (p pen) poly(in []pt, w float64) []pt {
	vs := make([]vec, len(in))
	for i, q := range in {
		vs[i] = p.on(q.x, q.y, w)
	}
	return p.k.poly(vs...)
}

// seen says whether the face with this middle and outward normal (in the
// body's directions) is turned to the camera.
func (p pen) seen(mid vec, nx, ny, nz float64) bool {
	s, c := math.Sincos(p.heading)
	wx, wz := nx*c-nz*s, nx*s+nz*c
	return wx*(p.k.pos.x-mid.x)+ny*(p.k.pos.y-mid.y)+wz*(p.k.pos.z-mid.z) > 0
}

// tone lights a face: the sky from above, the low sun from behind left.
func (p pen) tone(c col, nx, ny, nz float64) col {
	s, cs := math.Sincos(p.heading)
	wx, wz := nx*cs-nz*s, nx*s+nz*cs
	sun := math.Max(0, -.5*wx+.62*wz) * .35
	return c.dusk(clamp(.34-.3*ny-sun*.4, 0, .5)).warm(clamp(sun*.5+.05, 0, .3))
}

// shadow is the soft shade under and before the body.
func (p pen) shadow() {
	var vs []vec
	for _, q := range []pt{{-1, -1}, {1, -1}, {1, 1}, {-1, 1}} {
		l := p.v.outline[0].x
		v := p.on(q.x*math.Abs(l)*1.0, 0, q.y*1.02)
		vs = append(vs, vec{v.x + .12, 0, v.z - .12})
	}
	r := int(clamp(p.k.scale(p.pos)*.11, 2, 14))
	p.c.soft(solid(hex(0x1d1b3a).alpha(.5)), r, p.k.poly(vs...))
	for i := range vs {
		vs[i].z -= .85
		vs[i].x += .25
	}
	p.c.soft(solid(hex(0x1d1b3a).alpha(.22)), 2*r, p.k.poly(vs...))
}

// draw paints the vehicle; lit turns its lamps on, braking the rear ones.
func (p pen) draw(lit, braking bool) {
	p.shadow()
	type face struct {
		depth float64
		draw  func()
	}
	var faces []face
	add := func(mid vec, draw func()) { faces = append(faces, face{p.k.depth(mid), draw}) }
	for _, w := range []float64{-1, 1} {
		if mid := p.on(0, 1, w); p.seen(mid, 0, 0, w) {
			add(mid, func() { p.side(w) })
		}
	}
	o := p.v.outline
	for i := range o {
		j := (i + 1) % len(o)
		d := o[j].sub(o[i])
		nx, ny := -d.y/d.len(), d.x/d.len() // the outline runs clockwise, y up
		a := o[i].to(o[j], .5)
		mid := p.on(a.x, a.y, 0)
		if !p.seen(mid, nx, ny, 0) {
			continue
		}
		add(mid, func() { p.cross(i, j, nx, ny) })
	}
	p.tyres()
	sort.SliceStable(faces, func(i, j int) bool { return faces[i].depth > faces[j].depth })
	for _, f := range faces {
		f.draw()
	}
	p.lamps(lit, braking)
	p.mirrors()
}

// tyres draws the four wheels' treads, seen below the body.
func (p pen) tyres() {
	for _, x := range p.v.axles {
		for _, w := range []float64{-1, 1} {
			out, in := p.ring(x, p.v.wheel, w*.99), p.ring(x, p.v.wheel, w*.74)
			p.c.fill(solid(hex(0x1d1c2f)), out)
			for i := range out {
				j := (i + 1) % len(out)
				p.c.fill(solid(hex(0x1d1c2f)), []pt{out[i], out[j], in[j], in[i]})
			}
		}
	}
}

func (p pen) ring(x, r, w float64) []pt {
	const n = 28
	in := make([]pt, n)
	for i := range in {
		s, c := math.Sincos(2 * math.Pi * float64(i) / n)
		in[i] = pt{x + r*c, p.v.wheel + r*s}
	}
	return p.poly(in, w)
}

// cross paints the face across the body over one edge of the outline.
func (p pen) cross(i, j int, nx, ny float64) {
	a, b := p.v.outline[i], p.v.outline[j]
	strip := func(k0, k1, w float64) []pt {
		u, v := a.to(b, k0), a.to(b, k1)
		return p.k.poly(p.on(u.x, u.y, -w), p.on(v.x, v.y, -w), p.on(v.x, v.y, w), p.on(u.x, u.y, w))
	}
	p.c.fill(solid(p.tone(p.v.body, nx, ny, 0)), strip(0, 1, 1))
	switch [2]int{i, j} {
	case p.v.screen:
		p.c.fill(linear(p.k.at(p.on(a.x, a.y, 0)), p.k.at(p.on(b.x, b.y, 0)), hex(0x8fa3bf), hex(0x39445f)), strip(.08, .93, .9))
		p.c.fill(solid(hex(0xffe0b0).alpha(.16)), p.k.poly(p.on(lerp(a.x, b.x, .1), lerp(a.y, b.y, .1), -.2), p.on(lerp(a.x, b.x, .1), lerp(a.y, b.y, .1), .3),
			p.on(lerp(a.x, b.x, .92), lerp(a.y, b.y, .92), .05), p.on(lerp(a.x, b.x, .92), lerp(a.y, b.y, .92), -.45)))
	case p.v.rear:
		p.c.fill(solid(hex(0x39445f)), strip(.55, .88, .8))
		p.c.fill(solid(p.v.trim), strip(.02, .12, 1))
	}
}

func (p pen) side(w float64) {
	v := p.v
	lo, hi := p.k.at(p.on(0, v.outline[0].y, w)), p.k.at(p.on(0, v.outline[1].y, w))
	base := p.tone(v.body, 0, 0, w)
	p.c.fill(linear(hi, lo, base.warm(.1), base.dusk(.16)), p.poly(v.outline, w))
	for _, s := range v.stripe {
		p.c.fill(solid(p.tone(v.trim, 0, .3, w)), p.poly(s, w))
	}
	for _, s := range v.panes {
		p.c.fill(linear(hi, lo, hex(0x8a93ad), hex(0x333d58)), p.poly(s, w))
	}
	for _, x := range v.seams {
		p.c.fill(solid(base.dusk(.35)), p.poly([]pt{{x - .012, v.outline[0].y + .22}, {x + .012, v.outline[0].y + .22}, {x + .012, v.outline[1].y - .25}, {x - .012, v.outline[1].y - .25}}, w))
	}
	o := v.outline
	p.c.fill(solid(hex(0x3a3c55)), p.poly([]pt{o[0], o[len(o)-1], o[len(o)-1].add(pt{0, .16}), o[0].add(pt{0, .16})}, w))
	for _, x := range v.axles {
		p.c.fill(solid(hex(0x25253b)), p.ring(x, v.wheel*1.16, w))
		p.c.fill(solid(hex(0x17172a)), p.ring(x, v.wheel, w*1.01))
		p.c.fill(solid(hex(0x9a9cae)), p.ring(x, v.wheel*.56, w*1.01))
		p.c.fill(solid(hex(0x5d6076)), p.ring(x, v.wheel*.2, w*1.01))
	}
}

func (p pen) lamps(lit, braking bool) {
	o := p.v.outline
	nose, tail := o[len(o)-2].x-.02, o[0].x+.02
	s := p.k.scale(p.pos)
	for _, w := range []float64{-.74, .74} {
		if front := p.on(nose, p.v.lampY, w); p.seen(front, 1, 0, 0) {
			p.c.fill(solid(hex(0xfff3d6)), p.lens(nose, w, .17, .085))
			if lit {
				p.c.lamp(p.k.at(front), s*1.1, .8, hex(0xffe3ae), .75)
			}
		}
		if rear := p.on(tail, p.v.lampY, w*1.1); p.seen(rear, -1, 0, 0) {
			c := hex(0xb3323f)
			if braking {
				c = hex(0xff5a4d)
				p.c.lamp(p.k.at(rear), s*.6, .8, hex(0xff5040), .6)
			}
			p.c.fill(solid(c), p.lens(tail, w*1.1, .09, .2))
		}
	}
	if mid := p.on(nose, .5, 0); p.seen(mid, 1, 0, 0) {
		p.front(nose+.03, o[len(o)-1].y)
	}
}

// front paints the grille and the bumper, from the lower edge of the body up.
func (p pen) front(x, lower float64) {
	band := func(c col, y0, y1, w float64) {
		p.c.fill(solid(c), p.k.poly(p.on(x, y0, -w), p.on(x, y0, w), p.on(x, y1, w), p.on(x, y1, -w)))
	}
	h := p.v.lampY - lower
	band(hex(0x464860), lower, lower+h*.42, 1)
	band(hex(0x5b5e76), lower+h*.36, lower+h*.42, 1)
	band(hex(0x33354d), p.v.lampY-.1, p.v.lampY+.1, .48)
	for i := range 2 {
		y := p.v.lampY - .045 + .065*float64(i)
		band(hex(0x6d7088), y, y+.018, .44)
	}
}

// mirrors stand out at both sides of the windscreen.
func (p pen) mirrors() {
	a, b := p.v.outline[p.v.screen[0]], p.v.outline[p.v.screen[1]]
	at := a.to(b, .82)
	for _, w := range []float64{-1.14, 1.14} {
		q := p.k.at(p.on(at.x, at.y+.12, w))
		s := p.k.scale(p.pos)
		p.c.fill(solid(hex(0x34364e)), capsule(q, p.k.at(p.on(at.x, at.y-.02, w*.84)), .03*s, .03*s))
		p.c.fill(solid(hex(0x34364e)), rounded(q.x-.09*s, q.y-.13*s, q.x+.09*s, q.y+.11*s, .05*s))
	}
}

// lens is a lamp's glass across the front or rear.
func (p pen) lens(x, w, rw, ry float64) []pt {
	vs := make([]vec, 0, 20)
	for i := range 20 {
		s, c := math.Sincos(2 * math.Pi * float64(i) / 20)
		vs = append(vs, p.on(x, p.v.lampY+ry*s, w+rw*c))
	}
	return p.k.poly(vs...)
}
