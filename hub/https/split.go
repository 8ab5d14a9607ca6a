package https

import (
	"context"
	"errors"
	"io"
	"net"
	"sync"
	"time"
)

// helloTime is how long a connection may stay silent before it is closed.
const helloTime = 10 * time.Second

// Split takes connections of one listener and hands those that begin a TLS
// handshake to secure and the others to plain.
type Split struct {
	inner         net.Listener
	plain, secure *half
}

// NewSplit returns a Split; Run makes it work.
func NewSplit(inner net.Listener) *Split {
	s := &Split{inner: inner}
	done := make(chan struct{})
	end := sync.OnceValue(func() error {
		close(done)
		return inner.Close()
	})
	for _, h := range []**half{&s.plain, &s.secure} {
		*h = &half{addr: inner.Addr(), conns: make(chan net.Conn), done: done, end: end}
	}
	return s
}

// Plain and Secure are for the two servers. Closing either ends both.
func (s *Split) Plain() net.Listener  { return s.plain }
func (s *Split) Secure() net.Listener { return s.secure }

// Run accepts until either half or ctx ends. It closes the listener.
func (s *Split) Run(ctx context.Context) error {
	var looking sync.WaitGroup
	defer looking.Wait()
	defer s.plain.Close()
	stop := context.AfterFunc(ctx, func() { s.plain.Close() })
	defer stop()
	for {
		conn, err := s.inner.Accept()
		if errors.Is(err, net.ErrClosed) {
			return nil
		}
		if err != nil { // such as too many open files: others may end soon
			select {
			case <-s.plain.done:
				return nil
			case <-time.After(50 * time.Millisecond):
				continue
			}
		}
		looking.Go(func() { s.hand(conn) })
	}
}

// hand looks at a connection's first byte: 22 begins a TLS record of a
// handshake (RFC 8446, 5.1), and no HTTP request.
func (s *Split) hand(conn net.Conn) {
	stop := make(chan struct{})
	defer close(stop)
	go func() { // the end does not wait for the silent
		select {
		case <-s.plain.done:
			_ = conn.SetReadDeadline(time.Unix(1, 0))
		case <-stop:
		}
	}()
	_ = conn.SetReadDeadline(time.Now().Add(helloTime))
	first := make([]byte, 1)
	if _, err := io.ReadFull(conn, first); err != nil {
		conn.Close()
		return
	}
	_ = conn.SetReadDeadline(time.Time{})
	to := s.plain
	if first[0] == 22 {
		to = s.secure
	}
	select {
	case to.conns <- &begun{Conn: conn, first: first}:
	case <-to.done:
		conn.Close()
	}
}

// half is the listener of one kind of connection.
type half struct {
	addr  net.Addr
	conns chan net.Conn
	done  chan struct{}
	end   func() error
}

// Accept implements net.Listener.
func (h *half) Accept() (net.Conn, error) {
	select {
	case c := <-h.conns:
		return c, nil
	case <-h.done:
		return nil, net.ErrClosed
	}
}

// Close implements net.Listener.
func (h *half) Close() error { return h.end() }

// Addr implements net.Listener.
func (h *half) Addr() net.Addr { return h.addr }

// begun is a connection whose first byte was read.
type begun struct {
	net.Conn
	first []byte
}

// Read implements net.Conn.
func (b *begun) Read(p []byte) (int, error) {
	if len(b.first) > 0 && len(p) > 0 {
		n := copy(p, b.first)
		b.first = nil
		return n, nil
	}
	return b.Conn.Read(p)
}
