package homekit

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/brutella/hap/characteristic"
	"github.com/google/go-cmp/cmp"

	"gatehouse/rtsp/rtsptest/bubble"
)

// TestLockApprovesWhatWasLookedAt is the one way through: ring, look, wait, unlock.
// It locks again after five seconds, and everybody hears of both.
func TestLockApprovesWhatWasLookedAt(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		r := newLockRig(t)
		if got := r.state(); got != closed {
			t.Errorf("at the start %v", got)
		}
		other := r.device("me", r.key)
		other.listens(r.lock.svc.LockCurrentState.C, r.lock.svc.LockTargetState.C)
		r.rings(sample)
		r.look()
		time.Sleep(lockSoon)
		if code := r.turn(lockOpen); code != codeDone {
			t.Fatalf("unlocking: %d", code)
		}
		began := time.Now()
		if got := other.hears(); got != opened || r.state() != opened {
			t.Errorf("told %v, is %v", got, r.state())
		}
		if got, late := other.hears(), time.Since(began); got != closed || late < lockOpens || late > lockOpens+eventsEvery {
			t.Errorf("told %v after %v", got, late)
		}
		if diff := cmp.Diff([]Card{sample}, r.approved); diff != "" || r.state() != closed || len(r.refused) != 0 {
			t.Errorf("%s%v %v", diff, r.state(), r.refused)
		}
	})
}

// TestLockCheated tries each way around the rules. Nothing is approved, the lock
// says so, and all controllers hear that it is shut.
func TestLockCheated(t *testing.T) {
	next := Card{Request: "req-2", Agency: "Hillside Police Department", Version: "2", Index: 1, Total: 1}
	for name, c := range map[string]struct {
		cheat func(r *lockRig) int // returns the status of the last try
		code  int
		why   []string
	}{
		"nothing waits": {func(r *lockRig) int { r.look(); time.Sleep(time.Minute); return r.turn(lockOpen) }, codeRefused, nil},
		"nobody looked": {func(r *lockRig) int { r.rings(sample); time.Sleep(time.Minute); return r.turn(lockOpen) }, codeRefused, []string{"req-1 not-seen"}},
		"looked before the ring": {func(r *lockRig) int {
			r.display(sample)
			r.look()
			time.Sleep(time.Second)
			r.wake() // now it rings
			synctest.Wait()
			time.Sleep(time.Minute)
			return r.turn(lockOpen)
		}, codeRefused, []string{"req-1 not-seen"}},
		"looked before the revision": {func(r *lockRig) int {
			r.ready()
			revised := sample
			revised.Version, revised.Agency = "9", "Hillside Police Department"
			r.Show([]Card{revised})
			synctest.Wait()
			time.Sleep(time.Minute)
			return r.turn(lockOpen)
		}, codeRefused, []string{"req-1 not-seen"}},
		"before it rang": {func(r *lockRig) int {
			r.display(sample)
			r.look()
			time.Sleep(time.Minute)
			return r.turn(lockOpen)
		}, codeRefused, []string{"req-1 not-rung"}},
		"asked before the ring, answered after": {func(r *lockRig) int {
			r.looked(sample, time.Now().Add(-time.Second), "me")
			r.rings(sample)
			r.looked(sample, time.Now().Add(-time.Second), "me")
			time.Sleep(time.Minute)
			return r.turn(lockOpen)
		}, codeRefused, []string{"req-1 not-seen"}},
		"at once": {func(r *lockRig) int { r.rings(sample); r.look(); return r.turn(lockOpen) }, codeRefused, []string{"req-1 soon"}},
		"a moment too soon": {func(r *lockRig) int {
			r.rings(sample)
			r.look()
			time.Sleep(lockSoon - time.Millisecond)
			return r.turn(lockOpen)
		}, codeRefused, []string{"req-1 soon"}},
		"again and again from the ring on": {func(r *lockRig) (code int) {
			r.rings(sample)
			for range 50 {
				code = r.turn(lockOpen)
				time.Sleep(lockSoon / 51)
			}
			return code
		}, codeRefused, slices.Repeat([]string{"req-1 soon"}, 50)},
		"the card of the request before": {func(r *lockRig) int {
			r.rings(sample)
			r.look()
			time.Sleep(time.Minute)
			r.rings(next)
			time.Sleep(time.Minute)
			return r.turn(lockOpen)
		}, codeRefused, []string{"req-2 not-seen"}},
		"a picture of the request before that comes late": {func(r *lockRig) int {
			r.rings(sample)
			time.Sleep(time.Minute)
			r.rings(next)
			r.looked(sample, time.Now(), "me")
			time.Sleep(time.Minute)
			return r.turn(lockOpen)
		}, codeRefused, []string{"req-2 not-seen"}},
		"looked at by who is no longer paired": {func(r *lockRig) int {
			guest := r.device("guest", paired(r.t, r.Bridge, "guest", false))
			r.rings(sample)
			guest.look()
			if err := r.bell.store.remove("guest"); err != nil {
				r.t.Fatal(err)
			}
			time.Sleep(time.Minute)
			return r.turn(lockOpen)
		}, codeRefused, []string{"req-1 not-seen"}},
		"looked at by a stranger": {func(r *lockRig) int {
			r.rings(sample)
			if status, _ := r.l.dial(r.t).ask("POST", "/resource", []byte(`{"resource-type":"image"}`)); status != statusUnverified {
				r.t.Errorf("a stranger's picture: %d", status)
			}
			time.Sleep(time.Minute)
			return r.turn(lockOpen)
		}, codeRefused, []string{"req-1 not-seen"}},
		"not timed": {func(r *lockRig) int {
			r.ready()
			return r.put(fmt.Sprintf(`{"characteristics":[{"aid":1,"iid":%d,"value":0}]}`, lockIID+2))
		}, codeInvalid, nil},
		"timed by nobody": {func(r *lockRig) int {
			r.ready()
			return r.put(fmt.Sprintf(`{"characteristics":[{"aid":1,"iid":%d,"value":0}],"pid":11}`, lockIID+2))
		}, codeInvalid, nil},
		"timed and too late": {func(r *lockRig) int {
			r.ready()
			r.ask("PUT", "/prepare", []byte(`{"ttl":2500,"pid":11}`))
			time.Sleep(2501 * time.Millisecond)
			return r.put(fmt.Sprintf(`{"characteristics":[{"aid":1,"iid":%d,"value":0}],"pid":11}`, lockIID+2))
		}, codeInvalid, nil},
		"timed by another connection": {func(r *lockRig) int {
			r.ready()
			r.device("me", r.key).ask("PUT", "/prepare", []byte(`{"ttl":2500,"pid":11}`))
			return r.put(fmt.Sprintf(`{"characteristics":[{"aid":1,"iid":%d,"value":0}],"pid":11}`, lockIID+2))
		}, codeInvalid, nil},
		"one timing for two writes": {func(r *lockRig) int {
			r.rings(sample)
			r.look()
			time.Sleep(lockSoon - time.Second)
			first := r.turn(lockOpen) // too soon
			time.Sleep(2 * time.Second)
			if first != codeRefused {
				r.t.Errorf("the first: %d", first)
			}
			return r.put(fmt.Sprintf(`{"characteristics":[{"aid":1,"iid":%d,"value":0}],"pid":11}`, lockIID+2))
		}, codeInvalid, []string{"req-1 soon"}},
		"another state": {func(r *lockRig) int { r.ready(); return r.turn(2) }, codeInvalid, nil},
		"the current state": {func(r *lockRig) int {
			r.ready()
			r.ask("PUT", "/prepare", []byte(`{"ttl":2500,"pid":11}`))
			return r.put(fmt.Sprintf(`{"characteristics":[{"aid":1,"iid":%d,"value":0}],"pid":11}`, lockIID+1))
		}, codeReadOnly, nil},
		"to lock decides nothing": {func(r *lockRig) int { r.ready(); return r.turn(lockShut) }, codeDone, nil},
		"silence":                 {func(r *lockRig) int { r.ready(); time.Sleep(7 * 24 * time.Hour); return codeDone }, codeDone, nil},
		"the hub says no": {func(r *lockRig) int {
			r.answer = errors.New("not prepared")
			r.ready()
			return r.turn(lockOpen)
		}, codeRefused, nil},
		"switched off": {func(r *lockRig) int {
			r.ready()
			if err := r.SetLock(false); err != nil {
				r.t.Fatal(err)
			}
			return r.turn(lockOpen)
		}, codeUnknown, nil},
		"a write under way while it is switched off": {func(r *lockRig) int {
			r.ready()
			if err := r.SetLock(false); err != nil {
				r.t.Fatal(err)
			}
			req := (&http.Request{}).WithContext(context.WithValue(r.t.Context(), connKey{}, r.bell.all()[0]))
			_, code := r.writeLock(lockOpen, req) // what find gave before
			return code
		}, codeRefused, []string{"req-1 off"}},
	} {
		t.Run(name, func(t *testing.T) {
			bubble.Test(t, func(t *testing.T) {
				r := newLockRig(t)
				other := r.device("me", r.key)
				other.listens(r.lock.svc.LockCurrentState.C, r.lock.svc.LockTargetState.C)
				got := c.cheat(r)
				if got != c.code {
					t.Errorf("answer %d, want %d", got, c.code)
				}
				if got == codeRefused && other.hears() != closed {
					t.Error("nobody heard that it is shut")
				}
				if len(r.approved) != 0 {
					t.Errorf("approved %v", r.approved)
				}
				if diff := cmp.Diff(c.why, r.refused); diff != "" {
					t.Error(diff)
				}
			})
		})
	}
}

// TestLockOpensForOneCard: while it shows that it opened, no wish is another
// approval, not of the next card either, and two devices at once are one.
func TestLockOpensForOneCard(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		r := newLockRig(t)
		r.ready()
		second := r.device("me", r.key)
		codes := make(chan int, 2)
		for _, w := range []*wire{r.wire, second} {
			go func() { codes <- w.turn(lockOpen) }()
		}
		if a, b := <-codes, <-codes; a != codeDone || b != codeDone {
			t.Errorf("two devices: %d, %d", a, b)
		}
		next := sample
		next.Request = "req-2"
		r.rings(next)
		r.look()
		time.Sleep(lockSoon)
		if code := r.turn(lockOpen); code != codeDone {
			t.Errorf("the same wish once more: %d", code)
		}
		if diff := cmp.Diff([]Card{sample}, r.approved); diff != "" {
			t.Error(diff)
		}
		time.Sleep(lockOpens)
		if code := r.turn(lockOpen); code != codeDone || len(r.approved) != 2 || r.approved[1] != next {
			t.Errorf("the next one, later: %d, %v", code, r.approved)
		}
		if r.turn(lockShut); r.state() != closed {
			t.Errorf("locked by hand: %v", r.state())
		}
	})
}

// TestLockKnowsAStreamedCard: who opened the stream looked as well, and a card
// that told of itself without a ring counts from when it came.
func TestLockKnowsAStreamedCard(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		r := newLockRig(t)
		silent := sample
		silent.Silent = true
		r.rings(silent)
		feed := r.reel(selection{width: 320, height: 240, controller: "me"})()
		defer feed.Close()
		for range 3 {
			if _, err := feed.Next(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		if code := r.turn(lockOpen); code != codeRefused {
			t.Errorf("as soon as it came: %d", code)
		}
		time.Sleep(lockSoon)
		if code := r.turn(lockOpen); code != codeDone || len(r.approved) != 1 {
			t.Errorf("later: %d, %v", code, r.approved)
		}
	})
}

// TestNoLockUnlessWanted: there is none without the owner's wish, none beside a
// card that does not say what would be approved, and none that nobody wired.
func TestNoLockUnlessWanted(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		plain := newLockRig(t, func(c *Config) { c.Lock = false })
		neutral := newLockRig(t, func(c *Config) { c.Neutral = true })
		if err := neutral.SetLock(true); err != nil {
			t.Error(err)
		}
		unwired := newLockRig(t, func(c *Config) { c.Unlock = nil })
		if err := unwired.SetLock(true); err == nil {
			t.Error("a lock that nobody wired is switched on")
		}
		for name, r := range map[string]*lockRig{"not wanted": plain, "neutral": neutral, "unwired": unwired} {
			r.ready()
			if code := r.turn(lockOpen); code != codeUnknown || len(r.approved) != 0 {
				t.Errorf("%s: %d, %v", name, code, r.approved)
			}
		}
	})
}

// services are the ids and types that a controller sees.
func (w *wire) services() (list []string) {
	w.t.Helper()
	var shape shapeOf
	_, b := w.ask("GET", "/accessories", nil)
	if err := json.Unmarshal(b, &shape); err != nil || len(shape.Accessories) != 1 {
		w.t.Fatal(string(b), err)
	}
	for _, s := range shape.Accessories[0].Services {
		for _, c := range s.Characteristics {
			list = append(list, fmt.Sprint(s.IID, " ", s.Type, " ", c.IID, " ", c.Type, " ", c.Perms))
		}
	}
	return list
}

// TestLockComesAndGoes while controllers are connected: the version counts up,
// each id stays what it was, and a restart changes nothing.
func TestLockComesAndGoes(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		keep := &memory{}
		r := newLockRig(t, func(c *Config) { c.Store, c.Lock = keep, false })
		version := func() uint16 { return r.bell.store.get().Version }
		was, without := version(), r.services()
		set := func(on bool) {
			t.Helper()
			for range 2 {
				if err := r.SetLock(on); err != nil {
					t.Fatal(err)
				}
			}
		}
		set(true)
		with := r.services()
		lock := []string{"1000 45 1001 1D [pr ev]", "1000 45 1002 1E [pr pw ev tw]", "1000 45 1003 23 [pr]"}
		if diff := cmp.Diff(append(slices.Clone(without), lock...), with); diff != "" || version() != was+1 {
			t.Errorf("version %d after %d\n%s", version(), was, diff)
		}
		r.ready()
		if code := r.turn(lockOpen); code != codeDone || r.state() != opened {
			t.Fatalf("unlocking: %d", code)
		}
		set(false)
		if diff := cmp.Diff(without, r.services()); diff != "" || version() != was+2 {
			t.Errorf("version %d\n%s", version(), diff)
		}
		set(true)
		if diff := cmp.Diff(with, r.services()); diff != "" || version() != was+3 || r.state() != closed {
			t.Errorf("version %d, %v\n%s", version(), r.state(), diff)
		}
		again, err := New(t.Context(), Config{Store: keep, Lock: true, Unlock: r.approve})
		if err != nil || again.bell.store.get().Version != was+3 {
			t.Errorf("after a restart: version %d, %v", again.bell.store.get().Version, err)
		}
	})
}

// TestLockOnTheNetwork is unlocked by Home Assistant's controller, whose plain
// write is refused and whose timed one is not.
func TestLockOnTheNetwork(t *testing.T) {
	approved := make(chan Card, 2)
	b := startBridge(t, Config{Lock: true, Unlock: func(_ context.Context, c Card) error { approved <- c; return nil }})
	p := startPeer(t, "aiohomekit")
	p.do(at(b.Status(), b.Code(), m{"do": "pair", "as": "bell"}), nil)
	var shape shapeOf
	p.do(m{"do": "accessories", "as": "bell"}, &shape)
	target, current := shape.ids(t, characteristic.TypeLockTargetState)[0], shape.ids(t, characteristic.TypeLockCurrentState)[0]
	p.do(m{"do": "subscribe", "as": "bell", "ids": []string{current}}, nil)
	b.Show([]Card{sample})
	waitRung(t, b, sample.Request)
	p.do(m{"do": "image", "as": "bell", "width": 640, "height": 360}, nil)
	time.Sleep(lockSoon)
	if got := statusOf(t, p.try(m{"do": "write", "as": "bell", "values": m{target: lockOpen}})); got != codeInvalid || len(approved) != 0 {
		t.Fatalf("a plain write: status %d, %d approved", got, len(approved))
	}
	timed := m{"do": "timed", "as": "bell", "prepare": true, "ttl": 60_000, "pid": 11, "values": m{target: lockOpen}}
	if got := statusOf(t, p.try(timed)); got != codeDone {
		t.Fatalf("a timed write: status %d", got)
	}
	if c := <-approved; c != sample {
		t.Errorf("approved %+v", c)
	}
	for _, want := range []float64{lockOpen, lockShut} {
		if _, _, v, ok := p.hear(time.Minute); !ok || v != want {
			t.Errorf("heard %v, want %v", v, want)
		}
	}
	b.Show(nil)
	if got := statusOf(t, p.try(timed)); got != codeRefused {
		t.Errorf("with nothing on display: status %d", got)
	}
	if _, _, v, ok := p.hear(time.Minute); !ok || v != float64(lockShut) {
		t.Errorf("after a refusal heard %v", v)
	}
}
