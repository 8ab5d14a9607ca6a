// Package uplink is the owner's switch for everything that the hub sends out of
// the home by itself. It knows nothing of requests, and nothing about them moves it.
package uplink

import (
	"context"
	"errors"
	"sync"
)

// ErrOff is the cause of a context that ended because the owner switched off.
var ErrOff = errors.New("the network is switched off")

// Switch is on at first; so is a nil one, which cannot be switched.
type Switch struct {
	mu  sync.Mutex
	off bool
	cut map[*context.CancelCauseFunc]bool // what runs, to be ended when it is switched off
}

// On reports whether traffic may leave.
func (s *Switch) On() bool {
	if s == nil {
		return true
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return !s.off
}

// Set switches and reports whether that changed anything. Switched off, it ends
// the contexts that While gave before it returns.
func (s *Switch) Set(on bool) (changed bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	changed = s.off == on
	s.off = !on
	if s.off {
		for cut := range s.cut {
			(*cut)(ErrOff)
		}
		s.cut = nil
	}
	return changed
}

// While returns a context for traffic, which ends with ctx, with done, and with
// ErrOff as its cause once the owner switches off. If it is off, ok is false,
// and there is nothing to be done with the rest.
func (s *Switch) While(ctx context.Context) (_ context.Context, done func(), ok bool) {
	ctx, cut := context.WithCancelCause(ctx)
	end := func() { cut(nil) }
	if s == nil {
		return ctx, end, true
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.off {
		end()
		return ctx, end, false
	}
	if s.cut == nil {
		s.cut = map[*context.CancelCauseFunc]bool{}
	}
	s.cut[&cut] = true
	return ctx, func() {
		end()
		s.mu.Lock()
		defer s.mu.Unlock()
		delete(s.cut, &cut)
	}, true
}
