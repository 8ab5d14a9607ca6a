package avc

import (
	"bytes"
	"fmt"
	"image"
	"image/color"
	"io"
	"math/rand/v2"
	"os/exec"
	"testing"
)

// TestFfmpegDecodes encodes pictures from flat to noise with every kind of
// quantiser, and wants ffmpeg to see, sample for sample, what the encoder thinks it sees:
// every table is in it.
func TestFfmpegDecodes(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	for _, size := range [][2]int{{2, 2}, {16, 16}, {34, 50}, {320, 240}} {
		for _, qp := range []int{10, 11, 14, 21, 28, 31, 40, 51} {
			t.Run(fmt.Sprint(size, qp), func(t *testing.T) {
				img := noise(rnd, size[0], size[1])
				s, err := Encode(img, qp)
				if err != nil {
					t.Fatal(err)
				}
				e := newEncoder(img, qp)
				for y := 0; y < len(e.source[0].pix)/e.source[0].stride; y += 16 {
					for x := 0; x < e.wide*16; x += 16 {
						e.macroblock(x, y)
					}
				}
				frame := e.cropped(size[0], size[1])
				if got, want := decode(t, s, 3, 2), bytes.Repeat(frame, 6); !bytes.Equal(got, want) {
					t.Fatalf("%d bytes decoded, want %d; first difference at %d", len(got), len(want), differ(got, want))
				}
			})
		}
	}
}

// decode has ffmpeg decode groups of a key frame and repeats.
func decode(t *testing.T, s *Still, groups, repeats int) []byte {
	t.Helper()
	var in bytes.Buffer
	unit := func(b []byte) { in.Write([]byte{0, 0, 0, 1}); in.Write(b) }
	for n := range groups {
		sps, pps := s.Parameters()
		unit(sps)
		unit(pps)
		unit(s.Key(n))
		for i := range repeats - 1 {
			unit(s.Repeat(i + 1))
		}
	}
	cmd := exec.CommandContext(t.Context(), "ffmpeg", "-v", "warning", "-xerror", "-err_detect", "explode",
		"-f", "h264", "-i", "-", "-fps_mode", "passthrough", "-f", "rawvideo", "-pix_fmt", "yuv420p", "-")
	var out, complaints bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = io.Reader(&in), &out, &complaints
	if err := cmd.Run(); err != nil || complaints.Len() > 0 {
		t.Fatalf("%v: %s", err, complaints.String())
	}
	return out.Bytes()
}

// cropped is the decoded picture without what fills macroblocks up.
func (e *encoder) cropped(w, h int) (out []byte) {
	for i, p := range e.decoded {
		pw, ph := w, h
		if i > 0 {
			pw, ph = w/2, h/2
		}
		for y := range ph {
			out = append(out, p.pix[y*p.stride:y*p.stride+pw]...)
		}
	}
	return out
}

// noise is a picture with flat parts, gradients, stripes and noise.
func noise(rnd *rand.Rand, w, h int) image.Image {
	img := image.NewRGBA(image.Rect(0, 0, w, h))
	for y := range h {
		for x := range w {
			c := color.RGBA{uint8(x * 2), uint8(y * 2), uint8(x ^ y), 255}
			switch (x/24 + y/24*3) % 5 {
			case 0:
				c = color.RGBA{240, 240, 235, 255}
			case 1:
				v := uint8(x % 2 * 255)
				c = color.RGBA{v, v, v, 255}
			case 2:
				v := rnd.Uint32()
				c = color.RGBA{uint8(v), uint8(v >> 8), uint8(v >> 16), 255}
			}
			img.SetRGBA(x, y, c)
		}
	}
	return img
}

func differ(a, b []byte) int {
	for i := range min(len(a), len(b)) {
		if a[i] != b[i] {
			return i
		}
	}
	return min(len(a), len(b))
}

func TestEncodeRefuses(t *testing.T) {
	for _, r := range []image.Rectangle{{}, image.Rect(0, 0, 3, 2), image.Rect(0, 0, 2, 3), image.Rect(0, 0, 1922, 2), image.Rect(0, 0, 0, 8)} {
		if _, err := Encode(image.NewRGBA(r), 26); err != ErrSize {
			t.Errorf("%v: %v", r, err)
		}
	}
}
