package ui

import (
	"fmt"
	"math"
	"strings"

	"gatehouse/hub/bulletin"
)

// Size of the outline map in its own units, and the margin kept free.
const (
	mapWidth  = 640.0
	mapHeight = 400.0
	mapMargin = 44.0
)

// outline is an area drawn at home: a polygon, the home's dot and a scale. No
// tile is fetched, so nobody learns which request is being read.
type outline struct {
	Points string   // of <polygon>
	Home   *[2]int  // nil if the home's place is not set
	Lines  []string // path data of the grid, one line a scale length
	Scale  int      // length of the bar
	Label  string   // its length in metres or kilometres
	Inside bool     // the home lies in the area
	Far    float64  // metres from the home to the nearest edge
	Edge   string   // locale key of the side on which that edge lies
}

// drawOutline projects a ring on its tangent plane; north is up. Areas are at
// most a few kilometres wide, where the error is far below a line's width.
func drawOutline(ring []bulletin.Point, home bulletin.Point) *outline {
	if len(ring) < 3 {
		return nil
	}
	set := home != (bulletin.Point{})
	lat0 := ring[0].Lat * math.Pi / 180
	metres := func(p bulletin.Point) (x, y float64) {
		const degree = 111_195 // metres a degree of a great circle, mean radius 6371 km
		return (p.Lon - ring[0].Lon) * degree * math.Cos(lat0), (p.Lat - ring[0].Lat) * degree
	}
	all := ring
	if set {
		all = append(append([]bulletin.Point{}, ring...), home)
	}
	f := fit(all, metres)
	o := &outline{}
	var pts []string
	for _, p := range ring {
		x, y := f.place(metres(p))
		pts = append(pts, fmt.Sprintf("%.1f,%.1f", x, y))
	}
	o.Points = strings.Join(pts, " ")
	if set {
		x, y := f.place(metres(home))
		o.Home = &[2]int{int(math.Round(x)), int(math.Round(y))}
		o.Inside = bulletin.Contains(ring, home)
		o.Far, o.Edge = nearestEdge(ring, home, metres)
	}
	bar := round125(mapWidth / 5 / f.scale)
	o.Scale = int(math.Round(bar * f.scale))
	o.Label = fmt.Sprintf("%.0f m", bar)
	if bar >= 1000 {
		o.Label = fmt.Sprintf("%g km", bar/1000)
	}
	o.Lines = f.grid(bar)
	return o
}

// sides are the locale keys of the eight sides of an area, from north clockwise.
var sides = []string{"side.n", "side.ne", "side.e", "side.se", "side.s", "side.sw", "side.w", "side.nw"}

// nearestEdge is how far the home is from the outline, and on which side of the
// area the nearest point of it lies, seen from the middle of the area.
func nearestEdge(ring []bulletin.Point, home bulletin.Point, metres func(bulletin.Point) (float64, float64)) (float64, string) {
	hx, hy := metres(home)
	far, nx, ny := math.Inf(1), 0.0, 0.0
	minX, minY, maxX, maxY := math.Inf(1), math.Inf(1), math.Inf(-1), math.Inf(-1)
	for i, p := range ring {
		ax, ay := metres(p)
		bx, by := metres(ring[(i+1)%len(ring)])
		minX, maxX = math.Min(minX, ax), math.Max(maxX, ax)
		minY, maxY = math.Min(minY, ay), math.Max(maxY, ay)
		along := 0.0
		if l := (bx-ax)*(bx-ax) + (by-ay)*(by-ay); l > 0 {
			along = math.Max(0, math.Min(1, ((hx-ax)*(bx-ax)+(hy-ay)*(by-ay))/l))
		}
		x, y := ax+along*(bx-ax), ay+along*(by-ay)
		if d := math.Hypot(hx-x, hy-y); d < far {
			far, nx, ny = d, x, y
		}
	}
	turn := math.Atan2(nx-(minX+maxX)/2, ny-(minY+maxY)/2) // clockwise from north
	return far, sides[(int(math.Round(turn/(math.Pi/4)))+8)%8]
}

// distance writes metres as exactly as an outline is worth: tens of metres, or
// tenths of a kilometre.
func (l *locale) distance(metres float64) string {
	switch {
	case metres < 5:
		return l.number(math.Max(1, math.Round(metres)), 0) + "\u00a0m"
	case metres < 995:
		return l.number(math.Round(metres/10)*10, 0) + "\u00a0m"
	}
	return l.number(metres/1000, 1) + "\u00a0km"
}

// frame maps metres to map units.
type frame struct{ scale, midX, midY float64 }

func fit(pts []bulletin.Point, metres func(bulletin.Point) (float64, float64)) frame {
	minX, minY, maxX, maxY := math.Inf(1), math.Inf(1), math.Inf(-1), math.Inf(-1)
	for _, p := range pts {
		x, y := metres(p)
		minX, maxX = math.Min(minX, x), math.Max(maxX, x)
		minY, maxY = math.Min(minY, y), math.Max(maxY, y)
	}
	w, h := math.Max(maxX-minX, 1), math.Max(maxY-minY, 1)
	return frame{
		scale: math.Min((mapWidth-2*mapMargin)/w, (mapHeight-2*mapMargin)/h),
		midX:  (minX + maxX) / 2, midY: (minY + maxY) / 2,
	}
}

func (f frame) place(x, y float64) (float64, float64) {
	return mapWidth/2 + (x-f.midX)*f.scale, mapHeight/2 - (y-f.midY)*f.scale
}

// grid draws lines a given number of metres apart over the whole map.
func (f frame) grid(metres float64) []string {
	var lines []string
	step := metres * f.scale
	for x := math.Mod(mapWidth/2, step); x < mapWidth; x += step {
		lines = append(lines, fmt.Sprintf("M%.1f 0V%.0f", x, mapHeight))
	}
	for y := math.Mod(mapHeight/2, step); y < mapHeight; y += step {
		lines = append(lines, fmt.Sprintf("M0 %.1fH%.0f", y, mapWidth))
	}
	return lines
}

// round125 is the largest 1, 2 or 5 times a power of ten that is not above v.
func round125(v float64) float64 {
	p := math.Pow(10, math.Floor(math.Log10(v)))
	for _, m := range []float64{5, 2} {
		if m*p <= v {
			return m * p
		}
	}
	return p
}
