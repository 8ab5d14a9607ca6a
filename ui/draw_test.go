package ui

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"gatehouse/hub/bulletin"
	"gatehouse/hub/recording"
)

func TestOutline(t *testing.T) {
	// A square of 1000 m at the equator, home in its middle.
	const d = 1000.0 / 111_195
	ring := []bulletin.Point{{}, {Lon: d}, {Lat: d, Lon: d}, {Lat: d}, {}}
	o := drawOutline(ring, bulletin.Point{Lat: d / 2, Lon: d / 2})
	if o.Points != "164.0,356.0 476.0,356.0 476.0,44.0 164.0,44.0 164.0,356.0" {
		t.Errorf("points %s: north must be up and the map filled", o.Points)
	}
	if o.Home == nil || *o.Home != [2]int{320, 200} || !o.Inside {
		t.Errorf("home %v, inside %v", o.Home, o.Inside)
	}
	if o.Label != "200 m" || o.Scale != 62 {
		t.Errorf("scale %d units for %s", o.Scale, o.Label)
	}
	if o = drawOutline(ring, bulletin.Point{Lat: 2 * d, Lon: d / 2}); o.Inside || o.Home[1] != 44 {
		t.Errorf("a home to the north: inside %v at %v", o.Inside, o.Home)
	}
	l := english()
	for home, want := range map[bulletin.Point]string{
		{Lat: 0.9 * d, Lon: d / 2}:     "100\u00a0m side.n true",
		{Lat: d / 2, Lon: 0.97 * d}:    "30\u00a0m side.e true",
		{Lat: 0.004 * d, Lon: d / 2}:   "4\u00a0m side.s true",
		{Lat: 4.5 * d, Lon: d / 2}:     "3.5\u00a0km side.n false",
		{Lat: -0.7 * d, Lon: -0.7 * d}: "990\u00a0m side.sw false",
		{Lat: 1.5 * d, Lon: 1.5 * d}:   "710\u00a0m side.ne false",
	} {
		o := drawOutline(ring, home)
		if got := fmt.Sprint(l.distance(o.Far), " ", o.Edge, " ", o.Inside); got != want {
			t.Errorf("home at %v: %s, want %s", home, got, want)
		}
	}
	if o = drawOutline(ring, bulletin.Point{}); o.Home != nil {
		t.Error("a home that is not set was drawn")
	}
	if drawOutline(ring[:2], bulletin.Point{}) != nil {
		t.Error("two points are no area")
	}
}

func TestLengthAndSize(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0: "0 s", 400 * time.Millisecond: "0 s", time.Second: "1 s", 190 * time.Second: "3 min 10 s", 45 * time.Minute: "45 min",
		time.Hour + 4*time.Second: "1 h", 26*time.Hour + 3*time.Minute: "1 d 2 h", 59*time.Second + 600*time.Millisecond: "1 min",
	} {
		if got := length(d); got != want {
			t.Errorf("length(%v) = %q, want %q", d, got, want)
		}
	}
	for n, want := range map[int64]string{0: "0 B", 999: "999 B", 1000: "1.0 kB", 48_318_442: "48.3 MB", 611_000_000_000: "611 GB"} {
		if got := english().size(n); got != want {
			t.Errorf("size(%d) = %q, want %q", n, got, want)
		}
	}
}

func TestCoverage(t *testing.T) {
	c := &console{cfg: newHouse().config(), text: english()}
	from := fixtureNow.Add(-10 * time.Minute)
	seg := func(start, end time.Duration) recording.Segment {
		return recording.Segment{Start: from.Add(start), Duration: end - start}
	}
	segs := []recording.Segment{
		seg(3*time.Minute, 4*time.Minute), seg(-time.Minute, time.Minute), seg(time.Minute+50*time.Millisecond, 2*time.Minute), seg(9*time.Minute, 11*time.Minute),
	}
	gaps := []recording.Gap{{From: from.Add(2 * time.Minute), To: from.Add(3 * time.Minute), Reason: "lost"}, {From: from.Add(5 * time.Minute), Reason: "new"}}
	got := c.coverOf("x", segs, gaps, from, from.Add(10*time.Minute))
	var bars []string
	for _, b := range got.Bars {
		bars = append(bars, fmt.Sprintf("%s %s+%s", b.Kind, b.X, b.Width))
	}
	want := "recorded 0.00+20.00, recorded 30.00+10.00, recorded 90.00+10.00, gap 20.00+10.00, gap 50.00+50.00"
	if strings.Join(bars, ", ") != want {
		t.Errorf("bars %v, want %s", bars, want)
	}
	if got.Recorded != "4 min" || got.Gaps[0].Reason != "reason.lost" || got.Gaps[1].Reason != "reason.unknown" || !got.Gaps[1].Open || got.Gaps[0].Open {
		t.Errorf("recorded %s, gaps %+v", got.Recorded, got.Gaps)
	}
}

func TestDayOfTheClockChange(t *testing.T) {
	c := &console{cfg: newHouse().config(), text: english()}
	start := time.Date(2026, 11, 1, 0, 0, 0, 0, fixtureZone)
	v, err := c.timelineBody(httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil), cameraLink{Name: "Driveway"}, pointer{start: start})
	if err != nil {
		t.Fatal(err)
	}
	if len(v.Hours) != 25 || v.Hours[1].Label != "01:00 PDT" || v.Hours[2].Label != "01:00 PST" || v.Long != "1 d 1 h" {
		t.Errorf("%d hours on the day with 25", len(v.Hours))
	}
}

func FuzzParseField(f *testing.F) {
	for _, s := range []string{"2026-11-21T13:00:00", "2026-11-21T13:00", "2026-11-21T13:00:00.000", "", "2026-13-01T00:00", "9999999-01-01T00:00"} {
		f.Add(s)
	}
	c := &console{cfg: newHouse().config()}
	f.Fuzz(func(t *testing.T, s string) {
		at, err := c.parseField(s)
		if err != nil {
			return
		}
		again, err := c.parseField(c.field(at))
		if err != nil || !again.Equal(at.Truncate(time.Second)) && !again.Equal(at.Truncate(time.Second).Add(time.Hour)) && !again.Equal(at.Truncate(time.Second).Add(-time.Hour)) {
			t.Errorf("%q read as %v, written and read again as %v (%v)", s, at, again, err)
		}
	})
}

func TestQR(t *testing.T) {
	q, err := drawQR("X-HM://00HDX8N2B7Q3Z")
	if err != nil || q.Side < 29 || !strings.HasPrefix(q.Data, "M4 4h7v1h-7z") {
		t.Errorf("%+v, %v: a finder pattern must stand behind four modules of quiet zone", q, err)
	}
	if _, err := drawQR(""); err == nil {
		t.Error("nothing was drawn")
	}
}
