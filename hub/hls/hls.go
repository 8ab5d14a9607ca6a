// Package hls shows cameras live in browsers by Low-Latency HLS
// (draft-pantos-hls-rfc8216bis), from what the camera sends and not from the
// recording: about a second late, for browsers that WebRTC does not reach.
//
// All who look at a stream share one read of it, one playlist and its bytes. It
// begins with the first of them, and ends soon after the last.
package hls

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"gatehouse/rtsp"
)

// Config configures a Server.
type Config struct {
	// Reader subscribes to a stream, see [rtsp.Source.Reader]; nil if it does
	// not run.
	Reader func(camera, stream string, maxBytes int) *rtsp.Reader
	Log    *slog.Logger // required
}

// Limits of a Server.
const (
	MaxStreams  = 32               // cameras looked at
	maxWaiting  = 256              // requests that wait for what is to come
	readerBytes = 8 << 20          // may wait for a stream; the memory is shared by all readers of a camera
	allBytes    = 128 << 20        // of all streams
	streamBytes = 24 << 20         // of one
	startWait   = 8 * time.Second  // for something to play; a camera's next key frame may be a while away
	unwatched   = 15 * time.Second // without a request until a stream ends
	sendWait    = 30 * time.Second // for a browser to take a file
)

// Why there is nothing to play, or no more.
var (
	errAway      = errors.New("the camera sends nothing")
	errNoCodec   = errors.New("browsers do not play it")
	errFull      = errors.New("too many viewers")
	errNotYet    = errors.New("no picture to begin with yet")
	errOutgrown  = errors.New("its pictures come otherwise than its playlist says")
	errLarge     = errors.New("its groups of pictures are too large to keep")
	errUnwatched = errors.New("nobody looks any more")
)

// Server serves playlists and what they list. Its handlers answer 503 unless
// Run runs.
type Server struct {
	cfg Config

	mu      sync.Mutex      // guards the rest
	ctx     context.Context // of Run; nil while it does not run
	wg      sync.WaitGroup
	streams map[key]*stream
	groups  map[key]time.Duration // the longest group of pictures seen of a stream
	waiting int
}

// key is a camera and one of its streams.
type key struct{ camera, stream string }

// New returns a Server.
func New(cfg Config) *Server {
	return &Server{cfg: cfg, streams: map[key]*stream{}, groups: map[key]time.Duration{}}
}

// Run lets viewers in until ctx ends and then ends all streams.
func (s *Server) Run(ctx context.Context) error {
	s.mu.Lock()
	s.ctx = ctx
	s.mu.Unlock()
	<-ctx.Done()
	s.mu.Lock()
	s.ctx = nil
	s.mu.Unlock()
	s.wg.Wait()
	return nil
}

// Streams is how many are looked at.
func (s *Server) Streams() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.streams)
}

// join returns the stream that shows k, which it starts if need be.
func (s *Server) join(k key) (*stream, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if st := s.streams[k]; st != nil {
		return st, nil
	}
	if s.ctx == nil || s.ctx.Err() != nil || len(s.streams) >= MaxStreams {
		return nil, errFull
	}
	ctx, stop := context.WithCancelCause(s.ctx)
	st := newStream(s, k, s.groups[k], stop)
	s.streams[k] = st
	s.wg.Go(func() {
		began := time.Now()
		err := st.run(ctx)
		s.forget(st)
		st.end(err)
		s.cfg.Log.Debug("live playlist ended", "camera", k.camera, "stream", k.stream, "dur", time.Since(began), "reason", err)
	})
	return st, nil
}

// find returns the stream that shows k if it goes by that id.
func (s *Server) find(k key, id string) *stream {
	s.mu.Lock()
	defer s.mu.Unlock()
	if st := s.streams[k]; st != nil && st.id == id {
		return st
	}
	return nil
}

func (s *Server) forget(st *stream) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.streams, st.key)
}

// learn keeps how long a stream's groups of pictures are, for its next playlist.
func (s *Server) learn(k key, group time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.groups[k] = max(s.groups[k], group)
}

// share is how many bytes one stream may keep.
func (s *Server) share() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return min(streamBytes, allBytes/max(1, len(s.streams)))
}

// enter counts a request that waits. It answers false if there are too many.
func (s *Server) enter() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.waiting >= maxWaiting {
		return false
	}
	s.waiting++
	return true
}

func (s *Server) leave() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.waiting--
}
