package webrtc

import (
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"net"
	"net/http"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"gatehouse/rtsp"
)

const (
	typeSDP      = "application/sdp"
	typeFragment = "application/trickle-ice-sdpfrag"

	maxBody    = 32 << 10
	formatWait = 3 * time.Second // for a key frame
)

// Create answers the POST of an offer (WHEP 4.2): 201 with the answer, 400 for
// an offer that is none, 406 without a codec in common, 409 if the camera sends
// nothing, 503 if there are too many viewers. The viewer's address is that of
// the request with its id appended. may is asked again and again whether the
// viewer may still look.
func (s *Server) Create(w http.ResponseWriter, r *http.Request, camera, stream string, may func(context.Context) bool) {
	body, ok := readBody(w, r, typeSDP)
	if !ok {
		return
	}
	v, answer, err := s.open(r, body, camera, stream, may)
	if err != nil {
		refuse(w, err)
		return
	}
	h := w.Header()
	h.Set("Content-Type", typeSDP)
	h.Set("Location", r.URL.EscapedPath()+"/"+v.id)
	h.Set("ETag", v.tag)
	w.WriteHeader(http.StatusCreated)
	_, _ = io.WriteString(w, answer)
}

var errFull = errors.New("too many viewers")

func (s *Server) open(r *http.Request, body []byte, camera, stream string, may func(context.Context) bool) (*viewer, string, error) {
	o, err := readOffer(body)
	if err != nil {
		return nil, "", err
	}
	if !s.reserve() {
		return nil, "", errFull
	}
	admitted := false
	defer func() {
		if !admitted {
			s.release()
		}
	}()
	formats, err := s.formats(r.Context(), camera, stream)
	if err != nil {
		return nil, "", err
	}
	near, _ := r.Context().Value(http.LocalAddrContextKey).(net.Addr)
	v, err := s.newViewer(o, formats, loopback(near))
	if err != nil {
		return nil, "", err
	}
	v.camera, v.stream, v.may = camera, stream, may
	ctx, cancel := context.WithTimeout(r.Context(), formatWait)
	defer cancel()
	answer, err := v.answer(ctx, o.sdp)
	if err == nil {
		if admitted = s.admit(v); !admitted {
			err = errFull
		}
	}
	if err != nil {
		return nil, "", errors.Join(err, v.pc.Close())
	}
	return v, s.withAddresses(answer, r.Host), nil
}

// loopback reports whether the browser may be on this machine.
func loopback(near net.Addr) bool {
	if near == nil {
		return false
	}
	a, err := netip.ParseAddrPort(near.String())
	return err == nil && a.Addr().Unmap().IsLoopback()
}

// formats are what a stream that runs sends now.
func (s *Server) formats(ctx context.Context, camera, stream string) ([]*rtsp.Format, error) {
	r := s.cfg.Reader(camera, stream, readerBytes)
	if r == nil {
		return nil, errAway
	}
	defer r.Close()
	ctx, cancel := context.WithTimeout(ctx, formatWait)
	defer cancel()
	for {
		item, err := r.Next(ctx)
		switch {
		case err != nil:
			return nil, fmt.Errorf("%w: %w", errAway, err)
		case item.Session != nil:
			return item.Session.Formats, nil
		case item.Break != nil && !brief(item.Break.Reason):
			return nil, fmt.Errorf("%w: %s", errAway, item.Break.Reason)
		}
	}
}

// withAddresses adds to an answer the addresses that this machine does not know
// of: those of the configuration, and the one that the browser came by. All
// viewers share one port then, which a container's host hands on.
func (s *Server) withAddresses(answer, host string) string {
	if s.mux == nil {
		return answer
	}
	list := s.cfg.Addresses
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	if a, err := netip.ParseAddr(strings.Trim(host, "[]")); err == nil {
		list = append(list[:len(list):len(list)], a)
	}
	const mark = "a=end-of-candidates\r\n"
	var more strings.Builder
	for i, a := range list {
		at := fmt.Sprintf(" %s %d typ host", a.Unmap(), s.cfg.Port)
		if strings.Contains(answer, at) || strings.Contains(more.String(), at) {
			continue
		}
		// Priority of RFC 8445 5.1.2.1, below those of interfaces.
		fmt.Fprintf(&more, "a=candidate:nat%d 1 udp %d%s\r\n", i, 126<<24|(0xff-min(i, 0xff))<<8|255, at)
	}
	return strings.Replace(answer, mark, more.String()+mark, 1)
}

// Update answers a PATCH of a viewer (WHEP 4.4): 204 for further candidates,
// which change nothing, since the hub answers whoever comes; 200 with new
// candidates for an ICE restart.
func (s *Server) Update(w http.ResponseWriter, r *http.Request, camera, stream, id string) {
	v := s.find(camera, stream, id)
	if v == nil {
		http.Error(w, "no such viewer", http.StatusNotFound)
		return
	}
	body, ok := readBody(w, r, typeFragment)
	if !ok {
		return
	}
	f, err := readFragment(body)
	if err != nil {
		refuse(w, err)
		return
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	restarts := f.restarts(v.offer)
	switch match := r.Header.Get("If-Match"); {
	case match == "":
		http.Error(w, "If-Match is missing", http.StatusPreconditionRequired)
		return
	case match != v.tag && (match != "*" && match != `"*"` || !restarts):
		http.Error(w, "another ICE session", http.StatusPreconditionFailed)
		return
	}
	if !restarts {
		w.WriteHeader(http.StatusNoContent)
		return
	}
	answer, err := v.restart(r.Context(), f)
	if err != nil {
		refuse(w, err)
		return
	}
	w.Header().Set("Content-Type", typeFragment)
	w.Header().Set("ETag", v.tag)
	_, _ = io.WriteString(w, fragmentOf(s.withAddresses(answer, r.Host)))
}

// restart begins a new ICE session. v.mu is held.
func (v *viewer) restart(ctx context.Context, f fragment) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, formatWait)
	defer cancel()
	offer := f.into(v.offer)
	answer, err := v.answer(ctx, offer)
	if err != nil {
		return "", err
	}
	v.offer = offer
	return answer, nil
}

// Delete ends a viewer (WHEP 4.3). One that has ended is no error: the end of its
// connection may have come first.
func (s *Server) Delete(w http.ResponseWriter, _ *http.Request, camera, stream, id string) {
	if v := s.find(camera, stream, id); v != nil {
		v.end(errLeft)
	}
	w.WriteHeader(http.StatusOK)
}

func (s *Server) find(camera, stream, id string) *viewer {
	v := s.viewer(id)
	if v == nil || v.camera != camera || v.stream != stream {
		return nil
	}
	return v
}

// readBody answers a body that is none of the kind.
func readBody(w http.ResponseWriter, r *http.Request, kind string) ([]byte, bool) {
	if t, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || t != kind {
		w.Header().Set("Accept-Post", typeSDP)
		http.Error(w, "the body must be "+kind, http.StatusUnsupportedMediaType)
		return nil, false
	}
	b, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &large):
		http.Error(w, "the body is too large", http.StatusRequestEntityTooLarge)
	case err != nil:
		http.Error(w, "the body could not be read", http.StatusBadRequest)
	}
	return b, err == nil
}

// refuse says why nothing was made.
func refuse(w http.ResponseWriter, err error) {
	status, again := http.StatusInternalServerError, 0
	switch {
	case errors.Is(err, errNoCodec):
		status = http.StatusNotAcceptable
	case errors.Is(err, errOffer):
		status = http.StatusBadRequest
	case errors.Is(err, errAway):
		status, again = http.StatusConflict, 2
	case errors.Is(err, errFull):
		status, again = http.StatusServiceUnavailable, 10
	}
	if again > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(again))
	}
	http.Error(w, http.StatusText(status), status)
}
