package homekit

import (
	"context"
	"encoding/base64"
	"errors"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/http"
	"net/netip"
	"sync"

	"github.com/brutella/hap/service"

	"gatehouse/bridge/homekit/stream"
)

// Values of StreamingStatus (HAP R2, 9.102).
const (
	slotFree        = 0
	slotInUse       = 1
	slotUnavailable = 2
)

// videoClock is the rate of H.264's RTP times (RFC 6184, 8.2.1).
const videoClock = 90000

// viewing opens what a controller that made this selection is shown; nil if
// there is nothing to show.
type viewing func(s selection) func() stream.Feed

// slot is one camera stream slot: one viewer at a time. It is freed when the
// viewer ends the session, when its connection ends, and when it is silent for
// 30 s.
type slot struct {
	svc  *service.CameraRTPStreamManagement
	view viewing
	log  *slog.Logger

	ffmpeg stream.Runner // nil for none
	mute   func(error)   // told why there is no sound; may be nil

	mu     sync.Mutex
	answer []byte // to the last set-up request
	held   *viewer
}

// viewer is who holds a slot.
type viewer struct {
	id           [16]byte
	conn         *conn
	video, sound stream.Medium
	stop         context.CancelFunc // nil before the session begins
}

func newSlot(view viewing, log *slog.Logger) *slot {
	s := &slot{svc: service.NewCameraRTPStreamManagement(), view: view, log: log}
	s.svc.SupportedVideoStreamConfiguration.SetValue(videoConfig())
	s.svc.SupportedAudioStreamConfiguration.SetValue(audioConfig())
	s.svc.SupportedRTPConfiguration.SetValue(rtpConfig())
	s.status(slotFree)
	s.svc.SetupEndpoints.SetValueRequestFunc = s.setUp
	s.svc.SetupEndpoints.ValueRequestFunc = s.lastAnswer
	s.svc.SelectedRTPStreamConfiguration.SetValueRequestFunc = s.selectStream
	return s
}

func (s *slot) status(v byte) { s.svc.StreamingStatus.SetValue(appendTLV(nil, 1, []byte{v})) }

// available tells controllers whether there is anything to show.
func (s *slot) available(is bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.held != nil && s.held.stop != nil: // in use; the camera may come back
	case is:
		s.status(slotFree)
	default:
		s.status(slotUnavailable)
	}
}

// setUp answers a controller's wish for a session.
func (s *slot) setUp(v any, req *http.Request) (any, int) {
	items, ok := decodeTLV(v)
	if !ok {
		return nil, codeInvalid
	}
	w, known, ok := parseWish(items)
	if !known {
		return nil, codeInvalid
	}
	c := connOf(req)
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case !ok || c == nil || !nearby(w.addr, c.peer()):
		s.answer = refused(w.id, sessionError)
	case s.held != nil && (s.held.stop != nil || s.held.conn != c):
		s.answer = refused(w.id, sessionBusy)
	default:
		s.release()
		s.answer = s.hold(w, c)
	}
	return nil, codeDone
}

// hold opens the sockets of a session.
func (s *slot) hold(w wish, c *conn) []byte {
	addr := w.addr
	if addr.Is6() && addr.IsLinkLocalUnicast() {
		addr = addr.WithZone(c.peer().Zone())
	}
	h := &viewer{id: w.id, conn: c}
	var err1, err2 error
	h.video, err1 = w.video.dial(addr)
	h.sound, err2 = w.sound.dial(addr)
	if err := errors.Join(err1, err2); err != nil {
		h.close()
		s.log.Warn("setting up homekit stream failed", "peer", addr, "err", err)
		return refused(w.id, sessionError)
	}
	if !c.life.holds(s) {
		h.close()
		return refused(w.id, sessionError)
	}
	s.held = h
	video, sound := local(h.video), local(h.sound)
	return offered(w, video.Addr(), h.video, h.sound, video.Port(), sound.Port())
}

// dial opens a socket to the controller.
func (h half) dial(addr netip.Addr) (stream.Medium, error) {
	pc, err := net.DialUDP("udp", nil, net.UDPAddrFromAddrPort(netip.AddrPortFrom(addr, h.port)))
	if err != nil {
		return stream.Medium{}, err
	}
	return stream.Medium{Conn: pc, Key: h.key, Salt: h.salt, SSRC: rand.Uint32()}, nil
}

func local(m stream.Medium) netip.AddrPort {
	at := m.Conn.LocalAddr().(*net.UDPAddr).AddrPort()
	return netip.AddrPortFrom(at.Addr().Unmap(), at.Port())
}

func (h *viewer) close() {
	for _, m := range []stream.Medium{h.video, h.sound} {
		if m.Conn != nil {
			m.Conn.Close()
		}
	}
}

// release ends who holds the slot. The caller holds mu.
func (s *slot) release() {
	h := s.held
	if h == nil {
		return
	}
	s.held = nil
	if h.stop != nil {
		h.stop() // Serve closes the sockets
		s.status(slotFree)
		return
	}
	h.close()
}

// drop is release for one holder, if it still is.
func (s *slot) drop(h *viewer) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.held == h {
		s.release()
	}
}

// leave frees the slot if a connection that has ended holds it.
func (s *slot) leave(c *conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.held != nil && s.held.conn == c {
		s.release()
	}
}

// nearby reports whether a wish's address is the controller's own, or of this
// home's network: no controller can point a camera at the rest of the world.
func nearby(a, peer netip.Addr) bool {
	return a.IsValid() && !a.IsUnspecified() && !a.IsMulticast() &&
		(a == peer.WithZone("") || a.IsPrivate() || a.IsLinkLocalUnicast() || a.IsLoopback())
}

// lastAnswer is what the controller reads after writing its wish.
func (s *slot) lastAnswer(*http.Request) (any, int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return base64.StdEncoding.EncodeToString(s.answer), codeDone
}

// selectStream begins or ends the session that was set up.
func (s *slot) selectStream(v any, req *http.Request) (any, int) {
	items, ok := decodeTLV(v)
	if !ok {
		return nil, codeInvalid
	}
	sel, ok := parseSelection(items)
	if !ok {
		return nil, codeInvalid
	}
	c := connOf(req)
	s.mu.Lock()
	defer s.mu.Unlock()
	h := s.held
	mine := h != nil && h.id == sel.id && h.conn == c
	switch {
	case sel.command == commandEnd && mine:
		s.release()
		return nil, codeDone
	case sel.command == commandEnd:
		return nil, codeDone // it has ended already
	case !mine:
		return nil, codeUnknown
	case sel.command == commandReconfigure && h.stop != nil:
		return nil, codeDone // the camera's own size and rate are all there is
	case sel.command != commandStart || h.stop != nil:
		return nil, codeInvalid
	}
	return nil, s.start(h, sel)
}

// start begins to send. The caller holds mu.
func (s *slot) start(h *viewer, sel selection) int {
	sel.controller = h.conn.controllerID()
	feed := s.view(sel)
	if feed == nil {
		s.release()
		return codeUnknown
	}
	h.video.PayloadType, h.video.Packet, h.video.Report = sel.video.payloadType, sel.video.packet, sel.video.report
	h.video.ClockRate = videoClock
	h.sound.PayloadType, h.sound.Report = sel.sound.payloadType, sel.sound.report
	h.sound.ClockRate, h.sound.PacketTime = sel.soundRate, sel.packetTime
	cfg := stream.Config{Video: h.video, Feed: feed, FFmpeg: s.ffmpeg, Mute: s.mute}
	if sel.soundRate > 0 {
		cfg.Sound = &h.sound
	} else { // not wanted
		h.sound.Conn.Close()
	}
	ctx, stop := context.WithCancel(context.Background())
	h.stop = stop
	peer := h.video.Conn.RemoteAddr().String()
	if !h.conn.life.own(func(end context.Context) {
		defer context.AfterFunc(end, stop)()
		defer stop()
		err := stream.Serve(ctx, cfg)
		s.drop(h)
		s.log.Info("homekit stream ended", "peer", peer, "reason", err)
	}) {
		stop()
		h.stop = nil
		s.release()
		return codeUnknown
	}
	s.status(slotInUse)
	s.log.Info("homekit stream began", "peer", peer)
	return codeDone
}
