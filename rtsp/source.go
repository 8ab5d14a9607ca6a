package rtsp

import (
	"context"
	"crypto/x509"
	"log/slog"
	"math/rand/v2"
	"net"
	"sync"
	"time"

	"github.com/bluenviron/gortsplib/v4/pkg/base"
)

// Config configures a Source.
type Config struct {
	Camera    string        // name for logs
	URL       string        // rtsp:// or rtsps://[user:password@]host[:port]/path; the port is 554 or 322 by default
	Transport Transport     // default TCP; rtsps has no other
	TLS       string        // rtsps: "sha256:" and the fingerprint of the camera's certificate; without it the certificate must be good for the host by this machine's roots
	Silent    bool          // the camera is not asked for sound
	Log       *slog.Logger  // required
	Stall     time.Duration // no access unit for this long is a stall; default 10 s
	Retry     time.Duration // first reconnect delay; default 1 s, doubled with jitter up to 60 s

	// Dial opens connections; by default a net.Dialer with a time limit.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)

	roots *x509.CertPool // nil for this machine's
}

// Phase is what a Source is doing.
type Phase string

// Phases of a Source.
const (
	PhaseConnecting Phase = "connecting"
	PhaseLive       Phase = "live"
	PhaseOffline    Phase = "offline"
)

// State is a snapshot of a Source for people.
type State struct {
	Phase    Phase
	Since    time.Time // of Phase
	Reason   Reason    // why not live; empty when live
	Cause    Cause     // the same more exactly; none when live
	Detail   string    // Cause as an English sentence
	Formats  []*Format // of the last Session
	LastUnit time.Time // arrival of the newest Unit; zero if none yet
	Clock    ClockQuality
	Offset   time.Duration // camera clock minus this machine's, from sender reports; 0 if unknown
}

// Source reads one stream of one camera.
type Source struct {
	cfg Config

	mu       sync.Mutex
	state    State
	session  *Session  // of the newest Unit
	last     time.Time // UTC of the newest Unit of the leading track
	gop      []queued  // from the newest Random video Unit on; nil when it grew past maxGOP
	gopBytes int
	readers  map[*Reader]struct{}
	told     *Break // newest Break; nil while Units flow
	over     bool   // Run has returned

	noted map[Reason]time.Time // when pause last logged; of the goroutine of Run
}

// maxGOP bounds the group of pictures that is kept for Readers to come. At the
// bit rates of cameras that make groups of a minute it is about a minute.
const maxGOP = 8 << 20

const (
	defaultStall = 10 * time.Second
	defaultRetry = time.Second
	retryFactor  = 60 // the longest delay, in first delays
	steadyFactor = 20 // live for this long, in first delays, is no failed attempt
)

// NewSource returns a Source that is not connected yet.
func NewSource(cfg Config) *Source {
	if cfg.Stall <= 0 {
		cfg.Stall = defaultStall
	}
	if cfg.Retry <= 0 {
		cfg.Retry = defaultRetry
	}
	if cfg.Dial == nil {
		cfg.Dial = (&net.Dialer{Timeout: dialTimeout}).DialContext
	}
	return &Source{
		cfg:     cfg,
		state:   State{Phase: PhaseConnecting, Since: time.Now()},
		readers: map[*Reader]struct{}{},
		noted:   map[Reason]time.Time{},
	}
}

// Run connects, reads and reconnects until ctx ends; it then ends every Reader
// with a shutdown Break and returns nil. A camera's fault is never an error.
func (s *Source) Run(ctx context.Context) error {
	defer s.finish()
	to, f := newTarget(&s.cfg)
	if f != nil {
		s.offline(f, nil)
		<-ctx.Done()
		return nil
	}
	delay := s.cfg.Retry
	for {
		st := newStream(s, s.cfg.Stall, time.Now())
		f := converse(ctx, to, st)
		if ctx.Err() != nil {
			return nil
		}
		if lived := s.offline(f, to.u); lived > steadyFactor*s.cfg.Retry {
			delay = s.cfg.Retry
		}
		longest := retryFactor * s.cfg.Retry
		if f.reason == ReasonAuth {
			delay = longest // cameras lock accounts after a few wrong passwords
		}
		// Jitter keeps cameras that failed together from coming back together.
		wait := time.Duration(float64(delay) * (0.75 + rand.Float64()/2))
		if f.reason == ReasonSSRC && delay == s.cfg.Retry {
			wait /= 4 // the camera is there and only has to be asked anew
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(min(wait, longest)):
		}
		delay = min(2*delay, longest)
	}
}

// offline records why the camera is not live, tells Readers if that is new,
// and returns how long it was live.
func (s *Source) offline(f *failure, u *base.URL) (lived time.Duration) {
	s.mu.Lock()
	if s.state.Phase == PhaseLive {
		lived = time.Since(s.state.Since)
	}
	changed := s.state.Phase != PhaseOffline || s.state.Reason != f.reason
	if changed {
		s.state.Phase, s.state.Since = PhaseOffline, time.Now()
	}
	s.state.Reason, s.state.Cause, s.state.Detail = f.reason, f.cause, f.cause.String()
	if changed && (s.told == nil || s.told.Reason != f.reason) {
		s.tell(&Break{Reason: f.reason, Cause: f.cause, Detail: f.cause.String()})
	}
	s.mu.Unlock()
	if changed {
		s.cfg.Log.Warn("camera offline", "camera", s.cfg.Camera, "reason", string(f.reason), "err", scrub(f.err, u))
	}
	return lived
}

// tell gives a Break to every Reader. s.mu is held.
func (s *Source) tell(b *Break) {
	s.told = b
	s.dropGroup()
	for r := range s.readers {
		r.add(queued{brk: b})
	}
}

// pause implements output: Units are missing or do not join, but the
// connection stands.
func (s *Source) pause(reason Reason, detail string) {
	s.mu.Lock()
	s.tell(&Break{Reason: reason, Detail: detail})
	s.mu.Unlock()
	s.note(reason, time.Now())
}

// quiet is how long the log says nothing more of a camera and one reason: a
// weak radio link loses packets in every group of pictures. Readers are told of
// each, and gaps are kept of each.
const quiet = time.Minute

// note logs what pause was told, once a burst.
func (s *Source) note(reason Reason, now time.Time) {
	if last, ok := s.noted[reason]; ok && now.Sub(last) < quiet {
		return
	}
	s.noted[reason] = now
	level, what := slog.LevelInfo, ""
	switch reason {
	case ReasonLost:
		level, what = slog.LevelWarn, "camera packets lost"
	case ReasonSSRC:
		what = "camera encoder restarted"
	case ReasonCodec:
		what = "camera format changed"
	case ReasonClock:
		what = "camera clock jumped"
	default:
		what = "camera stream interrupted"
	}
	s.cfg.Log.Log(context.Background(), level, what, "camera", s.cfg.Camera, "reason", string(reason))
}

// unit implements output.
func (s *Source) unit(session *Session, u *Unit, offset time.Duration) {
	s.mu.Lock()
	live := s.state.Phase != PhaseLive
	if live {
		s.state.Phase, s.state.Since = PhaseLive, time.Now()
		s.state.Reason, s.state.Cause, s.state.Detail = "", Cause{}, ""
	}
	if s.session != session {
		s.session = session
		s.state.Formats = session.Formats
	}
	s.state.LastUnit, s.state.Clock, s.state.Offset = u.Arrived, u.Clock, offset
	s.told = nil
	if u.Format.Track == 0 {
		s.last = u.UTC
	}
	q := queued{session: session, unit: u}
	s.keep(q)
	for r := range s.readers {
		r.add(q)
	}
	s.mu.Unlock()
	if live {
		s.cfg.Log.Info("camera live", "camera", s.cfg.Camera)
	}
}

// keep adds to the group of pictures in hand. s.mu is held.
func (s *Source) keep(q queued) {
	if q.unit.Format.Video() && q.unit.Random {
		s.dropGroup()
	} else if len(s.gop) == 0 {
		return
	}
	if s.gopBytes += q.bytes(); s.gopBytes > maxGOP {
		s.dropGroup()
		return
	}
	q.unit.hold()
	s.gop = append(s.gop, q)
}

// dropGroup forgets the group of pictures in hand. s.mu is held.
func (s *Source) dropGroup() {
	release(s.gop)
	clear(s.gop)
	s.gop, s.gopBytes = s.gop[:0], 0
}

// floor implements output.
func (s *Source) floor() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.last
}

// State returns a snapshot.
func (s *Source) State() State {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.state
}

// Reader subscribes. maxBytes bounds what may wait for this reader; it should
// hold two groups of pictures. A Reader made while the Source is live starts
// with the Session and the group of pictures in hand, unless that is larger
// than maxBytes or the camera makes groups too large to keep; it then starts
// with the next. A Reader made while the camera is offline starts with the
// Break that says why.
func (s *Source) Reader(maxBytes int) *Reader {
	r := &Reader{source: s, maxBytes: maxBytes, wake: make(chan struct{}, 1), need: true}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.told != nil {
		r.add(queued{brk: s.told})
	}
	if s.over {
		r.finish(shutdownBreak)
		return r
	}
	if s.gopBytes <= maxBytes {
		for _, q := range s.gop {
			r.add(q)
		}
	}
	s.readers[r] = struct{}{}
	return r
}

// forget ends a subscription.
func (s *Source) forget(r *Reader) {
	s.mu.Lock()
	delete(s.readers, r)
	s.mu.Unlock()
}

var (
	shutdown      = Cause{Code: "camera-shutdown"}
	shutdownBreak = &Break{Reason: ReasonShutdown, Cause: shutdown, Detail: shutdown.String()}
)

// finish ends every Reader.
func (s *Source) finish() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.over = true
	s.state.Phase, s.state.Since = PhaseOffline, time.Now()
	s.state.Reason, s.state.Cause, s.state.Detail = ReasonShutdown, shutdown, shutdown.String()
	s.dropGroup()
	for r := range s.readers {
		r.finish(shutdownBreak)
	}
	clear(s.readers)
}
