package homekit

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"
)

const (
	// controllersMax bounds the pairings of one accessory; HAP R2, 5.11 asks for at
	// least 16.
	controllersMax = 32
	// seenEvery is how often it is kept that a controller came by.
	seenEvery = time.Hour
)

var errFull = errors.New("no room for another controller")

// store is one accessory's identity. A change is durable when the method that
// makes it returns nil, and not made otherwise.
type store struct {
	keep Store

	mu sync.Mutex
	id Identity
}

// openStore returns the identity of that name among those kept, or makes one.
func openStore(keep Store, kept []Identity, accessory string) (*store, error) {
	s := &store{keep: keep}
	if i := slices.IndexFunc(kept, func(id Identity) bool { return id.Accessory == accessory }); i >= 0 {
		s.id = kept[i]
		if len(s.id.Seed) != ed25519.SeedSize || s.id.DeviceID == "" || s.id.SetupID == "" {
			return nil, fmt.Errorf("identity of %s is not whole", accessory)
		}
		return s, nil
	}
	return s, s.update(func(id *Identity) error {
		*id = newIdentity(accessory)
		return nil
	})
}

// newIdentity returns one that nobody knows.
func newIdentity(accessory string) Identity {
	seed := make([]byte, ed25519.SeedSize)
	random(seed)
	return Identity{Accessory: accessory, DeviceID: newDeviceID(), SetupID: newSetupID(), Seed: seed, Version: 1}
}

// update applies change to a copy, keeps it, and then makes it the identity.
func (s *store) update(change func(*Identity) error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	next := s.id
	next.Controllers = slices.Clone(s.id.Controllers)
	if err := change(&next); err != nil {
		return err
	}
	// What a controller was told is kept even if the hub is told to stop now.
	if err := s.keep.KeepHomeKit(context.Background(), Kept{Accessories: []Identity{next}}, rungMax); err != nil {
		return fmt.Errorf("keeping accessory identity: %w", err)
	}
	s.id = next
	return nil
}

// renew gives every accessory of stores, which differ, an identity that nobody
// knows, and all the code, or changes nothing.
func renew(keep Store, code string, stores []*store) error {
	k := Kept{Code: code}
	for _, s := range stores {
		s.mu.Lock()
		defer s.mu.Unlock()
		next := newIdentity(s.id.Accessory)
		next.Shape = s.id.Shape
		k.Accessories = append(k.Accessories, next)
	}
	if err := keep.KeepHomeKit(context.Background(), k, rungMax); err != nil {
		return fmt.Errorf("keeping new identities: %w", err)
	}
	for i, s := range stores {
		s.id = k.Accessories[i]
	}
	return nil
}

// get returns a copy that the caller may read without a lock.
func (s *store) get() Identity {
	s.mu.Lock()
	defer s.mu.Unlock()
	id := s.id
	id.Controllers = slices.Clone(s.id.Controllers)
	return id
}

func (s *store) key() ed25519.PrivateKey {
	s.mu.Lock()
	defer s.mu.Unlock()
	return ed25519.NewKeyFromSeed(s.id.Seed)
}

func (s *store) paired() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.id.Controllers) > 0
}

func (s *store) controller(id string) (Controller, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	i := slices.IndexFunc(s.id.Controllers, func(c Controller) bool { return c.ID == id })
	if i < 0 {
		return Controller{}, false
	}
	return s.id.Controllers[i], true
}

// add pairs a controller, or changes the permission of one that is paired.
func (s *store) add(c Controller) error {
	return s.update(func(id *Identity) error {
		i := slices.IndexFunc(id.Controllers, func(o Controller) bool { return o.ID == c.ID })
		switch {
		case i >= 0 && !bytes.Equal(id.Controllers[i].Key, c.Key):
			return errors.New("controller is paired with another key")
		case i >= 0:
			id.Controllers[i].Admin = c.Admin
		case len(id.Controllers) >= controllersMax:
			return errFull
		default:
			id.Controllers = append(id.Controllers, c)
		}
		return nil
	})
}

// first pairs the first controller, which knew the code, and forgets the wrong codes.
func (s *store) first(c Controller) error {
	return s.update(func(id *Identity) error {
		id.Controllers, id.Tries = []Controller{c}, 0
		return nil
	})
}

// remove unpairs a controller; if no administrator is left it unpairs all (HAP
// R2, 5.11). Removing one that is not paired succeeds.
func (s *store) remove(name string) error {
	return s.update(func(id *Identity) error {
		id.Controllers = slices.DeleteFunc(id.Controllers, func(c Controller) bool { return c.ID == name })
		if !slices.ContainsFunc(id.Controllers, func(c Controller) bool { return c.Admin }) {
			id.Controllers = nil
		}
		return nil
	})
}

// saw notes that a controller came by.
func (s *store) saw(name, peer string, now time.Time) error {
	if c, ok := s.controller(name); !ok || c.Peer == peer && now.Sub(c.Seen).Abs() < seenEvery {
		return nil
	}
	return s.update(func(id *Identity) error {
		for i, c := range id.Controllers {
			if c.ID == name {
				id.Controllers[i].Seen, id.Controllers[i].Peer = now, peer
			}
		}
		return nil
	})
}

// setShape counts the version up when the services changed (HAP R2, 6.6.3).
func (s *store) setShape(shape []byte) error {
	if bytes.Equal(s.get().Shape, shape) {
		return nil
	}
	return s.update(func(id *Identity) error {
		if id.Shape != nil {
			id.Version = id.Version%65535 + 1
		}
		id.Shape = shape
		return nil
	})
}

// setTries keeps the number of wrong codes since the last pairing.
func (s *store) setTries(n int) error {
	return s.update(func(id *Identity) error {
		id.Tries = n
		return nil
	})
}
