package rtsp

import (
	"context"
	"log/slog"
	"time"
)

// Config configures a Source.
type Config struct {
	Camera string        // name for logs
	URL    string        // rtsp://[user:password@]host[:port]/path
	Log    *slog.Logger  // required
	Stall  time.Duration // no access unit for this long is a stall; default 10 s
	Retry  time.Duration // first reconnect delay; default 1 s, doubled with jitter up to 60 s
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
	Detail   string
	Formats  []*Format // of the last Session
	LastUnit time.Time // arrival of the newest Unit; zero if none yet
	Clock    ClockQuality
	Offset   time.Duration // camera clock minus this machine's, from sender reports; 0 if unknown
}

// Source reads one stream of one camera.
type Source struct{ cfg Config }

// NewSource returns a Source that is not connected yet.
func NewSource(cfg Config) *Source { return &Source{cfg: cfg} }

// Run connects, reads and reconnects until ctx ends; it then ends every Reader
// with a shutdown Break and returns nil. A camera's fault is never an error.
func (s *Source) Run(ctx context.Context) error { panic("not built") }

// State returns a snapshot.
func (s *Source) State() State { panic("not built") }

// Reader subscribes. maxBytes bounds what may wait for this reader; it should
// hold two groups of pictures. A Reader made while the Source is live starts
// with the Session and the group of pictures in hand.
func (s *Source) Reader(maxBytes int) *Reader { panic("not built") }

// Reader is one subscription to a Source. It is for one goroutine.
type Reader struct{}

// Next blocks for the next Item. It returns ctx.Err() when ctx ends, and
// io.EOF after Close or after the shutdown Break has been delivered.
func (r *Reader) Next(ctx context.Context) (Item, error) { panic("not built") }

// Close ends the subscription. It may be called from any goroutine, twice.
func (r *Reader) Close() { panic("not built") }
