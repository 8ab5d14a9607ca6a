package recording_test

import (
	"context"
	"runtime"
	"slices"
	"testing"
	"time"

	"gatehouse/hub/internal/mp4/mp4test"
	"gatehouse/hub/recording"
	"gatehouse/rtsp"
)

// span is motion from and to times after the start of the footage; without to
// it lasts.
type span struct{ from, to time.Duration }

// moved is motion as it is told at the store's clock.
type moved struct {
	s     *store
	zero  time.Time
	spans []span
	late  time.Duration // it is told so long after its start
}

func (m *moved) Moved(string) (from, to time.Time) {
	at := m.s.clock.Sub(m.zero)
	for _, p := range m.spans {
		if at < p.from+m.late {
			break
		}
		from, to = m.zero.Add(p.from), time.Time{}
		if p.to > 0 && at >= p.to+m.late {
			to = m.zero.Add(p.to)
		}
	}
	return from, to
}

const pre, post = 5 * time.Second, 8 * time.Second

// onMotion returns a source whose items set the clock, and a recorder of it.
func (s *store) onMotion(list []rtsp.Item, m *moved) (*script, *recording.Recorder) {
	m.s = s
	src := &script{items: list}
	src.at = func(i int) {
		if i < len(list) && list[i].Unit != nil {
			s.clock = list[i].Unit.Arrived
		}
	}
	return src, s.Recorder("porch", recording.Main, src).OnMotion(recording.OnMotion{Motion: m, Pre: pre, Post: post})
}

func (s *store) recordMotion(t *testing.T, list []rtsp.Item, m *moved) {
	t.Helper()
	_, r := s.onMotion(list, m)
	if err := r.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// stretches are the times recorded, joined, after zero.
func (s *store) stretches(t *testing.T, zero time.Time) (all []span) {
	t.Helper()
	for _, g := range s.all(t) {
		from, to := g.Start.Sub(zero), g.End().Sub(zero)
		if n := len(all); n > 0 && from-all[n-1].to < 10*time.Millisecond {
			all[n-1].to = to
			continue
		}
		all = append(all, span{from, to})
	}
	return all
}

func near(a, b time.Duration) bool { return (a - b).Abs() < 10*time.Millisecond }

// TestPrerollIsExact: recording begins at the last key frame that is early
// enough and ends at the first that is late enough, and the time between is
// said to be without motion.
func TestPrerollIsExact(t *testing.T) {
	const gop = 2 * time.Second
	f := tile(mp4test.Make(t, mp4test.Shot{Video: rtsp.H264, Audio: rtsp.AAC, Seconds: 2, GOP: 30}), 90, gop)
	zero := f.Session.Zero
	for name, c := range map[string]struct {
		moves []span
		late  time.Duration
		want  []span
	}{
		"apart":               {[]span{{30300 * time.Millisecond, 31 * time.Second}, {100 * time.Second, 100 * time.Second}}, 0, []span{{24 * time.Second, 40 * time.Second}, {94 * time.Second, 108 * time.Second}}},
		"told late":           {[]span{{30300 * time.Millisecond, 31 * time.Second}}, 4 * time.Second, []span{{24 * time.Second, 40 * time.Second}}},
		"in the post-roll":    {[]span{{30 * time.Second, 31 * time.Second}, {38 * time.Second, 50 * time.Second}}, 0, []span{{24 * time.Second, 58 * time.Second}}},
		"in the next preroll": {[]span{{30 * time.Second, 31 * time.Second}, {44 * time.Second, 45 * time.Second}}, 0, []span{{24 * time.Second, 54 * time.Second}}},
		"at the start":        {[]span{{time.Second, 0}}, 0, []span{{0, 180 * time.Second}}},
		"none":                {nil, 0, nil},
	} {
		t.Run(name, func(t *testing.T) {
			s := newStore(t, 1).start(t, recording.OSFiles{})
			list := append(items(f), broken(rtsp.ReasonShutdown, zero.Add(180*time.Second)))
			s.recordMotion(t, list, &moved{zero: zero, spans: c.moves, late: c.late})
			got := s.stretches(t, zero)
			if !slices.EqualFunc(got, c.want, func(a, b span) bool { return near(a.from, b.from) && near(a.to, b.to) }) {
				t.Fatalf("recorded %v, want %v", got, c.want)
			}
			for _, m := range c.moves {
				i := slices.IndexFunc(got, func(r span) bool {
					return r.from <= max(m.from-pre, 0) && (m.to == 0 || r.to >= m.to+post-time.Millisecond)
				})
				if i < 0 || m.from-pre-got[i].from > gop && !slices.ContainsFunc(c.moves, func(o span) bool { return o.from < m.from }) {
					t.Errorf("motion %v is not in %v with its pre-roll and post-roll", m, got)
				}
			}
			s.tells(t, zero, got, 180*time.Second)
			s.sound(t)
		})
	}
}

// tells checks that all time that was not recorded is said to be without motion.
func (s *store) tells(t *testing.T, zero time.Time, recorded []span, end time.Duration) {
	t.Helper()
	var gaps []recording.Gap
	for _, g := range s.gaps(t) {
		if g.Reason == rtsp.ReasonNoMotion {
			gaps = append(gaps, g)
		} else if g.Reason != rtsp.ReasonShutdown || !g.To.IsZero() {
			t.Errorf("gap %+v", g)
		}
	}
	var at time.Duration
	for _, r := range append(recorded, span{end, end}) {
		if r.from-at < 10*time.Millisecond {
			at = r.to
			continue
		}
		if len(gaps) == 0 {
			t.Errorf("%v to %v is missing without a word", at, r.from)
			return
		}
		if g := gaps[0]; !near(g.From.Sub(zero), at) || !near(g.To.Sub(zero), r.from) && g.To.Sub(zero) > r.from {
			t.Errorf("gap %v to %v, want %v to %v", g.From.Sub(zero), g.To.Sub(zero), at, r.from)
		}
		gaps, at = gaps[1:], r.to
	}
	if len(gaps) > 0 {
		t.Errorf("gaps too many: %+v", gaps)
	}
}

func TestStreamThatWaitsIsWell(t *testing.T) {
	f := tile(twoSeconds(t), 60, 2*time.Second)
	zero := f.Session.Zero
	s := newStore(t, 1).start(t, recording.OSFiles{})
	src, r := s.onMotion(items(f), &moved{zero: zero, spans: []span{{60 * time.Second, 61 * time.Second}}})
	set, waited, wrote := src.at, 0, 0
	src.at = func(i int) {
		set(i)
		if i%40 != 39 {
			return
		}
		if err := s.SyncAll(t.Context()); err != nil {
			t.Error(err)
		}
		all, err := s.Status(t.Context())
		if err != nil || len(all) != 1 || !all[0].Recording || !all[0].Problem.IsZero() {
			t.Errorf("status after %v: %+v %v", s.clock.Sub(zero), all, err)
			return
		}
		if all[0].Waiting {
			waited++
		} else {
			wrote++
		}
	}
	if err := r.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	if waited < 50 || wrote < 5 {
		t.Errorf("waited at %d looks and wrote at %d", waited, wrote)
	}
}

func TestHoldRecordsWithoutMotion(t *testing.T) {
	f := tile(twoSeconds(t), 200, 2*time.Second)
	zero := f.Session.Zero
	s := newStore(t, 1).start(t, recording.OSFiles{})
	hold := recording.Hold{ID: "r", Camera: "porch", From: zero.Add(60 * time.Second), To: zero.Add(90 * time.Second), Until: zero.Add(time.Hour)}
	if err := s.Hold(t.Context(), hold); err != nil {
		t.Fatal(err)
	}
	s.recordMotion(t, items(f), &moved{zero: zero})
	got := s.stretches(t, zero)
	if len(got) != 1 || got[0].from > 60*time.Second || got[0].to < 90*time.Second || got[0].to > 170*time.Second {
		t.Errorf("recorded %v", got)
	}
	s.sound(t)
}

// TestCameraThatGoesLeavesItsLastSeconds, and what was lost within them is
// told as lost.
func TestCameraThatGoesLeavesItsLastSeconds(t *testing.T) {
	f := tile(twoSeconds(t), 15, 2*time.Second)
	zero := f.Session.Zero
	s := newStore(t, 1).start(t, recording.OSFiles{})
	list := append(items(f), broken(rtsp.ReasonLost, zero.Add(30*time.Second)))
	list = append(list, items(later(f, 33*time.Second))[:200]...)
	last := list[len(list)-1].Unit.UTC
	list = append(list, broken(rtsp.ReasonClosed, last))
	list = append(list, items(later(f, 100*time.Second))...)
	s.recordMotion(t, list, &moved{zero: zero, spans: []span{{2 * time.Hour, 0}}})
	got := s.stretches(t, zero)
	if len(got) != 2 || got[0].from > last.Sub(zero)-pre || !near(got[0].to, 30*time.Second) && got[0].from < 30*time.Second || last.Sub(zero)-got[1].to > 200*time.Millisecond {
		t.Errorf("recorded %v of a camera that went after %v", got, last.Sub(zero))
	}
	var reasons []rtsp.Reason
	for _, g := range s.gaps(t) {
		reasons = append(reasons, g.Reason)
		if g.Reason == rtsp.ReasonClosed && (!g.From.Equal(zero.Add(got[len(got)-1].to)) || !g.To.Equal(zero.Add(100*time.Second))) {
			t.Errorf("gap %+v, sent up to %v", g, last)
		}
	}
	if want := []rtsp.Reason{rtsp.ReasonNoMotion, rtsp.ReasonLost, rtsp.ReasonClosed, rtsp.ReasonNoMotion, rtsp.ReasonShutdown}; !slices.Equal(reasons, want) {
		t.Errorf("gaps %v, want %v", reasons, want)
	}
	s.sound(t)
}

// TestCrashIsNotTakenForNoMotion kills the hub while nothing moves, and while
// it records.
func TestCrashIsNotTakenForNoMotion(t *testing.T) {
	f := tile(twoSeconds(t), 150, 2*time.Second)
	zero := f.Session.Zero
	for name, c := range map[string]struct {
		moves []span
		at    time.Duration
		known [2]time.Duration // the index knows of the stream up to somewhere here
	}{
		"waiting, nothing ever recorded": {nil, 250 * time.Second, [2]time.Duration{170 * time.Second, 250 * time.Second}},
		"waiting":                        {[]span{{30 * time.Second, 31 * time.Second}}, 250 * time.Second, [2]time.Duration{170 * time.Second, 250 * time.Second}},
		"recording":                      {[]span{{200 * time.Second, 0}}, 250 * time.Second, [2]time.Duration{240 * time.Second, 250 * time.Second}},
	} {
		t.Run(name, func(t *testing.T) {
			s := newStore(t, 1).start(t, recording.OSFiles{})
			src, r := s.onMotion(items(f), &moved{zero: zero, spans: c.moves})
			set := src.at
			src.at = func(i int) {
				set(i)
				if i%40 == 39 {
					if err := s.SyncAll(t.Context()); err != nil {
						t.Error(err)
					}
				}
				if s.clock.Sub(zero) >= c.at {
					runtime.Goexit()
				}
			}
			done := make(chan struct{})
			go func() {
				defer close(done)
				_ = r.Run(context.WithoutCancel(t.Context()))
			}()
			<-done
			s.start(t, recording.OSFiles{})
			s.recordMotion(t, items(later(f, 1000*time.Second)), &moved{zero: zero.Add(1000 * time.Second), spans: []span{{20 * time.Second, 21 * time.Second}}})
			i := slices.IndexFunc(s.gaps(t), func(g recording.Gap) bool { return g.Reason == rtsp.ReasonCrash })
			if i < 0 {
				t.Fatalf("no crash among %+v", s.gaps(t))
			}
			g := s.gaps(t)[i]
			if at := g.From.Sub(zero); at < c.known[0] || at > c.known[1] || !g.To.Equal(zero.Add(1000*time.Second)) {
				t.Errorf("crash from %v to %v", at, g.To.Sub(zero))
			}
			s.sound(t)
		})
	}
}

// TestRebuildKnowsTimeWithoutMotion: the links commit to it.
func TestRebuildKnowsTimeWithoutMotion(t *testing.T) {
	f := tile(twoSeconds(t), 100, 2*time.Second)
	zero := f.Session.Zero
	s := newStore(t, 1).start(t, recording.OSFiles{})
	s.recordMotion(t, items(f), &moved{zero: zero, spans: []span{{30 * time.Second, 30 * time.Second}, {80 * time.Second, 80 * time.Second}, {150 * time.Second, 0}}})
	old, gaps := s.all(t), s.gaps(t)
	fresh := newStore(t, 0)
	fresh.cfg.Disks = s.cfg.Disks
	if n, err := recording.Rebuild(t.Context(), fresh.cfg, func(f recording.Finding) { t.Errorf("%+v", f) }); err != nil || n != len(old) {
		t.Fatalf("%d segments of %d, %v", n, len(old), err)
	}
	fresh.start(t, recording.OSFiles{})
	var want, got []recording.Gap
	for _, g := range gaps {
		if g.Reason == rtsp.ReasonNoMotion && g.From.After(zero) && !g.To.Equal(old[len(old)-1].Start) {
			want = append(want, g)
		}
	}
	for _, g := range fresh.gaps(t) {
		if g.Reason == rtsp.ReasonNoMotion {
			got = append(got, g)
		}
	}
	if !slices.EqualFunc(want, got, func(a, b recording.Gap) bool { return a.From.Equal(b.From) && a.To.Equal(b.To) }) || len(got) == 0 {
		t.Errorf("gaps %+v, were %+v", got, want)
	}
	fresh.sound(t)
}

// TestPrerollIsBounded: a stream that is larger than the memory for it loses
// whole groups of pictures, oldest first, and is recorded from the next on. The
// sizes put the bound behind and at the picture that shows motion.
func TestPrerollIsBounded(t *testing.T) {
	footage := tile(mp4test.Make(t, mp4test.Shot{Video: rtsp.H264, Seconds: 2, GOP: 30}), 15, 2*time.Second)
	for _, size := range []int{3 << 19, 2 << 20} { // 45 and 60 Mbyte a group
		f := later(footage, 0)
		filler := make([]byte, size)
		filler[0] = 0x0c // ITU-T H.264 7.3.2.7
		for _, u := range f.Units {
			u.Data = append(slices.Clone(u.Data), filler)
		}
		zero := f.Session.Zero
		s := newStore(t, 1).start(t, recording.OSFiles{})
		src, r := s.onMotion(items(f), &moved{zero: zero, spans: []span{{15 * time.Second, 15500 * time.Millisecond}}})
		set, most := src.at, 0
		src.at = func(i int) { set(i); most = max(most, r.PrerollBytes()) }
		if err := r.Run(t.Context()); err != nil {
			t.Fatal(err)
		}
		if most > recording.MaxPreroll+2*size || most < recording.MaxPreroll/2 {
			t.Errorf("held %d bytes, at most %d", most, recording.MaxPreroll)
		}
		if got := s.stretches(t, zero); len(got) != 1 || got[0].from > 16*time.Second || got[0].to < 23500*time.Millisecond {
			t.Errorf("recorded %v %+v", got, s.gaps(t))
		}
	}
}
