package homekit

import (
	"context"
	"crypto/sha512"
	"encoding/base64"
	"fmt"
	"net"
	"strconv"
	"strings"

	"github.com/brutella/dnssd"
	dnslog "github.com/brutella/dnssd/log"
)

// containerLinks are the names of interfaces that lead to containers and virtual
// machines, where no controller lives.
var containerLinks = []string{"docker", "br-", "veth", "virbr", "cni", "podman"}

// interfaces returns where to announce: what the owner named, loopback alone for
// a loopback address, otherwise every multicast link but those of containers.
// It is never empty, because an empty list would mean all.
func interfaces(named []string, listen net.IP) []string {
	if len(named) > 0 {
		return named
	}
	all, err := net.Interfaces()
	if err != nil {
		all = nil
	}
	var names []string
	for _, i := range all {
		loop := i.Flags&net.FlagLoopback != 0
		ok := i.Flags&net.FlagUp != 0 && i.Flags&net.FlagMulticast != 0 && !loop && !isContainerLink(i.Name)
		if listen.IsLoopback() {
			ok = loop
		}
		if ok {
			names = append(names, i.Name)
		}
	}
	if len(names) == 0 {
		return []string{"lo"}
	}
	return names
}

func isContainerLink(name string) bool {
	for _, p := range containerLinks {
		if strings.HasPrefix(name, p) {
			return true
		}
	}
	return false
}

// txt is what is announced of an accessory (HAP R2, table 6-7).
func (s *server) txt() map[string]string {
	id := s.store.get()
	free := "1"
	if len(id.Controllers) > 0 {
		free = "0"
	}
	sum := sha512.Sum512([]byte(id.SetupID + id.DeviceID))
	return map[string]string{
		"c#": strconv.Itoa(int(id.Version)),
		"ci": strconv.Itoa(s.category),
		"ff": "0", // no authentication chip
		"id": id.DeviceID,
		"md": s.name,
		"pv": "1.1",
		"s#": "1",
		"sf": free,
		"sh": base64.StdEncoding.EncodeToString(sum[:4]),
	}
}

// announcer announces one accessory by multicast DNS.
type announcer struct {
	poke chan struct{} // the record may have changed
}

// update asks run to announce the record as it is now. It never blocks.
func (a *announcer) update() {
	select {
	case a.poke <- struct{}{}:
	default:
	}
}

// run announces until ctx ends. A home without multicast is no reason to stop:
// a controller that knows the address still comes.
func (a *announcer) run(ctx context.Context, s *server, port int, links []string) {
	dnslog.Info.Disable() // it writes to standard output
	for again := true; again; {
		id := s.store.get().DeviceID
		svc, err := dnssd.NewService(dnssd.Config{
			Name:   s.name,
			Type:   "_hap._tcp",
			Domain: "local",
			Host:   "gatehouse-" + strings.ReplaceAll(id, ":", ""),
			Text:   s.txt(),
			Port:   port,
			Ifaces: links,
		})
		if err == nil {
			renewed := func() bool { return s.store.get().DeviceID != id }
			again, err = a.respond(ctx, svc, s.txt, renewed)
		}
		if err != nil && ctx.Err() == nil {
			s.log.Warn("announcing homekit accessory failed", "err", err)
			return
		}
	}
}

// respond announces one service until ctx ends or, which again tells, the
// accessory became another one, to which the old name must not lead.
func (a *announcer) respond(ctx context.Context, svc dnssd.Service, txt func() map[string]string, renewed func() bool) (again bool, err error) {
	resp, err := dnssd.NewResponder()
	if err != nil {
		return false, fmt.Errorf("opening multicast: %w", err)
	}
	h, err := resp.Add(svc)
	if err != nil {
		return false, fmt.Errorf("adding service: %w", err)
	}
	// The responder says goodbye without its lock when its context ends, so that
	// context is ended by the goroutine that changes the record.
	inner, end := context.WithCancel(context.WithoutCancel(ctx))
	defer end()
	done := make(chan error, 1)
	go func() { done <- resp.Respond(inner) }()
	for {
		select {
		case err := <-done:
			return false, err
		case <-ctx.Done():
			end()
			return false, <-done
		case <-a.poke:
			if renewed() {
				end()
				<-done // it says goodbye
				return true, nil
			}
			// UpdateText takes no lock. Removing a handle that was never added
			// takes the responder's and does nothing else, and so orders the
			// change before and after what the responder does.
			resp.Remove(nil)
			h.UpdateText(txt(), resp)
			resp.Remove(nil)
		}
	}
}
