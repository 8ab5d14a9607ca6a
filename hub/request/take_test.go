package request_test

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"gatehouse/hub/bulletin"
	"gatehouse/hub/bulletin/bulletintest"
	"gatehouse/hub/ledger"
	"gatehouse/hub/request"
)

func TestMatchingRequestWaitsOnce(t *testing.T) {
	h := newHome(t).allowed()
	q := h.request()
	r := h.arrive(q, request.Waiting)
	want := []request.Match{{Camera: "porch", From: q.Window.From, To: q.Window.To, Recorded: 3600}}
	if diff := cmp.Diff(want, r.Matches); diff != "" {
		t.Errorf("matches: the inside camera must not be among them (-want +got):\n%s", diff)
	}
	until := q.ExpiresAt.Add(7 * 24 * time.Hour)
	if diff := cmp.Diff(map[string]time.Time{q.ID + " porch": until}, h.footage.held); diff != "" || !r.HeldUntil.Equal(until) {
		t.Errorf("held (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]ledger.Kind{ledger.Received, ledger.Held}, h.kinds(q.ID)); diff != "" {
		t.Errorf("ledger (-want +got):\n%s", diff)
	}
	for range 3 {
		h.take()
	}
	h.start() // and after a restart
	h.take()
	if diff := cmp.Diff([]string{q.ID + " waiting"}, h.notes); diff != "" {
		t.Errorf("notified (-want +got):\n%s", diff)
	}
	if n := len(h.kinds(q.ID)); n != 2 {
		t.Errorf("%d ledger entries after reading the same again", n)
	}
	if err := errors.Join(h.MarkShown(t.Context(), q.ID), h.MarkShown(t.Context(), q.ID)); err != nil {
		t.Fatal(err)
	}
	if k := h.kinds(q.ID); len(k) != 3 || k[2] != ledger.Shown || h.is(q.ID, request.Waiting).Shown.IsZero() {
		t.Errorf("shown twice: %v", k)
	}
}

// TestLedgerTellsNoCamera reads every entry about a request, since they travel
// to the agency inside a package.
func TestLedgerTellsNoCamera(t *testing.T) {
	h := newHome(t).allowed()
	r := h.prepare(h.arrive(h.request(), request.Waiting))
	if _, err := h.Approve(t.Context(), r.ID, r.Package.Digest, "Ann", false); err != nil {
		t.Fatal(err)
	}
	n, err := h.house.Size()
	if err != nil {
		t.Fatal(err)
	}
	leaves, err := h.house.Leaves(t.Context(), 0, int(n))
	if err != nil {
		t.Fatal(err)
	}
	all := string(bytes.Join(leaves, []byte("\n")))
	for _, secret := range []string{"porch", "hall", "camera", "Elm Street", "red bicycle", h.dir} {
		if strings.Contains(all, secret) {
			t.Errorf("the ledger has %q in it:\n%s", secret, all)
		}
	}
}

func TestWhatKeepsARequestAway(t *testing.T) {
	far := bulletin.Point{Lat: 38.62, Lon: -121.5}
	for name, c := range map[string]struct {
		change func(*request.Config)
		q      func(*bulletin.Request)
		want   request.State
		held   bool
	}{
		"nothing":           {want: request.Waiting, held: true},
		"opted out":         {func(c *request.Config) { c.Home.OptOut = true }, nil, request.Hidden, false},
		"hidden by rule":    {func(c *request.Config) { c.Home.Rules = []request.Rule{{Action: "hide"}} }, nil, request.Hidden, false},
		"declined by rule":  {func(c *request.Config) { c.Home.Rules = []request.Rule{{Action: "decline"}} }, nil, request.Declined, false},
		"lives elsewhere":   {func(c *request.Config) { c.Home.Position = far }, nil, request.Unmatched, false},
		"inside cameras":    {func(c *request.Config) { c.Home.Cameras = []request.Camera{{Name: "hall"}} }, nil, request.Unmatched, false},
		"no footage":        {func(c *request.Config) { c.Home.Cameras = []request.Camera{{Name: "new", Exterior: true}} }, nil, request.Unmatched, false},
		"closed on arrival": {nil, func(q *bulletin.Request) { q.Status = bulletin.StatusClosed }, request.Withdrawn, false},
		"expired": {nil, func(q *bulletin.Request) {
			q.IssuedAt, q.ExpiresAt = q.IssuedAt.Add(-48*time.Hour), q.IssuedAt.Add(-time.Hour)
		}, request.Refused, false},
		"first rule wins": {func(c *request.Config) {
			c.Home.Rules = []request.Rule{{Agency: "other.example", Action: "hide"}, {Category: "package_theft", Action: "notify"}, {Action: "hide"}}
		}, nil, request.Waiting, true},
		"rule on area and length": {func(c *request.Config) {
			c.Home.Rules = []request.Rule{
				{MaxKM2: 1.2, Action: "hide"},
				{Minutes: 121, Action: "hide"},
				{Level: "federal", Action: "hide"},
				{MaxKM2: 0.3, Minutes: 119, Level: "municipal", Action: "decline"},
			}
		}, nil, request.Declined, false},
	} {
		t.Run(name, func(t *testing.T) {
			change := []func(*request.Config){}
			if c.change != nil {
				change = append(change, c.change)
			}
			h := newHome(t, change...).allowed()
			q := h.request()
			if c.q != nil {
				c.q(&q)
			}
			r := h.arrive(q, c.want)
			if (len(h.footage.held) > 0) != c.held || r.Reason == "" && c.want != request.Waiting {
				t.Errorf("held %v, reason %q", h.footage.held, r.Reason)
			}
			if notified := len(h.notes) > 0; notified != (c.want == request.Waiting) {
				t.Errorf("notified of %v", h.notes)
			}
		})
	}
}

func TestHomeThatMovesIsMatchedAgain(t *testing.T) {
	h := newHome(t, func(c *request.Config) { c.Home.Position = bulletin.Point{} }).allowed()
	q := h.request()
	h.arrive(q, request.Unmatched)
	request.Unwatched(h.Service)
	stop := h.run()
	h.SetHome(request.Home{Position: bulletintest.Centre, Cameras: []request.Camera{{Name: "porch", Exterior: true}}})
	h.eventually(q.ID, request.Waiting)
	stop()
}

func hexHash(b []byte) string {
	h := sha256.Sum256(b)
	return hex.EncodeToString(h[:])
}

func TestLinesOutsideTheLogAreRefused(t *testing.T) {
	h := newHome(t).allowed()
	q := h.request()
	other := bulletintest.NewLog(t, 3)
	other.Add(t, bulletin.KindRequest, h.agency.Sign(t, q))
	if err := h.Take(t.Context(), "inbox", other.File(t)); err != nil {
		t.Fatal(err)
	}
	h.refusedAs(bulletin.BadProof)
	// It is not remembered as seen: the same envelope with its proof is taken.
	h.log.Add(t, bulletin.KindRequest, h.agency.Sign(t, q))
	h.take()
	h.is(q.ID, request.Waiting)
}

func TestBadFiles(t *testing.T) {
	h := newHome(t)
	var bomb bytes.Buffer
	z := gzip.NewWriter(&bomb)
	for range 80 {
		if _, err := z.Write(bytes.Repeat([]byte{' '}, 1<<20)); err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	for name, data := range map[string][]byte{"bomb": bomb.Bytes(), "empty": nil, "no gzip": []byte("{}"), "large": make([]byte, 9<<20)} {
		var r *bulletin.Refusal
		if err := h.Take(t.Context(), "inbox", data); !errors.As(err, &r) || r.Code != bulletin.BadFile {
			t.Errorf("%s: %v, want %s", name, err, bulletin.BadFile)
		}
	}
}

func TestFloodOfRefusalsIsCounted(t *testing.T) {
	h := newHome(t)
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	const n = request.RefusedADay + 100
	for i := range n {
		if _, err := fmt.Fprintf(z, `{"kind":"request","env":{"n":%d},"proof":"x"}`+"\n", i); err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	for range 2 { // a mirror serves the same again
		if err := h.Take(t.Context(), "inbox", b.Bytes()); err != nil {
			t.Fatal(err)
		}
	}
	h.start()
	if err := h.Take(t.Context(), "inbox", b.Bytes()); err != nil {
		t.Fatal(err)
	}
	list, err := h.List(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if len(list) != request.RefusedADay+1 {
		t.Errorf("%d rows of %d refused lines, want %d and one that counts", len(list), n, request.RefusedADay)
	}
	counted, err := h.Get(t.Context(), "refused:"+h.clock.Now().Format(time.DateOnly))
	if err != nil || counted.Revision < 100 || counted.Reason == "" {
		t.Errorf("counting row %+v, %v", counted, err)
	}
}

func TestLaterProfileBringsBackWhatWasRefusedForWantOfIt(t *testing.T) {
	h := newHome(t)
	late := bulletintest.New(t, h.clock.Now(), func(p *bulletin.Profile) { p.Agency = "late.example" })
	q := late.Request(t, h.clock.Now())
	h.log.Add(t, bulletin.KindRequest, late.Sign(t, q))
	h.take()
	old := h.refusedAs(bulletin.UnknownAgency)
	h.log.Add(t, bulletin.KindProfile, late.Envelope)
	h.take()
	h.is(q.ID, request.NotListed)
	if _, err := h.Get(t.Context(), old.ID); !errors.Is(err, request.ErrNotFound) {
		t.Errorf("the row of the refusal is still there: %v", err)
	}
	if _, err := h.Allow(t.Context(), "late.example", late.RootID, "the owner"); err != nil {
		t.Fatal(err)
	}
	h.is(q.ID, request.Waiting)
}
