package homekit

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

const (
	bodyMax     = 32 << 10
	strangerFor = 2 * time.Minute // an unverified connection may stay this long without a request
	requestFor  = 15 * time.Second
	writeFor    = 5 * time.Second
)

// answer is a response that is not sent yet.
type answer struct {
	status  int
	kind    string // content type
	body    []byte
	session *session // encrypts what follows the answer
	close   bool     // the connection ends with the answer
	after   func()   // runs once the answer is sent
}

const (
	kindTLV  = "application/pairing+tlv8"
	kindJSON = "application/hap+json"
	kindJPEG = "image/jpeg"
)

func tlvAnswer(b []byte) answer { return answer{status: http.StatusOK, kind: kindTLV, body: b} }

// session is the encrypted state of a verified connection.
type session struct {
	controller string
	in, out    *framer
}

// conn is one controller's connection. Its serve goroutine owns verify and
// timed; session is set by that goroutine and read under w by others.
type conn struct {
	net    net.Conn
	in     *secureReader
	br     *bufio.Reader
	server *server
	verify *verifying
	timed  timedWrite
	life   life
	mail   *mailbox               // events, sent by post
	who    atomic.Pointer[string] // the controller; nil before pair-verify
	heard  atomic.Int64           // when the newest request began, in Unix nanoseconds
	sent   func()                 // runs once the answer under way is sent; serve's

	w       sync.Mutex // guards writing, which may take writeFor, and session
	session *session
}

func newConn(s *server, nc net.Conn) *conn {
	in := &secureReader{src: bufio.NewReader(nc)}
	c := &conn{net: nc, in: in, br: bufio.NewReader(in), server: s, mail: newMailbox()}
	c.heard.Store(time.Now().UnixNano())
	return c
}

// serve answers requests one by one until the connection ends.
func (c *conn) serve(ctx context.Context) {
	defer c.server.setup.drop(c)
	ctx, cancel := context.WithCancel(ctx)
	c.life.begin(ctx)
	stop := context.AfterFunc(ctx, func() { c.net.Close() })
	var posting sync.WaitGroup
	posting.Go(func() { c.post(ctx) })
	for c.one(ctx) {
	}
	cancel()
	if stop() {
		c.net.Close()
	}
	posting.Wait()
	c.life.end(c)
}

// one reads and answers one request, and reports whether another may follow.
func (c *conn) one(ctx context.Context) bool {
	if c.session == nil {
		c.net.SetReadDeadline(time.Now().Add(strangerFor))
	} else {
		c.net.SetReadDeadline(time.Time{}) // idle sessions live; keep-alive ends dead ones
	}
	c.in.budget = budgetMax
	if _, err := c.br.Peek(1); err != nil {
		return false
	}
	now := time.Now()
	c.heard.Store(now.UnixNano())
	c.mail.hold(true)
	defer c.mail.hold(false)
	c.net.SetReadDeadline(now.Add(requestFor))
	req, err := http.ReadRequest(c.br)
	if err != nil {
		return false
	}
	body, err := io.ReadAll(io.LimitReader(req.Body, bodyMax+1))
	if err != nil {
		return false
	}
	a := answer{status: http.StatusRequestEntityTooLarge, close: true}
	c.sent = nil
	if len(body) <= bodyMax {
		req.Body = io.NopCloser(bytes.NewReader(body))
		req.RemoteAddr = c.net.RemoteAddr().String()
		req = req.WithContext(context.WithValue(ctx, connKey{}, c))
		a = c.server.route(c, req, body)
	}
	if err := c.send(a); err != nil {
		return false
	}
	if c.sent != nil {
		c.sent()
	}
	if a.after != nil {
		a.after()
	}
	return !a.close && !req.Close
}

// send writes the answer whole, so no event can come between its bytes, and then
// switches to encryption if the answer began a session.
func (c *conn) send(a answer) error {
	c.w.Lock()
	defer c.w.Unlock()
	var b bytes.Buffer
	text := http.StatusText(a.status)
	if a.status == statusUnverified {
		text = "Connection Authorization Required"
	}
	fmt.Fprintf(&b, "HTTP/1.1 %d %s\r\n", a.status, text)
	if a.status != http.StatusNoContent {
		if a.kind != "" {
			fmt.Fprintf(&b, "Content-Type: %s\r\n", a.kind)
		}
		fmt.Fprintf(&b, "Content-Length: %d\r\n", len(a.body))
	}
	if a.close {
		b.WriteString("Connection: close\r\n")
	}
	b.WriteString("\r\n")
	b.Write(a.body)
	if err := c.write(b.Bytes()); err != nil {
		return err
	}
	if a.session == nil {
		return nil
	}
	if c.br.Buffered() > 0 || len(c.in.plain) > 0 {
		return errors.New("bytes followed the last message of pair-verify")
	}
	c.session, c.in.frames = a.session, a.session.in
	c.who.Store(&a.session.controller)
	return nil
}

// write sends b, encrypted once there is a session. The caller holds w.
func (c *conn) write(b []byte) error {
	if c.session != nil {
		b = c.session.out.seal(b)
	}
	c.net.SetWriteDeadline(time.Now().Add(writeFor))
	_, err := c.net.Write(b)
	return err
}

// controllerID returns who is at the other end, empty before pair-verify. It
// waits for nothing.
func (c *conn) controllerID() string {
	if id := c.who.Load(); id != nil {
		return *id
	}
	return ""
}
