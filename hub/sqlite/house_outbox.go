package sqlite

import (
	"context"
	"database/sql"
	"fmt"

	"gatehouse/hub/delivery"
	"gatehouse/hub/ledger"
	"gatehouse/hub/request"
)

const notFinal = "state NOT IN ('done', 'failed', 'cancelled')"

func insertOutbox(ctx context.Context, tx *sql.Tx, entry int64, o request.Outbox) error {
	_, err := tx.ExecContext(ctx, `INSERT INTO outbox(ledger, request, agency, package, path, digest, bytes,
		target_kind, target_url, profile, private, not_before) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		entry, o.Request, o.Agency, o.PackageID, o.Path, o.Digest, o.Bytes,
		o.Target.Kind, o.Target.URL, notNull(o.Profile), o.Private, houseTime(o.NotBefore))
	return err
}

// Packages implements request.Store.
func (h *House) Packages(ctx context.Context) ([]string, error) {
	var out []string
	err := houseRows(ctx, h.db.r, func(rows *sql.Rows) error {
		var path string
		err := rows.Scan(&path)
		out = append(out, path)
		return err
	}, "SELECT DISTINCT path FROM outbox")
	if err != nil {
		return nil, fmt.Errorf("reading outbox: %w", err)
	}
	return out, nil
}

// Jobs implements delivery.Store.
func (h *House) Jobs(ctx context.Context) ([]delivery.Job, error) {
	var out []delivery.Job
	err := houseRows(ctx, h.db.r, func(rows *sql.Rows) error {
		var j delivery.Job
		var notBefore, nextTry, finished int64
		err := rows.Scan(&j.ID, &j.Entry, &j.Request, &j.Agency, &j.PackageID, &j.Path, &j.Digest, &j.Bytes,
			&j.Target.Kind, &j.Target.URL, &j.Profile, &j.Private, &notBefore, &j.State, &j.UploadURL, &j.Offset,
			&j.Attempts, &nextTry, &j.Error, &j.Receipt, &finished)
		j.NotBefore, j.NextTry, j.Finished = timeOfHouse(notBefore), timeOfHouse(nextTry), timeOfHouse(finished)
		out = append(out, j)
		return err
	}, `SELECT id, ledger, request, agency, package, path, digest, bytes, target_kind, target_url, profile, private,
		not_before, state, upload_url, offset, attempts, next_try, error, receipt, finished FROM outbox ORDER BY id DESC`)
	if err != nil {
		return nil, fmt.Errorf("reading outbox: %w", err)
	}
	return out, nil
}

// SaveJob implements delivery.Store.
func (h *House) SaveJob(ctx context.Context, j delivery.Job) error {
	err := h.db.write(ctx, func(tx *sql.Tx) error {
		done, err := tx.ExecContext(ctx, `UPDATE outbox SET state = ?, upload_url = ?, offset = ?, attempts = ?,
			next_try = ?, error = ?, not_before = ? WHERE id = ? AND `+notFinal,
			string(j.State), j.UploadURL, j.Offset, j.Attempts, houseTime(j.NextTry), j.Error, houseTime(j.NotBefore), j.ID)
		return changed(done, err, delivery.ErrFinished)
	})
	if err != nil {
		return fmt.Errorf("storing outbox progress: %w", err)
	}
	return nil
}

// FinishJob implements delivery.Store.
func (h *House) FinishJob(ctx context.Context, j delivery.Job, e ...ledger.Entry) error {
	err := h.db.write(ctx, func(tx *sql.Tx) error {
		h.step("begin")
		done, err := tx.ExecContext(ctx, `UPDATE outbox SET state = ?, upload_url = ?, offset = ?, attempts = ?,
			error = ?, receipt = ?, finished = ? WHERE id = ? AND `+notFinal,
			string(j.State), j.UploadURL, j.Offset, j.Attempts, j.Error, notNull(j.Receipt), houseTime(j.Finished), j.ID)
		if err := changed(done, err, delivery.ErrFinished); err != nil {
			return err
		}
		h.step("outbox")
		_, err = h.append(ctx, tx, e)
		h.step("ledger")
		return err
	})
	if err != nil {
		return fmt.Errorf("finishing outbox job: %w", err)
	}
	return nil
}
