package sqlite

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"gatehouse/hub/ledger"
)

const hourColumns = "SELECT idx, end_us, seed, root, first, after FROM ledger_hour "

func scanHour(rows *sql.Rows) (h ledger.Hour, err error) {
	var end int64
	var seed, root []byte
	if err := rows.Scan(&h.Index, &end, &seed, &root, &h.From, &h.To); err != nil {
		return h, err
	}
	h.End, h.Seed, h.Root = timeOfHouse(end), [32]byte(seed), [32]byte(root)
	return h, nil
}

// Hours implements ledger.Store.
func (h *House) Hours(ctx context.Context) (all []ledger.Hour, err error) {
	err = houseRows(ctx, h.db.r, func(rows *sql.Rows) error {
		x, err := scanHour(rows)
		all = append(all, x)
		return err
	}, hourColumns+"ORDER BY idx")
	if err != nil {
		return nil, fmt.Errorf("reading hours: %w", err)
	}
	return all, nil
}

// AddHours implements ledger.Store.
func (h *House) AddHours(ctx context.Context, now time.Time) error {
	return h.db.write(ctx, func(tx *sql.Tx) error { return ledger.AddHours(h.ledgerTx(ctx, tx), now) })
}

// LastHour implements ledger.HourTx.
func (t houseTx) LastHour() (h ledger.Hour, ok bool, err error) {
	rows, err := t.tx.QueryContext(t.ctx, hourColumns+"ORDER BY idx DESC LIMIT 1")
	if err != nil {
		return h, false, err
	}
	defer rows.Close() //nolint:errcheck // Err is checked below
	if rows.Next() {
		h, err = scanHour(rows)
		return h, err == nil, err
	}
	return h, false, rows.Err()
}

// LeavesOf implements ledger.HourTx.
func (t houseTx) LeavesOf(from, to int64) (out [][]byte, err error) {
	rows, err := t.tx.QueryContext(t.ctx, "SELECT leaf FROM ledger WHERE idx >= ? AND idx < ? ORDER BY idx", from, to)
	if err != nil {
		return nil, err
	}
	defer rows.Close() //nolint:errcheck // Err is checked below
	for rows.Next() {
		var leaf []byte
		if err := rows.Scan(&leaf); err != nil {
			return nil, err
		}
		out = append(out, leaf)
	}
	return out, rows.Err()
}

// PutHour implements ledger.HourTx.
func (t houseTx) PutHour(h ledger.Hour) error {
	_, err := t.tx.ExecContext(t.ctx, "INSERT INTO ledger_hour(idx, end_us, seed, root, first, after) VALUES (?, ?, ?, ?, ?, ?)",
		h.Index, houseTime(h.End), h.Seed[:], h.Root[:], h.From, h.To)
	return err
}
