package recording

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// interval is how often the disk is synced.
func (d *disk) interval() time.Duration {
	if d.cfg.Profile == ProfileSD {
		return 10 * time.Second
	}
	return 2 * time.Second
}

// errSync wraps the errors of sync: what was written is on disk, or is not.
var errSync = errors.New("sync failed")

// sync makes a file durable. The files of a disk take turns.
func (d *disk) sync(f file) error {
	d.syncing.Lock()
	defer d.syncing.Unlock()
	if err := f.Sync(); err != nil {
		return fmt.Errorf("%w: %w", errSync, err)
	}
	return nil
}

// runSync syncs the disk's open segments and looks at its room until ctx ends.
// short is called when there is less room than there should be.
func (d *disk) runSync(ctx context.Context, index Index, short func()) error {
	tick := time.NewTicker(d.interval())
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		if err := d.syncAll(ctx, index); err != nil && ctx.Err() == nil {
			return err
		}
		if r, ok := d.look(); ok && d.wants(r) > 0 {
			short()
		}
	}
}

// syncAll makes what the segments have written durable and then tells the
// index, in one transaction. An error is the index's.
func (d *disk) syncAll(ctx context.Context, index Index) error {
	if c, _ := d.state(); c == failed || !d.checkMarker() {
		return nil
	}
	d.mu.Lock()
	open := make([]*segment, 0, len(d.open))
	for s := range d.open {
		open = append(open, s)
	}
	d.mu.Unlock()
	began := time.Now()
	var rows []Segment
	for _, s := range open {
		row, changed, err := s.sync()
		if err != nil {
			break // the disk has failed; the recorders see it
		}
		if changed {
			rows = append(rows, row)
		}
	}
	if len(rows) == 0 {
		return nil
	}
	err := index.UpdateSegments(ctx, rows...)
	d.took(time.Since(began))
	return err
}

// took remembers how long a round of syncs takes: the slowest lately.
func (d *disk) took(round time.Duration) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.slowest = max(round, d.slowest*15/16)
}

// exposed is the longest that footage can be without being durable: a fragment
// is in hand for 4 s and half a second at most, waits for the next round and
// then for that round's end. Held footage waits for no round.
func (d *disk) exposed(held bool) time.Duration {
	d.mu.Lock()
	slowest := d.slowest
	d.mu.Unlock()
	n := maxFragment + wakeEvery + slowest
	if !held {
		n += max(d.interval(), slowest)
	}
	return n
}

func (d *disk) register(s *segment) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.open[s] = struct{}{}
}

func (d *disk) forget(s *segment) {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.open, s)
}
