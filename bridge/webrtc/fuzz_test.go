package webrtc

import (
	"log/slog"
	"os"
	"strings"
	"testing"

	"gatehouse/rtsp"
)

// FuzzOffer reads any offer, and answers what could be read. Nothing may take
// the hub down, and no answer may name an address that was in the offer.
func FuzzOffer(f *testing.F) {
	for _, name := range []string{"chromium.sdp"} {
		b, err := os.ReadFile("testdata/" + name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Add([]byte("v=0\r\no=- 0 0 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\nm=video 9 UDP/TLS/RTP/SAVPF 96\r\n"))
	s, err := New(Config{Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		f.Fatal(err)
	}
	formats := []*rtsp.Format{
		{Codec: rtsp.H264, ClockRate: 90000, SPS: []byte{0x67, 0x4d, 0x40, 0x28}, PPS: []byte{0x68}},
		{Track: 1, Codec: rtsp.Opus, ClockRate: 48000, Channels: 2},
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		o, err := readOffer(b)
		if err != nil {
			return
		}
		v, err := s.newViewer(o, formats, true)
		if err != nil {
			return
		}
		defer v.pc.Close()
		answer, err := v.answer(t.Context(), o.sdp)
		if err == nil && !strings.Contains(answer, "a=ice-lite") {
			t.Errorf("the answer is not ICE lite:\n%s", answer)
		}
	})
}

// FuzzFragment reads any body of a PATCH. What it puts into the offer must stay
// in its lines.
func FuzzFragment(f *testing.F) {
	f.Add("a=ice-ufrag:EsAw\r\na=ice-pwd:P2uYro0UCOQ4zxjKXaWCBui1\r\n")
	f.Add("a=ice-options:trickle ice2\r\na=group:BUNDLE 0 1\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=mid:0\r\na=ice-ufrag:ysXw\r\na=ice-pwd:vw5LmwG4y/e6dPP/zAP9Gp5k\r\na=candidate:1 1 udp 1 192.0.2.1 61764 typ host\r\n")
	const offer = "v=0\r\na=ice-ufrag:abcd\r\na=ice-pwd:abcdefghijklmnopqrstuv\r\nm=video 9 UDP/TLS/RTP/SAVPF 96\r\n"
	f.Fuzz(func(t *testing.T, body string) {
		fr, err := readFragment([]byte(body))
		if err != nil || !fr.restarts(offer) {
			return
		}
		if out := fr.into(offer); strings.Count(out, "\n") != strings.Count(offer, "\n") || fr.restarts(out) {
			t.Errorf("%q became %q", body, out)
		}
	})
}
