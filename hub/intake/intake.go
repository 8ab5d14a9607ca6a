// Package intake is the door for bulletin files that somebody on the home's
// network pushes. Whoever pushes learns nothing by it: every push gets the same
// answer, byte for byte, after the same time, before anybody has looked at it.
package intake

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strconv"
	"time"

	"golang.org/x/net/netutil"
)

const (
	// MaxBody is the largest push that is looked at.
	MaxBody = 64 << 10
	// answerAfter a push's header was read comes the answer, however much of
	// the rest has come by then.
	answerAfter = time.Second
	// takeEvery is when the oldest push that waits is looked at: by a clock, so
	// that the work done for one push cannot be felt in the answer to the next.
	takeEvery   = 5 * time.Second
	queued      = 16 // pushes that wait; more are dropped
	connections = 16 // at a time
	answer      = "Received.\n"
)

// Config configures a Door.
type Config struct {
	// Take verifies and files what was pushed. An error ends Run; a push that is refused is none.
	Take func(ctx context.Context, data []byte) error
	Log  *slog.Logger
}

// Door is an HTTP server with one route, POST /intake, whose body is a .ghb file.
type Door struct {
	cfg   Config
	queue chan []byte
}

// New returns a Door.
func New(cfg Config) *Door { return &Door{cfg, make(chan []byte, queued)} }

// Run answers on a listener, which it closes, until ctx ends.
func (d *Door) Run(ctx context.Context, l net.Listener) error {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /intake", d.push)
	srv := &http.Server{
		Handler: mux, ReadHeaderTimeout: 5 * time.Second, WriteTimeout: 10 * time.Second, MaxHeaderBytes: 4 << 10,
		DisableGeneralOptionsHandler: true,
		ErrorLog:                     slog.NewLogLogger(d.cfg.Log.Handler(), slog.LevelDebug),
	}
	srv.SetKeepAlivesEnabled(false)
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	served := make(chan error, 1)
	go func() { served <- srv.Serve(netutil.LimitListener(l, connections)); cancel() }()
	err := d.work(ctx)
	srv.Close()
	if e := <-served; !errors.Is(e, http.ErrServerClosed) {
		err = errors.Join(err, fmt.Errorf("serving the intake: %w", e))
	}
	return err
}

// push answers, and only then hands on what came, if there is room.
func (d *Door) push(w http.ResponseWriter, r *http.Request) {
	at := time.Now().Add(answerAfter)
	_ = http.NewResponseController(w).SetReadDeadline(at) // without one, WriteTimeout ends it
	body, err := io.ReadAll(io.LimitReader(r.Body, MaxBody+1))
	time.Sleep(time.Until(at))
	header := w.Header()
	header["Date"] = nil // the only thing that would tell one answer from another
	header.Set("Connection", "close")
	header.Set("Content-Length", strconv.Itoa(len(answer)))
	header.Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(http.StatusAccepted)
	_, _ = io.WriteString(w, answer) // whoever pushed may have gone
	_ = http.NewResponseController(w).Flush()
	switch {
	case err != nil:
		d.cfg.Log.Debug("push dropped", "reason", "it did not come whole")
		return
	case len(body) > MaxBody:
		d.cfg.Log.Debug("push dropped", "reason", "too large")
		return
	}
	select {
	case d.queue <- body:
	default:
		d.cfg.Log.Debug("push dropped", "reason", "too many wait")
	}
}

// work takes one push in at each tick.
func (d *Door) work(ctx context.Context) error {
	tick := time.NewTicker(takeEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		select {
		case data := <-d.queue:
			if err := d.cfg.Take(ctx, data); err != nil && ctx.Err() == nil {
				return fmt.Errorf("taking in a push: %w", err)
			}
		default:
		}
	}
}
