package sqlite

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"

	"gatehouse/hub/ledger"
	"gatehouse/hub/request"
)

// Profiles implements request.Store.
func (h *House) Profiles(ctx context.Context) ([][]byte, error) {
	var out [][]byte
	err := houseRows(ctx, h.db.r, func(rows *sql.Rows) error {
		var envelope []byte
		err := rows.Scan(&envelope)
		out = append(out, envelope)
		return err
	}, "SELECT envelope FROM profile ORDER BY agency, root")
	if err != nil {
		return nil, fmt.Errorf("reading profiles: %w", err)
	}
	return out, nil
}

// PutProfile implements request.Store.
func (h *House) PutProfile(ctx context.Context, agency, root string, envelope []byte) error {
	err := h.exec(ctx, `INSERT INTO profile(agency, root, envelope) VALUES (?, ?, ?)
		ON CONFLICT(agency, root) DO UPDATE SET envelope = excluded.envelope`, agency, root, envelope)
	if err != nil {
		return fmt.Errorf("storing profile: %w", err)
	}
	return nil
}

// Allowlist implements request.Store.
func (h *House) Allowlist(ctx context.Context) ([]request.Allowed, error) {
	var out []request.Allowed
	err := houseRows(ctx, h.db.r, func(rows *sql.Rows) error {
		var doc string
		if err := rows.Scan(&doc); err != nil {
			return err
		}
		var a request.Allowed
		err := json.Unmarshal([]byte(doc), &a)
		a.Added = a.Added.UTC()
		out = append(out, a)
		return err
	}, "SELECT doc FROM allowed ORDER BY agency")
	if err != nil {
		return nil, fmt.Errorf("reading the allowlist in force: %w", err)
	}
	return out, nil
}

// PutAllowlist implements request.Store.
func (h *House) PutAllowlist(ctx context.Context, list []request.Allowed, e ...ledger.Entry) error {
	err := h.db.write(ctx, func(tx *sql.Tx) error {
		if _, err := tx.ExecContext(ctx, "DELETE FROM allowed"); err != nil {
			return err
		}
		for _, a := range list {
			doc, err := json.Marshal(a)
			if err != nil {
				return err
			}
			if _, err := tx.ExecContext(ctx, "INSERT INTO allowed(agency, doc) VALUES (?, ?)", a.Agency, string(doc)); err != nil {
				return err
			}
		}
		_, err := h.append(ctx, tx, e)
		return err
	})
	if err != nil {
		return fmt.Errorf("storing the allowlist in force: %w", err)
	}
	return nil
}
