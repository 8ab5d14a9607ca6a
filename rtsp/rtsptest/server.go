package rtsptest

import (
	"context"
	"crypto/tls"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"net/url"
	"slices"
	"sync"
	"time"
)

// Config configures a Server.
type Config struct {
	Addr     string            // host:port to listen on; default 127.0.0.1:0
	Listener net.Listener      // instead of Addr, such as a Memory; the Server closes it
	TLS      *tls.Config       // serve RTSPS; nil for RTSP
	Log      *slog.Logger      // required
	Cameras  map[string]Camera // by path, without the leading slash
}

// Server serves cameras by RTSP 1.0 (RFC 2326); RTP goes interleaved or by UDP,
// as the client asks.
type Server struct {
	cfg      Config
	listener net.Listener
	cameras  map[string]*camera

	wg    sync.WaitGroup
	mu    sync.Mutex
	conns map[net.Conn]struct{}
	taken int // connections accepted
	over  bool
}

// NewServer loads the cameras' files and begins to listen. Nobody is answered
// before Run.
func NewServer(cfg Config) (*Server, error) {
	s := &Server{cfg: cfg, cameras: map[string]*camera{}, conns: map[net.Conn]struct{}{}}
	type source struct {
		fsys fs.FS
		name string
	}
	clips := map[source]*clip{}
	read := func(fsys fs.FS, name string) (*clip, error) {
		if c := clips[source{fsys, name}]; c != nil {
			return c, nil
		}
		b, err := readFile(fsys, name)
		if err != nil {
			return nil, err
		}
		c, err := parseClip(b)
		if err == nil {
			clips[source{fsys, name}] = c
		}
		return c, err
	}
	for path, c := range cfg.Cameras {
		cam := &camera{Camera: c, path: path}
		if err := cam.load(read); err != nil {
			return nil, fmt.Errorf("camera %s: %w", path, err)
		}
		s.cameras[path] = cam
	}
	if s.listener = cfg.Listener; s.listener != nil {
		return s, nil
	}
	addr := cfg.Addr
	if addr == "" {
		addr = "127.0.0.1:0"
	}
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("listening for RTSP: %w", err)
	}
	if s.listener = l; cfg.TLS != nil {
		s.listener = tls.NewListener(l, cfg.TLS)
	}
	return s, nil
}

// Addr is the address the server listens on.
func (s *Server) Addr() string { return s.listener.Addr().String() }

// URL is the address of a camera, without credentials.
func (s *Server) URL(path string) string {
	return s.address(path, nil)
}

// LoginURL is the address of a camera with its credentials.
func (s *Server) LoginURL(path string) string {
	if c := s.cameras[path]; c != nil && c.User != "" {
		return s.address(path, url.UserPassword(c.User, c.Pass))
	}
	return s.URL(path)
}

func (s *Server) address(path string, login *url.Userinfo) string {
	u := url.URL{Scheme: s.scheme(), Host: s.Addr(), Path: "/" + path, User: login}
	c := s.cameras[path]
	if c == nil {
		return u.String()
	}
	u.RawQuery = c.Dialog.Query
	if _, memory := s.listener.(*Memory); memory && c.Dialog.Host != "" {
		_, port, _ := net.SplitHostPort(s.Addr())
		u.Host = net.JoinHostPort(c.Dialog.Host, port)
	}
	return u.String()
}

// Run answers clients until ctx ends. It returns after the last connection is
// closed.
func (s *Server) Run(ctx context.Context) error {
	stop := context.AfterFunc(ctx, s.Close)
	defer s.wg.Wait()
	defer stop()
	defer s.Close()
	for {
		c, err := s.listener.Accept()
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			if ne, ok := err.(net.Error); ok && ne.Timeout() {
				continue
			}
			return fmt.Errorf("accepting RTSP connection: %w", err)
		}
		if !s.track(c) {
			return nil
		}
		s.wg.Go(func() {
			defer s.untrack(c)
			s.serve(ctx, c)
		})
	}
}

// Close stops listening and closes every connection.
func (s *Server) Close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.over = true
	s.listener.Close()
	for c := range s.conns {
		c.Close()
	}
}

func (s *Server) track(c net.Conn) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.over {
		c.Close()
		return false
	}
	s.conns[c] = struct{}{}
	s.taken++
	return true
}

func (s *Server) untrack(c net.Conn) {
	c.Close()
	s.mu.Lock()
	delete(s.conns, c)
	s.mu.Unlock()
}

// Accepted is how many connections the server took.
func (s *Server) Accepted() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.taken
}

// Stats counts what a camera did so far.
func (s *Server) Stats(path string) Stats {
	c := s.cameras[path]
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.stats
}

// Sent is what a camera with Record sent, oldest first.
func (s *Server) Sent(path string) []Sent {
	c := s.cameras[path]
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.sent)
}

// Disconnect closes every connection, as a camera that reboots does.
func (s *Server) Disconnect() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for c := range s.conns {
		c.SetDeadline(time.Now())
		c.Close()
	}
}
