package rtsp

import (
	"bytes"
	"io"
	"slices"
	"testing"
	"time"

	"gatehouse/rtsp/rtsptest"
)

// seedScripts calls yield for every script of the zoo, whose names are in the
// order of Scripts.
func seedScripts(f *testing.F, yield func(cam rtsptest.Camera, hevc bool)) {
	f.Helper()
	for _, s := range rtsptest.Scripts() {
		yield(s.Camera, len(s.Camera.File) > 4 && s.Camera.File[:4] == "h265")
	}
}

// FuzzWire gives a connection all that a camera may write after PLAY, framing
// included, and holds what comes out against the contract of Reader. However
// bytes arrive, the same Units come.
func FuzzWire(f *testing.F) {
	seedScripts(f, func(cam rtsptest.Camera, hevc bool) {
		b, err := cam.Wire(6)
		if err != nil {
			f.Fatal(err)
		}
		if len(b) < 32<<10 {
			f.Add(b, hevc, 1460)
		}
	})
	f.Fuzz(func(t *testing.T, b []byte, hevc bool, piece int) {
		items := receive(t, b, hevc, max(1, piece&0xffff))
		checkContract(t, items)
		whole := receive(t, b, hevc, len(b)+1)
		if a, b := payload(items), payload(whole); !bytes.Equal(a, b) {
			t.Errorf("%d bytes of units in pieces of %d, %d at once", len(a), piece, len(b))
		}
		if n := len(payload(items)); n > len(b) {
			t.Errorf("units of %d bytes came out of %d", n, len(b))
		}
	})
}

// receive reads b as a connection that was set up.
func receive(t *testing.T, b []byte, hevc bool, piece int) []Item {
	out := newFeed()
	reader := out.Reader(1 << 30)
	st := newStream(out.Source, time.Hour, time.Now())
	tr := newVideo(H264)
	tr.pt = 96
	if hevc {
		tr = newVideo(H265)
		tr.pt = 96
	}
	tr.clock.rate = 90000
	st.addTrack(tr)
	sound := &track{
		codec: AAC, pt: 97, channel: 2, aac: &aacReader{aacLayout: aacLayout{13, 3, 3}}, frameTicks: 1024,
		format: &Format{Track: 1, Codec: AAC, ClockRate: 16000},
	}
	sound.clock.rate = 16000
	st.addTrack(sound)
	st.ready.Store(true)
	_, _ = io.Copy(io.Discard, newDemux(&wire{b: b, piece: piece}, st)) // whatever ends it, the contract holds
	return drain(t, reader)
}

// payload is all bytes of the Units of the leading track.
func payload(items []Item) []byte {
	var all []byte
	for _, it := range items {
		if it.Unit != nil && it.Unit.Format.Track == 0 {
			all = append(all, slices.Concat(it.Unit.Data...)...)
		}
	}
	return all
}
