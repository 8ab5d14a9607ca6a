package bulletin_test

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"gatehouse/hub/bulletin"
	"gatehouse/hub/bulletin/bulletintest"
)

func closed(points ...bulletin.Point) []bulletin.Point { return append(points, points[0]) }

// star is a simple ring of n points around c, with radii up to r degrees of
// latitude: jagged, not convex.
func star(rnd *rand.Rand, c bulletin.Point, n int, r float64) []bulletin.Point {
	var ring []bulletin.Point
	for i := range n {
		angle, far := 2*math.Pi*float64(i)/float64(n), r*(0.35+0.65*rnd.Float64())
		p := bulletin.Round(bulletin.Point{Lat: c.Lat + far*math.Sin(angle), Lon: c.Lon + far*math.Cos(angle)})
		if p.Lon > 180 {
			p = bulletin.Round(bulletin.Point{Lat: p.Lat, Lon: p.Lon - 360})
		}
		ring = append(ring, p)
	}
	return closed(ring...)
}

// TestUnionOfAreasAgainstSampling: the share of random positions that lie in at
// least one ring is the union's share of a box around all.
func TestUnionOfAreasAgainstSampling(t *testing.T) {
	const samples = 6_000
	for seed := range uint64(12) {
		rnd := rand.New(rand.NewPCG(seed, 1))
		c := bulletin.Point{Lat: float64(rnd.IntN(140)) - 70, Lon: 179.99 - float64(seed%3)*60}
		rings := make([][]bulletin.Point, 0, 32)
		for range 1 + rnd.IntN(32) {
			at := bulletin.Point{Lat: c.Lat + 0.02*rnd.Float64(), Lon: c.Lon + 0.02*rnd.Float64()}
			rings = append(rings, star(rnd, at, 3+rnd.IntN(30), 0.004))
		}
		box := bulletintest.Box(bulletin.Point{Lat: c.Lat + 0.01, Lon: c.Lon + 0.01}, 0.03, 0.03)
		for i, p := range box {
			if p.Lon > 180 {
				box[i].Lon -= 360
			}
		}
		in := 0
		for range samples {
			p := bulletin.Point{Lat: c.Lat - 0.005 + 0.03*rnd.Float64(), Lon: c.Lon - 0.005 + 0.03*rnd.Float64()}
			if p.Lon > 180 {
				p.Lon -= 360
			}
			if slices.ContainsFunc(rings, func(r []bulletin.Point) bool { return bulletin.Contains(r, p) }) {
				in++
			}
		}
		all, share := bulletin.SquareKM(box), float64(in)/samples
		want := share * all
		within := 4.5*all*math.Sqrt(share*(1-share)/samples) + 0.001*all
		if got := bulletin.UnionSquareKM(rings); math.Abs(got-want) > within {
			t.Errorf("seed %d: %d rings cover %.4f km², sampling says %.4f ± %.4f", seed, len(rings), got, want, within)
		}
	}
}

// crowded are stars of 33 points around almost one place.
func crowded(n int) (asks []bulletin.Ask) {
	rnd := rand.New(rand.NewPCG(3, 4))
	for range n {
		c := bulletin.Point{Lat: 38 + 0.001*rnd.Float64(), Lon: -121 + 0.001*rnd.Float64()}
		asks = append(asks, bulletin.Ask{Area: star(rnd, c, 32, 0.006), Window: bulletin.Window{From: now, To: now.Add(time.Hour)}})
	}
	return asks
}

// TestUnionOfAreasIsExact: what is known without sampling, to rounding.
func TestUnionOfAreasIsExact(t *testing.T) {
	c := bulletintest.Centre
	at := func(n, e float64) []bulletin.Point {
		return bulletintest.Box(bulletin.Point{Lat: c.Lat + n, Lon: c.Lon + e}, 0.008, 0.008)
	}
	whole := at(0, 0)
	one := bulletin.SquareKM(whole)
	back := slices.Clone(whole)
	slices.Reverse(back)
	far := bulletintest.Box(bulletin.Point{Lat: -c.Lat, Lon: c.Lon + 180}, 0.008, 0.008)
	cross := func(lat, lon float64) []bulletin.Point { return bulletintest.Box(c, lat, lon) }
	bowTie := closed(whole[0], whole[2], whole[1], whole[3])
	for name, c := range map[string]struct {
		rings [][]bulletin.Point
		want  float64
	}{
		"none":                 {nil, 0},
		"one":                  {[][]bulletin.Point{whole}, one},
		"the same thrice":      {[][]bulletin.Point{whole, whole, whole}, one},
		"the same backwards":   {[][]bulletin.Point{whole, back}, one},
		"begun elsewhere":      {[][]bulletin.Point{whole, closed(whole[2], whole[3], whole[0], whole[1])}, one},
		"side by side":         {[][]bulletin.Point{whole, at(0, 0.008)}, 2 * one},
		"half over each other": {[][]bulletin.Point{whole, at(0, 0.004)}, one * 1.5},
		"three steps":          {[][]bulletin.Point{at(0, 0.008), at(0, 0.004), whole}, one * 2},
		"one in another":       {[][]bulletin.Point{cross(0.002, 0.002), whole}, one},
		"touching inside":      {[][]bulletin.Point{bulletintest.Box(bulletin.Point{Lat: bulletintest.Centre.Lat, Lon: bulletintest.Centre.Lon + 0.003}, 0.002, 0.002), whole}, one},
		"at a corner":          {[][]bulletin.Point{whole, at(0.008, 0.008)}, one + bulletin.SquareKM(at(0.008, 0.008))},
		"a cross": {
			[][]bulletin.Point{cross(0.012, 0.004), cross(0.004, 0.012)},
			bulletin.SquareKM(cross(0.012, 0.004)) + bulletin.SquareKM(cross(0.004, 0.012)) - bulletin.SquareKM(cross(0.004, 0.004)),
		},
		"other end of the earth": {[][]bulletin.Point{whole, far}, one + bulletin.SquareKM(far)},
		"what is no ring":        {[][]bulletin.Point{whole, bowTie, whole[:3], nil}, one},
	} {
		if got := bulletin.UnionSquareKM(c.rings); math.Abs(got-c.want) > 1e-9 {
			t.Errorf("%s: %.9f km², want %.9f", name, got, c.want)
		}
	}
	// Many small areas that tile a large one, in any order, are the large one.
	var tiles [][]bulletin.Point
	for n := range 5 {
		for e := range 5 {
			tiles = append(tiles, at(0.008*float64(n), 0.008*float64(e)))
		}
	}
	rand.New(rand.NewPCG(1, 2)).Shuffle(len(tiles), func(i, j int) { tiles[i], tiles[j] = tiles[j], tiles[i] })
	want := bulletin.SquareKM(bulletintest.Box(bulletin.Point{Lat: c.Lat + 0.016, Lon: c.Lon + 0.016}, 0.04, 0.04))
	if got := bulletin.UnionSquareKM(tiles); math.Abs(got-want) > 1e-9 {
		t.Errorf("25 tiles cover %.9f km², want %.9f", got, want)
	}
}

// FuzzUnion: a union is at least its largest part and at most the sum, does
// not depend on order, and what is added twice adds nothing.
func FuzzUnion(f *testing.F) {
	f.Add(uint64(1), uint64(2), uint8(5))
	f.Add(uint64(7), uint64(0), uint8(31))
	f.Fuzz(func(t *testing.T, a, b uint64, n uint8) {
		rnd := rand.New(rand.NewPCG(a, b))
		var rings [][]bulletin.Point
		largest, sum := 0.0, 0.0
		for range n % 32 {
			// On a coarse grid, so that edges and corners often coincide.
			p := bulletin.Point{Lat: 38 + float64(rnd.IntN(8))/1000, Lon: 179.996 + float64(rnd.IntN(4))/1000}
			ring := star(rnd, p, 3+rnd.IntN(30), 0.003)
			if rnd.IntN(2) == 0 {
				p.Lon -= 0.01
				ring = bulletintest.Box(p, 0.002*float64(1+rnd.IntN(3)), 0.002*float64(1+rnd.IntN(3)))
			}
			km2 := bulletin.UnionSquareKM([][]bulletin.Point{ring})
			rings, largest, sum = append(rings, ring), max(largest, km2), sum+km2
		}
		got := bulletin.UnionSquareKM(rings)
		if got < largest-1e-9 || got > sum+1e-9 {
			t.Fatalf("%v km² of parts up to %v, %v together", got, largest, sum)
		}
		twice := append(slices.Clone(rings), rings...)
		rnd.Shuffle(len(twice), func(i, j int) { twice[i], twice[j] = twice[j], twice[i] })
		if again := bulletin.UnionSquareKM(twice); math.Abs(again-got) > 1e-7 {
			t.Fatalf("%v km², in another order and twice %v", got, again)
		}
	})
}

func TestUnionOfTimes(t *testing.T) {
	w := func(from, to int) bulletin.Window {
		return bulletin.Window{From: now.Add(time.Duration(from) * time.Minute), To: now.Add(time.Duration(to) * time.Minute)}
	}
	for name, c := range map[string]struct {
		windows []bulletin.Window
		minutes time.Duration
	}{
		"none":            {nil, 0},
		"one":             {[]bulletin.Window{w(0, 60)}, 60},
		"the same":        {[]bulletin.Window{w(0, 60), w(0, 60)}, 60},
		"apart":           {[]bulletin.Window{w(100, 130), w(0, 60)}, 90},
		"touching":        {[]bulletin.Window{w(60, 90), w(0, 60)}, 90},
		"overlapping":     {[]bulletin.Window{w(30, 90), w(0, 60), w(80, 100)}, 100},
		"one in another":  {[]bulletin.Window{w(0, 600), w(30, 90), w(500, 610)}, 610},
		"none in between": {[]bulletin.Window{w(0, 10), w(5, 4), w(20, 10)}, 10},
		"before all":      {[]bulletin.Window{w(-500, -600), w(0, 10)}, 10},
	} {
		if got := bulletin.UnionTime(c.windows); got != c.minutes*time.Minute {
			t.Errorf("%s: %v, want %d min", name, got, c.minutes)
		}
	}
	u := bulletin.CaseUsage([]bulletin.Ask{
		{Area: bulletintest.Box(bulletintest.Centre, 0.008, 0.008), Window: w(0, 30)},
		{Area: bulletintest.Box(bulletintest.Centre, 0.004, 0.004), Window: w(20, 60)},
	})
	if u.Time != time.Hour || math.Abs(u.SquareKM-bulletin.SquareKM(bulletintest.Box(bulletintest.Centre, 0.008, 0.008))) > 1e-9 {
		t.Errorf("%+v", u)
	}
}

type knownArea struct {
	ring []bulletin.Point
	km2  float64
}

// geographicLib has figures of GeographicLib 2.1 (PyPI), whose PolygonArea
// integrates geodesic edges: Geodesic.WGS84.Polygon(), AddPoint for each point, Compute.
func geographicLib() map[string]knownArea {
	return map[string]knownArea{
		"latitude 0":                    {[]bulletin.Point{{Lat: -0.0035, Lon: 10.001}, {Lat: -0.0035, Lon: 10.0099}, {Lat: 0.0035, Lon: 10.0099}, {Lat: 0.0035, Lon: 10.001}}, 0.766855192},
		"latitude 51":                   {[]bulletin.Point{{Lat: 51.5, Lon: -0.12}, {Lat: 51.501, Lon: -0.105}, {Lat: 51.5075, Lon: -0.106}, {Lat: 51.509, Lon: -0.113}, {Lat: 51.504, Lon: -0.121}}, 0.807268076},
		"latitude 70":                   {[]bulletin.Point{{Lat: 70.0, Lon: 25.0}, {Lat: 70.0, Lon: 25.02}, {Lat: 70.007, Lon: 25.025}, {Lat: 70.009, Lon: 25.01}, {Lat: 70.004, Lon: 24.995}}, 0.809277705},
		"across the antimeridian":       {[]bulletin.Point{{Lat: -16.8, Lon: 179.995}, {Lat: -16.8, Lon: -179.996}, {Lat: -16.793, Lon: -179.994}, {Lat: -16.792, Lon: 179.996}}, 0.849392935},
		"across the antimeridian at 70": {[]bulletin.Point{{Lat: 70, Lon: 179.99}, {Lat: 70.002, Lon: -179.985}, {Lat: 70.009, Lon: -179.99}, {Lat: 70.008, Lon: 179.985}}, 0.830540251},
	}
}

func TestAreasOfGeographicLib(t *testing.T) {
	for name, c := range geographicLib() {
		got := bulletin.SquareKM(closed(c.ring...))
		union := bulletin.UnionSquareKM([][]bulletin.Point{closed(c.ring...)})
		if math.Abs(got/c.km2-1) > 0.001 || math.Abs(union-got) > 1e-9 {
			t.Errorf("%s: %.6f km², as a union %.6f, want %.6f", name, got, union, c.km2)
		}
	}
}
