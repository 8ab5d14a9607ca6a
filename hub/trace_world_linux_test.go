package main

import (
	"bufio"
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/net/dns/dnsmessage"

	"gatehouse/hub/bulletin"
)

const traceHost = "bulletin.example"

// traceWorld is all that a traced hub can reach: a name server that knows every
// name, and a bulletin's web server. It writes down what reaches it, with the
// time that the hub's clock shows.
type traceWorld struct {
	t    *testing.T
	dns  net.PacketConn
	web  net.Listener
	tls  *tls.Config
	cert string // file of the authority that the hub trusts
	wire *wire  // nil outside of a network namespace

	mu          sync.Mutex
	at          time.Duration // of the hub's clock, since the trace began
	events      []*traceEvent
	queries     int
	dials, open int
	slow        bool // somebody kept a connection open: do not wait for the next
	checkpoint  []byte
	file        []byte
}

type traceEvent struct {
	at   time.Duration
	what string
}

func newTraceWorld(t *testing.T) *traceWorld {
	w := &traceWorld{t: t}
	var err error
	if w.dns, err = net.ListenPacket("udp", "127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	if w.web, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { w.dns.Close(); w.web.Close() })
	w.certify()
	go w.answerQueries()
	go func() {
		for {
			conn, err := w.web.Accept()
			if err != nil {
				return
			}
			w.mu.Lock()
			w.dials++
			w.open++
			e := w.happened("")
			w.mu.Unlock()
			go w.serve(conn, e)
		}
	}()
	return w
}

func (w *traceWorld) certify() {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		w.t.Fatal(err)
	}
	now := time.Now()
	c := &x509.Certificate{
		SerialNumber: big.NewInt(1), DNSNames: []string{traceHost}, NotBefore: now.Add(-time.Hour), NotAfter: now.Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, c, c, key.Public(), key)
	if err != nil {
		w.t.Fatal(err)
	}
	w.cert = filepath.Join(w.t.TempDir(), "authority.pem")
	if err := os.WriteFile(w.cert, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600); err != nil {
		w.t.Fatal(err)
	}
	w.tls = &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}
}

// begin forgets what was seen; publish changes what is served.
func (w *traceWorld) begin() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.at, w.events, w.queries, w.dials, w.slow = 0, nil, 0, 0, false
	w.wire.begin()
}

func (w *traceWorld) publish(checkpoint, file []byte) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.checkpoint, w.file = checkpoint, file
}

func (w *traceWorld) clock(at time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.at = at
}

// quiet waits until no connection is open.
func (w *traceWorld) quiet() {
	for {
		w.mu.Lock()
		open := w.open
		w.mu.Unlock()
		if open == 0 {
			return
		}
		time.Sleep(time.Millisecond)
	}
}

// trace is what reached the world, in order. A name's two queries go out at
// once and are put in order.
func (w *traceWorld) trace() (out []string) {
	w.quiet()
	w.mu.Lock()
	defer w.mu.Unlock()
	names := 0 // lines at the end of out that are queries
	for _, e := range w.events {
		out = append(out, fmt.Sprint("+", e.at, " ", e.what))
		if names++; !strings.HasPrefix(e.what, "DNS") {
			names = 0
		}
		slices.Sort(out[len(out)-names:])
	}
	return append(out, w.wire.strays(w.dials, w.queries)...)
}

func (w *traceWorld) happened(what string) *traceEvent {
	e := &traceEvent{w.at, what}
	w.events = append(w.events, e)
	return e
}

func (w *traceWorld) answerQueries() {
	buf := make([]byte, 4096)
	for {
		n, from, err := w.dns.ReadFrom(buf)
		if err != nil {
			return
		}
		var m dnsmessage.Message
		w.mu.Lock()
		w.queries++
		if err := m.Unpack(buf[:n]); err != nil || len(m.Questions) != 1 {
			w.happened(fmt.Sprint("DNS: unreadable: ", err))
			w.mu.Unlock()
			continue
		}
		q := m.Questions[0]
		w.happened(fmt.Sprint("DNS: ", q.Name, " ", q.Type, " in ", n, " bytes"))
		w.mu.Unlock()
		m.Response, m.RecursionAvailable, m.Additionals = true, true, nil
		if q.Type == dnsmessage.TypeA {
			m.Answers = []dnsmessage.Resource{{
				Header: dnsmessage.ResourceHeader{Name: q.Name, Type: q.Type, Class: q.Class, TTL: 60},
				Body:   &dnsmessage.AResource{A: [4]byte{127, 0, 0, 1}},
			}}
		}
		if answer, err := m.Pack(); err == nil {
			_, _ = w.dns.WriteTo(answer, from) // the hub asks again
		}
	}
}

// counted counts what the hub sent on a connection.
type counted struct {
	net.Conn
	in int
}

// Read implements net.Conn.
func (c *counted) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	c.in += n
	return n, err
}

// serve answers one request as a server does that would like to recognise its
// visitor: with an entity tag, a cookie, a session ticket, and a connection that may stay.
func (w *traceWorld) serve(raw net.Conn, e *traceEvent) {
	defer raw.Close()
	in := &counted{Conn: raw}
	var line strings.Builder
	cfg := w.tls.Clone()
	cfg.GetConfigForClient = func(h *tls.ClientHelloInfo) (*tls.Config, error) {
		fmt.Fprintf(&line, "TLS to %s, %d bytes, versions %x suites %x curves %v signatures %v protocols %q extensions %v",
			h.ServerName, in.in, h.SupportedVersions, h.CipherSuites, h.SupportedCurves, h.SignatureSchemes, h.SupportedProtos, h.Extensions)
		return nil, nil
	}
	conn := tls.Server(in, cfg)
	_ = conn.SetDeadline(time.Now().Add(time.Minute))
	err := conn.Handshake()
	fmt.Fprintf(&line, ", resumed %t; ", conn.ConnectionState().DidResume)
	if err == nil {
		err = w.answer(conn, &line)
	}
	if err != nil {
		fmt.Fprint(&line, "failed")
	}
	fmt.Fprintf(&line, "; %d bytes sent", in.in)
	raw.Close()
	w.mu.Lock()
	defer w.mu.Unlock()
	w.open--
	e.what = line.String()
}

// answer writes down the request, and how the hub took and ended the answer.
func (w *traceWorld) answer(conn *tls.Conn, line *strings.Builder) error {
	r := bufio.NewReader(conn)
	var head strings.Builder
	for !strings.HasSuffix(head.String(), "\r\n\r\n") {
		s, err := r.ReadString('\n')
		if head.WriteString(s); err != nil {
			return err
		}
	}
	path, _, _ := strings.Cut(strings.TrimPrefix(head.String(), "GET /b/"), " ")
	w.mu.Lock()
	body, patience := w.file, 2*time.Second
	if path == bulletin.CheckpointPath {
		body = w.checkpoint
	}
	if w.slow {
		patience = 20 * time.Millisecond
	}
	w.mu.Unlock()
	tag := fmt.Sprintf("\"%x\"", sha256.Sum256(body))
	fmt.Fprintf(line, "%q; ", head.String())
	status := "200 OK"
	if strings.Contains(head.String(), tag) {
		status, body = "304 Not Modified", nil
	}
	if _, err := fmt.Fprintf(conn, "HTTP/1.1 %s\r\nContent-Length: %d\r\nEtag: %s\r\nSet-Cookie: id=1\r\n\r\n%s", status, len(body), tag, body); err != nil {
		return err
	}
	_ = conn.SetReadDeadline(time.Now().Add(patience))
	n, err := io.Copy(io.Discard, r)
	var late net.Error
	switch {
	case errors.As(err, &late) && late.Timeout():
		w.mu.Lock()
		w.slow = true
		w.mu.Unlock()
		fmt.Fprint(line, "kept open")
	case err != nil:
		fmt.Fprint(line, "broken off")
	default:
		fmt.Fprint(line, "taken whole and closed")
	}
	if n > 0 {
		fmt.Fprintf(line, " after %d bytes more", n)
	}
	return nil
}

// asked is what a request must be, to the byte.
func (w *traceWorld) asked(line string) bool {
	_, head, _ := strings.Cut(line, "; \"")
	path, _, _ := strings.Cut(strings.TrimPrefix(head, "GET "), " ")
	want := fmt.Sprintf("%q; taken whole and closed; ", "GET "+path+" HTTP/1.1\r\nHost: "+w.host()+
		"\r\nUser-Agent: gatehouse\r\nConnection: close\r\n\r\n")
	return strings.HasPrefix("\""+head, want) && strings.Contains(line, "TLS to "+traceHost+",") && strings.Contains(line, "resumed false") &&
		!bytes.Contains([]byte(line), []byte(" 41]")) // pre_shared_key is the last extension, RFC 8446 section 4.2.11
}

func (w *traceWorld) host() string {
	return fmt.Sprintf("%s:%d", traceHost, w.web.Addr().(*net.TCPAddr).Port)
}
