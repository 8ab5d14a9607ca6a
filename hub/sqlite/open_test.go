package sqlite

import (
	"path/filepath"
	"strings"
	"testing"
)

func TestOpenMigratesOnceAndRefusesLaterVersions(t *testing.T) {
	ctx := t.Context()
	path := filepath.Join(t.TempDir(), "a b?c#d%.db")
	first := []string{"CREATE TABLE a(x INTEGER NOT NULL) STRICT"}
	db, err := open(ctx, path, syncNormal, first)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := db.w.ExecContext(ctx, "INSERT INTO a VALUES (7)"); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}

	second := append(first, "CREATE TABLE b(y INTEGER); INSERT INTO b SELECT x+1 FROM a")
	if db, err = open(ctx, path, syncFull, second); err != nil {
		t.Fatal(err)
	}
	var y, sync, fk int
	var mode string
	if err := db.r.QueryRowContext(ctx, "SELECT y FROM b").Scan(&y); err != nil || y != 8 {
		t.Errorf("after the second migration y = %d, %v; want 8", y, err)
	}
	for _, p := range []struct {
		pragma string
		to     any
	}{{"synchronous", &sync}, {"foreign_keys", &fk}, {"journal_mode", &mode}} {
		if err := db.w.QueryRowContext(ctx, "PRAGMA "+p.pragma).Scan(p.to); err != nil {
			t.Fatal(err)
		}
	}
	if sync != 2 || fk != 1 || mode != "wal" {
		t.Errorf("synchronous %d, foreign_keys %d, journal_mode %q; want 2, 1, wal", sync, fk, mode)
	}
	if _, err := db.r.ExecContext(ctx, "INSERT INTO a VALUES (8)"); err == nil {
		t.Error("a reader could write")
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := open(ctx, path, syncFull, first); err == nil || !strings.Contains(err.Error(), "later Gatehouse") {
		t.Errorf("opening a later version: %v", err)
	}
}

func TestOpenLeavesAFailedMigrationUndone(t *testing.T) {
	ctx := t.Context()
	path := filepath.Join(t.TempDir(), "x.db")
	if _, err := open(ctx, path, syncNormal, []string{"CREATE TABLE a(x); CREATE TABLE a(x)"}); err == nil {
		t.Fatal("a broken migration passed")
	}
	db, err := open(ctx, path, syncNormal, []string{"CREATE TABLE a(x)"})
	if err != nil {
		t.Fatalf("the broken migration left something behind: %v", err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
}
