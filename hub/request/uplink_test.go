package request_test

import (
	"net"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"gatehouse/hub/internal/uplink"
	"gatehouse/hub/request"
)

// TestNetworkOff: while the owner has switched it off, no fetch opens a
// connection, and one that is under way is ended. On again, they go on.
func TestNetworkOff(t *testing.T) {
	var connections atomic.Int64
	var hang atomic.Bool
	asked := make(chan bool, 1)
	hungUp := make(chan bool, 1)
	var serve func(string) (int, []byte)
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if hang.CompareAndSwap(true, false) {
			asked <- true
			<-r.Context().Done()
			hungUp <- true
			return
		}
		status, body := serve(r.URL.Path[1:])
		w.WriteHeader(status)
		_, _ = w.Write(body)
	}))
	server.Config.ConnState = func(_ net.Conn, s http.ConnState) {
		if s == http.StateNew {
			connections.Add(1)
		}
	}
	var line uplink.Switch
	line.Set(false)
	h := newHome(t, func(c *request.Config) {
		c.Feeds[0].URL, c.Feeds[0].Every = "http://"+server.Listener.Addr().String(), 20*time.Millisecond
		c.Uplink, c.Now = &line, time.Now
	})
	serve = h.whole()
	server.Start()
	defer server.Close()
	defer h.run()()
	quiet := func() {
		t.Helper()
		before := connections.Load()
		time.Sleep(400 * time.Millisecond) // about twenty fetches
		if n := connections.Load() - before; n != 0 {
			t.Errorf("%d connections while the network is off", n)
		}
	}
	quiet()
	line.Set(true)
	h.until(func() bool {
		known, err := h.Known(t.Context())
		return err == nil && len(known) == 1
	})
	hang.Store(true)
	<-asked
	line.Set(false)
	<-hungUp
	quiet()
	before := connections.Load()
	line.Set(true)
	h.until(func() bool { return connections.Load() > before+4 })
	if p := h.Problems(); len(p) != 0 {
		t.Errorf("problems: %q", p)
	}
}
