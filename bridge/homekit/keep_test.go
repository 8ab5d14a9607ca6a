package homekit

import (
	"context"
	"errors"
	"slices"
	"sync"
)

// memory is a Store that outlives a Bridge, not the process.
type memory struct {
	mu   sync.Mutex
	kept Kept
	full error // what keeping fails with
}

func (m *memory) HomeKit(context.Context) (Kept, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.kept.clone(), nil
}

func (m *memory) KeepHomeKit(_ context.Context, k Kept, rungMost int) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.full != nil {
		return m.full
	}
	k = k.clone()
	if k.Code != "" {
		m.kept.Code = k.Code
	}
	for _, id := range k.Accessories {
		i := slices.IndexFunc(m.kept.Accessories, func(o Identity) bool { return o.Accessory == id.Accessory })
		if i < 0 {
			m.kept.Accessories = append(m.kept.Accessories, id)
		} else {
			m.kept.Accessories[i] = id
		}
	}
	m.kept.Rung = append(m.kept.Rung, k.Rung...)
	m.kept.Rung = m.kept.Rung[max(0, len(m.kept.Rung)-rungMost):]
	return nil
}

func (k Kept) clone() Kept {
	k.Rung, k.Accessories = slices.Clone(k.Rung), slices.Clone(k.Accessories)
	for i, id := range k.Accessories {
		k.Accessories[i].Controllers = slices.Clone(id.Controllers)
	}
	return k
}

var errDisk = errors.New("disk full")
