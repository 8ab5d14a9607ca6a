package main

import (
	"math"
	"time"

	"gatehouse/images/demo/script"
)

// The porch's measures, metres. The camera hangs on a post in the garden.
const (
	wallZ   = 9.0
	floorY  = .42
	edgeZ   = 7.15 // front edge of the porch floor
	doorX0  = .55
	doorX1  = 1.55
	doorTop = floorY + 2.12
	houseX0 = -2.75
	houseX1 = 6.5
	beamY   = 3.0
)

var postsX = []float64{-2.55, -.35, 2.35, 4.6}

type porch struct {
	k       camera
	ground  *canvas
	hanging foliage // the basket and the creeper, before the visitors
	garden  foliage // grass and flowers in front
	r       rng
}

func newPorch() scene {
	p := &porch{k: camera{pos: vec{1.75, 2.15, 0}, yaw: -.13, focal: 1120, cx: 650, cy: 292}, r: 7}
	p.ground = newCanvas(script.Width, script.Height)
	p.distance()
	p.lawn()
	p.house()
	p.floor()
	p.pots()
	p.plant()
	return p
}

func (p *porch) draw(c *canvas, at time.Duration) {
	copy(c.img.Pix, p.ground.img.Pix)
	loop := at.Seconds() / script.Loop.Seconds()
	p.door(c, at)
	v, visiting := p.visitor(at)
	if at >= script.ParcelDown && at < script.ParcelTaken {
		p.box(c)
	}
	if visiting && v.z > edgeZ {
		p.courier(c, at)
	}
	p.front(c)
	p.hanging.draw(c, loop)
	p.cat(c, at)
	if visiting && v.z <= edgeZ {
		p.courier(c, at)
	}
	p.garden.draw(c, loop)
}

// distance is the evening sky with the trees at the end of the garden.
func (p *porch) distance() {
	c := p.ground
	c.fill(paint{p0: pt{0, 0}, p1: pt{0, 300}, stops: []stop{
		{0, hex(0x7089b8)}, {.35, hex(0xb7a4bd)}, {.7, hex(0xf3b995)}, {1, hex(0xffdca6)},
	}}, rect(0, 0, 1280, 320))
	c.lamp(pt{60, 270}, 420, .8, hex(0xffdf9e), .75)
	far := []pt{{0, 255}}
	for x := 0.0; x <= 700; x += 20 {
		far = append(far, pt{x, 262 - 14*math.Sin(x*.011+1) - 7*math.Sin(x*.037)})
	}
	c.fill(linear(pt{0, 240}, pt{0, 300}, hex(0xb98fa3), hex(0xa98399)), append(far, pt{700, 320}, pt{0, 320}))
	for _, t := range []struct{ x, h float64 }{{20, 150}, {128, 118}, {205, 165}, {318, 130}} {
		c.tree(&p.r, pt{t.x, 312}, t.h, hex(0x5d4a63), hex(0x5c5f7c), hex(0x9a8f93))
	}
	hedge := []pt{{0, 272}}
	for x := 0.0; x <= 700; x += 14 {
		hedge = append(hedge, pt{x, 284 + p.r.in(-4, 4)})
	}
	c.fill(linear(pt{0, 275}, pt{0, 335}, hex(0x66788a), hex(0x3f5a6b)), append(smooth(hedge...), pt{700, 345}, pt{0, 345}))
}

func (p *porch) lawn() {
	c, k := p.ground, p.k
	c.fill(linear(pt{0, 318}, pt{0, 720}, hex(0x8ca77c), hex(0x3f6b5c)), rect(0, 318, 1280, 720))
	for i := range 5 { // mown stripes
		z := 8 + 3.2*float64(i)
		c.fill(solid(hex(0xdfe3a0).alpha(.09)), k.ground(-20, z, houseX0, z+1.6, 0))
	}
	c.lamp(pt{120, 345}, 430, .3, hex(0xffd890), .35)
	path := func(grow float64) []pt {
		return k.poly(vec{-14, 0, 6.75 + grow}, vec{-3, 0, 6.75 + grow}, vec{-.6, 0, 6.95 + grow}, vec{.2, 0, edgeZ}, vec{2.2 + grow, 0, edgeZ},
			vec{2.1 + grow, 0, 6.1}, vec{1.2, 0, 5.72 - grow}, vec{-3, 0, 5.62 - grow}, vec{-14, 0, 5.62 - grow})
	}
	c.soft(solid(hex(0x2d4f4a).alpha(.35)), 3, path(.05))
	c.fill(linear(pt{0, 560}, pt{1100, 640}, hex(0xdcc3ae), hex(0xa99aa6)), path(0))
	for x := -6.0; x < 2; x += .86 { // joints between the slabs
		c.fill(solid(hex(0x7f7389).alpha(.35)), k.ground(x, 5.74, x+.022, 6.7, 0))
	}
	c.fill(solid(hex(0x7f7389).alpha(.3)), k.ground(-14, 6.2, 1.95, 6.215, 0))
}

func (p *porch) house() {
	c, k := p.ground, p.k
	a, b := k.at(vec{houseX0, 2, wallZ}), k.at(vec{houseX1, 2, wallZ})
	c.fill(linear(a, b, hex(0x8398ab), hex(0x4c5f7d)), k.wall(houseX0, 0, houseX1, 6, wallZ))
	for y := floorY + .2; y < 3.6; y += .2 { // boards
		c.fill(solid(hex(0x2f3f5c).alpha(.2)), k.wall(houseX0, y, houseX1, y+.018, wallZ))
	}
	c.fill(solid(hex(0xece3d6)), k.wall(houseX0-.03, 0, houseX0+.15, 6, wallZ-.01))
	// the porch roof's shade on the wall
	c.fill(linear(k.at(vec{1, 3.3, wallZ}), k.at(vec{1, 1.9, wallZ}), hex(0x23244a).alpha(.62), hex(0x23244a).alpha(0)), k.wall(houseX0, 1.7, houseX1, 3.6, wallZ))
	c.fill(solid(hex(0x6b6674)), k.wall(houseX0, 0, houseX1, floorY, wallZ))
	p.window(-1.95, -.75)
	p.window(2.72, 4.0)
	p.frame()
	p.lantern(.22)
	p.lantern(1.88)
	p.roof()
}

// window is a sash window with the lights on behind its curtains.
func (p *porch) window(x0, x1 float64) {
	c, k := p.ground, p.k
	const y0, y1 = 1.22, 2.5
	z := wallZ - .03
	c.soft(solid(hex(0x1f2346).alpha(.45)), 5, k.wall(x0-.1, y0-.2, x1+.16, y1+.06, wallZ))
	c.fill(solid(hex(0xf1e8da)), k.wall(x0-.12, y0-.12, x1+.12, y1+.14, z))
	c.fill(solid(hex(0xfff5e6)), k.wall(x0-.18, y0-.16, x1+.18, y0-.08, z-.06))
	c.fill(linear(k.at(vec{0, y1, z}), k.at(vec{0, y0, z}), hex(0xffd58a), hex(0xf3a865)), k.wall(x0, y0, x1, y1, z))
	mid := k.at(vec{lerp(x0, x1, .5), y0 + .75, z})
	c.lamp(mid, 95, 1, hex(0xfff0c0), .55)
	for i := range 3 { // folds of the curtains
		d := .13 * float64(i)
		f := hex(0xf7dcb0).to(hex(0xe0a873), float64(i)*.4).alpha(.9)
		c.fill(solid(f), k.poly(vec{x0 + d, y1, z}, vec{x0 + d + .13, y1, z}, vec{x0 + d*.45 + .1, y0, z}, vec{x0 + d*.45, y0, z}))
		c.fill(solid(f), k.poly(vec{x1 - d, y1, z}, vec{x1 - d - .13, y1, z}, vec{x1 - d*.45 - .1, y0, z}, vec{x1 - d*.45, y0, z}))
	}
	m, s := lerp(x0, x1, .5), lerp(y0, y1, .52)
	c.fill(solid(hex(0xf6ecdc)), k.wall(m-.02, y0, m+.02, y1, z-.01), k.wall(x0, s-.025, x1, s+.025, z-.01))
	for _, sh := range [][2]float64{{x0 - .5, x0 - .15}, {x1 + .15, x1 + .5}} {
		c.fill(solid(hex(0x2f4a5e)), k.wall(sh[0], y0-.08, sh[1], y1+.1, z))
		for y := y0 + .02; y < y1; y += .11 {
			c.fill(solid(hex(0x466579)), k.wall(sh[0]+.05, y, sh[1]-.05, y+.05, z-.01))
		}
	}
}

// frame is the door's surround; the door itself moves and is drawn each time.
func (p *porch) frame() {
	c, k := p.ground, p.k
	c.soft(solid(hex(0x1f2346).alpha(.5)), 6, k.wall(doorX0-.2, floorY, doorX1+.26, doorTop+.16, wallZ))
	c.fill(solid(hex(0xf1e8da)), k.wall(doorX0-.16, floorY, doorX1+.16, doorTop+.16, wallZ-.03))
	c.fill(solid(hex(0xfff6e8)), k.wall(doorX0-.24, doorTop+.14, doorX1+.24, doorTop+.25, wallZ-.08))
	c.fill(solid(hex(0x3a3a55)), k.wall(doorX0-.27, floorY+1.05, doorX0-.2, floorY+1.27, wallZ-.04))
	c.fill(solid(hex(0x9fe6ff)), k.disc(vec{doorX0 - .235, floorY + 1.1, wallZ - .05}, .021))
}

func (p *porch) lantern(x float64) {
	c, k := p.ground, p.k
	y, z := floorY+1.78, wallZ-.12
	c.lamp(k.at(vec{x, y, z}), 190, 1.05, hex(0xffc878), .8)
	dark := solid(hex(0x2c2b40))
	c.fill(dark, k.wall(x-.035, y+.16, x+.035, y+.26, z), k.poly(vec{x - .1, y + .15, z}, vec{x + .1, y + .15, z}, vec{x + .04, y + .23, z}, vec{x - .04, y + .23, z}))
	c.fill(linear(k.at(vec{x, y + .15, z}), k.at(vec{x, y - .15, z}), hex(0xfff3c9), hex(0xffd27e)), k.poly(vec{x - .08, y + .15, z}, vec{x + .08, y + .15, z}, vec{x + .06, y - .14, z}, vec{x - .06, y - .14, z}))
	c.fill(dark, k.wall(x-.07, y-.18, x+.07, y-.13, z), k.wall(x-.008, y-.14, x+.008, y+.15, z-.01))
}

// roof is the porch's ceiling, shingles and the wall above it.
func (p *porch) roof() {
	c, k := p.ground, p.k
	x0, x1 := houseX0-.25, houseX1
	c.fill(linear(k.at(vec{0, 3.2, wallZ}), k.at(vec{0, 3.2, edgeZ}), hex(0x5d5468), hex(0x8b7677)), k.ground(houseX0, edgeZ, x1, wallZ, beamY+.25))
	for _, x := range []float64{.22, 1.88} {
		c.lamp(k.at(vec{x, beamY + .25, wallZ - .4}), 210, .32, hex(0xffc878), .5)
	}
	c.fill(linear(pt{0, 0}, pt{0, 110}, hex(0x4f4b6b), hex(0x75688a)),
		k.poly(vec{x0, beamY + .34, edgeZ - .3}, vec{x1, beamY + .34, edgeZ - .3}, vec{x1, 4.35, wallZ}, vec{x0 + .25, 4.35, wallZ}))
	for i := range 5 { // courses of shingles
		t := .16 + .2*float64(i)
		y, z := lerp(beamY+.34, 4.35, t), lerp(edgeZ-.3, wallZ, t)
		c.fill(solid(hex(0x3e3b5a).alpha(.45)), k.poly(vec{x0 + .25*t, y, z}, vec{x1, y, z}, vec{x1, y + .02, z}, vec{x0 + .25*t, y + .02, z}))
	}
}
