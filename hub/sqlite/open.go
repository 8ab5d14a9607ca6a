// Package sqlite keeps Gatehouse's two databases: index.db, which can be rebuilt
// from the recordings, and house.db, which cannot. It holds all SQL and
// implements the store interfaces of the packages that own the data.
package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"path/filepath"
	"time"

	_ "modernc.org/sqlite" // the driver "sqlite"
)

// Values of PRAGMA synchronous for open.
const (
	syncNormal = "NORMAL" // a power cut may undo the last transactions, never corrupt: for what can be rebuilt
	syncFull   = "FULL"   // a committed transaction survives a power cut
)

// readers is how many queries may run beside a write. WAL readers block nobody;
// the number bounds memory (each has its own page cache).
const readers = 4

// database is one SQLite file: a writer with a single connection, so that
// writes queue in Go and never meet SQLITE_BUSY among themselves, and a pool of
// readers that cannot write.
type database struct {
	w *sql.DB // its transactions are BEGIN IMMEDIATE
	r *sql.DB
}

// open opens the file, making it if it is absent, and runs the migrations it
// has not seen. Migration i takes user_version from i to i+1 in a transaction
// of its own; a file of a later version than the program knows is refused and
// left as it is.
func open(ctx context.Context, path, synchronous string, migrations []string) (*database, error) {
	w, err := sql.Open("sqlite", dsn(path, synchronous, "_txlock=immediate"))
	if err != nil {
		return nil, fmt.Errorf("opening %s: %w", filepath.Base(path), err)
	}
	w.SetMaxOpenConns(1)
	w.SetConnMaxLifetime(0)
	if err := migrate(ctx, w, migrations); err != nil {
		return nil, errors.Join(fmt.Errorf("opening %s: %w", filepath.Base(path), err), w.Close())
	}
	r, err := sql.Open("sqlite", dsn(path, synchronous, "_pragma=query_only(1)"))
	if err != nil {
		return nil, errors.Join(fmt.Errorf("opening %s: %w", filepath.Base(path), err), w.Close())
	}
	r.SetMaxOpenConns(readers)
	r.SetMaxIdleConns(readers)
	r.SetConnMaxIdleTime(5 * time.Minute)
	return &database{w: w, r: r}, nil
}

func dsn(path, synchronous, more string) string {
	if abs, err := filepath.Abs(path); err == nil {
		path = abs
	}
	u := url.URL{Scheme: "file", Path: path, RawQuery: "_pragma=busy_timeout(5000)&_pragma=journal_mode(WAL)" +
		"&_pragma=foreign_keys(1)&_pragma=synchronous(" + synchronous + ")&" + more}
	return u.String()
}

func migrate(ctx context.Context, w *sql.DB, migrations []string) error {
	var have int
	if err := w.QueryRowContext(ctx, "PRAGMA user_version").Scan(&have); err != nil {
		return fmt.Errorf("reading version: %w", err)
	}
	if have > len(migrations) {
		return fmt.Errorf("written by a later Gatehouse: version %d, known up to %d", have, len(migrations))
	}
	for i := have; i < len(migrations); i++ {
		if err := inTx(ctx, w, func(tx *sql.Tx) error {
			if _, err := tx.ExecContext(ctx, migrations[i]); err != nil {
				return err
			}
			_, err := tx.ExecContext(ctx, fmt.Sprintf("PRAGMA user_version = %d", i+1))
			return err
		}); err != nil {
			return fmt.Errorf("migrating to version %d: %w", i+1, err)
		}
	}
	return nil
}

// Close closes readers, then the writer, whose last connection moves the
// write-ahead log into the file.
func (d *database) Close() error {
	return errors.Join(d.r.Close(), d.w.Close())
}

// write runs f in a transaction and commits it if f returns nil.
func (d *database) write(ctx context.Context, f func(*sql.Tx) error) error {
	return inTx(ctx, d.w, f)
}

func inTx(ctx context.Context, db *sql.DB, f func(*sql.Tx) error) error {
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	if err := f(tx); err != nil {
		return errors.Join(err, rollback(tx))
	}
	return tx.Commit()
}

// rollback ignores a transaction that its context has already ended.
func rollback(tx *sql.Tx) error {
	if err := tx.Rollback(); err != nil && !errors.Is(err, sql.ErrTxDone) {
		return err
	}
	return nil
}
