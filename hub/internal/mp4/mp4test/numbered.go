package mp4test

import (
	"encoding/binary"
	"fmt"
	"testing"
)

// numberBits is how many bars a numbered picture has.
const numberBits = 16

// picture is the lavfi source of a shot: a moving test picture, or one of bars
// that spell the picture's number, lowest bit first.
func (s Shot) picture(height int) string {
	if !s.Numbered {
		return fmt.Sprintf("testsrc2=size=%dx%d:rate=%d", s.Width, height, s.Rate)
	}
	return fmt.Sprintf("nullsrc=size=%dx2:rate=%d,geq=lum='if(mod(floor(N/pow(2,X)),2),235,16)':cb=128:cr=128,scale=%d:%d:flags=neighbor",
		numberBits, s.Rate, s.Width, height)
}

// sound is the lavfi source of a shot: a tone, or noise, of which no part is
// like another.
func (s Shot) sound(rate int) string {
	if !s.Numbered {
		return fmt.Sprintf("sine=frequency=440:sample_rate=%d", rate)
	}
	return fmt.Sprintf("anoisesrc=sample_rate=%d:amplitude=0.3:seed=7", rate)
}

// Number reads the number off a picture's bars, which are given from left to
// right as one level each.
func Number(bars []byte) (n int) {
	for i, v := range bars {
		if v >= 128 {
			n |= 1 << i
		}
	}
	return n
}

// Numbers decodes a file and returns the numbers of the pictures that ffmpeg
// shows, in order.
func Numbers(t testing.TB, file string) (out []int) {
	t.Helper()
	raw := Run(t, "ffmpeg", "-v", "error", "-i", file, "-map", "0:v", "-fps_mode", "passthrough",
		"-vf", fmt.Sprintf("scale=%d:1:flags=area,format=gray", numberBits), "-f", "rawvideo", "-")
	for ; len(raw) >= numberBits; raw = raw[numberBits:] {
		out = append(out, Number(raw[:numberBits]))
	}
	return out
}

// Sound decodes a file's sound to samples of 16 bits at a rate.
func Sound(t testing.TB, file string, rate int) []int16 {
	t.Helper()
	raw := Run(t, "ffmpeg", "-v", "error", "-i", file, "-map", "0:a", "-ac", "1", "-ar", fmt.Sprint(rate), "-f", "s16le", "-")
	out := make([]int16, len(raw)/2)
	for i := range out {
		out[i] = int16(binary.LittleEndian.Uint16(raw[2*i:]))
	}
	return out
}
