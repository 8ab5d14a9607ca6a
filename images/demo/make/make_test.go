package main

import (
	"bytes"
	"math"
	"testing"
	"time"

	"gatehouse/images/demo/script"
)

// The moment after the last is the first: everything that moves has come back
// to where it was.
func TestScenesEndWhereTheyBegan(t *testing.T) {
	for _, f := range films {
		s := f.scene()
		first, last := newCanvas(script.Width, script.Height), newCanvas(script.Width, script.Height)
		s.draw(first, 0)
		s.draw(last, script.Loop)
		if d := difference(first, last); d > 1 {
			t.Errorf("%s: pictures at 0 and %v differ by up to %d", f.name, script.Loop, d)
		}
		middle := newCanvas(script.Width, script.Height)
		s.draw(middle, script.Loop/2)
		if difference(first, middle) < 40 {
			t.Errorf("%s: nothing moves", f.name)
		}
	}
}

func difference(a, b *canvas) int {
	most := 0
	for i := range a.img.Pix {
		most = max(most, int(a.img.Pix[i])-int(b.img.Pix[i]), int(b.img.Pix[i])-int(a.img.Pix[i]))
	}
	return most
}

func TestSoundIsOneLoopWithoutClickOrClipping(t *testing.T) {
	for _, f := range films {
		s := f.sound()
		if len(s) != samples || len(s)%aacFrame != 0 {
			t.Fatalf("%s: %d samples, want %d in whole frames", f.name, len(s), samples)
		}
		peak, jump := 0.0, 0.0
		for i, v := range s[1:] {
			peak, jump = math.Max(peak, math.Abs(v)), math.Max(jump, math.Abs(v-s[i]))
		}
		if seam := math.Abs(s[0] - s[len(s)-1]); seam > jump {
			t.Errorf("%s: the sound jumps by %.3f at the seam, elsewhere by at most %.3f", f.name, seam, jump)
		}
		if peak > .95 || peak < .05 {
			t.Errorf("%s: loudest sample is %.2f", f.name, peak)
		}
	}
}

func TestMoveGoesFromRestToRest(t *testing.T) {
	m := move{time.Second, 5 * time.Second, []vec{{0, 0, 2}, {3, 0, 2}, {3, 0, 6}}}
	from, walked, pace := m.at(0)
	if from != m.way[0] || walked != 0 || pace != 0 {
		t.Errorf("before: at %v after %.2f m, pace %.2f", from, walked, pace)
	}
	if _, _, pace = m.at(3 * time.Second); pace != 1 {
		t.Errorf("on the way: pace %.2f, want 1", pace)
	}
	to, walked, pace := m.at(9 * time.Second)
	if to != m.way[2] || math.Abs(walked-7) > 1e-9 || pace != 0 {
		t.Errorf("after: at %v after %.2f m, pace %.2f", to, walked, pace)
	}
}

func adts(size int) []byte {
	b := make([]byte, size)
	copy(b, []byte{0xff, 0xf1, 0x54, 0x40 | byte(size>>11), byte(size >> 3), byte(size<<5) | 0x1f, 0xfc})
	return b
}

func TestCutADTS(t *testing.T) {
	good := bytes.Join([][]byte{adts(9), adts(300), adts(8000), adts(7)}, nil)
	for name, b := range map[string][]byte{
		"empty": nil, "short header": good[:5], "short frame": good[:100],
		"no sync": append([]byte{0}, good...), "too few frames": good[:309], "impossible size": adts(7)[:6:6],
		"size below header": {0xff, 0xf1, 0x54, 0x40, 0, 0x1f, 0xfc},
	} {
		if out, err := cutADTS(b, 1, 3); err == nil {
			t.Errorf("%s: got %d bytes, want an error", name, len(out))
		}
	}
	out, err := cutADTS(good, 1, 3)
	if err != nil || !bytes.Equal(out, good[9:8309]) {
		t.Errorf("got %d bytes, error %v; want 8300", len(out), err)
	}
}

func FuzzCutADTS(f *testing.F) {
	f.Add(append(adts(40), adts(50)...), 0, 1)
	f.Add([]byte{0xff, 0xf1, 0, 0, 0, 0, 0}, 0, 3)
	f.Fuzz(func(t *testing.T, b []byte, from, to int) {
		if from < 0 || to < from {
			return
		}
		out, err := cutADTS(b, from, to)
		if err == nil && (!bytes.Contains(b, out) || from == to != (len(out) == 0)) {
			t.Fatalf("frames %d to %d of %d bytes: %d bytes", from, to, len(b), len(out))
		}
	})
}
