package rtsp

import (
	"context"
	"io"
	"sync"
	"time"
)

// unitOverhead is what a waiting Unit costs beside its payload.
const unitOverhead = 256

// slowBreak stands for every slow Break that waits; From is filled in when it is
// given out.
var slowBreak = &Break{Reason: ReasonSlow, Detail: "This reader was too slow."}

// queued is a Unit with the Session it belongs to, or a Break.
type queued struct {
	session *Session
	unit    *Unit
	brk     *Break
}

func (q *queued) bytes() int {
	if q.unit == nil {
		return unitOverhead
	}
	return q.unit.Size() + unitOverhead
}

// starts reports whether a reader may begin with q.
func (q *queued) starts() bool {
	return q.unit != nil && q.unit.Random && (q.unit.Format.Video() || !q.session.Formats[0].Video())
}

// Reader is one subscription to a Source. It is for one goroutine.
type Reader struct {
	source   *Source
	maxBytes int
	wake     chan struct{} // holds a token when there may be something to read

	mu      sync.Mutex
	batch   time.Duration // see Batch
	since   time.Time     // arrival of the oldest Unit that Next was not woken for
	items   []queued      // items[head:] wait
	head    int
	bytes   int  // of what waits
	need    bool // Units are left out until one that starts
	slow    bool // a slow Break is due before the next Unit
	ended   bool // nothing is added any more
	closed  bool
	session *Session  // told to the caller; nil after a Break
	end     time.Time // end of the newest Unit given to the caller
	last    time.Time // UTC of the newest Unit of track 0 given to the caller; zero after a Break
}

// Next blocks for the next Item. It returns ctx.Err() when ctx ends, and
// io.EOF after Close or after the shutdown Break has been delivered.
func (r *Reader) Next(ctx context.Context) (Item, error) {
	for {
		r.mu.Lock()
		item, ok := r.pop()
		over := r.closed || r.ended && !ok
		r.mu.Unlock()
		switch {
		case over:
			return Item{}, io.EOF
		case ok:
			return item, nil
		}
		select {
		case <-r.wake:
		case <-ctx.Done():
			return Item{}, ctx.Err()
		}
	}
}

// Close ends the subscription. It may be called from any goroutine, twice.
func (r *Reader) Close() {
	r.source.forget(r)
	r.mu.Lock()
	release(r.items)
	r.closed, r.items, r.head, r.bytes = true, nil, 0, 0
	r.mu.Unlock()
	r.signal()
}

// Batch lets Next sleep for up to d while Units gather; it still wakes for every
// Random video Unit and every Break. It is for readers that write in batches:
// waking is most of what a Unit costs them.
func (r *Reader) Batch(d time.Duration) {
	r.mu.Lock()
	r.batch = d
	r.mu.Unlock()
}

// due reports whether q is worth waking for. r.mu is held.
func (r *Reader) due(q queued) bool {
	if r.batch <= 0 || q.unit == nil || q.unit.Format.Video() && q.unit.Random {
		r.since = time.Time{}
		return true
	}
	if r.since.IsZero() {
		r.since = q.unit.Arrived
	}
	if q.unit.Arrived.Sub(r.since) < r.batch {
		return false
	}
	r.since = time.Time{}
	return true
}

func (r *Reader) signal() {
	select {
	case r.wake <- struct{}{}:
	default:
	}
}

// pop takes the next Item. r.mu is held.
func (r *Reader) pop() (Item, bool) {
	if r.closed || r.head == len(r.items) {
		return Item{}, false
	}
	q := &r.items[r.head]
	if q.brk != nil {
		b := *q.brk
		b.From = r.end
		r.advance()
		r.session, r.last = nil, time.Time{}
		return Item{Break: &b}, true
	}
	if q.session != r.session {
		r.session = q.session
		return Item{Session: q.session}, true
	}
	u := q.unit
	r.advance()
	r.given(u)
	return Item{Unit: u}, true
}

func (r *Reader) advance() {
	r.bytes -= r.items[r.head].bytes()
	r.items[r.head] = queued{}
	r.head++
	if r.head == len(r.items) {
		r.items, r.head = r.items[:0], 0
	}
}

// given keeps the end of the newest Unit of the leading track: its time and,
// until the next tells better, the time since the one before.
func (r *Reader) given(u *Unit) {
	if u.Format.Track != 0 {
		return
	}
	r.end = u.UTC
	if d := u.UTC.Sub(r.last); !r.last.IsZero() && d < time.Second {
		r.end = r.end.Add(d)
	}
	r.last = u.UTC
}

// add queues one item without ever blocking.
func (r *Reader) add(q queued) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed || r.ended {
		return
	}
	if q.unit != nil {
		if r.need && !q.starts() {
			return
		}
		n := q.bytes()
		for r.bytes+n > r.maxBytes && !r.slow && r.dropGroup() {
		}
		if r.slow && !q.starts() {
			r.need = true
			return
		}
		if r.slow {
			r.push(queued{brk: slowBreak})
		}
		r.need, r.slow = false, false
	} else {
		r.need = true
	}
	r.push(q)
	if r.due(q) {
		r.signal()
	}
}

func (r *Reader) push(q queued) {
	if r.head > 64 && r.head*2 > len(r.items) {
		n := copy(r.items, r.items[r.head:])
		clear(r.items[n:])
		r.items, r.head = r.items[:n], 0
	}
	r.items = append(r.items, q)
	r.bytes += q.bytes()
	if q.unit != nil {
		q.unit.hold()
	}
}

// release lets go of the Units of all.
func release(all []queued) {
	for _, q := range all {
		if q.unit != nil {
			q.unit.Release()
		}
	}
}

// dropGroup leaves out the oldest group of pictures that waits, or what is left
// of it, and puts a slow Break in its place. Other Breaks stay. Without a later
// group to go on with, slow is set instead. It reports false when no Unit waits.
func (r *Reader) dropGroup() bool {
	wait := r.items[r.head:]
	first := 0
	for first < len(wait) && wait[first].unit == nil {
		first++
	}
	if first == len(wait) {
		return false
	}
	next := first + 1
	for next < len(wait) && !wait[next].starts() {
		next++
	}
	r.slow = next == len(wait)
	kept := make([]queued, 0, len(wait)-next+2)
	for i, q := range wait[:next] {
		if i == first && !r.slow {
			kept = append(kept, queued{brk: slowBreak})
		}
		if q.brk != nil && q.brk != slowBreak {
			kept = append(kept, q)
		}
	}
	release(wait[:next])
	kept = append(kept, wait[next:]...)
	r.items, r.head, r.bytes = kept, 0, 0
	for i := range kept {
		r.bytes += kept[i].bytes()
	}
	return true
}

// finish adds the last Break.
func (r *Reader) finish(b *Break) {
	r.add(queued{brk: b})
	r.mu.Lock()
	r.ended = true
	r.mu.Unlock()
	r.signal()
}
