package recording

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"gatehouse/hub/finding"
)

// live is how far the durable end may lag behind a stream that is well: one
// sync interval and two of the longest fragments.
func live(a *Archive) time.Duration {
	d := 2 * maxFragment
	for _, k := range a.disks {
		d = max(d, 2*maxFragment+k.interval())
	}
	return d + 3*time.Second
}

// Status reports every stream's health, by camera and stream.
func (a *Archive) Status(ctx context.Context) ([]StreamStatus, error) {
	keys, err := a.cfg.Index.Streams(ctx)
	if err != nil {
		return nil, err
	}
	a.mu.Lock()
	for k := range a.recorders {
		keys = append(keys, k)
	}
	a.mu.Unlock()
	slices.SortFunc(keys, func(x, y [2]string) int { return strings.Compare(x[0]+"\x00"+x[1], y[0]+"\x00"+y[1]) })
	var all []StreamStatus
	for _, k := range slices.Compact(keys) {
		s, err := a.status(ctx, k[0], k[1])
		if err != nil {
			return nil, err
		}
		all = append(all, s)
	}
	return all, nil
}

func (a *Archive) status(ctx context.Context, camera, stream string) (StreamStatus, error) {
	index, now := a.cfg.Index, a.cfg.Now()
	s := StreamStatus{Camera: camera, Stream: stream}
	last, err := index.LastSegment(ctx, camera, stream)
	if err != nil && !errors.Is(err, ErrNotFound) {
		return s, err
	}
	if err == nil {
		s.LastDurable = last.End()
	}
	if s.Segments, s.Bytes, err = index.Usage(ctx, "", camera, stream); err != nil {
		return s, err
	}
	if s.Oldest, err = a.oldest(ctx, camera, stream); err != nil {
		return s, err
	}
	a.mu.Lock()
	r := a.recorders[[2]string{camera, stream}]
	a.mu.Unlock()
	running := r != nil
	s.Recording = running && last.State == Open && since(now, s.LastDurable) < live(a)
	if running && r.gate != nil {
		s.Waiting = r.gate.waiting.Load()
		s.Recording = s.Recording || r.gate.well(now, live(a))
	}
	if !running {
		return s, nil
	}
	if d := a.disk(last.Disk); s.Recording && d != nil {
		s.AtMost = int((d.exposed(a.held(camera)) + time.Second - 1) / time.Second)
	}
	gaps, err := index.Gaps(ctx, camera, stream, now, now.Add(time.Microsecond))
	if err != nil {
		return s, err
	}
	if all := a.Troubles(); len(all) > 0 {
		s.Problem = all[0]
	}
	for _, g := range gaps {
		if g.To.IsZero() && s.Problem.IsZero() && !s.Waiting {
			s.Problem = finding.New("reason." + string(g.Reason))
		}
	}
	if s.Problem.IsZero() && !s.Recording && !s.LastDurable.IsZero() {
		s.Problem = finding.New("nothing-recorded", "long", since(now, s.LastDurable).Round(time.Second))
	}
	return s, nil
}

// oldest is the start of the oldest segment kept, held or not.
func (a *Archive) oldest(ctx context.Context, camera, stream string) (time.Time, error) {
	index := a.cfg.Index
	free, err := index.Oldest(ctx, "", camera, stream, farFuture, 1)
	if err != nil {
		return time.Time{}, err
	}
	var t time.Time
	if len(free) > 0 {
		t = free[0].Start
	}
	a.mu.Lock()
	holds := slices.Clone(a.holds[camera])
	a.mu.Unlock()
	for _, h := range holds {
		kept, err := index.Segments(ctx, camera, stream, h.From, h.To)
		if err != nil {
			return time.Time{}, err
		}
		if len(kept) > 0 && (t.IsZero() || kept[0].Start.Before(t)) {
			t = kept[0].Start
		}
	}
	return t, nil
}
