package recording

import (
	"context"
	"time"
)

// Limit says how long footage of one stream stays, on all disks together. Zero
// values leave it to the disks' own rules; Days stand in for theirs, whether
// fewer or more.
type Limit struct {
	Camera, Stream string
	Days           int
	Bytes          int64
}

// ruleStream is the rule of Limit.Bytes.
const ruleStream = "more than the bytes to keep of the stream"

// SetLimits replaces the limits of all streams. They hold from the next look at
// age and room on, within half a minute.
func (a *Archive) SetLimits(limits []Limit) {
	by := map[[2]string]Limit{}
	for _, l := range limits {
		by[[2]string{l.Camera, l.Stream}] = l
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.limits = by
}

func (a *Archive) limit(stream [2]string) Limit {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.limits[stream]
}

// expire deletes what is older than the days to keep: the stream's own, or else
// those of the disk it is on.
func (a *Archive) expire(ctx context.Context, d *disk) error {
	streams, err := a.cfg.Index.Streams(ctx)
	if err != nil {
		return err
	}
	for _, s := range streams {
		days := a.limit(s).Days
		if days == 0 {
			days = d.cfg.Keep.Days
		}
		if days <= 0 {
			continue
		}
		if err := a.deleteBefore(ctx, d, s, a.cfg.Old().AddDate(0, 0, -days)); err != nil {
			return err
		}
	}
	return nil
}

func (a *Archive) deleteBefore(ctx context.Context, d *disk, stream [2]string, before time.Time) error {
	for {
		old, err := a.cfg.Index.Oldest(ctx, d.identity(), stream[0], stream[1], before, batch)
		if err != nil || len(old) == 0 {
			return err
		}
		if done, err := a.remove(ctx, d, old, ruleDays); err != nil || !done {
			return err
		}
	}
}

// shrinkStreams deletes the oldest of each stream beyond its own bytes, on
// whichever disk that is.
func (a *Archive) shrinkStreams(ctx context.Context) error {
	a.mu.Lock()
	limits := make([]Limit, 0, len(a.limits))
	for _, l := range a.limits {
		if l.Bytes > 0 {
			limits = append(limits, l)
		}
	}
	a.mu.Unlock()
	for _, l := range limits {
		_, used, err := a.cfg.Index.Usage(ctx, "", l.Camera, l.Stream)
		if err != nil {
			return err
		}
		if err := a.shrinkStream(ctx, l, used-l.Bytes); err != nil {
			return err
		}
	}
	return nil
}

func (a *Archive) shrinkStream(ctx context.Context, l Limit, n int64) error {
	for n > 0 {
		old, err := a.cfg.Index.Oldest(ctx, "", l.Camera, l.Stream, farFuture, batch)
		if err != nil || len(old) == 0 {
			return err
		}
		for _, s := range old {
			if n <= 0 {
				return nil
			}
			d := a.disk(s.Disk)
			if d == nil {
				return nil // the oldest goes first, and its disk is not here
			}
			if !d.deletable() {
				return nil
			}
			if done, err := a.remove(ctx, d, []Segment{s}, ruleStream); err != nil || !done {
				return err
			}
			n -= s.Bytes
		}
	}
	return nil
}
