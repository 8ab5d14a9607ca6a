package homekit

import (
	"context"
	"crypto/ed25519"
	"encoding/json"
	"fmt"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// lockRig is a doorbell with a consent lock and a paired controller, on a network
// in memory, and what was asked of the hub.
type lockRig struct {
	*Bridge
	t   *testing.T
	l   *lines
	key ed25519.PrivateKey
	*wire

	mu       sync.Mutex
	approved []Card
	refused  []string
	answer   error // of the hub
}

func newLockRig(t *testing.T, change ...func(*Config)) *lockRig {
	t.Helper()
	r := &lockRig{t: t, l: newLines()}
	cfg := Config{Store: &memory{}, Lock: true, Unlock: r.approve, Refused: r.refuse}
	for _, f := range change {
		f(&cfg)
	}
	var err error
	if r.Bridge, err = New(t.Context(), cfg); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	wg.Go(func() {
		if err := r.bell.run(ctx, r.l); err != nil {
			t.Error(err)
		}
	})
	wg.Go(func() { _ = r.loop(ctx) })
	t.Cleanup(func() { stop(); wg.Wait() })
	time.Sleep(time.Second) // the loop has looked at what New left to it, and looks again only when it is told
	r.key = paired(t, r.Bridge, "me", true)
	r.wire = r.device("me", r.key)
	return r
}

// device is another connection of a controller.
func (r *lockRig) device(id string, key ed25519.PrivateKey) *wire {
	w := r.l.dial(r.t)
	w.verify(id, key)
	return w
}

func (r *lockRig) approve(_ context.Context, c Card) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.answer == nil {
		r.approved = append(r.approved, c)
	}
	return r.answer
}

func (r *lockRig) refuse(_ context.Context, c Card, why string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.refused = append(r.refused, c.Request+" "+why)
}

// rings puts cards on display and waits until the first rang.
func (r *lockRig) rings(cards ...Card) {
	r.t.Helper()
	r.Show(cards)
	synctest.Wait()
}

func (w *wire) look() {
	w.t.Helper()
	if status, b := w.ask("POST", "/resource", []byte(`{"resource-type":"image","image-width":640,"image-height":360}`)); status != http.StatusOK || len(b) == 0 {
		w.t.Fatalf("snapshot: %d", status)
	}
}

// turn writes the target state, timed and at once unless said otherwise.
func (w *wire) turn(v int) int {
	w.t.Helper()
	w.ask("PUT", "/prepare", []byte(`{"ttl":2500,"pid":11}`))
	return w.put(fmt.Sprintf(`{"characteristics":[{"aid":1,"iid":%d,"value":%d}],"pid":11}`, lockIID+2, v))
}

// put writes one characteristic and returns its status.
func (w *wire) put(body string) int {
	w.t.Helper()
	status, b := w.ask("PUT", "/characteristics", []byte(body))
	if status == http.StatusNoContent {
		return codeDone
	}
	var a struct {
		Characteristics []struct{ Status int }
	}
	if err := json.Unmarshal(b, &a); err != nil || len(a.Characteristics) != 1 {
		w.t.Fatalf("status %d: %s", status, b)
	}
	return a.Characteristics[0].Status
}

// state reads current and target state.
func (w *wire) state() [2]int {
	w.t.Helper()
	_, b := w.ask("GET", fmt.Sprintf("/characteristics?id=1.%d,1.%d", lockIID+1, lockIID+2), nil)
	var a struct {
		Characteristics []struct{ Value int }
	}
	if err := json.Unmarshal(b, &a); err != nil || len(a.Characteristics) != 2 {
		w.t.Fatalf("%s, %v", b, err)
	}
	return [2]int{a.Characteristics[0].Value, a.Characteristics[1].Value}
}

var (
	opened = [2]int{lockOpen, lockOpen}
	closed = [2]int{lockShut, lockShut}
)

// hears reads events until current and target state were told, and returns both.
func (w *wire) hears() (got [2]int) {
	w.t.Helper()
	told := map[uint64]any{}
	for len(told) < 2 {
		for id, v := range w.told() {
			told[id] = v
		}
	}
	for i := range got {
		got[i] = int(told[lockIID+1+uint64(i)].(float64))
	}
	return got
}

// ready leaves nothing to do but unlock.
func (r *lockRig) ready() {
	r.t.Helper()
	r.rings(sample)
	r.look()
	time.Sleep(lockSoon)
}

// display shows a card that the loop has not come by to ring for.
func (r *lockRig) display(c Card) {
	r.Bridge.mu.Lock()
	defer r.Bridge.mu.Unlock()
	r.deck.show([]Card{c})
	r.face.Store(newFace(c, plain))
}
