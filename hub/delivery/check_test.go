package delivery_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"path"
	"strings"
	"sync"
	"testing"
	"time"

	"gatehouse/hub/delivery"
	"gatehouse/hub/ledger"
	"gatehouse/hub/request"
)

const removed = "You have removed this agency."

// answers is a Config.Check that a test changes.
type answers struct {
	mu    sync.Mutex
	why   string
	err   error
	asked int
}

func (a *answers) set(why string, err error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.why, a.err = why, err
}

func (a *answers) check(context.Context, delivery.Job) (string, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.asked++
	return a.why, a.err
}

func (a *answers) count() int { a.mu.Lock(); defer a.mu.Unlock(); return a.asked }

func (h *hub) asks(a *answers) { h.restart(func(c *delivery.Config) { c.Check = a.check }) }

func TestRevokedGetsNothing(t *testing.T) {
	h := newHub(t)
	var a answers
	h.asks(&a)
	defer h.run()()
	j := h.approve(100, func(o *request.Outbox) { o.NotBefore = time.Now().Add(time.Hour) })
	time.Sleep(100 * time.Millisecond)
	if a.count() != 0 {
		t.Error("asked during the cool-down")
	}
	a.set(removed, nil)
	if err := h.SendNow(t.Context(), j.ID); err != nil {
		t.Fatal(err)
	}
	if j = h.until(j.ID, in(delivery.Failed)); j.Error != removed || h.recv.contacts() != 0 {
		t.Errorf("%q after %d contacts", j.Error, h.recv.contacts())
	}
	h.wantKinds(j, ledger.Failed)
	if told := <-h.done; told.ID != j.ID || told.Error != removed {
		t.Errorf("told of %+v", told)
	}
}

// TestRevokedHalfWay: no attempt after the revocation sends a byte.
func TestRevokedHalfWay(t *testing.T) {
	h := newHub(t)
	var a answers
	h.asks(&a)
	h.recv.dieAfter(2*chunk + 10)
	defer h.run()()
	j := h.approve(4 * chunk)
	h.recv.waitDead()
	h.until(j.ID, in(delivery.Retrying))
	time.Sleep(50 * time.Millisecond) // what the dead receiver had read is still counted
	a.set(removed, nil)
	sent := h.recv.bytes()
	h.recv.start()
	if j = h.until(j.ID, in(delivery.Failed)); j.Error != removed || j.Offset >= 3*chunk {
		t.Errorf("%q at offset %d", j.Error, j.Offset)
	}
	h.wantKinds(j, ledger.Failed)
	if n := h.recv.bytes(); n != sent {
		t.Errorf("%d bytes were sent after the revocation", n-sent)
	}
}

// TestRevokedAfterTheLastByte: what was sent was sent, and its receipt counts.
func TestRevokedAfterTheLastByte(t *testing.T) {
	h := newHub(t)
	var a answers
	h.asks(&a)
	h.recv.holdReceipts(true)
	stop := h.run()
	j := h.approve(3 * chunk)
	h.until(j.ID, func(j delivery.Job) bool { return j.Offset == j.Bytes && len(h.recv.received(j.Digest)) == 1 })
	stop()
	a.set(removed, nil)
	h.asks(&a)
	stop = h.run()
	time.Sleep(100 * time.Millisecond)
	h.recv.holdReceipts(false)
	h.delivered(h.until(j.ID, in(delivery.Done)))
	stop()
}

// TestFaultOfTheCheckIsNoRevocation: it is tried again, and nothing leaves before.
func TestFaultOfTheCheckIsNoRevocation(t *testing.T) {
	h := newHub(t)
	var a answers
	a.set("", errors.New("database is locked"))
	h.asks(&a)
	defer h.run()()
	j := h.approve(100)
	j = h.until(j.ID, func(j delivery.Job) bool { return j.Attempts > 1 })
	if h.recv.contacts() != 0 || !strings.Contains(j.Error, "look up") {
		t.Errorf("%q after %d contacts", j.Error, h.recv.contacts())
	}
	a.set("", nil)
	h.delivered(h.until(j.ID, in(delivery.Done)))
}

// TestUploadAddressIsNotLogged: who knows it can add to the upload.
func TestUploadAddressIsNotLogged(t *testing.T) {
	h := newHub(t)
	var mu sync.Mutex
	var log bytes.Buffer
	h.restart(func(c *delivery.Config) {
		c.Log = slog.New(slog.NewJSONHandler(writer(func(b []byte) (int, error) {
			mu.Lock()
			defer mu.Unlock()
			return log.Write(b)
		}), nil))
	})
	h.recv.dieAfter(chunk + 1000)
	stop := h.run()
	j := h.approve(4 * chunk)
	h.recv.waitDead()
	j = h.until(j.ID, func(j delivery.Job) bool { return j.Attempts > 1 }) // PATCH and HEAD
	stop()
	text := log.String()
	if id := path.Base(j.UploadURL); strings.Contains(text, id) || strings.Contains(text, "https:") || strings.Contains(text, j.Digest) {
		t.Errorf("the log has it:\n%s", text)
	}
	if !strings.Contains(text, `"err":`) || strings.Contains(j.Error, "https:") {
		t.Errorf("%q, log:\n%s", j.Error, text)
	}
}

type writer func([]byte) (int, error)

func (w writer) Write(b []byte) (int, error) { return w(b) }
