package homekit

import (
	"context"
	"crypto/sha512"
	"encoding/base64"
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

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

// lookEvery is how often the network is looked at for links and addresses that
// come and go.
const lookEvery = 3 * time.Second

// run announces until ctx ends, on the links that there are, and anew when they
// or their addresses have changed. A home without multicast is no reason to
// stop: a controller that knows the address still comes.
func (a *announcer) run(ctx context.Context, s *server, port int, links func() []string) {
	dnslog.Info.Disable() // it writes to standard output
	said := ""
	for ctx.Err() == nil {
		names := links()
		before := addresses(names)
		same, changed := context.WithCancel(ctx)
		var watching sync.WaitGroup
		watching.Go(func() {
			defer changed()
			whileSame(same, func() bool { return addresses(links()) == before })
		})
		err := a.announce(same, s, port, names)
		failed := err != nil && same.Err() == nil
		changed()
		watching.Wait()
		if !failed {
			continue
		}
		if text := err.Error(); text != said {
			s.log.Warn("announcing homekit accessory failed", "err", err)
			said = text
		}
		select {
		case <-ctx.Done():
		case <-a.poke:
		case <-time.After(lookEvery):
		}
	}
}

// whileSame returns when ctx ends or what was no longer is.
func whileSame(ctx context.Context, is func() bool) {
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for is() {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// addresses tells links and their addresses from others.
func addresses(links []string) string {
	var list []string
	for _, name := range links {
		i, err := net.InterfaceByName(name)
		if err != nil || i.Flags&net.FlagUp == 0 {
			continue
		}
		at, err := i.Addrs()
		if err != nil {
			continue
		}
		for _, a := range at {
			list = append(list, name+" "+a.String())
		}
	}
	slices.Sort(list)
	return strings.Join(list, "\n")
}

// announce announces the record as it is until it may have changed or ctx ends.
// The library can change the text of a record while it runs, but does so beside
// answering and not between two answers, so a record that changed gets a
// responder of its own: the old one says goodbye, and a second later the new one
// is there.
func (a *announcer) announce(ctx context.Context, s *server, port int, links []string) error {
	svc, err := dnssd.NewService(dnssd.Config{
		Name:   s.name,
		Type:   "_hap._tcp",
		Domain: "local",
		Host:   "gatehouse-" + strings.ReplaceAll(s.store.get().DeviceID, ":", ""),
		Text:   s.txt(),
		Port:   port,
		Ifaces: links,
	})
	if err != nil {
		return fmt.Errorf("describing service: %w", err)
	}
	resp, err := dnssd.NewResponder()
	if err != nil {
		return fmt.Errorf("opening multicast: %w", err)
	}
	if _, err := resp.Add(svc); err != nil {
		return fmt.Errorf("adding service: %w", err)
	}
	inner, end := context.WithCancel(ctx)
	defer end()
	done := make(chan error, 1)
	go func() { done <- resp.Respond(inner) }()
	select {
	case err := <-done:
		return err
	case <-a.poke:
		end()
		<-done // with the goodbye
		return nil
	}
}
