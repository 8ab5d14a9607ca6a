package intake

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"gatehouse/rtsp/rtsptest/bubble"
)

// pipes is a listener whose connections go by a test's clock.
type pipes struct {
	next chan net.Conn
	once sync.Once
	done chan struct{}
}

func newPipes() *pipes { return &pipes{next: make(chan net.Conn), done: make(chan struct{})} }

// Accept implements net.Listener.
func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.next:
		return c, nil
	case <-p.done:
		return nil, net.ErrClosed
	}
}

// Close implements net.Listener.
func (p *pipes) Close() error { p.once.Do(func() { close(p.done) }); return nil }

// Addr implements net.Listener.
func (p *pipes) Addr() net.Addr { return &net.TCPAddr{} }

// push sends raw bytes and returns the answer, and when its last byte came.
func (p *pipes) push(t *testing.T, raw string) (string, time.Duration) {
	t.Helper()
	start := time.Now()
	near, far := net.Pipe()
	p.next <- far
	go io.WriteString(near, raw) //nolint:errcheck // the door need not take all of it
	got := make([]byte, len(want))
	n, err := io.ReadFull(near, got)
	after := time.Since(start)
	rest, _ := io.ReadAll(near)
	near.Close()
	if err != nil {
		t.Error(err)
	}
	return string(got[:n]) + string(rest), after
}

func post(body string) string {
	return fmt.Sprintf("POST /intake HTTP/1.1\r\nHost: hub\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
}

func opened(t *testing.T, take func(context.Context, []byte) error) (*pipes, func() error) {
	p, d := newPipes(), New(Config{Take: take, Log: slog.New(slog.DiscardHandler)})
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- d.Run(ctx, p) }()
	return p, func() error { cancel(); return <-done }
}

const want = "HTTP/1.1 202 Accepted\r\nContent-Length: 10\r\nContent-Type: text/plain; charset=utf-8\r\nConnection: close\r\n\r\nReceived.\n"

// TestEveryPushIsAnsweredAlike: whatever is pushed, and whatever is done with
// it, the answer is the same to the byte and to the nanosecond.
func TestEveryPushIsAnsweredAlike(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		var taken []int
		p, stop := opened(t, func(_ context.Context, data []byte) error {
			time.Sleep(7 * time.Second) // verifying takes long
			mu.Lock()
			defer mu.Unlock()
			taken = append(taken, len(data))
			return nil
		})
		cases := map[string]string{
			"small": post("a"), "empty": post(""), "as large as may be": post(strings.Repeat("x", MaxBody)),
			"a byte too large": post(strings.Repeat("x", MaxBody+1)), "far too large": post(strings.Repeat("x", 1<<20)),
			"never ends": strings.Replace(post("abc"), "Length: 3", "Length: 4", 1),
			"chunked":    "POST /intake HTTP/1.1\r\nHost: hub\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
			"bad chunks": "POST /intake HTTP/1.1\r\nHost: hub\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
		}
		for i := range 2 * queued { // more than can wait
			cases[fmt.Sprint("flood ", i)] = post("flood")
		}
		for name, raw := range cases {
			if got, after := p.push(t, raw); got != want || after != answerAfter {
				t.Errorf("%s: %q after %v, want %q after %v", name, got, after, want, answerAfter)
			}
		}
		time.Sleep(10 * time.Minute)
		if err := stop(); err != nil {
			t.Error(err)
		}
		slices.Sort(taken)
		if n := len(taken); n < queued || n > len(cases)-4 || taken[n-1] > MaxBody {
			t.Errorf("taken in: %v", taken)
		}
	})
}

// TestOnlyOneRoute: the door leads nowhere else.
func TestOnlyOneRoute(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		p, stop := opened(t, func(context.Context, []byte) error { t.Error("taken in"); return nil })
		for _, line := range []string{"GET /", "GET /intake", "PUT /intake", "POST /", "POST /login", "GET /requests", "GET /healthz", "OPTIONS /intake"} {
			if got, _ := p.push(t, line+" HTTP/1.1\r\nHost: hub\r\nContent-Length: 0\r\n\r\n"); !strings.HasPrefix(got, "HTTP/1.1 4") {
				t.Errorf("%s: %q", line, got)
			}
		}
		time.Sleep(time.Minute)
		if err := stop(); err != nil {
			t.Error(err)
		}
	})
}

// TestBrokenHubIsTold: an error that is no refusal ends the door, and says why.
func TestBrokenHubIsTold(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		broken := errors.New("the disk is gone")
		var got []byte
		p, stop := opened(t, func(_ context.Context, data []byte) error { got = data; return broken })
		p.push(t, post("file"))
		time.Sleep(time.Minute)
		if err := stop(); !errors.Is(err, broken) || !bytes.Equal(got, []byte("file")) {
			t.Errorf("%v, took %q", err, got)
		}
	})
}
