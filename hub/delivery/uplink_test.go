package delivery_test

import (
	"context"
	"testing"
	"time"

	"gatehouse/hub/delivery"
	"gatehouse/hub/internal/uplink"
	"gatehouse/hub/ledger"
)

// TestNetworkOff: while the owner has switched it off, an approved package
// waits, whatever anybody asks; an upload that runs stops, and goes on where it was.
func TestNetworkOff(t *testing.T) {
	h := newHub(t)
	var line uplink.Switch
	line.Set(false)
	h.restart(func(c *delivery.Config) {
		c.Uplink, c.Done = &line, func(_ context.Context, j delivery.Job) { h.done <- j }
	})
	stop := h.run()
	j := h.approve(40 * chunk)
	if !j.Off {
		t.Error("a job that waits for the network does not say so")
	}
	if err := h.SendNow(t.Context(), j.ID); err != nil {
		t.Fatal(err)
	}
	h.silent()
	if h.recv.contacts() != 0 {
		t.Errorf("%d contacts while the network was off", h.recv.contacts())
	}

	h.recv.slow(5 * time.Millisecond)
	line.Set(true)
	h.Kick()
	h.until(j.ID, func(j delivery.Job) bool { return j.Offset > chunk && !j.Off })
	line.Set(false)
	waits := h.until(j.ID, func(j delivery.Job) bool { return j.Off })
	time.Sleep(100 * time.Millisecond) // what was under way ends
	h.silent()
	if waits.State != delivery.Sending || waits.Error != "" {
		t.Errorf("it is told as %+v", waits)
	}
	stop()
	defer h.run()() // another start of the hub finds it off as well
	h.silent()

	sent := h.recv.bytes()
	h.recv.slow(0)
	line.Set(true)
	h.Kick()
	h.until(j.ID, in(delivery.Done))
	if again := h.recv.bytes() - sent; again >= 39*chunk {
		t.Errorf("%d bytes were sent after the first %d: it began anew", again, sent)
	}
	h.wantKinds(j, ledger.Sent, ledger.Receipt)
}
