package main

import (
	"bytes"
	"context"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"gatehouse/hub/config"
	"gatehouse/hub/delivery"
	"gatehouse/hub/demo"
	"gatehouse/hub/evidence"
	"gatehouse/rtsp"
)

// startsAgain presses the button, and waits until the next run shows its page.
func startsAgain(t *testing.T, d *demoRun, who *person) *hub {
	t.Helper()
	before := d.home()
	status, page := who.post("/settings/restart", url.Values{"passphrase": {d.world.Passphrase()}})
	for i := 0; i < 600 && status == http.StatusOK && !strings.Contains(page, `id="back"`); i++ {
		time.Sleep(100 * time.Millisecond)
		status, page = who.get("/settings/restart?since=" + find(t, page, `restart\?since=(\d+)`))
	}
	if status != http.StatusOK || !strings.Contains(page, `id="back"`) || d.home() == before {
		t.Fatalf("%d, another hub: %v\n%s", status, d.home() != before, page)
	}
	return d.home()
}

// TestStartsAgainWhileItSends: an owner starts a hub again that is sending to an
// agency over a slow line. The agency gets the package once, whole, and is asked
// for nothing twice; no request of a browser in between is refused; what was
// recorded until then is closed, and a gap says why there is nothing between.
func TestStartsAgainWhileItSends(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	d, log := household(t, 200_000, "")
	step := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatalf("%v\n%s", err, log)
		}
	}
	step(d.welcome(ctx))
	_, err := d.record(ctx)
	step(err)
	step(d.allow(ctx))
	id, err := d.request(ctx)
	step(err)
	owner := demo.Owner{Console: d.home().console(), Passphrase: d.world.Passphrase(), Say: d.say}
	step(owner.LogIn(ctx))
	approved, err := owner.Approve(ctx, id)
	step(err)
	var sending delivery.Job
	step(d.until(ctx, func() (bool, error) {
		jobs, err := d.home().outbox.Jobs(ctx)
		if len(jobs) == 1 {
			sending = jobs[0]
		}
		return sending.Offset > 0 && sending.UploadURL != "", err
	}))

	who := visitor(t, d.home().console())
	who.post("/login", url.Values{"passphrase": {d.world.Passphrase()}})
	before := d.home()
	began := time.Now()
	next := startsAgain(t, d, who)
	if next.console() != before.console() {
		t.Errorf("the console moved from %s to %s", before.console(), next.console())
	}
	step(owner.AwaitReceipt(ctx, id)) // with the session of before
	jobs, err := next.outbox.Jobs(ctx)
	step(err)
	if sending.State != delivery.Sending || len(jobs) != 1 || jobs[0].Digest != approved.Digest || jobs[0].UploadURL != sending.UploadURL {
		t.Fatalf("jobs %+v, want %+v to go on", jobs, sending)
	}
	file, err := d.world.Received(jobs[0].PackageID)
	step(err)
	step(d.world.Verify(ctx, file, func(evidence.Result) {}))
	step(d.until(ctx, func() (bool, error) {
		s, err := recorded{next.archive}.Recorded(ctx, "porch", next.started, time.Now())
		return s > 1, err
	}))
	gaps, err := next.archive.Gaps(ctx, "porch", "main", began.Add(-time.Second), time.Now())
	step(err)
	if len(gaps) != 1 || gaps[0].Reason != rtsp.ReasonShutdown || gaps[0].To.IsZero() {
		t.Errorf("gaps %+v", gaps)
	}
}

// TestStartsAgainWithWhatItCan: settings with which the hub cannot start leave it
// with those of before, and a problem; it starts with others once they are good.
// Run after run nothing is left behind.
func TestStartsAgainWithWhatItCan(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	d, log := household(t, 0, "")
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	if err := d.welcome(ctx); err != nil {
		t.Fatal(err)
	}
	who := visitor(t, d.home().console())
	who.post("/login", url.Values{"passphrase": {d.world.Passphrase()}})
	path := filepath.Join(d.home().data, config.File)
	write := func(old, text string) {
		t.Helper()
		b, err := os.ReadFile(path)
		if err == nil {
			err = os.WriteFile(path, bytes.Replace(b, []byte(old), []byte(text), 1), 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
		if err := d.home().editor.Reload(); err != nil {
			t.Fatal(err)
		}
	}
	says := func(h *hub) (codes string) {
		for _, f := range h.problems() {
			codes += f.Code + " "
		}
		return codes
	}

	write("bulletins:", "intake: {listen: '"+taken.Addr().String()+"'}\nbulletins:")
	h := startsAgain(t, d, who)
	if err := d.until(ctx, func() (bool, error) { return strings.Contains(says(h), "restart-unfit"), nil }); err != nil {
		t.Fatalf("%v: %s\n%s", err, says(h), log)
	}
	other := filepath.Join(t.TempDir(), "other")
	write("intake: {listen: '"+taken.Addr().String()+"'}\n", "")
	write("path: footage", "path: "+other)
	if err := os.MkdirAll(other, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(other, ".gatehouse-store"), nil, 0o600); err != nil { // the folder is meant
		t.Fatal(err)
	}
	if !strings.Contains(says(h), "restart ") {
		t.Errorf("%s", says(h))
	}
	h = startsAgain(t, d, who)
	if got := says(h); strings.Contains(got, "restart") {
		t.Errorf("%s", got)
	}
	if err := d.until(ctx, func() (bool, error) {
		files, err := os.ReadDir(other)
		return len(files) > 1, err // the marker, and footage
	}); err != nil {
		t.Fatalf("the new storage: %v\n%s", err, log)
	}

	if err := os.WriteFile(path, []byte("listen: ["), 0o600); err != nil { // by hand, and wrong
		t.Fatal(err)
	}
	var goroutines, open int
	for i := range 4 {
		h = startsAgain(t, d, who)
		if err := d.until(ctx, func() (bool, error) { return strings.Contains(says(h), "config-invalid"), nil }); err != nil {
			t.Fatal(err)
		}
		files, err := os.ReadDir("/proc/self/fd")
		if err != nil {
			t.Fatal(err)
		}
		if g := runtime.NumGoroutine(); i == 0 {
			goroutines, open = g, len(files)
		} else if g > goroutines+25 || len(files) > open+12 {
			t.Errorf("run %d: %d goroutines and %d files, at first %d and %d", i, g, len(files), goroutines, open)
		}
	}
}
