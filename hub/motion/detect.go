package motion

import (
	"math"
	"slices"
	"time"
)

// Pictures are compared small and gray, in cells.
const (
	width, height = 160, 90
	side          = 5 // of a cell, in samples
	columns, rows = width / side, height / side
	cells         = columns * rows
)

// detector finds what moves in a sequence of key frames, seconds apart.
//
// A cell is active if it differs from a background that is learnt slowly and
// from the picture before: what stands still is no motion, however new it is.
// The light of the whole picture is taken out first, a change of most cells at
// once is a change of light too, and cells that always flicker need more.
// Active cells count where enough of them join.
type detector struct {
	mask    [cells]bool
	watched int
	level   float64 // gray levels that make a cell active
	join    int     // cells that make a motion

	frames int
	back   [width * height]float32
	before [width * height]float32
	usual  [cells]float64 // how much each cell differs from the picture before when nothing moves
	varies [cells]float64 // and how far that goes up and down
	at     time.Time      // of the newest picture
	lights int            // changes of light in a row

	since time.Time // of the first of the pictures that show motion now, told or not
	last  time.Time // of the newest picture that showed it
	told  bool
	weak  bool // the picture before showed something
}

// How it learns.
const (
	learnStill   = 10 * time.Second // background where nothing is active
	learnMoving  = 2 * time.Minute  // and where something is
	learnUsual   = 2 * time.Minute
	maxUsual     = 24 // gray levels
	variesFactor = 3
	// lightPart of the cells changing at once is a change of light, this often in
	// a row: a switch to night takes a camera a few pictures. What goes on
	// longer moves, right in front of the lens.
	lightPart = 0.5
	maxLights = 3
	litBy     = 6 // gray levels
	// warmUp is how many pictures only teach what is usual.
	warmUp = 4
	// quiet is how long nothing must move for motion to end.
	quiet = 8 * time.Second
)

// newDetector returns a detector for zones and a sensitivity of 1 to 10.
func newDetector(zones []Zone, sensitivity int) *detector {
	if sensitivity == 0 {
		sensitivity = 5
	}
	d := &detector{
		level: 12 * math.Pow(0.85, float64(sensitivity-1)),                      // 12 to 2.8
		join:  max(int(math.Round(5*math.Pow(0.8, float64(sensitivity-1)))), 1), // 5 to 1
	}
	d.mask, d.watched = watched(zones)
	for i := range d.usual {
		d.usual[i] = 2
	}
	return d
}

// sight is what a picture shows.
type sight struct {
	moving bool
	since  time.Time // moving: when it began
	last   time.Time // when it was seen last
	score  float64   // part of the watched cells that are active
}

// picture takes the next picture, width by height bytes of gray.
func (d *detector) picture(gray []byte, at time.Time) sight {
	var img [width * height]float32
	for i := range img {
		img[i] = float32(gray[i])
	}
	passed := max(at.Sub(d.at), 0)
	d.at = at
	d.frames++
	if d.frames == 1 {
		d.back, d.before = img, img
		return d.sight(0)
	}
	fresh := differences(&img, &d.before)
	settled := differences(&img, &d.back)
	var active [cells]bool
	n := 0
	for i := range active {
		need := d.level + d.usual[i] + variesFactor*d.varies[i]
		if active[i] = settled[i] > need && fresh[i] > 0.7*need; active[i] {
			n++
		}
	}
	if lit := brighter(&img, &d.before); (float64(max(lit, n)) > lightPart*cells) && d.lights < maxLights {
		d.lights++
		d.back, d.before = img, img
		return d.sight(0)
	} else if float64(lit) < lightPart*cells/2 {
		d.lights = 0
	}
	d.learn(&img, &active, &fresh, passed)
	largest, total := d.largest(&active)
	if d.frames > warmUp {
		d.judge(largest, at)
	}
	return d.sight(float64(total) / float64(max(d.watched, 1)))
}

// judge decides whether the largest thing that moves is motion: at once if it is
// large, else if the picture before showed something too.
func (d *detector) judge(largest int, at time.Time) {
	something := largest >= d.join
	if something && !d.weak && !d.told {
		d.since = at
	}
	if something && (d.weak || largest >= 2*d.join) {
		d.told = true
	}
	d.weak = something
	if something {
		d.last = at
	}
	if d.told && at.Sub(d.last) >= quiet {
		d.told = false
	}
}

func (d *detector) sight(score float64) sight {
	return sight{moving: d.told, since: d.since, last: d.last, score: score}
}

// learn brings background and usual differences up to a picture.
func (d *detector) learn(img *[width * height]float32, active *[cells]bool, fresh *[cells]float64, passed time.Duration) {
	part := func(t time.Duration) float64 { return 1 - math.Exp(-float64(passed)/float64(t)) }
	still, moving, usual := float32(part(learnStill)), float32(part(learnMoving)), part(learnUsual)
	for i := range img {
		p := still
		if active[i/width/side*columns+i%width/side] {
			p = moving
		}
		d.back[i] += p * (img[i] - d.back[i])
	}
	for i := range d.usual {
		p := usual
		if active[i] {
			p /= 4
		}
		p = max(p, 1/float64(d.frames))
		off := fresh[i] - d.usual[i]
		d.usual[i] = min(d.usual[i]+p*off, maxUsual)
		d.varies[i] = min(d.varies[i]+p*(math.Abs(off)-d.varies[i]), maxUsual/2)
	}
	d.before = *img
}

// differences is how much each cell of a differs from b, in gray levels, with
// the change of light of the whole picture taken out. Structure counts whole, a
// change of brightness alone counts half: shadows and headlights have no edges.
func differences(a, b *[width * height]float32) (diff [cells]float64) {
	meanA, meanB := means(a), means(b)
	gain := brightness(&meanA, &meanB)
	var shift [cells]float32
	for c := range shift {
		shift[c] = meanA[c] - gain*meanB[c]
	}
	sorted := shift
	slices.Sort(sorted[:])
	offset := sorted[cells/2]
	for i := range a {
		c := i/width/side*columns + i%width/side
		diff[c] += math.Abs(float64(a[i] - gain*b[i] - shift[c]))
	}
	for c := range diff {
		diff[c] = diff[c]/(side*side) + math.Abs(float64(shift[c]-offset))/2
	}
	return diff
}

// means are the cells' mean brightness.
func means(img *[width * height]float32) (m [cells]float32) {
	for i, v := range img {
		m[i/width/side*columns+i%width/side] += v / (side * side)
	}
	return m
}

// brighter counts the cells that became brighter, or darker if those are more.
func brighter(a, b *[width * height]float32) int {
	meanA, meanB := means(a), means(b)
	up, down := 0, 0
	for c := range meanA {
		switch by := meanA[c] - meanB[c]; {
		case by > litBy:
			up++
		case by < -litBy:
			down++
		}
	}
	return max(up, down)
}

// brightness is the factor between two pictures: the median of their cells'.
func brightness(a, b *[cells]float32) float32 {
	const dark = 16
	ratios := make([]float32, 0, cells)
	for c := range a {
		if b[c] >= dark {
			ratios = append(ratios, a[c]/b[c])
		}
	}
	if len(ratios) < cells/4 {
		return 1
	}
	slices.Sort(ratios)
	return min(max(ratios[len(ratios)/2], 0.25), 4)
}

// largest counts the active cells that are watched, and those of the largest
// group whose cells touch.
func (d *detector) largest(active *[cells]bool) (largest, total int) {
	left := *active
	stack := make([]int, 0, cells)
	for i := range left {
		if !d.mask[i] {
			left[i] = false
		}
	}
	for i := range left {
		if !left[i] {
			continue
		}
		left[i] = false
		size := 0
		for stack = append(stack, i); len(stack) > 0; {
			c := stack[len(stack)-1]
			stack = stack[:len(stack)-1]
			size++
			for y := max(c/columns-1, 0); y <= min(c/columns+1, rows-1); y++ {
				for x := max(c%columns-1, 0); x <= min(c%columns+1, columns-1); x++ {
					if k := y*columns + x; left[k] {
						left[k] = false
						stack = append(stack, k)
					}
				}
			}
		}
		largest, total = max(largest, size), total+size
	}
	return largest, total
}
