package sqlite

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"gatehouse/bridge/homekit"
	"gatehouse/hub/account"
	"gatehouse/hub/delivery"
	"gatehouse/hub/ledger"
	"gatehouse/hub/request"
)

// House is house.db: requests, decisions, the outbox, the ledger, the owner, HomeKit's pairings. It
// cannot be rebuilt from anything, so a commit survives a power cut.
type House struct {
	db *database
	// step is called inside the transactions of PutRecord, Approve, FinishJob and KeepHomeKit
	// after each of their statements; tests end the process there.
	step func(name string)
}

var (
	_ request.Store  = (*House)(nil)
	_ delivery.Store = (*House)(nil)
	_ account.Store  = (*House)(nil)
	_ ledger.Store   = (*House)(nil)
	_ homekit.Store  = (*House)(nil)
)

// OpenHouse opens the database at path, making it if it is absent.
func OpenHouse(ctx context.Context, path string) (*House, error) {
	db, err := open(ctx, path, syncFull, houseMigrations)
	if err != nil {
		return nil, err
	}
	return &House{db: db, step: func(string) {}}, nil
}

// Close closes the database.
func (h *House) Close() error { return h.db.Close() }

// Times are microseconds since 1970, 0 for the zero time.
func houseTime(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMicro()
}

func timeOfHouse(us int64) time.Time {
	if us == 0 {
		return time.Time{}
	}
	return time.UnixMicro(us).UTC()
}

// notNull keeps an empty slice from becoming NULL.
func notNull(b []byte) []byte {
	if b == nil {
		return []byte{}
	}
	return b
}

// changed returns none if a statement changed no row.
func changed(r sql.Result, err, none error) error {
	if err != nil {
		return err
	}
	n, err := r.RowsAffected()
	if err == nil && n == 0 {
		return none
	}
	return err
}

func (h *House) exec(ctx context.Context, query string, args ...any) error {
	return h.db.write(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, query, args...)
		return err
	})
}

// houseRows calls scan for every row of a query.
func houseRows(ctx context.Context, db querier, scan func(*sql.Rows) error, query string, args ...any) error {
	rows, err := db.QueryContext(ctx, query, args...)
	if err != nil {
		return err
	}
	for rows.Next() {
		if err := scan(rows); err != nil {
			return errors.Join(err, rows.Close())
		}
	}
	return errors.Join(rows.Err(), rows.Close())
}

// Secret returns a random 32-byte value, made when its name is first asked for.
func (h *House) Secret(ctx context.Context, name string) ([]byte, error) {
	value := make([]byte, 32)
	rand.Read(value) // never fails: crypto/rand ends the program instead
	err := h.db.write(ctx, func(tx *sql.Tx) error {
		if _, err := tx.ExecContext(ctx, "INSERT INTO secret(name, value) VALUES (?, ?) ON CONFLICT DO NOTHING", name, value); err != nil {
			return err
		}
		return tx.QueryRowContext(ctx, "SELECT value FROM secret WHERE name = ?", name).Scan(&value)
	})
	if err != nil {
		return nil, fmt.Errorf("reading secret: %w", err)
	}
	return value, nil
}
