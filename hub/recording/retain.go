package recording

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"time"
)

// retainEvery is how often age and room are looked at.
const retainEvery = 30 * time.Second

// batch is how many segments are deleted at once, which bounds what a crash
// leaves to be deleted again.
const batch = 64

// Rules that delete, as they stay in the chain.
const (
	ruleDays  = "older than the days to keep"
	ruleBytes = "more than the bytes to keep"
	ruleFree  = "room for new footage"
)

// runRetention applies the rules until ctx ends. An error is the index's.
func (a *Archive) runRetention(ctx context.Context) error {
	tick := time.NewTicker(retainEvery)
	defer tick.Stop()
	for {
		if err := a.retain(ctx); err != nil && ctx.Err() == nil {
			return err
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// retain applies every rule once.
func (a *Archive) retain(ctx context.Context) error {
	if err := a.prepareDisks(ctx); err != nil {
		return err
	}
	if err := a.sweep(ctx); err != nil {
		return err
	}
	if err := a.shrinkStreams(ctx); err != nil {
		return err
	}
	for _, d := range a.disks {
		if c, _ := d.state(); c == failed || !d.checkMarker() {
			continue
		}
		if err := a.expire(ctx, d); err != nil {
			return err
		}
		if err := a.shrink(ctx, d); err != nil {
			return err
		}
		if err := a.makeRoom(ctx, d); err != nil {
			return err
		}
	}
	return nil
}

// shrink deletes the oldest beyond the bytes to keep.
func (a *Archive) shrink(ctx context.Context, d *disk) error {
	if d.cfg.Keep.Bytes <= 0 {
		return nil
	}
	_, used, err := a.cfg.Index.Usage(ctx, d.identity(), "", "")
	if err != nil {
		return err
	}
	return a.deleteOldest(ctx, d, used-d.cfg.Keep.Bytes, ruleBytes)
}

// makeRoom deletes the oldest until the file system has the room it is to
// keep, and sets or ends the disk's full condition.
func (a *Archive) makeRoom(ctx context.Context, d *disk) error {
	free, err := d.checkRoom()
	if err != nil {
		d.set(missing, "it does not answer: "+plain(err))
		return nil
	}
	want := max(d.cfg.Keep.Free, margin)
	if free >= want {
		return nil
	}
	if err := a.deleteOldest(ctx, d, want-free, ruleFree); err != nil {
		return err
	}
	_, err = d.checkRoom()
	if err != nil {
		d.set(missing, "it does not answer: "+plain(err))
	}
	return nil
}

// deleteOldest deletes closed, unheld segments, oldest first, that come to n bytes.
func (a *Archive) deleteOldest(ctx context.Context, d *disk, n int64, why string) error {
	for n > 0 {
		old, err := a.cfg.Index.Oldest(ctx, d.identity(), "", "", farFuture, batch)
		if err != nil || len(old) == 0 {
			return err
		}
		some := old[:0]
		for _, s := range old {
			if n <= 0 {
				break
			}
			n -= s.Bytes
			some = append(some, s)
		}
		if done, err := a.remove(ctx, d, some, why); err != nil || !done {
			return err
		}
	}
	return nil
}

// remove deletes segments. It is not done if one became held meanwhile or a
// file could not be deleted; what is left is tried again later.
func (a *Archive) remove(ctx context.Context, d *disk, segments []Segment, why string) (done bool, err error) {
	ids := make([]int64, len(segments))
	for i, s := range segments {
		ids[i] = s.ID
	}
	err = a.cfg.Index.MarkGarbage(ctx, ids, why, a.cfg.Now())
	if errors.Is(err, ErrHeld) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	return a.unlink(ctx, d, segments)
}

// unlink removes files, syncs their folders and only then forgets them: a file
// that came back after a power cut would be one that nobody knows of.
func (a *Archive) unlink(ctx context.Context, d *disk, segments []Segment) (done bool, err error) {
	folders := map[string]bool{}
	ids := make([]int64, 0, len(segments))
	for _, s := range segments {
		name, err := d.name(s.Path)
		if err == nil {
			err = d.fs.Remove(name)
		}
		if err != nil {
			a.cfg.Log.Error("deleting footage", "camera", s.Camera, "segment", s.ID, "err", err)
			continue
		}
		folders[filepath.Dir(name)] = true
		ids = append(ids, s.ID)
	}
	for name := range folders {
		if err := d.fs.SyncDir(name); err != nil && !gone(err) {
			a.cfg.Log.Error("deleting footage", "path", name, "err", err)
			return false, nil
		}
		d.prune(name)
	}
	if err := a.cfg.Index.ForgetGarbage(ctx, ids); err != nil {
		return false, fmt.Errorf("forgetting deleted footage: %w", err)
	}
	return len(ids) == len(segments), nil
}

// prune removes an hour's folder and its day's once they are empty. Failure
// leaves an empty folder, which harms nothing.
func (d *disk) prune(hour string) {
	if d.fs.Remove(hour) == nil {
		_ = d.fs.Remove(filepath.Dir(hour))
	}
}

// sweep deletes what a crash or an error left on the garbage list.
func (a *Archive) sweep(ctx context.Context) error {
	garbage, err := a.cfg.Index.Garbage(ctx)
	if err != nil {
		return err
	}
	by := map[*disk][]Segment{}
	for _, s := range garbage {
		if d := a.disk(s.Disk); d != nil && d.checkMarker() {
			by[d] = append(by[d], s)
		}
	}
	for d, segments := range by {
		if _, err := a.unlink(ctx, d, segments); err != nil {
			return err
		}
	}
	return nil
}
