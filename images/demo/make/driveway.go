package main

import (
	"math"
	"time"

	"gatehouse/images/demo/script"
)

// The driveway's measures, metres. The camera hangs above the garage door and
// looks out to the street, which runs from left to right.
const (
	walkNear, walkFar = 17.6, 19.2 // pavement on this side
	roadNear, roadFar = 19.4, 26.2
	kerbFar           = 28.0 // end of the pavement on the other side
	laneNear          = 21.1
	laneFar           = 24.6
	driveHalf         = 2.1
)

type driveway struct {
	k      camera
	ground *canvas
	front  foliage
	r      rng
}

func newDriveway() scene {
	d := &driveway{k: camera{pos: vec{.7, 3.5, 0}, yaw: -.1, focal: 960, cx: 560, cy: 236}, r: 11}
	d.ground = newCanvas(script.Width, script.Height)
	d.sky()
	d.neighbours()
	d.street()
	d.yard()
	d.plant()
	return d
}

func (d *driveway) draw(c *canvas, at time.Duration) {
	copy(c.img.Pix, d.ground.img.Pix)
	d.walker(c, at)
	d.car(c, at)
	v, _, _, _ := vanAt(at)
	inDrive := v.z < walkNear
	if !inDrive {
		d.van(c, at)
	}
	d.beds(c)
	d.posts(c)
	if inDrive {
		d.van(c, at)
	}
	d.courier(c, at)
	d.front.draw(c, at.Seconds()/script.Loop.Seconds())
}

func (d *driveway) sky() {
	c := d.ground
	c.fill(paint{p0: pt{0, 0}, p1: pt{0, 250}, stops: []stop{
		{0, hex(0x63749f)}, {.3, hex(0x9a90b5)}, {.62, hex(0xeeaa95)}, {1, hex(0xffdfa6)},
	}}, rect(0, 0, 1280, 270))
	c.fill(linear(pt{0, 250}, pt{0, 440}, hex(0x8a8f86), hex(0x7f9a78)), rect(0, 250, 1280, 720))
	sun := pt{395, 218}
	c.lamp(sun, 520, .62, hex(0xffd28a), .8)
	c.fill(solid(hex(0xfff0c9)), ellipse(sun, 27, 27))
	for _, cl := range []struct{ x, y, w, h float64 }{{230, 92, 120, 7}, {315, 106, 90, 5}, {790, 66, 150, 8}, {900, 82, 95, 6}, {600, 132, 110, 5}} {
		c.fill(solid(hex(0xffd9bd).alpha(.42)), capsule(pt{cl.x - cl.w, cl.y}, pt{cl.x + cl.w, cl.y + 2}, cl.h*.4, cl.h))
	}
	hills := []pt{{0, 270}}
	for x := 0.0; x <= 1280; x += 20 {
		hills = append(hills, pt{x, 196 - 20*math.Sin(x*.0062+.8) - 8*math.Sin(x*.021)})
	}
	c.fill(linear(pt{0, 170}, pt{0, 250}, hex(0xc294a6), hex(0xd9a59c)), append(hills, pt{1280, 270}))
	for x := -10.0; x < 1300; x += 58 { // trees far off
		h := d.r.in(52, 92)
		c.fill(linear(pt{0, 160}, pt{0, 250}, hex(0x86759a), hex(0x927c98)), crown(&d.r, pt{x + d.r.in(-15, 15), 246 - h*.45}, h*.42, h*.5, 7)...)
	}
}

// neighbours are the houses and gardens across the street.
func (d *driveway) neighbours() {
	c, k := d.ground, d.k
	c.fill(linear(pt{0, 236}, pt{0, 370}, hex(0x8a8f86), hex(0x5f7a72)), k.ground(-80, kerbFar, 80, 90, 0))
	d.home(-19.5, 38, 8.5, hex(0x8a6f8d), hex(0x5b4d72))
	d.home(-2.5, 41, 9.5, hex(0x9a7787), hex(0x54496f))
	d.home(14, 38, 8.5, hex(0x78708f), hex(0x4c4869))
	for _, t := range []struct{ x, z, h float64 }{{-13.2, 36, 6.8}, {-5.2, 37, 5.2}, {6.8, 36, 6.4}, {9.8, 38, 5}, {21, 35, 7.5}, {-25, 35, 8}} {
		v := vec{t.x, 0, t.z}
		c.soft(solid(hex(0x2b3550).alpha(.35)), 3, k.spot(v, t.h*.33, 1))
		c.tree(&d.r, k.at(v), t.h*k.scale(v), hex(0x4d3f5a), hex(0x47586e), hex(0x87898a))
	}
	for x := -30.0; x < 30; x += 1.9 { // hedge along the far pavement
		if math.Abs(x+7.6) < 1.4 || math.Abs(x-5) < 1.4 {
			continue
		}
		v := vec{x, 0, kerbFar + 1.2}
		s := k.scale(v)
		c.shrub(&d.r, k.at(v), 2.5*s, d.r.in(.85, 1.05)*s, hex(0x3b5465), hex(0x6c8480))
	}
}

// home is a gabled house with its lights on.
func (d *driveway) home(x, z, w float64, wall, roof col) {
	c, k := d.ground, d.k
	const eave, ridge = 3.1, 5.7
	m := x + w/2
	c.fill(linear(k.at(vec{x, 3, z}), k.at(vec{x + w, 3, z}), wall.warm(.12), wall.dusk(.15)),
		k.poly(vec{x, 0, z}, vec{x + w, 0, z}, vec{x + w, eave, z}, vec{m, ridge, z}, vec{x, eave, z}))
	c.fill(solid(roof), k.poly(vec{x - .5, eave - .3, z}, vec{m, ridge + .05, z}, vec{m, ridge + .5, z}, vec{x - .5, eave + .12, z}),
		k.poly(vec{m, ridge + .05, z}, vec{x + w + .5, eave - .3, z}, vec{x + w + .5, eave + .12, z}, vec{m, ridge + .5, z}))
	c.fill(solid(roof.dusk(.2)), k.wall(x+w*.7, ridge-1.2, x+w*.78, ridge+.75, z))
	lit := func(x0, y0, x1, y1 float64) {
		c.fill(solid(hex(0xf0dfd6).alpha(.7)), k.wall(x0-.1, y0-.1, x1+.1, y1+.1, z))
		c.fill(linear(k.at(vec{x0, y1, z}), k.at(vec{x0, y0, z}), hex(0xffe0a0), hex(0xf6b16d)), k.wall(x0, y0, x1, y1, z))
		c.fill(solid(hex(0x7d6474)), k.wall((x0+x1)/2-.04, y0, (x0+x1)/2+.04, y1, z))
		c.lamp(k.at(vec{(x0 + x1) / 2, (y0 + y1) / 2, z}), 55, .9, hex(0xffcf86), .45)
	}
	lit(x+w*.12, 1.1, x+w*.34, 2.5)
	lit(x+w*.66, 1.1, x+w*.88, 2.5)
	lit(m-.55, 3.5, m+.55, 4.5)
	c.fill(solid(roof.to(hex(0x7a4a58), .5)), k.wall(m-.5, 0, m+.5, 2.2, z))
}

func (d *driveway) street() {
	c, k := d.ground, d.k
	const l, r = -70, 70
	c.fill(linear(pt{0, 300}, pt{0, 420}, hex(0xb5a3ac), hex(0xa596a6)), k.ground(l, roadFar, r, kerbFar, 0))
	c.fill(linear(k.at(vec{0, 0, roadFar}), k.at(vec{0, 0, roadNear}), hex(0x77708a), hex(0x575876)), k.ground(l, roadNear, r, roadFar, -.06))
	c.lamp(k.at(vec{-2, 0, 23.5}), 430, .1, hex(0xffcf95), .38)
	c.fill(solid(hex(0xd5c6c4)), k.ground(l, roadFar, r, roadFar+.22, 0))
	for x := -40.0; x < 40; x += 4.2 {
		c.fill(solid(hex(0xe9dccf).alpha(.75)), k.ground(x, 22.75, x+2, 22.9, -.05))
	}
	c.fill(solid(hex(0x8f8598)), k.wall(l, -.06, r, .06, roadNear))
	c.fill(solid(hex(0xd9cac6)), k.ground(l, roadNear-.2, r, roadNear, .06))
	c.fill(linear(pt{0, 400}, pt{0, 440}, hex(0xb8a7ae), hex(0xab9daa)), k.ground(l, walkNear, r, roadNear-.2, .06))
	for x := -30.0; x < 30; x += 1.5 {
		c.fill(solid(hex(0x8b7f93).alpha(.5)), k.ground(x, walkNear, x+.04, roadNear-.2, .06))
	}
}

// yard is this side of the street: lawn, drive and the path to the porch.
func (d *driveway) yard() {
	c, k := d.ground, d.k
	c.fill(linear(pt{0, 410}, pt{0, 720}, hex(0x7f9a78), hex(0x3c6659)), k.ground(-60, .6, 60, walkNear, 0))
	for i := range 6 {
		z := 5.4 + 2.1*float64(i)
		c.fill(solid(hex(0xe2e3a4).alpha(.08)), k.ground(-60, z, 60, z+1.05, 0))
	}
	drive := func(g float64) []pt {
		return k.poly(vec{-driveHalf - g, 0, .6}, vec{driveHalf + g, 0, .6}, vec{driveHalf + g, 0, 16.6}, vec{driveHalf + .9 + g, 0, roadNear}, vec{-driveHalf - .9 - g, 0, roadNear}, vec{-driveHalf - g, 0, 16.6})
	}
	c.soft(solid(hex(0x2c4d4b).alpha(.4)), 4, drive(.1))
	c.fill(linear(k.at(vec{0, 0, roadNear}), k.at(vec{0, 0, 5.5}), hex(0xd6bfb2), hex(0x968da3)), drive(0))
	for z := 4.0; z < 17; z += 2.2 {
		c.fill(solid(hex(0x7b7290).alpha(.32)), k.ground(-driveHalf, z, driveHalf, z+.035, 0))
	}
	c.fill(solid(hex(0x7b7290).alpha(.28)), k.ground(-.018, .6, .018, 17, 0))
	for _, x := range []float64{-driveHalf - .14, driveHalf} {
		c.fill(solid(hex(0xe0cdbd).alpha(.8)), k.ground(x, .6, x+.14, 16.6, .01))
	}
	for i := range 9 { // stepping stones to the porch
		x := -driveHalf - .85 - 1.02*float64(i)
		z := 8.9 - .17*float64(i)
		c.soft(solid(hex(0x24453f).alpha(.45)), 3, k.spot(vec{x, 0, z - .05}, .44, .36))
		c.fill(linear(k.at(vec{x, 0, z + .3}), k.at(vec{x, 0, z - .3}), hex(0xd9c4b6), hex(0xa89ca8)), k.spot(vec{x, 0, z}, .42, .33))
	}
	for _, b := range []struct{ x, z, rx, rz float64 }{{6.15, 13.4, 2.75, 2.15}, {-9.2, 15.7, 4.4, .95}} { // flower beds
		c.soft(solid(hex(0xb7b58f).alpha(.5)), 2, k.spot(vec{b.x, 0, b.z}, b.rx+.12, b.rz+.12))
		c.fill(linear(k.at(vec{b.x, 0, b.z + b.rz}), k.at(vec{b.x, 0, b.z - b.rz}), hex(0x83756f), hex(0x665a66)), k.spot(vec{b.x, 0, b.z}, b.rx, b.rz))
	}
	// the low sun reaches over the street
	c.lamp(k.at(vec{-1.8, 0, 15.5}), 520, .2, hex(0xffcf90), .34)
}
