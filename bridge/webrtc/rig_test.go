package webrtc

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pion/rtcp"
	"github.com/pion/rtp"
	"github.com/pion/webrtc/v4"

	"gatehouse/rtsp"
	"gatehouse/rtsp/rtsptest"
)

const patience = 20 * time.Second

// rig is a server of viewers with real cameras behind it.
type rig struct {
	*Server
	cameras *rtsptest.Server
	web     *httptest.Server
	barred  atomic.Bool // viewers may no longer look
}

// newRig plays files as cameras that have been read for a moment.
func newRig(t *testing.T, cameras map[string]rtsptest.Camera, edit func(*Server)) *rig {
	t.Helper()
	return newRigOn(t, 0, cameras, edit)
}

func newRigOn(t *testing.T, port int, cameras map[string]rtsptest.Camera, edit func(*Server)) *rig {
	t.Helper()
	log := slog.New(slog.DiscardHandler)
	server, err := rtsptest.NewServer(rtsptest.Config{Log: log, Cameras: cameras})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	wg.Go(func() { _ = server.Run(ctx) })
	sources := map[string]*rtsp.Source{}
	for name := range cameras {
		s := rtsp.NewSource(rtsp.Config{Camera: name, URL: server.LoginURL(name), Log: log, Retry: 50 * time.Millisecond, Stall: 2 * time.Second})
		sources[name] = s
		wg.Go(func() { _ = s.Run(ctx) })
	}
	r := &rig{cameras: server}
	r.Server, err = New(Config{Log: log, Port: port, Addresses: []netip.Addr{netip.MustParseAddr("192.0.2.7")}, Reader: func(camera, _ string, maxBytes int) *rtsp.Reader {
		if s := sources[camera]; s != nil {
			return s.Reader(maxBytes)
		}
		return nil
	}})
	if err != nil {
		t.Fatal(err)
	}
	if edit != nil {
		edit(r.Server)
	}
	wg.Go(func() { _ = r.Run(ctx) })
	mux := http.NewServeMux()
	mux.HandleFunc("POST /{camera}", func(w http.ResponseWriter, q *http.Request) {
		r.Create(w, q, q.PathValue("camera"), "main", func(context.Context) bool { return !r.barred.Load() })
	})
	mux.HandleFunc("PATCH /{camera}/{id}", func(w http.ResponseWriter, q *http.Request) {
		r.Update(w, q, q.PathValue("camera"), "main", q.PathValue("id"))
	})
	mux.HandleFunc("DELETE /{camera}/{id}", func(w http.ResponseWriter, q *http.Request) {
		r.Delete(w, q, q.PathValue("camera"), "main", q.PathValue("id"))
	})
	r.web = httptest.NewServer(mux)
	t.Cleanup(func() {
		r.web.Close()
		stop()
		wg.Wait()
		if err := r.Server.Close(); err != nil {
			t.Error(err)
		}
	})
	for name, s := range sources {
		wait(t, name+" is live", func() bool { return s.State().Phase == rtsp.PhaseLive })
	}
	return r
}

func wait(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !ok(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("not in %v: %s", patience, what)
		}
	}
}

// call sends a request and returns the answer with its body.
func (r *rig) call(t *testing.T, method, path, kind, body string, header ...string) (*http.Response, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, r.web.URL+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", kind)
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res, string(b)
}

// packet is what a browser got.
type packet struct {
	*rtp.Packet
	video bool
	codec string
	at    time.Time
}

// browser is a pion peer that asks to receive.
type browser struct {
	pc      *webrtc.PeerConnection
	offer   string
	packets chan packet
	ended   chan struct{} // the hub closed the connection
	asked   time.Time
	at      string // address of the viewer
	tag     string
}

// newBrowser asks for pictures and sound unless the kinds say otherwise.
func newBrowser(t *testing.T, kinds ...webrtc.RTPCodecType) *browser {
	t.Helper()
	if len(kinds) == 0 {
		kinds = []webrtc.RTPCodecType{webrtc.RTPCodecTypeVideo, webrtc.RTPCodecTypeAudio}
	}
	e := &webrtc.MediaEngine{}
	if err := e.RegisterDefaultCodecs(); err != nil {
		t.Fatal(err)
	}
	var s webrtc.SettingEngine
	s.SetIncludeLoopbackCandidate(true)
	pc, err := webrtc.NewAPI(webrtc.WithMediaEngine(e), webrtc.WithSettingEngine(s)).NewPeerConnection(webrtc.Configuration{})
	if err != nil {
		t.Fatal(err)
	}
	b := &browser{pc: pc, packets: make(chan packet, 4096), ended: make(chan struct{})}
	t.Cleanup(func() { _ = pc.Close() })
	for _, kind := range kinds {
		if _, err := pc.AddTransceiverFromKind(kind, webrtc.RTPTransceiverInit{Direction: webrtc.RTPTransceiverDirectionRecvonly}); err != nil {
			t.Fatal(err)
		}
	}
	pc.OnTrack(func(track *webrtc.TrackRemote, _ *webrtc.RTPReceiver) {
		for {
			p, _, err := track.ReadRTP()
			if err != nil {
				return
			}
			b.packets <- packet{p, track.Kind() == webrtc.RTPCodecTypeVideo, track.Codec().MimeType, time.Now()}
		}
	})
	var once sync.Once
	pc.OnConnectionStateChange(func(s webrtc.PeerConnectionState) {
		if s == webrtc.PeerConnectionStateClosed || s == webrtc.PeerConnectionStateFailed {
			once.Do(func() { close(b.ended) })
		}
	})
	offer, err := pc.CreateOffer(nil)
	if err != nil {
		t.Fatal(err)
	}
	gathered := webrtc.GatheringCompletePromise(pc)
	if err := pc.SetLocalDescription(offer); err != nil {
		t.Fatal(err)
	}
	<-gathered
	b.offer = pc.LocalDescription().SDP
	return b
}

// watch makes b a viewer of a camera.
func (r *rig) watch(t *testing.T, b *browser, camera string) {
	t.Helper()
	b.asked = time.Now()
	res, answer := r.call(t, http.MethodPost, "/"+camera, typeSDP, b.offer)
	if res.StatusCode != http.StatusCreated {
		t.Fatalf("status %s: %s", res.Status, answer)
	}
	b.at, b.tag = res.Header.Get("Location"), res.Header.Get("ETag")
	if err := b.pc.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeAnswer, SDP: answer}); err != nil {
		t.Fatal(err)
	}
}

// pictures returns the next pictures that b gets, as NAL units.
func (b *browser) pictures(t *testing.T, n int) (list []picture) {
	t.Helper()
	var now picture
	limit := time.After(patience)
	for len(list) < n {
		select {
		case p := <-b.packets:
			if !p.video {
				continue
			}
			if err := now.add(p.Payload); err != nil {
				t.Fatal(err)
			}
			if p.Marker {
				now.at, now.stamp = p.at, p.Timestamp
				list, now = append(list, now), picture{}
			}
		case <-b.ended:
			t.Fatal("the hub ended the connection")
		case <-limit:
			t.Fatalf("%d pictures of %d in %v", len(list), n, patience)
		}
	}
	return list
}

// sound returns the codec of the sound once n packets of it came, or nothing if
// none came beside a hundred packets of pictures.
func (b *browser) sound(t *testing.T, n int) string {
	t.Helper()
	limit := time.After(patience)
	for pictures := 0; pictures < 100; {
		select {
		case p := <-b.packets:
			if p.video {
				pictures++
			} else if n--; n == 0 {
				return p.codec
			}
		case <-limit:
			t.Fatalf("no packets in %v", patience)
		}
	}
	return ""
}

// picture is one access unit as a browser got it.
type picture struct {
	nals  [][]byte
	part  []byte
	at    time.Time
	stamp uint32
}

// add takes the payload of a packet (RFC 6184 5.6, 5.8).
func (p *picture) add(b []byte) error {
	if len(b) < 2 {
		return errors.New("a packet without payload")
	}
	if b[0]&nalType != 28 {
		p.nals = append(p.nals, b)
		return nil
	}
	if b[1]&0x80 != 0 {
		p.part = []byte{b[0]&0xe0 | b[1]&nalType}
	}
	p.part = append(p.part, b[2:]...)
	if b[1]&0x40 != 0 {
		p.nals, p.part = append(p.nals, p.part), nil
	}
	return nil
}

func (p *picture) has(kind byte) bool {
	for _, n := range p.nals {
		if n[0]&nalType == kind {
			return true
		}
	}
	return false
}

// askKeyFrame tells the hub that b cannot decode.
func (b *browser) askKeyFrame(t *testing.T) {
	t.Helper()
	for _, r := range b.pc.GetReceivers() {
		if track := r.Track(); track != nil && track.Kind() == webrtc.RTPCodecTypeVideo {
			if err := b.pc.WriteRTCP([]rtcp.Packet{&rtcp.PictureLossIndication{MediaSSRC: uint32(track.SSRC())}}); err != nil {
				t.Fatal(err)
			}
		}
	}
}

func freePort(t *testing.T) int {
	t.Helper()
	c, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	return c.LocalAddr().(*net.UDPAddr).Port
}
