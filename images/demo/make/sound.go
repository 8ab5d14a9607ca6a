package main

import (
	"math"
	"time"

	"gatehouse/images/demo/script"
)

// tape is one loop of sound, -1 to 1 a sample. Whatever runs over the end
// goes on at the beginning.
type tape []float64

func (t tape) add(i int, v float64) {
	t[((i%len(t))+len(t))%len(t)] += v
}

func at(d time.Duration) int { return int(d.Seconds() * script.SampleRate) }

// lowpass is a one-pole filter; it goes round twice, so that its state at the
// end of the loop is its state at the beginning.
func (t tape) lowpass(hz float64) tape {
	k := 1 - math.Exp(-2*math.Pi*hz/script.SampleRate)
	out := make(tape, len(t))
	y := 0.0
	for range 2 {
		for i, x := range t {
			y += k * (x - y)
			out[i] = y
		}
	}
	return out
}

func noise(seed rng) tape {
	t := make(tape, samples)
	for i := range t {
		t[i] = seed.in(-1, 1)
	}
	return t
}

// wind is soft noise with slow gusts, whole numbers of them in the loop.
func (t tape) wind(seed rng, level float64) {
	low, leaves := noise(seed).lowpass(260).lowpass(320), noise(seed+1).lowpass(2600)
	duller := leaves.lowpass(900)
	for i := range t {
		u := 2 * math.Pi * float64(i) / float64(len(t))
		gust := .6 + .25*math.Sin(2*u+1) + .15*math.Sin(5*u+2.2)
		t[i] += level * gust * (1.7*low[i] + .07*gust*(leaves[i]-duller[i]))
	}
}

// birds sing far off: short falling or rising whistles in groups.
func (t tape) birds(seed rng, groups int) {
	for g := range groups {
		start := (float64(g) + seed.in(.1, .8)) / float64(groups) * script.Loop.Seconds()
		pitch, bend, loud := seed.in(2300, 4100), seed.in(-.25, .3), seed.in(.012, .03)
		for n := range 2 + int(seed.in(0, 4)) {
			length := seed.in(.06, .13)
			t.whistle(start+float64(n)*seed.in(.15, .2), length, pitch*seed.in(.94, 1.07), bend, loud)
		}
	}
}

func (t tape) whistle(start, length, pitch, bend, loud float64) {
	phase := 0.0
	n := int(length * script.SampleRate)
	for i := range n {
		u := float64(i) / float64(n)
		phase += 2 * math.Pi * pitch * (1 + bend*u + .03*math.Sin(u*28)) / script.SampleRate
		v := loud * math.Pow(math.Sin(math.Pi*u), 1.5) * math.Sin(phase)
		first := int(start*script.SampleRate) + i
		t.add(first, v)
		for e := 1; e <= 4; e++ { // what the houses send back
			t.add(first+e*script.SampleRate*31/1000*e, v*.3/float64(e*e))
		}
	}
}

// engine is a motor heard with a loudness and at a pitch that change in time.
func (t tape) engine(from, to time.Duration, seed rng, heard func(time.Duration) (loud, hz float64)) {
	rumble := noise(seed).lowpass(180)
	hiss := noise(seed + 1).lowpass(1100)
	phase := 0.0
	for i := at(from); i < at(to); i++ {
		now := time.Duration(float64(i) / script.SampleRate * float64(time.Second))
		loud, hz := heard(now)
		phase += 2 * math.Pi * hz / script.SampleRate
		v := .0
		for h := 1; h <= 7; h++ {
			v += math.Sin(phase*float64(h)+float64(h*h)) / math.Pow(float64(h), 1.25)
		}
		fade := during(now, from, from+300*time.Millisecond) * (1 - during(now, to-300*time.Millisecond, to))
		t.add(i, fade*loud*(.16*v+1.5*rumble[i]+.35*hiss[i]))
	}
}

// thud is a short dull noise: a step, a car door, a parcel put down.
func (t tape) thud(when time.Duration, seed rng, length, hz, loud float64) {
	y, k := 0.0, 1-math.Exp(-2*math.Pi*hz/script.SampleRate)
	n := int(length * script.SampleRate)
	for i := range n {
		u := float64(i) / float64(n)
		y += k * (seed.in(-1, 1) - y)
		t.add(at(when)+i, loud*y*math.Min(1, u*40)*math.Exp(-6*u))
	}
}

// steps sounds each footfall of a walk, by its loudness at each moment.
func (t tape) steps(m move, seed rng, loud func(vec) float64) {
	last := 0.0
	for d := m.from; d < m.to; d += 5 * time.Millisecond {
		v, walked, _ := m.at(d)
		if n := math.Floor(walked / (strideLen / 2)); n > last {
			last = n
			t.thud(d, seed+rng(n*77), .11, 900, loud(v))
		}
	}
}

// chime is a bell's two notes.
func (t tape) chime(when time.Duration) {
	for n, hz := range []float64{659.26, 523.25} {
		start := at(when) + n*script.SampleRate*55/100
		for i := range script.SampleRate * 2 {
			u := float64(i) / script.SampleRate
			v := math.Sin(2*math.Pi*hz*u)*math.Exp(-2.6*u) + .3*math.Sin(2*math.Pi*hz*3*u)*math.Exp(-7*u)
			t.add(start+i, .11*v*math.Min(1, u*200)*math.Min(1, (2-u)*10))
		}
	}
}

func porchSound() []float64 {
	t := make(tape, samples)
	t.wind(3, .17)
	t.birds(41, 9)
	seen := func(v vec) float64 { return clamp(1.6-.25*math.Abs(v.x), .2, 1.4) * .45 }
	for _, m := range []move{comes, closer, goes} {
		t.steps(m, 5, seen)
	}
	t.chime(script.BellRung - 300*time.Millisecond)
	t.thud(script.ParcelDown, 21, .22, 420, .9)
	t.thud(script.DoorOpens, 22, .14, 1400, .35)
	t.thud(script.DoorShut, 23, .35, 380, 1.1)
	t.engine(script.VanIn, script.VanStop, 8, func(d time.Duration) (float64, float64) { // heard round the corner
		l, hz := vanHeard(d)
		return l * .22, hz
	})
	return t
}

func drivewaySound() []float64 {
	t := make(tape, samples)
	t.wind(13, .17)
	t.birds(47, 10)
	t.engine(script.VanIn, script.VanStop+600*time.Millisecond, 8, vanHeard)
	t.engine(script.VanReverse-800*time.Millisecond, script.VanGone+500*time.Millisecond, 18, vanHeard)
	t.engine(script.CarIn-500*time.Millisecond, script.CarOut+500*time.Millisecond, 28, func(d time.Duration) (float64, float64) {
		v, _ := carAt(d)
		return .22 / (1 + math.Pow(v.x/7, 2)), 58 + 5*math.Tanh(v.x/4)
	})
	t.thud(script.CourierOut-250*time.Millisecond, 31, .3, 520, 1)
	t.thud(script.CourierIn+200*time.Millisecond, 32, .3, 480, 1.1)
	near := func(v vec) float64 { return clamp(1.5-.12*math.Abs(v.x), .2, 1.2) * .32 }
	for _, m := range []move{delivers, returns} {
		t.steps(m, 6, near)
	}
	return t
}

// vanHeard is how loud the van is and how fast its motor turns.
func vanHeard(d time.Duration) (loud, hz float64) {
	const step = 50 * time.Millisecond
	v, _, there, _ := vanAt(d)
	w, _, still, _ := vanAt(d + step)
	if !there || !still {
		return .04, 60
	}
	speed := apart(v, w) / step.Seconds()
	away := math.Hypot(v.x, v.z-6)
	return .3 / (1 + math.Pow(away/11, 2)) * (.6 + .05*speed), 27 + 4.2*math.Min(speed, 9)
}
