// Package webrtc shows cameras live in browsers by WebRTC, set up by WHEP
// (draft-ietf-wish-whep-03): pictures and sound as the camera sends them, a few
// tenths of a second after it did.
//
// The hub is an ICE lite agent (RFC 8445 2.5): it answers who comes from a
// browser that holds a log-in and sends no packet to any address that an offer
// names. There is no STUN, TURN or mDNS. Browsers are near, or come by a way
// that leads to one of the hub's addresses, so this is all they need.
package webrtc

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"sync"
	"time"

	"github.com/pion/ice/v4"
	"github.com/pion/logging"
	"github.com/pion/webrtc/v4"

	"gatehouse/rtsp"
)

// Config configures a Server.
type Config struct {
	// Reader subscribes to a stream, see [rtsp.Source.Reader]; nil if it does
	// not run.
	Reader    func(camera, stream string, maxBytes int) *rtsp.Reader
	Port      int          // UDP port of all viewers; 0 for one of its own for each
	Addresses []netip.Addr // by which browsers reach Port beside this machine's own, such as those of a container's host
	Log       *slog.Logger // required
}

// Limits of a Server.
const (
	MaxViewers  = 32
	connectWait = 10 * time.Second // from the answer until the browser is there
	lookEvery   = 5 * time.Second  // at whether a viewer may still look
	readerBytes = 8 << 20          // may wait for one viewer; the memory is shared by all viewers of a stream

	// A browser asks every 5 s at most whether it is still wanted (RFC 7675 5.1).
	silent = 8 * time.Second // without a word from the browser until it counts as gone
	gone   = 4 * time.Second // and after that
)

// Server serves WHEP. Its handlers answer 503 unless Run runs.
type Server struct {
	cfg     Config
	mux     ice.UDPMux // nil without a Port
	loggers logging.LoggerFactory

	patience, every time.Duration // connectWait and lookEvery, but in tests

	mu      sync.Mutex // guards the rest
	cert    *webrtc.Certificate
	until   time.Time // when cert is replaced
	viewers map[string]*viewer
	coming  int             // places held for viewers that are being set up
	ctx     context.Context // of Run; nil while it does not run
	wg      sync.WaitGroup
}

// New returns a Server, whose port it has taken. Close gives it back.
func New(cfg Config) (*Server, error) {
	s := &Server{
		cfg: cfg, viewers: map[string]*viewer{}, patience: connectWait, every: lookEvery,
		loggers: &logging.DefaultLoggerFactory{Writer: io.Discard, DefaultLogLevel: logging.LogLevelDisabled},
	}
	if cfg.Port != 0 {
		m, err := ice.NewMultiUDPMuxFromPort(cfg.Port, ice.UDPMuxFromPortWithLoopback(), ice.UDPMuxFromPortWithIPFilter(usable),
			ice.UDPMuxFromPortWithLogger(s.loggers.NewLogger("ice")))
		if err != nil {
			return nil, fmt.Errorf("opening UDP port %d for live view: %w", cfg.Port, err)
		}
		s.mux = m
	}
	return s, nil
}

// usable leaves out addresses that a browser cannot be told without a zone.
func usable(ip net.IP) bool { return !ip.IsLinkLocalUnicast() }

// Run lets viewers in until ctx ends and then ends them all.
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

// Close gives back the port. Run must have returned, if it was called.
func (s *Server) Close() error {
	if s.mux == nil {
		return nil
	}
	if err := s.mux.Close(); err != nil {
		return fmt.Errorf("closing UDP port: %w", err)
	}
	return nil
}

// Viewers is how many there are.
func (s *Server) Viewers() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.viewers)
}

// admit starts v, in the place that was held for it. It answers false if Run
// does not run any more.
func (s *Server) admit(v *viewer) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ctx == nil || s.ctx.Err() != nil {
		return false
	}
	s.coming--
	ctx, stop := context.WithCancelCause(s.ctx)
	v.stop = stop
	s.viewers[v.id] = v
	s.wg.Go(func() {
		v.run(ctx)
		s.mu.Lock()
		delete(s.viewers, v.id)
		s.mu.Unlock()
	})
	return true
}

// reserve holds a place for a viewer until admit takes it or release gives it
// back. It answers false if there
// are too many or Run does not run.
func (s *Server) reserve() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ctx == nil || len(s.viewers)+s.coming >= MaxViewers {
		return false
	}
	s.coming++
	return true
}

func (s *Server) release() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.coming--
}

func (s *Server) viewer(id string) *viewer {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.viewers[id]
}

// certificate is shared by all viewers, since making one takes time. It holds
// for a month.
func (s *Server) certificate() (webrtc.Certificate, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.cert == nil || time.Now().After(s.until) {
		c, err := newCertificate()
		if err != nil {
			return webrtc.Certificate{}, err
		}
		s.cert, s.until = c, c.Expires().Add(-24*time.Hour)
	}
	return *s.cert, nil
}
