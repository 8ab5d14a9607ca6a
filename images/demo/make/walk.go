package main

import (
	"math"
	"time"
)

// move is a walk along some points between two moments, from rest to rest.
type move struct {
	from, to time.Duration
	way      []vec
}

// at is the place on the way, the metres walked so far, and how much of the
// full pace there is, 0 to 1.
func (m move) at(t time.Duration) (vec, float64, float64) {
	total := (m.to - m.from).Seconds()
	const ramp = .35 // seconds to reach the pace, and to stop
	u := clamp((t - m.from).Seconds(), 0, total)
	pace := math.Min(1, math.Min(u, total-u)/ramp)
	covered := u - ramp/2
	if u < ramp {
		covered = u * u / (2 * ramp)
	}
	if rest := total - u; rest < ramp {
		covered = total - ramp - rest*rest/(2*ramp)
	}
	l := m.length()
	d := l * covered / (total - ramp)
	v, _ := along(m.way, d)
	return v, d, math.Max(0, pace)
}

func (m move) length() float64 {
	l := 0.0
	for i := 1; i < len(m.way); i++ {
		l += apart(m.way[i-1], m.way[i])
	}
	return l
}

func apart(a, b vec) float64 { return math.Hypot(b.x-a.x, b.z-a.z) }

// along is the place d metres down a way, and the leg of the way it is on.
func along(way []vec, d float64) (vec, int) {
	for i := 1; i < len(way); i++ {
		l := apart(way[i-1], way[i])
		if d <= l || i == len(way)-1 {
			return way[i-1].to(way[i], clamp(d/math.Max(l, 1e-9), 0, 1)), i - 1
		}
		d -= l
	}
	return way[0], 0
}

// gait is the body on its way: walking, or coming to rest.
func (m move) gait(t time.Duration) (vec, pose) {
	v, d, pace := m.at(t)
	return v, stand().to(walking(d), ease(pace, 0, .8))
}

// during says how far t is into [from, to], 0 to 1, smoothly.
func during(t, from, to time.Duration) float64 {
	return ease(t.Seconds(), from.Seconds(), to.Seconds())
}

// figureAt stands a figure into the scene, with the shade at its feet.
func (c *canvas) figureAt(k camera, v vec, facing, width float64) figure {
	c.soft(solid(hex(0x1b1a38).alpha(.42)), int(clamp(k.scale(v)*.02, 1, 4)), k.spot(vec{v.x + .04, v.y, v.z - .02}, width, .17))
	return figure{c: c, at: k.at(v), scale: k.scale(v), facing: facing}
}
