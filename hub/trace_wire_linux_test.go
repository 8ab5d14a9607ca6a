package main

import (
	"encoding/binary"
	"fmt"
	"net"
	"os/exec"
	"slices"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// wire sees every packet of the network namespace that the test runs in. There
// is nothing but a loopback device, to which all the world is routed: whatever
// the hub sends anywhere comes by.
type wire struct {
	fd       int
	dns, web uint16   // ports
	doors    []uint16 // ports of the hub

	mu      sync.Mutex
	syns    int
	queries int
	other   map[string]bool
}

// newWire routes everything to the loopback device and listens.
func newWire(t *testing.T, w *traceWorld, doors []int) *wire {
	for _, args := range [][]string{
		{"link", "set", "lo", "up"},
		{"address", "add", "10.99.0.1/24", "dev", "lo"},
		{"route", "add", "default", "dev", "lo"},
		{"-6", "route", "add", "default", "dev", "lo"},
	} {
		if out, err := exec.Command("ip", args...).CombinedOutput(); err != nil && args[0] != "-6" { // not every kernel has IPv6
			t.Fatalf("ip %v: %v\n%s", args, err, out)
		}
	}
	all := int(binary.BigEndian.Uint16(binary.NativeEndian.AppendUint16(nil, unix.ETH_P_ALL)))
	fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_DGRAM, all)
	if err != nil {
		t.Fatal(err)
	}
	_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, 16<<20) // lost packets are told of
	_ = unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &unix.Timeval{Usec: 100_000})
	x := &wire{
		fd: fd, dns: uint16(w.dns.LocalAddr().(*net.UDPAddr).Port), web: uint16(w.web.Addr().(*net.TCPAddr).Port), other: map[string]bool{},
	}
	for _, port := range doors {
		x.doors = append(x.doors, uint16(port))
	}
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		for buf := make([]byte, 64<<10); ; {
			select {
			case <-stop:
				return
			default:
			}
			n, from, err := unix.Recvfrom(fd, buf, 0)
			if ll, ok := from.(*unix.SockaddrLinklayer); err == nil && ok && ll.Pkttype == unix.PACKET_OUTGOING {
				x.packet(buf[:n])
			}
		}
	}()
	t.Cleanup(func() {
		close(stop)
		<-stopped
		if lost, err := unix.GetsockoptTpacketStats(fd, unix.SOL_PACKET, unix.PACKET_STATISTICS); err != nil || lost.Drops > 0 {
			t.Errorf("packets were not seen: %v %v", lost, err)
		}
		_ = unix.Close(fd)
	})
	return x
}

func (x *wire) packet(p []byte) {
	x.mu.Lock()
	defer x.mu.Unlock()
	proto, to, rest := byte(0), "", []byte(nil)
	switch {
	case len(p) >= 20 && p[0]>>4 == 4 && len(p) >= int(p[0]&15)*4:
		proto, to, rest = p[9], net.IP(p[16:20]).String(), p[int(p[0]&15)*4:]
	case len(p) >= 40 && p[0]>>4 == 6:
		proto, to, rest = p[6], net.IP(p[24:40]).String(), p[40:]
	}
	if len(rest) < 8 || proto != unix.IPPROTO_TCP && proto != unix.IPPROTO_UDP || proto == unix.IPPROTO_TCP && len(rest) < 20 {
		x.other[fmt.Sprintf("a packet of protocol %d to %s", proto, to)] = true
		return
	}
	src, dst := binary.BigEndian.Uint16(rest), binary.BigEndian.Uint16(rest[2:])
	switch {
	case proto == unix.IPPROTO_UDP && dst == x.dns:
		x.queries++
	case proto == unix.IPPROTO_UDP && src == x.dns, proto == unix.IPPROTO_TCP && (src == x.web || slices.Contains(x.doors, src) || slices.Contains(x.doors, dst)):
	case proto == unix.IPPROTO_TCP && dst == x.web:
		if rest[13]&0x12 == 0x02 { // SYN without ACK
			x.syns++
		}
	default:
		x.other[fmt.Sprintf("a packet of protocol %d to %s port %d", proto, to, dst)] = true
	}
}

func (x *wire) begin() {
	if x == nil {
		return
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	x.syns, x.queries, x.other = 0, 0, map[string]bool{}
}

// strays are the packets that none of the dials and queries explains.
func (x *wire) strays(dials, queries int) (out []string) {
	if x == nil {
		return nil
	}
	time.Sleep(100 * time.Millisecond) // the last packets are still being read
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.syns != dials || x.queries != queries {
		out = append(out, fmt.Sprintf("%d connections and %d queries on the wire, %d and %d arrived", x.syns, x.queries, dials, queries))
	}
	for what := range x.other {
		out = append(out, what)
	}
	return out
}
