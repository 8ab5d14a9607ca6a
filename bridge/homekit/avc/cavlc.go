package avc

// maxLevel is the largest level that Baseline's escape code can say beside any context (9.2.2.1).
const maxLevel = 2063

// residual writes levels in scan order (9.2) and returns how many are not zero.
// nc is the context of neighbours, or -1 for the chroma DC of 4:2:0.
func (w *bitWriter) residual(levels []int, nc int) int {
	var at [16]int // positions of what is not zero
	total := 0
	for i, l := range levels {
		if l != 0 {
			at[total] = i
			total++
		}
	}
	ones := 0
	for i := total - 1; i >= 0 && ones < 3 && (levels[at[i]] == 1 || levels[at[i]] == -1); i-- {
		ones++
	}
	w.token(total, ones, nc)
	if total == 0 {
		return 0
	}
	w.levels(levels, at[:total], ones)
	zeros := at[total-1] + 1 - total
	if total < len(levels) {
		t := totalZeros[:]
		if nc < 0 {
			t = chromaZeros[:]
		}
		w.code(t[total-1][zeros])
	}
	for i := total - 1; i > 0 && zeros > 0; i-- {
		run := at[i] - at[i-1] - 1
		w.code(runBefore[min(zeros, 7)-1][run])
		zeros -= run
	}
	return total
}

func (w *bitWriter) code(c code) { w.put(uint32(c.bits), int(c.n)) }

// token writes coeff_token (9.2.1).
func (w *bitWriter) token(total, ones, nc int) {
	i := total*4 + ones
	switch {
	case nc < 0:
		w.code(chromaToken[i])
	case nc >= 8 && total == 0:
		w.put(3, 6)
	case nc >= 8:
		w.put(uint32(total-1)<<2|uint32(ones), 6)
	default:
		column := 0
		if nc >= 4 {
			column = 2
		} else if nc >= 2 {
			column = 1
		}
		t := &coeffToken[column]
		w.put(uint32(t.bits[i]), int(t.n[i]))
	}
}

// levels writes signs of trailing ones and then levels, highest frequency first (9.2.2).
func (w *bitWriter) levels(levels, at []int, ones int) {
	suffix := 0
	if len(at) > 10 && ones < 3 {
		suffix = 1
	}
	for i := len(at) - 1; i >= 0; i-- {
		l := levels[at[i]]
		rank := len(at) - 1 - i
		if rank < ones {
			w.put(uint32(1-l)/2, 1)
			continue
		}
		c := 2*l - 2 // levelCode
		if l < 0 {
			c = -2*l - 1
		}
		if rank == ones && ones < 3 {
			c -= 2 // it cannot be a one
		}
		w.level(c, suffix)
		if suffix == 0 {
			suffix = 1
		}
		if abs(l) > 3<<(suffix-1) && suffix < 6 {
			suffix++
		}
	}
}

// level writes level_prefix and level_suffix of a levelCode.
func (w *bitWriter) level(c, suffix int) {
	switch {
	case suffix == 0 && c < 14:
		w.put(1, c+1)
	case suffix == 0 && c < 30:
		w.put(1, 15)
		w.put(uint32(c-14), 4)
	case suffix > 0 && c>>suffix < 15:
		w.put(1, c>>suffix+1)
		w.put(uint32(c), suffix)
	case suffix == 0:
		w.put(1, 16)
		w.put(uint32(c-30), 12)
	default:
		w.put(1, 16)
		w.put(uint32(c-15<<suffix), 12)
	}
}

func abs(v int) int {
	if v < 0 {
		return -v
	}
	return v
}
