package main

import "math"

// vec is a place in the scene, in metres: x right, y up, z away from the camera.
type vec struct{ x, y, z float64 }

func (a vec) to(b vec, k float64) vec {
	return vec{lerp(a.x, b.x, k), lerp(a.y, b.y, k), lerp(a.z, b.z, k)}
}

// camera projects the scene. Like an architect's camera it stands level and
// shifts its lens instead of tilting, so upright edges stay upright.
type camera struct {
	pos    vec
	yaw    float64 // radians, positive looks to the right
	focal  float64 // pixels
	cx, cy float64 // where the level view line meets the picture
}

// depth is the distance along the view line, in metres.
func (k camera) depth(v vec) float64 {
	s, c := math.Sincos(k.yaw)
	return (v.x-k.pos.x)*s + (v.z-k.pos.z)*c
}

// scale is how many pixels a metre has at v.
func (k camera) scale(v vec) float64 { return k.focal / math.Max(near, k.depth(v)) }

const near = .5

func (k camera) local(v vec) vec {
	s, c := math.Sincos(k.yaw)
	x, z := v.x-k.pos.x, v.z-k.pos.z
	return vec{x*c - z*s, v.y - k.pos.y, x*s + z*c}
}

func (k camera) flat(v vec) pt {
	return pt{k.cx + k.focal*v.x/v.z, k.cy - k.focal*v.y/v.z}
}

// at is the picture point of a place in front of the camera.
func (k camera) at(v vec) pt {
	l := k.local(v)
	l.z = math.Max(near, l.z)
	return k.flat(l)
}

// poly projects a polygon and cuts off what lies behind the camera.
func (k camera) poly(vs ...vec) []pt {
	var out []pt
	for i := range vs {
		a, b := k.local(vs[i]), k.local(vs[(i+1)%len(vs)])
		if a.z >= near {
			out = append(out, k.flat(a))
		}
		if (a.z >= near) != (b.z >= near) {
			out = append(out, k.flat(a.to(b, (near-a.z)/(b.z-a.z))))
		}
	}
	return out
}

// ground is a rectangle lying at height y.
func (k camera) ground(x0, z0, x1, z1, y float64) []pt {
	return k.poly(vec{x0, y, z0}, vec{x1, y, z0}, vec{x1, y, z1}, vec{x0, y, z1})
}

// wall is an upright rectangle facing the street, at distance z.
func (k camera) wall(x0, y0, x1, y1, z float64) []pt {
	return k.poly(vec{x0, y0, z}, vec{x1, y0, z}, vec{x1, y1, z}, vec{x0, y1, z})
}

// disc is an upright circle facing the street.
func (k camera) disc(at vec, r float64) []pt {
	const n = 36
	vs := make([]vec, n)
	for i := range vs {
		s, c := math.Sincos(2 * math.Pi * float64(i) / n)
		vs[i] = vec{at.x + r*c, at.y + r*s, at.z}
	}
	return k.poly(vs...)
}

// spot is a circle lying on the ground, stretched along x.
func (k camera) spot(at vec, rx, rz float64) []pt {
	const n = 36
	vs := make([]vec, n)
	for i := range vs {
		s, c := math.Sincos(2 * math.Pi * float64(i) / n)
		vs[i] = vec{at.x + rx*c, at.y, at.z + rz*s}
	}
	return k.poly(vs...)
}
