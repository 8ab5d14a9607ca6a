package homekit

import (
	"errors"
	"net/http"
	"sync"
	"time"

	"github.com/brutella/hap/characteristic"
	"github.com/brutella/hap/service"
)

// States of a lock (HAP R2, 9.52 and 9.56).
const (
	lockOpen = 0
	lockShut = 1
)

const (
	// lockIID begins the ids of the lock's service, far from those that are
	// counted, so that they are the same whatever else the doorbell ever has.
	lockIID = 1000

	lockSoon  = 3 * time.Second // after a ring: nobody has looked and thought, an automation acts
	lockOpens = 5 * time.Second // how long it shows that it opened
)

var errNoLock = errors.New("no consent lock was wired")

// lock is the consent lock: a lock mechanism on the doorbell whose unlocking
// approves the request on the card. It keeps the rules that only this side can
// know of; whether the request may be approved at all is Config.Unlock's.
type lock struct {
	svc      *service.LockMechanism
	deciding sync.Mutex // one unlocking at a time

	mu     sync.Mutex
	on     bool
	shutAt time.Time // while it shows that it opened; else zero
}

func (b *Bridge) newLock() *lock {
	l := &lock{svc: service.NewLockMechanism(), on: b.lockable(b.cfg.Lock)}
	name := characteristic.NewName()
	name.SetValue("Approve")
	l.svc.AddC(name.C)
	l.svc.Id = lockIID
	for i, ch := range l.svc.Cs {
		ch.Id = lockIID + 1 + uint64(i) // current state, target state, name; add only at the end
	}
	target := l.svc.LockTargetState
	target.ValidVals = []int{lockOpen, lockShut}
	target.Permissions = append(target.Permissions, characteristic.PermissionTimedWrite)
	target.SetValueRequestFunc = b.writeLock
	l.set(lockShut, time.Time{})
	return l
}

// set shows a state, which is the other one from a time on if there is one. The
// caller holds mu, or is newLock.
func (l *lock) set(v int, until time.Time) {
	l.shutAt = until
	l.svc.LockTargetState.SetValue(v)
	l.svc.LockCurrentState.SetValue(v)
}

// shut locks at once.
func (l *lock) shut() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.set(lockShut, time.Time{})
}

// opened reports whether it shows that it opened.
func (l *lock) opened() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return !l.shutAt.IsZero()
}

// lockable reports whether there may be a lock: a neutral card does not say what
// would be approved.
func (b *Bridge) lockable(on bool) bool { return on && b.cfg.Unlock != nil && !b.cfg.Neutral }

// SetLock puts the consent lock on the doorbell or takes it off, and tells
// controllers. There is none beside a neutral card. An error means that they may
// learn of it only later.
func (b *Bridge) SetLock(on bool) error {
	if on && b.cfg.Unlock == nil {
		return errNoLock
	}
	on = b.lockable(on)
	b.lock.deciding.Lock() // what is being decided ends first
	defer b.lock.deciding.Unlock()
	b.lock.mu.Lock()
	same := b.lock.on == on
	b.lock.on = on
	b.lock.mu.Unlock()
	if same {
		return nil
	}
	b.lock.shut()
	defer b.bell.mdns.update()
	return b.bell.dress(on)
}

// writeLock answers a timed write of the target state.
func (b *Bridge) writeLock(v any, req *http.Request) (any, int) {
	switch v {
	case lockShut:
		b.lock.shut() // decides nothing
		return nil, codeDone
	case lockOpen:
		return nil, b.unlock(req)
	default:
		return nil, codeInvalid
	}
}

// unlock approves what is on the card, or tells all controllers that the lock is
// as it was.
func (b *Bridge) unlock(req *http.Request) int {
	l, c := b.lock, connOf(req)
	l.deciding.Lock()
	defer l.deciding.Unlock()
	if l.opened() {
		return codeDone // the same wish once more, perhaps of another device
	}
	card, why := b.mayUnlock(b.cfg.Now())
	if why == "" {
		if err := b.cfg.Unlock(req.Context(), card); err != nil {
			why = err.Error()
		}
	} else if card.Request != "" && b.cfg.Refused != nil {
		b.cfg.Refused(req.Context(), card, why)
	}
	if why != "" {
		b.cfg.Log.Warn("consent lock refused", "request", card.Request, "peer", c.controllerID(), "reason", why)
		b.bell.notify(l.svc.LockTargetState.C, lockShut, nil)
		b.bell.notify(l.svc.LockCurrentState.C, lockShut, nil)
		return codeRefused
	}
	b.cfg.Log.Info("consent lock opened", "request", card.Request, "peer", c.controllerID())
	l.mu.Lock()
	l.set(lockOpen, b.cfg.Now().Add(lockOpens))
	l.mu.Unlock()
	b.wake()
	return codeDone
}

// mayUnlock returns the card on display, and in a word why nothing may be
// approved by it now; none if it may.
func (b *Bridge) mayUnlock(now time.Time) (Card, string) {
	b.lock.mu.Lock()
	on := b.lock.on
	b.lock.mu.Unlock()
	b.mu.Lock()
	defer b.mu.Unlock()
	d := &b.deck
	switch {
	case !on:
		return d.shown, "off"
	case !d.frozen: // a card of no request never is
		return d.shown, "not-rung"
	case now.Sub(d.since) < lockSoon:
		return d.shown, "soon"
	}
	for id := range d.seen {
		if _, paired := b.bell.store.controller(id); paired {
			return d.shown, ""
		}
	}
	return d.shown, "not-seen"
}

// relock locks again when it is time, or returns how long that is.
func (b *Bridge) relock() time.Duration {
	l := b.lock
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.shutAt.IsZero() {
		return 0
	}
	if left := l.shutAt.Sub(b.cfg.Now()); left > 0 {
		return left
	}
	l.set(lockShut, time.Time{})
	return 0
}
