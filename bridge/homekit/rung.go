package homekit

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
)

// rungMax bounds the memory of rings. A request lives for days, so the oldest
// ids are long decided when they are forgotten.
const rungMax = 4096

// rung remembers which requests have rung, across restarts. It is not safe for
// concurrent use.
type rung struct {
	path string
	ids  []string // oldest first
	set  map[string]struct{}
}

func openRung(path string) (*rung, error) {
	r := &rung{path: path, set: map[string]struct{}{}}
	b, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return r, nil
	}
	if err != nil {
		return nil, fmt.Errorf("reading rung requests: %w", err)
	}
	if err := json.Unmarshal(b, &r.ids); err != nil {
		return nil, fmt.Errorf("reading rung requests: %w", err)
	}
	for _, id := range r.ids {
		r.set[id] = struct{}{}
	}
	return r, nil
}

func (r *rung) has(id string) bool {
	_, ok := r.set[id]
	return ok
}

// add remembers id. It is remembered in memory even if the file could not be
// written.
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
	b, err := json.Marshal(r.ids)
	if err != nil {
		return err
	}
	return writeFile(r.path, b)
}
