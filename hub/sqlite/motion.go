package sqlite

import (
	"context"
	"errors"
	"fmt"
	"time"

	"gatehouse/hub/motion"
)

var _ motion.Store = (*Index)(nil)

// until is an end as it is stored.
func until(t time.Time) int64 {
	if t.IsZero() {
		return forever
	}
	return t.UnixMicro()
}

// AddMotion implements [motion.Store].
func (x *Index) AddMotion(ctx context.Context, m motion.Motion) (int64, error) {
	r, err := x.db.w.ExecContext(ctx, "INSERT INTO motion (camera, from_us, to_us, source, score) VALUES (?,?,?,?,?)",
		m.Camera, m.From.UnixMicro(), until(m.To), m.Source, m.Score)
	if err != nil {
		return 0, fmt.Errorf("adding motion: %w", err)
	}
	return r.LastInsertId()
}

// EndMotion implements [motion.Store].
func (x *Index) EndMotion(ctx context.Context, id int64, to time.Time, score float64) error {
	if _, err := x.db.w.ExecContext(ctx, "UPDATE motion SET to_us = ?, score = ? WHERE id = ?", until(to), score, id); err != nil {
		return fmt.Errorf("ending motion: %w", err)
	}
	return nil
}

// EndOpenMotions implements [motion.Store].
func (x *Index) EndOpenMotions(ctx context.Context, most time.Duration, now time.Time) error {
	_, err := x.db.w.ExecContext(ctx, "UPDATE motion SET to_us = max(from_us, min(from_us + ?, ?)) WHERE to_us = ?",
		most.Microseconds(), now.UnixMicro(), int64(forever))
	if err != nil {
		return fmt.Errorf("ending motion: %w", err)
	}
	return nil
}

// Motions implements [motion.Store].
func (x *Index) Motions(ctx context.Context, camera string, from, to time.Time) (_ []motion.Motion, err error) {
	cond, args := named("WHERE to_us > ? AND from_us < ?", []any{from.UnixMicro(), to.UnixMicro()}, "camera", camera)
	rows, err := x.db.r.QueryContext(ctx, "SELECT id, camera, from_us, to_us, source, score FROM motion "+cond+" ORDER BY from_us, id", args...)
	if err != nil {
		return nil, fmt.Errorf("listing motion: %w", err)
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	var all []motion.Motion
	for rows.Next() {
		var m motion.Motion
		var f, t int64
		if err := rows.Scan(&m.ID, &m.Camera, &f, &t, &m.Source, &m.Score); err != nil {
			return nil, fmt.Errorf("listing motion: %w", err)
		}
		m.From, m.To = time.UnixMicro(f).UTC(), fromMicros(t)
		all = append(all, m)
	}
	return all, rows.Err()
}

// ForgetMotions implements [motion.Store].
func (x *Index) ForgetMotions(ctx context.Context, camera string, before time.Time) error {
	if _, err := x.db.w.ExecContext(ctx, "DELETE FROM motion WHERE camera = ? AND to_us < ?", camera, before.UnixMicro()); err != nil {
		return fmt.Errorf("forgetting motion: %w", err)
	}
	return nil
}

// MotionCameras implements [motion.Store].
func (x *Index) MotionCameras(ctx context.Context) (_ []string, err error) {
	rows, err := x.db.r.QueryContext(ctx, "SELECT DISTINCT camera FROM motion ORDER BY camera")
	if err != nil {
		return nil, fmt.Errorf("listing cameras with motion: %w", err)
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	var all []string
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			return nil, fmt.Errorf("listing cameras with motion: %w", err)
		}
		all = append(all, name)
	}
	return all, rows.Err()
}
