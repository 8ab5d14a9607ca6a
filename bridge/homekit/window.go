package homekit

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"
)

// windowFor is how long pairing stays open after the owner opened it.
const windowFor = 15 * time.Minute

var (
	// ErrPaired means that there is nothing to open pairing for.
	ErrPaired = errors.New("every accessory is paired; a home app can invite other people, and a reset makes an accessory free")
	// ErrTries means that wrong codes have closed every accessory that is not paired.
	ErrTries = errors.New("too many wrong codes were tried; reset HomeKit to pair again")
	// ErrNoAccessory is for names that no accessory has.
	ErrNoAccessory = errors.New("no such accessory")
)

// window is when controllers may pair, and with which code. All accessories
// share it. It is closed at first, also after a restart.
type window struct {
	now func() time.Time

	mu    sync.Mutex
	code  string
	until time.Time
}

// open returns the code and the end of the window; ok is false while it is closed.
func (w *window) open() (code string, until time.Time, ok bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.now().Before(w.until) {
		return "", time.Time{}, false
	}
	return w.code, w.until, true
}

// set opens the window until a time, or closes it with the zero time; with a
// code, that is the code from now on.
func (w *window) set(until time.Time, code string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.until = until
	if code != "" {
		w.code = code
	}
}

// OpenPairing lets controllers pair for 15 minutes from now and returns the end
// of that. It also ends with ClosePairing, Reset and Run, and once no accessory
// is left to pair.
func (b *Bridge) OpenPairing() (time.Time, error) {
	free, locked := b.free()
	switch {
	case !free && locked:
		return time.Time{}, ErrTries
	case !free:
		return time.Time{}, ErrPaired
	}
	until := b.cfg.Now().Add(windowFor)
	b.window.set(until, "")
	b.cfg.Log.Info("homekit pairing is open", "dur", windowFor)
	return until, nil
}

// ClosePairing ends the window. A pairing that is under way is refused.
func (b *Bridge) ClosePairing() { b.window.set(time.Time{}, "") }

// free reports whether an accessory could be paired, and whether one cannot
// because of wrong codes.
func (b *Bridge) free() (free, locked bool) {
	for _, s := range b.servers() {
		id := s.store.get()
		unpaired := len(id.Controllers) == 0
		free = free || unpaired && id.Tries < triesMax
		locked = locked || unpaired && id.Tries >= triesMax
	}
	return free, locked
}

// pairingsChanged is told after each change of any accessory's pairings.
func (b *Bridge) pairingsChanged() {
	if free, _ := b.free(); !free {
		b.ClosePairing()
	}
	b.wake() // a ring may wait for the first controller
}

// servers are all accessories, in the order of Status.
func (b *Bridge) servers() []*server {
	list := []*server{b.bell, b.eye}
	for _, c := range b.cameras {
		list = append(list, c.server)
	}
	return list
}

// named finds an accessory by Status.Accessory.
func (b *Bridge) named(accessory string) (*server, error) {
	list := b.servers()
	i := slices.IndexFunc(list, func(s *server) bool { return s.store.get().Accessory == accessory })
	if i < 0 {
		return nil, fmt.Errorf("%w: %q", ErrNoAccessory, accessory)
	}
	return list[i], nil
}

// RemoveController unpairs a controller from an accessory, as a home app can. If
// no administrator is left all controllers of the accessory go (HAP R2, 5.11).
func (b *Bridge) RemoveController(accessory, id string) error {
	s, err := b.named(accessory)
	if err != nil {
		return err
	}
	if err := s.store.remove(id); err != nil {
		return err
	}
	b.cfg.Log.Info("controller removed by the owner", "peer", id)
	s.pairingsChanged()
	return nil
}

// Reset makes an accessory, or all of them if accessory is empty, ones that
// nobody has met: pairings, key, device id and setup id are new, and wrong codes
// are forgotten. The code, which all share, is new too, and pairing is closed.
func (b *Bridge) Reset(accessory string) error {
	list := b.servers()
	if accessory != "" {
		s, err := b.named(accessory)
		if err != nil {
			return err
		}
		list = []*server{s}
	}
	for _, s := range b.servers() {
		// No message of a pairing is answered from half of an old identity, and none
		// goes on that began with the old code.
		s.setup.mu.Lock()
		defer s.setup.mu.Unlock()
		s.setup.owner, s.setup.srp = nil, nil
	}
	stores := make([]*store, len(list))
	for i, s := range list {
		stores[i] = s.store
	}
	code := newCode()
	if err := renew(b.cfg.Store, code, stores); err != nil {
		return err
	}
	b.window.set(time.Time{}, code)
	b.cfg.Log.Info("homekit reset", "state", accessory)
	for _, s := range list {
		s.acc.Info.SerialNumber.SetValue(serial(s.store))
		for _, c := range s.all() {
			c.net.Close()
		}
		s.pairingsChanged()
	}
	return nil
}
