package request

import (
	"context"
	"sync"
)

// locks lets one goroutine at a time change a request. Sealing holds a lock for
// as long as it takes; a mutex over all requests would stop every other one.
type locks struct {
	mu   sync.Mutex
	held map[string]*slot // guarded by mu
}

type slot struct {
	free  chan struct{} // holds one value while nobody has the lock
	users int           // having or wanting it; guarded by locks.mu
}

// lock waits for a request's lock and returns how to give it back.
func (l *locks) lock(ctx context.Context, id string) (unlock func(), err error) {
	l.mu.Lock()
	if l.held == nil {
		l.held = map[string]*slot{}
	}
	s := l.held[id]
	if s == nil {
		s = &slot{free: make(chan struct{}, 1)}
		s.free <- struct{}{}
		l.held[id] = s
	}
	s.users++
	l.mu.Unlock()
	select {
	case <-s.free:
		return func() { s.free <- struct{}{}; l.leave(id, s) }, nil
	case <-ctx.Done():
		l.leave(id, s)
		return nil, context.Cause(ctx)
	}
}

func (l *locks) leave(id string, s *slot) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if s.users--; s.users == 0 {
		delete(l.held, id)
	}
}
