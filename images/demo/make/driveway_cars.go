package main

import (
	"math"
	"time"

	"gatehouse/images/demo/script"
)

var van = &vehicle{
	outline: []pt{{-2.72, .34}, {-2.76, 1.0}, {-2.66, 2.3}, {-2.5, 2.44}, {1.0, 2.46}, {1.22, 2.38}, {1.98, 1.42}, {2.5, 1.2}, {2.62, 1.02}, {2.66, .54}, {2.56, .48}},
	half:    1.0, roof: .86, waist: 1.3, body: hex(0xf5ecdf), trim: hex(0xe58a3c),
	axles: [2]float64{-1.62, 1.8}, wheel: .37, screen: [2]int{5, 6}, rear: [2]int{1, 2}, lampY: .9,
	panes:  [][]pt{{{.62, 1.45}, {.62, 2.12}, {1.18, 2.12}, {1.78, 1.45}}},
	stripe: [][]pt{{{-2.74, .92}, {-2.72, 1.16}, {.3, 1.16}, {.85, .92}}, {{-2.71, 1.24}, {-2.7, 1.32}, {-.1, 1.32}, {.1, 1.24}}},
	seams:  []float64{.5, 1.62, -.9},
}

var hatch = &vehicle{
	outline: []pt{{-1.95, .3}, {-2.02, .78}, {-1.85, 1.0}, {-1.45, 1.42}, {-1.1, 1.5}, {.35, 1.49}, {1.1, 1.0}, {1.85, .86}, {2.0, .68}, {2.02, .36}, {1.95, .3}},
	half:    .88, roof: .7, waist: .95, body: hex(0x4f83b3), trim: hex(0x3b648c),
	axles: [2]float64{-1.25, 1.3}, wheel: .31, screen: [2]int{5, 6}, rear: [2]int{2, 3}, lampY: .68,
	panes: [][]pt{{{-1.45, 1.02}, {-1.2, 1.38}, {-.42, 1.38}, {-.42, 1.02}}, {{-.34, 1.02}, {-.34, 1.38}, {.3, 1.38}, {.88, 1.02}}},
	seams: []float64{-.38},
}

// The van's way in: along the near lane, then a quarter circle into the drive.
const (
	turnR  = 4.6
	parked = 12.2
	turnX  = -turnR // where the quarter circle begins
)

// drivenTo is where the van is, s metres after the beginning of its turn.
func drivenTo(s float64) (vec, float64) {
	if s < 0 {
		return vec{turnX + s, 0, laneNear}, 0
	}
	const arc = turnR * math.Pi / 2
	if s < arc {
		sin, cos := math.Sincos(s / turnR)
		return vec{turnX + turnR*sin, 0, laneNear - turnR + turnR*cos}, -s / turnR
	}
	return vec{0, 0, laneNear - turnR - (s - arc)}, -math.Pi / 2
}

const driveEnd = turnR*math.Pi/2 + laneNear - turnR - parked

// glide goes from a to b between two moments with given speeds, metres a
// second, at both ends.
func glide(t, t0, t1 time.Duration, a, b, v0, v1 float64) float64 {
	d := (t1 - t0).Seconds()
	u := clamp((t-t0).Seconds()/d, 0, 1)
	u2, u3 := u*u, u*u*u
	return (2*u3-3*u2+1)*a + (u3-2*u2+u)*d*v0 + (-2*u3+3*u2)*b + (u3-u2)*d*v1
}

// vanAt is the van's place and heading, whether it is there, and whether it
// brakes.
func vanAt(t time.Duration) (v vec, heading float64, there, brakes bool) {
	switch {
	case t < script.VanIn || t >= script.VanGone:
		return vec{}, 0, false, false
	case t < script.VanTurn:
		v, heading = drivenTo(glide(t, script.VanIn, script.VanTurn, -21, 0, 9, 4))
		return v, heading, true, t > script.VanIn+sec
	case t < script.VanReverse:
		v, heading = drivenTo(glide(t, script.VanTurn, script.VanStop, 0, driveEnd, 4, 0))
		return v, heading, true, t < script.VanStop+500*time.Millisecond
	case t < script.VanLeave:
		v, heading = drivenTo(glide(t, script.VanReverse, script.VanLeave, driveEnd, -1.5, 0, 0))
		return v, heading, true, true
	}
	x := glide(t, script.VanLeave, script.VanGone, turnX-1.5, 21, 0, 12)
	return vec{x, 0, laneNear}, 0, true, false
}

func (d *driveway) van(c *canvas, at time.Duration) {
	v, heading, there, brakes := vanAt(at)
	if !there {
		return
	}
	lit := at < script.VanStop+900*time.Millisecond || at > script.VanReverse-700*time.Millisecond
	pen{c: c, k: d.k, v: van, pos: v, heading: heading}.draw(lit, brakes)
}

// carAt is where the blue car is while it drives past.
func carAt(t time.Duration) (vec, bool) {
	x := lerp(20, -26, float64(t-script.CarIn)/float64(script.CarOut-script.CarIn))
	return vec{x, 0, laneFar}, t >= script.CarIn && t < script.CarOut
}

func (d *driveway) car(c *canvas, at time.Duration) {
	if v, there := carAt(at); there {
		pen{c: c, k: d.k, v: hatch, pos: v, heading: math.Pi}.draw(true, false)
	}
}

var (
	delivers = move{script.CourierOut, script.CourierAway, []vec{{-1.5, 0, 11.2}, {-2.1, 0, 9.6}, {-3, 0, 8.9}, {-8.2, 0, 8}}}
	returns  = move{script.CourierBack, script.CourierIn, []vec{{-8.2, 0, 8}, {-3, 0, 8.9}, {-2.1, 0, 9.6}, {-1.5, 0, 11.2}}}
)

func (d *driveway) courier(c *canvas, at time.Duration) {
	m, facing := delivers, -1.0
	if at >= script.CourierBack {
		m, facing = returns, 1
	}
	if at < m.from || at > m.to {
		return
	}
	v, ps := m.gait(at)
	laden := m.from == script.CourierOut
	f := c.figureAt(d.k, v, facing, .3)
	var held func(pt)
	if laden {
		ps = ps.carrying()
		held = func(pt) { f.parcel(ps.hand[1].add(pt{.06, 0})) }
	}
	f.person(courierLook, ps, held)
}

var walkerLook = look{
	skin: hex(0xd9a07c), hair: hex(0xd8d0d6), top: hex(0x6a5a93), legs: hex(0x4a4a63), shoe: hex(0x2c2b40),
}

var (
	stretch = move{script.WalkerIn, script.WalkerOut, []vec{{19.5, 0, 27.1}, {-21.5, 0, 27.1}}}
	dog     = animal{coat: hex(0xc99a6b), dark: hex(0x2c2b40), long: .5, tall: .42}
)

// walker is a neighbour with a dog on the far pavement.
func (d *driveway) walker(c *canvas, at time.Duration) {
	if at < script.WalkerIn || at > script.WalkerOut {
		return
	}
	v, dist, _ := stretch.at(at)
	f := c.figureAt(d.k, v, -1, .3)
	ps := walking(dist)
	ps.hand[1] = pt{.32, .98}
	ahead := c.figureAt(d.k, vec{v.x - 1.35, 0, v.z - .1}, -1, .4)
	f.person(walkerLook, ps, nil)
	ahead.walk(dog, dist*1.0, at.Seconds()*9)
	a, b := f.pt(ps.hand[1]), ahead.pt(pt{.3, .58})
	c.fill(solid(hex(0x3a2f45)), capsule(a, a.to(b, .5).add(pt{0, 5}), .9, .9), capsule(a.to(b, .5).add(pt{0, 5}), b, .9, .9))
}

// posts are the two lamp posts where the drive meets the pavement.
func (d *driveway) posts(c *canvas) {
	k := d.k
	for _, x := range []float64{-driveHalf - 1.5, driveHalf + 1.5} {
		z := walkNear - .5
		l, r := k.at(vec{x - .22, 1, z}), k.at(vec{x + .22, 1, z})
		c.soft(solid(hex(0x1b1a38).alpha(.4)), 3, k.ground(x-.2, z-1.1, x+.35, z, 0))
		c.fill(linear(l, r, hex(0xe6d3c4), hex(0x8d8296)), k.wall(x-.22, 0, x+.22, 1.15, z))
		c.fill(solid(hex(0xf6eadb)), k.wall(x-.28, 1.15, x+.28, 1.25, z))
		bulb := k.at(vec{x, 1.45, z})
		c.fill(solid(hex(0xfff1c6)), ellipse(bulb, 9, 9))
		c.lamp(bulb, 85, 1, hex(0xffc878), .7)
	}
}

// plant sets the beds beside the drive and what hangs into the picture.
func (d *driveway) plant() {
	c, k, r := d.ground, d.k, &d.r
	for _, b := range []struct{ x, z, w, h float64 }{{5.2, 15.4, 2, 1.2}, {7.4, 14.4, 2.6, 1.6}, {4.4, 12.4, 1.5, .85}, {5.8, 11.6, 1.9, 1.1}, {-6.2, 16, 1.9, 1.1}, {-8.6, 15.6, 2.4, 1.5}, {-11.2, 15.8, 2.4, 1.3}} {
		v := vec{b.x, 0, b.z}
		s := k.scale(v)
		c.soft(solid(hex(0x16323a).alpha(.42)), 5, k.spot(vec{v.x, 0, v.z - .1}, b.w*.47, .26))
		c.shrub(r, k.at(v), b.w*s, b.h*s, hex(0x2d5650), hex(0x7b9f78))
		for range 9 {
			f := k.at(v).add(pt{b.w * s * r.in(-.38, .38), -b.h * s * r.in(.3, .85)})
			c.fill(solid(hex(0xe7a0b4).to(hex(0xfff0dc), r.next())), ellipse(f, s*.04, s*.04))
		}
	}
	// a branch of the tree beside the garage
	c.fill(solid(hex(0x3f3450)), capsule(pt{1300, 80}, pt{1120, 132}, 13, 5), capsule(pt{1160, 120}, pt{1040, 124}, 5, 2))
	for _, t := range []pt{{1050, 126}, {1100, 118}, {1135, 152}, {1175, 132}, {1215, 168}, {1250, 136}, {1275, 190}} {
		d.front.tuft(r, t, 40, 26, 13, 34, hex(0x2c5450), hex(0x86a873))
	}
	d.front.grass(r, pt{860, 748}, pt{1290, 690}, 52, 92, hex(0x244a48), hex(0x4f8064))
	d.front.grass(r, pt{-10, 736}, pt{150, 750}, 20, 52, hex(0x2a5049), hex(0x5b8a66))
	for i := range 12 {
		at := pt{lerp(960, 1270, (float64(i)+r.next())/12), r.in(640, 690)}
		d.front.tuft(r, at, 6, 6, 6, 11, hex(0x8c7fc4), hex(0xe0c6f0))
	}
}
