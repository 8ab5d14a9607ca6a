package delivery_test

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"gatehouse/hub/delivery"
	"gatehouse/hub/ledger"
	"gatehouse/hub/request"
)

// hooked is a store whose calls a test can hold up or fail.
type hooked struct {
	delivery.Store
	read   func()                   // after the rows were read
	saved  func(delivery.Job)       // after progress was stored
	finish func(delivery.Job) error // before a final state is stored
}

func (s *hooked) Jobs(ctx context.Context) ([]delivery.Job, error) {
	jobs, err := s.Store.Jobs(ctx)
	if s.read != nil {
		s.read()
	}
	return jobs, err
}

func (s *hooked) SaveJob(ctx context.Context, j delivery.Job) error {
	err := s.Store.SaveJob(ctx, j)
	if s.saved != nil {
		s.saved(j)
	}
	return err
}

func (s *hooked) FinishJob(ctx context.Context, j delivery.Job, e ...ledger.Entry) error {
	if s.finish != nil {
		if err := s.finish(j); err != nil {
			return err
		}
	}
	return s.Store.FinishJob(ctx, j, e...)
}

func (h *hub) on(s hooked) {
	s.Store = h.house
	h.restart(func(c *delivery.Config) { c.Store = &s })
}

// silent checks that the receiver gets nothing more, but what the network held.
func (h *hub) silent() {
	h.t.Helper()
	// The chunk on its way may still come, even whole: the receiver reads
	// slowly what its socket holds.
	sent, asked := h.recv.bytes(), h.recv.contacts()
	h.Kick()
	time.Sleep(200 * time.Millisecond)
	if n := h.recv.bytes() - sent; n > chunk || h.recv.contacts() != asked {
		h.t.Errorf("after the end %d bytes came in %d exchanges", n, h.recv.contacts()-asked)
	}
}

func (h *hub) wantKinds(j delivery.Job, want ...ledger.Kind) {
	h.t.Helper()
	if diff := cmp.Diff(append([]ledger.Kind{ledger.Approved}, want...), h.kinds(j)); diff != "" {
		h.t.Errorf("ledger (-want +got):\n%s", diff)
	}
}

// TestCancelOutlivesItsCaller: a browser that goes away takes nothing back.
func TestCancelOutlivesItsCaller(t *testing.T) {
	h := newHub(t)
	h.recv.slow(5 * time.Millisecond)
	defer h.run()()
	j := h.approve(40 * chunk)
	h.until(j.ID, func(j delivery.Job) bool { return j.Offset > chunk })
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := h.Cancel(ctx, j.ID); err != nil {
		t.Fatal(err)
	}
	h.silent()
	h.until(j.ID, in(delivery.Cancelled))
	h.wantKinds(j, ledger.Cancelled)
	if told := <-h.done; told.ID != j.ID || told.State != delivery.Cancelled {
		t.Errorf("told of %+v", told)
	}
}

func TestCancelManyAtOnce(t *testing.T) {
	h := newHub(t)
	h.recv.slow(5 * time.Millisecond)
	h.on(hooked{finish: func(delivery.Job) error { time.Sleep(20 * time.Millisecond); return nil }})
	defer h.run()()
	j := h.approve(40 * chunk)
	h.until(j.ID, func(j delivery.Job) bool { return j.Offset > chunk })
	dead, cancel := context.WithCancel(t.Context())
	cancel()
	errs := make([]error, 8)
	var wg sync.WaitGroup
	for i := range errs {
		ctx := t.Context()
		if i%2 == 0 {
			ctx = dead
		}
		wg.Go(func() { errs[i] = h.Cancel(ctx, j.ID) })
	}
	wg.Wait()
	h.silent()
	done := slices.DeleteFunc(slices.Clone(errs), func(err error) bool { return errors.Is(err, delivery.ErrFinished) })
	if len(done) != 1 || done[0] != nil {
		t.Errorf("cancelled with %v", errs)
	}
	h.wantKinds(j, ledger.Cancelled)
}

// TestCancelThatCannotBeStored: the owner said stop, and it stays stopped.
func TestCancelThatCannotBeStored(t *testing.T) {
	h := newHub(t)
	h.recv.slow(5 * time.Millisecond)
	full := errors.New("disk full")
	fail := full
	h.on(hooked{finish: func(delivery.Job) error { err := fail; fail = nil; return err }})
	defer h.run()()
	j := h.approve(40 * chunk)
	h.until(j.ID, func(j delivery.Job) bool { return j.Offset > chunk })
	if err := h.Cancel(t.Context(), j.ID); !errors.Is(err, full) {
		t.Fatalf("cancelling: %v", err)
	}
	h.silent()
	if err := h.Cancel(t.Context(), j.ID); err != nil {
		t.Fatal(err)
	}
	h.wantKinds(j, ledger.Cancelled)
}

// TestCancelDuringAPermanentFailure: one of the two is in the ledger, and the
// outbox goes on.
func TestCancelDuringAPermanentFailure(t *testing.T) {
	h := newHub(t)
	h.replaced(answering(http.StatusBadRequest))
	failing, goOn := make(chan struct{}, 8), make(chan struct{})
	h.on(hooked{finish: func(j delivery.Job) error {
		if j.State == delivery.Failed {
			failing <- struct{}{}
			<-goOn
		}
		return nil
	}})
	defer h.run()()
	j := h.approve(100)
	<-failing
	time.AfterFunc(100*time.Millisecond, func() { close(goOn) })
	if err := h.Cancel(t.Context(), j.ID); err != nil {
		t.Errorf("cancelling: %v", err)
	}
	h.until(j.ID, in(delivery.Cancelled))
	next := h.approve(100)
	h.until(next.ID, in(delivery.Failed))
	h.wantKinds(j, ledger.Cancelled)
	h.wantKinds(next, ledger.Failed)
}

// TestRowOlderThanItsAttempt reads the table just before an attempt ends: the
// back-off that it stores must not be lost.
func TestRowOlderThanItsAttempt(t *testing.T) {
	h := newHub(t)
	asked, answer := make(chan struct{}, 8), make(chan struct{})
	h.replaced(func(http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			asked <- struct{}{}
			<-answer
			w.WriteHeader(http.StatusInternalServerError)
		})
	})
	var mu sync.Mutex
	armed, tries := false, 0
	stored := make(chan struct{})
	s := hooked{Store: h.house, saved: func(j delivery.Job) {
		mu.Lock()
		defer mu.Unlock()
		if j.State == delivery.Sending {
			tries++
		} else if tries == 1 {
			close(stored)
		}
	}, read: func() {
		mu.Lock()
		wait := armed
		armed = false
		mu.Unlock()
		if wait {
			close(answer)
			<-stored
			time.Sleep(50 * time.Millisecond) // the attempt may end now
		}
	}}
	h.restart(func(c *delivery.Config) { c.Store, c.Retry = &s, time.Hour })
	defer h.run()()
	j := h.approve(100)
	<-asked
	mu.Lock()
	armed = true
	mu.Unlock()
	h.Kick()
	<-stored
	time.Sleep(300 * time.Millisecond)
	mu.Lock()
	if tries != 1 {
		t.Errorf("%d attempts, want one and an hour's wait", tries)
	}
	mu.Unlock()
	if j = h.until(j.ID, in(delivery.Retrying)); j.Attempts != 1 || !j.NextTry.After(time.Now()) {
		t.Errorf("stored %d attempts, the next at %v", j.Attempts, j.NextTry)
	}
}

func TestCancelRequest(t *testing.T) {
	h := newHub(t)
	h.recv.slow(2 * time.Millisecond)
	stop := h.run()
	if err := h.CancelRequest(t.Context(), "r-unknown"); err != nil {
		t.Errorf("a request without a job: %v", err)
	}
	j := h.approve(10, func(o *request.Outbox) { o.NotBefore = time.Now().Add(time.Hour) })
	for range 2 { // the second finds it cancelled
		if err := h.CancelRequest(t.Context(), j.Request); err != nil {
			t.Fatal(err)
		}
	}
	if got := h.until(j.ID, in(delivery.Cancelled)); got.Error == "" {
		t.Error("no reason")
	}
	h.wantKinds(j, ledger.Cancelled)
	if h.recv.contacts() != 0 {
		t.Error("the receiver was contacted")
	}

	j = h.approve(20 * chunk)
	h.until(j.ID, func(j delivery.Job) bool { return j.Offset > 0 })
	late := func(when string) {
		t.Helper()
		if err := h.CancelRequest(t.Context(), j.Request); !errors.Is(err, delivery.ErrTooLate) {
			t.Errorf("%s: %v", when, err)
		}
	}
	late("during the upload")
	stop()
	h.restart() // what was sent is in the table alone
	late("between attempts")
	h.recv.slow(0)
	defer h.run()()
	j = h.until(j.ID, in(delivery.Done))
	late("after the receipt")
	h.delivered(j)
}

// TestCancelRequestBeforeTheFirstByte stops an attempt that runs already.
func TestCancelRequestBeforeTheFirstByte(t *testing.T) {
	h := newHub(t)
	posted, goOn := make(chan struct{}, 8), make(chan struct{})
	h.replaced(func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
			if q.Method == http.MethodPost {
				posted <- struct{}{}
				<-goOn
			}
			next.ServeHTTP(w, q)
		})
	})
	defer h.run()()
	j := h.approve(chunk)
	<-posted
	if err := h.CancelRequest(t.Context(), j.Request); err != nil {
		t.Fatal(err)
	}
	close(goOn)
	h.silent()
	h.until(j.ID, in(delivery.Cancelled))
	h.wantKinds(j, ledger.Cancelled)
	if n := h.recv.bytes(); n != 0 {
		t.Errorf("%d bytes were sent", n)
	}
}
