package homekit

import (
	"context"
	"slices"
)

// rungMax bounds the memory of rings. A request lives for days, so the oldest
// ids are long decided when they are forgotten.
const rungMax = 4096

// rung remembers which requests have rung, across restarts. It is not safe for
// concurrent use.
type rung struct {
	keep Store
	ids  []string // oldest first
	set  map[string]struct{}
}

func openRung(keep Store, ids []string) *rung {
	r := &rung{keep: keep, ids: ids, set: map[string]struct{}{}}
	for _, id := range ids {
		r.set[id] = struct{}{}
	}
	return r
}

func (r *rung) has(id string) bool {
	_, ok := r.set[id]
	return ok
}

// add remembers id. It is remembered in memory even if it could not be kept.
func (r *rung) add(id string) error {
	if r.has(id) {
		return nil
	}
	r.ids = append(r.ids, id)
	r.set[id] = struct{}{}
	if n := len(r.ids) - rungMax; n > 0 {
		for _, old := range r.ids[:n] {
			delete(r.set, old)
		}
		r.ids = slices.Delete(r.ids, 0, n)
	}
	return r.keep.KeepHomeKit(context.Background(), Kept{Rung: []string{id}}, rungMax)
}
