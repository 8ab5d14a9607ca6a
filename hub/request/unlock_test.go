package request_test

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"gatehouse/hub/bulletin"
	"gatehouse/hub/bulletin/bulletintest"
	"gatehouse/hub/internal/uplink"
	"gatehouse/hub/ledger"
	"gatehouse/hub/request"
)

func locked(c *request.Config) { c.Home.Lock = true }

// leftBy is a home whose lock is on, with a package that somebody left to it.
func leftBy(t *testing.T, by request.Approver, change ...func(*request.Config)) (*home, request.Record) {
	t.Helper()
	h := newHome(t, append([]func(*request.Config){locked}, change...)...).allowed()
	return h, h.leave(h.prepare(h.arrive(h.request(), request.Waiting)), by)
}

func (h *home) leave(r request.Record, by request.Approver) request.Record {
	h.t.Helper()
	r, err := h.LeaveToLock(h.t.Context(), r.ID, r.Package.Digest, by)
	if err != nil {
		h.t.Fatal(err)
	}
	return r
}

// unlock tries with the card that showed the request as it was.
func (h *home) unlock(r request.Record) (request.Record, error) {
	h.t.Helper()
	return h.Unlock(h.t.Context(), r.ID, request.Version(r))
}

func (h *home) jobs() int {
	h.t.Helper()
	list, err := h.house.Jobs(h.t.Context())
	if err != nil {
		h.t.Fatal(err)
	}
	return len(list)
}

// reasons are those that the ledger has for refusals of the lock.
func (h *home) reasons(id string) (list []string) {
	h.t.Helper()
	for _, e := range h.entries(id) {
		var data struct{ Reason string }
		if e.Kind != ledger.LockRefused {
			continue
		}
		if err := json.Unmarshal(e.Data, &data); err != nil {
			h.t.Fatal(err)
		}
		list = append(list, data.Reason)
	}
	return list
}

// TestUnlockIsAnApproval: with its cool-down, even without the network, and in
// the ledger as nobody's.
func TestUnlockIsAnApproval(t *testing.T) {
	var off uplink.Switch
	off.Set(false)
	h, r := leftBy(t, second, func(c *request.Config) { c.Uplink = &off })
	if h.jobs() != 0 {
		t.Fatal("to leave a package to the lock sends it")
	}
	got, err := h.unlock(r)
	if err != nil || got.State != request.Approved || got.Left != nil || got.DecidedBy != "A HomeKit controller" {
		t.Fatalf("%s %+v %q, %v", got.State, got.Left, got.DecidedBy, err)
	}
	if wait := got.SendAfter.Sub(h.clock.Now()); wait < 5*time.Minute || wait > time.Hour {
		t.Errorf("it goes after %v: the cool-down was skipped", wait)
	}
	if h.jobs() != 1 {
		t.Errorf("%d jobs", h.jobs())
	}
	want := []ledger.Kind{ledger.Received, ledger.Held, ledger.Prepared, ledger.LockMay, ledger.Approved}
	if diff := cmp.Diff(want, h.kinds(r.ID)); diff != "" {
		t.Error(diff)
	}
	last := h.entries(r.ID)[4]
	if !strings.HasPrefix(last.Text, "A HomeKit controller approved") || strings.Contains(last.Text, second.Words) {
		t.Errorf("the ledger says %q", last.Text)
	}
}

// TestUnlockRefuses cheats the lock in each way there is. Nothing is sent, and
// the ledger says why it was refused as long as the request waits.
func TestUnlockRefuses(t *testing.T) {
	left := true
	for name, c := range map[string]struct {
		cheat func(h *home, r request.Record) request.Record
		err   error
		why   string
	}{
		"nobody left it": {func(h *home, r request.Record) request.Record {
			return h.prepare(h.arrive(h.request(), request.Waiting))
		}, request.ErrNotLeft, "not-left"},
		"not prepared": {func(h *home, r request.Record) request.Record {
			return h.arrive(h.request(), request.Waiting)
		}, request.ErrState, "state"},
		"another package": {func(h *home, r request.Record) request.Record { h.prepare(r); return r }, request.ErrNotLeft, "not-left"},
		"the sealed file changed": {func(h *home, r request.Record) request.Record {
			if err := os.WriteFile(r.Package.Path, []byte("other footage"), 0o600); err != nil {
				h.t.Fatal(err)
			}
			return r
		}, request.ErrDigest, "changed"},
		"the record names another package": {func(h *home, r request.Record) request.Record {
			r.Left.Digest = strings.Repeat("0", 64)
			if err := h.house.PutRecord(h.t.Context(), r, r.State); err != nil {
				h.t.Fatal(err)
			}
			return r
		}, request.ErrDigest, "changed"},
		"taken back": {func(h *home, r request.Record) request.Record {
			if _, err := h.TakeFromLock(h.t.Context(), r.ID, owner.Words); err != nil {
				h.t.Fatal(err)
			}
			return r
		}, request.ErrNotLeft, "not-left"},
		"a revision": {func(h *home, r request.Record) request.Record {
			h.arrive(h.revise(*r.Request, func(q *bulletin.Request) { q.Window.To = q.Window.To.Add(-time.Hour) }), request.Waiting)
			return r
		}, request.ErrState, "state"},
		"the card of an older revision": {func(h *home, r request.Record) request.Record {
			q := h.revise(*r.Request, func(q *bulletin.Request) { q.Window.To = q.Window.To.Add(-time.Hour) })
			h.leave(h.prepare(h.arrive(q, request.Waiting)), owner)
			return r
		}, request.ErrCard, "changed"},
		"declined": {func(h *home, r request.Record) request.Record {
			if _, err := h.Decline(h.t.Context(), r.ID, owner.Words); err != nil {
				h.t.Fatal(err)
			}
			return r
		}, request.ErrState, ""},
		"withdrawn": {func(h *home, r request.Record) request.Record { h.withdraw(*r.Request); return r }, request.ErrState, ""},
		"past its time": {func(h *home, r request.Record) request.Record {
			h.clock.add(8 * 24 * time.Hour)
			return r
		}, request.ErrState, "state"},
		"the officer is none any more": {func(h *home, r request.Record) request.Record {
			h.reprofile(func(p *bulletin.Profile) {
				p.Officers = []bulletin.PublicKey{bulletintest.Public(bulletintest.Key(h.t))}
			})
			h.take()
			return r
		}, request.ErrState, ""},
		"the agency is off the list": {func(h *home, r request.Record) request.Record {
			if err := h.Disallow(h.t.Context(), r.Agency, owner.Words); err != nil {
				h.t.Fatal(err)
			}
			return r
		}, request.ErrState, ""},
		"other root keys are pinned": {func(h *home, r request.Record) request.Record {
			rogue := bulletintest.New(h.t, h.clock.Now())
			h.log.Add(h.t, bulletin.KindProfile, rogue.Envelope)
			h.take()
			if _, err := h.Allow(h.t.Context(), r.Agency, rogue.RootID, owner.Words); err != nil {
				h.t.Fatal(err)
			}
			// as a request would be that was not looked at again yet
			if was, err := h.Get(h.t.Context(), r.ID); err != nil || h.house.PutRecord(h.t.Context(), r, was.State) != nil {
				h.t.Fatal("putting the record back", err)
			}
			return r
		}, request.ErrBlocked, "blocked"},
		"the lock is off": {func(h *home, r request.Record) request.Record {
			h.SetHome(request.Home{})
			return r
		}, request.ErrLockOff, "off"},
		"requests are hidden": {func(h *home, r request.Record) request.Record {
			h.SetHome(request.Home{Lock: true, OptOut: true})
			return r
		}, request.ErrLockOff, "off"},
		"who left it may not approve": {func(h *home, r request.Record) request.Record { left = false; return r }, request.ErrNotLeft, "not-left"},
		"a request that is unknown":   {func(h *home, r request.Record) request.Record { r.ID = "other"; return r }, request.ErrNotFound, ""},
	} {
		t.Run(name, func(t *testing.T) {
			left = true
			h, r := leftBy(t, owner, func(cfg *request.Config) {
				cfg.Entitled = func(context.Context, int64) (bool, error) { return left, nil }
			})
			r = c.cheat(h, r)
			for range 3 {
				if got, err := h.unlock(r); !errors.Is(err, c.err) {
					t.Errorf("%s, %v; want %v", got.State, err, c.err)
				}
			}
			if n := h.jobs(); n != 0 {
				t.Errorf("%d packages on their way", n)
			}
			if got := h.reasons(r.ID); strings.Join(got, " ") != c.why {
				t.Errorf("the ledger says %q, want %q once", got, c.why)
			}
		})
	}
}

// TestUnlockTwiceIsOnce: also when both come at once, and after the package
// failed to leave.
func TestUnlockTwiceIsOnce(t *testing.T) {
	h, r := leftBy(t, owner)
	var wg sync.WaitGroup
	done := make(chan error, 8)
	for range cap(done) {
		wg.Go(func() { _, err := h.unlock(r); done <- err })
	}
	wg.Wait()
	close(done)
	taken := 0
	for err := range done {
		if err == nil {
			taken++
		} else if !errors.Is(err, request.ErrState) {
			t.Error(err)
		}
	}
	if taken != 1 || h.jobs() != 1 {
		t.Errorf("%d were taken, %d jobs", taken, h.jobs())
	}
	if err := h.Delivered(t.Context(), r.ID, false, "nobody there"); err != nil {
		t.Fatal(err)
	}
	if _, err := h.unlock(r); !errors.Is(err, request.ErrState) {
		t.Errorf("sent again by the lock: %v", err)
	}
	if _, err := h.LeaveToLock(t.Context(), r.ID, r.Package.Digest, owner); !errors.Is(err, request.ErrState) {
		t.Errorf("a package that failed was left to the lock: %v", err)
	}
}

// TestApprovalEndsWhatWasLeft: also that of another person than who left it.
func TestApprovalEndsWhatWasLeft(t *testing.T) {
	for _, by := range []request.Approver{owner, second} {
		h, r := leftBy(t, owner)
		if got, err := h.approveBy(r, by); err != nil || got.State != request.Approved || got.Left != nil {
			t.Errorf("%s: %s %+v, %v", by.Words, got.State, got.Left, err)
		}
	}
}

// TestLockIsNoSecondPerson: what it gives is the approval of the person who left
// it, whichever way round, and a request for two needs another at the console.
func TestLockIsNoSecondPerson(t *testing.T) {
	two := func(c *request.Config) { c.Home.Approvals = 2 }
	t.Run("lock first", func(t *testing.T) {
		h, r := leftBy(t, owner, two)
		got, err := h.unlock(r)
		if err != nil || got.State != request.Prepared || len(got.Approvals) != 1 || !got.Approvals[0].Lock || got.Approvals[0].Person != owner.Number || got.Left != nil {
			t.Fatalf("%s %+v, %v", got.State, got.Approvals, err)
		}
		for what, err := range map[string]error{
			"unlocked again":         after(h.unlock(r)),
			"left to it again":       after(h.LeaveToLock(t.Context(), r.ID, r.Package.Digest, owner)),
			"the same person writes": after(h.approveBy(r, owner)),
		} {
			if !errors.Is(err, request.ErrSecond) && !errors.Is(err, request.ErrNotLeft) {
				t.Errorf("%s: %v", what, err)
			}
		}
		if h.jobs() != 0 {
			t.Fatal("the lock alone sent it")
		}
		if got, err := h.approveBy(r, second); err != nil || got.State != request.Approved {
			t.Errorf("%s, %v", got.State, err)
		}
	})
	t.Run("console first", func(t *testing.T) {
		h, r := leftBy(t, owner, two)
		if got, err := h.approveBy(r, owner); err != nil || got.Left != nil {
			t.Fatalf("%+v, %v", got.Left, err)
		}
		if _, err := h.unlock(r); !errors.Is(err, request.ErrNotLeft) {
			t.Errorf("the same person twice: %v", err)
		}
		r = h.leave(r, second)
		if got, err := h.unlock(r); err != nil || got.State != request.Approved || h.jobs() != 1 {
			t.Errorf("%s, %v", got.State, err)
		}
	})
	t.Run("an approval by another leaves it as it is", func(t *testing.T) {
		h, r := leftBy(t, owner, two)
		if got, err := h.approveBy(r, second); err != nil || got.Left == nil {
			t.Fatalf("%+v, %v", got.Left, err)
		}
		if got, err := h.unlock(r); err != nil || got.State != request.Approved {
			t.Errorf("%s, %v", got.State, err)
		}
	})
}

func after(_ request.Record, err error) error { return err }

// TestLeaveToLockIsAsStrictAsApproval: who may not approve may not leave it either.
func TestLeaveToLockIsAsStrictAsApproval(t *testing.T) {
	h := newHome(t, locked).allowed()
	ctx := t.Context()
	waiting := h.arrive(h.request(), request.Waiting)
	if _, err := h.LeaveToLock(ctx, waiting.ID, "", owner); !errors.Is(err, request.ErrState) {
		t.Errorf("nothing is sealed: %v", err)
	}
	r := h.prepare(waiting)
	for _, digest := range []string{"", strings.ToUpper(r.Package.Digest), r.Package.Digest + " "} {
		if _, err := h.LeaveToLock(ctx, r.ID, digest, owner); !errors.Is(err, request.ErrDigest) {
			t.Errorf("digest %q: %v", digest, err)
		}
	}
	manual := h.add(h.manual())
	manual = h.prepare(manual)
	if _, err := h.LeaveToLock(ctx, manual.ID, manual.Package.Digest, owner); !errors.Is(err, request.ErrState) {
		t.Errorf("what no card shows: %v", err)
	}
	h.SetHome(request.Home{})
	if _, err := h.LeaveToLock(ctx, r.ID, r.Package.Digest, owner); !errors.Is(err, request.ErrLockOff) {
		t.Errorf("the lock is off: %v", err)
	}
	h.is(r.ID, request.Prepared)
}

// TestLockRefusalsDoNotFloodTheLedger: an automation may try all day.
func TestLockRefusalsDoNotFloodTheLedger(t *testing.T) {
	h, r := leftBy(t, owner)
	before, err := h.house.Size()
	if err != nil {
		t.Fatal(err)
	}
	for range 20 {
		for _, why := range append(strings.Fields("a b c d e f g h i j k l m n o p"), "soon") {
			if err := h.RefuseUnlock(t.Context(), r.ID, why); err != nil {
				t.Fatal(err)
			}
		}
	}
	size, err := h.house.Size()
	if err != nil || size-before > 12 {
		t.Errorf("%d entries, %v", size-before, err)
	}
	if got := h.reasons(r.ID); len(got) == 0 || len(slices.Compact(slices.Sorted(slices.Values(got)))) != len(got) {
		t.Errorf("reasons %q", got)
	}
	if got, err := h.unlock(r); err != nil || got.State != request.Approved {
		t.Errorf("after refusals: %s, %v", got.State, err)
	}
}
