package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"gatehouse/hub/config"
	"gatehouse/hub/demo"
	"gatehouse/hub/evidence"
	"gatehouse/hub/finding"
	"gatehouse/hub/request"
)

// TestRequestRingsPairedController follows a request from the agency's
// signatures to the notification of a controller nobody here wrote: it hears
// one ring and gets the request's card as a JPEG.
func TestRequestRingsPairedController(t *testing.T) {
	dir := t.TempDir()
	world, err := demo.Open(demo.Config{Dir: filepath.Join(dir, "world"), Log: slog.New(slog.NewTextHandler(t.Output(), nil))})
	if err != nil {
		t.Fatal(err)
	}
	runWorld(t, world)
	data := filepath.Join(dir, "hub")
	writeConfig(t, data, world.HubConfig("127.0.0.1:0"))
	h := startHub(t, data)
	<-h.homekit.Ready()

	phone := startController(t)
	if _, err := h.homekit.OpenPairing(); err != nil {
		t.Fatal(err)
	}
	status := h.homekit.Status()
	host, port, err := net.SplitHostPort(status.Addr)
	if err != nil {
		t.Fatal(err)
	}
	phone.do(t, map[string]any{"do": "pair", "as": "bell", "address": host, "port": json.Number(port), "id": status.DeviceID, "code": status.Code})
	phone.do(t, map[string]any{"do": "subscribe", "as": "bell", "ids": []string{phone.find(t, "bell", "73")}})

	var root string
	eventually(t, "the agency's profile", func() bool {
		known, err := h.requests.Known(t.Context())
		if err != nil || len(known) != 1 {
			return false
		}
		root = known[0].RootID
		return true
	})
	eventually(t, "footage of the window", func() bool {
		s, err := (recorded{h.archive}).Recorded(t.Context(), "porch", time.Now().Add(-time.Hour), time.Now())
		return err == nil && s > 1
	})
	if _, err := h.requests.Allow(t.Context(), demo.Agency, root, "a test"); err != nil {
		t.Fatal(err)
	}
	id, err := world.Ask(time.Now())
	if err != nil {
		t.Fatal(err)
	}
	if ring := phone.event(t); !strings.Contains(fmt.Sprint(ring), "value:0") {
		t.Errorf("the ring is not a single press: %v", ring)
	}
	picture := phone.do(t, map[string]any{"do": "image", "as": "bell", "width": 640, "height": 360}).(map[string]any)
	if picture["start"] != "ffd8ff" {
		t.Errorf("the card is no JPEG: %v", picture)
	}
	if r, err := h.requests.Get(t.Context(), id); err != nil || r.State != request.Waiting {
		t.Errorf("the request is %s, %v", r.State, err)
	}

	// Declined: the idle card, and no second ring.
	if _, err := h.requests.Decline(t.Context(), id, "a test"); err != nil {
		t.Fatal(err)
	}
	eventually(t, "another card", func() bool {
		idle := phone.do(t, map[string]any{"do": "image", "as": "bell", "width": 640, "height": 360}).(map[string]any)
		return idle["sha256"] != picture["sha256"]
	})
	select {
	case e := <-phone.events:
		t.Errorf("it rang again: %v", e)
	case <-time.After(time.Second):
	}
	approveByLock(t, h, world, phone)
}

// approveByLock switches the lock on while all runs, and follows a second request
// from the console to the approval that a paired controller gives.
func approveByLock(t *testing.T, h *hub, world *demo.World, phone *controller) {
	t.Helper()
	ctx := t.Context()
	id, err := world.Ask(time.Now())
	if err != nil {
		t.Fatal(err)
	}
	phone.event(t)
	if phone.seek(t, "bell", "1E") != "" {
		t.Error("there is a lock that nobody switched on")
	}
	if _, err := h.editor.Edit("", config.Set("homekit.consent_lock", true)); err != nil {
		t.Fatal(err)
	}
	phone.find(t, "bell", "1E")
	if slices.ContainsFunc(h.problems(), func(f finding.Finding) bool { return f.Code == "restart" }) {
		t.Errorf("problems %q", h.problems())
	}
	r, err := h.requests.Get(ctx, id)
	if err != nil {
		t.Fatal(err)
	}
	card := cards([]request.Record{r}, time.UTC, time.Time.Format)[0]
	if err := h.unlock(ctx, card); !errors.Is(err, request.ErrState) {
		t.Errorf("before anything is sealed: %v", err)
	}
	m := r.Matches[0]
	if r, err = h.requests.Prepare(ctx, id, []evidence.Selection{{Camera: m.Camera, From: m.From, To: m.To}}); err != nil {
		t.Fatal(err)
	}
	if err := h.unlock(ctx, card); !errors.Is(err, request.ErrNotLeft) {
		t.Errorf("before it is left to the lock: %v", err)
	}
	h.lockRefused(ctx, card, "soon")
	if _, err := h.requests.LeaveToLock(ctx, id, r.Package.Digest, request.Approver{Number: request.OwnerNumber, Words: "The owner"}); err != nil {
		t.Fatal(err)
	}
	if err := h.unlock(ctx, card); err != nil {
		t.Fatal(err)
	}
	jobs, err := h.outbox.Jobs(ctx)
	if r, _ := h.requests.Get(ctx, id); r.DecidedBy != "A HomeKit controller" || len(jobs) != 1 || jobs[0].Digest != r.Package.Digest || err != nil || len(r.LockRefused) != 3 {
		t.Errorf("%s, %d jobs, refused %v, %v", r.State, len(jobs), r.LockRefused, err)
	}
}

func runWorld(t *testing.T, w *demo.World) {
	t.Helper()
	done := make(chan error, 1)
	ctx := t.Context() // ends before cleanups run
	go func() { done <- w.Run(ctx) }()
	t.Cleanup(func() {
		if err := <-done; err != nil {
			t.Errorf("the demo's world ended with %v", err)
		}
	})
}

func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); time.Sleep(100 * time.Millisecond) {
		if holds() {
			return
		}
	}
	t.Fatalf("%s did not come", what)
}

// controller is npm hap-controller, driven by JSON lines.
type controller struct {
	in      io.Writer
	answers chan map[string]any
	events  chan map[string]any
}

func startController(t *testing.T) *controller {
	t.Helper()
	c := exec.Command("node", "controller.mjs")
	c.Dir = filepath.Join("..", "bridge", "homekit", "testdata", "controller")
	in, err := c.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	background(t, c)
	ctl := &controller{in, make(chan map[string]any, 99), make(chan map[string]any, 99)}
	go func() {
		for lines := bufio.NewScanner(out); lines.Scan(); {
			var m map[string]any
			if json.Unmarshal(lines.Bytes(), &m) != nil {
				continue
			}
			if m["event"] != nil {
				ctl.events <- m
			} else {
				ctl.answers <- m
			}
		}
		close(ctl.answers)
	}()
	return ctl
}

func (c *controller) do(t *testing.T, cmd map[string]any) any {
	t.Helper()
	line, err := json.Marshal(cmd)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.in.Write(append(line, '\n')); err != nil {
		t.Fatal(err)
	}
	select {
	case a := <-c.answers:
		if a == nil || a["error"] != nil {
			t.Fatalf("%v: %v", cmd["do"], a)
		}
		return a["result"]
	case <-time.After(30 * time.Second):
		t.Fatalf("%v: no answer", cmd["do"])
		return nil
	}
}

func (c *controller) event(t *testing.T) map[string]any {
	t.Helper()
	select {
	case e := <-c.events:
		return e
	case <-time.After(30 * time.Second):
		t.Fatal("no event came")
		return nil
	}
}

// find returns "aid.iid" of the first characteristic of a type, in HAP's short form.
func (c *controller) find(t *testing.T, as, kind string) string {
	t.Helper()
	id := c.seek(t, as, kind)
	if id == "" {
		t.Fatalf("no characteristic %s", kind)
	}
	return id
}

// seek is find, and returns "" if there is none.
func (c *controller) seek(t *testing.T, as, kind string) string {
	t.Helper()
	list := c.do(t, map[string]any{"do": "accessories", "as": as}).(map[string]any)
	for _, a := range list["accessories"].([]any) {
		acc := a.(map[string]any)
		for _, s := range acc["services"].([]any) {
			for _, ch := range s.(map[string]any)["characteristics"].([]any) {
				m := ch.(map[string]any)
				full, _ := m["type"].(string)
				if strings.TrimLeft(strings.SplitN(full, "-", 2)[0], "0") == kind {
					return fmt.Sprintf("%v.%v", acc["aid"], m["iid"])
				}
			}
		}
	}
	return ""
}
