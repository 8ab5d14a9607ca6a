package main

import "math"

// floor is the porch's deck and its two steps.
func (p *porch) floor() {
	c, k := p.ground, p.k
	x0, x1 := houseX0, houseX1
	c.soft(solid(hex(0x1d2b3d).alpha(.5)), 7, k.ground(x0-.05, edgeZ-.3, x1, edgeZ+.4, 0))
	c.fill(linear(k.at(vec{0, floorY, wallZ}), k.at(vec{0, floorY, edgeZ}), hex(0x7d6870), hex(0xb99a8b)), k.ground(x0, edgeZ, x1, wallZ, floorY))
	for z := edgeZ + .22; z < wallZ; z += .24 { // deck boards
		c.fill(solid(hex(0x5b4b5c).alpha(.28)), k.ground(x0, z, x1, z+.012, floorY))
	}
	for _, x := range []float64{.22, 1.88} { // lantern light on the deck
		c.lamp(k.at(vec{x, floorY, wallZ - .5}), 230, .2, hex(0xffbf70), .5)
	}
	c.fill(linear(k.at(vec{x0, 0, edgeZ}), k.at(vec{x1, 0, edgeZ}), hex(0xcfc4bd), hex(0x8d8796)), k.wall(x0, 0, x1, floorY, edgeZ))
	c.fill(solid(hex(0xf2e8da)), k.wall(x0-.04, floorY-.07, x1, floorY+.005, edgeZ-.03))
	const s0, s1 = .0, 2.0
	for i, z := range []float64{edgeZ - .62, edgeZ - .3} {
		y := floorY * float64(i+1) / 3
		c.fill(linear(k.at(vec{s0, y, z}), k.at(vec{s1, y, z}), hex(0xa89ca6), hex(0x8a8194)), k.wall(s0, 0, s1, y, z))
		c.fill(linear(k.at(vec{s0, y, z}), k.at(vec{s1, y, z}), hex(0xe6d5c3), hex(0xc9b7b0)), k.ground(s0, z, s1, z+.34, y))
		c.fill(solid(hex(0xf6eadb)), k.wall(s0-.03, y-.035, s1+.03, y+.004, z-.02))
	}
	c.fill(solid(hex(0x4d5a63)), k.ground(doorX0-.1, wallZ-.78, doorX1+.1, wallZ-.14, floorY+.01))
	c.fill(solid(hex(0x5f6f77)), k.ground(doorX0-.04, wallZ-.73, doorX1+.04, wallZ-.19, floorY+.012))
}

// pots flank the door with clipped bushes.
func (p *porch) pots() {
	c, k := p.ground, p.k
	for _, x := range []float64{-.28, 2.3} {
		z := wallZ - .42
		foot := k.at(vec{x, floorY, z})
		s := k.scale(vec{x, floorY, z})
		c.soft(solid(hex(0x1b1a38).alpha(.5)), 4, k.spot(vec{x + .06, floorY, z}, .27, .16))
		pot := []pt{{foot.x - .15*s, foot.y}, {foot.x + .15*s, foot.y}, {foot.x + .2*s, foot.y - .36*s}, {foot.x - .2*s, foot.y - .36*s}}
		c.fill(linear(pot[0], pot[1], hex(0xd58d6b), hex(0x8f5560)), pot)
		c.fill(linear(pot[0], pot[1], hex(0xe39d78), hex(0xa0626a)), rounded(foot.x-.22*s, foot.y-.41*s, foot.x+.22*s, foot.y-.33*s, 3))
		c.fill(solid(hex(0x5a4350)), rect(foot.x-.022*s, foot.y-.72*s, foot.x+.022*s, foot.y-.38*s))
		ball := pt{foot.x, foot.y - .92*s}
		c.fill(radial(ball.add(pt{-.08 * s, -.1 * s}), .42*s, 1, hex(0x88a877), hex(0x2f5a52)), crown(&p.r, ball, .27*s, .27*s, 11)...)
		low := pt{foot.x, foot.y - .44*s}
		c.fill(radial(low.add(pt{-.06 * s, -.06 * s}), .3*s, .6, hex(0x7d9f74), hex(0x345f55)), crown(&p.r, low, .21*s, .09*s, 9)...)
	}
}

// front is what stands between the camera and the porch: posts, rail, beam.
func (p *porch) front(c *canvas) {
	k := p.k
	z := edgeZ + .05
	pale, shade := hex(0xf3e9dc), hex(0xb9aeb6)
	rail := func(x0, x1 float64) {
		for x := x0 + .12; x < x1-.04; x += .155 {
			c.fill(solid(shade.to(pale, .35)), k.wall(x, floorY+.1, x+.04, floorY+.8, z))
		}
		c.fill(solid(pale), k.wall(x0, floorY+.8, x1, floorY+.88, z-.02))
		c.fill(solid(shade), k.wall(x0, floorY+.08, x1, floorY+.13, z))
	}
	rail(postsX[0], postsX[1])
	rail(postsX[2], postsX[3])
	for _, x := range postsX {
		l, r := k.at(vec{x - .085, 1, z - .08}), k.at(vec{x + .085, 1, z - .08})
		c.fill(linear(l, r, pale, shade), k.wall(x-.085, floorY, x+.085, beamY, z-.08))
		c.fill(linear(l, r, pale, shade), k.wall(x-.12, floorY, x+.12, floorY+.22, z-.09), k.wall(x-.12, beamY-.14, x+.12, beamY, z-.09))
	}
	c.fill(linear(k.at(vec{0, beamY + .3, z}), k.at(vec{0, beamY, z}), pale, hex(0xd8ccc8)), k.wall(postsX[0]-.2, beamY, houseX1, beamY+.27, z-.1))
	c.fill(solid(hex(0xfff7ea)), k.wall(houseX0-.3, beamY+.25, houseX1, beamY+.36, edgeZ-.3))
	c.fill(solid(hex(0x8d7f92)), k.wall(houseX0-.3, beamY+.245, houseX1, beamY+.262, edgeZ-.3))
}

// plant sets the flowers, the basket and the bushes before the porch.
func (p *porch) plant() {
	c, k, r := p.ground, p.k, &p.r
	for _, b := range []struct{ x, w, h float64 }{{-2.5, .9, .5}, {-1.75, 1.05, .62}, {-.95, .9, .52}, {-.4, .6, .38}, {2.75, .95, .58}, {3.55, 1.1, .66}, {4.4, 1.1, .6}} {
		v := vec{b.x, 0, edgeZ - .28}
		s := k.scale(v)
		c.soft(solid(hex(0x16323a).alpha(.45)), 5, k.spot(vec{v.x, 0, v.z - .1}, b.w*.5, .2))
		c.shrub(r, k.at(v), b.w*s, b.h*s, hex(0x2d5650), hex(0x6f9a76))
		for range 15 { // blossoms
			f := k.at(v).add(pt{b.w * s * r.in(-.4, .4), -b.h * s * r.in(.3, .9)})
			c.fill(solid(hex(0xf2a6a0).to(hex(0xfff0dc), r.next())), ellipse(f, s*.028, s*.028))
		}
	}
	basket := k.at(vec{-1.45, 2.42, edgeZ})
	for _, d := range []float64{-30, 0, 30} {
		c.fill(solid(hex(0x4a4560)), capsule(pt{basket.x + d, basket.y}, k.at(vec{-1.45, beamY, edgeZ}), .8, .8))
	}
	c.fill(linear(basket, basket.add(pt{0, 40}), hex(0x8f5f55), hex(0x5d3e4d)), smooth(basket.add(pt{-38, -2}), basket.add(pt{38, -2}), basket.add(pt{25, 26}), basket.add(pt{0, 34}), basket.add(pt{-25, 26})))
	p.hanging.tuft(r, basket.add(pt{0, -2}), 44, 15, 46, 21, hex(0x3d6a58), hex(0x9dbb7e))
	p.hanging.tuft(r, basket.add(pt{0, -8}), 38, 11, 16, 12, hex(0xd8737c), hex(0xffc0a8))
	p.garden.grass(r, pt{760, 742}, pt{1290, 700}, 70, 78, hex(0x244a48), hex(0x4f8064))
	p.garden.grass(r, pt{-10, 734}, pt{260, 748}, 34, 52, hex(0x2a5049), hex(0x5b8a66))
	for i := range 16 {
		at := pt{lerp(800, 1270, (float64(i)+r.next())/16), r.in(655, 700)}
		p.garden.tuft(r, at, 5, 5, 6, 9, hex(0x8c7fc4), hex(0xe0c6f0))
	}
}

// leaf is the door itself, from shut (0) to open (1); it swings inward.
func (p *porch) leaf(c *canvas, open float64) {
	k := p.k
	s, cs := math.Sincos(open * 1.35)
	on := func(u, y float64) vec { return vec{doorX0 + (doorX1-doorX0)*u*cs, y, wallZ + (doorX1-doorX0)*u*s} }
	quad := func(u0, y0, u1, y1 float64) []pt { return k.poly(on(u0, y0), on(u1, y0), on(u1, y1), on(u0, y1)) }
	base := hex(0x2f7d80).dusk(.35 * open)
	c.fill(linear(k.at(on(0, doorTop)), k.at(on(0, floorY)), base, base.dusk(.25)), quad(0, floorY+.02, 1, doorTop))
	for _, u := range []float64{.14, .55} {
		c.fill(solid(base.dusk(.3)), quad(u, floorY+.2, u+.31, floorY+.98))
		c.fill(solid(base.to(hex(0xffffff), .1)), quad(u+.025, floorY+.22, u+.31, floorY+.96))
		c.fill(solid(base.dusk(.1)), quad(u+.03, floorY+.23, u+.285, floorY+.945))
		c.fill(solid(base.dusk(.3)), quad(u, floorY+1.2, u+.31, floorY+1.96))
		c.fill(linear(k.at(on(u, floorY+1.96)), k.at(on(u, floorY+1.2)), hex(0xffdf9c), hex(0xf0a566)), quad(u+.025, floorY+1.225, u+.285, floorY+1.935))
	}
	knob := on(.93, floorY+1.06)
	knob.z -= .04
	c.fill(solid(hex(0xf6cf7d)), k.disc(knob, .036))
}
