package sqlite

import (
	"context"
	"database/sql"
	"fmt"

	"gatehouse/hub/request"
)

// Counts implements request.Store.
func (h *House) Counts(ctx context.Context) (map[request.State]int, error) {
	n := map[request.State]int{}
	err := houseRows(ctx, h.db.r, func(rows *sql.Rows) error {
		var state string
		var count int
		err := rows.Scan(&state, &count)
		n[request.State(state)] = count
		return err
	}, "SELECT state, count(*) FROM request GROUP BY state")
	if err != nil {
		return nil, fmt.Errorf("counting requests: %w", err)
	}
	return n, nil
}
