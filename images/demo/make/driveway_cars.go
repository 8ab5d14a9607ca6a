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
	var held func()
	if laden {
		ps = ps.carrying()
		held = func() { f.parcel(ps.hand[1].add(pt{.06, 0})) }
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
