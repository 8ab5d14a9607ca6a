package rtsptest

import (
	"errors"
	"net"
	"sync"

	"github.com/bluenviron/gortsplib/v4/pkg/base"
	"github.com/bluenviron/gortsplib/v4/pkg/headers"
	"github.com/pion/rtcp"
)

// udpPorts are the ports of a session that sends by UDP.
type udpPorts struct {
	cam *camera
	wg  sync.WaitGroup
	by  map[byte]udpPort // by the channel that the player knows
}

type udpPort struct {
	conn *net.UDPConn
	to   *net.UDPAddr
}

// serves reports whether the camera sends in the way that a client asks for.
func (c *camera) serves(t headers.Transport) bool {
	if t.Secure || t.Delivery != nil && *t.Delivery == headers.TransportDeliveryMulticast {
		return false
	}
	if t.Protocol == headers.TransportProtocolUDP {
		return c.Transport != "tcp" && t.ClientPorts != nil
	}
	return c.Transport != "udp"
}

// setupUDP opens the camera's ports for a track and returns the answer to SETUP.
func (x *session) setupUDP(cam *camera, track int, asked headers.Transport) *base.Response {
	rtp, control, err := listenPair(x.nc.LocalAddr().(*net.TCPAddr).IP)
	if err != nil {
		return &base.Response{StatusCode: base.StatusInternalServerError}
	}
	if x.udp == nil {
		x.udp = &udpPorts{cam: cam, by: map[byte]udpPort{}}
	}
	client := x.nc.RemoteAddr().(*net.TCPAddr)
	var ports [2]int
	for i, c := range []*net.UDPConn{rtp, control} {
		ports[i] = c.LocalAddr().(*net.UDPAddr).Port
		x.udp.by[byte(2*track+i)] = udpPort{c, &net.UDPAddr{IP: client.IP, Zone: client.Zone, Port: asked.ClientPorts[i]}}
	}
	x.udp.wg.Go(func() { x.udp.listen(track, control) })
	x.camera, x.chans[track] = cam, 2*track
	unicast := headers.TransportDeliveryUnicast
	answer := headers.Transport{
		Protocol: headers.TransportProtocolUDP, Delivery: &unicast, ClientPorts: asked.ClientPorts, ServerPorts: &ports,
	}
	return &base.Response{StatusCode: base.StatusOK, Header: base.Header{"Transport": answer.Marshal()}}
}

// listenPair opens an even port and the next (RFC 3550 11).
func listenPair(ip net.IP) (rtp, control *net.UDPConn, err error) {
	for range 100 {
		if rtp, err = net.ListenUDP("udp", &net.UDPAddr{IP: ip}); err != nil {
			return nil, nil, err
		}
		port := rtp.LocalAddr().(*net.UDPAddr).Port
		if port%2 == 0 {
			if control, err = net.ListenUDP("udp", &net.UDPAddr{IP: ip, Port: port + 1}); err == nil {
				return rtp, control, nil
			}
		}
		rtp.Close()
	}
	return nil, nil, errors.New("no two neighbouring ports are free")
}

// listen counts the receiver reports of a track's client.
func (u *udpPorts) listen(track int, c *net.UDPConn) {
	buf := make([]byte, 2048)
	for {
		n, _, err := c.ReadFromUDP(buf)
		if err != nil {
			return
		}
		pkts, err := rtcp.Unmarshal(buf[:n])
		if err != nil {
			continue
		}
		for _, p := range pkts {
			if r, ok := p.(*rtcp.ReceiverReport); ok && track == 0 {
				u.cam.reported(r)
			}
		}
	}
}

func (c *camera) reported(r *rtcp.ReceiverReport) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.stats.Reports++
	for _, b := range r.Reports {
		c.stats.Lost = int64(b.TotalLost)
	}
}

// send sends each interleaved frame of out as a datagram, and what is no frame
// not at all. Datagrams that nobody takes are the client's loss.
func (u *udpPorts) send(out []byte) {
	for len(out) >= 4 && out[0] == '$' {
		n := 4 + int(out[2])<<8 + int(out[3])
		if n > len(out) {
			return
		}
		if p, ok := u.by[out[1]]; ok {
			_, _ = p.conn.WriteToUDP(out[4:n], p.to)
		}
		out = out[n:]
	}
}

func (u *udpPorts) close() {
	for _, p := range u.by {
		p.conn.Close()
	}
	u.wg.Wait()
}

// scheme is that of the server's addresses.
func (s *Server) scheme() string {
	if s.cfg.TLS != nil {
		return "rtsps"
	}
	return "rtsp"
}
