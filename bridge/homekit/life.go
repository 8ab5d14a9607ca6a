package homekit

import (
	"context"
	"net/http"
	"net/netip"
	"sync"
)

// life is what lasts as long as a connection does.
type life struct {
	mu    sync.Mutex
	ctx   context.Context // nil before the connection is served and after
	wg    sync.WaitGroup
	slots map[*slot]struct{} // that were set up through the connection
}

// begin makes own and holds work.
func (l *life) begin(ctx context.Context) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.ctx, l.slots = ctx, map[*slot]struct{}{}
}

// end ends what the connection began and waits for it. The context of begin has ended.
func (l *life) end(c *conn) {
	l.mu.Lock()
	slots := l.slots
	l.ctx = nil
	l.mu.Unlock()
	for s := range slots {
		s.leave(c)
	}
	l.wg.Wait()
}

// own runs f until the connection ends; it reports whether it does.
func (l *life) own(f func(context.Context)) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.ctx == nil {
		return false
	}
	ctx := l.ctx
	l.wg.Go(func() { f(ctx) })
	return true
}

// holds notes a slot that the end of the connection frees; it reports whether it will.
func (l *life) holds(s *slot) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.ctx == nil {
		return false
	}
	l.slots[s] = struct{}{}
	return true
}

// connKey is where a request says by which connection it came.
type connKey struct{}

// connOf returns the connection of a request, nil if it came by none.
func connOf(req *http.Request) *conn {
	if req == nil {
		return nil
	}
	c, _ := req.Context().Value(connKey{}).(*conn)
	return c
}

// peer is the controller's address.
func (c *conn) peer() netip.Addr {
	at, _ := netip.ParseAddrPort(c.net.RemoteAddr().String())
	return at.Addr().Unmap()
}
