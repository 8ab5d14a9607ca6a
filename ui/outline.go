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
