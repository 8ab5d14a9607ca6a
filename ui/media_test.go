package ui

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"gatehouse/hub/clip"
	"gatehouse/hub/recording"
)

func TestClipAddresses(t *testing.T) {
	house := newHouse()
	h := house.handler(t)
	visit(h, http.MethodPost, "/confirm", url.Values{"passphrase": {fixturePass}})
	const base = "/cameras/Driveway/main/clip."
	const span = "?from=2026-11-21T21:00:03.25Z&to=2026-11-21T22:01:00%2B01:00"
	w := visit(h, http.MethodGet, base+"mp4"+span+"&sound=0&part=2&download=1", nil)
	want := clip.Query{
		Range: clip.Range{
			Camera: "Driveway", Stream: recording.Main,
			From: time.Date(2026, 11, 21, 21, 0, 3, 25e7, time.UTC), To: time.Date(2026, 11, 21, 21, 1, 0, 0, time.UTC),
		},
		Part: 2, Download: true, Zone: fixtureZone,
	}
	zones := cmp.Comparer(func(a, b *time.Location) bool { return a.String() == b.String() })
	if diff := cmp.Diff(want, house.clips.asked, zones, cmp.Comparer(time.Time.Equal)); w.Code != http.StatusOK || diff != "" {
		t.Errorf("%d (-want +got)\n%s", w.Code, diff)
	}
	for path, status := range map[string]int{
		base + "mp4" + span: 200, base + "zip" + span: 200,
		base + "mp4": 422, base + "zip": 422,
		base + "mp4" + span + "&part=0": 404, base + "mp4" + span + "&part=-1": 404, base + "mp4" + span + "&part=99999": 404,
		base + "mp4?from=2026-11-21T00:00:00Z&to=2026-11-22T00:00:00Z": 422,
		"/cameras/Driveway/side/clip.mp4" + span:                       404,
		"/cameras/Garden/main/clip.mp4" + span:                         404,
	} {
		if w := visit(h, http.MethodGet, path, nil); w.Code != status {
			t.Errorf("%s: %d, want %d", path, w.Code, status)
		}
	}
	house.clips.err = clip.ErrParts
	w = visit(h, http.MethodGet, base+"mp4"+span+"&download=1", nil)
	if to := w.Header().Get("Location"); w.Code != http.StatusSeeOther || to != base+"zip"+span+"&download=1" {
		t.Errorf("a range with holes: %d to %q", w.Code, to)
	}
	house.clips.err = clip.ErrBusy
	if w = visit(h, http.MethodGet, base+"zip"+span, nil); w.Code != http.StatusServiceUnavailable || w.Header().Get("Retry-After") == "" {
		t.Errorf("too many at once: %d, %v", w.Code, w.Header())
	}
	house.clips.err = fmt.Errorf("opening footage: %w", recording.ErrNotFound)
	for _, form := range []string{"mp4", "zip"} {
		w = visit(h, http.MethodGet, base+form+span, nil)
		if w.Code != http.StatusNotFound || !strings.Contains(w.Body.String(), english().say("error.footage-gone.what")) || w.Header().Get("Content-Disposition") != "" {
			t.Errorf("a file that is gone, as %s: %d %v", form, w.Code, w.Header())
		}
	}
}

// TestTimelineOffersTheDownload of what it plays, unless that is too long. What
// a script put beside the fields is exact, and counts before them.
func TestTimelineOffersTheDownload(t *testing.T) {
	h := newHouse().handler(t)
	visit(h, http.MethodPost, "/confirm", url.Values{"passphrase": {fixturePass}})
	page := func(from, to string) string {
		q := url.Values{"day": {"2026-11-22"}, "from": {"2026-11-22T" + from}, "to": {"2026-11-22T" + to}}
		return visit(h, http.MethodGet, "/timeline/Driveway?"+q.Encode(), nil).Body.String()
	}
	if got := page("08:00:00", "08:10:00"); !strings.Contains(got, `src="/cameras/Driveway/main/clip.mp4?from=2026-11-22T16%3A00%3A00Z&amp;to=2026-11-22T16%3A10%3A00Z" controls`) {
		t.Error("no file to play in", got)
	}
	if got := page("00:00:00", "13:00:00"); strings.Contains(got, "clip.mp4") {
		t.Error("13 hours are offered")
	}
	for query, want := range map[string]string{
		"from=2026-11-22T08:00:00&to=2026-11-22T08:10":                       "from=2026-11-22T16%3A00%3A00Z&to=2026-11-22T16%3A10%3A00Z",
		"from=x&to=y&in=2026-11-22T16:00:00.250Z&out=2026-11-22T16:00:01.5Z": "from=2026-11-22T16%3A00%3A00.25Z&to=2026-11-22T16%3A00%3A01.5Z",
	} {
		w := visit(h, http.MethodGet, "/timeline/Driveway/clip?"+query, nil)
		if got := w.Header().Get("Location"); got != "/cameras/Driveway/main/clip.mp4?download=1&"+want {
			t.Errorf("%s leads to %q", query, got)
		}
	}
	for _, query := range []string{"", "from=x&to=y", "in=x&out=y", "from=2026-11-22T08:10&to=2026-11-22T08:00", "from=2026-11-20T08:10&to=2026-11-22T08:00"} {
		if w := visit(h, http.MethodGet, "/timeline/Driveway/clip?"+query, nil); w.Code != http.StatusUnprocessableEntity {
			t.Errorf("%q: %d", query, w.Code)
		}
	}
}

// TestStillsSayWhatTheyAre: origin and time of a picture; a card has no time.
func TestStillsSayWhatTheyAre(t *testing.T) {
	house := newHouse()
	h := house.handler(t)
	const path = "/cameras/Driveway/still.jpg"
	w := visit(h, http.MethodGet, path, nil)
	if w.Header().Get("Gatehouse-Picture") != "card" || w.Header().Get("Gatehouse-Taken") != "" || w.Header().Get("Last-Modified") != "" {
		t.Errorf("a card: %v", w.Header())
	}
	house.clips.jpeg = []byte("\xff\xd8 a picture \xff\xd9")
	for query, taken := range map[string]string{"": "2026-11-22T20:29:59.000Z", "?at=2026-11-22T12:00:01.5%2B01:00": "2026-11-22T11:00:00.500Z"} {
		w = visit(h, http.MethodGet, path+query, nil)
		if w.Code != http.StatusOK || w.Header().Get("Gatehouse-Picture") != "key-frame" || w.Header().Get("Gatehouse-Taken") != taken {
			t.Errorf("%q: %d %v", query, w.Code, w.Header())
		}
	}
}
