package agency

import (
	"context"
	"crypto/ed25519"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"time"

	"github.com/tus/tusd/v2/pkg/filestore"
	"github.com/tus/tusd/v2/pkg/handler"
	"github.com/tus/tusd/v2/pkg/memorylocker"
	tuslog "golang.org/x/exp/slog"
	"golang.org/x/net/netutil"

	"gatehouse/hub/bulletin"
	"gatehouse/hub/internal/durable"
)

// Paths of the receiver.
const (
	FilesPath    = "/files/"    // tus
	ReceiptsPath = "/receipts/" // + hex SHA-256 of a package
)

// maxConns bounds what strangers can hold open.
const maxConns = 256

// ReceiverConfig configures a Receiver.
type ReceiverConfig struct {
	Dir      string        // the agency's folder
	Addr     string        // where it listens; default ":8443"
	MaxBytes int64         // of one package; default 20 GiB
	MaxOpen  int           // unfinished uploads at a time; default 1000
	Reserve  int64         // bytes of disk always left free; default 1 GiB
	Stall    time.Duration // an upload that sends nothing for this long is cut off; default 60 s
	Keep     time.Duration // an unfinished upload unused for this long is removed; default 14 days
	Log      *slog.Logger
	Now      func() time.Time
}

func (c *ReceiverConfig) defaults() {
	set(&c.Addr, ":8443")
	set(&c.MaxBytes, 20<<30)
	set(&c.MaxOpen, 1000)
	set(&c.Reserve, 1<<30)
	set(&c.Stall, 60*time.Second)
	set(&c.Keep, 14*24*time.Hour)
	set(&c.Log, slog.New(slog.DiscardHandler))
	if c.Now == nil {
		c.Now = time.Now
	}
}

func set[T comparable](v *T, value T) {
	var zero T
	if *v == zero {
		*v = value
	}
}

// Receiver takes packages in by tus 1.0 over TLS 1.3 and signs for them.
//
// A package is in received/ if and only if its SHA-256 is the one that the
// uploader announced and its bytes are durable; its receipt is made after that. Whoever knows a package's digest may fetch
// its receipt; nothing can be listed or downloaded.
type Receiver struct {
	cfg     ReceiverConfig
	agency  string
	key     ed25519.PrivateKey // signs receipts
	store   store
	lock    *os.File
	ln      net.Listener
	handler http.Handler

	finishing sync.Mutex   // one package is verified and moved at a time
	serving   sync.RWMutex // read-locked by each request; Run locks it to outlast them
}

// NewReceiver opens the folder and binds the address; Run serves it.
func NewReceiver(cfg ReceiverConfig) (*Receiver, error) {
	cfg.defaults()
	r := &Receiver{cfg: cfg}
	if err := r.open(); err != nil {
		return nil, errors.Join(fmt.Errorf("opening receiver: %w", err), r.close())
	}
	return r, nil
}

func (r *Receiver) open() error {
	abs, err := filepath.Abs(r.cfg.Dir)
	if err != nil {
		return err
	}
	r.cfg.Dir = abs
	r.store = store{filestore.New(r.path("received", ".uploads"))}
	profile, err := LoadProfile(r.cfg.Dir)
	if err != nil {
		return err
	}
	r.agency = profile.Agency
	if r.key, err = LoadKey(filepath.Join(r.cfg.Dir, receiptKey)); err != nil {
		return err
	}
	conf, err := loadTLS(r.cfg.Dir)
	if err != nil {
		return err
	}
	for _, d := range []string{r.store.Path, r.path("receipts")} {
		if err := durable.MkdirAll(d, 0o700); err != nil {
			return err
		}
	}
	if r.lock, err = take(r.path("received")); err != nil {
		return err
	}
	if r.handler, err = r.routes(); err != nil {
		return err
	}
	ln, err := net.Listen("tcp", r.cfg.Addr)
	if err != nil {
		return err
	}
	r.ln = tls.NewListener(netutil.LimitListener(ln, maxConns), conf)
	return nil
}

func (r *Receiver) close() error {
	var errs []error
	if r.ln != nil {
		if err := r.ln.Close(); !errors.Is(err, net.ErrClosed) {
			errs = append(errs, err)
		}
	}
	if r.lock != nil {
		errs = append(errs, r.lock.Close())
	}
	return errors.Join(errs...)
}

func (r *Receiver) path(elem ...string) string {
	return filepath.Join(append([]string{r.cfg.Dir}, elem...)...)
}

// Addr is the address it listens on.
func (r *Receiver) Addr() net.Addr { return r.ln.Addr() }

// Run finishes what an earlier process left complete, and serves until ctx ends.
// Uploads that are cut off then are resumed by their clients later.
func (r *Receiver) Run(ctx context.Context) error {
	if err := r.recover(); err != nil {
		return errors.Join(fmt.Errorf("finishing uploads: %w", err), r.close())
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	srv := &http.Server{
		Handler: r.handler, MaxHeaderBytes: 16 << 10,
		// For what is not an upload; tusd moves the deadlines of uploads as bytes come in.
		ReadHeaderTimeout: min(10*time.Second, r.cfg.Stall), ReadTimeout: r.cfg.Stall, WriteTimeout: 2 * r.cfg.Stall, IdleTimeout: r.cfg.Stall,
		ErrorLog: log.New(connLog{r.cfg.Log}, "", 0),
		// The context of a request ends with Run, which makes tusd save what it has.
		BaseContext: func(net.Listener) context.Context { return ctx },
	}
	var wg sync.WaitGroup
	wg.Go(func() { r.sweep(ctx) })
	wg.Go(func() {
		<-ctx.Done()
		_ = srv.Close() // its error is that of the listener, which Serve returns
	})
	r.cfg.Log.Info("receiving packages", "agency", r.agency, "peer", r.ln.Addr().String())
	err := srv.Serve(r.ln)
	if ctx.Err() != nil {
		err = nil
	} else {
		err = fmt.Errorf("serving: %w", err)
	}
	cancel() // Serve may have ended by itself
	wg.Wait()
	r.serving.Lock() // never released: a request that comes this late is turned away
	return errors.Join(err, r.close())
}

// connLog writes what http.Server says of broken connections, at debug level:
// strangers must not be able to fill the log.
type connLog struct{ log *slog.Logger }

func (c connLog) Write(line []byte) (int, error) {
	c.log.Debug("connection failed", "reason", strings.TrimSpace(string(line)))
	return len(line), nil
}

var (
	uploadID  = regexp.MustCompile(`^[0-9a-f]{32}$`)
	digestHex = regexp.MustCompile(`^[0-9a-f]{64}$`)
)

func (r *Receiver) routes() (http.Handler, error) {
	composer := handler.NewStoreComposer()
	composer.UseCore(r.store)
	composer.UseTerminater(r.store)
	memorylocker.New().UseIn(composer)
	tus, err := handler.NewHandler(handler.Config{
		StoreComposer: composer, BasePath: FilesPath, MaxSize: r.cfg.MaxBytes, DisableDownload: true,
		Cors: &handler.CorsConfig{Disable: true}, NetworkTimeout: r.cfg.Stall,
		GracefulRequestCompletionTimeout: 10 * time.Millisecond,
		// It logs every request with its upload's address, which is a secret.
		Logger:                     tuslog.New(tuslog.NewTextHandler(io.Discard, nil)),
		PreUploadCreateCallback:    r.beforeUpload,
		PreFinishResponseCallback:  r.afterUpload,
		PreUploadTerminateCallback: r.beforeRemoval,
	})
	if err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	mux.Handle(FilesPath, http.StripPrefix(FilesPath, onlyIDs(tus)))
	mux.HandleFunc("GET "+ReceiptsPath+"{digest}", r.serveReceipt)
	return r.whileServing(mux), nil
}

func (r *Receiver) whileServing(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		if !r.serving.TryRLock() {
			http.Error(w, "the server is stopping", http.StatusServiceUnavailable)
			return
		}
		defer r.serving.RUnlock()
		next.ServeHTTP(w, req)
	})
}

// onlyIDs lets through what the store has made itself: its files are named by it.
func onlyIDs(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		if id := req.URL.Path; id != "" && !uploadID.MatchString(id) {
			http.NotFound(w, req)
			return
		}
		req.Header.Del("X-HTTP-Method-Override")
		next.ServeHTTP(w, req)
	})
}

// serveReceipt answers 404 until the package is whole and durable here.
func (r *Receiver) serveReceipt(w http.ResponseWriter, req *http.Request) {
	digest := req.PathValue("digest")
	if !digestHex.MatchString(digest) {
		http.NotFound(w, req)
		return
	}
	env, err := os.ReadFile(r.receiptFile(digest))
	if errors.Is(err, os.ErrNotExist) {
		http.NotFound(w, req)
		return
	}
	if err != nil {
		r.cfg.Log.Error("reading a receipt failed", "err", err)
		http.Error(w, "the receipt cannot be read", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", bulletin.ReceiptType)
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.Header().Set("Cache-Control", "no-store")
	if _, err := w.Write(env); err != nil {
		r.cfg.Log.Debug("sending a receipt failed", "err", err)
	}
}

func (r *Receiver) receiptFile(digest string) string {
	return r.path("receipts", digest+".dsse.json")
}
