package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"gatehouse/hub/identity"
	"gatehouse/hub/internal/durable"
	"gatehouse/hub/ledger"
	"gatehouse/hub/sqlite"
)

// Databases in the data folder, and the folder of sealed packages.
const (
	houseDB   = "house.db"
	indexDB   = "index.db"
	sealedDir = "sealed"
)

// openHouse opens house.db, and before it the keys: without it they are made,
// and with it they must be there.
func openHouse(ctx context.Context, data string) (*identity.Identity, *sqlite.House, error) {
	path := filepath.Join(data, houseDB)
	_, err := os.Stat(path)
	keys, err := identity.Open(data, errors.Is(err, os.ErrNotExist))
	if err != nil {
		return nil, nil, err
	}
	house, err := sqlite.OpenHouse(ctx, path)
	return keys, house, err
}

// checkpointFile holds the ledger's newest signed checkpoint outside the
// database, so that a database put back or cut short is noticed.
const checkpointFile = "ledger.checkpoint"

// keepCheckpoint writes the checkpoint whenever the ledger has grown, and at
// the end.
func (h *hub) keepCheckpoint(ctx context.Context) error {
	last := int64(-1)
	tick := time.NewTicker(time.Minute)
	defer tick.Stop()
	for {
		n, err := h.ledger.Size()
		if err == nil && n > last {
			last, err = n, h.writeCheckpoint()
		}
		if err != nil || ctx.Err() != nil {
			return err
		}
		select {
		case <-tick.C:
		case <-ctx.Done(): // once more
		}
	}
}

func (h *hub) writeCheckpoint() error {
	signed, err := h.ledger.Checkpoint(context.Background())
	if err != nil {
		return err
	}
	if err := durable.WriteFile(filepath.Join(h.data, checkpointFile), signed, 0o600); err != nil {
		return fmt.Errorf("writing the ledger's checkpoint: %w", err)
	}
	return nil
}

// olderCheckpoint is nil where none was written yet.
func olderCheckpoint(data string) ([]byte, error) {
	signed, err := os.ReadFile(filepath.Join(data, checkpointFile))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("reading the ledger's checkpoint: %w", err)
	}
	return signed, nil
}

// checkLedgerSize refuses to go on with a ledger that is shorter than it was:
// what would be appended could never be reconciled with what was signed.
func (h *hub) checkLedgerSize() error {
	older, err := olderCheckpoint(h.data)
	if err != nil || older == nil {
		return err
	}
	err = h.ledger.CheckGrown(older)
	if errors.Is(err, ledger.ErrDamaged) {
		return fmt.Errorf("%w; house.db was put back or cut short. Restore the newest backup, or remove %s to go on with what is there", err, checkpointFile)
	}
	return err
}
