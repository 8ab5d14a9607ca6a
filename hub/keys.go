package main

import (
	"bytes"
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

// keys are the hub's own secrets, made at first start, in <data>/keys.
type keys struct {
	hub       ed25519.PrivateKey // signs manifests and, as a C2SP note signer, the ledger
	ledger    note.Signer
	ledgerKey string              // its verifier key
	owner     *age.X25519Identity // opens every package this hub sealed
}

// openKeys reads the keys, or makes those that are missing. A file that is
// there and cannot be read is an error: a second key would disown the past.
func openKeys(dataDir string) (keys, error) {
	dir := filepath.Join(dataDir, "keys")
	if err := durable.MkdirAll(dir, 0o700); err != nil {
		return keys{}, fmt.Errorf("making the key folder: %w", err)
	}
	var k keys
	seed, err := secret(filepath.Join(dir, "hub.key"), func() ([]byte, error) {
		seed := make([]byte, ed25519.SeedSize)
		_, err := rand.Read(seed)
		return []byte(hex.EncodeToString(seed) + "\n"), err
	})
	if err != nil {
		return keys{}, err
	}
	raw, err := hex.DecodeString(string(seed))
	if err != nil || len(raw) != ed25519.SeedSize {
		return keys{}, errors.New("reading keys/hub.key: not a key; restore it from a backup")
	}
	k.hub = ed25519.NewKeyFromSeed(raw)
	if err := k.ledgerSigner(); err != nil {
		return keys{}, err
	}
	text, err := secret(filepath.Join(dir, "owner.age"), func() ([]byte, error) {
		id, err := age.GenerateX25519Identity()
		if err != nil {
			return nil, err
		}
		return []byte(id.String() + "\n"), nil
	})
	if err != nil {
		return keys{}, err
	}
	if k.owner, err = age.ParseX25519Identity(string(text)); err != nil {
		return keys{}, errors.New("reading keys/owner.age: not an age identity; restore it from a backup")
	}
	return k, nil
}

// ledgerSigner makes the ledger's C2SP signer of the hub's key. Its name is
// derived from the key, so that it says nothing about the home. DSSE and
// checkpoints may share a key: no DSSE pre-authentication encoding is a note.
func (k *keys) ledgerSigner() error {
	pub := k.hub.Public().(ed25519.PublicKey)
	id := sha256.Sum256(append([]byte("gatehouse/hub/v1\n"), pub...))
	name := "gatehouse.local/ledger/" + hex.EncodeToString(id[:8])
	vkey, err := note.NewEd25519VerifierKey(name, pub)
	if err != nil {
		return fmt.Errorf("deriving the ledger's key: %w", err)
	}
	hash := strings.Split(vkey, "+")[1]
	const algEd25519 = 1 // signed-note signature type
	skey := base64.StdEncoding.EncodeToString(append([]byte{algEd25519}, k.hub.Seed()...))
	if k.ledger, err = note.NewSigner("PRIVATE+KEY+" + name + "+" + hash + "+" + skey); err != nil {
		return fmt.Errorf("deriving the ledger's key: %w", err)
	}
	k.ledgerKey = vkey
	return nil
}

// secret reads a file without its last newline, or makes it, durable and 0600.
func secret(path string, make func() ([]byte, error)) ([]byte, error) {
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		if data, err = make(); err == nil {
			err = durable.WriteFile(path, data, 0o600)
		}
	}
	if err != nil {
		return nil, fmt.Errorf("opening %s: %w", filepath.Base(path), err)
	}
	return bytes.TrimRight(data, "\n"), nil
}
