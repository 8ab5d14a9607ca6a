package request

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"gatehouse/hub/finding"
	"gatehouse/hub/ledger"
)

// HoldQuota bounds the footage that requests keep from deletion. Zero is no bound.
type HoldQuota struct {
	Percent float64 // of the disks; 0: Bytes
	Bytes   int64
}

const holdAfter = 7 * 24 * time.Hour // footage is held beyond a request's expiry

const notHeld = "The footage is not kept from deletion: requests hold as much already as sharing.hold_quota lets them. It is held as soon as there is room."

// span is a time of a camera.
type span struct{ from, to time.Time }

// tryHold holds a record's footage if the quota lets it, or else notes that it
// does not. Nothing held is given up for it: whoever asks much would push out
// what others asked for. What old held and r does not ask for goes free.
func (s *Service) tryHold(ctx context.Context, r *Record, old Record) error {
	s.holding.Lock()
	defer s.holding.Unlock()
	fits, err := s.fits(ctx, *r)
	if err != nil {
		return err
	}
	r.HeldUntil, r.HoldRefused = time.Time{}, notHeld
	if fits {
		r.HeldUntil, r.HoldRefused = r.Expires().Add(holdAfter), ""
		if err := s.hold(ctx, *r); err != nil {
			return err
		}
	}
	for _, m := range old.Matches {
		kept := slices.ContainsFunc(r.Matches, func(n Match) bool { return n.Camera == m.Camera })
		if kept && fits || !old.HeldUntil.After(s.cfg.Now()) {
			continue
		}
		if err := s.cfg.Footage.Hold(ctx, r.ID, m.Camera, m.From, m.To, s.cfg.Now()); err != nil { // a hold that ends now
			return fmt.Errorf("ending a hold: %w", err)
		}
	}
	return nil
}

// fits reports whether all holds and a record's stay within the quota. Footage
// that several ask for counts once.
func (s *Service) fits(ctx context.Context, r Record) (bool, error) {
	quota := s.homeNow().HoldQuota
	if quota == (HoldQuota{}) {
		return true, nil
	}
	limit := quota.Bytes
	if quota.Percent > 0 {
		disks, err := s.cfg.Footage.Capacity(ctx)
		if err != nil {
			return false, fmt.Errorf("asking for the size of the disks: %w", err)
		}
		limit = int64(float64(disks) * quota.Percent / 100)
	}
	list, err := s.cfg.Store.Records(ctx, Waiting, Prepared, Approved, Ready, Failed, Expired)
	if err != nil {
		return false, err
	}
	spans := map[string][]span{}
	add := func(of Record) {
		for _, m := range of.Matches {
			spans[m.Camera] = append(spans[m.Camera], span{m.From, m.To})
		}
	}
	add(r)
	for _, x := range list {
		if x.ID != r.ID && x.HeldUntil.After(s.cfg.Now()) {
			add(x)
		}
	}
	var sum int64
	for camera, list := range spans {
		for _, u := range united(list) {
			n, err := s.cfg.Footage.Bytes(ctx, camera, u.from, u.to)
			if err != nil {
				return false, fmt.Errorf("asking for the size of footage: %w", err)
			}
			sum += n
		}
	}
	return sum <= limit, nil
}

// united are the spans without what they share, in order.
func united(list []span) (out []span) {
	slices.SortFunc(list, func(a, b span) int { return a.from.Compare(b.from) })
	for _, u := range list {
		if n := len(out); n > 0 && !u.from.After(out[n-1].to) {
			if u.to.After(out[n-1].to) {
				out[n-1].to = u.to
			}
			continue
		}
		out = append(out, u)
	}
	return out
}

// holdAgain holds what the quota refused before, the request that expires first
// first, and says what is still not held.
func (s *Service) holdAgain(ctx context.Context, list []Record) error {
	list = slices.DeleteFunc(slices.Clone(list), func(r Record) bool { return r.HoldRefused == "" })
	slices.SortFunc(list, func(a, b Record) int {
		return cmp.Or(a.Expires().Compare(b.Expires()), cmp.Compare(a.ID, b.ID))
	})
	without := 0
	for _, r := range list {
		held, err := s.holdOne(ctx, r.ID)
		if err != nil && !errors.Is(err, ErrState) {
			return err
		}
		if err == nil && !held {
			without++
		}
	}
	var found finding.Finding
	if without > 0 {
		found = finding.New("holds-full", "n", without)
	}
	s.setProblem("holds", found)
	return nil
}

func (s *Service) holdOne(ctx context.Context, id string) (held bool, err error) {
	unlock, err := s.locks.lock(ctx, id)
	if err != nil {
		return false, err
	}
	defer unlock()
	r, err := s.cfg.Store.Record(ctx, id)
	if err != nil {
		return false, err
	}
	if r.State != Waiting && r.State != Prepared || r.HoldRefused == "" {
		return false, ErrState
	}
	if err := s.tryHold(ctx, &r, Record{}); err != nil || r.HoldRefused != "" {
		return false, err
	}
	return true, s.cfg.Store.PutRecord(ctx, r, r.State, s.heldEntry(r))
}

func (s *Service) heldEntry(r Record) ledger.Entry {
	return s.entry(r, ledger.Held, nil, "The footage it asks for is kept from deletion until %s.", utc(r.HeldUntil))
}
