package request_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"gatehouse/hub/bulletin"
	"gatehouse/hub/bulletin/bulletintest"
	"gatehouse/hub/request"
)

// strictRules ask everything that can be asked.
var strictRules = func() []request.Rule {
	yes := true
	return []request.Rule{
		{Level: "federal", Action: request.Hide},
		{InCase: 2, Action: request.Decline},
		{Age: 57 * time.Hour, Action: request.Keep},
		{Cameras: 1, MaxKM2: 0.7, Action: request.RequireTwo},
		{In30Days: 9, Category: "vandalism", Action: request.Hide},
		{Missing: []string{"religion"}, Minutes: 100, Action: request.Notify},
		{Onward: &yes, KeepDays: 100, UnusedDays: 10, Action: request.Hide},
		{Hours: &request.Hours{From: 2 * 60, To: 9 * 60}, Action: request.Decline},
	}
}()

// varied is a request of a home, which is not at its middle.
func (h *home) varied(r *rand.Rand, i int) bulletin.Request {
	q := h.request()
	q.Incident.Category = []string{"vandalism", "package_theft"}[r.IntN(2)]
	q.Case.Number = fmt.Sprintf("2026-%04d", r.IntN(60))
	q.Window.From = q.IssuedAt.Add(-time.Duration(50+r.IntN(10)) * time.Hour)
	q.Window.To = q.Window.From.Add(time.Duration(90+r.IntN(2)*30) * time.Minute)
	q.Incident.Occurred = bulletin.Window{From: q.Window.From, To: q.Window.From.Add(time.Hour)}
	side := []float64{0.006, 0.009}[r.IntN(2)]
	q.Area.Ring = bulletintest.Box(bulletin.Point{Lat: bulletintest.Centre.Lat + float64(r.IntN(4)/3)*0.02, Lon: bulletintest.Centre.Lon}, side, side)
	if r.IntN(2) == 0 {
		q.Incident.NotRelatedTo = append(q.Incident.NotRelatedTo, "religion")
	}
	if q.Handling.Onward = r.IntN(3) == 0; q.Handling.Onward {
		q.Handling.OnwardTo = []string{"The county prosecutor"}
	}
	q.Incident.Headline = fmt.Sprintf("Number %d", i)
	return q
}

// fateThen is what a home that had just judged a request did with it.
func fateThen(r request.Record) request.Fate {
	switch r.State {
	case request.Hidden:
		return request.Concealed
	case request.Declined:
		return request.Turned
	case request.Unmatched:
		return request.Elsewhere
	case request.Refused:
		return request.Invalid
	case request.Waiting:
		return map[request.Action]request.Fate{
			request.Notify: request.Rings, request.Digest: request.InDigest, request.RequireTwo: request.TwoPeople, request.Keep: request.Untold,
		}[r.Rule.Action]
	}
	return "judged otherwise: " + request.Fate(r.State)
}

// TestDryRunIsWhatWouldHaveHappened: two homes get the same requests for weeks, one with strict rules and one with
// none. Later the footage is deleted, the homes have moved, and some requests were withdrawn. A dry run of the one's
// rules over the other's history then says of every request what became of it where they were in force.
func TestDryRunIsWhatWouldHaveHappened(t *testing.T) {
	lenient := newHome(t)
	lenient.clock.now = lenient.clock.now.Truncate(24 * time.Hour) // the same hours in each run
	lenient.allowed()
	strict := newHomeOf(t, lenient.log, func(c *request.Config) { c.Home.Rules = strictRules })
	strict.agency, strict.log, strict.clock.now = lenient.agency, lenient.log, lenient.clock.now
	strict.allowed()
	homes := []*home{lenient, strict}
	r := rand.New(rand.NewPCG(2, 11))
	then := map[*home]map[string]request.Fate{lenient: {}, strict: {}}
	outside := []request.Camera{{Name: "porch", Exterior: true}, {Name: "hall", Exterior: true}}
	both := request.Home{Position: bulletintest.Centre, Cameras: outside}
	lenient.SetHome(both)
	both.Rules = strictRules
	strict.SetHome(both)
	for i := range 70 {
		q := lenient.varied(r, i)
		lenient.publish(q)
		seconds := map[string]float64{"porch": float64(r.IntN(3) * 60), "hall": float64(r.IntN(2) * 60)}
		for _, h := range homes {
			h.footage.sec = seconds
			h.take()
			rec, err := h.Get(t.Context(), q.ID)
			if err != nil {
				t.Fatal(err)
			}
			then[h][q.ID] = fateThen(rec)
			h.clock.add(9 * time.Hour)
		}
		if i%7 == 0 {
			q.Revision, q.Supersedes, q.Status = 2, lenient.supersedes(q.ID), bulletin.StatusWithdrawn
			q.IssuedAt = lenient.clock.Now().Truncate(time.Second)
			lenient.publish(q)
		}
	}
	moved := request.Home{Position: bulletin.Point{Lat: 1, Lon: 1}}
	for _, h := range homes {
		h.take()
		h.footage.sec = nil
		h.SetHome(moved)
	}
	for _, h := range homes {
		got, err := h.DryRun(t.Context(), strictRules)
		if err != nil {
			t.Fatal(err)
		}
		told := 0
		for id, want := range then[strict] {
			i := slices.IndexFunc(got.Touching, func(x request.RequestTrial) bool { return x.ID == id })
			if i < 0 {
				continue
			}
			if x := got.Touching[i]; x.Would != want || x.Was != then[h][id] {
				t.Errorf("%s: was %s, would have been %s; it was %s, and %s where the rules were in force", x.Headline, x.Was, x.Would, then[h][id], want)
			}
			if want.Tells() {
				told++
			}
		}
		if got.Requests != 70 || got.Told != told || told < 5 || got.Touched < 30 || got.Touched == 70 || got.Filled != 0 {
			t.Errorf("%d requests, %d touched, %d told, want %d; %d filled in", got.Requests, got.Touched, got.Told, told, got.Filled)
		}
		seen := map[request.Fate]bool{}
		caught := got.NoRule.Caught
		for _, f := range got.Fates {
			seen[f.Would] = true
		}
		for i, x := range got.Rules {
			caught += x.Caught
			if x.Number != i+1 || x.Text != strictRules[i].String() || i > 0 && x.Caught == 0 {
				t.Errorf("%+v", x)
			}
		}
		for _, f := range []request.Fate{request.Rings, request.InDigest, request.TwoPeople, request.Untold, request.Concealed, request.Turned, request.Elsewhere} {
			if !seen[f] {
				t.Errorf("no request would have been %s: %+v", f, got.Fates)
			}
		}
		if asked := 70 - fates(got, request.Invalid); caught != asked {
			t.Errorf("%d requests are caught, of %d", caught, asked)
		}
		if h == strict && got.Changed != 0 || h == lenient && got.Changed == 0 {
			t.Errorf("%d changed", got.Changed)
		}
	}
}

func fates(t request.Trial, would request.Fate) (n int) {
	for _, f := range t.Fates {
		if f.Would == would {
			n += f.Requests
		}
	}
	return n
}

func hashOf(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}

func (h *home) supersedes(id string) string {
	h.t.Helper()
	r, err := h.Get(h.t.Context(), id)
	if err != nil {
		h.t.Fatal(err)
	}
	return hashOf(r.Envelope)
}

// TestDryRunChangesNothing: neither a row nor a file nor a hold, and nobody is told.
func TestDryRunChangesNothing(t *testing.T) {
	h := newHome(t, func(c *request.Config) { c.Home.Rules = []request.Rule{{InCase: 1, Action: request.Hide}} }).allowed()
	h.arrive(h.request(), request.Waiting)
	h.arrive(h.request(), request.Hidden)
	state := func() map[string]string {
		files := map[string]string{}
		if err := filepath.WalkDir(h.dir, func(path string, e os.DirEntry, err error) error {
			if err != nil || e.IsDir() || strings.HasSuffix(path, "-shm") {
				return err
			}
			data, err := os.ReadFile(path)
			files[path] = hashOf(data)
			return err
		}); err != nil {
			t.Fatal(err)
		}
		files["held"] = fmt.Sprint(h.footage.held)
		files["told"] = fmt.Sprint(h.notes)
		return files
	}
	before := state()
	for _, rules := range [][]request.Rule{nil, strictRules, {{Action: request.Decline}}} {
		if _, err := h.DryRun(t.Context(), rules); err != nil {
			t.Fatal(err)
		}
	}
	if diff := cmp.Diff(before, state()); diff != "" {
		t.Errorf("a dry run left something (-before +after):\n%s", diff)
	}
}

// TestDryRunSaysWhatRulesDoNotDecide: strangers, refusals, what was withdrawn at once, an opt-out.
func TestDryRunSaysWhatRulesDoNotDecide(t *testing.T) {
	h := newHome(t)
	h.take()
	stranger := h.request()
	h.arrive(stranger, request.NotListed)
	got, err := h.DryRun(t.Context(), []request.Rule{{Action: request.Notify}})
	if err != nil || got.Told != 0 || got.Touched != 1 || fates(got, request.Stranger) != 1 || got.Changed != 0 {
		t.Errorf("%+v, %v", got, err)
	}
	h.allowed()
	big := h.request()
	big.Window.To = big.Window.From.Add(13 * time.Hour)
	h.arrive(big, request.Refused)
	gone := h.request()
	gone.Revision, gone.Supersedes, gone.Status = 2, strings.Repeat("0", 64), bulletin.StatusWithdrawn
	h.arrive(gone, request.Withdrawn)
	h.SetHome(request.Home{Position: bulletintest.Centre, Cameras: []request.Camera{{Name: "porch", Exterior: true}}, OptOut: true})
	hidden := h.request()
	h.arrive(hidden, request.Hidden)
	got, err = h.DryRun(t.Context(), []request.Rule{{Action: request.Notify}})
	want := []request.FateTrial{
		{Was: request.InDigest, Would: request.Rings, Requests: 1},
		{Was: request.Concealed, Would: request.Rings, Requests: 1},
		{Was: request.Invalid, Would: request.Invalid, Requests: 1},
		{Was: request.Gone, Would: request.Gone, Requests: 1},
	}
	if diff := cmp.Diff(sorted(want), sorted(got.Fates)); err != nil || diff != "" || !got.Opted || got.Told != 2 || got.WasTold != 1 {
		t.Errorf("%v, %+v (-want +got):\n%s", err, got, diff)
	}
}

func sorted(list []request.FateTrial) []request.FateTrial {
	slices.SortFunc(list, func(a, b request.FateTrial) int { return strings.Compare(string(a.Was+a.Would), string(b.Was+b.Would)) })
	return list
}

// old is a house of before the hub noted what rules ask.
type old struct{ request.History }

func (o old) EachSince(ctx context.Context, since time.Time, f func(request.Record) error) error {
	return o.History.EachSince(ctx, since, func(r request.Record) error {
		r.Facts = nil
		return f(r)
	})
}

func TestDryRunFillsInWhatWasNotNoted(t *testing.T) {
	h := newHome(t, func(c *request.Config) { c.Home.Rules = []request.Rule{{Category: "vandalism", Action: request.Hide}} }).allowed()
	h.arrive(h.request(), request.Waiting)
	q := h.request()
	q.Incident.Category = "vandalism"
	h.arrive(q, request.Hidden)
	home := request.Home{
		Position: bulletintest.Centre, Cameras: []request.Camera{{Name: "porch", Exterior: true}, {Name: "hall"}},
		Rules: []request.Rule{{Level: "municipal", Action: request.Notify}},
	}
	got, err := request.DryRun(t.Context(), old{h.house}, home, h.clock.Now())
	if err != nil || got.Filled != 2 || got.Told != 2 || got.Rules[0].Caught != 2 {
		t.Errorf("%+v, %v", got, err)
	}
}

// many is a history that is never in memory as a whole.
type many struct {
	request.History
	of request.Record
	n  int
}

func (m many) EachSince(_ context.Context, since time.Time, f func(request.Record) error) error {
	for i := range m.n {
		r := m.of
		r.ID, r.Received = fmt.Sprintf("%06d", i), since.Add(time.Duration(i)*time.Minute)
		if err := f(r); err != nil {
			return err
		}
	}
	return nil
}

// TestDryRunOfManyRequests: what is listed is bounded, and is the newest.
func TestDryRunOfManyRequests(t *testing.T) {
	h := newHome(t).allowed()
	r := h.arrive(h.request(), request.Waiting)
	got, err := request.DryRun(t.Context(), many{h.house, r, 5000}, request.Home{Position: bulletintest.Centre}, h.clock.Now())
	if err != nil || got.Requests != 5000 || got.Told != 5000 || len(got.Touching) != 200 || got.Touching[0].ID != "004999" || got.Touching[199].ID != "004800" {
		t.Errorf("%v: %d requests, %d told, %d listed", err, got.Requests, got.Told, len(got.Touching))
	}
	text, err := json.Marshal(got)
	if err != nil || len(text) > 100_000 {
		t.Errorf("%d bytes, %v", len(text), err)
	}
}

// TestHistoryIsReadInPages gives every record once, of the time that is wanted.
func TestHistoryIsReadInPages(t *testing.T) {
	h := newHome(t)
	now := h.clock.Now()
	want := map[string]bool{}
	for i := range 450 {
		r := request.Record{ID: fmt.Sprintf("%04d", i), State: request.Refused, Received: now.Add(-time.Duration(i) * time.Hour)}
		if err := h.house.PutRecord(t.Context(), r, ""); err != nil {
			t.Fatal(err)
		}
		if i <= 420 {
			want[r.ID] = true
		}
	}
	got := map[string]bool{}
	err := h.house.EachSince(t.Context(), now.Add(-420*time.Hour), func(r request.Record) error {
		if got[r.ID] {
			t.Errorf("%s twice", r.ID)
		}
		got[r.ID] = true
		return nil
	})
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
}
