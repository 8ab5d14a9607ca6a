package onvif_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"gatehouse/rtsp/onvif"
	"gatehouse/rtsp/onvif/onviftest"
)

const scopes = "onvif://www.onvif.org/type/video_encoder onvif://www.onvif.org/name/Porch%20cam " +
	"onvif://www.onvif.org/hardware/T-1 onvif://www.onvif.org/location/country/germany onvif://www.onvif.org/Profile/Streaming"

// loopback is the name of the interface that every machine has.
func loopback(t *testing.T) string {
	t.Helper()
	all, err := net.Interfaces()
	if err != nil {
		t.Fatal(err)
	}
	for _, i := range all {
		if i.Flags&net.FlagLoopback != 0 {
			return i.Name
		}
	}
	t.Fatal("no loopback interface")
	return ""
}

// answer runs a responder for the length of the test.
func answer(t *testing.T, d onviftest.Discovery, conns ...*net.UDPConn) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); _ = d.Run(ctx, conns...) }()
	t.Cleanup(func() { cancel(); <-done })
}

// TestDiscoverByMulticast is real multicast over IPv4. Loopback interfaces have
// no IPv6 multicast, and tests do not talk to the neighbours.
func TestDiscoverByMulticast(t *testing.T) {
	t.Parallel()
	lo, id := loopback(t), "urn:uuid:"+uuid.NewString()
	conn, err := onviftest.ListenMulticast("udp4", lo)
	if err != nil {
		t.Fatal(err)
	}
	answer(t, onviftest.Discovery{
		Endpoint: id, XAddrs: "http://192.0.2.9:8000/onvif/device_service http://[fe80::1]/onvif/device_service", Scopes: scopes, Times: 3,
	}, conn)
	list, err := onvif.Discover(t.Context(), onvif.DiscoverConfig{Interfaces: []string{lo}, Wait: time.Second})
	if err != nil {
		t.Fatal(err)
	}
	list = slices.DeleteFunc(list, func(f onvif.Found) bool { return f.Endpoint != id }) // others may test at the same time
	if len(list) != 1 {
		t.Fatalf("found %+v", list)
	}
	source := list[0].Source
	if diff := cmp.Diff(onvif.Found{
		Endpoint: id, XAddrs: []string{"http://192.0.2.9:8000/onvif/device_service", "http://[fe80::1]/onvif/device_service"},
		Name: "Porch cam", Hardware: "T-1", Location: []string{"country/germany"}, Source: source, Interface: lo,
	}, list[0], cmp.Comparer(func(a, b netip.Addr) bool { return a == b })); diff != "" {
		t.Error(diff)
	}
	if got, want := list[0].Address(), "http://"+source.String()+":8000/onvif/device_service"; got != want {
		t.Errorf("address %s, want %s: the one that answered", got, want)
	}
}

// TestDiscoverOneAddress asks by unicast, and is answered by honest and hostile
// devices.
func TestDiscoverOneAddress(t *testing.T) {
	const good = "http://127.0.0.1/onvif/device_service"
	long := strings.Repeat("http://127.0.0.1/x ", 3000)
	many := ""
	for i := range 100 {
		many += fmt.Sprintf("http://127.0.0.1:%d/onvif/device_service ", i+1)
	}
	for name, c := range map[string]struct {
		d      onviftest.Discovery
		xaddrs int // of the one device found; 0: none
	}{
		"usual":                      {onviftest.Discovery{Endpoint: "urn:uuid:1", XAddrs: good, Scopes: scopes}, 1},
		"three times":                {onviftest.Discovery{Endpoint: "urn:uuid:1", XAddrs: good, Times: 3}, 1},
		"one address twice":          {onviftest.Discovery{Endpoint: "urn:uuid:1", XAddrs: good + " " + good}, 1},
		"many addresses":             {onviftest.Discovery{Endpoint: "urn:uuid:1", XAddrs: many}, 8},
		"a long answer":              {onviftest.Discovery{Endpoint: "urn:uuid:1", XAddrs: long[:50000]}, 2},
		"garbage first":              {onviftest.Discovery{Endpoint: "urn:uuid:1", XAddrs: good, Raw: []string{"", "\x00", "<", strings.Repeat("<a>", 20000)}}, 1},
		"answers another probe":      {onviftest.Discovery{Endpoint: "urn:uuid:1", XAddrs: good, Relates: "urn:uuid:" + uuid.NewString()}, 0},
		"answers no probe":           {onviftest.Discovery{Endpoint: "urn:uuid:1", XAddrs: good, Relates: " "}, 0},
		"is a printer":               {onviftest.Discovery{Endpoint: "urn:uuid:1", XAddrs: good, Types: "wprt:PrintDeviceType"}, 0},
		"has no address":             {onviftest.Discovery{Endpoint: "urn:uuid:1"}, 0},
		"has no address of the kind": {onviftest.Discovery{Endpoint: "urn:uuid:1", XAddrs: "file:///etc/passwd javascript:alert(1)"}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			conn, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
			if err != nil {
				t.Fatal(err)
			}
			answer(t, c.d, conn)
			list, err := onvif.Discover(t.Context(), onvif.DiscoverConfig{Address: conn.LocalAddr().String(), Wait: 500 * time.Millisecond})
			if err != nil {
				t.Fatal(err)
			}
			if c.xaddrs == 0 && len(list) > 0 || c.xaddrs > 0 && (len(list) != 1 || len(list[0].XAddrs) != c.xaddrs) {
				t.Errorf("found %+v", list)
			}
		})
	}
}

func TestDiscoverNamesWhatIsWrong(t *testing.T) {
	t.Parallel()
	if _, err := onvif.Discover(t.Context(), onvif.DiscoverConfig{Interfaces: []string{"nonesuch"}}); !errors.Is(err, onvif.ErrNoInterface) {
		t.Errorf("err = %v", err)
	}
}

// TestDiscoverBoundsAFlood is a neighbour that answers as a new device each time.
func TestDiscoverBoundsAFlood(t *testing.T) {
	t.Parallel()
	conn, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		buf := make([]byte, 4096)
		n, from, err := conn.ReadFromUDP(buf)
		if err != nil {
			return
		}
		_, id, _ := strings.Cut(string(buf[:n]), "<a:MessageID>")
		id, _, _ = strings.Cut(id, "<")
		for i := 0; ctx.Err() == nil; i++ {
			_, _ = conn.WriteToUDP([]byte(fmt.Sprintf(`<Envelope><Header><RelatesTo>%s</RelatesTo></Header><Body><ProbeMatches><ProbeMatch>`+
				`<EndpointReference><Address>%d</Address></EndpointReference><Types>Device</Types><XAddrs>http://h/</XAddrs></ProbeMatch></ProbeMatches></Body></Envelope>`,
				id, i)), from)
		}
	}()
	list, err := onvif.Discover(t.Context(), onvif.DiscoverConfig{Address: conn.LocalAddr().String(), Wait: time.Second})
	cancel()
	conn.Close()
	<-done
	if err != nil || len(list) == 0 || len(list) > 512 {
		t.Errorf("%d found, %v", len(list), err)
	}
}
