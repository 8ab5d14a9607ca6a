package main

import (
	"image"
	"time"

	"gatehouse/images/demo/script"
)

const sec = time.Second

var courierLook = look{
	skin: hex(0xb97a56), hair: hex(0x2b2233), top: hex(0xe58a3c), legs: hex(0x33406b), shoe: hex(0x24243c),
	cap: hex(0xe58a3c), vest: hex(0xf6c667),
}

var residentLook = look{
	skin: hex(0xe8b08c), hair: hex(0x6d3d35), top: hex(0xc9697a), legs: hex(0x4d5378), shoe: hex(0x3a2f45), long: true,
}

// The courier's two ways, and the half step from the bell to the mat.
var (
	comes  = move{script.VisitIn, script.AtDoor, []vec{{-4.6, 0, 6.2}, {-.5, 0, 6.15}, {.5, .05, 6.45}, {.62, .28, 6.85}, {.5, floorY, 7.4}, {-.12, floorY, 8.25}}}
	closer = move{script.BellRung + 500*time.Millisecond, script.BellRung + 1500*time.Millisecond, []vec{{-.12, floorY, 8.25}, {.34, floorY, 8.3}}}
	goes   = move{script.LeaveDoor, script.VisitOut, []vec{{.34, floorY, 8.3}, {.45, floorY, 7.4}, {.4, .28, 6.85}, {.2, .05, 6.45}, {-.5, 0, 6.15}, {-4.7, 0, 6.2}}}
)

func (p *porch) visitor(at time.Duration) (vec, bool) {
	switch {
	case at < script.VisitIn || at > script.VisitOut:
		return vec{}, false
	case at < closer.from:
		v, _, _ := comes.at(at)
		return v, true
	case at < script.LeaveDoor:
		v, _, _ := closer.at(at)
		return v, true
	}
	v, _, _ := goes.at(at)
	return v, true
}

func (p *porch) courier(c *canvas, at time.Duration) {
	m, facing, laden := comes, 1.0, at < script.ParcelDown
	switch {
	case at >= script.LeaveDoor:
		m = goes
		facing = 1 - 2*during(at, script.LeaveDoor-200*time.Millisecond, script.LeaveDoor+200*time.Millisecond)
	case at >= closer.from:
		m = closer
	}
	v, ps := m.gait(at)
	if laden {
		ps = ps.carrying()
	}
	ring := during(at, script.AtDoor, script.AtDoor+350*time.Millisecond) - during(at, script.BellRung, script.BellRung+350*time.Millisecond)
	ps.hand[0], ps.hand[1] = ps.hand[0].to(pt{.27, .98}, ring), ps.hand[1].to(pt{.55, 1.24}, ring)
	bow := during(at, script.ParcelDown-900*time.Millisecond, script.ParcelDown-100*time.Millisecond) -
		during(at, script.ParcelDown+100*time.Millisecond, script.ParcelDown+900*time.Millisecond)
	ps = ps.to(crouch(), bow)
	f := c.figureAt(p.k, v, facing, .3)
	var held func()
	if laden {
		held = func() { f.parcel(ps.hand[1].to(ps.hand[0], ring).add(pt{.06, 0})) }
	}
	f.person(courierLook, ps, held)
}

// box is the parcel left on the mat.
func (p *porch) box(c *canvas) {
	v := vec{.86, floorY, 8.3}
	k := p.k
	c.soft(solid(hex(0x1b1a38).alpha(.5)), 4, k.ground(v.x-.22, v.z-.08, v.x+.26, v.z+.2, floorY))
	c.fill(solid(hex(0xc8925a)), k.wall(v.x-.19, floorY, v.x+.18, floorY+.25, v.z))
	c.fill(solid(hex(0xeac493)), k.ground(v.x-.19, v.z, v.x+.18, v.z+.26, floorY+.25))
	c.fill(solid(hex(0xf0d3a4)), k.wall(v.x-.04, floorY, v.x+.03, floorY+.25, v.z-.001), k.ground(v.x-.04, v.z, v.x+.03, v.z+.26, floorY+.251))
}

// door is the front door; while it stands open, the hall and who lives there.
func (p *porch) door(c *canvas, at time.Duration) {
	open := during(at, script.DoorOpens, script.DoorOpens+900*time.Millisecond) - during(at, script.DoorShut-900*time.Millisecond, script.DoorShut)
	k := p.k
	if open > 0 {
		c.fill(linear(k.at(vec{1, doorTop, wallZ}), k.at(vec{1, floorY, wallZ}), hex(0xffdf9e), hex(0xe39a5e)), k.wall(doorX0, floorY, doorX1, doorTop, wallZ))
		c.fill(linear(k.at(vec{1, floorY, wallZ + 1}), k.at(vec{1, floorY, wallZ}), hex(0xa8694f), hex(0xc98d63)), k.ground(doorX0, wallZ, doorX1, wallZ+1.2, floorY))
		spill := k.poly(vec{doorX0, floorY, wallZ}, vec{doorX1, floorY, wallZ}, vec{doorX1 + .35, floorY, edgeZ + .1}, vec{doorX0 - .35, floorY, edgeZ + .1})
		light := linear(k.at(vec{1, floorY, wallZ}), k.at(vec{1, floorY, edgeZ}), hex(0xffcf86).alpha(.6*open), hex(0xffcf86).alpha(.08*open))
		light.light = true
		c.soft(light, 6, spill)
	}
	p.leaf(c, open)
	if open > .5 {
		p.resident(c, at)
	}
}

var (
	fetch = move{script.DoorOpens + 600*time.Millisecond, script.ParcelTaken - 700*time.Millisecond, []vec{{2.15, floorY, 9.1}, {1.3, floorY, 8.8}}}
	back  = move{script.ParcelTaken + 900*time.Millisecond, script.DoorShut - 600*time.Millisecond, []vec{{1.3, floorY, 8.8}, {2.3, floorY, 9.1}}}
)

// resident takes the parcel in. What the wall hides is cut off at the frame.
func (p *porch) resident(c *canvas, at time.Duration) {
	m, facing := fetch, -1.0
	if at >= back.from {
		m, facing = back, -1+2*during(at, back.from-200*time.Millisecond, back.from+200*time.Millisecond)
	}
	v, ps := m.gait(at)
	laden := at >= script.ParcelTaken
	if laden {
		ps = ps.carrying()
	}
	bow := during(at, script.ParcelTaken-800*time.Millisecond, script.ParcelTaken-50*time.Millisecond) - during(at, script.ParcelTaken+50*time.Millisecond, script.ParcelTaken+800*time.Millisecond)
	ps = ps.to(crouch(), bow)
	l, r := p.k.at(vec{doorX0 - 1, 1, wallZ}), p.k.at(vec{doorX1, 1, wallZ})
	defer c.clipTo(image.Rect(int(l.x), 0, int(r.x), script.Height))()
	f := c.figureAt(p.k, v, facing, .28)
	var held func()
	if laden {
		held = func() { f.parcel(ps.hand[1].add(pt{.06, 0})) }
	}
	f.person(residentLook, ps, held)
}

var stroll = move{script.CatIn, script.CatOut, []vec{{3.9, 0, 6.0}, {1.2, 0, 5.95}, {-5, 0, 5.9}}}

func (p *porch) cat(c *canvas, at time.Duration) {
	if at < script.CatIn || at > script.CatOut {
		return
	}
	v, d, _ := stroll.at(at)
	f := c.figureAt(p.k, v, -1, .26)
	f.walk(animal{coat: hex(0xd98f57), dark: hex(0x2c2b40), long: .3, tall: .21, cat: true}, d, at.Seconds()*4)
}
