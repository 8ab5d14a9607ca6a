package motion

// Zone is a part of the picture, as a polygon.
type Zone struct {
	Area   []Point
	Ignore bool // what moves here does not count
}

// Point is a place in the picture: 0, 0 is top left and 1, 1 bottom right.
type Point struct{ X, Y float64 }

// contains reports whether a point is inside, by the even-odd rule.
func (z Zone) contains(p Point) (in bool) {
	for i, j := 0, len(z.Area)-1; i < len(z.Area); j, i = i, i+1 {
		a, b := z.Area[i], z.Area[j]
		if (a.Y > p.Y) != (b.Y > p.Y) && p.X < (b.X-a.X)*(p.Y-a.Y)/(b.Y-a.Y)+a.X {
			in = !in
		}
	}
	return in
}

// watched picks the cells that count: those inside any zone that does not
// ignore, all if there is none, without those inside a zone that ignores.
func watched(zones []Zone) (mask [cells]bool, n int) {
	any := false
	for _, z := range zones {
		any = any || !z.Ignore
	}
	for i := range mask {
		p := Point{(float64(i%columns) + 0.5) / columns, (float64(i/columns) + 0.5) / rows}
		in := !any
		for _, z := range zones {
			if !z.Ignore && z.contains(p) {
				in = true
			}
		}
		for _, z := range zones {
			if z.Ignore && z.contains(p) {
				in = false
			}
		}
		if mask[i] = in; in {
			n++
		}
	}
	return mask, n
}
