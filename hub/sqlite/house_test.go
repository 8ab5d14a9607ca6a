package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"gatehouse/hub/account"
	"gatehouse/hub/bulletin"
	"gatehouse/hub/delivery"
	"gatehouse/hub/evidence"
	"gatehouse/hub/ledger"
	"gatehouse/hub/ledger/ledgertest"
	"gatehouse/hub/request"
)

var houseNow = time.Date(2026, 11, 21, 21, 0, 0, 0, time.UTC)

func openHouse(t testing.TB, path string) *House {
	t.Helper()
	h, err := OpenHouse(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := h.Close(); err != nil {
			t.Error(err)
		}
	})
	return h
}

func newHouse(t testing.TB) *House { return openHouse(t, filepath.Join(t.TempDir(), "house.db")) }

func TestHouseIsALedgerStore(t *testing.T) {
	ledgertest.TestStore(t, func(t *testing.T) ledger.Store { return newHouse(t) })
}

func record(id string, s request.State) request.Record {
	return request.Record{
		ID: id, Revision: 1, Agency: "police.example", State: s, Source: "inbox", Received: houseNow, Updated: houseNow,
		Matches:  []request.Match{{Camera: "porch", From: houseNow, To: houseNow.Add(time.Hour), Recorded: 12.5}},
		Package:  &evidence.Package{ID: "GH-AAAA-BBBB", Path: "/sealed/x.ghe", Digest: strings.Repeat("ab", 32), Bytes: 9},
		Envelope: []byte("envelope"), Proof: []byte("proof"), Profile: []byte("profile"), Log: "log+key",
	}
}

func note(kind ledger.Kind, id string) ledger.Entry {
	return ledger.Entry{Time: houseNow, Kind: kind, Request: id, Text: "Something happened."}
}

func outboxOf(r request.Record) request.Outbox {
	return request.Outbox{
		Request: r.ID, Agency: r.Agency, PackageID: r.Package.ID, Path: r.Package.Path, Digest: r.Package.Digest,
		Bytes: r.Package.Bytes, Target: bulletin.Target{Kind: "tus", URL: "https://a.example/files/"},
		Profile: r.Profile, Private: true, NotBefore: houseNow.Add(time.Minute),
	}
}

func TestPutRecordComparesTheState(t *testing.T) {
	h, ctx := newHouse(t), t.Context()
	r := record("r1", request.Waiting)
	if _, err := h.Record(ctx, "r1"); !errors.Is(err, request.ErrNotFound) {
		t.Fatalf("absent record: %v", err)
	}
	if err := h.PutRecord(ctx, r, request.Prepared); !errors.Is(err, request.ErrState) {
		t.Fatalf("replacing an absent record: %v", err)
	}
	if err := h.PutRecord(ctx, r, "", note(ledger.Received, "r1")); err != nil {
		t.Fatal(err)
	}
	got, err := h.Record(ctx, "r1")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(r, got); diff != "" {
		t.Errorf("record changed in the store (-put +got):\n%s", diff)
	}
	// A refused change leaves neither row nor entry.
	for _, was := range []request.State{"", request.Prepared} {
		if err := h.PutRecord(ctx, record("r1", request.Declined), was, note(ledger.Declined, "r1")); !errors.Is(err, request.ErrState) {
			t.Errorf("replacing a waiting record as %q: %v", was, err)
		}
	}
	if n, err := h.Size(); n != 1 || err != nil {
		t.Errorf("ledger has %d entries, %v; want 1", n, err)
	}
	if list, err := h.Records(ctx, request.Declined); len(list) != 0 || err != nil {
		t.Errorf("declined: %v, %v", list, err)
	}
	if list, err := h.Records(ctx); len(list) != 1 || err != nil {
		t.Errorf("all: %v, %v", list, err)
	}
}

func TestPruneKeepsWhatTheOwnerKnows(t *testing.T) {
	h, ctx := newHouse(t), t.Context()
	put := func(id string, s request.State, age time.Duration) {
		r := record(id, s)
		r.Received = houseNow.Add(-age)
		if s == request.Withdrawn && id != "withdrawn-known" {
			r.Matches = nil
		}
		if err := h.PutRecord(ctx, r, ""); err != nil {
			t.Fatal(err)
		}
	}
	const old = 1000 * time.Hour
	put("declined", request.Declined, old)
	put("withdrawn-known", request.Withdrawn, old)
	put("withdrawn-stranger", request.Withdrawn, old)
	put("unmatched", request.Unmatched, old)
	put("unmatched-new", request.Unmatched, time.Hour)
	for i := range 5 {
		put(fmt.Sprint("refused", i), request.Refused, time.Duration(i)*time.Hour)
	}
	if err := h.Prune(ctx, houseNow.Add(-old/2), 2); err != nil {
		t.Fatal(err)
	}
	list, err := h.Records(ctx)
	if err != nil {
		t.Fatal(err)
	}
	var ids []string
	for _, r := range list {
		ids = append(ids, r.ID)
	}
	want := []string{"refused0", "unmatched-new", "refused1", "withdrawn-known", "declined"}
	if diff := cmp.Diff(want, ids); diff != "" {
		t.Errorf("kept (-want +got):\n%s", diff)
	}
}

// houseRowsOf counts, over a connection of its own, what approvals and deliveries leave.
func houseRowsOf(t testing.TB, path string) (approved, entries, outbox, done int) {
	t.Helper()
	db, err := sql.Open("sqlite", dsn(path, syncFull, "_pragma=query_only(1)"))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close() //nolint:errcheck // read only
	err = db.QueryRowContext(t.Context(), `SELECT (SELECT count(*) FROM request WHERE state = 'approved'),
		(SELECT count(*) FROM ledger), (SELECT count(*) FROM outbox), (SELECT count(*) FROM outbox WHERE state = 'done')`).
		Scan(&approved, &entries, &outbox, &done)
	if err != nil {
		t.Fatal(err)
	}
	return approved, entries, outbox, done
}

// TestKilledAtEveryStep ends the process with SIGKILL at every step of an
// approval, of a delivery's end, and of a hand-over; another process then sees all of it or nothing.
func TestKilledAtEveryStep(t *testing.T) {
	if at := os.Getenv("GATEHOUSE_TEST_KILL_AT"); at != "" {
		liveUntil(t, os.Getenv("GATEHOUSE_TEST_HOUSE"), at)
		return
	}
	rounds := 1
	if os.Getenv("GATEHOUSE_SOAK") != "" {
		rounds = 100
	}
	before, sent, done := killRows{}, killRows{1, 1, 1, 0, 0}, killRows{1, 3, 1, 1, 0}
	released, given, handed := done.plus(1, 1), done.plus(2, 2), done.plus(3, 3)
	for at, want := range map[string]killRows{
		"approve begin": before, "approve record": before, "approve ledger": before, "approve outbox": before, "approve committed": sent,
		"finish begin": sent, "finish outbox": sent, "finish ledger": sent, "finish committed": done,
		"release begin": done, "release record": done, "release ledger": done, "release committed": released,
		"give record": released, "give ledger": released, "give committed": given,
		"hand over record": given, "hand over ledger": given, "hand over committed": handed,
	} {
		t.Run(at, func(t *testing.T) {
			for range rounds {
				killedAt(t, at, want)
			}
		})
	}
}

// killRows are what houseRowsOf counts.
// Hand is how far a hand-over came, in its record.
type killRows struct{ Approved, Entries, Outbox, Done, Hand int }

func (r killRows) plus(entries, hand int) killRows {
	r.Entries += entries
	r.Hand = hand
	return r
}

// killedAt lives until a step, and looks at what is left with another process's eyes.
func killedAt(t *testing.T, at string, want killRows) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "house.db")
	cmd := exec.Command(os.Args[0], "-test.run=^TestKilledAtEveryStep$")
	cmd.Env = append(os.Environ(), "GATEHOUSE_TEST_KILL_AT="+at, "GATEHOUSE_TEST_HOUSE="+path)
	out, err := cmd.CombinedOutput()
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.Sys().(syscall.WaitStatus).Signal() != syscall.SIGKILL {
		t.Fatalf("the process was not killed: %v\n%s", err, out)
	}
	var got killRows
	got.Approved, got.Entries, got.Outbox, got.Done = houseRowsOf(t, path)
	h, err := OpenHouse(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	if r, err := h.Record(t.Context(), "r2"); err == nil && r.ByHand != nil {
		got.Hand = 1 + r.ByHand.Times
		if r.State == request.HandedOver {
			got.Hand++
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("rows (-want +got):\n%s", diff)
	}
	if err := errors.Join(ledger.New(h, nil).Check(t.Context(), nil), h.Close()); err != nil {
		t.Errorf("ledger after the kill: %v", err)
	}
}

// liveUntil approves a request and finishes its delivery, up to a step.
func liveUntil(t *testing.T, path, at string) {
	h, ctx := openHouse(t, path), t.Context()
	r := record("r1", request.Prepared)
	if err := h.PutRecord(ctx, r, ""); err != nil {
		t.Fatal(err)
	}
	dieIn := func(what string) {
		a, e, o, d := houseRowsOf(t, path)
		h.step = func(step string) {
			if what+" "+step != at {
				return
			}
			// What is not committed must be invisible from outside, too.
			if a2, e2, o2, d2 := houseRowsOf(t, path); step != "committed" && (a2 != a || e2 != e || o2 != o || d2 != d) {
				os.Exit(3)
			}
			_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
			select {}
		}
	}
	dieIn("approve")
	r.State = request.Approved
	if _, err := h.Approve(ctx, r, note(ledger.Approved, "r1"), outboxOf(r)); err != nil {
		t.Fatal(err)
	}
	h.step("committed")
	dieIn("finish")
	j := jobOf(t, h)
	j.State, j.Receipt, j.Finished = delivery.Done, []byte("receipt"), houseNow
	if err := h.FinishJob(ctx, j, note(ledger.Sent, "r1"), note(ledger.Receipt, "r1")); err != nil {
		t.Fatal(err)
	}
	h.step("committed")
	handOverUntil(t, h, dieIn)
}

// handOverUntil hands another request's package over, up to a step.
func handOverUntil(t *testing.T, h *House, dieIn func(string)) {
	dieIn("")
	r := record("r2", request.Prepared)
	if err := h.PutRecord(t.Context(), r, ""); err != nil {
		t.Fatal(err)
	}
	for _, step := range []struct {
		name string
		to   request.State
		kind ledger.Kind
		hand request.ByHand
	}{
		{"release", request.Ready, ledger.Approved, request.ByHand{}},
		{"give", request.Ready, ledger.Given, request.ByHand{Times: 1}},
		{"hand over", request.HandedOver, ledger.HandedOver, request.ByHand{Times: 1}},
	} {
		dieIn(step.name)
		was := r.State
		r.State, r.ByHand = step.to, &step.hand
		if err := h.PutRecord(t.Context(), r, was, note(step.kind, "r2")); err != nil {
			t.Fatal(err)
		}
		h.step("committed")
	}
}

func TestNoLedgerNoBytes(t *testing.T) {
	h, ctx := newHouse(t), t.Context()
	r := record("r1", request.Prepared)
	if err := h.PutRecord(ctx, r, ""); err != nil {
		t.Fatal(err)
	}
	err := h.db.write(ctx, func(tx *sql.Tx) error { return insertOutbox(ctx, tx, 7, outboxOf(r)) })
	if err == nil || !strings.Contains(err.Error(), "FOREIGN KEY") {
		t.Errorf("an outbox row without its ledger entry: %v", err)
	}
	r.State = request.Approved
	// An entry that the ledger refuses takes the approval with it.
	if _, err := h.Approve(ctx, r, ledger.Entry{}, outboxOf(r)); err == nil {
		t.Error("approved with an empty entry")
	}
	if got, err := h.Record(ctx, "r1"); err != nil || got.State != request.Prepared {
		t.Errorf("state %s, %v; want prepared", got.State, err)
	}
	e, err := h.Approve(ctx, r, note(ledger.Approved, "r1"), outboxOf(r))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := h.Approve(ctx, r, note(ledger.Approved, "r1"), outboxOf(r)); !errors.Is(err, request.ErrState) {
		t.Errorf("approving twice: %v", err)
	}
	for _, q := range []string{
		"UPDATE ledger SET leaf = x'00'", "DELETE FROM ledger", "UPDATE ledger_hash SET hash = zeroblob(32)", "DELETE FROM ledger_hash",
	} {
		if err := h.exec(ctx, q); err == nil || !strings.Contains(err.Error(), "append-only") {
			t.Errorf("%s: %v", q, err)
		}
	}
	jobs, err := h.Jobs(ctx)
	if err != nil || len(jobs) != 1 {
		t.Fatal(jobs, err)
	}
	o := outboxOf(r)
	want := delivery.Job{
		ID: 1, Entry: e.Index, Request: o.Request, Agency: o.Agency, PackageID: o.PackageID, Path: o.Path, Digest: o.Digest,
		Bytes: o.Bytes, Target: o.Target, Profile: o.Profile, Private: true, NotBefore: o.NotBefore, State: delivery.Cooling,
	}
	if diff := cmp.Diff(want, jobs[0]); diff != "" {
		t.Errorf("job (-want +got):\n%s", diff)
	}
}

func TestJobsFinishOnce(t *testing.T) {
	h, ctx := newHouse(t), t.Context()
	r := record("r1", request.Prepared)
	if err := h.PutRecord(ctx, r, ""); err != nil {
		t.Fatal(err)
	}
	r.State = request.Approved
	if _, err := h.Approve(ctx, r, note(ledger.Approved, "r1"), outboxOf(r)); err != nil {
		t.Fatal(err)
	}
	j := jobOf(t, h)
	j.State, j.UploadURL, j.Offset, j.Attempts, j.Error = delivery.Retrying, "https://a.example/files/1", 5, 2, "Busy."
	j.NextTry = houseNow
	if err := h.SaveJob(ctx, j); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(j, jobOf(t, h)); diff != "" {
		t.Errorf("saved job (-want +got):\n%s", diff)
	}
	j.State, j.Receipt, j.Finished = delivery.Done, []byte("receipt"), houseNow
	for _, want := range []error{nil, delivery.ErrFinished} {
		if err := h.FinishJob(ctx, j, note(ledger.Sent, "r1"), note(ledger.Receipt, "r1")); !errors.Is(err, want) {
			t.Errorf("finishing: %v, want %v", err, want)
		}
	}
	if err := h.SaveJob(ctx, j); !errors.Is(err, delivery.ErrFinished) {
		t.Errorf("saving a finished job: %v", err)
	}
	if n, err := h.Size(); n != 3 || err != nil {
		t.Errorf("ledger has %d entries, %v; want 3", n, err)
	}
}

func jobOf(t testing.TB, h *House) delivery.Job {
	t.Helper()
	jobs, err := h.Jobs(t.Context())
	if err != nil || len(jobs) != 1 {
		t.Fatal(jobs, err)
	}
	return jobs[0]
}

func TestHouseRemembers(t *testing.T) {
	ctx, path := t.Context(), filepath.Join(t.TempDir(), "house.db")
	h, err := OpenHouse(ctx, path)
	if err != nil {
		t.Fatal(err)
	}
	seed, err := h.Secret(ctx, "schedule")
	if err != nil || len(seed) != 32 {
		t.Fatal(seed, err)
	}
	other, err := h.Secret(ctx, "other")
	if err != nil || cmp.Equal(seed, other) {
		t.Errorf("two secrets are one: %v", err)
	}
	if err := errors.Join(
		h.PutProfile(ctx, "a.example", "r1", []byte("one")), h.PutProfile(ctx, "a.example", "r1", []byte("two")),
		h.PutProfile(ctx, "a.example", "r2", []byte("another root's")),
		h.PutLogHead(ctx, "log", []byte("signed"), houseNow), h.Remember(ctx, [32]byte{1}, houseNow), h.Remember(ctx, [32]byte{1}, houseNow),
		h.Close(),
	); err != nil {
		t.Fatal(err)
	}
	h = openHouse(t, path)
	again, err := h.Secret(ctx, "schedule")
	if err != nil || !cmp.Equal(seed, again) {
		t.Errorf("the secret changed: %v", err)
	}
	profiles, err := h.Profiles(ctx)
	if diff := cmp.Diff([][]byte{[]byte("two"), []byte("another root's")}, profiles); diff != "" || err != nil {
		t.Error(diff, err)
	}
	signed, fetched, err := h.LogHead(ctx, "log")
	if string(signed) != "signed" || !fetched.Equal(houseNow) || err != nil {
		t.Errorf("log head %q %v %v", signed, fetched, err)
	}
	if signed, _, err := h.LogHead(ctx, "absent"); signed != nil || err != nil {
		t.Errorf("absent log head %q %v", signed, err)
	}
	for hash, want := range map[[32]byte]bool{{1}: true, {2}: false} {
		if got, err := h.Seen(ctx, hash); got != want || err != nil {
			t.Errorf("seen %v, %v; want %v", got, err, want)
		}
	}
}

func TestSessionsEndForGood(t *testing.T) {
	h, ctx := newHouse(t), context.Background()
	if _, err := h.Owner(ctx); !errors.Is(err, account.ErrNoOwner) {
		t.Errorf("no owner: %v", err)
	}
	if err := h.SetOwner(ctx, "one", false); err != nil {
		t.Fatal(err)
	}
	if err := h.SetOwner(ctx, "two", false); !errors.Is(err, account.ErrExists) {
		t.Errorf("a second owner: %v", err)
	}
	s := account.Session{TokenHash: [32]byte{9}, Person: 1, Created: houseNow, Seen: houseNow, Agent: "a", Peer: "p"}
	if err := h.PutSession(ctx, s); err != nil {
		t.Fatal(err)
	}
	if err := h.TouchSession(ctx, s.TokenHash, houseNow.Add(time.Hour), "q"); err != nil {
		t.Fatal(err)
	}
	s.Seen, s.Peer = houseNow.Add(time.Hour), "q"
	got, ok, err := h.Session(ctx, s.TokenHash)
	if diff := cmp.Diff(s, got); diff != "" || !ok || err != nil {
		t.Error(diff, ok, err)
	}
	if err := h.SetOwner(ctx, "two", true); err != nil {
		t.Fatal(err)
	}
	// A request that was under way touches the session after it ended.
	if err := h.TouchSession(ctx, s.TokenHash, houseNow, "p"); err != nil {
		t.Fatal(err)
	}
	if list, err := h.Sessions(ctx); len(list) != 0 || err != nil {
		t.Errorf("sessions after a new passphrase: %v, %v", list, err)
	}
	if hash, err := h.Owner(ctx); hash != "two" || err != nil {
		t.Errorf("owner %q, %v", hash, err)
	}
}
