package main

import (
	"context"
	"net/netip"

	"golang.org/x/sync/errgroup"

	"gatehouse/bridge/webrtc"
	"gatehouse/hub/finding"
	"gatehouse/hub/hls"
	"gatehouse/rtsp"
	"gatehouse/ui"
)

// liveView is WebRTC, or why there is none, and HLS.
type liveView struct {
	server    *webrtc.Server // nil if its port could not be opened
	err       error
	playlists *hls.Server
}

// openLive leaves WebRTC out if its port cannot be opened: the console then
// shows cameras by HLS.
func (h *hub) openLive(context.Context) error {
	reader := func(camera, stream string, maxBytes int) *rtsp.Reader {
		return h.fleet.Reader(camera, stream, maxBytes)
	}
	h.live.playlists = hls.New(hls.Config{Log: h.log, Reader: reader})
	c := webrtc.Config{Port: h.cfg.Live.Port, Log: h.log, Reader: reader}
	for _, a := range h.cfg.Live.Addresses {
		if addr, err := netip.ParseAddr(a); err == nil { // checked by config
			c.Addresses = append(c.Addresses, addr)
		}
	}
	if h.live.server, h.live.err = webrtc.New(c); h.live.err != nil {
		h.log.Warn("live view without WebRTC", "err", h.live.err)
	}
	return nil
}

func (v *liveView) run(ctx context.Context) error {
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return v.playlists.Run(ctx) })
	if v.server != nil {
		g.Go(func() error { return v.server.Run(ctx) })
	}
	return g.Wait()
}

func (v *liveView) close() error {
	if v.server == nil {
		return nil
	}
	return v.server.Close()
}

func (v *liveView) problems() []finding.Finding {
	if v.err == nil {
		return nil
	}
	return []finding.Finding{finding.New("webrtc-off").Quoting(v.err.Error())}
}

// whep is nil without WebRTC.
func (v *liveView) whep() ui.WHEP {
	if v.server == nil {
		return nil
	}
	return v.server
}
