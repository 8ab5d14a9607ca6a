package request

import (
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"gatehouse/hub/bulletin"
)

func TestScheduleIsAFunctionOfSeedAndTime(t *testing.T) {
	start := time.Date(2026, 11, 21, 21, 0, 0, 0, time.UTC)
	for _, every := range []time.Duration{2 * time.Second, time.Minute, time.Hour, 24 * time.Hour} {
		s := schedule{seed: []byte("seed"), feed: "log", every: every}
		same := schedule{seed: []byte("seed"), feed: "log", every: every}
		at := s.after(start)
		for range 500 {
			// From anywhere in the gap, the next fetch is the same one.
			for _, from := range []time.Time{at.Add(-1), at.Add(-every / 4)} {
				if next := same.after(from); next.After(at) {
					t.Fatalf("every %v: after %v comes %v, want %v at the latest", every, from, next, at)
				}
			}
			next := s.after(at)
			if gap := next.Sub(at); gap <= 0 || gap < every*7/8 || gap > every*9/8 {
				t.Fatalf("every %v: a gap of %v", every, gap)
			}
			at = next
		}
		for _, other := range []schedule{
			{seed: []byte("other"), feed: "log", every: every}, {seed: []byte("seed"), feed: "other", every: every},
		} {
			if other.after(start).Equal(s.after(start)) {
				t.Errorf("every %v: two hubs or two bulletins go together", every)
			}
		}
	}
}

func TestFilesFollowTime(t *testing.T) {
	now := time.Date(2026, 11, 21, 21, 30, 0, 0, time.UTC)
	s := schedule{seed: []byte("seed"), feed: "log", every: time.Hour}
	whole := s.draw("whole", 0, 24*time.Hour) / time.Hour
	for now.Add(-time.Hour).Hour() == int(whole) || now.Hour() == int(whole) {
		now = now.Add(3 * time.Hour)
	}
	hour := now.Truncate(time.Hour)
	e := func(ago int) string { return epochPath(hour.Add(time.Duration(-ago) * time.Hour)) }
	through := func(ago int) progress { return progress{through: hour.Add(time.Duration(-ago) * time.Hour)} }
	with := func(p progress, ago ...int) progress {
		p.extra = map[time.Time]bool{}
		for _, n := range ago {
			p.extra[hour.Add(time.Duration(-n)*time.Hour)] = true
		}
		return p
	}
	for name, c := range map[string]struct {
		p     progress
		now   time.Time
		every time.Duration
		want  []string
	}{
		"first start":         {progress{}, now, time.Hour, []string{bulletin.ActivePath}},
		"up to date":          {through(1), now, time.Hour, []string{e(1)}},
		"twice in an hour":    {through(0), now, time.Hour, []string{e(1)}},
		"one missed":          {through(2), now, time.Hour, []string{e(1), e(2)}},
		"many missed":         {through(40), now, time.Hour, []string{e(1), e(40)}},
		"some caught up":      {with(through(40), 40, 39, 1), now, time.Hour, []string{e(1), e(38)}},
		"all but the last":    {with(through(3), 3, 2), now, time.Hour, []string{e(1)}},
		"too long away":       {through(50), now, time.Hour, []string{bulletin.ActivePath}},
		"often":               {through(1), now, 2 * time.Minute, []string{bulletin.ActivePath}},
		"seldom":              {through(1), now, 6 * time.Hour, []string{bulletin.ActivePath}},
		"hour not out yet":    {through(2), hour.Add(5 * time.Minute), time.Hour, []string{e(2)}},
		"once a day, at last": {through(1), hour.Add(-time.Duration(hour.Hour())*time.Hour + (whole+1)*time.Hour + 30*time.Minute), time.Hour, []string{bulletin.ActivePath}},
	} {
		s.every = c.every
		if diff := cmp.Diff(c.want, s.files(c.p, c.now)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

func TestProgressCatchesUp(t *testing.T) {
	s := schedule{seed: []byte("seed"), feed: "log", every: time.Hour}
	now := time.Date(2026, 11, 21, 21, 30, 0, 0, time.UTC)
	p := progress{through: now.Truncate(time.Hour).Add(-20 * time.Hour)}
	got := map[string]bool{}
	for range 60 {
		paths := s.files(p, now)
		for _, path := range paths {
			got[path] = true
		}
		p = p.took(now, paths)
		now = now.Add(time.Hour)
	}
	if !p.through.Equal(completed(now.Add(-time.Hour))) || len(p.extra) != 0 {
		t.Errorf("behind after 60 fetches: through %v, extra %v at %v", p.through, p.extra, now)
	}
	if !got[bulletin.ActivePath] || len(got) < 50 {
		t.Errorf("fetched %d different files", len(got))
	}
	// Every hour of the first day was fetched or covered by a whole file.
	first := slices.Min(slices.Collect(func(yield func(string) bool) {
		for path := range got {
			if path != bulletin.ActivePath && !yield(path) {
				return
			}
		}
	}))
	if first != epochPath(time.Date(2026, 11, 21, 1, 0, 0, 0, time.UTC)) {
		t.Errorf("the oldest missing hour was not fetched; the oldest was %s", first)
	}
}

// TestMirrorIsAFunctionOfSeedAndTime: each address is drawn about as often, the
// same one for the same seed and minute, and without mirrors there is no choice.
func TestMirrorIsAFunctionOfSeedAndTime(t *testing.T) {
	s, same := schedule{seed: []byte("seed"), feed: "log", every: time.Hour}, schedule{seed: []byte("seed"), feed: "log", every: time.Hour}
	other := schedule{seed: []byte("other"), feed: "log", every: time.Hour}
	counts, differ := make([]int, 3), 0
	at := time.Date(2026, 11, 21, 21, 0, 0, 0, time.UTC)
	for range 3000 {
		at = s.after(at)
		n := s.mirror(at, 3)
		if n != same.mirror(at.Truncate(time.Minute), 3) {
			t.Fatalf("at %v two hubs of one seed would ask different mirrors", at)
		}
		if n != other.mirror(at, 3) {
			differ++
		}
		counts[n]++
		if s.mirror(at, 1) != 0 {
			t.Fatal("one address, and it is not the first")
		}
	}
	if slices.Min(counts) < 800 || differ < 1600 {
		t.Errorf("drawn %v times; another seed drew another %d times", counts, differ)
	}
}
