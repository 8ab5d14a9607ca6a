package webrtc

import (
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/pion/webrtc/v4"

	"gatehouse/rtsp"
	"gatehouse/rtsp/rtsptest"
)

func clip(name string) rtsptest.Camera {
	return rtsptest.Camera{FS: rtsptest.Clips(), File: name, Loop: true}
}

// TestPicturesAsSent watches from the newest key frame on: what the browser gets
// is what the camera sent, byte for byte, at once and then as it happens.
func TestPicturesAsSent(t *testing.T) {
	c := clip("h264-opus.mp4")
	c.Record, c.BareUnits = 5000, true
	r := newRig(t, map[string]rtsptest.Camera{"porch": c}, nil)
	b := newBrowser(t)
	r.watch(t, b, "porch")
	got := b.pictures(t, 60)
	if first := got[0]; !first.has(nalSPS) || !first.has(nalPPS) || !first.has(5) {
		t.Errorf("the first picture has no key frame with its parameter sets")
	}
	t.Logf("first picture %v after the offer", got[0].at.Sub(b.asked))
	sent := map[string]bool{}
	for _, s := range r.cameras.Sent("porch") {
		for _, nal := range s.Data {
			sent[string(nal)] = true
		}
	}
	for i, p := range got {
		for _, nal := range p.nals {
			if kind := nal[0] & nalType; kind != nalSPS && kind != nalPPS && !sent[string(nal)] {
				t.Fatalf("picture %d has a NAL unit of type %d that the camera did not send", i, kind)
			}
		}
		if i > 0 && int32(p.stamp-got[i-1].stamp) <= 0 {
			t.Fatalf("picture %d is dated before the one before", i)
		}
	}
	// What was kept came at once, dated almost alike; what comes then keeps the
	// camera's pace, however late a busy machine is with it.
	step := pace(t, r.cameras.Sent("porch"))
	for i, kept := 1, 0; kept < 10; i++ {
		if i == len(got) {
			got = append(got, b.pictures(t, 1)...)
		}
		if kept++; got[i].stamp-got[i-1].stamp-step+1 > 2 { // rounded
			kept = 0
		}
		if i > 300 {
			t.Fatal("of three hundred pictures no ten are dated as the camera does")
		}
	}
}

// pace is the one distance between a camera's pictures, in ticks of 90 kHz.
func pace(t *testing.T, sent []rtsptest.Sent) (step uint32) {
	t.Helper()
	var last *rtsptest.Sent
	for _, s := range sent {
		if s.Track != 0 {
			continue
		}
		if last != nil && step != 0 && s.RTP-last.RTP != step {
			t.Fatalf("the camera's pictures are %d and %d apart", step, s.RTP-last.RTP)
		}
		if last != nil {
			step = s.RTP - last.RTP
		}
		last = &s
	}
	return step
}

func TestSoundGoesAlong(t *testing.T) {
	film := clip("h264-opus.mp4")
	phone := clip("h264-aac.mp4")
	phone.Tone = "pcma"
	r := newRig(t, map[string]rtsptest.Camera{"opus": film, "pcma": phone, "aac": clip("h264-aac.mp4")}, nil)
	for camera, want := range map[string]string{"opus": webrtc.MimeTypeOpus, "pcma": webrtc.MimeTypePCMA, "aac": ""} {
		b := newBrowser(t)
		r.watch(t, b, camera)
		got := b.sound(t, 5)
		if got != want {
			t.Errorf("%s: sound as %q, want %q", camera, got, want)
		}
	}
}

// TestViewersShareOneRead also asks each of them to be gone at the end.
func TestViewersShareOneRead(t *testing.T) {
	r := newRig(t, map[string]rtsptest.Camera{"porch": clip("h264-aac.mp4")}, nil)
	var all []*browser
	for range 4 {
		b := newBrowser(t)
		r.watch(t, b, "porch")
		all = append(all, b)
	}
	for _, b := range all {
		b.pictures(t, 5)
	}
	if s := r.cameras.Stats("porch"); s.Connections != 1 {
		t.Errorf("the camera was asked %d times", s.Connections)
	}
	for _, b := range all {
		if res, _ := r.call(t, http.MethodDelete, b.at, "", ""); res.StatusCode != http.StatusOK {
			t.Errorf("DELETE: %s", res.Status)
		}
		<-b.ended
	}
	wait(t, "nobody looks", func() bool { return r.Viewers() == 0 })
	if res, _ := r.call(t, http.MethodDelete, all[0].at, "", ""); res.StatusCode != http.StatusOK {
		t.Errorf("DELETE of what is gone: %s", res.Status)
	}
}

func TestKeyFrameIsSentAgain(t *testing.T) {
	c := clip("h264-long-gop.mp4")
	c.Loop = false // no further key frame comes by itself
	r := newRig(t, map[string]rtsptest.Camera{"porch": c}, nil)
	b := newBrowser(t)
	r.watch(t, b, "porch")
	b.pictures(t, 3)
	time.Sleep(rejoinEvery) // it does so once a second at most
	b.askKeyFrame(t)
	for end := time.Now().Add(patience); ; {
		if p := b.pictures(t, 1)[0]; p.has(5) {
			return
		} else if time.Now().After(end) {
			t.Fatal("no key frame came")
		}
	}
}

func TestRefusedOffers(t *testing.T) {
	r := newRig(t, map[string]rtsptest.Camera{
		"porch": clip("h264-aac.mp4"), "garden": clip("h265.mp4"),
	}, nil)
	good := newBrowser(t).offer
	for name, c := range map[string]struct {
		camera, kind, body string
		status             int
	}{
		"no SDP":           {"porch", typeSDP, "hello", 400},
		"empty":            {"porch", typeSDP, "", 400},
		"another type":     {"porch", "text/plain", good, 415},
		"too large":        {"porch", typeSDP, good + strings.Repeat("a=x\r\n", maxBody/5), 413},
		"sends":            {"porch", typeSDP, strings.Replace(good, "a=recvonly", "a=sendonly", 1), 400},
		"nothing in it":    {"porch", typeSDP, good[:strings.Index(good, "m=")], 400},
		"no fingerprint":   {"porch", typeSDP, without(good, "a=fingerprint"), 400},
		"no credentials":   {"porch", typeSDP, without(good, "a=ice-"), 400},
		"no such codec":    {"porch", typeSDP, strings.ReplaceAll(good, "H264/90000", "H26x/90000"), 406},
		"a camera in H265": {"garden", typeSDP, good, 406},
		"no such camera":   {"attic", typeSDP, good, 409},
	} {
		res, body := r.call(t, http.MethodPost, "/"+c.camera, c.kind, c.body)
		if res.StatusCode != c.status {
			t.Errorf("%s: %s %s, want %d", name, res.Status, body, c.status)
		}
		if (res.StatusCode == 409) != (res.Header.Get("Retry-After") != "") {
			t.Errorf("%s: Retry-After %q", name, res.Header.Get("Retry-After"))
		}
	}
	if n := r.Viewers(); n != 0 {
		t.Errorf("%d viewers of refused offers", n)
	}
}

func without(sdp, prefix string) string {
	var b strings.Builder
	for line := range strings.Lines(sdp) {
		if !strings.HasPrefix(line, prefix) {
			b.WriteString(line)
		}
	}
	return b.String()
}

func TestTooManyViewers(t *testing.T) {
	r := newRig(t, map[string]rtsptest.Camera{"porch": clip("h264-aac.mp4")}, func(s *Server) { s.patience = time.Hour })
	offer := newBrowser(t).offer
	last := ""
	for i := range MaxViewers {
		res, _ := r.call(t, http.MethodPost, "/porch", typeSDP, offer)
		if res.StatusCode != http.StatusCreated {
			t.Fatalf("viewer %d: %s", i+1, res.Status)
		}
		last = res.Header.Get("Location")
	}
	res, _ := r.call(t, http.MethodPost, "/porch", typeSDP, offer)
	if res.StatusCode != http.StatusServiceUnavailable || res.Header.Get("Retry-After") == "" {
		t.Errorf("one too many: %s, Retry-After %q", res.Status, res.Header.Get("Retry-After"))
	}
	r.call(t, http.MethodDelete, last, "", "")
	wait(t, "one has left", func() bool { return r.Viewers() == MaxViewers-1 })
	if res, _ := r.call(t, http.MethodPost, "/porch", typeSDP, offer); res.StatusCode != http.StatusCreated {
		t.Errorf("in the place of one that left: %s", res.Status)
	}
}

// TestSetUpsCount: those who are being let in count, so that many at once make
// no more connections than there are places.
func TestSetUpsCount(t *testing.T) {
	silent := rtsp.NewSource(rtsp.Config{Camera: "attic", Log: slog.New(slog.DiscardHandler)}) // never runs: nothing is told of it
	r := newRig(t, map[string]rtsptest.Camera{"porch": clip("h264-aac.mp4")}, func(s *Server) {
		reader := s.cfg.Reader
		s.cfg.Reader = func(camera, stream string, maxBytes int) *rtsp.Reader {
			if camera == "attic" {
				return silent.Reader(maxBytes)
			}
			return reader(camera, stream, maxBytes)
		}
	})
	offer := newBrowser(t).offer
	coming := func() int {
		r.Server.mu.Lock()
		defer r.Server.mu.Unlock()
		return r.Server.coming
	}
	var asking sync.WaitGroup
	codes := make(chan int, MaxViewers)
	for range MaxViewers {
		asking.Go(func() {
			res, _ := r.call(t, http.MethodPost, "/attic", typeSDP, offer)
			codes <- res.StatusCode
		})
	}
	wait(t, "all are being set up", func() bool { return coming() == MaxViewers })
	if res, _ := r.call(t, http.MethodPost, "/porch", typeSDP, offer); res.StatusCode != http.StatusServiceUnavailable {
		t.Errorf("beside %d set-ups: %s", MaxViewers, res.Status)
	}
	asking.Wait()
	close(codes)
	for code := range codes {
		if code != http.StatusConflict {
			t.Errorf("a camera that sends nothing: %d", code)
		}
	}
	if n := coming(); n != 0 {
		t.Errorf("%d places stay held", n)
	}
	if res, _ := r.call(t, http.MethodPost, "/porch", typeSDP, offer); res.StatusCode != http.StatusCreated {
		t.Errorf("after them: %s", res.Status)
	}
}

// TestWhoNeverComes makes room again.
func TestWhoNeverComes(t *testing.T) {
	r := newRig(t, map[string]rtsptest.Camera{"porch": clip("h264-aac.mp4")}, func(s *Server) { s.patience = 50 * time.Millisecond })
	if res, _ := r.call(t, http.MethodPost, "/porch", typeSDP, newBrowser(t).offer); res.StatusCode != http.StatusCreated {
		t.Fatal(res.Status)
	}
	wait(t, "nobody looks", func() bool { return r.Viewers() == 0 })
}

func TestEndOfLogInEndsTheView(t *testing.T) {
	r := newRig(t, map[string]rtsptest.Camera{"porch": clip("h264-aac.mp4")}, func(s *Server) { s.every = 50 * time.Millisecond })
	b := newBrowser(t)
	r.watch(t, b, "porch")
	b.pictures(t, 3)
	r.barred.Store(true)
	select {
	case <-b.ended:
	case <-time.After(patience):
		t.Fatal("the view went on")
	}
	wait(t, "nobody looks", func() bool { return r.Viewers() == 0 })
}

// TestCameraGoesAway tells the browser, refuses it, and lets it in again.
func TestCameraGoesAway(t *testing.T) {
	c := clip("h264-aac.mp4")
	c.Faults = []rtsptest.Fault{{Kind: rtsptest.Stall, After: 100, Once: true}}
	r := newRig(t, map[string]rtsptest.Camera{"porch": c}, nil)
	b := newBrowser(t)
	r.watch(t, b, "porch")
	select {
	case <-b.ended:
	case <-time.After(patience):
		t.Fatal("the browser was not told")
	}
	for end := time.Now().Add(patience); ; {
		again := newBrowser(t)
		if res, _ := r.call(t, http.MethodPost, "/porch", typeSDP, again.offer); res.StatusCode == http.StatusCreated {
			break
		} else if res.StatusCode != http.StatusConflict {
			t.Fatalf("while the camera is away: %s", res.Status)
		} else if time.Now().After(end) {
			t.Fatal("the camera is back and nobody is let in")
		}
	}
}

// TestReorderedPicturesAreNotSent: WebRTC cannot say when to show them.
func TestReorderedPicturesAreNotSent(t *testing.T) {
	r := newRig(t, map[string]rtsptest.Camera{"porch": clip("h264-bframes.mp4")}, nil)
	b := newBrowser(t)
	r.watch(t, b, "porch")
	select {
	case <-b.ended:
	case <-time.After(patience):
		t.Fatal("the view went on")
	}
}

func TestPatch(t *testing.T) {
	r := newRig(t, map[string]rtsptest.Camera{"porch": clip("h264-aac.mp4")}, nil)
	b := newBrowser(t)
	r.watch(t, b, "porch")
	b.pictures(t, 3)
	ufrag, pwd := credentials(b.offer)
	trickle := fmt.Sprintf("a=ice-ufrag:%s\r\na=ice-pwd:%s\r\nm=video 9 UDP/TLS/RTP/SAVPF 96\r\na=mid:0\r\na=candidate:1 1 udp 1 192.0.2.1 9 typ host\r\n", ufrag, pwd)
	restart := "a=ice-ufrag:newone\r\na=ice-pwd:abcdefghijklmnopqrstuvwx\r\n"
	for name, c := range map[string]struct {
		kind, body, match string
		status            int
	}{
		"candidates":             {typeFragment, trickle, b.tag, 204},
		"no tag":                 {typeFragment, trickle, "", 428},
		"another tag":            {typeFragment, trickle, `"99"`, 412},
		"any tag for candidates": {typeFragment, trickle, "*", 412},
		"another type":           {typeSDP, trickle, b.tag, 415},
		"no fragment":            {typeFragment, "hello", b.tag, 400},
		"half of a restart":      {typeFragment, "a=ice-ufrag:newone\r\n", "*", 400},
	} {
		res, body := r.call(t, http.MethodPatch, b.at, c.kind, c.body, "If-Match", c.match)
		if res.StatusCode != c.status || c.status == 204 && res.Header.Get("ETag") != "" {
			t.Errorf("%s: %s %s, want %d", name, res.Status, body, c.status)
		}
	}
	res, body := r.call(t, http.MethodPatch, b.at, typeFragment, restart, "If-Match", "*")
	if res.StatusCode != http.StatusOK || res.Header.Get("ETag") == b.tag || !strings.Contains(body, "a=candidate:") || !strings.Contains(body, "a=ice-lite") {
		t.Errorf("restart: %s, tag %s, %q", res.Status, res.Header.Get("ETag"), body)
	}
	if res, _ := r.call(t, http.MethodPatch, b.at, typeFragment, trickle, "If-Match", b.tag); res.StatusCode != http.StatusPreconditionFailed {
		t.Errorf("candidates of the ICE session before: %s", res.Status)
	}
	if res, _ := r.call(t, http.MethodPatch, "/porch/nobody", typeFragment, trickle, "If-Match", b.tag); res.StatusCode != http.StatusNotFound {
		t.Errorf("nobody's: %s", res.Status)
	}
}

func credentials(sdp string) (ufrag, pwd string) {
	for line := range strings.Lines(sdp) {
		line = strings.TrimRight(line, "\r\n")
		if v, ok := strings.CutPrefix(line, "a=ice-ufrag:"); ok {
			ufrag = v
		}
		if v, ok := strings.CutPrefix(line, "a=ice-pwd:"); ok {
			pwd = v
		}
	}
	return ufrag, pwd
}

// TestRestartedICEGoesOn does what a browser does whose network changed.
func TestRestartedICEGoesOn(t *testing.T) {
	r := newRig(t, map[string]rtsptest.Camera{"porch": clip("h264-aac.mp4")}, nil)
	b := newBrowser(t, webrtc.RTPCodecTypeVideo)
	r.watch(t, b, "porch")
	b.pictures(t, 3)
	offer, err := b.pc.CreateOffer(&webrtc.OfferOptions{ICERestart: true})
	if err != nil {
		t.Fatal(err)
	}
	before := b.pc.RemoteDescription().SDP
	if err := b.pc.SetLocalDescription(offer); err != nil {
		t.Fatal(err)
	}
	ufrag, pwd := credentials(offer.SDP)
	res, body := r.call(t, http.MethodPatch, b.at, typeFragment, fmt.Sprintf("a=ice-ufrag:%s\r\na=ice-pwd:%s\r\n", ufrag, pwd), "If-Match", "*")
	if res.StatusCode != http.StatusOK {
		t.Fatalf("%s %s", res.Status, body)
	}
	var f fragment
	f.ufrag, f.pwd = credentials(body)
	answer := without(before, "a=candidate")
	answer = strings.Replace(f.into(answer), "a=end-of-candidates\r\n", candidates(body)+"a=end-of-candidates\r\n", 1)
	if err := b.pc.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeAnswer, SDP: answer}); err != nil {
		t.Fatal(err)
	}
	for len(b.packets) > 0 {
		<-b.packets
	}
	wait(t, "connected again", func() bool { return b.pc.ICEConnectionState() == webrtc.ICEConnectionStateConnected })
	b.pictures(t, 20)
}

func candidates(body string) string {
	var b strings.Builder
	for line := range strings.Lines(body) {
		if strings.HasPrefix(line, "a=candidate") {
			b.WriteString(line)
		}
	}
	return b.String()
}

// TestNothingIsSentUnasked: no packet goes to an address that an offer names.
func TestNothingIsSentUnasked(t *testing.T) {
	o, err := readOffer([]byte(newBrowser(t).offer))
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(o.sdp, "candidate") {
		t.Errorf("the offer keeps candidates:\n%s", o.sdp)
	}
	r := newRig(t, map[string]rtsptest.Camera{"porch": clip("h264-aac.mp4")}, nil)
	_, answer := r.call(t, http.MethodPost, "/porch", typeSDP, newBrowser(t).offer)
	if !strings.Contains(answer, "a=ice-lite\r\n") || strings.Contains(answer, "srflx") || strings.Contains(answer, "relay") || strings.Contains(answer, ".local") {
		t.Errorf("the answer is not ICE lite with host candidates:\n%s", answer)
	}
}

func TestProfiles(t *testing.T) {
	offers := []string{"42e01f", "42001f", "4d001f", "64001f"}
	for stream, want := range map[string]string{
		"42c01e": "42e01f", "42e01e": "42e01f", "420029": "42001f", "4d4028": "4d001f", "640028": "64001f", "6e0028": "",
	} {
		var sps [3]byte
		if _, err := fmt.Sscanf(stream, "%02x%02x%02x", &sps[0], &sps[1], &sps[2]); err != nil {
			t.Fatal(err)
		}
		best, found := "", -1
		for _, o := range offers {
			if n := fits(sps, o); n > found {
				best, found = o, n
			}
		}
		if diff := cmp.Diff(want, best); diff != "" {
			t.Errorf("%s: %s", stream, diff)
		}
	}
	if fits([3]byte{0x64, 0, 0x28}, "42e01f") < 0 {
		t.Error("a browser that offers baseline alone gets nothing")
	}
}

func TestOnePort(t *testing.T) {
	port := freePort(t)
	r := newRigOn(t, port, map[string]rtsptest.Camera{"porch": clip("h264-aac.mp4")}, nil)
	for range 2 {
		b := newBrowser(t)
		r.watch(t, b, "porch")
		b.pictures(t, 5)
		for line := range strings.Lines(b.pc.RemoteDescription().SDP) {
			if strings.HasPrefix(line, "a=candidate:") && !strings.Contains(line, fmt.Sprintf(" %d typ host", port)) {
				t.Errorf("another port: %s", line)
			}
		}
		if !strings.Contains(b.pc.RemoteDescription().SDP, fmt.Sprintf(" 192.0.2.7 %d typ host", port)) {
			t.Error("the address of the configuration is not told")
		}
	}
}
