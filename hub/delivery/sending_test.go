package delivery

import (
	"testing"
	"time"
)

func TestPace(t *testing.T) {
	var p pace
	now := time.Now()
	if p.now(now) != 0 {
		t.Error("a pace before the first byte")
	}
	for range 20 {
		p.moved(now, p.from+1000)
		now = now.Add(time.Second)
	}
	if got := p.now(now); got < 900 || got > 1000 {
		t.Errorf("%d bytes a second, want 1000", got)
	}
	j := Job{State: Sending, Bytes: 30_000, Offset: 20_000, Rate: 1000}
	if j.Left() != 10*time.Second {
		t.Errorf("%s left, want 10 s", j.Left())
	}
	if j.State = Retrying; j.Left() != 0 {
		t.Error("a time left for what does not move")
	}
	if got := p.now(now.Add(stalled)); got != 0 {
		t.Errorf("%d bytes a second after a stall", got)
	}
	p.moved(now, 5) // a new attempt, from the start
	if got := p.now(now); got != 0 {
		t.Errorf("%d bytes a second of another attempt", got)
	}
}
