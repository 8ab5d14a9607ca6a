package homekit

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/brutella/hap/accessory"
	"github.com/brutella/hap/characteristic"
	"github.com/brutella/hap/service"
)

// connsMax bounds the connections to one accessory. A home's controllers and
// hubs keep one or two each.
const connsMax = 64

// server serves one standalone accessory over HAP. It speaks the IP transport
// itself; the accessory's services are brutella/hap's data model.
type server struct {
	name     string
	category int
	window   *window
	acc      *accessory.A // without extra
	extra    *service.S   // comes and goes while running; its ids are set, apart from all others, and stay. May be nil
	extraOn  bool         // at first
	store    *store
	snapshot func(ctx context.Context, width, height int) []byte // nil if the accessory has no picture
	log      *slog.Logger
	now      func() time.Time
	changed  func() // told when the pairings have changed

	setup pairSetup
	mdns  announcer
	live  atomic.Pointer[accessory.A] // as controllers see it now; what it points to does not change

	mu    sync.Mutex // guards conns
	conns map[*conn]struct{}
}

// open numbers the accessory's services and ties their values to events.
func (s *server) open() error {
	s.conns = map[*conn]struct{}{}
	s.mdns.poke = make(chan struct{}, 1)
	s.acc.Id = 1
	next := uint64(1)
	take := func() uint64 { next++; return next - 1 }
	for _, svc := range s.acc.Ss {
		svc.Id = take()
		for _, ch := range svc.Cs {
			ch.Id = take()
		}
	}
	services := s.acc.Ss
	if s.extra != nil {
		services = append(slices.Clip(services), s.extra)
	}
	for _, svc := range services {
		for _, ch := range svc.Cs {
			if ch.Type != characteristic.TypeIdentify {
				ch.OnCValueUpdate(func(ch *characteristic.C, v, _ any, req *http.Request) { s.notify(ch, v, req) })
			}
		}
	}
	return s.dress(s.extraOn)
}

// dress shows the accessory with or without the extra service, and counts the
// version up if that is another shape than the one before. What is shown changes
// even if the version could not be kept.
func (s *server) dress(extra bool) error {
	acc := *s.acc
	if extra {
		acc.Ss = append(slices.Clip(acc.Ss), s.extra)
	}
	s.live.Store(&acc)
	shape, err := shapeOfServices(acc.Ss)
	if err != nil {
		return fmt.Errorf("describing accessory: %w", err)
	}
	return s.store.setShape(shape)
}

// shapeOfServices hashes what a controller caches: ids, types and permissions.
func shapeOfServices(services []*service.S) ([]byte, error) {
	h := sha256.New()
	for _, svc := range services {
		fmt.Fprintln(h, svc.Id, svc.Type, svc.Primary, svc.Hidden)
		for _, ch := range svc.Cs {
			if err := json.NewEncoder(h).Encode([]any{ch.Id, ch.Type, ch.Permissions, ch.Format, ch.ValidVals}); err != nil {
				return nil, err
			}
		}
	}
	return h.Sum(nil), nil
}

// run accepts connections until ctx ends, and returns when all have.
func (s *server) run(ctx context.Context, ln net.Listener) error {
	var wg sync.WaitGroup
	defer wg.Wait()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	stop := context.AfterFunc(ctx, func() { ln.Close() })
	defer stop()
	for {
		nc, err := ln.Accept()
		if ctx.Err() != nil {
			if err == nil {
				nc.Close()
			}
			return nil
		}
		if errors.Is(err, net.ErrClosed) {
			return fmt.Errorf("accepting homekit connection: %w", err)
		}
		if err != nil { // out of file descriptors, or the peer left already
			s.log.Warn("accepting homekit connection failed", "err", err)
			select {
			case <-ctx.Done():
			case <-time.After(100 * time.Millisecond):
			}
			continue
		}
		c := newConn(s, nc)
		s.admit(c)
		wg.Go(func() {
			defer s.leave(c)
			c.serve(ctx)
		})
	}
}

// admit counts a connection in. A full house lets go of the stranger that has
// been silent longest, so idle sockets cannot keep paired controllers out, and
// if there is no stranger of the controller that has, which may have vanished.
func (s *server) admit(c *conn) {
	if t, ok := c.net.(*net.TCPConn); ok {
		t.SetKeepAliveConfig(net.KeepAliveConfig{Enable: true, Idle: 30 * time.Second, Interval: 10 * time.Second, Count: 3})
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.conns) >= connsMax {
		out := slices.MinFunc(slices.Collect(maps.Keys(s.conns)), func(a, b *conn) int {
			if known := a.controllerID() != ""; known != (b.controllerID() != "") {
				return map[bool]int{true: 1, false: -1}[known]
			}
			return cmp.Compare(a.heard.Load(), b.heard.Load())
		})
		out.net.Close()
		delete(s.conns, out)
	}
	s.conns[c] = struct{}{}
}

func (s *server) leave(c *conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.conns, c)
}

func (s *server) all() []*conn {
	s.mu.Lock()
	defer s.mu.Unlock()
	cs := make([]*conn, 0, len(s.conns))
	for c := range s.conns {
		cs = append(cs, c)
	}
	return cs
}

// pairingsChanged announces whether the accessory is free and cuts off
// controllers that are no longer paired.
func (s *server) pairingsChanged() {
	for _, c := range s.all() {
		if id := c.controllerID(); id != "" {
			if _, ok := s.store.controller(id); !ok {
				c.net.Close()
			}
		}
	}
	s.mdns.update()
	s.changed()
}
