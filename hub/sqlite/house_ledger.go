package sqlite

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"strings"

	"golang.org/x/mod/sumdb/tlog"

	"gatehouse/hub/ledger"
)

// houseTx is a transaction as the ledger sees it.
type houseTx struct {
	ctx context.Context
	querier
	tx *sql.Tx
}

// querier is a *sql.Tx or *sql.DB.
type querier interface {
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}

func (h *House) ledgerTx(ctx context.Context, tx *sql.Tx) houseTx {
	return houseTx{ctx: ctx, querier: tx, tx: tx}
}

// Size implements ledger.Tx.
func (t houseTx) Size() (int64, error) { return ledgerSize(t.ctx, t.querier) }

// ReadHashes implements tlog.HashReader.
func (t houseTx) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	return ledgerHashes(t.ctx, t.querier, indexes)
}

// Put implements ledger.Tx.
func (t houseTx) Put(index int64, leaf []byte, hashes []tlog.Hash) error {
	var e struct {
		Request string `json:"request"`
	}
	if err := json.Unmarshal(leaf, &e); err != nil {
		return fmt.Errorf("reading leaf: %w", err)
	}
	if _, err := t.tx.ExecContext(t.ctx, "INSERT INTO ledger(idx, leaf, request) VALUES (?, ?, ?)", index, leaf, e.Request); err != nil {
		return err
	}
	first := tlog.StoredHashIndex(0, index)
	for i, hash := range hashes {
		if _, err := t.tx.ExecContext(t.ctx, "INSERT INTO ledger_hash(idx, hash) VALUES (?, ?)", first+int64(i), hash[:]); err != nil {
			return err
		}
	}
	return nil
}

func ledgerSize(ctx context.Context, q querier) (n int64, err error) {
	return n, q.QueryRowContext(ctx, "SELECT COALESCE(MAX(idx), -1) + 1 FROM ledger").Scan(&n)
}

// ledgerHashes reads hashes by the batch; a bound on the batch keeps the number
// of parameters under SQLite's limit.
func ledgerHashes(ctx context.Context, q querier, indexes []int64) ([]tlog.Hash, error) {
	const batch = 500
	found := make(map[int64]tlog.Hash, len(indexes))
	for from := 0; from < len(indexes); from += batch {
		part := indexes[from:min(from+batch, len(indexes))]
		if err := hashBatch(ctx, q, part, found); err != nil {
			return nil, fmt.Errorf("reading ledger hashes: %w", err)
		}
	}
	out := make([]tlog.Hash, len(indexes))
	for i, x := range indexes {
		hash, ok := found[x]
		if !ok {
			return nil, fmt.Errorf("ledger hash %d is not stored", x)
		}
		out[i] = hash
	}
	return out, nil
}

func hashBatch(ctx context.Context, q querier, indexes []int64, into map[int64]tlog.Hash) error {
	args := make([]any, len(indexes))
	for i, x := range indexes {
		args[i] = x
	}
	rows, err := q.QueryContext(ctx, "SELECT idx, hash FROM ledger_hash WHERE idx IN (?"+strings.Repeat(",?", len(args)-1)+")", args...)
	if err != nil {
		return err
	}
	defer rows.Close() //nolint:errcheck // Err is checked below
	for rows.Next() {
		var x int64
		var hash []byte
		if err := rows.Scan(&x, &hash); err != nil {
			return err
		}
		into[x] = tlog.Hash(hash)
	}
	return rows.Err()
}

// Size implements ledger.Store.
func (h *House) Size() (int64, error) { return ledgerSize(context.Background(), h.db.r) }

// ReadHashes implements tlog.HashReader.
func (h *House) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	return ledgerHashes(context.Background(), h.db.r, indexes)
}

// Leaves implements ledger.Store.
func (h *House) Leaves(ctx context.Context, from int64, n int) ([][]byte, error) {
	if from < 0 || n < 0 {
		return nil, fmt.Errorf("reading ledger: negative range %d, %d", from, n)
	}
	var out [][]byte
	err := houseRows(ctx, h.db.r, func(rows *sql.Rows) error {
		var leaf []byte
		err := rows.Scan(&leaf)
		out = append(out, leaf)
		return err
	}, "SELECT leaf FROM ledger WHERE idx >= ? ORDER BY idx LIMIT ?", from, n)
	if err != nil {
		return nil, fmt.Errorf("reading ledger: %w", err)
	}
	return out, nil
}

// ByRequest implements ledger.Store.
func (h *House) ByRequest(ctx context.Context, id string) ([]int64, error) {
	var out []int64
	err := houseRows(ctx, h.db.r, func(rows *sql.Rows) error {
		var x int64
		err := rows.Scan(&x)
		out = append(out, x)
		return err
	}, "SELECT idx FROM ledger WHERE request = ? AND request <> '' ORDER BY idx", id)
	if err != nil {
		return nil, fmt.Errorf("reading ledger: %w", err)
	}
	return out, nil
}

// AppendEntries implements ledger.Store.
func (h *House) AppendEntries(ctx context.Context, e ...ledger.Entry) ([]ledger.Entry, error) {
	var out []ledger.Entry
	err := h.db.write(ctx, func(tx *sql.Tx) (err error) {
		out, err = h.append(ctx, tx, e)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("appending to ledger: %w", err)
	}
	return out, nil
}

func (h *House) append(ctx context.Context, tx *sql.Tx, entries []ledger.Entry) ([]ledger.Entry, error) {
	out := make([]ledger.Entry, 0, len(entries))
	for _, e := range entries {
		e, err := ledger.Append(h.ledgerTx(ctx, tx), e)
		if err != nil {
			return nil, err
		}
		out = append(out, e)
	}
	return out, nil
}
