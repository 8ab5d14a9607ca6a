package ui

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"io"
	"io/fs"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"gatehouse/hub/motion"
)

func lanesOf(t *testing.T, h http.Handler, path string) (l lanes, size int) {
	t.Helper()
	w := visit(h, http.MethodGet, path, nil)
	if w.Code != http.StatusOK || w.Header().Get("Cache-Control") != "no-store" {
		t.Fatalf("%s: %d %v", path, w.Code, w.Header())
	}
	size = w.Body.Len()
	if err := json.Unmarshal(w.Body.Bytes(), &l); err != nil {
		t.Fatal(err)
	}
	return l, size
}

// TestLanes: a day as the timeline draws it.
func TestLanes(t *testing.T) {
	house := newHouse()
	house.motions.perDay = 2
	l, _ := lanesOf(t, house.handler(t), "/timeline/Driveway/data?day=2026-11-21")
	midnight := time.Date(2026, 11, 21, 0, 0, 0, 0, fixtureZone)
	ms := func(d time.Duration) int64 { return d.Milliseconds() }
	gap := [2]int64{ms(13*time.Hour + 4*time.Minute), ms(13*time.Hour + 7*time.Minute + 12*time.Second)}
	want := lanes{
		From: midnight.UnixMilli(), To: midnight.UnixMilli() + ms(24*time.Hour), Now: fixtureNow.UnixMilli(), Day: "2026-11-21",
		Zone:     [][2]int64{{midnight.UnixMilli(), -480}},
		Recorded: [][2]int64{{0, gap[0]}, {gap[1], ms(24 * time.Hour)}},
		Motion:   l.Motion,
		Gaps:     []laneGap{{gap, "The camera stopped sending pictures.", "3 min 12 s", false}},
		Held: []laneHold{
			{[2]int64{ms(13 * time.Hour), ms(13*time.Hour + 45*time.Minute)}, "Held for Lakeside Police", false},
			{[2]int64{ms(14*time.Hour + 10*time.Minute), ms(14*time.Hour + 22*time.Minute)}, "Kept: Fox at the bins, قرب الباب 🦊", true},
		},
		Asked: []laneAsk{
			{[2]int64{ms(13 * time.Hour), ms(13*time.Hour + 45*time.Minute)}, "Lakeside Police", "/requests/" + waitingID},
			{[2]int64{ms(13 * time.Hour), ms(13*time.Hour + 45*time.Minute)}, "Lakeside Police", "/requests/" + preparedID},
			{[2]int64{ms(13 * time.Hour), ms(13*time.Hour + 45*time.Minute)}, "Officer Ruiz, Lakeside Police", "/requests/hand-7q3mk2xd9fhtw4rc"},
		},
	}
	if diff := cmp.Diff(want, l); diff != "" || len(l.Motion) < 2 {
		t.Errorf("%v (-want +got):\n%s", l.Motion, diff)
	}
}

// TestLanesAreBounded: 2,000 events of a day come one by one; of 40,000 those
// that are close are joined, and none is lost.
func TestLanesAreBounded(t *testing.T) {
	house := newHouse()
	h := house.handler(t)
	const path = "/timeline/Driveway/data?day=2026-11-20"
	house.motions.perDay = 2000
	few, size := lanesOf(t, h, path)
	if len(few.Motion) < 1990 || few.Step != 0 || size > 64<<10 {
		t.Errorf("%d of 2,000 events in %d bytes, step %d", len(few.Motion), size, few.Step)
	}
	house.motions.perDay = 40_000
	many, size := lanesOf(t, h, path)
	if len(many.Motion) > maxSpans || many.Step == 0 || size > 128<<10 {
		t.Errorf("%d spans in %d bytes, step %d", len(many.Motion), size, many.Step)
	}
	covered := func(ms int64) bool {
		for _, m := range many.Motion {
			if m[0] <= ms && ms <= m[1] {
				return true
			}
		}
		return false
	}
	all, _ := house.motions.Motions(t.Context(), "Driveway", time.UnixMilli(many.From), time.UnixMilli(many.To))
	for i := 0; i < len(all); i += 97 {
		if at := max(all[i].From.UnixMilli()-many.From, 0); !covered(at) {
			t.Fatalf("motion at %d ms is nowhere", at)
		}
	}
}

// TestLanesOfStrangeDays: 25 and 23 hours, nothing, the future, a camera that
// is gone, and what is no day.
func TestLanesOfStrangeDays(t *testing.T) {
	house := newHouse()
	house.archive.gone, house.cameras = "Old garage", []string{"🐓 hens", "كاميرا"}
	house.motions.perDay = 0
	h := house.handler(t)
	for path, hours := range map[string]int64{
		"/timeline/Driveway/data?day=2026-11-01":                                    25,
		"/timeline/Driveway/data?day=2026-03-08":                                    23,
		"/timeline/Driveway/data?day=2031-01-01":                                    24,
		"/timeline/Old%20garage/data?day=2026-11-20":                                24,
		"/timeline/Driveway/data?from=2026-11-20T10:00:00Z&to=2026-11-20T11:00:00Z": 1,
		"/timeline/" + url.PathEscape("🐓 hens") + "/data?day=2026-11-20":            24,
		"/timeline/" + url.PathEscape("كاميرا") + "/data?day=2026-11-20":            24,
	} {
		if l, _ := lanesOf(t, h, path); (l.To-l.From)/3_600_000 != hours {
			t.Errorf("%s has %d hours", path, (l.To-l.From)/3_600_000)
		}
	}
	l, _ := lanesOf(t, h, "/timeline/Driveway/data?day=2026-11-01")
	start := time.Date(2026, 11, 1, 0, 0, 0, 0, fixtureZone).UnixMilli()
	if diff := cmp.Diff([][2]int64{{start, -420}, {start + 7_200_000, -480}}, l.Zone); diff != "" {
		t.Errorf("the clock of the change: %s", diff)
	}
	for path, want := range map[string]int{
		"/timeline/Driveway/data":                                                          422,
		"/timeline/Driveway/data?day=x":                                                    422,
		"/timeline/Driveway/data?day=9999-12-31":                                           422,
		"/timeline/Driveway/data?day=2026-02-30":                                           422,
		"/timeline/Driveway/data?from=2026-11-20T10:00:00Z&to=2026-11-20T10:00:00Z":        422,
		"/timeline/Driveway/data?from=2026-11-20T10:00:00Z&to=2026-12-20T10:00:00Z":        422,
		"/timeline/Driveway/data?from=%00&to=%ff":                                          422,
		"/timeline/Nobody/data?day=2026-11-20":                                             404,
		"/timeline/Driveway?at=tomorrow":                                                   422,
		"/timeline/Driveway?day=99999":                                                     422,
		"/timeline/Driveway?at=0000-01-01T00:00:00Z":                                       422,
		"/timeline/Driveway?from=x&to=y":                                                   422,
		"/timeline/Driveway?at=2026-11-21T10:00:00Z&with=Nobody&with=Driveway&with=🐓+hens": 200,
		"/timeline/Driveway?day=2031-01-01":                                                200,
		"/timeline/Old%20garage":                                                           200,
		"/timeline?camera=Nobody&day=x":                                                    303,
		"/cameras/Driveway/strip.jpg?at=x":                                                 422,
		"/timeline/Driveway/sheet?from=x&to=y":                                             422,
		"/cameras/Driveway/sheet.jpg?from=x&to=y":                                          422,
		"/cameras/Driveway/sheet.jpg?from=2026-11-20T10:00:00Z&to=2026-11-20T11:00:00Z":    303, // asks for the passphrase first
		"/cameras/Nobody/strip.jpg?at=2026-11-20T10:00:00Z":                                404,
		"/cameras/Driveway/strip.jpg?at=2026-11-20T10:00:00Z":                              204,
	} {
		w := visit(h, http.MethodGet, path, nil)
		if w.Code != want {
			t.Errorf("%s: %d, want %d", path, w.Code, want)
		}
		checkPage(t, path, w.Body.String())
	}
}

// TestMotionThatLasts ends now, and what overlaps is one.
func TestMotionThatLasts(t *testing.T) {
	zero := fixtureNow.Add(-time.Hour)
	at := func(s int) time.Time { return zero.Add(time.Duration(s) * time.Second) }
	got := movedIn([]motion.Motion{
		{From: at(30), Score: 0.2}, {From: at(-5), To: at(10), Score: 0.1}, {From: at(5), To: at(12), Score: 0.4}, {From: at(20), To: at(20)},
	}, zero, at(3600), at(40))
	var spans [][2]time.Duration
	for _, m := range got {
		spans = append(spans, [2]time.Duration{m.from.Sub(zero), m.to.Sub(zero)})
	}
	if diff := cmp.Diff([][2]time.Duration{{0, 12 * time.Second}, {30 * time.Second, 40 * time.Second}}, spans); diff != "" || got[0].score != 0.4 {
		t.Error(diff, got)
	}
}

// Weight of what a page loads, compressed: a phone on a poor network opens the
// console at once. hls.js is loaded by players alone.
const (
	mostScript = 40_000
	mostStyle  = 15_000
)

// lazyScripts are the modules that a page loads by itself, where it needs them;
// no page needs two.
func lazyScripts(t *testing.T) (names []string) {
	all, err := fs.Glob(staticFiles, "static/js/*.mjs")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range all {
		text, err := fs.ReadFile(staticFiles, name)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range regexp.MustCompile(`[^{]import\("\./([a-z-]+\.mjs)"\)\.then`).FindAllSubmatch(text, -1) {
			names = append(names, string(m[1]))
		}
	}
	if len(names) == 0 {
		t.Error("no module is loaded by a page itself")
	}
	return names
}

func TestPagesAreLight(t *testing.T) {
	h := newHouse().handler(t)
	weigh := func(patterns ...string) (n int) {
		for _, pattern := range patterns {
			names, err := fs.Glob(staticFiles, pattern)
			if err != nil || len(names) == 0 {
				t.Fatal(names, err)
			}
			for _, name := range names {
				w := visit(h, http.MethodGet, newAssets().url(strings.TrimPrefix(name, "static/")), nil,
					func(r *http.Request) { r.Header.Set("Accept-Encoding", "gzip, deflate, br") })
				sent := w.Body.Len()
				want, err := fs.ReadFile(staticFiles, name)
				if err != nil {
					t.Fatal(err)
				}
				z, err := gzip.NewReader(w.Body)
				if err != nil {
					t.Fatal(name, w.Code, err)
				}
				if got, err := io.ReadAll(z); err != nil || !bytes.Equal(got, want) {
					t.Fatal(name, "is another file", err)
				}
				n += sent
			}
		}
		return n
	}
	script, style, most := weigh("static/js/*.mjs", "static/js/*.js"), weigh("static/*.css"), 0
	for _, name := range lazyScripts(t) {
		n := weigh("static/js/" + name)
		script, most = script-n, max(most, n)
	}
	t.Logf("scripts %d bytes on every page and at most %d more on one, styles %d bytes", script, most, style)
	if script+most > mostScript || style > mostStyle {
		t.Errorf("scripts %d+%d bytes of %d, styles %d of %d", script, most, mostScript, style, mostStyle)
	}
	html := visit(h, http.MethodGet, "/timeline/Driveway?day=2026-11-21", nil).Body
	if html.Len() > 60_000 || strings.Contains(html.String(), "hls.light") {
		t.Errorf("the page has %d bytes", html.Len())
	}
}
