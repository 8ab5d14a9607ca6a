package homekit

import (
	"bytes"
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"sync"
)

// controllersMax bounds the pairings of one accessory; HAP R2, 5.11 asks for at
// least 16.
const controllersMax = 32

var errFull = errors.New("no room for another controller")

// controller is a paired controller.
type controller struct {
	ID    string `json:"id"`
	Key   []byte `json:"key"` // Ed25519 public key
	Admin bool   `json:"admin"`
}

// identity is what makes an accessory the same one after a restart: its id,
// its key, who is paired, and how often a wrong code was tried.
type identity struct {
	DeviceID    string       `json:"device_id"`
	Seed        []byte       `json:"seed"` // Ed25519 private key
	Version     uint16       `json:"version"`
	Shape       []byte       `json:"shape"` // hash of the services, to see when Version must change
	Tries       int          `json:"tries"`
	Controllers []controller `json:"controllers"`
	SetupID     string       `json:"setup_id,omitempty"` // of a camera; four characters
}

// store keeps one identity in a file that its owner alone can read. A change is
// durable when the method that makes it returns nil, and not made otherwise.
type store struct {
	path string

	mu sync.Mutex
	id identity
}

func openStore(path string) (*store, error) {
	s := &store{path: path}
	b, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		_, key, err := ed25519.GenerateKey(nil)
		if err != nil {
			return nil, fmt.Errorf("making key: %w", err)
		}
		return s, s.update(func(id *identity) error {
			id.DeviceID, id.Seed, id.Version = newDeviceID(), key.Seed(), 1
			return nil
		})
	}
	if err == nil {
		err = json.Unmarshal(b, &s.id)
	}
	if err == nil && (len(s.id.Seed) != ed25519.SeedSize || s.id.DeviceID == "") {
		err = errors.New("key or device id is missing")
	}
	if err != nil {
		return nil, fmt.Errorf("reading accessory identity: %w", err)
	}
	return s, nil
}

// update applies change to a copy, writes it, and then makes it the identity.
func (s *store) update(change func(*identity) error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	next := s.id
	next.Controllers = slices.Clone(s.id.Controllers)
	if err := change(&next); err != nil {
		return err
	}
	b, err := json.Marshal(next)
	if err != nil {
		return err
	}
	if err := writeFile(s.path, b); err != nil {
		return fmt.Errorf("keeping accessory identity: %w", err)
	}
	s.id = next
	return nil
}

// get returns a copy that the caller may read without a lock.
func (s *store) get() identity {
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

func (s *store) controller(id string) (controller, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	i := slices.IndexFunc(s.id.Controllers, func(c controller) bool { return c.ID == id })
	if i < 0 {
		return controller{}, false
	}
	return s.id.Controllers[i], true
}

// add pairs a controller, or changes the permission of one that is paired.
func (s *store) add(c controller) error {
	return s.update(func(id *identity) error {
		i := slices.IndexFunc(id.Controllers, func(o controller) bool { return o.ID == c.ID })
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

// remove unpairs a controller; if no administrator is left it unpairs all (HAP
// R2, 5.11). Removing one that is not paired succeeds.
func (s *store) remove(name string) error {
	return s.update(func(id *identity) error {
		id.Controllers = slices.DeleteFunc(id.Controllers, func(c controller) bool { return c.ID == name })
		if !slices.ContainsFunc(id.Controllers, func(c controller) bool { return c.Admin }) {
			id.Controllers = nil
		}
		return nil
	})
}

// setupID returns what ties a camera's QR code to it, and makes it at first.
func (s *store) setupID() (string, error) {
	if id := s.get().SetupID; id != "" {
		return id, nil
	}
	id := newSetupID()
	return id, s.update(func(i *identity) error {
		i.SetupID = id
		return nil
	})
}

// setShape counts the version up when the services changed (HAP R2, 6.6.3).
func (s *store) setShape(shape []byte) error {
	if bytes.Equal(s.get().Shape, shape) {
		return nil
	}
	return s.update(func(id *identity) error {
		if id.Shape != nil {
			id.Version = id.Version%65535 + 1
		}
		id.Shape = shape
		return nil
	})
}

// setTries keeps the number of wrong codes since the last pairing.
func (s *store) setTries(n int) error {
	if s.get().Tries == n {
		return nil
	}
	return s.update(func(id *identity) error {
		id.Tries = n
		return nil
	})
}
