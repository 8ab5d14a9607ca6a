package sqlite

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"gatehouse/hub/ledger"
	"gatehouse/hub/request"
)

const recordColumns = "doc, envelope, proof, profile, log"

func scanRecord(scan func(...any) error) (request.Record, error) {
	var doc string
	var r request.Record
	var envelope, proof, profile []byte
	if err := scan(&doc, &envelope, &proof, &profile, &r.Log); err != nil {
		return request.Record{}, err
	}
	log := r.Log
	if err := json.Unmarshal([]byte(doc), &r); err != nil {
		return request.Record{}, err
	}
	r.Envelope, r.Proof, r.Profile, r.Log = envelope, proof, profile, log
	return r, nil
}

// Record implements request.Store.
func (h *House) Record(ctx context.Context, id string) (request.Record, error) {
	row := h.db.r.QueryRowContext(ctx, "SELECT "+recordColumns+" FROM request WHERE id = ?", id)
	r, err := scanRecord(row.Scan)
	if errors.Is(err, sql.ErrNoRows) {
		return request.Record{}, request.ErrNotFound
	}
	if err != nil {
		return request.Record{}, fmt.Errorf("reading request: %w", err)
	}
	return r, nil
}

// Records implements request.Store.
func (h *House) Records(ctx context.Context, in ...request.State) ([]request.Record, error) {
	query, args := "SELECT "+recordColumns+" FROM request", make([]any, len(in))
	if len(in) > 0 {
		for i, s := range in {
			args[i] = string(s)
		}
		query += " WHERE state IN (?" + strings.Repeat(",?", len(in)-1) + ")"
	}
	var out []request.Record
	err := houseRows(ctx, h.db.r, func(rows *sql.Rows) error {
		r, err := scanRecord(rows.Scan)
		out = append(out, r)
		return err
	}, query+" ORDER BY received DESC, id DESC", args...)
	if err != nil {
		return nil, fmt.Errorf("reading requests: %w", err)
	}
	return out, nil
}

// PutRecord implements request.Store.
func (h *House) PutRecord(ctx context.Context, r request.Record, was request.State, e ...ledger.Entry) error {
	err := h.db.write(ctx, func(tx *sql.Tx) error {
		h.step("begin")
		if err := putRecord(ctx, tx, r, was); err != nil {
			return err
		}
		h.step("record")
		if len(r.Envelope) > 0 {
			if err := remember(ctx, tx, sha256.Sum256(r.Envelope), r.Received); err != nil {
				return err
			}
		}
		_, err := h.append(ctx, tx, e)
		h.step("ledger")
		return err
	})
	if err != nil {
		return fmt.Errorf("storing request: %w", err)
	}
	return nil
}

// PutRecords implements request.Store.
func (h *House) PutRecords(ctx context.Context, list []request.Rejudged) error {
	err := h.db.write(ctx, func(tx *sql.Tx) error {
		for _, r := range list {
			err := putRecord(ctx, tx, r.Record, r.Was)
			if err == nil && len(r.Envelope) > 0 {
				err = remember(ctx, tx, sha256.Sum256(r.Envelope), r.Received)
			}
			if err != nil && !errors.Is(err, request.ErrState) {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("storing requests: %w", err)
	}
	return nil
}

func putRecord(ctx context.Context, tx *sql.Tx, r request.Record, was ...request.State) error {
	doc, err := json.Marshal(r)
	if err != nil {
		return err
	}
	args := []any{
		string(r.State), houseTime(r.Received), string(doc),
		notNull(r.Envelope), notNull(r.Proof), notNull(r.Profile), r.Log, r.ID,
	}
	if len(was) == 1 && was[0] == "" {
		done, err := tx.ExecContext(ctx, `INSERT INTO request(state, received, doc, envelope, proof, profile, log, id)
			VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`, args...)
		return changed(done, err, request.ErrState)
	}
	for _, s := range was {
		args = append(args, string(s))
	}
	done, err := tx.ExecContext(ctx, `UPDATE request SET state = ?, received = ?, doc = ?, envelope = ?, proof = ?,
		profile = ?, log = ? WHERE id = ? AND state IN (?`+strings.Repeat(",?", len(was)-1)+`)`, args...)
	return changed(done, err, request.ErrState)
}

// DropRecord implements request.Store.
func (h *House) DropRecord(ctx context.Context, id string) error {
	err := h.exec(ctx, "DELETE FROM request WHERE id = ? AND state = ?", id, string(request.Refused))
	if err != nil {
		return fmt.Errorf("dropping refused request: %w", err)
	}
	return nil
}

// Prune implements request.Store.
func (h *House) Prune(ctx context.Context, before time.Time, keep int) error {
	err := h.db.write(ctx, func(tx *sql.Tx) error {
		if _, err := tx.ExecContext(ctx, `DELETE FROM request WHERE received < ? AND (state IN (?, ?, ?, ?)
			OR state = ? AND json_extract(doc, '$.matches') IS NULL)`, houseTime(before), string(request.Refused),
			string(request.NotListed), string(request.Unmatched), string(request.Hidden), string(request.Withdrawn)); err != nil {
			return err
		}
		for _, unproven := range []bool{true, false} {
			if _, err := tx.ExecContext(ctx, `DELETE FROM request WHERE state = ?1 AND (log = '') = ?3 AND id NOT IN
				(SELECT id FROM request WHERE state = ?1 AND (log = '') = ?3 ORDER BY received DESC, id DESC LIMIT ?2)`,
				string(request.Refused), keep, unproven); err != nil {
				return err
			}
		}
		_, err := tx.ExecContext(ctx, "DELETE FROM seen WHERE at < ?", houseTime(before))
		return err
	})
	if err != nil {
		return fmt.Errorf("pruning requests: %w", err)
	}
	return nil
}

// Approve implements request.Store. Its three rows are durable together or not at all.
func (h *House) Approve(ctx context.Context, r request.Record, e ledger.Entry, o request.Outbox) (ledger.Entry, error) {
	err := h.db.write(ctx, func(tx *sql.Tx) (err error) {
		h.step("begin")
		if err := putRecord(ctx, tx, r, request.Prepared, request.Failed); err != nil {
			return err
		}
		h.step("record")
		if e, err = ledger.Append(h.ledgerTx(ctx, tx), e); err != nil {
			return err
		}
		h.step("ledger")
		if err := insertOutbox(ctx, tx, e.Index, o); err != nil {
			return err
		}
		h.step("outbox")
		return nil
	})
	if err != nil {
		return ledger.Entry{}, fmt.Errorf("storing approval: %w", err)
	}
	return e, nil
}

// Seen implements request.Store.
func (h *House) Seen(ctx context.Context, hash [32]byte) (bool, error) {
	var n int
	err := h.db.r.QueryRowContext(ctx, "SELECT count(*) FROM seen WHERE hash = ?", hash[:]).Scan(&n)
	if err != nil {
		return false, fmt.Errorf("reading what was seen: %w", err)
	}
	return n > 0, nil
}

// Remember implements request.Store.
func (h *House) Remember(ctx context.Context, hash [32]byte, at time.Time) error {
	err := h.db.write(ctx, func(tx *sql.Tx) error { return remember(ctx, tx, hash, at) })
	if err != nil {
		return fmt.Errorf("remembering what was seen: %w", err)
	}
	return nil
}

func remember(ctx context.Context, tx *sql.Tx, hash [32]byte, at time.Time) error {
	_, err := tx.ExecContext(ctx, "INSERT INTO seen(hash, at) VALUES (?, ?) ON CONFLICT DO NOTHING", hash[:], houseTime(at))
	return err
}

// LogHead implements request.Store.
func (h *House) LogHead(ctx context.Context, log string) (signed []byte, fetched time.Time, err error) {
	var at int64
	err = h.db.r.QueryRowContext(ctx, "SELECT signed, fetched FROM log_head WHERE log = ?", log).Scan(&signed, &at)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, time.Time{}, nil
	}
	if err != nil {
		return nil, time.Time{}, fmt.Errorf("reading log head: %w", err)
	}
	return signed, timeOfHouse(at), nil
}

// PutLogHead implements request.Store.
func (h *House) PutLogHead(ctx context.Context, log string, signed []byte, fetched time.Time) error {
	err := h.exec(ctx, `INSERT INTO log_head(log, signed, fetched) VALUES (?, ?, ?)
		ON CONFLICT(log) DO UPDATE SET signed = excluded.signed, fetched = excluded.fetched`,
		log, notNull(signed), houseTime(fetched))
	if err != nil {
		return fmt.Errorf("storing log head: %w", err)
	}
	return nil
}
