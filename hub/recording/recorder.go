package recording

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"regexp"
	"sync/atomic"
	"time"

	"gatehouse/hub/internal/mp4"
	"gatehouse/rtsp"
)

// Recorder writes one stream to disk as MP4 segments.
//
// A segment is in the index if and only if its file is durable up to the bytes
// the index speaks of. Everything the camera sent and Recorder could not keep
// is a [Gap] in the index.
//
// All fields but a and early belong to the goroutine in Run.
type Recorder struct {
	a              *Archive
	camera, stream string
	from           Units
	gate           *gate // nil if all is recorded
	log            *slog.Logger

	session *rtsp.Session
	tracks  []mp4.Track
	bias    []int64        // by track: ticks from the Session's zero to the run's timeline
	pending [][]*rtsp.Unit // by track: not written yet
	bytes   int            // of pending
	bundle  bundle         // for the write under way
	wait    bool           // a picture was lost: drop up to the next key frame
	failed  bool           // the Session cannot be stored

	run      int64 // 0 between runs
	number   uint32
	firstPTS int64    // of seg, ticks of track 0 on the run's timeline
	seg      *segment // nil between segments
	spare    *segment // an ended one, whose tables the next uses again
	last     *Segment // the segment before, nil if there never was one
	chain    [16]byte
	gap      *Gap      // what is missing and not closed; ID 0 if the index does not have it yet
	reached  time.Time // UTC at the end of what has been written or, at the start, what the index has
	began    time.Time // when Run did: a camera that never sent anything is missing from then on
	frame    time.Duration

	early atomic.Bool // the segment is to end with the group of pictures in hand
}

var nameOK = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,31}$`)

// Recorder returns the recorder of a stream; one per stream may run at a time.
func (a *Archive) Recorder(camera, stream string, from Units) *Recorder {
	return &Recorder{a: a, camera: camera, stream: stream, from: from, log: a.cfg.Log.With("camera", camera, "stream", stream)}
}

// OnMotion returns r, which then records around motion only. It must not run yet.
func (r *Recorder) OnMotion(when OnMotion) *Recorder {
	r.gate = &gate{when: when, camera: r.camera, held: r.a.held, log: r.log}
	return r
}

// batcher is Units that can let their reader sleep while Units gather;
// *rtsp.Reader is one. It wakes early for key frames, which is when fragments
// are cut.
type batcher interface{ Batch(d time.Duration) }

const wakeEvery = 500 * time.Millisecond

// Run records until the reader ends (io.EOF) or ctx ends, then finalises the
// open segment. Faults of camera and disk become gap rows, not errors; an
// error means the index is broken, or the names are not fit for a folder.
func (r *Recorder) Run(ctx context.Context) error {
	if !nameOK.MatchString(r.camera) || !nameOK.MatchString(r.stream) {
		return fmt.Errorf("recording %q %q: not a name", r.camera, r.stream)
	}
	if err := r.a.enter(r); err != nil {
		return err
	}
	defer r.a.leave(r)
	if b, ok := r.from.(batcher); ok {
		b.Batch(wakeEvery)
	}
	if r.gate != nil {
		r.gate.Units, r.from = r.from, r.gate
	}
	// What ends ctx must not keep the index from hearing of the end.
	ix := context.WithoutCancel(ctx)
	if err := r.resume(ix); err != nil {
		return err
	}
	for {
		item, err := r.from.Next(ctx)
		if err != nil {
			if !errors.Is(err, io.EOF) && ctx.Err() == nil {
				r.log.Error("reading stream", "err", err)
			}
			return r.finish(ix)
		}
		if err := r.item(ix, item); err != nil {
			return errors.Join(err, r.abandon())
		}
	}
}

func (r *Recorder) item(ctx context.Context, item rtsp.Item) error {
	switch {
	case item.Session != nil:
		return r.begin(ctx, item.Session)
	case item.Unit != nil:
		return r.unit(ctx, item.Unit)
	case item.Break != nil:
		return r.interrupt(ctx, *item.Break)
	}
	return nil
}

// resume finds where the stream's chain stands and what is missing since.
func (r *Recorder) resume(ctx context.Context) error {
	r.began = r.a.cfg.Now()
	last, err := r.a.cfg.Index.LastSegment(ctx, r.camera, r.stream)
	switch {
	case errors.Is(err, ErrNotFound):
		r.chain = newChain()
	case err != nil:
		return err
	default:
		r.last, r.chain, r.reached = &last, last.Chain, last.End()
	}
	gaps, err := r.a.cfg.Index.Gaps(ctx, r.camera, r.stream, r.reached, farFuture)
	if err != nil {
		return err
	}
	for i := range gaps {
		if gaps[i].To.IsZero() {
			r.gap = &gaps[i]
			return nil
		}
		if gaps[i].Reason == rtsp.ReasonNoMotion && gaps[i].To.After(r.reached) {
			r.reached = gaps[i].To // the index knows of the stream up to here
		}
	}
	if r.reached.IsZero() {
		return nil // nothing was ever recorded
	}
	return r.miss(ctx, r.reached, rtsp.ReasonCrash, "the hub was not running", true)
}

// farFuture is later than any footage.
var farFuture = time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC)

// miss notes that footage is missing from a time on. A lasting gap is stored
// now, for people to see; another one only if time turns out to be missing.
func (r *Recorder) miss(ctx context.Context, from time.Time, reason rtsp.Reason, detail string, lasting bool) error {
	now := r.a.cfg.Now()
	if r.gap != nil {
		if !lasting || r.gap.Reason == reason && r.gap.ID != 0 {
			return nil
		}
		if r.gap.ID != 0 { // the reason changed while it lasts
			known := r.gap.Reason == rtsp.ReasonNoMotion || reason == rtsp.ReasonNoMotion // when it changed
			if !known || !from.After(r.gap.From) {
				from = now
			}
			if from.Before(r.gap.From) {
				from = r.gap.From
			}
			if err := r.a.cfg.Index.CloseGap(ctx, r.gap.ID, from); err != nil {
				return err
			}
		} else {
			from = r.gap.From
		}
	}
	if from.IsZero() {
		from = r.reached
	}
	if from.IsZero() {
		from = r.began
	}
	r.gap = &Gap{Camera: r.camera, Stream: r.stream, From: from.UTC(), Reason: reason, Detail: detail}
	if reason == rtsp.ReasonNoMotion {
		r.gap.To = r.gap.From // it grows as time is let go: a crash must not make more of it
	}
	r.run = 0
	if !lasting {
		return nil
	}
	id, err := r.a.cfg.Index.AddGap(ctx, *r.gap)
	r.gap.ID = id
	return err
}

// ended closes the gap at the start of the segment that follows it, and
// returns the digest of all gaps that end there.
func (r *Recorder) ended(ctx context.Context, start time.Time) (Hash, error) {
	index := r.a.cfg.Index
	if g := r.gap; g != nil {
		missing := start.Sub(g.From)
		switch {
		case g.ID == 0 && g.Reason == rtsp.ReasonNoMotion: // the gate let nothing go
		case g.ID != 0:
			to := start
			if missing < 0 { // the clock was set back
				to = g.From
			}
			if err := index.CloseGap(ctx, g.ID, to); err != nil {
				return Hash{}, err
			}
		case missing > r.frame+r.frame/2:
			g.To = start
			if _, err := index.AddGap(ctx, *g); err != nil {
				return Hash{}, err
			}
		}
		r.gap = nil
	}
	if r.last == nil {
		return Hash{}, nil // the chain begins here
	}
	gaps, err := index.Gaps(ctx, r.camera, r.stream, start, start.Add(time.Microsecond))
	if err != nil {
		return Hash{}, err
	}
	return GapDigest(gapsEndingAt(gaps, start)), nil
}

// brief reasons join two Sessions of one connection: time need not be missing.
func brief(reason rtsp.Reason) bool {
	switch reason {
	case rtsp.ReasonLost, rtsp.ReasonSlow, rtsp.ReasonCodec, rtsp.ReasonClock, rtsp.ReasonSSRC:
		return true
	}
	return false
}

func (r *Recorder) interrupt(ctx context.Context, b rtsp.Break) error {
	if b.Reason == rtsp.ReasonNoMotion {
		return r.letGo(ctx, b)
	}
	if err := r.endSession(ctx); err != nil {
		return err
	}
	from := r.reached // all that is on disk ends here
	if from.IsZero() || r.gap != nil && r.gap.Reason == rtsp.ReasonNoMotion && b.From.After(from) {
		from = b.From
	}
	return r.miss(ctx, from, b.Reason, b.Detail, !brief(b.Reason))
}

// letGo takes what the gate tells with reason no-motion.
func (r *Recorder) letGo(ctx context.Context, b rtsp.Break) error {
	if r.session != nil {
		if err := r.endSession(ctx); err != nil {
			return err
		}
		return r.miss(ctx, r.reached, b.Reason, b.Detail, false)
	}
	if g := r.gap; g == nil || g.Reason != b.Reason || g.ID == 0 {
		return r.miss(ctx, b.From, b.Reason, b.Detail, true)
	} else if !b.From.After(g.From) {
		return nil
	}
	return r.a.cfg.Index.CloseGap(ctx, r.gap.ID, b.From)
}

// begin starts a run with a new initialisation.
func (r *Recorder) begin(ctx context.Context, s *rtsp.Session) error {
	if err := r.endSession(ctx); err != nil {
		return err
	}
	r.session, r.run, r.wait, r.failed = s, 0, false, false
	r.tracks, r.bias, r.number = r.tracks[:0], nil, 1
	for i, f := range s.Formats {
		t, err := mp4.NewTrack(uint32(i+1), f)
		if err != nil {
			r.log.Error("stream cannot be stored", "err", err)
			r.failed = true
			return r.miss(ctx, r.reached, rtsp.ReasonNoCodec, "the camera's parameters cannot be stored", true)
		}
		if f.Codec == rtsp.H265 && len(f.VPS) == 0 {
			r.log.Warn("camera sends no VPS; players may refuse the recording")
		}
		r.tracks = append(r.tracks, t)
	}
	r.tracks = append([]mp4.Track(nil), r.tracks...) // the segment before keeps its own
	r.pending = make([][]*rtsp.Unit, len(s.Formats))
	return nil
}

// endSession writes what is pending and closes the segment.
func (r *Recorder) endSession(ctx context.Context) error {
	if r.session == nil {
		return nil
	}
	err := r.flush(ctx, nil)
	r.session = nil
	return errors.Join(err, r.closeSegment(ctx))
}

// finish ends recording in good order and leaves a gap that lasts until it
// goes on.
func (r *Recorder) finish(ctx context.Context) error {
	if err := r.endSession(ctx); err != nil {
		return err
	}
	if r.gap != nil && r.gap.ID != 0 && r.gap.Reason != rtsp.ReasonNoMotion || r.reached.IsZero() {
		return nil
	}
	return r.miss(ctx, r.reached, rtsp.ReasonShutdown, "recording was stopped", true)
}

// abandon closes the open file after the index has failed.
func (r *Recorder) abandon() error {
	if r.seg == nil {
		return nil
	}
	_, err := r.seg.end()
	r.seg = nil
	return err
}
