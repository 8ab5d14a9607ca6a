package delivery_test

import (
	"bufio"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tus/tusd/v2/pkg/filestore"
	"github.com/tus/tusd/v2/pkg/handler"
	"github.com/tus/tusd/v2/pkg/memorylocker"
	tuslog "golang.org/x/exp/slog"

	"gatehouse/hub/bulletin"
	"gatehouse/hub/bulletin/bulletintest"
)

// receiver is an agency's receiver made of tusd and a few lines. It can be
// killed and started again on the same address and the same files.
type receiver struct {
	t      testing.TB
	dir    string
	addr   string
	cert   tls.Certificate
	agency *bulletintest.Agency
	change func(http.Handler) http.Handler // may stand before everything
	oldTLS bool                            // TLS 1.2 at most

	mu       sync.Mutex // guards what follows
	srv      *http.Server
	dead     chan struct{}
	left     int64 // bytes until it dies; 0: it lives
	pause    time.Duration
	hold     bool
	sent     int64 // bytes of bodies that arrived
	asked    int
	metas    []map[string]string
	browsers []string
	sums     map[string][]string // files by digest
}

func newReceiver(t testing.TB) *receiver {
	t.Helper()
	r := &receiver{t: t, dir: t.TempDir(), sums: map[string][]string{}}
	r.cert = selfSigned(t)
	r.start()
	t.Cleanup(r.kill)
	return r
}

func selfSigned(t testing.TB) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, c, c, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

func (r *receiver) host() string { return r.addr }

func (r *receiver) pin() []byte {
	c, err := x509.ParseCertificate(r.cert.Certificate[0])
	if err != nil {
		r.t.Fatal(err)
	}
	sum := sha256.Sum256(c.RawSubjectPublicKeyInfo)
	return sum[:]
}

// start listens where it listened before.
func (r *receiver) start() {
	r.t.Helper()
	addr := r.addr
	if addr == "" {
		addr = "127.0.0.1:0"
	}
	l, err := net.Listen("tcp", addr)
	for i := 0; err != nil && i < 100; i++ {
		time.Sleep(20 * time.Millisecond)
		l, err = net.Listen("tcp", addr)
	}
	if err != nil {
		r.t.Fatal(err)
	}
	r.addr = l.Addr().String()
	composer := handler.NewStoreComposer()
	filestore.New(r.dir).UseIn(composer)
	memorylocker.New().UseIn(composer)
	tusd, err := handler.NewHandler(handler.Config{
		StoreComposer: composer, BasePath: "/files/", DisableDownload: true,
		Logger: tuslog.New(tuslog.NewTextHandler(io.Discard, nil)), PreFinishResponseCallback: r.finish,
	})
	if err != nil {
		r.t.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.Handle("/files/", http.StripPrefix("/files/", tusd))
	mux.HandleFunc("GET /receipts/{sum}", r.receipt)
	var root http.Handler = mux
	if r.change != nil {
		root = r.change(root)
	}
	srv := &http.Server{
		Handler:   r.watch(root),
		TLSConfig: &tls.Config{MinVersion: tls.VersionTLS13, Certificates: []tls.Certificate{r.cert}, NextProtos: []string{"http/1.1"}},
		ErrorLog:  log.New(io.Discard, "", 0),
	}
	if r.oldTLS {
		srv.TLSConfig.MinVersion, srv.TLSConfig.MaxVersion = tls.VersionTLS12, tls.VersionTLS12
	}
	r.mu.Lock()
	r.srv, r.dead = srv, make(chan struct{})
	r.mu.Unlock()
	go func() { _ = srv.ServeTLS(l, "", "") }()
}

func (r *receiver) kill() {
	r.mu.Lock()
	srv := r.srv
	r.mu.Unlock()
	_ = srv.Close() // cuts every connection
}

func (r *receiver) watch(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		r.mu.Lock()
		r.asked++
		r.browsers = append(r.browsers, q.UserAgent())
		if q.Method == http.MethodPost {
			m := map[string]string{}
			for k, v := range handler.ParseMetadataHeader(q.Header.Get("Upload-Metadata")) {
				m[k] = v
			}
			r.metas = append(r.metas, m)
		}
		r.mu.Unlock()
		q.Body = &counted{Reader: bufio.NewReaderSize(q.Body, 4<<10), Closer: q.Body, r: r}
		next.ServeHTTP(w, q)
	})
}

// counted counts the bytes of a body and is where a receiver dies.
type counted struct {
	io.Reader
	io.Closer
	r *receiver
}

// Read implements io.Reader.
func (c *counted) Read(b []byte) (int, error) {
	n, err := c.Reader.Read(b[:min(len(b), 4<<10)])
	c.r.mu.Lock()
	c.r.sent += int64(n)
	pause, die := c.r.pause, false
	if c.r.left > 0 {
		if c.r.left -= int64(n); c.r.left <= 0 {
			c.r.left, die = 0, true
		}
	}
	dead := c.r.dead
	c.r.mu.Unlock()
	time.Sleep(pause)
	if die {
		c.r.kill()
		close(dead)
	}
	return n, err
}

func (r *receiver) dieAfter(n int64) { r.mu.Lock(); defer r.mu.Unlock(); r.left = n }

func (r *receiver) waitDead() {
	r.t.Helper()
	r.mu.Lock()
	dead := r.dead
	r.mu.Unlock()
	select {
	case <-dead:
	case <-time.After(20 * time.Second):
		r.t.Fatal("the receiver did not die")
	}
}

func (r *receiver) slow(d time.Duration)   { r.mu.Lock(); defer r.mu.Unlock(); r.pause = d }
func (r *receiver) holdReceipts(hold bool) { r.mu.Lock(); defer r.mu.Unlock(); r.hold = hold }
func (r *receiver) bytes() int64           { r.mu.Lock(); defer r.mu.Unlock(); return r.sent }
func (r *receiver) contacts() int          { r.mu.Lock(); defer r.mu.Unlock(); return r.asked }
func (r *receiver) agents() []string       { r.mu.Lock(); defer r.mu.Unlock(); return r.browsers }
func (r *receiver) metadata() []map[string]string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.metas
}

// finish keeps a whole upload under its digest.
func (r *receiver) finish(e handler.HookEvent) (handler.HTTPResponse, error) {
	path := filepath.Join(r.dir, e.Upload.ID)
	data, err := os.ReadFile(path)
	if err != nil {
		return handler.HTTPResponse{}, err
	}
	sum := sha256.Sum256(data)
	kept := path + ".received"
	if err := os.WriteFile(kept, data, 0o600); err != nil {
		return handler.HTTPResponse{}, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.sums[hex.EncodeToString(sum[:])] = append(r.sums[hex.EncodeToString(sum[:])], kept)
	return handler.HTTPResponse{}, nil
}

func (r *receiver) received(digest string) [][]byte {
	r.mu.Lock()
	defer r.mu.Unlock()
	var out [][]byte
	for _, path := range r.sums[digest] {
		data, err := os.ReadFile(path)
		if err != nil {
			r.t.Error(err)
		}
		out = append(out, data)
	}
	return out
}

// forget removes all uploads; what was received whole stays.
func (r *receiver) forget() {
	r.t.Helper()
	files, err := os.ReadDir(r.dir)
	if err != nil {
		r.t.Fatal(err)
	}
	for _, f := range files {
		if !strings.HasSuffix(f.Name(), ".received") {
			if err := os.Remove(filepath.Join(r.dir, f.Name())); err != nil {
				r.t.Fatal(err)
			}
		}
	}
}

func (r *receiver) receipt(w http.ResponseWriter, q *http.Request) {
	sum := q.PathValue("sum")
	got := r.received(sum)
	r.mu.Lock()
	hold := r.hold
	r.mu.Unlock()
	if len(got) == 0 || hold {
		http.NotFound(w, q)
		return
	}
	env, err := bulletin.SignReceipt(bulletin.Receipt{
		Agency: r.agency.Agency, SHA256: sum, Bytes: int64(len(got[0])), ReceivedAt: time.Now().UTC().Truncate(time.Second),
	}, r.agency.Receipt)
	if err != nil {
		r.t.Error(err)
	}
	_, _ = w.Write(env)
}
