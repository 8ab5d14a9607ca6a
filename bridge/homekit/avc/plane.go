package avc

import (
	"image"
	"image/color"
)

// plane is one component of a picture, in whole macroblocks.
type plane struct {
	pix    []uint8
	stride int
}

func newPlane(w, h int) plane { return plane{make([]uint8, w*h), w} }

// planes turns a picture into BT.709 of limited range, 4:2:0, the last row and
// column repeated up to whole macroblocks.
func planes(img image.Image, w, h int) [3]plane {
	out := [3]plane{newPlane(w, h), newPlane(w/2, h/2), newPlane(w/2, h/2)}
	b := img.Bounds()
	at := func(x, y int) (r, g, bl float64) {
		c := color.RGBAModel.Convert(img.At(b.Min.X+min(x, b.Dx()-1), b.Min.Y+min(y, b.Dy()-1))).(color.RGBA)
		return float64(c.R), float64(c.G), float64(c.B)
	}
	for y := 0; y < h; y += 2 {
		for x := 0; x < w; x += 2 {
			var cb, cr float64
			for i := range 4 {
				r, g, bl := at(x+i%2, y+i/2)
				luma := 0.2126*r + 0.7152*g + 0.0722*bl
				out[0].pix[(y+i/2)*w+x+i%2] = uint8(16.5 + luma*219/255)
				cb += (bl - luma) / 1.8556
				cr += (r - luma) / 1.5748
			}
			out[1].pix[y/2*w/2+x/2] = uint8(128.5 + cb/4*224/255)
			out[2].pix[y/2*w/2+x/2] = uint8(128.5 + cr/4*224/255)
		}
	}
	return out
}

// Prediction modes of Intra_16x16 (Table 8-4); those of 4×4 blocks and of
// chroma have the same three under other numbers.
const (
	vertical = iota
	horizontal
	average
)

// chromaMode is intra_chroma_pred_mode (Table 8-5).
var chromaMode = [3]uint32{vertical: 2, horizontal: 1, average: 0}

// predict fills to, size × size samples row by row, from what was decoded
// above and to the left of (x, y). It tells whether the mode has what it needs.
func (p *plane) predict(to []uint8, mode, x, y, size int) bool {
	if mode == vertical && y == 0 || mode == horizontal && x == 0 {
		return false
	}
	dc := uint8(0)
	if mode == average {
		dc = p.average(x, y, size, x > 0, y > 0)
	}
	for j := range size {
		row := to[j*size : (j+1)*size]
		switch mode {
		case vertical:
			copy(row, p.pix[(y-1)*p.stride+x:])
		case horizontal:
			fill(row, p.pix[(y+j)*p.stride+x-1])
		default:
			fill(row, dc)
		}
	}
	return true
}

// average is DC prediction (8.3.1.2.3, 8.3.3.3) from the sides asked for.
func (p *plane) average(x, y, size int, left, above bool) uint8 {
	sum, n := 0, 0
	if above {
		for i := range size {
			sum += int(p.pix[(y-1)*p.stride+x+i])
		}
		n += size
	}
	if left {
		for i := range size {
			sum += int(p.pix[(y+i)*p.stride+x-1])
		}
		n += size
	}
	if n == 0 {
		return 128
	}
	return uint8((sum + n/2) / n)
}

// predictChroma is predict for an 8×8 block of chroma, whose four quarters have
// averages of their own (8.3.4.1–3).
func (p *plane) predictChroma(to []uint8, mode, x, y int) bool {
	if mode != average {
		return p.predict(to, mode, x, y, 8)
	}
	for q := range 4 {
		qx, qy := q%2*4, q/2*4
		left, above := x > 0, y > 0
		switch {
		case q == 1 && above: // the upper right quarter looks up first
			left = false
		case q == 2 && left: // the lower left one to the left
			above = false
		}
		dc := p.quarter(x, y, qx, qy, left, above)
		for j := range 4 {
			fill(to[(qy+j)*8+qx:(qy+j)*8+qx+4], dc)
		}
	}
	return true
}

// quarter is the average of the samples beside the 8×8 block, not beside the quarter.
func (p *plane) quarter(x, y, qx, qy int, left, above bool) uint8 {
	sum, n := 0, 0
	for i := range 4 {
		if above {
			sum += int(p.pix[(y-1)*p.stride+x+qx+i])
			n++
		}
		if left {
			sum += int(p.pix[(y+qy+i)*p.stride+x-1])
			n++
		}
	}
	if n == 0 {
		return 128
	}
	return uint8((sum + n/2) / n)
}

func fill(row []uint8, v uint8) {
	for i := range row {
		row[i] = v
	}
}

// difference is how far a prediction is from size × size samples at (x, y).
func (p *plane) difference(guess []uint8, x, y, size int) int {
	sum := 0
	for j := range size {
		row := p.pix[(y+j)*p.stride+x:]
		for i := range size {
			sum += abs(int(row[i]) - int(guess[j*size+i]))
		}
	}
	return sum
}

// residual is the 4×4 block at (x, y) less its part of a prediction of a width.
func (p *plane) residual(guess []uint8, width, x, y int) (b block) {
	for j := range 4 {
		for i := range 4 {
			b[j*4+i] = int(p.pix[(y+j)*p.stride+x+i]) - int(guess[j*width+i])
		}
	}
	return b
}

// add writes prediction plus residual, as the decoder will.
func (p *plane) add(guess []uint8, width int, b block, x, y int) {
	for j := range 4 {
		for i := range 4 {
			p.pix[(y+j)*p.stride+x+i] = uint8(min(max(int(guess[j*width+i])+b[j*4+i], 0), 255))
		}
	}
}
