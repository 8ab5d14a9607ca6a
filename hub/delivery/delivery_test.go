package delivery_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"gatehouse/hub/bulletin"
	"gatehouse/hub/bulletin/bulletintest"
	"gatehouse/hub/delivery"
	"gatehouse/hub/evidence"
	"gatehouse/hub/ledger"
	"gatehouse/hub/request"
	"gatehouse/hub/sqlite"
)

const chunk = 64 << 10

// hub is an outbox on a real database, with a receiver that runs tusd.
type hub struct {
	*delivery.Outbox
	t      testing.TB
	dir    string
	house  *sqlite.House
	log    *ledger.Log
	recv   *receiver
	agency *bulletintest.Agency
	done   chan delivery.Job
}

// newHub has a receiver that runs; change may edit the agency's profile.
func newHub(t testing.TB, change ...func(*bulletin.Profile)) *hub {
	t.Helper()
	h := &hub{t: t, dir: t.TempDir(), recv: newReceiver(t), done: make(chan delivery.Job, 16)}
	hosts := func(p *bulletin.Profile) {
		p.UploadHosts = []bulletin.UploadHost{{Host: h.recv.host(), SPKI: h.recv.pin()}}
	}
	h.agency = bulletintest.New(t, time.Now(), append([]func(*bulletin.Profile){hosts}, change...)...)
	h.recv.agency = h.agency
	var err error
	if h.house, err = sqlite.OpenHouse(t.Context(), filepath.Join(h.dir, "house.db")); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := h.house.Close(); err != nil {
			t.Error(err)
		}
	})
	h.log = ledger.New(h.house, nil)
	h.restart()
	return h
}

// restart makes a new outbox, as a new process would.
func (h *hub) restart(change ...func(*delivery.Config)) {
	cfg := delivery.Config{
		Store: h.house, Chunk: chunk, Retry: 20 * time.Millisecond,
		Done: func(ctx context.Context, j delivery.Job) {
			if ctx.Err() != nil {
				h.t.Errorf("told of job %d with a dead context", j.ID)
			}
			h.done <- j
		},
	}
	for _, f := range change {
		f(&cfg)
	}
	h.Outbox = delivery.New(cfg)
}

// approve seals a random file and approves it, as the request service would.
func (h *hub) approve(size int64, change ...func(*request.Outbox)) delivery.Job {
	h.t.Helper()
	data := make([]byte, size)
	if _, err := rand.Read(data); err != nil {
		h.t.Fatal(err)
	}
	sum := sha256.Sum256(data)
	p := evidence.Package{ID: "GH-" + rand.Text()[:9], Digest: hex.EncodeToString(sum[:]), Bytes: size}
	p.Path = filepath.Join(h.dir, p.ID+".ghe")
	if err := os.WriteFile(p.Path, data, 0o600); err != nil {
		h.t.Fatal(err)
	}
	id := "r-" + rand.Text()[:9]
	r := request.Record{ID: id, Agency: h.agency.Agency, State: request.Prepared, Package: &p, Received: time.Now()}
	if err := h.house.PutRecord(h.t.Context(), r, ""); err != nil {
		h.t.Fatal(err)
	}
	o := request.Outbox{
		Request: id, Agency: h.agency.Agency, PackageID: p.ID, Path: p.Path, Digest: p.Digest, Bytes: size, Private: true,
		Target:  bulletin.Target{Kind: bulletin.Tus, URL: "https://" + h.recv.host() + "/files/"},
		Profile: h.agency.Envelope, NotBefore: time.Now(),
	}
	for _, f := range change {
		f(&o)
	}
	r.State = request.Approved
	e := ledger.Entry{Time: time.Now(), Kind: ledger.Approved, Request: id, Text: "Ann approved."}
	if _, err := h.house.Approve(h.t.Context(), r, e, o); err != nil {
		h.t.Fatal(err)
	}
	h.Kick()
	jobs, err := h.Jobs(h.t.Context())
	if err != nil {
		h.t.Fatal(err)
	}
	return jobs[0]
}

func (h *hub) run() (stop func()) {
	ctx, cancel := context.WithCancel(h.t.Context())
	done := make(chan error, 1)
	o := h.Outbox
	go func() { done <- o.Run(ctx) }()
	return func() {
		h.t.Helper()
		cancel()
		if err := <-done; err != nil {
			h.t.Error(err)
		}
	}
}

// until waits for a job to be as wanted.
func (h *hub) until(id int64, ok func(delivery.Job) bool) delivery.Job {
	h.t.Helper()
	var j delivery.Job
	for end := time.Now().Add(30 * time.Second); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		jobs, err := h.Jobs(h.t.Context())
		if err != nil {
			h.t.Fatal(err)
		}
		for _, x := range jobs {
			if x.ID == id {
				j = x
			}
		}
		if ok(j) {
			return j
		}
	}
	h.t.Fatalf("it did not happen: %s %q offset %d, attempts %d", j.State, j.Error, j.Offset, j.Attempts)
	return j
}

func in(s delivery.State) func(delivery.Job) bool {
	return func(j delivery.Job) bool { return j.State == s }
}

func (h *hub) kinds(j delivery.Job) []ledger.Kind {
	h.t.Helper()
	index, err := h.house.ByRequest(h.t.Context(), j.Request)
	if err != nil {
		h.t.Fatal(err)
	}
	var out []ledger.Kind
	for _, i := range index {
		e, err := h.log.Entries(h.t.Context(), i, 1)
		if err != nil {
			h.t.Fatal(err)
		}
		out = append(out, e[0].Kind)
	}
	return out
}

// delivered checks that a job's bytes are with the receiver, once, and signed for.
func (h *hub) delivered(j delivery.Job) {
	h.t.Helper()
	want, err := os.ReadFile(j.Path)
	if err != nil {
		h.t.Fatal(err)
	}
	if got := h.recv.received(j.Digest); len(got) != 1 || !bytes.Equal(got[0], want) {
		h.t.Errorf("the receiver has the package %d times, want it once and whole", len(got))
	}
	if diff := cmp.Diff([]ledger.Kind{ledger.Approved, ledger.Sent, ledger.Receipt}, h.kinds(j)); diff != "" {
		h.t.Errorf("ledger (-want +got):\n%s", diff)
	}
	if j.Offset != j.Bytes || j.Error != "" || j.Finished.IsZero() {
		h.t.Errorf("finished as %+v", j)
	}
	r, err := bulletin.OpenReceipt(j.Receipt, h.agency.VerifiedProfile)
	if err != nil || r.SHA256 != j.Digest || r.Bytes != j.Bytes {
		h.t.Errorf("receipt %+v, %v", r, err)
	}
}

func TestDelivers(t *testing.T) {
	h := newHub(t)
	defer h.run()()
	for _, size := range []int64{1, chunk - 1, chunk, 5*chunk + 7} {
		j := h.until(h.approve(size).ID, in(delivery.Done))
		h.delivered(j)
		if told := <-h.done; told.ID != j.ID || told.State != delivery.Done {
			t.Errorf("told of %+v", told)
		}
	}
	// What arrives names the package and nothing of the home.
	for _, meta := range h.recv.metadata() {
		if len(meta) != 2 || !strings.HasPrefix(meta["package"], "GH-") || len(meta["sha256"]) != 64 {
			t.Errorf("metadata %v", meta)
		}
	}
	for _, agent := range h.recv.agents() {
		if agent != "gatehouse" {
			t.Errorf("user agent %q", agent)
		}
	}
}

func TestCoolDown(t *testing.T) {
	h := newHub(t)
	defer h.run()()
	j := h.approve(100, func(o *request.Outbox) { o.NotBefore = time.Now().Add(time.Hour) })
	time.Sleep(300 * time.Millisecond)
	if got := h.until(j.ID, in(delivery.Cooling)); got.Attempts != 0 || h.recv.contacts() != 0 {
		t.Fatalf("the receiver was contacted %d times during the cool-down", h.recv.contacts())
	}
	if err := h.SendNow(t.Context(), j.ID); err != nil {
		t.Fatal(err)
	}
	j = h.until(j.ID, in(delivery.Done))
	h.delivered(j)
	if err := h.SendNow(t.Context(), j.ID); !errors.Is(err, delivery.ErrFinished) {
		t.Errorf("sending again: %v", err)
	}
	if err := h.SendNow(t.Context(), 99); !errors.Is(err, delivery.ErrNotFound) {
		t.Errorf("sending an unknown job: %v", err)
	}
}

// TestReceiverDiesMidUpload kills the receiver in the middle of a PATCH, more
// than once, and ends the hub in between.
func TestReceiverDiesMidUpload(t *testing.T) {
	h := newHub(t)
	h.recv.dieAfter(3*chunk + 1000)
	stop := h.run()
	j := h.approve(10 * chunk)
	h.recv.waitDead()
	j = h.until(j.ID, in(delivery.Retrying))
	if j.Offset < 3*chunk || j.Offset >= 4*chunk || j.Error == "" || j.UploadURL == "" {
		t.Errorf("after the receiver died: %+v", j)
	}
	stop()
	h.restart()
	stop = h.run()
	h.recv.dieAfter(4 * chunk)
	h.recv.start()
	if err := h.SendNow(t.Context(), j.ID); err != nil {
		t.Fatal(err)
	}
	h.recv.waitDead()
	h.recv.start()
	j = h.until(j.ID, in(delivery.Done))
	h.delivered(j)
	// Nothing was sent from the start again: a PATCH that broke off costs a chunk at most.
	if n := h.recv.bytes(); n > j.Bytes+2*chunk+2000 {
		t.Errorf("%d bytes were sent for a package of %d", n, j.Bytes)
	}
	stop()
}

func TestHubStopsMidUpload(t *testing.T) {
	h := newHub(t)
	h.recv.slow(2 * time.Millisecond)
	stop := h.run()
	j := h.approve(20 * chunk)
	h.until(j.ID, func(j delivery.Job) bool { return j.Offset > 2*chunk })
	stop()
	if j = h.until(j.ID, in(delivery.Sending)); j.Offset == 0 || j.Offset == j.Bytes {
		t.Fatalf("stopped at offset %d", j.Offset)
	}
	h.restart()
	h.recv.slow(0)
	stop = h.run()
	h.delivered(h.until(j.ID, in(delivery.Done)))
	stop()
	// A start after the end tells it again and sends nothing.
	for len(h.done) > 0 {
		<-h.done
	}
	before := h.recv.contacts()
	h.restart()
	stop = h.run()
	if told := <-h.done; told.ID != j.ID || told.State != delivery.Done {
		t.Errorf("told of %+v", told)
	}
	stop()
	if h.recv.contacts() != before {
		t.Error("the receiver was contacted for a job that is done")
	}
}

func TestLostUploadStartsAnew(t *testing.T) {
	h := newHub(t)
	h.recv.dieAfter(2*chunk + 10)
	defer h.run()()
	j := h.approve(4 * chunk)
	h.recv.waitDead()
	h.until(j.ID, in(delivery.Retrying))
	h.recv.forget()
	h.recv.start()
	h.delivered(h.until(j.ID, in(delivery.Done)))
}

// TestCompletedUploadIsNotSentAgain loses the answer to the last PATCH, and the
// upload's address with it: the receipt alone tells.
func TestCompletedUploadIsNotSentAgain(t *testing.T) {
	h := newHub(t)
	h.recv.holdReceipts(true)
	stop := h.run()
	j := h.approve(3 * chunk)
	h.until(j.ID, func(j delivery.Job) bool { return len(h.recv.received(j.Digest)) == 1 })
	stop()
	h.recv.forget()
	h.recv.holdReceipts(false)
	sent := h.recv.bytes()
	h.restart()
	stop = h.run()
	h.delivered(h.until(j.ID, in(delivery.Done)))
	stop()
	if h.recv.bytes() != sent {
		t.Errorf("%d bytes were sent again", h.recv.bytes()-sent)
	}
}

func TestCancel(t *testing.T) {
	h := newHub(t)
	h.recv.slow(5 * time.Millisecond)
	defer h.run()()
	cooling := h.approve(10, func(o *request.Outbox) { o.NotBefore = time.Now().Add(time.Hour) })
	sending := h.approve(40 * chunk)
	h.until(sending.ID, func(j delivery.Job) bool { return j.Offset > chunk })
	for _, j := range []delivery.Job{cooling, sending} {
		if err := h.Cancel(t.Context(), j.ID); err != nil {
			t.Fatal(err)
		}
		got := h.until(j.ID, in(delivery.Cancelled))
		if diff := cmp.Diff([]ledger.Kind{ledger.Approved, ledger.Cancelled}, h.kinds(j)); diff != "" || got.Error == "" {
			t.Errorf("ledger (-want +got):\n%s", diff)
		}
		if err := h.Cancel(t.Context(), j.ID); !errors.Is(err, delivery.ErrFinished) {
			t.Errorf("cancelling twice: %v", err)
		}
	}
	sent := h.recv.bytes()
	time.Sleep(200 * time.Millisecond)
	// What the network held at that moment may still arrive: less than one PATCH.
	if n := h.recv.bytes() - sent; n > chunk || sent >= 38*chunk {
		t.Errorf("%d bytes came after the cancelling, %d before", n, sent)
	}
	if err := h.Cancel(t.Context(), 99); !errors.Is(err, delivery.ErrNotFound) {
		t.Errorf("cancelling an unknown job: %v", err)
	}
}

func TestCancelAfterTheLastByteIsTooLate(t *testing.T) {
	h := newHub(t)
	h.recv.holdReceipts(true)
	defer h.run()()
	j := h.approve(2 * chunk)
	h.until(j.ID, func(j delivery.Job) bool { return j.Offset == j.Bytes })
	if err := h.Cancel(t.Context(), j.ID); !errors.Is(err, delivery.ErrTooLate) {
		t.Errorf("cancelling after the last byte: %v", err)
	}
	h.recv.holdReceipts(false)
	h.delivered(h.until(j.ID, in(delivery.Done)))
}

func TestChangedFileIsNotSent(t *testing.T) {
	h := newHub(t)
	j := h.approve(1000)
	data, err := os.ReadFile(j.Path)
	if err != nil {
		t.Fatal(err)
	}
	data[500] ^= 1
	if err := os.WriteFile(j.Path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	defer h.run()()
	j = h.until(j.ID, in(delivery.Failed))
	if h.recv.contacts() != 0 || !strings.Contains(j.Error, "not the one you approved") {
		t.Errorf("%q after %d contacts", j.Error, h.recv.contacts())
	}
	if diff := cmp.Diff([]ledger.Kind{ledger.Approved, ledger.Failed}, h.kinds(j)); diff != "" {
		t.Errorf("ledger (-want +got):\n%s", diff)
	}
}

// TestReceiptIsInTheLedger reads it back: an auditor needs nothing else.
func TestReceiptIsInTheLedger(t *testing.T) {
	h := newHub(t)
	defer h.run()()
	j := h.until(h.approve(10).ID, in(delivery.Done))
	index, err := h.house.ByRequest(t.Context(), j.Request)
	if err != nil {
		t.Fatal(err)
	}
	e, err := h.log.Entries(t.Context(), index[len(index)-1], 1)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(e[0].Data), base64.StdEncoding.EncodeToString(j.Receipt)) {
		t.Errorf("data %s", e[0].Data)
	}
}
