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

// CountSince implements request.Store.
func (h *House) CountSince(ctx context.Context, agency, but string, since time.Time) (n int, err error) {
	err = h.db.r.QueryRowContext(ctx, `SELECT count(*) FROM request WHERE json_extract(doc, '$.agency') = ? AND received >= ?
		AND state <> ? AND id <> ?`, agency, houseTime(since), string(request.Refused), but).Scan(&n)
	if err != nil {
		return 0, fmt.Errorf("counting an agency's requests: %w", err)
	}
	return n, nil
}
