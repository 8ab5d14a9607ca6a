package clip

import (
	"errors"
	"testing"
	"time"

	"gatehouse/hub/internal/mp4/mp4test"
	"gatehouse/hub/recording"
	"gatehouse/rtsp"
)

func TestParts(t *testing.T) {
	f := mp4test.Make(t, mp4test.Shot{Video: rtsp.H264, Seconds: 20}) // ten groups of 2 s
	var s shelf
	s.film(t, f, 3) // 6 s a file
	later := f
	later.Session = &rtsp.Session{Formats: f.Session.Formats, Zero: f.Session.Zero.Add(time.Minute)}
	later.Units = shifted(f.Units, time.Minute)
	s.film(t, later, 3)
	c := newService(&s, "")
	zero := f.Session.Zero
	at := func(sec float64) time.Time { return zero.Add(time.Duration(sec * float64(time.Second))) }
	type span struct{ from, to float64 }
	for _, v := range []struct {
		name string
		ask  span
		want []span
	}{
		{"all", span{-10, 3600}, []span{{0, 20}, {60, 80}}},
		{"on key frames", span{2, 8}, []span{{2, 8}}},
		{"inside groups", span{3, 7}, []span{{2, 8}}},
		{"inside one group", span{6.5, 6.6}, []span{{6, 8}}},
		{"touching nothing before", span{4, 4.1}, []span{{4, 6}}},
		{"over the break", span{19, 61}, []span{{18, 20}, {60, 62}}},
		{"in the break", span{30, 40}, nil},
		{"before", span{-20, -10}, nil},
		{"nothing wide", span{5, 5}, nil},
		{"backwards", span{8, 2}, nil},
	} {
		t.Run(v.name, func(t *testing.T) {
			parts, err := c.Parts(t.Context(), Range{"Yard", recording.Main, at(v.ask.from), at(v.ask.to)})
			if (err != nil) != (v.want == nil) || err != nil && !errors.Is(err, ErrNoFootage) {
				t.Fatal(err)
			}
			if len(parts) != len(v.want) {
				t.Fatalf("%d parts, want %d", len(parts), len(v.want))
			}
			for i, p := range parts {
				if !near(p.From, at(v.want[i].from)) || !near(p.To, at(v.want[i].to)) {
					t.Errorf("part %d is %v to %v", i, p.From.Sub(zero), p.To.Sub(zero))
				}
			}
		})
	}
}

func near(a, b time.Time) bool { return a.Sub(b).Abs() <= time.Microsecond }

func shifted(units []*rtsp.Unit, d time.Duration) (out []*rtsp.Unit) {
	for _, u := range units {
		v := *u
		v.UTC = v.UTC.Add(d)
		out = append(out, &v)
	}
	return out
}

// TestHoleInRun: a run whose middle file is gone is two parts; one MP4 would
// show a frozen picture as if it were time that was recorded.
func TestHoleInRun(t *testing.T) {
	f := mp4test.Make(t, mp4test.Shot{Video: rtsp.H264, Seconds: 12})
	var s shelf
	s.film(t, f, 2)
	s.rows = append(s.rows[:1], s.rows[2])
	c := newService(&s, "")
	parts, err := c.Parts(t.Context(), whole(f))
	if err != nil || len(parts) != 2 || len(parts[0].Segments) != 1 || parts[0].Segments[0].ID != 1 || parts[1].Segments[0].ID != 3 {
		t.Fatalf("%+v, %v", parts, err)
	}
}

// TestTracksChange: files of one run with different parameter sets do not share
// an initialisation.
func TestTracksChange(t *testing.T) {
	f := mp4test.Make(t, mp4test.Shot{Video: rtsp.H264, Seconds: 4})
	g := mp4test.Make(t, mp4test.Shot{Video: rtsp.H264, Seconds: 8, Width: 640})
	for _, u := range g.Units {
		u.PTS, u.DTS = u.PTS+4*90000, u.DTS+4*90000
	}
	g.Units = shifted(g.Units, 4*time.Second)
	var s shelf
	s.film(t, f, 2)
	s.film(t, g, 2)
	parts, err := newService(&s, "").Parts(t.Context(), whole(f))
	if err != nil || len(parts) != 2 {
		t.Fatalf("%d parts, %v", len(parts), err)
	}
}

func TestLongGOPBeginsAtItsKeyFrame(t *testing.T) {
	f := mp4test.Make(t, mp4test.Shot{Video: rtsp.H264, Seconds: 12, GOP: 120})
	for _, u := range f.Units { // the second key frame at 8 s; the shelf cuts where Random says
		u.Random = u.Random || u.PTS%(2*90000) == 0
	}
	var s shelf
	s.film(t, f, 10)
	table := newTables(&s)
	tab, err := table.get(s.rows[0])
	if err != nil {
		t.Fatal(err)
	}
	for i := range tab.groups { // as the recorder marks what only continues a group
		tab.groups[i].sync = i == 0 || i == 4
	}
	got := tab.between(f.Session.Zero.Add(5*time.Second), f.Session.Zero.Add(7*time.Second))
	if len(got) != 4 || got[0].first != tab.groups[0].first {
		t.Fatalf("%d groups", len(got))
	}
	if got = fromSync(tab.groups[1:4]); got != nil {
		t.Fatalf("%d groups without a key frame", len(got))
	}
	if got = fromSync(tab.groups[1:]); len(got) != 2 {
		t.Fatalf("%d groups from the key frame", len(got))
	}
}

func TestTablesAreRememberedAndBounded(t *testing.T) {
	f := mp4test.Make(t, mp4test.Shot{Video: rtsp.H264, Seconds: 4, GOP: 1, Width: 64})
	var s shelf
	s.film(t, f, 1)
	c := newTables(&s)
	for _, r := range s.rows {
		if _, err := c.get(r); err != nil {
			t.Fatal(err)
		}
	}
	if len(s.rows) <= maxTables || c.recent.Len() != maxTables || len(c.byKey) != maxTables {
		t.Fatalf("%d of %d kept", c.recent.Len(), len(s.rows))
	}
	s.data = nil
	if _, err := c.get(s.rows[len(s.rows)-1]); err != nil {
		t.Errorf("the newest was forgotten: %v", err)
	}
	if _, err := c.get(s.rows[0]); err == nil {
		t.Error("the oldest was kept")
	}
}
