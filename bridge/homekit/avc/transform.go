package avc

// block is 4×4 samples or coefficients, row by row.
type block [16]int

// forward is the core transform whose inverse 8.5.12.2 defines.
func (b *block) forward() {
	for i := range 4 {
		b.butterfly(4*i, 1)
	}
	for i := range 4 {
		b.butterfly(i, 4)
	}
}

func (b *block) butterfly(at, step int) {
	p0, p1, p2, p3 := b[at], b[at+step], b[at+2*step], b[at+3*step]
	s0, s1, d0, d1 := p0+p3, p1+p2, p0-p3, p1-p2
	b[at], b[at+step], b[at+2*step], b[at+3*step] = s0+s1, 2*d0+d1, s0-s1, d0-2*d1
}

// inverse turns scaled coefficients into a residual (8.5.12.2).
func (b *block) inverse() {
	for i := range 4 {
		b.unbutterfly(4*i, 1)
	}
	for i := range 4 {
		b.unbutterfly(i, 4)
	}
	for i := range b {
		b[i] = (b[i] + 32) >> 6
	}
}

func (b *block) unbutterfly(at, step int) {
	p0, p1, p2, p3 := b[at], b[at+step], b[at+2*step], b[at+3*step]
	e, f := p0+p2, p0-p2
	g, h := p1>>1-p3, p1+p3>>1
	b[at], b[at+step], b[at+2*step], b[at+3*step] = e+h, f+g, f-g, e-h
}

// hadamard is the 4×4 transform of DC coefficients, its own inverse but for scale (8.5.10).
func (b *block) hadamard() {
	for i := range 4 {
		b.turn(4*i, 1)
	}
	for i := range 4 {
		b.turn(i, 4)
	}
}

func (b *block) turn(at, step int) {
	p0, p1, p2, p3 := b[at], b[at+step], b[at+2*step], b[at+3*step]
	s0, s1, d0, d1 := p0+p3, p1+p2, p0-p3, p1-p2
	b[at], b[at+step], b[at+2*step], b[at+3*step] = s0+s1, d0+d1, s0-s1, d0-d1
}

// hadamard2 is the 2×2 transform of chroma DC coefficients (8.5.11.1).
func hadamard2(c [4]int) [4]int {
	return [4]int{c[0] + c[1] + c[2] + c[3], c[0] - c[1] + c[2] - c[3], c[0] + c[1] - c[2] - c[3], c[0] - c[1] - c[2] + c[3]}
}

// quantiser is one quantisation parameter.
type quantiser struct {
	down, up  [16]int
	bits, per int
}

func newQuantiser(qp int) quantiser {
	q := quantiser{bits: 15 + qp/6, per: qp / 6}
	for i := range 16 {
		class := 2
		if x, y := i%4, i/4; x%2 == 0 && y%2 == 0 {
			class = 0
		} else if x%2 == 1 && y%2 == 1 {
			class = 1
		}
		q.down[i], q.up[i] = quantised[qp%6][class], scaled[qp%6][class]
	}
	return q
}

// quantise rounds a coefficient down to a level, a third up as is usual for
// intra pictures. dc levels come from a second transform and lose a bit more.
func (q *quantiser) quantise(c, i int, dc bool) int {
	n := q.bits
	if dc {
		n++
	}
	l := min((abs(c)*q.down[i]+1<<n/3)>>n, maxLevel)
	if c < 0 {
		return -l
	}
	return l
}

// scale is the decoder's way back (8.5.12.1).
func (q *quantiser) scale(level, i int) int { return level * q.up[i] << q.per }

// scaleDC is the way back of the luma DC of Intra_16x16, after its transform (8.5.10).
func (q *quantiser) scaleDC(c int) int {
	if q.per >= 2 {
		return c * q.up[0] << (q.per - 2)
	}
	return (c*q.up[0] + 1<<(1-q.per)) >> (2 - q.per)
}

// scaleChromaDC is the way back of chroma DC, after its transform (8.5.11.2).
func (q *quantiser) scaleChromaDC(c int) int { return c * q.up[0] << q.per >> 1 }
