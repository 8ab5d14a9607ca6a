package witness

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"log/slog"
	"net"
	"net/http"
	"time"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/net/netutil"
)

// maxConns bounds what strangers can hold open.
const maxConns = 64

// Trust makes a witness sign for a log from now on; key is the log's C2SP verifier key.
func Trust(dir, key string) (origin string, err error) {
	v, err := note.NewVerifier(key)
	if err != nil {
		return "", fmt.Errorf("trusting a log: this is not a log's key (name+hash+key): %w", err)
	}
	lock, err := take(dir)
	if err != nil {
		return "", fmt.Errorf("opening witness: %w", err)
	}
	defer lock.Close()
	st, _, err := open(dir)
	if err != nil {
		return "", fmt.Errorf("opening witness: %w", err)
	}
	if h, known := st.Logs[v.Name()]; known && h.Key != key {
		return "", ErrOtherKey
	} else if known {
		return v.Name(), nil
	}
	st.Logs[v.Name()] = head{Key: key}
	return v.Name(), st.write(dir)
}

// Server takes add-checkpoint requests (C2SP tlog-witness) for one witness.
type Server struct {
	dir string
	ln  net.Listener
	log *slog.Logger
}

// NewServer binds an address; Run serves it. The folder must be a witness's.
func NewServer(dir, addr string, log *slog.Logger) (*Server, error) {
	if _, _, err := open(dir); err != nil {
		return nil, fmt.Errorf("opening witness: %w", err)
	}
	ln, err := net.Listen("tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("opening witness: %w", err)
	}
	return &Server{dir, netutil.LimitListener(ln, maxConns), log}, nil
}

// Addr is the address it listens on.
func (s *Server) Addr() net.Addr { return s.ln.Addr() }

// Run serves until ctx ends.
func (s *Server) Run(ctx context.Context) error {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /add-checkpoint", s.addCheckpoint)
	srv := &http.Server{
		Handler: mux, ReadTimeout: 10 * time.Second, WriteTimeout: 10 * time.Second, IdleTimeout: 10 * time.Second,
		MaxHeaderBytes: 16 << 10, ErrorLog: log.New(io.Discard, "", 0),
	}
	stop := context.AfterFunc(ctx, func() { _ = srv.Close() }) // Serve returns its error
	defer stop()
	err := srv.Serve(s.ln)
	if ctx.Err() != nil {
		return nil
	}
	return fmt.Errorf("serving: %w", err)
}

func (s *Server) addCheckpoint(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, MaxAsk))
	if err != nil {
		http.Error(w, ErrAsk.Error(), http.StatusBadRequest)
		return
	}
	signed, err := Cosign(s.dir, body, "")
	if behind := new(Behind); errors.As(err, &behind) {
		w.Header().Set("Content-Type", "text/x.tlog.size")
		w.WriteHeader(http.StatusConflict)
		fmt.Fprintf(w, "%d\n", behind.Known)
		return
	}
	code, told := http.StatusInternalServerError, "the witness cannot sign now"
	for refused, status := range map[error]int{
		ErrAsk: http.StatusBadRequest, ErrUnknownLog: http.StatusNotFound,
		ErrNotItsLog: http.StatusForbidden, ErrSplit: http.StatusUnprocessableEntity,
	} {
		if errors.Is(err, refused) {
			code, told = status, refused.Error()
		}
	}
	switch {
	case err == nil:
		s.log.Info("log cosigned", "agency", signed.Origin)
		if _, err := w.Write(signed.Cosignature); err != nil {
			s.log.Debug("answering failed", "err", err)
		}
		return
	case code == http.StatusInternalServerError || errors.Is(err, ErrSplit):
		s.log.Error("cosigning failed", "err", err)
	}
	http.Error(w, told, code)
}
