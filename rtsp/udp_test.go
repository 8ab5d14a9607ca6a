package rtsp

import (
	"errors"
	"log/slog"
	"net"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/pion/rtcp"

	"gatehouse/rtsp/rtsptest"
)

func overUDP(c *Config) { c.Transport = UDP }

// TestUDP reads cameras that send by UDP alone, also such as do not do it well.
func TestUDP(t *testing.T) {
	for name, want := range map[string]struct {
		script  string
		payload int
		units   int
		breaks  []Reason
	}{
		"plain":       {"plain", 0, 40, nil},
		"digest":      {"digest", 0, 10, nil},
		"h265":        {"h265", 0, 40, nil},
		"10 kB":       {"big-picture", 10000, 40, nil},
		"64 kB":       {"big-picture", 65507 - 12, 40, nil},
		"other type":  {"unknown-payload-type", 0, 40, nil},
		"other base":  {"base-of-other-path", 0, 20, nil},
		"loss":        {"loss", 300, 40, []Reason{ReasonLost}},
		"reordered":   {"reordered", 300, 40, nil},
		"duplicates":  {"duplicates", 0, 40, nil},
		"audio-loss":  {"audio-loss", 0, 60, []Reason{ReasonLost}},
		"new-ssrc":    {"new-ssrc", 0, 60, []Reason{ReasonSSRC}},
		"stall":       {"stall", 0, 40, []Reason{ReasonStalled}},
		"close":       {"close", 0, 40, []Reason{ReasonClosed}},
		"audio-only":  {"audio-only", 0, 40, nil},
		"bad restart": {"new-ssrc-bare", 0, 50, []Reason{ReasonSSRC}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cam := rtsptest.ScriptNamed(want.script).Camera
			cam.Transport, cam.Payload = "udp", want.payload
			for i := range cam.Faults {
				cam.Faults[i].Size = min(cam.Faults[i].Size, 100<<10) // no more than receive buffers hold
			}
			r := newRig(t, cam, func(c *Config) {
				overUDP(c)
				c.Stall = 4 * time.Second
				c.URL = strings.Replace(c.URL, "rtsp://", "rtsp://admin:secret@", 1)
			})
			items := r.items(20*time.Second, func(items []Item) bool {
				return video(items) >= want.units && len(reasons(items)) >= len(want.breaks)
			})
			r.checkWithin(items, 2*time.Second) // a busy machine: TestReportPrecision is about time
			if got := reasons(items); !slices.Equal(got, want.breaks) {
				t.Errorf("breaks %v, want %v: %s", got, want.breaks, describe(items))
			}
			for end := time.Now().Add(5 * time.Second); r.source.State().Clock != ClockReport; time.Sleep(10 * time.Millisecond) {
				if time.Now().After(end) {
					t.Fatalf("clock quality %d", r.source.State().Clock)
				}
			}
			if want.payload > 1472 {
				largest := 0
				for _, it := range items {
					if it.Unit != nil {
						largest = max(largest, it.Unit.Size())
					}
				}
				if st := r.server.Stats(r.name); largest < want.payload/2 || st.Packets > 3*st.Units {
					t.Errorf("pictures of at most %d bytes, %d packets for %d units: nothing large was sent", largest, st.Packets, st.Units)
				}
			}
		})
	}
}

// A camera over IPv6 is known by its address all the same.
func TestUDPOverIPv6(t *testing.T) {
	t.Parallel()
	addr := "[::1]:0"
	if l, err := net.Listen("tcp", addr); err != nil {
		addr = "[::ffff:127.0.0.1]:0" // this machine has no other
	} else {
		l.Close()
	}
	s, err := rtsptest.NewServer(rtsptest.Config{
		Addr: addr, Log: slog.New(slog.DiscardHandler), Cameras: map[string]rtsptest.Camera{"c": rtsptest.ScriptNamed("plain").Camera},
	})
	if err != nil {
		t.Fatal(err)
	}
	background(t, "server", s.Run)
	source := NewSource(Config{URL: s.URL("c"), Transport: UDP, Log: slog.New(slog.DiscardHandler)})
	r := &rig{t: t, name: "c", server: s, source: source, reader: source.Reader(1 << 20), logs: &logs{}, ctx: t.Context()}
	background(t, "source", source.Run)
	r.checkWithin(r.items(10*time.Second, videoUnits(20)), 2*time.Second)
}

// TestTransportIsNotGuessed: the owner says which transport; the camera's
// refusal says what to write.
func TestTransportIsNotGuessed(t *testing.T) {
	for only, want := range map[string]string{
		"udp": "The camera does not send over TCP. Set transport: udp for it.",
		"tcp": "The camera does not send by UDP.",
	} {
		t.Run(only, func(t *testing.T) {
			t.Parallel()
			cam := rtsptest.ScriptNamed("plain").Camera
			cam.Transport = only
			r := newRig(t, cam, func(c *Config) {
				if only == "tcp" {
					c.Transport = UDP
				}
			})
			it, err := r.reader.Next(t.Context())
			if err != nil || it.Break == nil || it.Break.Reason != ReasonRefused || it.Break.Detail != want {
				t.Errorf("%+v %v", it.Break, err)
			}
		})
	}
}

func TestUDPThatNeverArrives(t *testing.T) {
	t.Parallel()
	cam := rtsptest.ScriptNamed("plain").Camera
	cam.Faults = []rtsptest.Fault{{Kind: rtsptest.Stall}}
	r := newRig(t, cam, func(c *Config) { overUDP(c); c.Stall = 300 * time.Millisecond })
	it, err := r.reader.Next(t.Context())
	if err != nil || it.Break == nil || it.Break.Reason != ReasonStalled || !strings.Contains(it.Break.Detail, "firewall") {
		t.Errorf("%+v %v", it.Break, err)
	}
}

// Receiver reports tell the camera what was lost.
func TestReceiverReports(t *testing.T) {
	t.Parallel()
	cam := rtsptest.ScriptNamed("plain").Camera
	cam.Payload = 300
	cam.Faults = []rtsptest.Fault{{Kind: rtsptest.Drop, After: 20, For: 10}}
	r := newRig(t, cam, overUDP)
	r.items(10*time.Second, videoUnits(85)) // over reportPeriod
	for end := time.Now().Add(2 * time.Second); r.server.Stats(r.name).Lost == 0 && time.Now().Before(end); {
		time.Sleep(20 * time.Millisecond)
	}
	lost := int64(0)
	for _, s := range r.server.Sent(r.name) {
		if !s.Whole && s.Track == 0 {
			lost++
		}
	}
	// The first report opens the firewall; each damaged unit lacks a third of its packets.
	if st := r.server.Stats(r.name); st.Reports < 2 || lost == 0 || st.Lost < lost {
		t.Errorf("%d reports tell %d lost packets of %d damaged units", st.Reports, st.Lost, lost)
	}
}

// TestReception holds the fields of a report block against values worked out by hand.
func TestReception(t *testing.T) {
	at := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	r := reception{rate: 90000}
	if got := r.block(at); got != nil {
		t.Fatalf("%+v before the first packet", got)
	}
	send := func(seq uint16, ssrc byte, i int) {
		b := rtpPacket(seq, uint32(i*3000), true, []byte("x"))
		b[11] = ssrc
		r.packet(b, at.Add(time.Duration(i)*time.Second/30))
	}
	for i, seq := range []uint16{65530, 65531, 65533, 65532, 65534, 3, 4, 4} { // 65535 to 2 are lost, 4 comes twice
		send(seq, 7, i)
	}
	r.sender(senderReport{ntp: 0x1122334455667788}, at)
	got := r.block(at.Add(1500 * time.Millisecond))[0]
	want := rtcp.ReceptionReport{
		SSRC: 7, FractionLost: uint8(3 << 8 / 11), TotalLost: 3, LastSequenceNumber: 65536 + 4,
		LastSenderReport: 0x33445566, Delay: 65536 * 3 / 2,
	}
	if got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
	send(5, 7, 8)
	if got := r.block(at)[0]; got.FractionLost != 0 || got.TotalLost != 3 || got.LastSequenceNumber != 65536+5 {
		t.Errorf("second block %+v", got)
	}
	send(100, 8, 9)
	if got := r.block(at)[0]; got.SSRC != 8 || got.TotalLost != 0 || got.LastSequenceNumber != 100 {
		t.Errorf("after an encoder restart %+v", got)
	}
}

// TestDatagramsOfOthers: what does not come from the camera, or is no RTP of
// the track, reaches nobody.
func TestDatagramsOfOthers(t *testing.T) {
	camera, other := netip.MustParseAddr("192.168.1.10"), netip.MustParseAddr("192.168.1.11")
	c := &catcher{}
	d := &datagrams{sink: &guard{sink: c}, peer: camera}
	p := &portPair{in: d, got: reception{rate: 90000}}
	rtp := rtpPacket(1, 2, true, []byte("hello"))
	wrongType := rtpPacket(1, 2, true, []byte("hello"))
	wrongType[1] = 33
	for i, x := range []struct {
		b    []byte
		from netip.AddrPort
		want int
	}{
		{rtp, netip.AddrPortFrom(other, 6000), 0},
		{nil, netip.AddrPortFrom(camera, 6000), 0},
		{[]byte("stun, perhaps"), netip.AddrPortFrom(camera, 5000), 0},
		{wrongType, netip.AddrPortFrom(camera, 5000), 0},
		{rtp, netip.AddrPortFrom(netip.MustParseAddr("::ffff:192.168.1.10"), 6000), 1},
		{rtp, netip.AddrPortFrom(camera, 6001), 1}, // another program on the camera's address
		{rtp, netip.AddrPortFrom(camera, 6000), 2},
	} {
		if err := p.take(0, x.b, x.from, time.Now()); err != nil || len(c.frames) != x.want {
			t.Errorf("datagram %d: %v, %d frames", i, err, len(c.frames))
		}
	}
}

// broken is a sink that fails.
type broken struct{ catcher }

var errBroken = errors.New("broken")

func (b *broken) frame(byte, []byte, time.Time) error { return errBroken }

func TestGuardKeepsTheFirstError(t *testing.T) {
	g := &guard{sink: &broken{}}
	if err := g.frame(0, nil, time.Now()); err != errBroken {
		t.Fatal(err)
	}
	g.fail(net.ErrClosed)
	if err := g.failed(); err != errBroken {
		t.Error(err)
	}
}

func FuzzDatagram(f *testing.F) {
	f.Add([]byte(rtpPacket(1, 2, true, []byte("hello"))), 0)
	f.Add([]byte("\x80\xc8\x00\x06\x00\x00\x00\x07\x00\x00\x00\x01\x80\x00\x00\x00\x00\x00\x00\x02\x00\x00\x00\x00\x00\x00\x00\x00"), 1)
	f.Add([]byte("\x80\xc9\x00\x01\x00\x00\x00\x07"), 0)
	f.Fuzz(func(t *testing.T, b []byte, which int) {
		out := newFeed()
		st := newStream(out.Source, time.Second, time.Now())
		tr := newVideo(H264)
		tr.pt = 96
		tr.clock.rate = 90000
		st.addTrack(tr)
		st.ready.Store(true)
		d := &datagrams{sink: &guard{sink: st}, peer: netip.MustParseAddr("::1"), name: "fuzz"}
		p := &portPair{in: d, got: reception{rate: 90000}}
		from := netip.AddrPortFrom(d.peer, 1)
		for i := range 3 { // as it may be lost, doubled and late
			if err := p.take(which&1, b, from, time.Now()); err != nil {
				t.Fatal(err)
			}
			if len(b) > 4 {
				b[3] += byte(i)
			}
		}
		report, err := rtcp.Unmarshal(p.report(time.Now()))
		if err != nil || len(report) != 2 {
			t.Errorf("report %v, %v", report, err)
		}
	})
}
