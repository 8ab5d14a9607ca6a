package webrtc

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pion/ice/v4"
	"github.com/pion/interceptor"
	"github.com/pion/interceptor/pkg/nack"
	"github.com/pion/interceptor/pkg/report"
	"github.com/pion/rtcp"
	"github.com/pion/webrtc/v4"

	"gatehouse/rtsp"
)

// Why a viewer ends.
var (
	errVanished  = errors.New("the browser went away")
	errLeft      = errors.New("the browser said goodbye")
	errForbidden = errors.New("the log-in ended")
	errAway      = errors.New("the camera sends nothing")
	errReordered = errors.New("pictures are not sent in the order in which they are shown")
)

// viewer is one browser that looks at one stream.
type viewer struct {
	id     string
	server *Server
	log    *slog.Logger
	camera string
	stream string
	may    func(context.Context) bool
	pc     *webrtc.PeerConnection
	video  *outlet
	sound  *outlet // nil without sound

	stop context.CancelCauseFunc // set by admit
	up   chan struct{}           // closed once the browser is there
	once sync.Once               // for up
	lost atomic.Bool             // the browser cannot decode up to the next key frame

	mu     sync.Mutex // guards offer and tag; one ICE restart at a time
	offer  string     // the one that holds
	tag    string     // entity tag of the ICE session
	tagged int

	clock clock // of the goroutine in run
}

// newCertificate makes the certificate that a browser knows the hub by for the
// length of a connection: its fingerprint is in the answer.
func newCertificate() (*webrtc.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("making a key: %w", err)
	}
	c, err := webrtc.GenerateCertificate(key)
	if err != nil {
		return nil, fmt.Errorf("making a certificate: %w", err)
	}
	return c, nil
}

// newViewer prepares a connection that takes the chosen formats of an offer.
func (s *Server) newViewer(o *offer, formats []*rtsp.Format, loopback bool) (*viewer, error) {
	video, err := o.videoFor(formats[0])
	if err != nil {
		return nil, err
	}
	v := &viewer{
		id: rand.Text(), server: s, log: s.cfg.Log, up: make(chan struct{}), offer: o.sdp,
		video: newOutlet(video, "video", formats[0]),
	}
	for _, f := range formats[1:] {
		if p, ok := o.audioFor(f); ok {
			v.sound = newOutlet(p, "audio", f)
			break
		}
	}
	if v.pc, err = s.connection(v.outlets(), loopback); err != nil {
		return nil, err
	}
	v.pc.OnConnectionStateChange(func(state webrtc.PeerConnectionState) {
		switch state {
		case webrtc.PeerConnectionStateConnected:
			v.once.Do(func() { close(v.up) })
		case webrtc.PeerConnectionStateFailed:
			v.end(errVanished)
		case webrtc.PeerConnectionStateClosed:
			v.end(errLeft)
		}
	})
	return v, nil
}

// end ends v, if it was let in.
func (v *viewer) end(why error) {
	v.server.mu.Lock()
	stop := v.stop
	v.server.mu.Unlock()
	if stop != nil {
		stop(why)
	}
}

func (v *viewer) outlets() []*outlet {
	if v.sound == nil {
		return []*outlet{v.video}
	}
	return []*outlet{v.video, v.sound}
}

// connection knows no codec but those of the outlets, so that the answer names
// no other.
func (s *Server) connection(outlets []*outlet, loopback bool) (*webrtc.PeerConnection, error) {
	engine := &webrtc.MediaEngine{}
	for _, o := range outlets {
		kind := webrtc.NewRTPCodecType(o.kind)
		if err := engine.RegisterCodec(webrtc.RTPCodecParameters{
			RTPCodecCapability: o.payload.codec, PayloadType: webrtc.PayloadType(o.payload.pt),
		}, kind); err != nil {
			return nil, fmt.Errorf("registering codec: %w", err)
		}
	}
	engine.RegisterFeedback(webrtc.RTCPFeedback{Type: "nack"}, webrtc.RTPCodecTypeVideo)
	engine.RegisterFeedback(webrtc.RTCPFeedback{Type: "nack", Parameter: "pli"}, webrtc.RTPCodecTypeVideo)
	again, err := nack.NewResponderInterceptor(nack.ResponderSize(keepPackets), nack.ResponderLog(s.loggers.NewLogger("nack")))
	if err != nil {
		return nil, fmt.Errorf("answering for lost packets: %w", err)
	}
	reports, err := report.NewSenderInterceptor(report.SenderLog(s.loggers.NewLogger("report")))
	if err != nil {
		return nil, fmt.Errorf("reporting: %w", err)
	}
	registry := &interceptor.Registry{}
	registry.Add(again)
	registry.Add(reports)

	settings, err := s.settings(loopback)
	if err != nil {
		return nil, err
	}
	cert, err := s.certificate()
	if err != nil {
		return nil, err
	}
	api := webrtc.NewAPI(webrtc.WithMediaEngine(engine), webrtc.WithInterceptorRegistry(registry), webrtc.WithSettingEngine(settings))
	pc, err := api.NewPeerConnection(webrtc.Configuration{
		Certificates: []webrtc.Certificate{cert}, BundlePolicy: webrtc.BundlePolicyMaxBundle,
	})
	if err != nil {
		return nil, fmt.Errorf("preparing connection: %w", err)
	}
	return pc, nil
}

func (s *Server) settings(loopback bool) (e webrtc.SettingEngine, err error) {
	e.LoggerFactory = s.loggers
	e.SetLite(true)
	e.SetNetworkTypes([]webrtc.NetworkType{webrtc.NetworkTypeUDP4, webrtc.NetworkTypeUDP6})
	e.SetICEMulticastDNSMode(ice.MulticastDNSModeDisabled)
	e.SetIncludeLoopbackCandidate(loopback)
	e.SetIPFilter(func(ip net.IP) bool { return usable(ip) && (loopback || !ip.IsLoopback()) })
	e.SetICETimeouts(silent, gone, 2*time.Second)
	if s.mux != nil {
		e.SetICEUDPMux(s.mux)
	}
	if err := e.SetAnsweringDTLSRole(webrtc.DTLSRoleServer); err != nil {
		return e, fmt.Errorf("choosing a role: %w", err)
	}
	return e, nil
}

// answer takes an offer, the first or one that differs in ICE alone, and
// returns the answer with all candidates.
func (v *viewer) answer(ctx context.Context, offered string) (string, error) {
	err := v.pc.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeOffer, SDP: offered})
	if err != nil {
		return "", fmt.Errorf("%w: %w", errOffer, err)
	}
	for _, o := range v.outlets() {
		if o.sender != nil {
			continue
		}
		if o.sender, err = v.pc.AddTrack(o.track); err != nil {
			return "", fmt.Errorf("%w: %w", errNoCodec, err)
		}
	}
	a, err := v.pc.CreateAnswer(nil)
	if err != nil {
		return "", fmt.Errorf("%w: %w", errOffer, err)
	}
	gathered := webrtc.GatheringCompletePromise(v.pc)
	if err := v.pc.SetLocalDescription(a); err != nil {
		return "", fmt.Errorf("%w: %w", errOffer, err)
	}
	select {
	case <-gathered:
	case <-ctx.Done():
		return "", ctx.Err()
	}
	v.tagged++
	v.tag = fmt.Sprintf(`"%d"`, v.tagged)
	return v.pc.LocalDescription().SDP, nil
}

// run sends until the browser, the camera or ctx ends it.
func (v *viewer) run(ctx context.Context) {
	began := time.Now()
	var reading sync.WaitGroup
	for _, o := range v.outlets() {
		reading.Go(func() { v.feedback(o) })
	}
	reading.Go(func() { v.look(ctx) })
	err := v.wait(ctx)
	if err == nil {
		err = v.pump(ctx)
	}
	if cause := context.Cause(ctx); cause != nil {
		err = cause
	}
	v.stop(err)
	// Closing tells the browser: its DTLS connection ends (RFC 8446 6.1).
	if cerr := v.pc.Close(); cerr != nil {
		err = errors.Join(err, cerr)
	}
	reading.Wait()
	v.log.Debug("live view ended", "camera", v.camera, "stream", v.stream, "dur", time.Since(began), "reason", err)
}

// wait returns once the browser is there.
func (v *viewer) wait(ctx context.Context) error {
	late := time.NewTimer(v.server.patience)
	defer late.Stop()
	select {
	case <-v.up:
		return nil
	case <-late.C:
		return errVanished
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// look ends v soon after it may no longer look.
func (v *viewer) look(ctx context.Context) {
	every := time.NewTicker(v.server.every)
	defer every.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-every.C:
			if !v.may(ctx) {
				v.end(errForbidden)
				return
			}
		}
	}
}

// feedback reads what the browser says of a track. Lost packets are sent again
// by the interceptor. What it says of its bandwidth changes nothing: the camera
// alone decides how much it sends.
func (v *viewer) feedback(o *outlet) {
	for {
		list, _, err := o.sender.ReadRTCP()
		if err != nil {
			return
		}
		for _, p := range list {
			switch p.(type) {
			case *rtcp.PictureLossIndication, *rtcp.FullIntraRequest:
				v.lost.Store(true)
			}
		}
	}
}
