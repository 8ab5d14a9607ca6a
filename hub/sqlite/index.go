package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math"
	"strings"
	"time"

	"gatehouse/hub/recording"
	"gatehouse/rtsp"
)

// indexMigrations build index.db. Times are Unix microseconds; an open end is
// the largest integer, so that overlap needs no special case.
var indexMigrations = []string{`
CREATE TABLE segment (
	id        INTEGER PRIMARY KEY,
	camera    TEXT    NOT NULL,
	stream    TEXT    NOT NULL,
	run       INTEGER NOT NULL,
	seq       INTEGER NOT NULL,
	start_us  INTEGER NOT NULL,
	dur_us    INTEGER NOT NULL,
	bytes     INTEGER NOT NULL,
	keyframes INTEGER NOT NULL,
	state     TEXT    NOT NULL CHECK (state IN ('open', 'closed', 'recovered')),
	clock     INTEGER NOT NULL,
	disk      TEXT    NOT NULL,
	path      TEXT    NOT NULL,
	chain     BLOB    NOT NULL CHECK (length(chain) = 16),
	root      BLOB    NOT NULL CHECK (length(root) = 32),
	link      BLOB    NOT NULL CHECK (length(link) = 32),
	previous  BLOB    NOT NULL CHECK (length(previous) = 32),
	gaps      BLOB    NOT NULL CHECK (length(gaps) = 32),
	deleted_us INTEGER NOT NULL DEFAULT 0,
	why       TEXT    NOT NULL DEFAULT '',
	UNIQUE (camera, stream, seq)
) STRICT;
CREATE INDEX segment_time ON segment (camera, stream, start_us, dur_us) WHERE deleted_us = 0;
CREATE INDEX segment_age  ON segment (start_us, disk) WHERE deleted_us = 0;
CREATE INDEX segment_open ON segment (id) WHERE state = 'open' AND deleted_us = 0;
CREATE TABLE garbage (
	segment INTEGER PRIMARY KEY REFERENCES segment (id)
) STRICT;
CREATE TABLE usage (
	disk     TEXT    NOT NULL,
	camera   TEXT    NOT NULL,
	stream   TEXT    NOT NULL,
	segments INTEGER NOT NULL,
	bytes    INTEGER NOT NULL,
	PRIMARY KEY (disk, camera, stream)
) STRICT, WITHOUT ROWID;
CREATE TRIGGER usage_add AFTER INSERT ON segment WHEN new.deleted_us = 0 BEGIN
	INSERT INTO usage VALUES (new.disk, new.camera, new.stream, 1, new.bytes)
	ON CONFLICT DO UPDATE SET segments = segments + 1, bytes = bytes + excluded.bytes;
END;
CREATE TRIGGER usage_grow AFTER UPDATE OF bytes ON segment WHEN new.deleted_us = 0 AND old.deleted_us = 0 BEGIN
	UPDATE usage SET bytes = bytes + new.bytes - old.bytes
	WHERE disk = new.disk AND camera = new.camera AND stream = new.stream;
END;
CREATE TRIGGER usage_drop AFTER UPDATE OF deleted_us ON segment WHEN new.deleted_us <> 0 AND old.deleted_us = 0 BEGIN
	UPDATE usage SET segments = segments - 1, bytes = bytes - old.bytes
	WHERE disk = old.disk AND camera = old.camera AND stream = old.stream;
END;
CREATE TABLE gap (
	id      INTEGER PRIMARY KEY,
	camera  TEXT    NOT NULL,
	stream  TEXT    NOT NULL,
	from_us INTEGER NOT NULL,
	to_us   INTEGER NOT NULL,
	reason  TEXT    NOT NULL,
	detail  TEXT    NOT NULL
) STRICT;
CREATE INDEX gap_time ON gap (camera, stream, to_us, from_us);
CREATE TABLE hold (
	id       TEXT    NOT NULL,
	camera   TEXT    NOT NULL,
	from_us  INTEGER NOT NULL,
	to_us    INTEGER NOT NULL,
	until_us INTEGER NOT NULL,
	note     TEXT    NOT NULL,
	PRIMARY KEY (id, camera)
) STRICT, WITHOUT ROWID;
CREATE INDEX hold_camera ON hold (camera, to_us);
`, `
-- A held segment cannot be marked as deleted, whatever asks for it.
CREATE TRIGGER held_kept BEFORE UPDATE OF deleted_us ON segment WHEN new.deleted_us <> 0 AND old.deleted_us = 0 AND EXISTS (
	SELECT 1 FROM hold WHERE hold.camera = old.camera AND hold.until_us > CAST(unixepoch('subsec') * 1000000 AS INTEGER)
	AND hold.from_us < old.start_us + old.dur_us AND hold.to_us > old.start_us)
BEGIN SELECT RAISE(ABORT, 'the segment is held'); END;
`, `
CREATE TABLE motion (
	id      INTEGER PRIMARY KEY,
	camera  TEXT    NOT NULL,
	from_us INTEGER NOT NULL,
	to_us   INTEGER NOT NULL,
	source  TEXT    NOT NULL,
	score   REAL    NOT NULL
) STRICT;
CREATE INDEX motion_time ON motion (camera, to_us, from_us);
`}

// Index is index.db; it implements [recording.Index].
type Index struct {
	db  *database
	now func() time.Time // what a hold's Until is compared with
}

var _ recording.Index = (*Index)(nil)

// OpenIndex opens or makes the file. A power cut may undo what was said of open
// segments: recovery reads that from their files. That a segment exists, is
// deleted or is held is on disk when the call returns.
func OpenIndex(ctx context.Context, path string) (*Index, error) {
	db, err := open(ctx, path, syncNormal, indexMigrations)
	if err != nil {
		return nil, err
	}
	return &Index{db: db, now: time.Now}, nil
}

// UseClock has the ends of holds judged by a clock other than the machine's. It
// is never ahead of that, which the database itself asks as well. It is called before anything else.
func (x *Index) UseClock(now func() time.Time) { x.now = now }

// Close closes the database.
func (x *Index) Close() error { return x.db.Close() }

// durably runs f in a transaction that survives a power cut, and with it every
// one committed before: the write-ahead log is one file.
func (x *Index) durably(ctx context.Context, f func(*sql.Tx) error) (err error) {
	conn, err := x.db.w.Conn(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, conn.Close()) }()
	if _, err := conn.ExecContext(ctx, "PRAGMA synchronous = "+syncFull); err != nil {
		return err
	}
	defer func() { // also after ctx has ended: the connection is used again
		_, perr := conn.ExecContext(context.WithoutCancel(ctx), "PRAGMA synchronous = "+syncNormal)
		err = errors.Join(err, perr)
	}()
	tx, err := conn.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	if err := f(tx); err != nil {
		return errors.Join(err, rollback(tx))
	}
	return tx.Commit()
}

const segmentColumns = `id, camera, stream, run, seq, start_us, dur_us, bytes, keyframes, state, clock, disk, path,
	chain, root, link, previous, gaps, deleted_us, why`

// forever is an end that is not known yet.
const forever = math.MaxInt64

func micros(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMicro()
}

func fromMicros(us int64) time.Time {
	if us == 0 || us == forever {
		return time.Time{}
	}
	return time.UnixMicro(us).UTC()
}

func scanSegment(scan func(...any) error) (recording.ChainRow, error) {
	var r recording.ChainRow
	var start, dur, deleted int64
	var state string
	var clock uint8
	var chain, root, link, previous, gaps []byte
	err := scan(&r.ID, &r.Camera, &r.Stream, &r.Run, &r.Seq, &start, &dur, &r.Bytes, &r.KeyFrames, &state, &clock,
		&r.Disk, &r.Path, &chain, &root, &link, &previous, &gaps, &deleted, &r.Why)
	if err != nil {
		return r, err
	}
	r.Start, r.Duration = time.UnixMicro(start).UTC(), time.Duration(dur)*time.Microsecond
	r.State, r.Clock, r.Deleted = recording.SegmentState(state), rtsp.ClockQuality(clock), fromMicros(deleted)
	r.Chain, r.Root, r.Link = [16]byte(chain), recording.Hash(root), recording.Hash(link)
	r.Previous, r.Gaps = recording.Hash(previous), recording.Hash(gaps)
	return r, nil
}

// rows runs a query of segmentColumns.
func (x *Index) rows(ctx context.Context, doing, where string, args ...any) (_ []recording.ChainRow, err error) {
	rows, err := x.db.r.QueryContext(ctx, "SELECT "+segmentColumns+" FROM segment "+where, args...)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", doing, err)
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	var all []recording.ChainRow
	for rows.Next() {
		r, err := scanSegment(rows.Scan)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", doing, err)
		}
		all = append(all, r)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("%s: %w", doing, err)
	}
	return all, nil
}

func (x *Index) segments(ctx context.Context, doing, where string, args ...any) ([]recording.Segment, error) {
	rows, err := x.rows(ctx, doing, where, args...)
	all := make([]recording.Segment, len(rows))
	for i := range rows {
		all[i] = rows[i].Segment
	}
	return all, err
}

// AddSegment implements [recording.Index].
func (x *Index) AddSegment(ctx context.Context, s recording.Segment) (id int64, err error) {
	err = x.durably(ctx, func(tx *sql.Tx) error {
		r, err := tx.ExecContext(ctx, `INSERT INTO segment (camera, stream, run, seq, start_us, dur_us, bytes, keyframes,
			state, clock, disk, path, chain, root, link, previous, gaps) VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)`,
			s.Camera, s.Stream, s.Run, s.Seq, s.Start.UnixMicro(), s.Duration.Microseconds(), s.Bytes, s.KeyFrames,
			string(s.State), s.Clock, s.Disk, s.Path, s.Chain[:], s.Root[:], s.Link[:], s.Previous[:], s.Gaps[:])
		if err != nil {
			return err
		}
		id, err = r.LastInsertId()
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("adding segment: %w", err)
	}
	return id, nil
}

// UpdateSegments implements [recording.Index].
func (x *Index) UpdateSegments(ctx context.Context, segments ...recording.Segment) error {
	err := x.db.write(ctx, func(tx *sql.Tx) error {
		for _, s := range segments {
			if err := updateSegment(ctx, tx, s); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("updating segments: %w", err)
	}
	return nil
}

func updateSegment(ctx context.Context, tx *sql.Tx, s recording.Segment) error {
	r, err := tx.ExecContext(ctx, `UPDATE segment SET dur_us = ?, bytes = ?, keyframes = ?, state = ?, clock = ?,
		root = ?, link = ? WHERE id = ? AND (state = 'open' OR ? <> 'open')`,
		s.Duration.Microseconds(), s.Bytes, s.KeyFrames, string(s.State), s.Clock, s.Root[:], s.Link[:], s.ID, string(s.State))
	if err != nil {
		return err
	}
	if n, err := r.RowsAffected(); err != nil || n == 1 {
		return err
	}
	var one int
	err = tx.QueryRowContext(ctx, "SELECT 1 FROM segment WHERE id = ?", s.ID).Scan(&one)
	if errors.Is(err, sql.ErrNoRows) {
		return fmt.Errorf("segment %d: %w", s.ID, recording.ErrNotFound)
	}
	return err
}

// LastSegment implements [recording.Index].
func (x *Index) LastSegment(ctx context.Context, camera, stream string) (recording.Segment, error) {
	const doing = "reading last segment"
	s, err := x.segments(ctx, doing, "WHERE camera = ? AND stream = ? ORDER BY seq DESC LIMIT 1", camera, stream)
	if err != nil {
		return recording.Segment{}, err
	}
	if len(s) == 0 {
		return recording.Segment{}, fmt.Errorf("%s: %w", doing, recording.ErrNotFound)
	}
	return s[0], nil
}

// named adds conditions for those of the names that are not empty.
func named(cond string, args []any, column, name string) (string, []any) {
	if name == "" {
		return cond, args
	}
	return cond + " AND " + column + " = ?", append(args, name)
}

// longest is more than any segment lasts: what a search by start must look
// back to find those that reach into a range.
const longest = time.Hour

// Segments implements [recording.Index].
func (x *Index) Segments(ctx context.Context, camera, stream string, from, to time.Time) ([]recording.Segment, error) {
	cond, args := named("WHERE deleted_us = 0", nil, "camera", camera)
	cond, args = named(cond, args, "stream", stream)
	return x.segments(ctx, "listing segments", cond+" AND start_us < ? AND start_us > ? AND start_us + dur_us > ? ORDER BY start_us, camera, stream",
		append(args, to.UnixMicro(), from.Add(-longest).UnixMicro(), from.UnixMicro())...)
}

// OpenSegments implements [recording.Index].
func (x *Index) OpenSegments(ctx context.Context) ([]recording.Segment, error) {
	return x.segments(ctx, "listing open segments", "WHERE state = 'open' AND deleted_us = 0 ORDER BY id")
}

// heldBy is true of a segment that a hold protects at a time.
const heldBy = `EXISTS (SELECT 1 FROM hold WHERE hold.camera = segment.camera AND hold.until_us > ?
	AND hold.from_us < start_us + dur_us AND hold.to_us > start_us)`

// Oldest implements [recording.Index].
func (x *Index) Oldest(ctx context.Context, disk, camera, stream string, before time.Time, n int) ([]recording.Segment, error) {
	cond, args := named("WHERE deleted_us = 0 AND state <> 'open'", nil, "disk", disk)
	cond, args = named(cond, args, "camera", camera)
	cond, args = named(cond, args, "stream", stream)
	args = append(args, before.UnixMicro(), before.UnixMicro(), x.now().UnixMicro(), n)
	return x.segments(ctx, "listing oldest segments",
		cond+" AND start_us < ? AND start_us + dur_us < ? AND NOT "+heldBy+" ORDER BY start_us LIMIT ?", args...)
}

// Usage implements [recording.Index].
func (x *Index) Usage(ctx context.Context, disk, camera, stream string) (n, bytes int64, err error) {
	cond, args := named("WHERE true", nil, "disk", disk)
	cond, args = named(cond, args, "camera", camera)
	cond, args = named(cond, args, "stream", stream)
	err = x.db.r.QueryRowContext(ctx, "SELECT coalesce(sum(segments), 0), coalesce(sum(bytes), 0) FROM usage "+cond, args...).Scan(&n, &bytes)
	if err != nil {
		return 0, 0, fmt.Errorf("reading usage: %w", err)
	}
	return n, bytes, nil
}

// MarkGarbage implements [recording.Index].
func (x *Index) MarkGarbage(ctx context.Context, ids []int64, why string, at time.Time) error {
	err := x.durably(ctx, func(tx *sql.Tx) error {
		for _, id := range ids {
			r, err := tx.ExecContext(ctx, "UPDATE segment SET deleted_us = ?, why = ? WHERE id = ? AND deleted_us = 0 AND NOT "+heldBy,
				at.UnixMicro(), why, id, x.now().UnixMicro())
			if err != nil {
				return err
			}
			if n, err := r.RowsAffected(); err != nil {
				return err
			} else if n == 0 {
				if err := whyNot(ctx, tx, id); err != nil {
					return err
				}
				continue
			}
			if _, err := tx.ExecContext(ctx, "INSERT INTO garbage VALUES (?)", id); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("marking garbage: %w", err)
	}
	return nil
}

// whyNot says why a segment could not be marked; one that is marked already is fine.
func whyNot(ctx context.Context, tx *sql.Tx, id int64) error {
	var deleted int64
	err := tx.QueryRowContext(ctx, "SELECT deleted_us FROM segment WHERE id = ?", id).Scan(&deleted)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return fmt.Errorf("segment %d: %w", id, recording.ErrNotFound)
	case err == nil && deleted == 0:
		return fmt.Errorf("segment %d: %w", id, recording.ErrHeld)
	}
	return err
}

// Garbage implements [recording.Index].
func (x *Index) Garbage(ctx context.Context) ([]recording.Segment, error) {
	return x.segments(ctx, "listing garbage", "WHERE id IN (SELECT segment FROM garbage) ORDER BY id")
}

// ForgetGarbage implements [recording.Index].
func (x *Index) ForgetGarbage(ctx context.Context, ids []int64) error {
	if len(ids) == 0 {
		return nil
	}
	args := make([]any, len(ids))
	for i, id := range ids {
		args[i] = id
	}
	_, err := x.db.w.ExecContext(ctx, "DELETE FROM garbage WHERE segment IN (?"+strings.Repeat(",?", len(ids)-1)+")", args...)
	if err != nil {
		return fmt.Errorf("forgetting garbage: %w", err)
	}
	return nil
}

// Chain implements [recording.Index].
func (x *Index) Chain(ctx context.Context, camera, stream string, from, to int64) ([]recording.ChainRow, error) {
	return x.rows(ctx, "reading chain", "WHERE camera = ? AND stream = ? AND seq >= ? AND seq < ? ORDER BY seq", camera, stream, from, to)
}

// OldestSeq implements [recording.Index].
func (x *Index) OldestSeq(ctx context.Context, camera, stream string) (seq int64, err error) {
	err = x.db.r.QueryRowContext(ctx, "SELECT seq FROM segment WHERE camera = ? AND stream = ? AND deleted_us = 0 ORDER BY start_us LIMIT 1",
		camera, stream).Scan(&seq)
	if errors.Is(err, sql.ErrNoRows) {
		err = recording.ErrNotFound
	}
	if err != nil {
		return 0, fmt.Errorf("reading oldest segment: %w", err)
	}
	return seq, nil
}
