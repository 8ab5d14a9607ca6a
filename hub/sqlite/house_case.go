package sqlite

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"time"

	"gatehouse/hub/request"
)

func scanDoc(rows *sql.Rows) (r request.Record, err error) {
	var doc string
	if err := rows.Scan(&doc); err != nil {
		return r, err
	}
	return r, json.Unmarshal([]byte(doc), &r)
}

// CaseRecords implements request.Store.
func (h *House) CaseRecords(ctx context.Context, agency, number string, n int) (out []request.Record, err error) {
	err = houseRows(ctx, h.db.r, func(rows *sql.Rows) error {
		r, err := scanDoc(rows)
		out = append(out, r)
		return err
	}, `SELECT doc FROM request WHERE json_extract(doc, '$.agency') = ? AND json_extract(doc, '$.request.case.number') = ?
		AND state <> ? ORDER BY received, id LIMIT ?`, agency, number, string(request.Refused), n)
	if err != nil {
		return nil, fmt.Errorf("reading the requests of a case: %w", err)
	}
	return out, nil
}

// CountBetween implements request.Store.
func (h *House) CountBetween(ctx context.Context, agency, but string, from, to time.Time) (n int, err error) {
	err = h.db.r.QueryRowContext(ctx, `SELECT count(*) FROM request WHERE json_extract(doc, '$.agency') = ? AND received BETWEEN ? AND ?
		AND state <> ? AND id <> ?`, agency, houseTime(from), houseTime(to), string(request.Refused), but).Scan(&n)
	if err != nil {
		return 0, fmt.Errorf("counting an agency's requests: %w", err)
	}
	return n, nil
}

// eachAtOnce is how many records EachSince has in memory: each may have 9 KB.
const eachAtOnce = 200

// EachSince implements request.Store. It reads by id, a page at a time, so that
// no long read keeps the write-ahead log from being checkpointed.
func (h *House) EachSince(ctx context.Context, since time.Time, f func(request.Record) error) error {
	for after := ""; ; {
		var page []request.Record
		err := houseRows(ctx, h.db.r, func(rows *sql.Rows) error {
			r, err := scanDoc(rows)
			page = append(page, r)
			return err
		}, "SELECT doc FROM request WHERE id > ? AND received >= ? ORDER BY id LIMIT ?", after, houseTime(since), eachAtOnce)
		if err != nil {
			return fmt.Errorf("reading requests: %w", err)
		}
		for _, r := range page {
			if err := f(r); err != nil {
				return err
			}
		}
		if len(page) < eachAtOnce {
			return nil
		}
		after = page[len(page)-1].ID
	}
}
