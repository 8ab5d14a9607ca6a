// Package ledgertest holds the conformance suite of ledger stores and a store
// in memory for tests.
package ledgertest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"gatehouse/hub/ledger"
)

// Memory is a ledger.Store in memory. The zero value is empty and ready.
type Memory struct {
	mu     sync.Mutex // guards the rest
	leaves [][]byte
	hashes []tlog.Hash
	hours  []ledger.Hour
}

// Hours implements ledger.Store.
func (m *Memory) Hours(ctx context.Context) ([]ledger.Hour, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.hours), ctx.Err()
}

// AddHours implements ledger.Store.
func (m *Memory) AddHours(ctx context.Context, now time.Time) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	t := &tx{leaves: m.leaves, hashes: m.hashes, hours: slices.Clip(m.hours)}
	if err := ledger.AddHours(t, now); err != nil {
		return err
	}
	m.hours = t.hours
	return ctx.Err()
}

// Size implements ledger.Store.
func (m *Memory) Size() (int64, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return int64(len(m.leaves)), nil
}

// ReadHashes implements tlog.HashReader.
func (m *Memory) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return read(m.hashes, indexes)
}

func read(hashes []tlog.Hash, indexes []int64) ([]tlog.Hash, error) {
	out := make([]tlog.Hash, len(indexes))
	for i, x := range indexes {
		if x < 0 || x >= int64(len(hashes)) {
			return nil, fmt.Errorf("no hash %d", x)
		}
		out[i] = hashes[x]
	}
	return out, nil
}

// Leaves implements ledger.Store.
func (m *Memory) Leaves(ctx context.Context, from int64, n int) ([][]byte, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if from < 0 || n < 0 {
		return nil, errors.New("negative range")
	}
	from = min(from, int64(len(m.leaves)))
	to := min(from+int64(n), int64(len(m.leaves)))
	return slices.Clone(m.leaves[from:to]), ctx.Err()
}

// ByRequest implements ledger.Store.
func (m *Memory) ByRequest(ctx context.Context, request string) ([]int64, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var out []int64
	for i, leaf := range m.leaves {
		e, err := ledger.Decode(leaf)
		if err != nil {
			return nil, err
		}
		if e.Request == request {
			out = append(out, int64(i))
		}
	}
	return out, ctx.Err()
}

// AppendEntries implements ledger.Store: all entries or none.
func (m *Memory) AppendEntries(ctx context.Context, entries ...ledger.Entry) ([]ledger.Entry, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	t := &tx{leaves: slices.Clip(m.leaves), hashes: slices.Clip(m.hashes)}
	out := make([]ledger.Entry, len(entries))
	for i, e := range entries {
		var err error
		if out[i], err = ledger.Append(t, e); err != nil {
			return nil, err
		}
	}
	m.leaves, m.hashes = t.leaves, t.hashes
	return out, nil
}

// Corrupt changes what is stored, as a fault of a disk or a hand would.
func (m *Memory) Corrupt(f func(leaves [][]byte, hashes []tlog.Hash) ([][]byte, []tlog.Hash)) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.leaves, m.hashes = f(slices.Clone(m.leaves), slices.Clone(m.hashes))
}

type tx struct {
	leaves [][]byte
	hashes []tlog.Hash
	hours  []ledger.Hour
}

func (t *tx) LastHour() (ledger.Hour, bool, error) {
	if n := len(t.hours); n > 0 {
		return t.hours[n-1], true, nil
	}
	return ledger.Hour{}, false, nil
}

func (t *tx) LeavesOf(from, to int64) ([][]byte, error) { return t.leaves[from:to], nil }

func (t *tx) PutHour(h ledger.Hour) error {
	t.hours = append(t.hours, h)
	return nil
}

func (t *tx) Size() (int64, error)                            { return int64(len(t.leaves)), nil }
func (t *tx) ReadHashes(indexes []int64) ([]tlog.Hash, error) { return read(t.hashes, indexes) }

func (t *tx) Put(index int64, leaf []byte, hashes []tlog.Hash) error {
	if index != int64(len(t.leaves)) || tlog.StoredHashIndex(0, index) != int64(len(t.hashes)) {
		return fmt.Errorf("entry %d put at %d", len(t.leaves), index)
	}
	t.leaves = append(t.leaves, leaf)
	t.hashes = append(t.hashes, hashes...)
	return nil
}
