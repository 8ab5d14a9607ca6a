package rtsptest

import (
	"context"
	"io"
	"net"
	"os"
	"sync"
	"syscall"
	"time"
)

// Memory is a network of one listener in memory. Nothing of it waits in the
// kernel, so that a bubble of testing/synctest can run a Server and its clients
// in virtual time. Its connections behave as TCP does on one machine: they
// buffer, half-close and reset.
type Memory struct {
	addr    memoryAddr
	waiting chan net.Conn
	done    chan struct{}
	close   sync.Once
}

// ListenMemory returns a listener for Config.Listener; addr is any host:port.
func ListenMemory(addr string) *Memory {
	return &Memory{addr: memoryAddr(addr), waiting: make(chan net.Conn), done: make(chan struct{})}
}

type memoryAddr string

func (memoryAddr) Network() string  { return "tcp" }
func (a memoryAddr) String() string { return string(a) }

// Addr implements net.Listener.
func (m *Memory) Addr() net.Addr { return m.addr }

// Close implements net.Listener.
func (m *Memory) Close() error {
	m.close.Do(func() { close(m.done) })
	return nil
}

// Accept implements net.Listener.
func (m *Memory) Accept() (net.Conn, error) {
	select {
	case c := <-m.waiting:
		return c, nil
	case <-m.done:
		return nil, net.ErrClosed
	}
}

// Dial connects to the listener; it is for rtsp.Config. It has every host, but
// one port.
func (m *Memory) Dial(ctx context.Context, network, address string) (net.Conn, error) {
	fail := func(err error) error {
		return &net.OpError{Op: "dial", Net: network, Addr: memoryAddr(address), Err: err}
	}
	_, here, _ := net.SplitHostPort(string(m.addr))
	if _, port, err := net.SplitHostPort(address); err != nil || port != here {
		return nil, fail(syscall.ECONNREFUSED)
	}
	w := &wire{}
	w.changed.L = &w.mu
	select {
	case m.waiting <- &end{wire: w, side: 1, local: m.addr, remote: "client:0"}:
		return &end{wire: w, side: 0, local: "client:0", remote: m.addr}, nil
	case <-m.done:
		return nil, fail(syscall.ECONNREFUSED)
	case <-ctx.Done():
		return nil, fail(ctx.Err())
	}
}

// socketBuffer is what a direction holds before its writer waits.
const socketBuffer = 256 << 10

// wire is a connection: two directions, each named by the side that writes it.
type wire struct {
	mu      sync.Mutex
	changed sync.Cond
	way     [2]struct {
		buf    []byte
		ended  bool // the writer closed or half-closed
		closed bool // the writer's end is closed
	}
	reset bool
}

// end is one side's net.Conn.
type end struct {
	*wire
	side          int
	local, remote memoryAddr
	linger        bool
	read, write   limit
}

// limit is a deadline. The wire's mutex guards it.
type limit struct {
	at    time.Time
	timer *time.Timer
}

func (l *limit) passed() bool { return !l.at.IsZero() && !time.Now().Before(l.at) }

func (l *limit) set(w *wire, at time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if l.timer != nil {
		l.timer.Stop()
		l.timer = nil
	}
	l.at = at
	if !at.IsZero() {
		l.timer = time.AfterFunc(time.Until(at), w.wakeAll)
	}
	w.changed.Broadcast()
}

func (w *wire) wakeAll() {
	w.mu.Lock()
	w.changed.Broadcast()
	w.mu.Unlock()
}

// Read implements net.Conn.
func (e *end) Read(b []byte) (int, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	in := &e.way[1-e.side]
	for {
		switch {
		case e.way[e.side].closed:
			return 0, net.ErrClosed
		case e.reset:
			return 0, e.fault("read", syscall.ECONNRESET)
		case e.read.passed():
			return 0, e.fault("read", os.ErrDeadlineExceeded)
		case len(in.buf) > 0:
			n := copy(b, in.buf)
			in.buf = in.buf[n:]
			e.changed.Broadcast()
			return n, nil
		case in.ended:
			return 0, io.EOF
		}
		e.changed.Wait()
	}
}

// Write implements net.Conn.
func (e *end) Write(b []byte) (int, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	out := &e.way[e.side]
	for n := 0; ; {
		switch {
		case out.closed:
			return n, net.ErrClosed
		case e.reset, out.ended, e.way[1-e.side].closed:
			return n, e.fault("write", syscall.EPIPE)
		case e.write.passed():
			return n, e.fault("write", os.ErrDeadlineExceeded)
		}
		if room := socketBuffer - len(out.buf); room > 0 {
			part := b[n:min(len(b), n+room)]
			out.buf = append(out.buf, part...)
			n += len(part)
			e.changed.Broadcast()
		}
		if n == len(b) {
			return n, nil
		}
		e.changed.Wait()
	}
}

func (e *end) fault(op string, err error) error {
	return &net.OpError{Op: op, Net: "tcp", Addr: e.remote, Err: err}
}

// Close implements net.Conn.
func (e *end) Close() error {
	e.mu.Lock()
	out := &e.way[e.side]
	again := out.closed
	out.ended, out.closed = true, true
	if e.linger && !again {
		e.reset = true
	}
	e.mu.Unlock()
	e.read.set(e.wire, time.Time{})
	e.write.set(e.wire, time.Time{})
	if again {
		return net.ErrClosed
	}
	return nil
}

// CloseWrite half-closes, as net.TCPConn does.
func (e *end) CloseWrite() error {
	e.mu.Lock()
	e.way[e.side].ended = true
	e.changed.Broadcast()
	e.mu.Unlock()
	return nil
}

// SetLinger with 0 makes Close reset the connection, as net.TCPConn does.
func (e *end) SetLinger(sec int) error {
	e.linger = sec == 0
	return nil
}

// LocalAddr implements net.Conn.
func (e *end) LocalAddr() net.Addr { return e.local }

// RemoteAddr implements net.Conn.
func (e *end) RemoteAddr() net.Addr { return e.remote }

// SetDeadline implements net.Conn.
func (e *end) SetDeadline(t time.Time) error {
	e.read.set(e.wire, t)
	e.write.set(e.wire, t)
	return nil
}

// SetReadDeadline implements net.Conn.
func (e *end) SetReadDeadline(t time.Time) error {
	e.read.set(e.wire, t)
	return nil
}

// SetWriteDeadline implements net.Conn.
func (e *end) SetWriteDeadline(t time.Time) error {
	e.write.set(e.wire, t)
	return nil
}
