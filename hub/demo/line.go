package demo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"time"
)

// line carries TCP connections to a server on this machine at a limited rate
// towards it, as a home's upload line would. Without a limit it is as fast as it can be.
type line struct {
	ln   net.Listener
	to   func() string
	rate int64 // bytes a second for all connections together; 0 is unlimited
}

// run carries until ctx ends.
func (l *line) run(ctx context.Context) error {
	var wg sync.WaitGroup
	defer wg.Wait()
	stop := context.AfterFunc(ctx, func() { l.ln.Close() })
	defer stop()
	for {
		c, err := l.ln.Accept()
		if errors.Is(err, net.ErrClosed) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("carrying uploads: %w", err)
		}
		wg.Go(func() { l.carry(ctx, c) })
	}
}

func (l *line) carry(ctx context.Context, c net.Conn) {
	defer c.Close()
	var d net.Dialer
	s, err := d.DialContext(ctx, "tcp", l.to())
	if err != nil {
		return // the receiver is down; the uploader sees the connection close
	}
	defer s.Close()
	stop := context.AfterFunc(ctx, func() { c.Close(); s.Close() })
	defer stop()
	var wg sync.WaitGroup
	wg.Go(func() { _, _ = io.Copy(c, s); c.Close() })
	l.slowly(s, c)
	s.(*net.TCPConn).CloseWrite()
	wg.Wait()
}

func (l *line) slowly(to io.Writer, from io.Reader) {
	if l.rate <= 0 {
		_, _ = io.Copy(to, from)
		return
	}
	const slices = 20 // a second
	chunk := max(l.rate/slices, 1)
	for {
		n, err := io.CopyN(to, from, chunk)
		if err != nil {
			return
		}
		time.Sleep(time.Duration(n) * time.Second / time.Duration(l.rate))
	}
}
