package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"gatehouse/hub/ledger"
	"gatehouse/hub/recording"
)

var _ recording.HeadStore = (*House)(nil)

// AddHeads implements [recording.HeadStore].
func (h *House) AddHeads(ctx context.Context, heads recording.Heads) error {
	return h.db.write(ctx, func(tx *sql.Tx) error {
		e, err := ledger.Append(h.ledgerTx(ctx, tx), ledger.HeadsEntry(heads.Root, heads.Time))
		if err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, "INSERT INTO heads(entry, seed) VALUES (?, ?)", e.Index, heads.Seed[:]); err != nil {
			return err
		}
		for i, c := range heads.Chains {
			if err := addHead(ctx, tx, e.Index, i, c); err != nil {
				return err
			}
		}
		return nil
	})
}

func addHead(ctx context.Context, tx *sql.Tx, entry int64, nth int, c recording.Head) error {
	_, err := tx.ExecContext(ctx, "INSERT INTO head(entry, nth, chain, camera, stream, links, oldest) VALUES (?, ?, ?, ?, ?, ?, ?)",
		entry, nth, c.Chain[:], c.Camera, c.Stream, c.Links[:], c.Oldest)
	if err != nil {
		return err
	}
	for _, r := range c.Ranges {
		_, err := tx.ExecContext(ctx, "INSERT INTO head_range(chain, first, last, entry, nth) VALUES (?, ?, ?, ?, ?)",
			c.Chain[:], r[0], r[1], entry, nth)
		if err != nil {
			return err
		}
	}
	return nil
}

// Noted implements [recording.HeadStore].
func (h *House) Noted(ctx context.Context, chain [16]byte) (next int64, missing []int64, err error) {
	err = houseRows(ctx, h.db.r, func(rows *sql.Rows) error {
		var from, to int64
		if err := rows.Scan(&from, &to); err != nil {
			return err
		}
		for ; from < to; from++ {
			missing = append(missing, from)
		}
		return nil
	}, `SELECT before, first FROM (SELECT first, last, lag(last + 1, 1, 0) OVER (ORDER BY first) AS before
		FROM head_range WHERE chain = ?) WHERE first > before ORDER BY first`, chain[:])
	if err != nil {
		return 0, nil, err
	}
	err = h.db.r.QueryRowContext(ctx, "SELECT coalesce(max(last) + 1, 0) FROM head_range WHERE chain = ?", chain[:]).Scan(&next)
	return next, missing, err
}

// HeadsWith implements [recording.HeadStore].
func (h *House) HeadsWith(ctx context.Context, chain [16]byte, seq int64) (recording.Heads, error) {
	var entry, last int64
	err := h.db.r.QueryRowContext(ctx, "SELECT entry, last FROM head_range WHERE chain = ? AND first <= ? ORDER BY first DESC LIMIT 1",
		chain[:], seq).Scan(&entry, &last)
	if errors.Is(err, sql.ErrNoRows) || err == nil && last < seq {
		return recording.Heads{}, recording.ErrNotFound
	}
	if err != nil {
		return recording.Heads{}, err
	}
	return h.headsAt(ctx, entry)
}

// EachHeads implements [recording.HeadStore].
func (h *House) EachHeads(ctx context.Context, f func(recording.Heads) error) error {
	var entries []int64
	err := houseRows(ctx, h.db.r, func(rows *sql.Rows) error {
		var n int64
		err := rows.Scan(&n)
		entries = append(entries, n)
		return err
	}, "SELECT entry FROM heads ORDER BY entry")
	if err != nil {
		return err
	}
	for _, n := range entries {
		heads, err := h.headsAt(ctx, n)
		if err != nil {
			return err
		}
		if err := f(heads); err != nil {
			return err
		}
	}
	return nil
}

// headsAt reads the heads of a ledger entry. The root and the time are the
// entry's own.
func (h *House) headsAt(ctx context.Context, entry int64) (heads recording.Heads, err error) {
	heads.Entry = entry
	var seed, leaf []byte
	err = h.db.r.QueryRowContext(ctx, "SELECT seed, leaf FROM heads JOIN ledger ON idx = entry WHERE entry = ?", entry).Scan(&seed, &leaf)
	if err != nil {
		return heads, err
	}
	e, err := ledger.Decode(leaf)
	if err != nil {
		return heads, fmt.Errorf("%w: entry %d: %w", ledger.ErrDamaged, entry, err)
	}
	root, err := ledger.HeadsRoot(e)
	if err != nil {
		return heads, fmt.Errorf("%w: entry %d: %w", ledger.ErrDamaged, entry, err)
	}
	heads.Seed, heads.Root, heads.Time = recording.Hash(seed), root, e.Time
	err = houseRows(ctx, h.db.r, func(rows *sql.Rows) error {
		var c recording.Head
		var chain, links []byte
		var r [2]int64
		var nth int
		if err := rows.Scan(&nth, &chain, &c.Camera, &c.Stream, &links, &c.Oldest, &r[0], &r[1]); err != nil {
			return err
		}
		if nth < len(heads.Chains) {
			heads.Chains[nth].Ranges = append(heads.Chains[nth].Ranges, r)
			return nil
		}
		c.Chain, c.Links, c.Ranges = [16]byte(chain), recording.Hash(links), [][2]int64{r}
		heads.Chains = append(heads.Chains, c)
		return nil
	}, `SELECT head.nth, head.chain, camera, stream, links, oldest, first, last FROM head JOIN head_range USING (entry, nth)
		WHERE entry = ? ORDER BY head.nth, first`, entry)
	return heads, err
}
