package stream

import (
	"bytes"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// TestJoinSound joins packets of 20 ms to packets of 60 ms and splits them again.
func TestJoinSound(t *testing.T) {
	const wide = 19 << 3 // CELT, wideband, 20 ms
	j := joiner{want: 60 * time.Millisecond}
	frame := func(n, size int) []byte { return bytes.Repeat([]byte{byte(n)}, size) }
	for round := range 3 {
		var want [][]byte
		for i := range 3 {
			n := round*3 + i
			f := frame(n, []int{80, 251, 252, 300, 1275, 0, 1, 255, 256}[n])
			want = append(want, f)
			at := time.Duration(n) * 20 * time.Millisecond
			out, from, ok := j.join(append([]byte{wide}, f...), at)
			if ok != (i == 2) {
				t.Fatalf("packet %d: full %v", n, ok)
			}
			if !ok {
				continue
			}
			toc, frames, err := opusFrames(out)
			if err != nil || toc != wide || from != at-40*time.Millisecond || !cmp.Equal(frames, want) {
				t.Fatalf("toc %d from %v: %v", toc, from, err)
			}
		}
	}
}

// TestJoinSoundAfterLoss begins anew where packets are missing or of another kind.
func TestJoinSoundAfterLoss(t *testing.T) {
	j := joiner{want: 40 * time.Millisecond}
	for _, s := range []struct {
		toc  byte
		at   int // milliseconds
		full int // where the full packet begins; -1 for none
	}{
		{19 << 3, 0, -1},
		{19 << 3, 40, -1}, // 20 is missing
		{19 << 3, 60, 40}, // 40 and 60
		{19 << 3, 80, -1},
		{15 << 3, 100, -1}, // another configuration
		{15 << 3, 120, 100},
		{15 << 3, 110, -1}, // going back
		{15 << 3, 130, 110},
		{3 << 3, 150, 150}, // 60 ms in one: as it is
	} {
		_, from, ok := j.join([]byte{s.toc, 1}, time.Duration(s.at)*time.Millisecond)
		if ok != (s.full >= 0) || ok && from != time.Duration(s.full)*time.Millisecond {
			t.Errorf("at %d: full %v from %v, want %d", s.at, ok, from, s.full)
		}
	}
}

func FuzzOpus(f *testing.F) {
	for _, b := range [][]byte{{0}, {1, 2, 3}, {2, 1, 5, 6}, {3, 0x82, 1, 5, 6}, {3, 0xc2, 255, 3, 1, 5}, {252, 1}} {
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		toc, frames, err := opusFrames(b)
		if err != nil {
			return
		}
		if len(frames) == 0 || opusFrame(toc)*time.Duration(len(frames)) > opusMax {
			t.Fatalf("%d frames", len(frames))
		}
		again, same, err := opusFrames(opusPacket(toc, frames))
		if err != nil || again != toc || !cmp.Equal(same, frames, cmp.Comparer(bytes.Equal)) {
			t.Fatalf("%x: %d frames come back as %d: %v", b, len(frames), len(same), err)
		}
	})
}
