package request_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"gatehouse/hub/bulletin"
	"gatehouse/hub/bulletin/bulletintest"
	"gatehouse/hub/ledger"
	"gatehouse/hub/request"
)

func newAgency(h *home, name string) *bulletintest.Agency {
	return bulletintest.New(h.t, h.clock.Now(), func(p *bulletin.Profile) { p.Agency = name })
}

func TestAllowAndDisallow(t *testing.T) {
	h := newHome(t)
	ctx := t.Context()
	if _, err := h.Allow(ctx, h.agency.Agency, h.agency.RootID, "Ann"); !errors.Is(err, request.ErrUnknown) {
		t.Errorf("allowing an unknown agency: %v", err)
	}
	q := h.request()
	r := h.arrive(q, request.NotListed)
	if r.Reason == "" || len(h.notes) != 0 {
		t.Errorf("reason %q, notified %v", r.Reason, h.notes)
	}
	known, err := h.Known(ctx)
	if err != nil || len(known) != 1 || known[0].Agency != h.agency.Agency {
		t.Errorf("known %v, %v", known, err)
	}
	a, err := h.Allow(ctx, h.agency.Agency, h.agency.RootID, "Ann")
	if err != nil {
		t.Fatal(err)
	}
	if a.Root != h.agency.RootID || a.CallBack != h.agency.CallBack || a.PrivateUploads {
		t.Errorf("allowed %+v", a)
	}
	r = h.prepare(h.is(q.ID, request.Waiting))
	h.start() // the file alone carries it
	if list := h.Allowlist(); len(list) != 1 || list[0] != a {
		t.Errorf("after a restart: %+v, want %+v", list, a)
	}
	if err := h.Disallow(ctx, h.agency.Agency, "Ann"); err != nil {
		t.Fatal(err)
	}
	h.is(q.ID, request.NotListed)
	if _, err := os.Stat(r.Package.Path); !errors.Is(err, os.ErrNotExist) || len(h.footage.held) != 0 {
		t.Errorf("left behind: %v, held %v", err, h.footage.held)
	}
	if err := h.Disallow(ctx, h.agency.Agency, "Ann"); !errors.Is(err, request.ErrNotFound) {
		t.Errorf("removing it twice: %v", err)
	}
	entries, err := h.ledger.Entries(ctx, 0, 100)
	if err != nil {
		t.Fatal(err)
	}
	var added, removed int
	for _, e := range entries {
		if e.Kind == ledger.AgencyAdded && strings.Contains(e.Text, "Ann") {
			added++
		}
		if e.Kind == ledger.AgencyRemoved {
			removed++
		}
	}
	if added != 1 || removed != 1 {
		t.Errorf("ledger has it %d times added, %d times removed", added, removed)
	}
}

func TestBadEditKeepsTheLastGoodList(t *testing.T) {
	h := newHome(t).allowed()
	file := filepath.Join(h.dir, "agencies", h.agency.Agency+".yml")
	good, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"unknown member": string(good) + "trusted: true\n",
		"twice":          string(good) + string(good),
		"other root":     strings.Replace(string(good), h.agency.RootID, "abc", 1),
		"empty":          "",
		"huge":           string(good) + strings.Repeat("# x\n", 10000),
		"two documents":  string(good) + "---\n" + string(good),
	} {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := request.Reload(t.Context(), h.Service); err != nil {
			t.Fatal(err)
		}
		if list := h.Allowlist(); len(list) != 1 || len(h.Problems()) != 1 || !strings.Contains(h.Problems()[0].String(), filepath.Base(file)) {
			t.Errorf("%s: list %v, problems %q", name, list, h.Problems())
		}
		if _, err := request.New(t.Context(), request.Config{
			Store: h.house, Footage: h.footage, Sealer: h.sealer, Agencies: filepath.Dir(file),
		}); err == nil {
			t.Errorf("%s: a start passed over it", name)
		}
	}
	// A file under another agency's name must not speak for it.
	if err := os.WriteFile(filepath.Join(filepath.Dir(file), "other.example.yml"), good, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(os.WriteFile(file, good, 0o600), request.Reload(t.Context(), h.Service)); err != nil {
		t.Fatal(err)
	}
	if len(h.Problems()) != 1 {
		t.Errorf("misnamed file: problems %q", h.Problems())
	}
	if err := errors.Join(os.Remove(filepath.Join(filepath.Dir(file), "other.example.yml")), request.Reload(t.Context(), h.Service)); err != nil {
		t.Fatal(err)
	}
	if len(h.Problems()) != 0 {
		t.Errorf("problems %q after all is well", h.Problems())
	}
}

func TestEditsOfTheFolderAreFollowed(t *testing.T) {
	h := newHome(t).allowed()
	q := h.request()
	h.arrive(q, request.Waiting)
	file := filepath.Join(h.dir, "agencies", h.agency.Agency+".yml")
	stop := h.run()
	defer stop()
	aside := filepath.Join(h.dir, "aside")
	if err := os.Rename(file, aside); err != nil {
		t.Fatal(err)
	}
	h.eventually(q.ID, request.NotListed)
	if err := os.Rename(aside, file); err != nil { // as an editor does
		t.Fatal(err)
	}
	h.eventually(q.ID, request.Waiting)
}

func TestChangedRootBlocksUntilConfirmed(t *testing.T) {
	h := newHome(t).allowed()
	ctx := t.Context()
	q := h.request()
	r := h.prepare(h.arrive(q, request.Waiting))
	// The same agency, a later version, other root keys.
	other := bulletintest.New(t, h.clock.Now(), func(p *bulletin.Profile) {
		p.Version = 2
		p.CallBack = "+1 900 555 0666"
	})
	h.log.Add(t, bulletin.KindProfile, other.Envelope)
	asked := other.Request(t, h.clock.Now())
	h.log.Add(t, bulletin.KindRequest, other.Sign(t, asked))
	h.take()
	if got := h.is(asked.ID, request.Refused); got.Code != bulletin.RootChanged {
		t.Errorf("refused as %s", got.Code)
	}
	if p := h.Problems(); len(p) != 1 || !strings.Contains(p[0].String(), h.agency.CallBack) || strings.Contains(p[0].String(), "0666") {
		t.Errorf("problems %q; want the call-back number of the profile that was confirmed", p)
	}
	if _, err := h.Prepare(ctx, q.ID, h.clips(r)); err != nil {
		t.Errorf("what was asked with the keys that the owner confirmed is blocked: %v", err)
	}
	if _, err := h.Allow(ctx, other.Agency, other.RootID, "Ann"); err != nil {
		t.Fatal(err)
	}
	h.is(asked.ID, request.Waiting)
	h.is(q.ID, request.NotListed) // made under the keys that are no longer confirmed
	if len(h.Problems()) != 0 {
		t.Errorf("problems %q", h.Problems())
	}
}

func TestOlderProfileChangesNothing(t *testing.T) {
	h := newHome(t).allowed()
	older := bulletintest.New(t, h.clock.Now()) // version 1 again, other keys
	h.log.Add(t, bulletin.KindProfile, older.Envelope)
	h.take()
	h.arrive(h.request(), request.Waiting)
	if len(h.Problems()) != 0 {
		t.Errorf("problems %q", h.Problems())
	}
}
