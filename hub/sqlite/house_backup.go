package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"gatehouse/hub/delivery"
	"gatehouse/hub/ledger"
	"gatehouse/hub/request"
)

// Snapshot writes a copy of the database, as it is at one moment, to a file that
// is not there. A hub, this or another, may write meanwhile.
func (h *House) Snapshot(ctx context.Context, path string) error {
	if _, err := os.Lstat(path); !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("copying the database: %w", errors.Join(err, os.ErrExist))
	}
	if _, err := h.db.w.ExecContext(ctx, "VACUUM INTO ?", path); err != nil {
		return fmt.Errorf("copying the database: %w", err)
	}
	return nil
}

// Sound reads the whole database and says what is wrong with it.
func (h *House) Sound(ctx context.Context) error {
	var found []string
	for _, query := range []string{"PRAGMA integrity_check(1)", "SELECT 'a row of '||\"table\"||' refers to nothing' FROM pragma_foreign_key_check LIMIT 1"} {
		err := houseRows(ctx, h.db.r, func(rows *sql.Rows) error {
			var line string
			err := rows.Scan(&line)
			if line != "ok" {
				found = append(found, line)
			}
			return err
		}, query)
		if err != nil {
			return fmt.Errorf("checking the database: %w", err)
		}
	}
	if len(found) > 0 {
		return fmt.Errorf("house.db is damaged: %s", found[0])
	}
	return nil
}

// Restored makes a database that was taken out of a backup one to go on with, in
// one transaction. What the backup cannot know, whether a delivery was finished
// or cancelled since, who was logged out, which token was revoked, is ended:
// nothing is sent, and nobody is in, before a person says so again. Sealed is
// where packages lie now. It returns how many deliveries it ended.
func (h *House) Restored(ctx context.Context, sealed string, now time.Time, e ledger.Entry) (ended int, err error) {
	records, err := h.Records(ctx)
	if err != nil {
		return 0, err
	}
	jobs, err := h.Jobs(ctx)
	if err != nil {
		return 0, err
	}
	err = h.db.write(ctx, func(tx *sql.Tx) error {
		if _, err := h.append(ctx, tx, []ledger.Entry{e}); err != nil {
			return err
		}
		const why = "This hub was put back from a backup that was made before the delivery was over. Whether it arrived is not known here."
		under := map[string]bool{}
		for _, j := range jobs {
			if j.State != delivery.Done && j.State != delivery.Failed && j.State != delivery.Cancelled {
				under[j.Request] = true
			}
		}
		ended = len(under)
		if _, err := tx.ExecContext(ctx, "UPDATE outbox SET state = ?, error = ?, finished = ? WHERE "+notFinal,
			string(delivery.Failed), why, houseTime(now)); err != nil {
			return err
		}
		for _, r := range records {
			if err := restoredRecord(ctx, tx, r, sealed, under[r.ID], why, now); err != nil {
				return err
			}
			if !under[r.ID] {
				continue
			}
			over := ledger.Entry{Time: now, Kind: ledger.Failed, Request: r.ID, Agency: r.Agency, Text: "Sending was under way when the backup was made and is ended. Whether the package arrived is not known here."}
			if _, err := h.append(ctx, tx, []ledger.Entry{over}); err != nil {
				return err
			}
		}
		for _, table := range []string{"session", "invite", "token"} {
			if _, err := tx.ExecContext(ctx, "DELETE FROM "+table); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return 0, fmt.Errorf("putting the database in order: %w", err)
	}
	return ended, nil
}

// restoredRecord ends a record's delivery, forgets approvals that were not the
// last, and tells where its package is.
func restoredRecord(ctx context.Context, tx *sql.Tx, r request.Record, sealed string, ends bool, why string, now time.Time) error {
	was := r.State
	if ends && was == request.Approved {
		r.State, r.Reason, r.Updated, r.Approvals = request.Failed, why, now, nil
	}
	if was == request.Prepared || was == request.Failed {
		r.Approvals = nil
	}
	r.Left = nil // what was left to a lock may have been taken back since
	if p := r.Package; p != nil {
		at := *p
		at.Path = filepath.Join(sealed, filepath.Base(p.Path))
		r.Package = &at
	}
	return putRecord(ctx, tx, r, was)
}
