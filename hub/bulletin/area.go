package bulletin

import (
	"math"
	"slices"
)

// WGS 84.
const (
	equatorKM  = 6378.137
	flattening = 1 / 298.257223563
)

// A vertex is a position in half micro-degrees (about 6 cm of latitude), so
// that the tests below are exact: coordinates of five decimals are integers,
// so are the middles between two of them, and no product overflows an int64.
// Longitude is unrolled: the next vertex of a ring is never more than half a turn away.
type vertex struct{ x, y int64 }

const (
	perDegree = 2e6
	turn      = 360 * int64(perDegree)
)

func vertexOf(p Point) vertex {
	return vertex{2 * int64(math.Round(p.Lon*perDegree/2)), 2 * int64(math.Round(p.Lat*perDegree/2))}
}

func (p Point) valid() bool {
	return p.Lat >= -90 && p.Lat <= 90 && p.Lon >= -180 && p.Lon <= 180 // false for NaN
}

// unroll returns a ring's vertices without the last, which equals the first.
// It is nil if a point is off the globe, the ring is open, it goes round a pole,
// or an edge is half a turn long, so that neither way round is the short one.
func unroll(ring []Point) []vertex {
	if len(ring) < 4 || ring[0] != ring[len(ring)-1] {
		return nil
	}
	vs := make([]vertex, 0, len(ring))
	for i, p := range ring {
		if !p.valid() {
			return nil
		}
		v := vertexOf(p)
		if i > 0 {
			if v.x = nearest(v.x, vs[i-1].x); abs(v.x-vs[i-1].x) == turn/2 {
				return nil
			}
		}
		vs = append(vs, v)
	}
	if vs[0] != vs[len(vs)-1] {
		return nil
	}
	return vs[:len(vs)-1]
}

// nearest shifts x by whole turns to within half a turn of to.
func nearest(x, to int64) int64 {
	for x-to > turn/2 {
		x -= turn
	}
	for x-to <= -turn/2 {
		x += turn
	}
	return x
}

// side is positive if c lies left of the line from a to b, zero if on it.
func side(a, b, c vertex) int64 {
	return (b.x-a.x)*(c.y-a.y) - (b.y-a.y)*(c.x-a.x)
}

func sign(n int64) int {
	switch {
	case n > 0:
		return 1
	case n < 0:
		return -1
	}
	return 0
}

// onEdge reports whether c lies on the edge from a to b, ends included.
func onEdge(a, b, c vertex) bool {
	return side(a, b, c) == 0 &&
		min(a.x, b.x) <= c.x && c.x <= max(a.x, b.x) && min(a.y, b.y) <= c.y && c.y <= max(a.y, b.y)
}

// crosses reports whether two edges meet in a point inside both.
func crosses(a, b, c, d vertex) bool {
	return sign(side(a, b, c))*sign(side(a, b, d)) < 0 && sign(side(c, d, a))*sign(side(c, d, b)) < 0
}

func meets(a, b, c, d vertex) bool {
	return crosses(a, b, c, d) || onEdge(a, b, c) || onEdge(a, b, d) || onEdge(c, d, a) || onEdge(c, d, b)
}

// simple reports whether a ring neither crosses nor touches itself, edges are
// not empty, and none runs back over the one before.
func simple(vs []vertex) bool {
	n := len(vs)
	for i := range n {
		a, b := vs[i], vs[(i+1)%n]
		if a == b {
			return false
		}
		if next := vs[(i+2)%n]; onEdge(a, b, next) || onEdge(b, next, a) {
			return false
		}
		for j := i + 2; j < n; j++ {
			if (j+1)%n != i && meets(a, b, vs[j], vs[(j+1)%n]) {
				return false
			}
		}
	}
	return true
}

// holds reports whether p is inside a ring or on its border.
func holds(ring []vertex, p vertex) bool {
	in := false
	for i, a := range ring {
		b := ring[(i+1)%len(ring)]
		if onEdge(a, b, p) {
			return true
		}
		if (a.y > p.y) != (b.y > p.y) && (side(a, b, p) > 0) == (b.y > a.y) {
			in = !in
		}
	}
	return in
}

// holdsAt is holds for a p that may be whole turns away.
func holdsAt(ring []vertex, p vertex) bool {
	for k := int64(-2); k <= 2; k++ {
		if holds(ring, vertex{p.x + k*turn, p.y}) {
			return true
		}
	}
	return false
}

// Contains reports whether a point lies in a ring, its border included. Edges
// are straight in longitude and latitude and go the short way round; a ring may
// cross the antimeridian but not enclose a pole.
func Contains(ring []Point, p Point) bool {
	vs := unroll(ring)
	return vs != nil && p.valid() && holdsAt(vs, vertexOf(p))
}

// within reports whether an area lies wholly inside a simple ring. Where no edge crosses
// a border, an edge can leave the ring only between two points that touch the
// border, and all such points are vertices; so the middles between them decide.
func within(area, ring []vertex) bool {
	shift := int64(0)
	for k := int64(-2); k <= 2; k++ {
		if holds(ring, vertex{area[0].x + k*turn, area[0].y}) {
			shift = k * turn
		}
	}
	for i := range area {
		a, b := area[i], area[(i+1)%len(area)]
		a.x, b.x = a.x+shift, b.x+shift
		if !holds(ring, a) || !edgeWithin(a, b, ring) {
			return false
		}
	}
	return true
}

func edgeWithin(a, b vertex, ring []vertex) bool {
	stops := []vertex{a, b}
	for i, c := range ring {
		if crosses(a, b, c, ring[(i+1)%len(ring)]) {
			return false
		}
		if onEdge(a, b, c) {
			stops = append(stops, c)
		}
	}
	far := func(v vertex) int64 { return abs(v.x-a.x) + abs(v.y-a.y) }
	slices.SortFunc(stops, func(v, w vertex) int { return sign(far(v) - far(w)) })
	for i, v := range stops[1:] {
		u := stops[i]
		if !holds(ring, vertex{(u.x + v.x) / 2, (u.y + v.y) / 2}) {
			return false
		}
	}
	return true
}

func abs(n int64) int64 { return max(n, -n) }

// checkRing returns what is wrong with a ring, as the rest of a sentence.
func checkRing(ring []Point, least, most int) string {
	switch vs := unroll(ring); {
	case len(ring) < least || len(ring) > most:
		return "has too few or too many points."
	case vs == nil:
		return "is not a closed ring of positions."
	case !simple(vs):
		return "crosses or touches itself."
	}
	return ""
}

// SquareKM is a ring's area on the WGS 84 ellipsoid, exact to rounding for edges
// straight in longitude and latitude: the integral of the authalic zone
// between the equator and each edge. It is 0 for what is not a ring.
func SquareKM(ring []Point) float64 {
	vs := unroll(ring)
	sum := 0.0
	for i, a := range vs {
		b := vs[(i+1)%len(vs)]
		sum += radians(b.x-a.x) * meanZone(radians(a.y), radians(b.y))
	}
	return math.Abs(sum)
}

func radians(n int64) float64 { return float64(n) / perDegree * math.Pi / 180 }

// meanZone is the mean of zone between two latitudes, by Simpson's rule in
// steps of at most one degree.
func meanZone(from, to float64) float64 {
	n := int(math.Ceil(math.Abs(to-from)*180/math.Pi)) + 1
	h := (to - from) / float64(n)
	sum := 0.0
	for i := range n {
		a := from + float64(i)*h
		sum += zone(a) + 4*zone(a+h/2) + zone(a+h)
	}
	return sum / float64(6*n)
}

// zone is the area in km² between equator and latitude, of one radian of longitude.
func zone(lat float64) float64 {
	e2 := flattening * (2 - flattening)
	e := math.Sqrt(e2)
	s := math.Sin(lat)
	b := equatorKM * (1 - flattening)
	return b * b / 2 * (s/(1-e2*s*s) + math.Atanh(e*s)/e)
}

// perimeterKM is a small ring's length, each edge by the ellipsoid's radii of
// curvature in its middle.
func perimeterKM(ring []Point) float64 {
	vs := unroll(ring)
	e2 := flattening * (2 - flattening)
	sum := 0.0
	for i, a := range vs {
		b := vs[(i+1)%len(vs)]
		lat := (radians(a.y) + radians(b.y)) / 2
		w := 1 - e2*math.Sin(lat)*math.Sin(lat)
		n := equatorKM / math.Sqrt(w)
		sum += math.Hypot(radians(b.y-a.y)*n*(1-e2)/w, radians(b.x-a.x)*n*math.Cos(lat))
	}
	return sum
}

// compactness is 4πA/P²: 1 for a circle, 0.785 for a square, towards 0 for slivers.
func compactness(ring []Point) float64 {
	p := perimeterKM(ring)
	if p == 0 {
		return 0
	}
	return 4 * math.Pi * SquareKM(ring) / (p * p)
}

// Round rounds a position to the five decimals (about a metre) that a request may have.
func Round(p Point) Point {
	return Point{Lat: math.Round(p.Lat*1e5) / 1e5, Lon: math.Round(p.Lon*1e5) / 1e5}
}
