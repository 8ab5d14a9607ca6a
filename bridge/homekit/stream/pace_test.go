package stream

import (
	"testing"
	"time"

	"gatehouse/rtsp"
)

// TestPaceCatchesUp shows a group of pictures of four seconds and then the
// present: the past runs fast, nothing goes back, and nobody stays behind.
func TestPaceCatchesUp(t *testing.T) {
	began := time.Now()
	p := pace{began: began}
	f := &rtsp.Format{Codec: rtsp.H264, ClockRate: 90000}
	p.begin()
	now := began.Add(50 * time.Millisecond)
	joined := now
	var last time.Duration
	for n := range int64(300) { // 15 a second
		taken := joined.Add(-4 * time.Second).Add(time.Duration(n) * time.Second / 15)
		if taken.After(now) {
			now = taken
		}
		u := &rtsp.Unit{Format: f, DTS: n * 6000, Arrived: taken}
		at, wait := p.picture(u, now)
		if n > 0 && at <= last {
			t.Fatalf("picture %d goes back by %v", n, last-at)
		}
		last = at
		if wait > 0 {
			now = now.Add(wait)
		}
		if late := now.Sub(taken); n > 100 && (late > slack || !p.live) {
			t.Fatalf("picture %d is %v late", n, late)
		}
		if behind := now.Sub(began) - at; n > 100 && (behind > slack || behind < -slack) {
			t.Fatalf("picture %d is dated %v off", n, behind)
		}
	}
	if past := joined.Add(4 * time.Second / hurry * 2); now.Before(past) {
		t.Errorf("caught up too quickly")
	}
	if at, ok := p.sound(&rtsp.Unit{Format: f, PTS: 299 * 6000}); !ok || at != last {
		t.Errorf("sound at %v, want with the picture at %v", at, last)
	}
	p.begin() // the camera is back
	if _, ok := p.sound(&rtsp.Unit{Format: f}); ok {
		t.Error("sound before the first picture of a session")
	}
	if at, _ := p.picture(&rtsp.Unit{Format: f, Arrived: now}, now); at <= last {
		t.Error("a new session goes back")
	}
}
