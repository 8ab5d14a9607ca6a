package sqlite

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"

	"gatehouse/hub/keep"
	"gatehouse/hub/ledger"
)

var _ keep.Store = (*House)(nil)

// Kept implements keep.Store.
func (h *House) Kept(ctx context.Context) ([]keep.Kept, error) {
	var out []keep.Kept
	err := houseRows(ctx, h.db.r, func(rows *sql.Rows) error {
		var k keep.Kept
		var cameras string
		var from, to, until, made int64
		if err := rows.Scan(&k.ID, &cameras, &from, &to, &until, &k.Note, &k.By, &made); err != nil {
			return err
		}
		k.From, k.To, k.Until, k.Made = timeOfHouse(from), timeOfHouse(to), timeOfHouse(until), timeOfHouse(made)
		out = append(out, k)
		return json.Unmarshal([]byte(cameras), &out[len(out)-1].Cameras)
	}, "SELECT id, cameras, from_us, to_us, until_us, note, person, made FROM kept ORDER BY made DESC, id")
	if err != nil {
		return nil, fmt.Errorf("reading what is kept: %w", err)
	}
	return out, nil
}

// AddKept implements keep.Store.
func (h *House) AddKept(ctx context.Context, k keep.Kept, e ledger.Entry) error {
	return h.putKept(ctx, nil, []ledger.Entry{e}, `INSERT INTO kept(id, cameras, from_us, to_us, until_us, note, person, made)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?)`, k.ID, cameraList(k.Cameras), houseTime(k.From), houseTime(k.To), houseTime(k.Until), k.Note, k.By, houseTime(k.Made))
}

// ChangeKept implements keep.Store.
func (h *House) ChangeKept(ctx context.Context, k keep.Kept, e ledger.Entry) error {
	return h.putKept(ctx, keep.ErrNotFound, []ledger.Entry{e}, "UPDATE kept SET until_us = ?, note = ? WHERE id = ?", houseTime(k.Until), k.Note, k.ID)
}

// DropKept implements keep.Store.
func (h *House) DropKept(ctx context.Context, id string, e ...ledger.Entry) error {
	return h.putKept(ctx, keep.ErrNotFound, e, "DELETE FROM kept WHERE id = ?", id)
}

// putKept changes one row, or answers none, and tells the ledger.
func (h *House) putKept(ctx context.Context, none error, e []ledger.Entry, query string, args ...any) error {
	err := h.db.write(ctx, func(tx *sql.Tx) error {
		done, err := tx.ExecContext(ctx, query, args...)
		if err := changed(done, err, none); err != nil {
			return err
		}
		_, err = h.append(ctx, tx, e)
		return err
	})
	if err != nil {
		return fmt.Errorf("storing what is kept: %w", err)
	}
	return nil
}
