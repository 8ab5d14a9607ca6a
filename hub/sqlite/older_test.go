package sqlite

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"gatehouse/hub/account"
	"gatehouse/hub/request"
)

// TestOlderHouse: what a hub wrote before requests by hand, several people's
// log-ins and noted facts is read as it was meant.
func TestOlderHouse(t *testing.T) {
	const before = 5 // migrations of that time
	path, ctx := filepath.Join(t.TempDir(), "house.db"), t.Context()
	old, err := open(ctx, path, syncFull, houseMigrations[:before])
	if err != nil {
		t.Fatal(err)
	}
	token := [32]byte{7}
	at := time.Date(2026, 11, 1, 8, 0, 0, 0, time.UTC)
	for _, row := range []struct {
		text string
		args []any
	}{
		{"INSERT INTO owner(one, hash) VALUES (1, 'argon')", nil},
		{"INSERT INTO person(name, role, hash) VALUES ('ben', 'approver', 'argon')", nil},
		{"INSERT INTO session(token, created, seen, agent, peer) VALUES (?, ?, ?, 'Firefox', '10.0.0.2')", []any{token[:], at.UnixMicro(), at.UnixMicro()}},
		{`INSERT INTO request(id, state, received, doc, envelope, proof, profile, log) VALUES ('r', 'prepared', ?,
			'{"id":"r","revision":1,"agency":"pd.example","state":"prepared","received":"2026-11-01T08:00:00Z",
			"rule":{"number":1,"action":"require_two"},"package":{"id":"GH-AAAA-AAAA","sha256":"00"},
			"approvals":[{"person":2,"by":"Approver 2","at":"2026-11-01T08:00:00Z","digest":"00"}]}', x'01', x'02', x'03', 'log')`, []any{at.UnixMicro()}},
	} {
		if _, err := old.w.ExecContext(ctx, row.text, row.args...); err != nil {
			t.Fatal(err)
		}
	}
	if err := old.Close(); err != nil {
		t.Fatal(err)
	}

	h, err := OpenHouse(ctx, path)
	if err != nil {
		t.Fatal(err)
	}
	defer h.Close()
	s, ok, err := h.Session(ctx, token)
	if want := (account.Session{TokenHash: token, Person: account.OwnerNumber, Created: at, Seen: at, Agent: "Firefox", Peer: "10.0.0.2"}); err != nil || !ok || cmp.Diff(want, s) != "" {
		t.Errorf("session %+v, %t, %v", s, ok, err)
	}
	people, err := h.People(ctx)
	if want := []account.Person{{Number: 2, Name: "ben", Role: account.Approver}}; err != nil || cmp.Diff(want, people) != "" {
		t.Errorf("people %+v, %v", people, err)
	}
	r, err := h.Record(ctx, "r")
	if err != nil || r.State != request.Prepared || r.Needs() != 2 || len(r.Approvals) != 1 || r.Manual != nil || r.ByHand != nil || r.Facts != nil {
		t.Errorf("request %+v, %v", r, err)
	}
	n := 0
	if err := h.EachSince(ctx, at, func(request.Record) error { n++; return nil }); err != nil || n != 1 {
		t.Errorf("a dry run reads %d, %v", n, err)
	}
	if n, err := h.CountBetween(ctx, "pd.example", "", at, at); err != nil || n != 1 {
		t.Errorf("%d requests of the agency, %v", n, err)
	}
}

// TestOlderTokens: tokens of before they knew who made them are the first owner's.
func TestOlderTokens(t *testing.T) {
	const before = 8
	path, ctx := filepath.Join(t.TempDir(), "house.db"), t.Context()
	old, err := open(ctx, path, syncFull, houseMigrations[:before])
	if err != nil {
		t.Fatal(err)
	}
	hash := [32]byte{8}
	if _, err := old.w.ExecContext(ctx, "INSERT INTO token(name, hash, scopes, cameras, created, expires) VALUES ('panel', ?, 'status', '[]', 1, 2)", hash[:]); err != nil {
		t.Fatal(err)
	}
	if err := old.Close(); err != nil {
		t.Fatal(err)
	}
	h, err := OpenHouse(ctx, path)
	if err != nil {
		t.Fatal(err)
	}
	defer h.Close()
	if tok, ok, err := h.Token(ctx, hash); err != nil || !ok || tok.Maker != account.OwnerNumber {
		t.Errorf("%+v, %t, %v", tok, ok, err)
	}
}
