package main

import "math"

func rect(x0, y0, x1, y1 float64) []pt {
	return []pt{{x0, y0}, {x1, y0}, {x1, y1}, {x0, y1}}
}

func ellipse(at pt, rx, ry float64) []pt {
	n := int(clamp(4+math.Sqrt(math.Max(rx, ry))*5, 12, 160))
	out := make([]pt, n)
	for i := range out {
		s, c := math.Sincos(2 * math.Pi * float64(i) / float64(n))
		out[i] = pt{at.x + rx*c, at.y + ry*s}
	}
	return out
}

// rounded is a rectangle with round corners.
func rounded(x0, y0, x1, y1, r float64) []pt {
	var out []pt
	for i, c := range []pt{{x1 - r, y1 - r}, {x0 + r, y1 - r}, {x0 + r, y0 + r}, {x1 - r, y0 + r}} {
		for k := 0; k <= 8; k++ {
			s, cs := math.Sincos(math.Pi / 2 * (float64(i) + float64(k)/8))
			out = append(out, pt{c.x + r*cs, c.y + r*s})
		}
	}
	return out
}

// capsule is a limb: a line from a to b with a radius at each end.
func capsule(a, b pt, ra, rb float64) []pt {
	dir := math.Atan2(b.y-a.y, b.x-a.x)
	const n = 10
	var out []pt
	for i := 0; i <= n; i++ {
		s, c := math.Sincos(dir + math.Pi/2 + math.Pi*float64(i)/n)
		out = append(out, pt{a.x + ra*c, a.y + ra*s})
	}
	for i := 0; i <= n; i++ {
		s, c := math.Sincos(dir - math.Pi/2 + math.Pi*float64(i)/n)
		out = append(out, pt{b.x + rb*c, b.y + rb*s})
	}
	return out
}

// smooth is the closed Catmull-Rom curve through the points.
func smooth(p ...pt) []pt {
	var out []pt
	n := len(p)
	for i := range p {
		a, b, c, d := p[(i+n-1)%n], p[i], p[(i+1)%n], p[(i+2)%n]
		for k := range 8 {
			t := float64(k) / 8
			out = append(out, pt{catmull(a.x, b.x, c.x, d.x, t), catmull(a.y, b.y, c.y, d.y, t)})
		}
	}
	return out
}

func catmull(a, b, c, d, t float64) float64 {
	return .5 * (2*b + (c-a)*t + (2*a-5*b+4*c-d)*t*t + (3*b-a-3*c+d)*t*t*t)
}

// leaf is a pointed leaf from its stalk at a, length l, in direction dir.
func leaf(a pt, l, width, dir float64) []pt {
	s, c := math.Sincos(dir)
	at := func(u, v float64) pt { return pt{a.x + l*(u*c-v*s), a.y + l*(u*s+v*c)} }
	return []pt{
		at(0, 0), at(.18, width*.62), at(.4, width), at(.65, width*.78), at(.86, width*.34),
		at(1, 0), at(.86, -width*.34), at(.65, -width*.78), at(.4, -width), at(.18, -width*.62),
	}
}

// rng is a small generator of fixed numbers, so every run draws the same.
type rng uint64

func (r *rng) next() float64 {
	*r = *r*6364136223846793005 + 1442695040888963407
	return float64(uint64(*r)>>33) / (1 << 31)
}

func (r *rng) in(lo, hi float64) float64 { return lo + (hi-lo)*r.next() }
