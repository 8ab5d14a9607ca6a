// Package identity keeps the hub's own secrets: the key that signs manifests and
// ledger checkpoints, and the age identity that opens what this hub sealed.
package identity

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"filippo.io/age"
	"golang.org/x/mod/sumdb/note"

	"gatehouse/hub/internal/durable"
)

// Dir is the folder of the secrets in the data folder.
const Dir = "keys"

// ErrLost means that secrets are missing which must not be made anew.
var ErrLost = errors.New("the hub's keys are missing; restore the folder keys from a backup")

// Identity is the hub's own secrets.
type Identity struct {
	Hub       ed25519.PrivateKey // signs manifests and, as a C2SP note signer, the ledger
	Ledger    note.Signer
	LedgerKey string              // its verifier key
	Owner     *age.X25519Identity // opens every package this hub sealed
}

// Open reads the secrets in a data folder. Those that are missing are made,
// durable and mode 0600, if fresh says that the hub has no past; for one that
// has, a second key would disown what the first signed, and the error is
// ErrLost. A file that is there and cannot be read is an error as well.
func Open(dataDir string, fresh bool) (*Identity, error) {
	dir := filepath.Join(dataDir, Dir)
	if fresh {
		if err := durable.MkdirAll(dir, 0o700); err != nil {
			return nil, fmt.Errorf("making the key folder: %w", err)
		}
	}
	seed, err := secret(filepath.Join(dir, "hub.key"), fresh, func() (string, error) {
		seed := make([]byte, ed25519.SeedSize)
		_, err := rand.Read(seed)
		return hex.EncodeToString(seed), err
	})
	if err != nil {
		return nil, err
	}
	raw, err := hex.DecodeString(seed)
	if err != nil || len(raw) != ed25519.SeedSize {
		return nil, errors.New("reading keys/hub.key: not a key; restore it from a backup")
	}
	k := &Identity{Hub: ed25519.NewKeyFromSeed(raw)}
	if err := k.ledgerSigner(); err != nil {
		return nil, err
	}
	text, err := secret(filepath.Join(dir, "owner.age"), fresh, func() (string, error) {
		id, err := age.GenerateX25519Identity()
		if err != nil {
			return "", err
		}
		return id.String(), nil
	})
	if err != nil {
		return nil, err
	}
	if k.Owner, err = age.ParseX25519Identity(text); err != nil {
		return nil, errors.New("reading keys/owner.age: not an age identity; restore it from a backup")
	}
	return k, nil
}

// ledgerSigner makes the ledger's C2SP signer of the hub's key. Its name is
// derived from the key, so that it says nothing about the home. DSSE and
// checkpoints may share a key: no DSSE pre-authentication encoding is a note.
func (k *Identity) ledgerSigner() error {
	pub := k.Hub.Public().(ed25519.PublicKey)
	id := sha256.Sum256(append([]byte("gatehouse/hub/v1\n"), pub...))
	name := "gatehouse.local/ledger/" + hex.EncodeToString(id[:8])
	vkey, err := note.NewEd25519VerifierKey(name, pub)
	if err != nil {
		return fmt.Errorf("deriving the ledger's key: %w", err)
	}
	hash := strings.Split(vkey, "+")[1]
	const algEd25519 = 1 // signed-note signature type
	skey := base64.StdEncoding.EncodeToString(append([]byte{algEd25519}, k.Hub.Seed()...))
	if k.Ledger, err = note.NewSigner("PRIVATE+KEY+" + name + "+" + hash + "+" + skey); err != nil {
		return fmt.Errorf("deriving the ledger's key: %w", err)
	}
	k.LedgerKey = vkey
	return nil
}

// secret reads a one-line file, or makes it if it may.
func secret(path string, fresh bool, generate func() (string, error)) (string, error) {
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		if !fresh {
			return "", ErrLost
		}
		var text string
		if text, err = generate(); err == nil {
			data = []byte(text + "\n")
			err = durable.WriteFile(path, data, 0o600)
		}
	}
	if err != nil {
		return "", fmt.Errorf("opening %s: %w", filepath.Base(path), err)
	}
	return strings.TrimRight(string(data), "\n"), nil
}
