package hls

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"gatehouse/rtsp"
)

// stream is one playlist and its bytes, from the first viewer to the last, or
// for as long as the camera sends what the playlist promised.
type stream struct {
	key    key
	id     string // part of its address: another playlist has another
	server *Server
	stop   context.CancelCauseFunc

	mu      sync.Mutex    // guards the rest
	changed chan struct{} // closed, and made anew, at each change
	ended   error         // why; nil while it runs
	used    time.Time     // when a request last came
	waiting int           // requests
	list    list
	cut     *cutter // of the goroutine in run
}

func newStream(s *Server, k key, group time.Duration, stop context.CancelCauseFunc) *stream {
	st := &stream{key: k, id: rand.Text()[:12], server: s, stop: stop, changed: make(chan struct{}), used: time.Now()}
	st.cut = &cutter{stream: st, group: group}
	return st
}

// run reads the camera until ctx ends, nobody looks any more, the camera goes
// away or it sends what the playlist cannot hold.
func (st *stream) run(ctx context.Context) error {
	r := st.server.cfg.Reader(st.key.camera, st.key.stream, readerBytes)
	if r == nil {
		return errAway
	}
	defer r.Close()
	ctx, cancel := context.WithCancel(ctx)
	var watching sync.WaitGroup
	watching.Go(func() { st.watch(ctx) })
	defer watching.Wait()
	defer cancel()
	err := st.read(ctx, r)
	if cause := context.Cause(ctx); cause != nil {
		err = cause
	}
	return err
}

func (st *stream) read(ctx context.Context, r *rtsp.Reader) error {
	st.cut.joined = time.Now()
	defer st.cut.drop()
	for {
		item, err := r.Next(ctx)
		switch {
		case errors.Is(err, io.EOF):
			return errAway
		case err != nil:
			return err
		case item.Session != nil:
			err = st.cut.session(item.Session)
		case item.Break != nil && !brief(item.Break.Reason):
			return fmt.Errorf("%w: %s", errAway, item.Break.Reason)
		case item.Break != nil:
			err = st.cut.parting()
		case item.Unit != nil:
			err = st.cut.unit(item.Unit)
		}
		if err != nil {
			return err
		}
	}
}

// brief reasons end no connection: what follows goes on in the same playlist.
func brief(r rtsp.Reason) bool {
	switch r {
	case rtsp.ReasonLost, rtsp.ReasonSlow, rtsp.ReasonCodec, rtsp.ReasonClock, rtsp.ReasonSSRC:
		return true
	}
	return false
}

// watch ends st soon after the last request.
func (st *stream) watch(ctx context.Context) {
	every := time.NewTicker(time.Second)
	defer every.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-every.C:
		}
		st.mu.Lock()
		// Players without low latency ask once a media segment.
		patience := max(unwatched, 2*time.Duration(st.list.target)*time.Second)
		over := st.waiting == 0 && time.Since(st.used) > patience
		st.mu.Unlock()
		if over {
			st.stop(errUnwatched)
			return
		}
	}
}

// end tells all who wait that nothing more comes.
func (st *stream) end(why error) {
	st.mu.Lock()
	defer st.mu.Unlock()
	st.ended = why
	st.list = list{}
	st.tell()
}

// tell wakes all who wait. st.mu is held.
func (st *stream) tell() {
	close(st.changed)
	st.changed = make(chan struct{})
}

// wait returns once ready is content or answers an error, which it is asked with
// st.mu held. It returns errNotYet after patience, why the stream ended if it
// did, and ctx's error. waited says whether it did.
func (st *stream) wait(ctx context.Context, patience time.Duration, ready func() (bool, error)) (waited bool, err error) {
	st.mu.Lock()
	defer st.mu.Unlock()
	defer func() { st.used = time.Now() }()
	late := time.NewTimer(patience)
	defer late.Stop()
	for {
		if st.ended != nil {
			return waited, st.ended
		}
		if ok, err := ready(); ok || err != nil {
			return waited, err
		}
		if !waited {
			if waited = true; !st.server.enter() {
				return waited, errFull
			}
			defer st.server.leave()
			st.waiting++
			defer func() { st.waiting-- }()
		}
		changed := st.changed
		st.mu.Unlock()
		select {
		case <-changed:
		case <-late.C:
			err = errNotYet
		case <-ctx.Done():
			err = ctx.Err()
		}
		st.mu.Lock()
		if err != nil {
			return waited, err
		}
	}
}
