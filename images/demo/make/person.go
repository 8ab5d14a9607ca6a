package main

import "math"

// look is how a person is dressed.
type look struct {
	skin, hair, top, legs, shoe col
	cap                         col  // with a == 0: bare-headed
	vest                        col  // with a == 0: none
	long                        bool // long hair
}

// pose is a body seen from its right side, facing +x: metres from the ground
// point between the feet, y up.
type pose struct {
	hip        pt
	lean       float64 // of the trunk, radians forward
	nod        float64
	foot, hand [2]pt // ankle and wrist, far side first
	toe        [2]float64
}

const (
	trunk     = .54
	upperLeg  = .445
	lowerLeg  = .43
	upperArm  = .29
	lowerArm  = .27
	strideLen = 1.36 // metres for one step with each foot
)

func (p pose) shoulder() pt {
	s, c := math.Sincos(p.lean)
	return p.hip.add(pt{trunk * s, trunk * c})
}

func stand() pose {
	p := pose{hip: pt{0, .91}, lean: .03, foot: [2]pt{{.07, .07}, {-.05, .07}}}
	p.hand = [2]pt{{.06, .90}, {-.02, .89}}
	return p
}

// walking is the body after dist metres of walking.
func walking(dist float64) pose {
	p := stand()
	phase := dist / strideLen
	p.hip.y = .895 + .02*math.Cos(4*math.Pi*phase+.6)
	p.lean = .07
	for i := range 2 {
		ph := phase + .5*float64(i)
		ph -= math.Floor(ph)
		const s = strideLen * .3 // half a step at 60 % of the cycle on the ground
		if ph < .6 {
			p.foot[i] = pt{lerp(s, -s, ph/.6), .07}
			p.toe[i] = lerp(.25, -.1, math.Min(1, ph*6)) - .5*ease(ph, .42, .6)
		} else {
			k := (ph - .6) / .4
			p.foot[i] = pt{lerp(-s, s, ease(k, -.15, 1.1)), .07 + .15*math.Sin(math.Pi*k)*(1-.4*k)}
			p.toe[i] = lerp(-.6, .25, ease(k, 0, 1))
		}
		a := .5*math.Sin(2*math.Pi*ph-1.0) - .02
		sh := p.shoulder()
		elbow := sh.add(pt{upperArm * math.Sin(-a), -upperArm * math.Cos(a)})
		f := -a + .38 + .22*math.Sin(-a)
		p.hand[i] = elbow.add(pt{lowerArm * math.Sin(f), -lowerArm * math.Cos(f)})
	}
	return p
}

// crouch is the body bent to reach the ground before it.
func crouch() pose {
	return pose{
		hip: pt{-.12, .53}, lean: .78, nod: .2,
		foot: [2]pt{{.16, .07}, {-.16, .07}}, toe: [2]float64{0, -.35},
		hand: [2]pt{{.56, .33}, {.46, .29}},
	}
}

// carrying holds both hands before the body.
func (p pose) carrying() pose {
	sh := p.shoulder()
	p.hand = [2]pt{sh.add(pt{.37, -.30}), sh.add(pt{.33, -.36})}
	return p
}

func (p pose) to(q pose, k float64) pose {
	p.hip, p.lean, p.nod = p.hip.to(q.hip, k), lerp(p.lean, q.lean, k), lerp(p.nod, q.nod, k)
	for i := range 2 {
		p.foot[i], p.hand[i] = p.foot[i].to(q.foot[i], k), p.hand[i].to(q.hand[i], k)
		p.toe[i] = lerp(p.toe[i], q.toe[i], k)
	}
	return p
}

// joint is where a limb of two parts bends, to the left of from→to when
// bend is positive.
func joint(from, to pt, a, b, bend float64) pt {
	d := to.sub(from)
	l := clamp(d.len(), math.Abs(a-b)+.001, a+b-.0001)
	cos := (a*a + l*l - b*b) / (2 * a * l)
	ang := math.Atan2(d.y, d.x) + bend*math.Acos(clamp(cos, -1, 1))
	return from.add(pt{a * math.Cos(ang), a * math.Sin(ang)})
}

// figure maps a body onto the picture.
type figure struct {
	c      *canvas
	at     pt      // picture point between the feet
	scale  float64 // pixels a metre
	facing float64 // 1 right, -1 left, between: turning
}

func (f figure) pt(p pt) pt { return pt{f.at.x + p.x*f.scale*f.facing, f.at.y - p.y*f.scale} }

func (f figure) poly(in []pt) []pt {
	out := make([]pt, len(in))
	for i, p := range in {
		out[i] = f.pt(p)
	}
	return out
}

func (f figure) fill(c col, in ...[]pt) {
	for _, p := range in {
		f.c.fill(solid(c), f.poly(p))
	}
}

// person draws a body; held, if any, is drawn between its two arms.
func (f figure) person(lk look, p pose, held func()) {
	f.arm(lk, p, 0)
	f.leg(lk, p, 0)
	if held != nil {
		held()
	}
	f.leg(lk, p, 1)
	f.trunk(lk, p)
	f.head(lk, p)
	f.arm(lk, p, 1)
}

func (f figure) leg(lk look, p pose, i int) {
	shade := .26 * float64(1-i)
	knee := joint(p.hip, p.foot[i], upperLeg, lowerLeg, 1)
	ankle := p.foot[i]
	s, c := math.Sincos(p.toe[i])
	heel := ankle.add(pt{-.045 * c, -.035 - .045*s})
	toe := ankle.add(pt{.155*c + .03*s, -.038 + .155*s})
	f.fill(lk.shoe.dusk(shade), capsule(heel, toe, .042, .032))
	f.fill(lk.legs.dusk(shade),
		capsule(knee, ankle, .066, .05), capsule(p.hip, knee, .098, .07))
}

func (f figure) arm(lk look, p pose, i int) {
	shade := .24*float64(1-i) + .05
	sh := p.shoulder().add(pt{.01, -.06})
	elbow := joint(sh, p.hand[i], upperArm, lowerArm, -1)
	f.fill(lk.skin.dusk(shade), capsule(p.hand[i], p.hand[i].add(p.hand[i].sub(elbow).mul(.16)), .04, .034))
	f.fill(lk.top.dusk(shade), capsule(sh, elbow, .062, .052), capsule(elbow, p.hand[i], .052, .04))
}

func (f figure) trunk(lk look, p pose) {
	s, c := math.Sincos(p.lean)
	on := func(x, y float64) pt { return p.hip.add(pt{x*c + y*s, -x*s + y*c}) }
	body := smooth(on(-.125, -.06), on(-.14, .15), on(-.15, .40), on(-.09, .535), on(.03, .555),
		on(.105, .48), on(.135, .30), on(.12, .1), on(.125, -.06), on(0, -.085))
	f.fill(lk.top, body)
	if lk.vest.a > 0 {
		f.fill(lk.vest, smooth(on(-.128, .0), on(-.148, .2), on(-.15, .40), on(-.1, .52), on(-.04, .53),
			on(-.02, .38), on(.02, .2), on(.02, 0), on(-.06, -.02)))
	}
}

func (f figure) head(lk look, p pose) {
	s, c := math.Sincos(p.lean*.45 + p.nod)
	neck := p.shoulder()
	on := func(x, y float64) pt { // a little larger than life, as drawn people are
		x, y = x*1.14, y*1.14-.035
		return neck.add(pt{x*c + y*s, -x*s + y*c})
	}
	f.fill(lk.skin.dusk(.16), capsule(on(0, -.02), on(.015, .1), .05, .05))
	if lk.long {
		f.fill(lk.hair.dusk(.1), smooth(on(-.02, .26), on(-.13, .2), on(-.16, .06), on(-.13, -.08), on(-.05, -.06), on(-.02, .08)))
	}
	f.fill(lk.skin, smooth(on(-.07, .12), on(-.01, .05), on(.06, .045), on(.105, .07), on(.112, .13), on(.128, .155),
		on(.108, .18), on(.1, .24), on(.02, .29), on(-.08, .24)))
	f.fill(lk.hair, smooth(on(-.075, .09), on(-.03, .10), on(-.015, .17), on(.05, .22), on(.11, .225), on(.09, .285),
		on(.01, .315), on(-.09, .28), on(-.125, .19), on(-.11, .11)))
	if lk.cap.a > 0 {
		f.fill(lk.cap.dusk(.2), smooth(on(.04, .225), on(.12, .225), on(.2, .212), on(.205, .228), on(.12, .258), on(.04, .262)))
		f.fill(lk.cap, smooth(on(-.125, .215), on(-.03, .222), on(.06, .232), on(.115, .24), on(.1, .3), on(.02, .345), on(-.07, .325), on(-.122, .27)))
	}
}

// parcel is a cardboard box held at the hands.
func (f figure) parcel(at pt) {
	x0, x1, y0, y1 := at.x-.17, at.x+.2, at.y-.05, at.y+.23
	f.fill(hex(0xc8925a), rect(x0, y0, x1, y1))
	f.fill(hex(0xe2b57e), rect(x0, y1-.035, x1, y1))
	f.fill(hex(0xf0d3a4), rect(at.x-.02, y0, at.x+.05, y1))
}

// animal is a dog or a cat.
type animal struct {
	coat, dark col
	long, tall float64 // of the body between the legs, and of the legs
	cat        bool
}

// walk draws the animal after dist metres; wag is the phase of its tail.
func (f figure) walk(a animal, dist, wag float64) {
	cycle := a.tall * 2.6
	back := a.tall + .01*math.Sin(4*math.Pi*dist/cycle)
	leg := func(x, phase, shade float64) {
		ph := dist/cycle + phase
		ph -= math.Floor(ph)
		fx, fy := lerp(.3, -.3, ph/.6)*a.tall, 0.0
		if ph >= .6 {
			k := (ph - .6) / .4
			fx, fy = lerp(-.3, .3, k)*a.tall, .18*a.tall*math.Sin(math.Pi*k)
		}
		hip, foot := pt{x, back}, pt{x + fx, fy + .02}
		knee := joint(hip, foot, a.tall*.55, a.tall*.55, math.Copysign(1, x))
		r := a.tall * .12
		c := a.coat.dusk(shade)
		f.fill(c, capsule(hip, knee, r*1.5, r), capsule(knee, foot, r, r*.75), capsule(foot, foot.add(pt{a.tall * .1, 0}), r*.75, r*.6))
	}
	l := a.long / 2
	leg(-l, .25, .3)
	leg(l, .75, .3)
	f.tail(a, pt{-l - a.tall*.15, back + a.tall*.12}, wag)
	leg(-l, .75, 0)
	leg(l, .25, 0)
	r := a.tall * .34
	f.fill(a.coat, capsule(pt{-l, back + .02}, pt{l, back + .03}, r*.92, r))
	f.muzzle(a, pt{l + a.tall*.5, back + a.tall*.52})
}

func (f figure) tail(a animal, root pt, wag float64) {
	d := 1.0
	if a.cat {
		d = 1.5
	}
	swing := .25 * math.Sin(wag)
	mid := root.add(pt{-.3 * a.tall * d, (.25 + swing*.4) * a.tall * d})
	end := root.add(pt{(-.42 + swing*.4) * a.tall * d, (.75 + swing*.2) * a.tall * d})
	f.fill(a.coat.dusk(.1), capsule(root, mid, a.tall*.1, a.tall*.08), capsule(mid, end, a.tall*.08, a.tall*.06))
}

func (f figure) muzzle(a animal, at pt) {
	t := a.tall
	f.fill(a.coat, capsule(at.add(pt{-t * .45, -t * .42}), at, t*.24, t*.2))
	if a.cat {
		f.fill(a.coat.dusk(.15), []pt{at.add(pt{-.2 * t, .12 * t}), at.add(pt{-.14 * t, .46 * t}), at.add(pt{.04 * t, .2 * t})})
		f.fill(a.coat, []pt{at.add(pt{-.08 * t, .16 * t}), at.add(pt{.06 * t, .44 * t}), at.add(pt{.16 * t, .14 * t})})
		f.fill(a.coat, ellipse(at.add(pt{.03 * t, 0}), t*.24, t*.22))
		f.fill(a.dark, ellipse(at.add(pt{.12 * t, .03 * t}), t*.03, t*.04))
		return
	}
	f.fill(a.coat, ellipse(at, t*.23, t*.22), capsule(at, at.add(pt{t * .36, -t * .08}), t*.16, t*.1))
	f.fill(a.dark, ellipse(at.add(pt{t * .45, -t * .04}), t*.05, t*.05))
	f.fill(a.coat.dusk(.35), smooth(at.add(pt{-t * .1, t * .18}), at.add(pt{-t * .24, t * .02}), at.add(pt{-t * .22, -t * .24}), at.add(pt{-t * .08, -t * .1})))
}
