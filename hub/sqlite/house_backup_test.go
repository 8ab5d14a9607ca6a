package sqlite

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"gatehouse/hub/account"
	"gatehouse/hub/delivery"
	"gatehouse/hub/ledger"
	"gatehouse/hub/request"
)

// TestSnapshotIsOneMoment: the copy is taken while rows are written, and is whole.
func TestSnapshotIsOneMoment(t *testing.T) {
	h, ctx := newHouse(t), t.Context()
	stop, stopped := make(chan struct{}), make(chan error, 1)
	go func() {
		for i := 0; ; i++ {
			select {
			case <-stop:
				stopped <- nil
				return
			default:
			}
			if _, err := h.AppendEntries(ctx, note(ledger.Shown, "r")); err != nil {
				stopped <- err
				return
			}
		}
	}()
	for n := range 3 {
		path := filepath.Join(t.TempDir(), "copy.db")
		if err := h.Snapshot(ctx, path); err != nil {
			t.Fatal(err)
		}
		if err := h.Snapshot(ctx, path); err == nil {
			t.Error("a file was written over")
		}
		c := openHouse(t, path)
		if err := c.Sound(ctx); err != nil {
			t.Error(err)
		}
		if err := ledger.New(c, nil).Check(ctx, nil); err != nil {
			t.Errorf("copy %d: %v", n, err)
		}
	}
	close(stop)
	if err := <-stopped; err != nil {
		t.Error(err)
	}
}

// TestSoundFindsDamage in the middle of the file.
func TestSoundFindsDamage(t *testing.T) {
	path := filepath.Join(t.TempDir(), "house.db")
	h, err := OpenHouse(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	for range 200 {
		if _, err := h.AppendEntries(t.Context(), note(ledger.Shown, "r")); err != nil {
			t.Fatal(err)
		}
	}
	if err := h.Close(); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	const page = 4096
	for i := range 64 { // the heads of two pages: what is in the midst of one may be free
		text[len(text)/2/page*page+i] ^= 0xff
		text[len(text)/2/page*page+page+i] ^= 0xff
	}
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := openHouse(t, path).Sound(t.Context()); err == nil {
		t.Error("nothing was found")
	}
}

// TestRestoredSendsNothing: what was on its way needs an approval again, nobody
// is logged in, and the ledger tells why.
func TestRestoredSendsNothing(t *testing.T) {
	h, ctx := newHouse(t), t.Context()
	approved, prepared, sent := record("r1", request.Approved), record("r2", request.Prepared), record("r3", request.Approved)
	prepared.Approvals = []request.Approval{{Person: 1, By: "the owner"}}
	prepared.Left = &request.Left{Person: 1, By: "the owner"}
	for _, r := range []request.Record{approved, prepared, sent} {
		was := r
		was.State = request.Prepared
		if err := h.PutRecord(ctx, was, "", note(ledger.Received, r.ID)); err != nil {
			t.Fatal(err)
		}
		if r.State == request.Approved {
			if _, err := h.Approve(ctx, r, note(ledger.Approved, r.ID), outboxOf(r)); err != nil {
				t.Fatal(err)
			}
		}
	}
	jobs, err := h.Jobs(ctx)
	if err != nil {
		t.Fatal(err)
	}
	for _, j := range jobs {
		if j.Request == "r3" {
			j.State = delivery.Done
			if err := h.FinishJob(ctx, j, note(ledger.Sent, "r3")); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := h.PutSession(ctx, account.Session{TokenHash: [32]byte{1}, Person: 1, Created: houseNow, Seen: houseNow}); err != nil {
		t.Fatal(err)
	}
	size, err := h.Size()
	if err != nil {
		t.Fatal(err)
	}
	ended, err := h.Restored(ctx, "/new/sealed", houseNow.Add(time.Hour), note(ledger.Restored, ""))
	if err != nil || ended != 1 {
		t.Fatalf("%d ended, %v", ended, err)
	}
	for id, want := range map[string]request.State{"r1": request.Failed, "r2": request.Prepared, "r3": request.Approved} {
		r, err := h.Record(ctx, id)
		if err != nil || r.State != want || r.Package.Path != "/new/sealed/x.ghe" || len(r.Approvals) != 0 || r.Left != nil || (id == "r1") != (r.Reason != "") {
			t.Errorf("%s: %s, %q, %v, %v", id, r.State, r.Reason, r.Package, err)
		}
	}
	if jobs, err = h.Jobs(ctx); err != nil {
		t.Fatal(err)
	}
	for _, j := range jobs {
		if want := map[string]delivery.State{"r1": delivery.Failed, "r3": delivery.Done}[j.Request]; j.State != want || want == delivery.Failed && j.Error == "" {
			t.Errorf("%s: %s %q", j.Request, j.State, j.Error)
		}
	}
	if list, err := h.Sessions(ctx); err != nil || len(list) != 0 {
		t.Errorf("sessions %v, %v", list, err)
	}
	if after, err := h.Size(); err != nil || after != size+2 {
		t.Errorf("%d entries became %d, %v", size, after, err)
	}
}
