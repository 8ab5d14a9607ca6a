package recording

import (
	"context"
	"errors"
	"hash/fnv"
	"math"
	"time"

	"gatehouse/hub/internal/mp4"
	"gatehouse/rtsp"
)

// Where fragments and segments are cut.
const (
	minFragment = 500 * time.Millisecond
	maxFragment = 4 * time.Second
	maxPending  = 8 << 20 // bytes
	maxSound    = 8 * time.Second

	segmentTarget = 60 * time.Second
	minSegment    = 15 * time.Second
	maxSegment    = 75 * time.Second
	hardSegment   = 10 * time.Minute // cut even where no key frame comes
)

// unit takes one access unit. Track 0 leads: its units cut fragments and
// segments, and the others' go along.
func (r *Recorder) unit(ctx context.Context, u *rtsp.Unit) error {
	k := u.Format.Track
	if r.session == nil || r.failed || k < 0 || k >= len(r.pending) {
		return nil
	}
	if k == 0 {
		if r.wait && !u.Random {
			return nil
		}
		r.wait = false
		if err := r.cut(ctx, u); err != nil {
			return err
		}
		if r.wait && !u.Random { // the cut found no disk
			return nil
		}
	} else if r.seg == nil && len(r.pending[0]) == 0 {
		return nil // a run begins with a picture
	}
	size := mp4.SampleSize(u)
	if p := r.pending[k]; len(p) > 0 &&
		(r.bytes+size > maxPending || k > 0 && ticks(u.DTS-p[0].DTS, u.Format.ClockRate) > maxSound) {
		if err := r.flush(ctx, u); err != nil {
			return err
		}
		if r.wait {
			return nil
		}
	}
	r.pending[k] = append(r.pending[k], u)
	r.bytes += size
	return nil
}

// cut ends fragment and segment before u where it is time to.
func (r *Recorder) cut(ctx context.Context, u *rtsp.Unit) error {
	roll := r.due(u)
	if p := r.pending[0]; len(p) > 0 {
		have := ticks(u.DTS-p[0].DTS, u.Format.ClockRate)
		frame := ticks(u.DTS-p[len(p)-1].DTS, u.Format.ClockRate)
		if roll || u.Random && have >= minFragment || have+frame > maxFragment {
			if err := r.flush(ctx, u); err != nil {
				return err
			}
		}
	}
	if roll && r.seg != nil {
		return r.closeSegment(ctx)
	}
	return nil
}

// due reports whether u begins a new segment: at the first key frame past the
// stream's own second of each minute, so that the streams take turns.
func (r *Recorder) due(u *rtsp.Unit) bool {
	if r.seg == nil {
		return false
	}
	have := u.UTC.Sub(r.seg.row.Start)
	if !u.Random {
		return have >= hardSegment
	}
	if r.early.Swap(false) {
		return true
	}
	turn := func(t time.Time) int64 { return (t.UnixMicro() + r.phase()) / segmentTarget.Microseconds() }
	return have >= maxSegment || have >= minSegment && turn(u.UTC) != turn(r.seg.row.Start)
}

// phase is the stream's offset in the minute, microseconds.
func (r *Recorder) phase() int64 {
	h := fnv.New32a()
	_, _ = h.Write([]byte(r.camera + "/" + r.stream))
	return int64(h.Sum32()) % segmentTarget.Microseconds()
}

// ticks converts ticks of a clock rate to time.
func ticks(n int64, rate int) time.Duration {
	sec := n / int64(rate)
	return time.Duration(sec)*time.Second + time.Duration((n-sec*int64(rate))*int64(time.Second)/int64(rate))
}

// flush writes the pending units that decode before next, all if it is nil, as
// one fragment a track. Without a disk to keep them they become a gap.
func (r *Recorder) flush(ctx context.Context, next *rtsp.Unit) error {
	take := make([]int, len(r.pending))
	total := 0
	for k, p := range r.pending {
		take[k] = len(p)
		for next != nil && k != next.Format.Track && take[k] > 0 && !earlier(p[take[k]-1], next) {
			take[k]--
		}
		total += take[k]
	}
	if total == 0 {
		return nil
	}
	err := r.keep(ctx, take, next)
	for k, n := range take {
		for _, u := range r.pending[k][:n] {
			r.bytes -= mp4.SampleSize(u)
			u.Release() // nothing of it is used after keep
		}
		rest := copy(r.pending[k], r.pending[k][n:])
		clear(r.pending[k][rest:])
		r.pending[k] = r.pending[k][:rest]
	}
	return err
}

// earlier reports whether a decodes before b, on different clocks.
func earlier(a, b *rtsp.Unit) bool {
	return ticks(a.DTS, a.Format.ClockRate) < ticks(b.DTS, b.Format.ClockRate)
}

// keep writes the units to the segment in hand or, if its disk fails, to a new
// one on the next disk. An error is the index's.
func (r *Recorder) keep(ctx context.Context, take []int, next *rtsp.Unit) error {
	for range 2*len(r.a.disks) + 1 { // each disk may be tried again once there is room
		if r.seg == nil && (take[0] == 0 || !r.pending[0][0].Random && r.run == 0) {
			break // nothing that a segment can begin with
		}
		err := r.store(ctx, take, next)
		if err == nil || !errors.Is(err, errDisk) {
			return err
		}
		if d := r.a.fullDisk(); d != nil {
			if err := r.a.makeRoom(ctx, d); err != nil {
				return err
			}
		}
		if r.seg != nil && r.seg.writable() == nil {
			continue // room was all it lacked
		}
		if err := r.closeSegment(ctx); err != nil {
			return err
		}
		if err := r.miss(ctx, r.reached, rtsp.ReasonStore, r.a.Trouble(), false); err != nil {
			return err
		}
		r.run = 0
	}
	r.wait, r.run = true, 0
	from := r.reached
	if from.IsZero() && take[0] > 0 {
		from = r.pending[0][0].UTC
	}
	return r.miss(ctx, from, rtsp.ReasonStore, r.a.Trouble(), true)
}

// store makes one attempt at writing.
func (r *Recorder) store(ctx context.Context, take []int, next *rtsp.Unit) error {
	b := &r.bundle
	defer b.reset()
	fresh := r.seg == nil
	if fresh {
		if err := r.openSegment(b, r.pending[0][0]); err != nil {
			return err
		}
	}
	s := r.seg
	for k, n := range take {
		r.fragment(b, k, n, next)
	}
	if len(b.fragments) == 0 {
		return nil
	}
	if err := s.append(b); err != nil {
		if fresh {
			r.discard()
		}
		return err
	}
	if fresh {
		if err := r.publish(ctx); err != nil {
			return err
		}
	} else if r.a.held(r.camera) {
		if err := r.syncNow(ctx); err != nil {
			return err
		}
	}
	r.reached = s.row.End()
	return nil
}

// fragment appends the first n pending units of track k, if there are any. next
// is the unit that follows the lead's.
func (r *Recorder) fragment(b *bundle, k, n int, next *rtsp.Unit) {
	s, units := r.seg, r.pending[k][:n]
	for len(units) > 0 && units[0].DTS+r.bias[k] < 0 { // sound from more than a second before the first picture
		units = units[1:]
	}
	if len(units) == 0 {
		return
	}
	var after *rtsp.Unit
	if n < len(r.pending[k]) {
		after = r.pending[k][n]
	} else if next != nil && next.Format.Track == k {
		after = next
	}
	first := units[0]
	f := mp4.Fragment{
		Track: k, Offset: s.row.Bytes + b.size, Number: r.number, Base: first.DTS + r.bias[k],
		PTS: first.PTS + r.bias[k], UTC: first.UTC, Samples: make([]mp4.Sample, 0, len(units)),
	}
	r.number++
	span := leadSpan{}
	for i, u := range units {
		follows := after
		if i+1 < len(units) {
			follows = units[i+1]
		}
		d := lasts(u, follows, f.Samples)
		f.Samples = append(f.Samples, mp4.Sample{
			Size: uint32(mp4.SampleSize(u)), Duration: d, Composition: int32(clamp(u.PTS-u.DTS, math.MinInt32, math.MaxInt32)), Sync: u.Random,
		})
		span.clock = max(span.clock, u.Clock)
		if k == 0 {
			span.end = max(span.end, ticks(u.PTS+int64(d)+r.bias[0]-r.firstPTS, u.Format.ClockRate))
			r.frame = ticks(int64(d), u.Format.ClockRate)
			if u.Random {
				span.keyFrames++
			}
		}
	}
	f.Clock = uint8(span.clock)
	from, start := len(b.parts), len(b.own)
	b.own = mp4.AppendFragment(b.own, s.tracks[k], &f)
	f.Data = int64(len(b.own) - start)
	for _, u := range units {
		b.unit(u)
	}
	b.leaf(from)
	f.Size = s.row.Bytes + b.size - f.Offset
	b.fragments, b.spans = append(b.fragments, f), append(b.spans, span)
}

// lasts is a sample's duration in ticks: up to the unit that follows or, at the
// end of a Session, as long as one usually lasts.
func lasts(u, follows *rtsp.Unit, before []mp4.Sample) uint32 {
	f := u.Format
	switch {
	case follows != nil:
		return uint32(clamp(follows.DTS-u.DTS, 0, math.MaxUint32))
	case u.Ticks() > 0:
		return uint32(clamp(u.Ticks(), 0, math.MaxUint32))
	case len(before) > 0:
		return before[len(before)-1].Duration
	}
	return uint32(f.ClockRate / 25)
}

func clamp(v, low, high int64) int64 { return max(low, min(v, high)) }

// openSegment makes the file of a segment that begins with u, on the first
// disk that is well, and appends its head.
func (r *Recorder) openSegment(b *bundle, u *rtsp.Unit) error {
	d := r.a.pick()
	if d == nil {
		return errDisk
	}
	if r.bias == nil {
		r.setBias(u)
	}
	row := Segment{
		Camera: r.camera, Stream: r.stream, Start: u.UTC.Truncate(time.Microsecond).UTC(), State: Open,
		Disk: d.identity(), Chain: r.chain,
	}
	if r.last != nil {
		row.Seq, row.Previous = r.last.Seq+1, r.last.Link
	}
	row.Run = r.run
	if row.Run == 0 {
		row.Run = row.Start.UnixMicro()
	}
	f, path, err := d.create(r.camera, r.stream, row.Start)
	if err != nil {
		return err
	}
	row.Path = path
	b.own = mp4.AppendHead(b.own, r.tracks, mp4.Ident{
		Chain: row.Chain, Run: row.Run, Seq: row.Seq, Previous: row.Previous, Start: row.Start,
	})
	r.run, r.firstPTS = row.Run, u.PTS+r.bias[0]
	r.seg = r.reuse(&segment{disk: d, file: f, tracks: r.tracks, row: row})
	r.seg.leaves = append(r.seg.leaves, digest(b.own[mp4.InitOffset:]))
	b.settle()
	return nil
}

// setBias chooses what is added to the Session's times so that none is
// negative: whole seconds, the same for all tracks.
func (r *Recorder) setBias(u *rtsp.Unit) {
	seconds := int64(0)
	if rate := int64(u.Format.ClockRate); u.DTS < rate {
		seconds = 1 - u.DTS/rate
		if u.DTS < 0 {
			seconds++
		}
	}
	r.bias = make([]int64, len(r.tracks))
	for k, t := range r.tracks {
		r.bias[k] = seconds * int64(t.Timescale)
	}
}

// publish makes a new segment durable and then adds it to the index.
func (r *Recorder) publish(ctx context.Context) error {
	s := r.seg
	if err := s.disk.sync(s.file); err != nil {
		err = s.disk.fail("syncing", err)
		r.discard()
		return err
	}
	var err error
	if s.row.Gaps, err = r.ended(ctx, s.row.Start); err != nil {
		return err
	}
	if s.row.ID, err = r.a.cfg.Index.AddSegment(ctx, s.row); err != nil {
		return err
	}
	s.mu.Lock()
	s.durable = s.row
	s.mu.Unlock()
	s.disk.register(s)
	r.log.Debug("segment opened", "segment", s.row.ID, "path", s.row.Path)
	return nil
}

// syncNow syncs each fragment, for footage under a hold.
func (r *Recorder) syncNow(ctx context.Context) error {
	row, changed, err := r.seg.sync()
	if err != nil || !changed {
		return err
	}
	return r.a.cfg.Index.UpdateSegments(ctx, row)
}

// discard gives up a segment that the index does not know yet.
func (r *Recorder) discard() {
	s := r.seg
	r.seg = nil
	_ = s.file.Close()
	if v, err := s.disk.enter(); err == nil {
		_ = errors.Join(v.Remove(s.row.Path), v.Close()) // what stays is reported by Check as a stray file
	}
	r.spare = s
}

// closeSegment finalises the segment in hand. What its disk could not keep is
// a gap; an error is the index's.
func (r *Recorder) closeSegment(ctx context.Context) error {
	s := r.seg
	if s == nil {
		return nil
	}
	r.seg = nil
	row, err := s.end()
	r.spare = s
	if uerr := r.a.cfg.Index.UpdateSegments(ctx, row); uerr != nil {
		return uerr
	}
	r.last, r.reached = &row, row.End()
	if err == nil {
		return nil
	}
	r.log.Debug("segment cut short", "segment", row.ID, "err", err) // the disk has said why
	return r.miss(ctx, row.End(), rtsp.ReasonStore, r.a.Trouble(), false)
}

// reuse gives a new segment the tables of the one before.
func (r *Recorder) reuse(s *segment) *segment {
	if o := r.spare; o != nil {
		clear(o.fragments) // and with them their samples
		s.fragments, s.leaves, s.lead = o.fragments[:0], o.leaves[:0], o.lead[:0]
		r.spare = nil
	}
	return s
}
