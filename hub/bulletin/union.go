package bulletin

import (
	"cmp"
	"slices"
	"time"
)

// Ask is what one request, or one revision of it, asks for.
type Ask struct {
	Area   []Point // a closed simple ring, as in a request that passed CheckLimits
	Window Window
}

// Usage is what several asks come to together: what two of them share counts once.
type Usage struct {
	SquareKM float64       // of the union of the areas, on the ellipsoid
	Time     time.Duration // of the union of the windows, whatever their order
}

// CaseUsage is the union over all revisions and requests of one case. Area and
// time are united each by itself: two areas at two times count as both areas
// over both times. An area that is no simple ring counts nothing, and neither
// does a window that ends before it begins; [CheckLimits] refuses both.
//
// The work is of the order of the square of the number of points whose areas
// meet: 32 rings of 33 points take some tens of milliseconds at worst, whatever their shape.
func CaseUsage(asks []Ask) Usage {
	rings := make([][]Point, 0, len(asks))
	windows := make([]Window, 0, len(asks))
	for _, a := range asks {
		rings, windows = append(rings, a.Area), append(windows, a.Window)
	}
	return Usage{SquareKM: UnionSquareKM(rings), Time: UnionTime(windows)}
}

// UnionTime is the length of time that at least one window covers.
func UnionTime(windows []Window) time.Duration {
	windows = slices.Clone(windows)
	slices.SortFunc(windows, func(a, b Window) int { return a.From.Compare(b.From) })
	var sum time.Duration
	var through time.Time
	for i, w := range windows {
		if i == 0 || w.From.After(through) {
			through = w.From
		}
		if w.To.After(through) {
			sum += w.To.Sub(through)
			through = w.To
		}
	}
	return sum
}

// UnionSquareKM is the area that at least one ring covers. It sums the integral
// of [SquareKM] over those parts of the rings' edges that are the border of the
// union: all but what runs inside another ring.
func UnionSquareKM(rings [][]Point) float64 {
	var all []patch
	for _, ring := range rings {
		if p, ok := patchOf(ring); ok {
			all = append(all, p)
		}
	}
	if len(all) == 0 {
		return 0
	}
	base := zone(radians(all[0].ring[0].y)) // cancels over a closed border; keeps the terms small
	sum := 0.0
	var covered []span // reused
	for i, p := range all {
		for k, a := range p.ring {
			b := p.ring[(k+1)%len(p.ring)]
			covered = covered[:0]
			for j, q := range all {
				if shift, near := p.near(q); j != i && near {
					covered = q.covers(covered, a, b, shift, j < i)
				}
			}
			for s := range gaps(covered) {
				y1, y2 := along(a.y, b.y, s.from), along(a.y, b.y, s.to)
				sum -= radians(b.x-a.x) * (s.to - s.from) * (meanZone(y1, y2) - base)
			}
		}
	}
	return max(0, sum)
}

// along is the latitude in radians at a part of an edge.
func along(from, to int64, part float64) float64 {
	return radians(from) + radians(to-from)*part
}

// patch is a simple ring, counterclockwise, with its bounds.
type patch struct {
	ring     []vertex
	min, max vertex
}

func patchOf(ring []Point) (patch, bool) {
	vs := unroll(ring)
	if len(vs) < 3 || !simple(vs) {
		return patch{}, false
	}
	p := patch{ring: vs, min: vs[0], max: vs[0]}
	low := 0
	for i, v := range vs {
		p.min, p.max = vertex{min(p.min.x, v.x), min(p.min.y, v.y)}, vertex{max(p.max.x, v.x), max(p.max.y, v.y)}
		if w := vs[low]; v.y < w.y || v.y == w.y && v.x < w.x {
			low = i
		}
	}
	// The ring turns at its lowest vertex as it turns on the whole.
	n := len(vs)
	if side(vs[(low+n-1)%n], vs[low], vs[(low+1)%n]) < 0 {
		slices.Reverse(vs)
	}
	return p, true
}

// near says by how many half micro-degrees q must be shifted to lie on the
// same turn of the globe, and whether their bounds meet there.
func (p patch) near(q patch) (shift int64, meet bool) {
	for k := int64(-2); k <= 2; k++ {
		s := k * turn
		if q.min.x+s <= p.max.x && p.min.x <= q.max.x+s && q.min.y <= p.max.y && p.min.y <= q.max.y {
			return s, true
		}
	}
	return 0, false
}

// span is a part of an edge: 0 is its beginning, 1 its end.
type span struct{ from, to float64 }

// covers appends the parts of the edge from a to b that are not border of the
// union because of p: those inside it, those that run against p's own border,
// so that p lies on the other side, and, so that one of them remains, those
// that run along it if p comes first.
func (p patch) covers(into []span, a, b vertex, shift int64, first bool) []span {
	a.x, b.x = a.x-shift, b.x-shift
	if max(a.x, b.x) < p.min.x || min(a.x, b.x) > p.max.x || max(a.y, b.y) < p.min.y || min(a.y, b.y) > p.max.y {
		return into
	}
	stops := make([]float64, 0, 8)
	stops = append(stops, 0, 1)
	type shared struct {
		span
		drop bool
	}
	var on []shared
	for i, c := range p.ring {
		d := p.ring[(i+1)%len(p.ring)]
		sc, sd := side(a, b, c), side(a, b, d)
		switch {
		case sc == 0 && sd == 0:
			tc, td := part(a, b, c), part(a, b, d)
			if s := (span{max(0, min(tc, td)), min(1, max(tc, td))}); s.from < s.to {
				on = append(on, shared{s, td < tc || first})
				stops = append(stops, s.from, s.to)
			}
		case sign(sc)*sign(sd) <= 0: // the line through a and b meets the edge
			f := float64(sc) / (float64(sc) - float64(sd)) // of the way from c to d
			var t float64
			if wide := b.x - a.x; abs(wide) >= abs(b.y-a.y) {
				t = (float64(c.x-a.x) + f*float64(d.x-c.x)) / float64(wide)
			} else {
				t = (float64(c.y-a.y) + f*float64(d.y-c.y)) / float64(b.y-a.y)
			}
			if t > 0 && t < 1 {
				stops = append(stops, t)
			}
		}
	}
	slices.Sort(stops)
	for i, from := range stops[:len(stops)-1] {
		to := stops[i+1]
		mid := (from + to) / 2
		if from == to {
			continue
		}
		k := slices.IndexFunc(on, func(s shared) bool { return s.from < mid && mid < s.to })
		if k >= 0 && on[k].drop || k < 0 && p.around(float64(a.x)+mid*float64(b.x-a.x), float64(a.y)+mid*float64(b.y-a.y)) {
			into = append(into, span{from, to})
		}
	}
	return into
}

// part is where on the line from a to b its point c is.
func part(a, b, c vertex) float64 {
	if abs(b.x-a.x) >= abs(b.y-a.y) {
		return float64(c.x-a.x) / float64(b.x-a.x)
	}
	return float64(c.y-a.y) / float64(b.y-a.y)
}

// around reports whether a position that is not on the border is inside.
func (p patch) around(x, y float64) bool {
	in := false
	for i, a := range p.ring {
		b := p.ring[(i+1)%len(p.ring)]
		ay, by := float64(a.y), float64(b.y)
		if (ay > y) != (by > y) && x < float64(a.x)+(y-ay)/(by-ay)*float64(b.x-a.x) {
			in = !in
		}
	}
	return in
}

// gaps yields what is left of [0, 1].
func gaps(covered []span) func(func(span) bool) {
	slices.SortFunc(covered, func(a, b span) int { return cmp.Compare(a.from, b.from) })
	return func(yield func(span) bool) {
		through := 0.0
		for _, s := range covered {
			if s.from > through && !yield(span{through, s.from}) {
				return
			}
			through = max(through, s.to)
		}
		if through < 1 {
			yield(span{through, 1})
		}
	}
}
