package rtsp

import (
	"crypto/rand"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"sync"
	"sync/atomic"
	"time"
)

const (
	maxDatagram  = 1 << 16 // UDP's own limit: some cameras leave cutting to IP
	maxReport    = 4 << 10 // of RTCP in one datagram
	portTries    = 64
	reportPeriod = 5 * time.Second // of receiver reports (RFC 3550 6.2); they also keep firewalls open

	// receiveBuffer holds a large key frame that comes at once. The system may
	// grant less (Linux: net.core.rmem_max).
	receiveBuffer = 4 << 20
)

// guard lets several goroutines share a sink: with UDP each socket has one of
// its own. It keeps the first error, after which frames are dropped.
type guard struct {
	mu   sync.Mutex
	sink sink
	err  error
}

func (g *guard) frame(channel byte, b []byte, at time.Time) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.err == nil {
		g.err = g.sink.frame(channel, b, at)
	}
	return g.err
}

func (g *guard) expects(channel, b1 byte) bool { return g.sink.expects(channel, b1) }

func (g *guard) deadline() time.Time {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.sink.deadline()
}

// fail ends it for another reason than the sink's.
func (g *guard) fail(err error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.err == nil {
		g.err = err
	}
}

func (g *guard) failed() error {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.err
}

// dialogOnly is the sink of an RTSP connection whose RTP travels by UDP: it
// takes no frames, and stalls when the datagrams do.
type dialogOnly struct{ *guard }

func (dialogOnly) frame(byte, []byte, time.Time) error { return nil }
func (dialogOnly) expects(byte, byte) bool             { return false }

// datagrams receives RTP and RTCP by UDP for one session, on a pair of ports
// for each track (RFC 3550 11).
type datagrams struct {
	sink  *guard
	peer  netip.Addr // the camera, as the RTSP connection knows it
	local netip.Addr // where the RTSP connection ends here
	name  string     // CNAME of the receiver reports
	ssrc  uint32     // of the receiver reports
	heard atomic.Bool
	pairs []*portPair
	wg    sync.WaitGroup
}

// newDatagrams prepares for the camera at the other end of c.
func newDatagrams(s *guard, c net.Conn) (*datagrams, error) {
	peer, ok := c.RemoteAddr().(*net.TCPAddr)
	local, ok2 := c.LocalAddr().(*net.TCPAddr)
	if !ok || !ok2 {
		return nil, errors.New("the connection has no IP address")
	}
	var random [16]byte
	rand.Read(random[:])
	return &datagrams{
		sink:  s,
		peer:  peer.AddrPort().Addr().Unmap(),
		local: local.AddrPort().Addr().Unmap(),
		name:  hex.EncodeToString(random[:12]),
		ssrc:  binary.BigEndian.Uint32(random[12:]),
	}, nil
}

// portPair receives one track.
type portPair struct {
	in        *datagrams
	channel   byte // of RTP as the sink knows it; RTCP is on the next
	rtp, rtcp *net.UDPConn
	used      bool      // the camera agreed to send here
	to        [2]int    // ports of the camera for RTP and RTCP; 0 if not told
	from      [2]uint16 // ports that the camera sends from, each of one goroutine; 0 before its first packet
	got       reception
}

// listen opens the ports of one more track.
func (d *datagrams) listen() (*portPair, error) {
	rtp, rtcp, err := listenPair(d.local)
	if err != nil {
		return nil, fmt.Errorf("opening UDP ports: %w", err)
	}
	// The system grants what it may; what is too little shows as loss.
	_ = rtp.SetReadBuffer(receiveBuffer)
	p := &portPair{in: d, rtp: rtp, rtcp: rtcp}
	d.pairs = append(d.pairs, p)
	return p, nil
}

// listenPair opens an even port and the next.
func listenPair(local netip.Addr) (rtp, rtcp *net.UDPConn, err error) {
	at := func(port uint16) (*net.UDPConn, error) {
		return net.ListenUDP("udp", net.UDPAddrFromAddrPort(netip.AddrPortFrom(local, port)))
	}
	for range portTries {
		a, err := at(0)
		if err != nil {
			return nil, nil, err
		}
		port := a.LocalAddr().(*net.UDPAddr).AddrPort().Port()
		b, err := at(port ^ 1)
		if err != nil {
			a.Close()
			continue // somebody has it
		}
		if port&1 == 0 {
			return a, b, nil
		}
		return b, a, nil
	}
	return nil, nil, errors.New("no two neighbouring ports are free")
}

// port is the even port of the pair.
func (p *portPair) port() int { return p.rtp.LocalAddr().(*net.UDPAddr).Port }

// start begins to receive. A packet each way first opens firewalls between here
// and the camera; it says nothing. fail is called once
// if receiving fails; the sink's guard has the reason.
func (d *datagrams) start(fail func()) {
	var once sync.Once
	for _, p := range d.pairs {
		if !p.used {
			continue
		}
		p.send(p.rtp, 0, []byte{0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0})
		p.send(p.rtcp, 1, p.report(time.Now()))
		for _, run := range []func() error{p.readRTP, p.readRTCP} {
			d.wg.Go(func() {
				if err := run(); err != nil {
					d.sink.fail(err)
					once.Do(fail)
				}
			})
		}
	}
}

// close ends all goroutines of d.
func (d *datagrams) close() {
	for _, p := range d.pairs {
		p.rtp.Close()
		p.rtcp.Close()
	}
	d.wg.Wait()
}

// send sends to the camera's port for RTP (0) or RTCP (1). Nobody depends on it.
func (p *portPair) send(c *net.UDPConn, which int, b []byte) {
	if p.to[which] > 0 {
		_, _ = c.WriteToUDPAddrPort(b, netip.AddrPortFrom(p.in.peer, uint16(p.to[which])))
	}
}

// readRTP returns nil after close, and an error when the sink or the system fails.
func (p *portPair) readRTP() error {
	buf := make([]byte, maxDatagram)
	for {
		n, from, err := p.rtp.ReadFromUDPAddrPort(buf)
		if err != nil {
			return unlessClosed(err)
		}
		if err := p.take(0, buf[:n], from, time.Now()); err != nil {
			return err
		}
	}
}

// readRTCP is readRTP for the other port. It also sends the receiver reports.
func (p *portPair) readRTCP() error {
	buf := make([]byte, maxReport)
	due := time.Now().Add(reportPeriod)
	for {
		if err := p.rtcp.SetReadDeadline(due); err != nil {
			return unlessClosed(err)
		}
		n, from, err := p.rtcp.ReadFromUDPAddrPort(buf)
		now := time.Now()
		if !now.Before(due) {
			p.send(p.rtcp, 1, p.report(now))
			due = now.Add(reportPeriod)
		}
		if errors.Is(err, os.ErrDeadlineExceeded) {
			continue
		}
		if err != nil {
			return unlessClosed(err)
		}
		if err := p.take(1, buf[:n], from, now); err != nil {
			return err
		}
	}
}

func unlessClosed(err error) error {
	if errors.Is(err, net.ErrClosed) {
		return nil
	}
	return err
}

// take hands a datagram that came to the port of RTP (0) or RTCP (1) to the
// sink if it is the camera's.
//
// The camera is known by its address and, from its first packet on, by its
// port: the ports that cameras name are not always those they send from.
func (p *portPair) take(which int, b []byte, from netip.AddrPort, at time.Time) error {
	if from.Addr().Unmap().WithZone("") != p.in.peer.WithZone("") {
		return nil
	}
	channel, known, ok := p.in.sink.sort(p.channel, b)
	if !ok {
		return nil
	}
	if p.from[which] == 0 && known {
		p.from[which] = from.Port()
	}
	if p.from[which] != from.Port() {
		return nil
	}
	p.in.heard.Store(true)
	if channel == p.channel {
		p.got.packet(b, at)
	} else {
		parseReports(b, func(r senderReport) { p.got.sender(r, at) })
	}
	return p.in.sink.frame(channel, b, at)
}

// sort tells RTP from RTCP by the second byte (RFC 5761 4): some cameras send
// both to one port. base is the channel of RTP. known means that it is what the
// track was announced to send.
func (g *guard) sort(base byte, b []byte) (channel byte, known, ok bool) {
	switch {
	case len(b) < 8 || b[0]>>6 != 2:
		return 0, false, false
	case g.expects(base, b[1]):
		return base, true, true
	case g.expects(base+1, b[1]):
		return base + 1, true, true
	}
	return base, false, true
}
