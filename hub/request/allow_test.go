package request_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"gatehouse/hub/bulletin"
	"gatehouse/hub/bulletin/bulletintest"
	"gatehouse/hub/ledger"
	"gatehouse/hub/request"
)

func (h *home) file(agency string) string { return filepath.Join(h.dir, "agencies", agency+".yml") }

// texts are the ledger's sentences of one kind.
func (h *home) texts(kind ledger.Kind) (out []string) {
	h.t.Helper()
	entries, err := h.ledger.Entries(h.t.Context(), 0, 1000)
	if err != nil {
		h.t.Fatal(err)
	}
	for _, e := range entries {
		if e.Kind == kind {
			out = append(out, e.Text)
		}
	}
	return out
}

// TestAllowPinsWhatWasShown: another profile arrives between the page that
// shows a fingerprint and the form that confirms it.
func TestAllowPinsWhatWasShown(t *testing.T) {
	h := newHome(t)
	h.take()
	shown := h.agency.RootID
	rogue := bulletintest.New(t, h.clock.Now(), func(p *bulletin.Profile) { p.Version = 9 })
	h.log.Add(t, bulletin.KindProfile, rogue.Envelope)
	h.take()
	for _, root := range []string{"", strings.Repeat("0", 64), shown[:63], strings.ToUpper(shown)} {
		if _, err := h.Allow(t.Context(), h.agency.Agency, root, "Ann"); !errors.Is(err, request.ErrRoot) {
			t.Errorf("root %q: %v, want ErrRoot", root, err)
		}
	}
	if len(h.Allowlist()) != 0 {
		t.Errorf("allowed %v", h.Allowlist())
	}
	a, err := h.Allow(t.Context(), h.agency.Agency, shown, "Ann")
	if err != nil || a.Root != shown {
		t.Errorf("pinned %s, %v; want %s", a.Root, err, shown)
	}
}

func TestAllowKeepsTheOwnersNotes(t *testing.T) {
	h := newHome(t).allowed()
	name := h.file(h.agency.Agency)
	old, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	const note = "# called them on Tuesday, asked for Sergeant Weiss\n"
	if err := os.WriteFile(name, []byte(note+string(old)+"private_uploads: true # their server is in my house\n"), 0o640); err != nil {
		t.Fatal(err)
	}
	h.clock.add(time.Hour)
	if _, err := h.Allow(t.Context(), h.agency.Agency, h.agency.RootID, "Ann"); err != nil {
		t.Fatal(err)
	}
	now, err := os.ReadFile(name)
	if err != nil || !strings.HasPrefix(string(now), note) || !strings.Contains(string(now), "private_uploads: true # their server") {
		t.Errorf("the file is now, %v:\n%s", err, now)
	}
	if a := h.Allowlist()[0]; !a.PrivateUploads || !a.Added.Equal(h.clock.Now().Truncate(time.Second)) {
		t.Errorf("allowed %+v", a)
	}
}

func TestBadFileBesideStopsNoRemoval(t *testing.T) {
	h := newHome(t).allowed()
	q := h.request()
	h.arrive(q, request.Waiting)
	bad := h.file("bad.example")
	if err := os.WriteFile(bad, []byte("trusted: true\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := h.Disallow(t.Context(), h.agency.Agency, "Ann"); err != nil {
		t.Fatal(err)
	}
	if len(h.Allowlist()) != 0 || len(h.texts(ledger.AgencyRemoved)) != 1 {
		t.Errorf("allowed %v, ledger %q", h.Allowlist(), h.texts(ledger.AgencyRemoved))
	}
	h.is(q.ID, request.NotListed)
	if _, err := h.Allow(t.Context(), h.agency.Agency, h.agency.RootID, "Ann"); !errors.Is(err, request.ErrAllowlist) {
		t.Errorf("adding beside a bad file: %v", err)
	}
	if _, err := os.Stat(h.file(h.agency.Agency)); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a file was written all the same: %v", err)
	}
	if err := errors.Join(os.Remove(bad), request.Reload(t.Context(), h.Service)); err != nil {
		t.Fatal(err)
	}
	if len(h.Allowlist()) != 0 {
		t.Errorf("allowed %v", h.Allowlist())
	}
}

func TestRemovalStopsDeliveries(t *testing.T) {
	var cancelled cancels
	h := newHome(t, cancelled.into).allowed()
	r := h.approve(h.prepare(h.arrive(h.request(), request.Waiting)))
	if err := h.Disallow(t.Context(), h.agency.Agency, "Ann"); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(cancelled.ids, []string{r.ID}) {
		t.Errorf("cancelled %v", cancelled.ids)
	}
	if err := h.Sendable(t.Context(), r.ID); !errors.Is(err, request.ErrBlocked) {
		t.Errorf("sendable: %v", err)
	}
}

// TestLedgerHasEveryChangeOfTheAllowlist edits the file by hand, with and
// without the hub.
func TestLedgerHasEveryChangeOfTheAllowlist(t *testing.T) {
	h := newHome(t).allowed()
	file := h.file(h.agency.Agency)
	edit := func(old, text string) {
		t.Helper()
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(strings.Replace(string(data), old, text, 1)), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	reload := func() {
		t.Helper()
		if err := request.Reload(t.Context(), h.Service); err != nil {
			t.Fatal(err)
		}
	}
	changed := func(want int) {
		t.Helper()
		if got := h.texts(ledger.AgencyChanged); len(got) != want {
			t.Errorf("the ledger has %d changes, want %d: %q", len(got), want, got)
		}
	}
	edit("agency:", "private_uploads: true\nagency:")
	reload()
	changed(1)
	edit("555 0100", "555 0666")
	reload()
	changed(2)
	edit("private_uploads: true\n", "")
	h.start()
	changed(3)
	if got := h.texts(ledger.AgencyChanged); !strings.Contains(got[2], "not running") {
		t.Errorf("%q", got[2])
	}
	h.start()
	changed(3)
	q := h.request()
	h.arrive(q, request.Waiting)
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	h.start()
	if got := h.texts(ledger.AgencyRemoved); len(got) != 1 || !strings.Contains(got[0], "not running") {
		t.Errorf("removed %q", got)
	}
	stop := h.run()
	h.eventually(q.ID, request.NotListed)
	stop()
}

// noLedger is a store whose ledger cannot be written any more.
type noLedger struct{ request.Store }

var errNoLedger = errors.New("no ledger")

func (noLedger) PutAllowlist(context.Context, []request.Allowed, ...ledger.Entry) error {
	return errNoLedger
}

func TestNoAgencyIsAllowedWithoutTheLedger(t *testing.T) {
	h := newHome(t)
	h.take()
	h.start(func(c *request.Config) { c.Store = noLedger{c.Store} })
	if _, err := h.Allow(t.Context(), h.agency.Agency, h.agency.RootID, "Ann"); !errors.Is(err, errNoLedger) {
		t.Errorf("allowing: %v", err)
	}
	if len(h.Allowlist()) != 0 {
		t.Errorf("allowed %v", h.Allowlist())
	}
}
