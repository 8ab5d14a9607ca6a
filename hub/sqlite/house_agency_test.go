package sqlite

import (
	"context"
	"database/sql"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"gatehouse/hub/ledger"
	"gatehouse/hub/request"
)

func TestAllowlistIsReplacedWithItsEntries(t *testing.T) {
	h, ctx := newHouse(t), t.Context()
	a := request.Allowed{Agency: "a.example", Name: "A", Root: "r", CallBack: "+1", Added: houseNow, PrivateUploads: true}
	b := request.Allowed{Agency: "b.example", Name: "B", Root: "r", CallBack: "+2", Added: houseNow}
	for _, list := range [][]request.Allowed{{a, b}, {b}, nil} {
		if err := h.PutAllowlist(ctx, list, note(ledger.AgencyChanged, "")); err != nil {
			t.Fatal(err)
		}
		got, err := h.Allowlist(ctx)
		if diff := cmp.Diff(list, got); diff != "" || err != nil {
			t.Error(diff, err)
		}
	}
	if err := h.PutAllowlist(ctx, []request.Allowed{a}, ledger.Entry{}); err == nil {
		t.Error("a list was put in force though the ledger refused its entry")
	}
	if got, err := h.Allowlist(ctx); len(got) != 0 || err != nil {
		t.Errorf("%v, %v", got, err)
	}
	if n, err := h.Size(); n != 3 || err != nil {
		t.Errorf("%d entries, %v", n, err)
	}
}

// TestProfilesOfTheFirstVersionStay opens a database that had one profile an agency.
func TestProfilesOfTheFirstVersionStay(t *testing.T) {
	path := filepath.Join(t.TempDir(), "house.db")
	db, err := open(t.Context(), path, syncFull, houseMigrations[:1])
	if err != nil {
		t.Fatal(err)
	}
	if err := db.write(t.Context(), func(tx *sql.Tx) error {
		_, err := tx.Exec("INSERT INTO profile(agency, envelope) VALUES ('a.example', x'01')")
		return err
	}); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	h := openHouse(t, path)
	if err := h.PutProfile(t.Context(), "a.example", "root", []byte{2}); err != nil {
		t.Fatal(err)
	}
	got, err := h.Profiles(t.Context())
	if diff := cmp.Diff([][]byte{{1}, {2}}, got); diff != "" || err != nil {
		t.Error(diff, err)
	}
}

func TestPutRecordsLeavesWhatHasMoved(t *testing.T) {
	h, ctx := newHouse(t), t.Context()
	for _, id := range []string{"r1", "r2"} {
		if err := h.PutRecord(ctx, record(id, request.Unmatched), ""); err != nil {
			t.Fatal(err)
		}
	}
	if err := h.PutRecords(ctx, []request.Rejudged{
		{Record: record("r1", request.Hidden), Was: request.NotListed},
		{Record: record("r2", request.Hidden), Was: request.Unmatched},
		{Record: record("r3", request.Hidden), Was: request.Unmatched},
	}); err != nil {
		t.Fatal(err)
	}
	if got := states(ctx, t, h); got != "r1 unmatched, r2 hidden" {
		t.Errorf("%s", got)
	}
}

func states(ctx context.Context, t *testing.T, h *House) (out string) {
	t.Helper()
	list, err := h.Records(ctx)
	if err != nil {
		t.Fatal(err)
	}
	for i := len(list) - 1; i >= 0; i-- {
		if out != "" {
			out += ", "
		}
		out += fmt.Sprint(list[i].ID, " ", list[i].State)
	}
	return out
}

// TestPruneKeepsAShareOfEach: refusals without a place in a log do not push out
// those with one.
func TestPruneKeepsAShareOfEach(t *testing.T) {
	h, ctx := newHouse(t), t.Context()
	for i := range 6 {
		r := record(fmt.Sprint("r", i), request.Refused)
		r.Received = houseNow.Add(time.Duration(i) * time.Minute)
		if i >= 2 {
			r.Log = ""
		}
		if err := h.PutRecord(ctx, r, ""); err != nil {
			t.Fatal(err)
		}
	}
	if err := h.Prune(ctx, houseNow.Add(-time.Hour), 2); err != nil {
		t.Fatal(err)
	}
	if got := states(ctx, t, h); got != "r0 refused, r1 refused, r4 refused, r5 refused" {
		t.Errorf("%s", got)
	}
	if paths, err := h.Packages(ctx); len(paths) != 0 || err != nil {
		t.Errorf("%v, %v", paths, err)
	}
}
