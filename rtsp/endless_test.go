package rtsp

import (
	"bytes"
	"encoding/binary"
	"io"
	"net"
	"runtime"
	"runtime/debug"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"gatehouse/rtsp/rtsptest"
	"gatehouse/rtsp/rtsptest/bubble"
)

// spring is a connection that gives out pieces for ever, or until limit bytes.
type spring struct {
	net.Conn
	next  func(n int) []byte // the n-th piece
	n     int
	rest  []byte
	given int
	limit int
	peak  uint64 // of the heap while it was read
}

func (s *spring) SetReadDeadline(time.Time) error { return nil }

func (s *spring) Read(p []byte) (int, error) {
	if s.given > s.limit {
		return 0, io.EOF
	}
	if len(s.rest) == 0 {
		s.rest = s.next(s.n)
		s.n++
		if s.n%1000 == 0 {
			s.peak = max(s.peak, heap())
		}
	}
	n := copy(p, s.rest)
	s.rest = s.rest[n:]
	s.given += n
	return n, nil
}

func heap() uint64 {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// TestEndlessInputStaysBounded lets a camera send 64 MiB of what never ends.
// Memory then holds one access unit of the largest size and what a buffer that
// grows to it needs, and no more.
func TestEndlessInputStaysBounded(t *testing.T) {
	defer debug.SetGCPercent(debug.SetGCPercent(20))
	body := bytes.Repeat([]byte{0x55}, 60000)
	pkt := func(seq int, ts uint32, ssrc uint32, head ...byte) []byte {
		b := rtpPacket(uint16(seq), ts, false, append(head, body...))
		binary.BigEndian.PutUint32(b[8:], ssrc)
		return interleave(0, b)
	}
	const some = 4 << 20
	for name, c := range map[string]struct {
		next  func(n int) []byte
		bound uint64 // bytes
	}{
		"fragment":  {func(n int) []byte { return pkt(n, 1, 7, 0x7c, byte(max(0, 1-n))<<7|5) }, 3 * maxUnitBytes},
		"NAL units": {func(n int) []byte { return pkt(n, 1, 7, 0x41, 0x9a) }, 3 * maxUnitBytes},
		"pictures":  {func(n int) []byte { return pkt(n, uint32(n)*6000, 7, 0x41, 0x9a) }, some},
		"sources":   {func(n int) []byte { return pkt(n, 1, uint32(n/2), 0x41, 0x9a) }, some},
		"gaps":      {func(n int) []byte { return pkt(3*n, uint32(n)*6000, 7, 0x41, 0x9a) }, some},
		"far gaps":  {func(n int) []byte { return pkt(9999*n, uint32(n)*6000, 7, 0x41, 0x9a) }, some},
		"repeats":   {func(int) []byte { return pkt(1, 1, 7, 0x41, 0x9a) }, some},
		"reports": {func(int) []byte {
			return interleave(1, bytes.Repeat(append([]byte{0x80, 200, 0, 6}, body[:24]...), 2000))
		}, some},
		"sound":   {func(n int) []byte { return sound(n, body) }, 3 * maxUnitBytes},
		"header":  {func(n int) []byte { return append([]byte("RTSP/1.0 200 OK\r\n"[17*min(n, 1):]), "X: y\r\n"...) }, some},
		"garbage": {func(int) []byte { return body }, some},
	} {
		t.Run(name, func(t *testing.T) {
			out := newFeed()
			out.Reader(1 << 20)
			st := newStream(out.Source, time.Hour, time.Now())
			video := newVideo(H264)
			video.pt = 96
			video.clock.rate = 90000
			st.addTrack(video)
			audio := &track{
				codec: AAC, pt: 97, channel: 2, aac: &aacReader{aacLayout: aacLayout{32, 3, 3}}, frameTicks: 1024,
				format: &Format{Track: 1, Codec: AAC, ClockRate: 16000},
			}
			audio.clock.rate = 16000
			st.addTrack(audio)
			st.ready.Store(true)
			runtime.GC()
			before := heap()
			s := &spring{next: c.next, limit: 64 << 20}
			_, err := io.Copy(io.Discard, newDemux(s, st))
			if used := max(s.peak, heap()) - before; s.peak > before && used > c.bound {
				t.Errorf("%d bytes were used, want %d at most (%d bytes read, %v)", used, c.bound, s.given, err)
			}
			if err == nil && s.given < s.limit {
				t.Errorf("reading ended after %d bytes", s.given)
			}
		})
	}
}

// sound is a packet of an AAC frame that is said to have 15 MiB.
func sound(n int, body []byte) []byte {
	b := rtpPacket(uint16(n), 1, false, append([]byte{0, 35, 15 << 4 >> 4, 0, 0, 0, 0}, body...))
	b[1] = 97
	return interleave(2, b)
}

// TestEndlessCamerasStayBounded reads the cameras of the zoo whose answers do
// not end, over and over as the hub does.
func TestEndlessCamerasStayBounded(t *testing.T) {
	defer debug.SetGCPercent(debug.SetGCPercent(20))
	for _, name := range []string{"endless-header", "endless-body", "endless-description", "endless-garbage"} {
		t.Run(name, func(t *testing.T) {
			bubble.Test(t, func(t *testing.T) {
				must, _ := rtsptest.MustOf(name)
				cam := rtsptest.ScriptNamed(name).Camera
				cam.Record = 0
				var peak uint64
				runtime.GC()
				before := heap()
				sleepTo2026()
				watch := time.NewTicker(50 * time.Millisecond)
				defer watch.Stop()
				done := make(chan struct{})
				go func() {
					for {
						select {
						case <-done:
							return
						case <-watch.C:
							peak = max(peak, heap())
						}
					}
				}()
				v := newVisit(t, cam, must)
				close(done)
				synctest.Wait()
				// The description itself has 5 MiB on the camera's side.
				if used := max(peak, before) - before; used > 40<<20 {
					t.Errorf("%d bytes were used: %s", used, describe(v.items))
				}
				if len(v.items) == 0 || slices.Index(reasons(v.items), ReasonGarbage) < 0 {
					t.Errorf("nothing was told: %s", describe(v.items))
				}
			})
		})
	}
}
