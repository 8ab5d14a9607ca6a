package request

import (
	"testing"
	"time"
)

// TestCoolDownIsRandom: every part of it is drawn, and nothing beyond; two equal ends leave no choice.
func TestCoolDownIsRandom(t *testing.T) {
	least, most := 5*time.Minute, time.Hour
	var tenths [11]int
	for range 5000 {
		d := between([2]time.Duration{least, most})
		if d < least || d > most {
			t.Fatalf("drawn %v", d)
		}
		tenths[10*(d-least)/(most-least)]++
	}
	for i, n := range tenths[:10] {
		if n < 350 || n > 650 { // 500, and seven times its deviation
			t.Errorf("tenth %d was drawn %d times of 5000", i, n)
		}
	}
	if d := between([2]time.Duration{0, 0}); d != 0 {
		t.Errorf("drawn %v of nothing", d)
	}
}
