package onvif

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"
	"golang.org/x/net/ipv4"
	"golang.org/x/net/ipv6"
)

// DiscoverConfig says where to look for devices.
type DiscoverConfig struct {
	// Interfaces are asked by multicast; default all that are up, but loopback
	// and container bridges. A device on another network does not hear it.
	Interfaces []string
	// Address is asked alone if set: host or host:port, without multicast.
	Address string
	Wait    time.Duration // for answers; default 3 s
}

const (
	discoveryPort = 3702 // WS-Discovery, 2.4
	defaultWait   = 3 * time.Second
	// maxFound and maxAnswers bound what hostile neighbours can make of an answer.
	maxFound   = 512
	maxAnswers = 4096
)

var (
	group4 = net.IPv4(239, 255, 255, 250)
	group6 = net.ParseIP("ff02::c")
)

// Discover asks for ONVIF devices (Core 7.3: WS-Discovery of April 2005) and
// returns those that answered within the wait, by address. What they say of
// themselves is not verified; Found.Source is who said it.
func Discover(ctx context.Context, cfg DiscoverConfig) ([]Found, error) {
	if cfg.Wait <= 0 {
		cfg.Wait = defaultWait
	}
	p := &prober{found: map[string]*Found{}, ids: []string{uuid.NewString(), uuid.NewString()}}
	var socks []*askSocket
	var err error
	if cfg.Address != "" {
		socks, err = unicast(ctx, cfg.Address)
	} else {
		socks, err = multicast(cfg.Interfaces)
	}
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, cfg.Wait)
	defer cancel()
	var wg sync.WaitGroup
	errs := make([]error, len(socks))
	for i, s := range socks {
		wg.Go(func() { errs[i] = s.ask(ctx, p) })
	}
	wg.Wait()
	if err := errors.Join(errs...); err != nil && !slices.Contains(errs, nil) {
		return nil, fmt.Errorf("asking for devices: %w", err)
	}
	return p.list(), nil
}

// askSocket is a socket and whom to ask with it.
type askSocket struct {
	conn  *net.UDPConn
	to    *net.UDPAddr
	iface string
}

func unicast(ctx context.Context, address string) ([]*askSocket, error) {
	host, port, err := net.SplitHostPort(address)
	if err != nil { // no port
		host, port = strings.Trim(address, "[]"), fmt.Sprint(discoveryPort)
	}
	ips, err := net.DefaultResolver.LookupNetIP(ctx, "ip", host)
	if err != nil {
		return nil, fmt.Errorf("looking up the address: %w", err)
	}
	number, err := net.DefaultResolver.LookupPort(ctx, "udp", port)
	if err != nil {
		return nil, fmt.Errorf("reading the port: %w", err)
	}
	c, err := net.ListenUDP("udp", nil)
	if err != nil {
		return nil, fmt.Errorf("opening a socket: %w", err)
	}
	return []*askSocket{{conn: c, to: net.UDPAddrFromAddrPort(netip.AddrPortFrom(ips[0], uint16(number)))}}, nil
}

// multicast opens a socket for each interface and IP version.
func multicast(names []string) (list []*askSocket, err error) {
	ifaces, err := interfaces(names)
	if err != nil {
		return nil, err
	}
	var errs []error
	for _, i := range ifaces {
		c4, err := net.ListenUDP("udp4", nil)
		if err == nil {
			p := ipv4.NewPacketConn(c4)
			if err = errors.Join(p.SetMulticastInterface(&i), p.SetMulticastLoopback(true), p.SetMulticastTTL(1)); err == nil {
				list = append(list, &askSocket{c4, &net.UDPAddr{IP: group4, Port: discoveryPort}, i.Name})
			}
		}
		c6, err6 := net.ListenUDP("udp6", nil)
		if err6 == nil {
			p := ipv6.NewPacketConn(c6)
			if err6 = errors.Join(p.SetMulticastInterface(&i), p.SetMulticastLoopback(true), p.SetMulticastHopLimit(1)); err6 == nil {
				list = append(list, &askSocket{c6, &net.UDPAddr{IP: group6, Port: discoveryPort, Zone: i.Name}, i.Name})
			}
		}
		for c, err := range map[*net.UDPConn]error{c4: err, c6: err6} {
			if err != nil {
				errs = append(errs, fmt.Errorf("%s: %w", i.Name, err))
				if c != nil {
					c.Close()
				}
			}
		}
	}
	if len(list) == 0 {
		return nil, fmt.Errorf("opening sockets for multicast: %w", errors.Join(errs...))
	}
	return list, nil
}

// ErrNoInterface is a name that no network interface has, or a machine without
// any to ask on.
var ErrNoInterface = errors.New("no such network interface")

func interfaces(names []string) (list []net.Interface, err error) {
	for _, name := range names {
		i, err := net.InterfaceByName(name)
		if err != nil {
			return nil, fmt.Errorf("%w: %s", ErrNoInterface, name)
		}
		list = append(list, *i)
	}
	if len(names) > 0 {
		return list, nil
	}
	all, err := net.Interfaces()
	if err != nil {
		return nil, fmt.Errorf("listing network interfaces: %w", err)
	}
	for _, i := range all {
		bridge := slices.ContainsFunc([]string{"docker", "br-", "veth", "virbr", "cni", "podman"}, func(p string) bool { return strings.HasPrefix(i.Name, p) })
		if i.Flags&net.FlagUp != 0 && i.Flags&net.FlagMulticast != 0 && i.Flags&net.FlagLoopback == 0 && !bridge {
			list = append(list, i)
		}
	}
	if len(list) == 0 {
		return nil, ErrNoInterface
	}
	return list, nil
}

// ask sends the probes and reads answers until ctx ends. Each is sent twice, as
// SOAP over UDP (3.2) repeats what may be lost.
func (s *askSocket) ask(ctx context.Context, p *prober) error {
	defer s.conn.Close()
	stop := context.AfterFunc(ctx, func() { s.conn.SetReadDeadline(time.Unix(1, 0)) })
	defer stop()
	probes := [][]byte{probe(p.ids[0], "dn:NetworkVideoTransmitter"), probe(p.ids[1], "tds:Device")}
	var sent error
	for _, b := range probes {
		if _, err := s.conn.WriteToUDP(b, s.to); err != nil {
			sent = err
		}
	}
	if sent != nil {
		return sent // an interface without a route, or without this IP version
	}
	again := time.AfterFunc(200*time.Millisecond, func() {
		for _, b := range probes {
			_, _ = s.conn.WriteToUDP(b, s.to)
		}
	})
	defer again.Stop()
	buf := make([]byte, 64<<10)
	for range maxAnswers {
		n, from, err := s.conn.ReadFromUDPAddrPort(buf)
		if ctx.Err() != nil {
			return nil
		}
		if isTimeout(err) {
			return nil
		}
		if err != nil {
			continue // such as an ICMP message that nobody listens there
		}
		if p.take(buf[:n], from.Addr().Unmap(), s.iface) && s.iface == "" {
			s.conn.SetReadDeadline(time.Now().Add(settle))
		}
	}
	return nil
}

// settle is how long one address that has answered may add to it.
const settle = 300 * time.Millisecond

func probe(id, types string) []byte {
	return []byte(`<?xml version="1.0" encoding="UTF-8"?>` + "\n" +
		`<s:Envelope xmlns:s="` + nsSOAP + `" xmlns:a="http://schemas.xmlsoap.org/ws/2004/08/addressing"` +
		` xmlns:d="http://schemas.xmlsoap.org/ws/2005/04/discovery" xmlns:dn="http://www.onvif.org/ver10/network/wsdl" xmlns:tds="` + nsDevice + `">` +
		`<s:Header><a:Action>http://schemas.xmlsoap.org/ws/2005/04/discovery/Probe</a:Action><a:MessageID>urn:uuid:` + id + `</a:MessageID>` +
		`<a:To>urn:schemas-xmlsoap-org:ws:2005:04:discovery</a:To></s:Header>` +
		`<s:Body><d:Probe><d:Types>` + types + `</d:Types></d:Probe></s:Body></s:Envelope>`)
}

// prober collects answers.
type prober struct {
	ids []string // of the probes

	mu    sync.Mutex
	found map[string]*Found // by endpoint and source
}

// take takes an answer in and reports whether it was one.
func (p *prober) take(b []byte, from netip.Addr, iface string) bool {
	matches := parseProbeMatches(b, p.ids)
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, f := range matches {
		f.Source, f.Interface = from, iface
		key := f.Endpoint + " " + from.String()
		if old := p.found[key]; old != nil {
			old.merge(f)
		} else if len(p.found) < maxFound {
			p.found[key] = &f
		}
	}
	return len(matches) > 0
}

func (p *prober) list() []Found {
	p.mu.Lock()
	defer p.mu.Unlock()
	list := make([]Found, 0, len(p.found))
	for _, f := range p.found {
		list = append(list, *f)
	}
	slices.SortFunc(list, func(a, b Found) int {
		if c := a.Source.Compare(b.Source); c != 0 {
			return c
		}
		return strings.Compare(a.Endpoint, b.Endpoint)
	})
	return list
}
