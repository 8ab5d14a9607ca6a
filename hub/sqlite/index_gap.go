package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"gatehouse/hub/recording"
	"gatehouse/rtsp"
)

// Streams implements [recording.Index].
func (x *Index) Streams(ctx context.Context) (_ [][2]string, err error) {
	// usage has a row of every stream that ever had a segment.
	rows, err := x.db.r.QueryContext(ctx, "SELECT camera, stream FROM usage UNION SELECT camera, stream FROM gap ORDER BY 1, 2")
	if err != nil {
		return nil, fmt.Errorf("listing streams: %w", err)
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	var all [][2]string
	for rows.Next() {
		var s [2]string
		if err := rows.Scan(&s[0], &s[1]); err != nil {
			return nil, fmt.Errorf("listing streams: %w", err)
		}
		all = append(all, s)
	}
	return all, rows.Err()
}

// AddGap implements [recording.Index].
func (x *Index) AddGap(ctx context.Context, g recording.Gap) (int64, error) {
	to := int64(forever)
	if !g.To.IsZero() {
		to = g.To.UnixMicro()
	}
	r, err := x.db.w.ExecContext(ctx, "INSERT INTO gap (camera, stream, from_us, to_us, reason, detail) VALUES (?,?,?,?,?,?)",
		g.Camera, g.Stream, micros(g.From), to, string(g.Reason), g.Detail)
	if err != nil {
		return 0, fmt.Errorf("adding gap: %w", err)
	}
	return r.LastInsertId()
}

// CloseGap implements [recording.Index].
func (x *Index) CloseGap(ctx context.Context, id int64, to time.Time) error {
	r, err := x.db.w.ExecContext(ctx, "UPDATE gap SET to_us = ? WHERE id = ?", to.UnixMicro(), id)
	if err != nil {
		return fmt.Errorf("closing gap: %w", err)
	}
	if n, err := r.RowsAffected(); err != nil || n == 0 {
		return errors.Join(err, fmt.Errorf("closing gap %d: %w", id, recording.ErrNotFound))
	}
	return nil
}

// Gaps implements [recording.Index].
func (x *Index) Gaps(ctx context.Context, camera, stream string, from, to time.Time) (_ []recording.Gap, err error) {
	cond, args := named("WHERE to_us >= ? AND from_us < ?", []any{from.UnixMicro(), to.UnixMicro()}, "camera", camera)
	cond, args = named(cond, args, "stream", stream)
	rows, err := x.db.r.QueryContext(ctx, "SELECT id, camera, stream, from_us, to_us, reason, detail FROM gap "+cond+" ORDER BY from_us, id", args...)
	if err != nil {
		return nil, fmt.Errorf("listing gaps: %w", err)
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	var all []recording.Gap
	for rows.Next() {
		var g recording.Gap
		var f, t int64
		var reason string
		if err := rows.Scan(&g.ID, &g.Camera, &g.Stream, &f, &t, &reason, &g.Detail); err != nil {
			return nil, fmt.Errorf("listing gaps: %w", err)
		}
		g.From, g.To, g.Reason = fromMicros(f), fromMicros(t), rtsp.Reason(reason)
		all = append(all, g)
	}
	return all, rows.Err()
}

// PutHold implements [recording.Index].
func (x *Index) PutHold(ctx context.Context, h recording.Hold) error {
	err := x.durably(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `INSERT INTO hold (id, camera, from_us, to_us, until_us, note) VALUES (?,?,?,?,?,?)
			ON CONFLICT DO UPDATE SET from_us = excluded.from_us, to_us = excluded.to_us, until_us = excluded.until_us, note = excluded.note`,
			h.ID, h.Camera, h.From.UnixMicro(), h.To.UnixMicro(), h.Until.UnixMicro(), h.Note)
		return err
	})
	if err != nil {
		return fmt.Errorf("putting hold: %w", err)
	}
	return nil
}

// ReleaseHold implements [recording.Index].
func (x *Index) ReleaseHold(ctx context.Context, id string) error {
	if _, err := x.db.w.ExecContext(ctx, "DELETE FROM hold WHERE id = ?", id); err != nil {
		return fmt.Errorf("releasing hold: %w", err)
	}
	return nil
}

// Held implements [recording.Index].
func (x *Index) Held(ctx context.Context, disk string) (bytes int64, err error) {
	err = x.db.r.QueryRowContext(ctx, `SELECT coalesce(sum(bytes), 0) FROM segment WHERE disk = ? AND deleted_us = 0 AND id IN (
		SELECT s.id FROM hold JOIN segment s ON s.camera = hold.camera WHERE hold.until_us > ? AND s.deleted_us = 0
		AND s.start_us < hold.to_us AND s.start_us > hold.from_us - ? AND s.start_us + s.dur_us > hold.from_us)`,
		disk, x.now().UnixMicro(), longest.Microseconds()).Scan(&bytes)
	if err != nil {
		return 0, fmt.Errorf("reading what is held: %w", err)
	}
	return bytes, nil
}

// Holds implements [recording.Index].
func (x *Index) Holds(ctx context.Context) (_ []recording.Hold, err error) {
	rows, err := x.db.r.QueryContext(ctx, "SELECT id, camera, from_us, to_us, until_us, note FROM hold ORDER BY id, camera")
	if err != nil {
		return nil, fmt.Errorf("listing holds: %w", err)
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	var all []recording.Hold
	for rows.Next() {
		var h recording.Hold
		var f, t, u int64
		if err := rows.Scan(&h.ID, &h.Camera, &f, &t, &u, &h.Note); err != nil {
			return nil, fmt.Errorf("listing holds: %w", err)
		}
		h.From, h.To, h.Until = time.UnixMicro(f).UTC(), time.UnixMicro(t).UTC(), time.UnixMicro(u).UTC()
		all = append(all, h)
	}
	return all, rows.Err()
}
