package recording

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"time"

	"gatehouse/hub/finding"
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
		for again := false; !again; {
			select {
			case <-ctx.Done():
				return nil
			case <-tick.C:
				again = true
			case d := <-a.short:
				if err := a.makeRoom(ctx, d); err != nil && ctx.Err() == nil {
					return err
				}
			}
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
	if err := a.applyRules(ctx); err != nil {
		return err
	}
	for _, d := range a.disks {
		if err := a.makeRoom(ctx, d); err != nil {
			return err
		}
	}
	return a.lookAtHeld(ctx)
}

// applyRules deletes what is more than the owner wants to keep.
func (a *Archive) applyRules(ctx context.Context) error {
	a.room.Lock()
	defer a.room.Unlock()
	if err := a.shrinkStreams(ctx); err != nil {
		return err
	}
	for _, d := range a.disks {
		if !d.deletable() {
			continue
		}
		if err := a.expire(ctx, d); err != nil {
			return err
		}
		if err := a.shrink(ctx, d); err != nil {
			return err
		}
	}
	return nil
}

// deletable reports whether footage on the disk can be deleted now.
func (d *disk) deletable() bool {
	c, _ := d.state()
	return c != failed && c != readOnly && d.checkMarker()
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
	a.room.Lock()
	defer a.room.Unlock()
	d.probe()
	r, ok := d.look()
	if !ok || !d.deletable() || d.wants(r) <= 0 {
		return nil
	}
	if err := a.deleteOldest(ctx, d, d.wants(r), ruleFree); err != nil {
		return err
	}
	d.probe()
	d.look()
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
	ids, err := d.unlink(segments)
	if err != nil {
		return false, nil // the disk has said why
	}
	if err := a.cfg.Index.ForgetGarbage(ctx, ids); err != nil {
		return false, fmt.Errorf("forgetting deleted footage: %w", err)
	}
	return len(ids) == len(segments), nil
}

// unlink returns the segments whose files are gone for good. One that may not
// be deleted is left; any other error is the disk's.
func (d *disk) unlink(segments []Segment) (ids []int64, err error) {
	v, err := d.enter()
	if err != nil {
		return nil, err
	}
	defer v.Close()
	folders := map[string]bool{}
	for _, s := range segments {
		err := v.Remove(s.Path)
		if errors.Is(err, fs.ErrPermission) {
			continue
		}
		if err != nil {
			return nil, d.fail("deleting", err)
		}
		folders[path.Dir(s.Path)] = true
		ids = append(ids, s.ID)
	}
	for name := range folders {
		if err := v.SyncDir(name); err != nil && !gone(err) {
			return nil, d.fail("syncing", err)
		}
		// The hour's folder, and the day's, if they are empty; what fails leaves
		// an empty folder, which harms nothing.
		if v.Remove(name) == nil {
			_ = v.Remove(path.Dir(name))
		}
	}
	if len(folders) > 0 {
		d.forgetDirs()
	}
	return ids, nil
}

// sweep deletes what a crash or an error left on the garbage list.
func (a *Archive) sweep(ctx context.Context) error {
	garbage, err := a.cfg.Index.Garbage(ctx)
	if err != nil {
		return err
	}
	for _, d := range a.disks {
		var mine []Segment
		for _, s := range garbage {
			if s.Disk == d.identity() {
				mine = append(mine, s)
			}
		}
		if !d.deletable() {
			continue
		}
		stuck := false
		for some := range slices.Chunk(mine, batch) {
			done, err := a.unlink(ctx, d, some)
			if err != nil {
				return err
			}
			stuck = stuck || !done
		}
		if c, _ := d.state(); c == well || c == full {
			d.setSnag(stuck)
		}
	}
	return nil
}

// setSnag notes that footage of a disk cannot be deleted, or that it can.
func (d *disk) setSnag(stuck bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if stuck != d.snag.IsZero() {
		return
	}
	d.snag = finding.Finding{}
	if stuck {
		d.snag = finding.New("disk-stuck")
		d.log.Error("footage cannot be deleted", "reason", d.snag.String())
	} else {
		d.log.Info("footage can be deleted again")
	}
}
