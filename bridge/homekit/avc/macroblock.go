package avc

// encoder writes the macroblocks of one key frame.
type encoder struct {
	bitWriter
	source, decoded [3]plane
	luma, chroma    quantiser
	lambda          int
	wide            int // macroblocks in a row

	// Of 4×4 blocks, by row: coefficients of luma, Cb and Cr, and luma's prediction modes.
	counts [3][]uint8
	modes  []uint8
}

// guess is a prediction that was chosen.
type guess struct {
	mode int
	pix  [256]uint8
	cost int
}

// offsets are the 4×4 blocks of a macroblock in coding order (6.4.3).
var offsets = [16][2]int{
	{0, 0},
	{4, 0},
	{0, 4},
	{4, 4},
	{8, 0},
	{12, 0},
	{8, 4},
	{12, 4},
	{0, 8},
	{4, 8},
	{0, 12},
	{4, 12},
	{8, 8},
	{12, 8},
	{8, 12},
	{12, 12},
}

// macroblock codes the macroblock at (x, y): whole where it is flat, as sixteen
// blocks where it is not.
func (e *encoder) macroblock(x, y int) {
	whole := e.whole(x, y)
	c := e.colours(x, y)
	if whole.cost > 16*16*3 { // a mean difference of 3: there is writing in it
		e.detailed(x, y, c)
		return
	}
	e.flat(x, y, whole, c)
}

// whole chooses an Intra_16x16 prediction.
func (e *encoder) whole(x, y int) guess {
	best := guess{cost: 1 << 30}
	for mode := vertical; mode <= average; mode++ {
		g := guess{mode: mode}
		if e.decoded[0].predict(g.pix[:], mode, x, y, 16) {
			if g.cost = e.source[0].difference(g.pix[:], x, y, 16); g.cost < best.cost {
				best = g
			}
		}
	}
	return best
}

// flat writes an Intra_16x16 macroblock.
func (e *encoder) flat(x, y int, g guess, c chroma) {
	var blocks [16]block
	var dc block
	any := false
	for k, o := range offsets {
		b := e.source[0].residual(g.pix[o[1]*16+o[0]:], 16, x+o[0], y+o[1])
		b.forward()
		dc[o[1]+o[0]/4] = b[0]
		b[0] = 0
		for i := 1; i < 16; i++ {
			b[i] = e.luma.quantise(b[i], i, false)
			any = any || b[i] != 0
		}
		blocks[k] = b
	}
	dc.hadamard()
	for i := range dc {
		dc[i] = e.luma.quantise(half(dc[i]), 0, true)
	}

	kind := 1 + uint32(g.mode) + 4*c.pattern
	if any {
		kind += 12
	}
	e.ue(kind)
	e.ue(chromaMode[c.mode])
	e.se(0) // mb_qp_delta
	e.residual(scan(dc, 0), e.context(0, x/4, y/4))
	for k, o := range offsets {
		bx, by := (x+o[0])/4, (y+o[1])/4
		e.modes[by*e.wide*4+bx] = average
		e.counts[0][by*e.wide*4+bx] = 0
		if any {
			n := e.residual(scan(blocks[k], 1), e.context(0, bx, by))
			e.counts[0][by*e.wide*4+bx] = uint8(n)
		}
	}
	dc.hadamard()
	for k, o := range offsets {
		b := blocks[k]
		for i := 1; i < 16; i++ {
			b[i] = e.luma.scale(b[i], i)
		}
		b[0] = e.luma.scaleDC(dc[o[1]+o[0]/4])
		b.inverse()
		e.decoded[0].add(g.pix[o[1]*16+o[0]:], 16, b, x+o[0], y+o[1])
	}
	e.writeChroma(x, y, c)
}

// half is c/2, towards zero, as the quantiser expects.
func half(c int) int { return c / 2 }

// detailed writes an Intra_4x4 macroblock.
func (e *encoder) detailed(x, y int, c chroma) {
	var levels [16]block
	var chosen [16]int
	pattern := c.pattern << 4
	for k, o := range offsets {
		bx, by := x+o[0], y+o[1]
		likely := e.likely(bx/4, by/4)
		best := guess{cost: 1 << 30}
		for mode := vertical; mode <= average; mode++ {
			g := guess{mode: mode}
			if !e.decoded[0].predict(g.pix[:16], mode, bx, by, 4) {
				continue
			}
			if g.cost = e.source[0].difference(g.pix[:], bx, by, 4); mode != likely {
				g.cost += 3 * e.lambda
			}
			if g.cost < best.cost {
				best = g
			}
		}
		chosen[k] = best.mode
		e.modes[by/4*e.wide*4+bx/4] = uint8(best.mode)
		b := e.source[0].residual(best.pix[:], 4, bx, by)
		b.forward()
		for i := range b {
			b[i] = e.luma.quantise(b[i], i, false)
			if b[i] != 0 {
				pattern |= 1 << (k / 4)
			}
		}
		levels[k] = b
		for i := range b {
			b[i] = e.luma.scale(b[i], i)
		}
		b.inverse()
		e.decoded[0].add(best.pix[:], 4, b, bx, by)
	}
	e.ue(0) // I_NxN
	for k, o := range offsets {
		e.writeMode(chosen[k], e.likely((x+o[0])/4, (y+o[1])/4))
	}
	e.ue(chromaMode[c.mode])
	e.ue(patternCode[pattern])
	if pattern != 0 {
		e.se(0) // mb_qp_delta
	}
	for k, o := range offsets {
		bx, by := (x+o[0])/4, (y+o[1])/4
		e.counts[0][by*e.wide*4+bx] = 0
		if pattern>>(k/4)&1 == 1 {
			n := e.residual(scan(levels[k], 0), e.context(0, bx, by))
			e.counts[0][by*e.wide*4+bx] = uint8(n)
		}
	}
	e.writeChroma(x, y, c)
}

// likely is predIntra4x4PredMode of a 4×4 block (8.3.1.1).
func (e *encoder) likely(bx, by int) int {
	if bx == 0 || by == 0 {
		return average
	}
	w := e.wide * 4
	return int(min(e.modes[by*w+bx-1], e.modes[(by-1)*w+bx]))
}

func (e *encoder) writeMode(mode, likely int) {
	if mode == likely {
		e.put(1, 1)
		return
	}
	if mode > likely {
		mode--
	}
	e.put(uint32(mode), 4)
}

// chroma is how the colours of a macroblock are coded.
type chroma struct {
	mode    int
	pattern uint32 // 0 nothing, 1 averages, 2 all (7.4.5)
	dc      [2][4]int
	blocks  [2][4]block
	pix     [2][64]uint8
}

// colours chooses and quantises the chroma of a macroblock.
func (e *encoder) colours(x, y int) (c chroma) {
	best := 1 << 30
	for mode := vertical; mode <= average; mode++ {
		var pix [2][64]uint8
		if !e.decoded[1].predictChroma(pix[0][:], mode, x/2, y/2) || !e.decoded[2].predictChroma(pix[1][:], mode, x/2, y/2) {
			continue
		}
		cost := e.source[1].difference(pix[0][:], x/2, y/2, 8) + e.source[2].difference(pix[1][:], x/2, y/2, 8)
		if cost < best {
			best, c.mode, c.pix = cost, mode, pix
		}
	}
	for p := range 2 {
		var dc [4]int
		for q := range 4 {
			qx, qy := q%2*4, q/2*4
			b := e.source[1+p].residual(c.pix[p][qy*8+qx:], 8, x/2+qx, y/2+qy)
			b.forward()
			dc[q] = b[0]
			b[0] = 0
			for i := 1; i < 16; i++ {
				if b[i] = e.chroma.quantise(b[i], i, false); b[i] != 0 {
					c.pattern = 2
				}
			}
			c.blocks[p][q] = b
		}
		for q, v := range hadamard2(dc) {
			if c.dc[p][q] = e.chroma.quantise(v, 0, true); c.dc[p][q] != 0 {
				c.pattern = max(c.pattern, 1)
			}
		}
	}
	return c
}

// writeChroma writes and decodes what colours chose.
func (e *encoder) writeChroma(x, y int, c chroma) {
	if c.pattern > 0 {
		e.residual(c.dc[0][:], -1)
		e.residual(c.dc[1][:], -1)
	}
	for p := range 2 {
		dc := hadamard2(c.dc[p])
		for q := range 4 {
			qx, qy := q%2*4, q/2*4
			bx, by := (x/2+qx)/4, (y/2+qy)/4
			n := 0
			if c.pattern == 2 {
				n = e.residual(scan(c.blocks[p][q], 1), e.context(1+p, bx, by))
			}
			e.counts[1+p][by*e.wide*2+bx] = uint8(n)
			b := c.blocks[p][q]
			for i := 1; i < 16; i++ {
				b[i] = e.chroma.scale(b[i], i)
			}
			b[0] = e.chroma.scaleChromaDC(dc[q])
			b.inverse()
			e.decoded[1+p].add(c.pix[p][qy*8+qx:], 8, b, x/2+qx, y/2+qy)
		}
	}
}

// context is nC of a 4×4 block (9.2.1).
func (e *encoder) context(component, bx, by int) int {
	w := e.wide * 4
	if component > 0 {
		w = e.wide * 2
	}
	counts := e.counts[component]
	switch {
	case bx > 0 && by > 0:
		return (int(counts[by*w+bx-1]) + int(counts[(by-1)*w+bx]) + 1) / 2
	case bx > 0:
		return int(counts[by*w+bx-1])
	case by > 0:
		return int(counts[(by-1)*w+bx])
	}
	return 0
}

// scan puts a block's levels into zigzag order, without the first n.
func scan(b block, n int) []int {
	out := make([]int, 0, 16)
	for _, i := range zigzag[n:] {
		out = append(out, b[i])
	}
	return out
}
