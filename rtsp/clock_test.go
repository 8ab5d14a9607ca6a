package rtsp

import (
	"testing"
	"time"

	"gatehouse/rtsp/rtsptest"
)

// ntp is a time as an NTP timestamp, computed with big steps on purpose: not
// the way that ntpNanos does.
func ntp(t time.Time) uint64 {
	since := t.Sub(time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC))
	const to2000 = 3155673600
	sec := uint64(since / time.Second)
	frac := float64(since%time.Second) / 1e9 * (1 << 32)
	return (sec+to2000)<<32 | uint64(frac)
}

func TestNTPNanos(t *testing.T) {
	for _, at := range []time.Time{
		time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC),
		time.Date(2026, 3, 1, 12, 0, 0, 100e6, time.UTC),
		time.Date(2026, 3, 1, 12, 0, 0, 500e6, time.UTC),
		time.Date(2026, 3, 1, 12, 0, 0, 999e6, time.UTC),
		time.Date(2035, 12, 31, 0, 0, 0, 1e6, time.UTC),
		time.Date(2037, 1, 1, 0, 0, 0, 250e6, time.UTC), // after the era of 1900 ends
	} {
		if d := time.Duration(ntpNanos(ntp(at)) - at.UnixNano()).Abs(); d > time.Microsecond {
			t.Errorf("%v: off by %v", at, d)
		}
	}
}

// A report's fraction is in 1/2^32 s. Reading it as anything else goes
// unnoticed near whole seconds, so reports are made at chosen fractions.
func TestReportPrecision(t *testing.T) {
	for name, fraction := range map[string]time.Duration{
		"000": 0, "100": 100 * time.Millisecond, "500": 500 * time.Millisecond, "999": 999 * time.Millisecond,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cam := rtsptest.ScriptNamed("plain").Camera
			cam.Clock.Instant = func(now time.Time) time.Time {
				at := now.Truncate(time.Second).Add(fraction)
				if at.After(now) {
					at = at.Add(-time.Second)
				}
				return at
			}
			r := newRig(t, cam, nil)
			items := r.items(10*time.Second, videoUnits(30))
			sent := map[string]time.Time{}
			for _, s := range r.server.Sent(r.name) {
				sent[string(s.Data[len(s.Data)-1])] = s.Captured
			}
			checked := 0
			for _, it := range items {
				if it.Unit == nil || it.Unit.Clock != ClockReport {
					continue
				}
				u := it.Unit
				if d := u.UTC.Sub(sent[string(u.Data[len(u.Data)-1])]).Abs(); d > 5*time.Millisecond {
					t.Fatalf("track %d PTS %d: off by %v", u.Format.Track, u.PTS, d)
				}
				checked++
			}
			if checked < 40 {
				t.Errorf("only %d units by report", checked)
			}
		})
	}
}

func TestUnwrap(t *testing.T) {
	c := trackClock{rate: 90000}
	for _, step := range []struct {
		ts   uint32
		want int64
	}{
		{0xffffff00, 0},
		{0xffffffff, 0xff},
		{0x00000100, 0x200},
		{0x000000ff, 0x1ff},                    // back across nothing
		{0xfffffff0, 0xf0},                     // back across the wrap
		{0x7fffffef, 0xf0 + 0x7fffffff},        // as far ahead as can be told
		{0xffffffee, 0xf0 + 2*0x7fffffff},      // and again
		{0x00000000, 0xf0 + 2*0x7fffffff + 18}, // second wrap
	} {
		if got := c.unwrap(step.ts); got != step.want {
			t.Errorf("unwrap(%#x) = %#x, want %#x", step.ts, got, step.want)
		}
	}
}

func TestNanosDoNotOverflow(t *testing.T) {
	c := trackClock{rate: 90000}
	year := int64(365 * 24 * 3600)
	if got := c.nanos(90 * year * 90000); got != 90*year*1e9 {
		t.Errorf("90 years are %d ns", got)
	}
	if got := c.ticks(90*year*1e9 + 1e9/2); got != 90*year*90000+45000 {
		t.Errorf("90 years and a half second are %d ticks", got)
	}
}

// Arrival jitters; UTC by arrival must not.
func TestArrivalIsSmooth(t *testing.T) {
	c := &trackClock{rate: 90000}
	var u utcClock
	start := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC).UnixNano()
	jitter := []int64{40, 3, 25, 0, 60, 12, 5, 31}
	var last int64
	for i := range int64(3000) {
		pos := i * 6000
		c.observe(pos, start+i*1e9/15+jitter[i%8]*1e6)
		if q := u.follow(c, c.nanos(pos)); q != ClockArrival {
			t.Fatalf("quality %d", q)
		}
		utc := c.nanos(pos) + u.off
		step := utc - last
		if i > 30 && (step < 66e6 || step > 67.5e6) {
			t.Fatalf("unit %d: step of %v", i, time.Duration(step))
		}
		if err := utc - (start + i*1e9/15); i > 100 && abs(err) > 20e6 {
			t.Fatalf("unit %d: off by %v", i, time.Duration(err))
		}
		last = utc
	}
}

// The first report may be two seconds off from arrival; UTC gets there without
// running backwards or standing still.
func TestMappingSlews(t *testing.T) {
	for _, off := range []int64{-1900e6, 1900e6} {
		c := &trackClock{rate: 90000, started: true}
		var u utcClock
		start := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC).UnixNano()
		last, q := int64(0), ClockQuality(0)
		for i := range int64(100) {
			pos := i * 6000
			c.unwrap(uint32(pos))
			c.observe(pos, start+c.nanos(pos))
			if i == 10 {
				c.takeReport(senderReport{ntp: ntp(time.Unix(0, start+c.nanos(pos)+off)), rtp: uint32(pos)})
			}
			q = u.follow(c, c.nanos(pos))
			utc := c.nanos(pos) + u.off
			if i > 0 && (utc-last < 30e6 || utc-last > 110e6) {
				t.Fatalf("off %v, unit %d: step of %v", time.Duration(off), i, time.Duration(utc-last))
			}
			last = utc
		}
		if q != ClockReport || abs(last-(start+99*1e9/15+off)) > 1e6 {
			t.Errorf("off %v: quality %d, UTC off by %v", time.Duration(off), q, time.Duration(last-(start+99*1e9/15+off)))
		}
	}
}

func TestReportSteps(t *testing.T) {
	at := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	c := &trackClock{rate: 90000}
	if c.takeReport(senderReport{ntp: ntp(at), rtp: 1000}) || c.reported {
		t.Fatal("a report before the first packet counted")
	}
	c.unwrap(1000)
	if !c.reported {
		t.Fatal("the early report was forgotten")
	}
	for _, r := range []struct {
		after time.Duration
		rtp   uint32
		step  bool
	}{
		{5 * time.Second, 1000 + 5*90000, false},
		{11900 * time.Millisecond, 1000 + 10*90000, false}, // drift below the limit
		{17 * time.Second, 1000 + 13*90000, true},
		{-time.Hour, 1000 + 18*90000, true},
	} {
		if got := c.takeReport(senderReport{ntp: ntp(at.Add(r.after)), rtp: r.rtp}); got != r.step {
			t.Errorf("report at %v: step %v", r.after, got)
		}
	}
	if c.takeReport(senderReport{ntp: 0, rtp: 1}) {
		t.Error("a camera without a wall clock stepped")
	}
}
