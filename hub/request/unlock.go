package request

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"gatehouse/hub/ledger"
)

// Left is a person's word that the lock of the Home app may give their approval
// of one package. The lock itself proves nobody: what it gives is the approval
// of the person who was shown these bytes and gave their passphrase.
type Left struct {
	Person int64     `json:"person"`
	By     string    `json:"by"` // in the ledger's words
	At     time.Time `json:"at"`
	Digest string    `json:"digest"` // of the package
}

// lockWords name who unlocks, in the ledger: nobody knows which person, if any.
const lockWords = "A HomeKit controller"

// LeaveToLock lets the lock give a person's approval of the package of that
// digest, once. It is refused whenever ApproveBy would be. The caller has
// re-authenticated the person, showed them the package, and knows that they may
// approve. A package is left by one person at a time.
func (s *Service) LeaveToLock(ctx context.Context, id, digest string, by Approver) (Record, error) {
	return s.change(ctx, id, left, func(r Record, to State) (Record, error) {
		if err := s.lockOn(); err != nil {
			return Record{}, err
		}
		if r.Manual != nil {
			return Record{}, ErrState // no doorbell shows it
		}
		if _, _, err := s.approvable(r, digest); err != nil {
			return Record{}, err
		}
		if _, err := s.count(ctx, r, by); err != nil {
			return Record{}, err
		}
		r.Left = &Left{Person: by.Number, By: by.Words, At: s.cfg.Now(), Digest: r.Package.Digest}
		return s.putLeft(ctx, r, to, ledger.LockMay, "%s left the approval of package %s to the lock of the Home app. Nothing was sent.", by.Words)
	})
}

// TakeFromLock takes that back, whoever said it. A package that nobody left is
// left alone.
func (s *Service) TakeFromLock(ctx context.Context, id, by string) (Record, error) {
	return s.change(ctx, id, left, func(r Record, to State) (Record, error) {
		if r.Left == nil {
			return r, nil
		}
		r.Left = nil
		return s.putLeft(ctx, r, to, ledger.LockMayNot, "%s took the approval of package %s back from the lock of the Home app.", by)
	})
}

func (s *Service) putLeft(ctx context.Context, r Record, to State, kind ledger.Kind, format, by string) (Record, error) {
	was := r.State
	r.State, r.Updated = to, s.cfg.Now()
	data := map[string]any{"package": r.Package.ID, "sha256": r.Package.Digest}
	if err := s.cfg.Store.PutRecord(ctx, r, was, s.entry(r, kind, data, format, by, r.Package.ID)); err != nil {
		return Record{}, err
	}
	s.tell(r)
	return r, nil
}

// lockOn gives ErrLockOff unless the owner lets the lock approve anything.
func (s *Service) lockOn() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.home.Lock || s.home.OptOut {
		return ErrLockOff
	}
	return nil
}

// Unlock gives the approval that a person left to the lock, by the way of
// ApproveBy and with its every check; the cool-down is never skipped. shown is
// the version of the request (see Version) on the card that was looked at. What
// it refuses is in the ledger as RefuseUnlock's is.
func (s *Service) Unlock(ctx context.Context, id, shown string) (Record, error) {
	r, err := s.change(ctx, id, left, func(r Record, _ State) (Record, error) {
		by, err := s.leftTo(ctx, r, shown)
		if err != nil {
			return Record{}, err
		}
		return s.approveBy(ctx, r, r.Left.Digest, by, false)
	})
	if err == nil {
		return r, nil
	}
	return Record{}, errors.Join(err, s.RefuseUnlock(ctx, id, whyLocked(err)))
}

// leftTo is for whom the lock may approve a request that was shown as such.
func (s *Service) leftTo(ctx context.Context, r Record, shown string) (Approver, error) {
	if err := s.lockOn(); err != nil {
		return Approver{}, err
	}
	if r.Left == nil {
		return Approver{}, ErrNotLeft
	}
	if shown != Version(r) {
		return Approver{}, ErrCard
	}
	if s.cfg.Entitled != nil {
		ok, err := s.cfg.Entitled(ctx, r.Left.Person)
		if err != nil {
			return Approver{}, fmt.Errorf("looking up an approver: %w", err)
		}
		if !ok {
			return Approver{}, ErrNotLeft
		}
	}
	return Approver{Number: r.Left.Person, Words: lockWords, lock: true}, nil
}

// Version tells one revision of a signed request from all others.
func Version(r Record) string { return envelopeHash(r.Envelope) }

// whyLocked is one word for why an unlocking was refused.
func whyLocked(err error) string {
	for _, w := range []struct {
		err error
		why string
	}{
		{ErrLockOff, "off"},
		{ErrNotLeft, "not-left"},
		{ErrCard, "changed"},
		{ErrDigest, "changed"},
		{ErrSecond, "second"},
		{ErrBlocked, "blocked"},
		{ErrState, "state"},
	} {
		if errors.Is(err, w.err) {
			return w.why
		}
	}
	return "other"
}

// reasonsMax bounds what an automation that unlocks all day writes into the
// ledger about one request.
const reasonsMax = 12

// RefuseUnlock notes in the ledger that the lock was refused for a request that
// waits, and why, in a word. A reason is noted once for each request.
func (s *Service) RefuseUnlock(ctx context.Context, id, why string) error {
	unlock, err := s.locks.lock(ctx, id)
	if err != nil {
		return err
	}
	defer unlock()
	r, err := s.cfg.Store.Record(ctx, id)
	if err != nil || r.State != Waiting && r.State != Prepared || slices.Contains(r.LockRefused, why) || len(r.LockRefused) >= reasonsMax {
		return err
	}
	r.LockRefused = append(r.LockRefused, why)
	return s.cfg.Store.PutRecord(ctx, r, r.State, s.entry(r, ledger.LockRefused, map[string]any{"reason": why},
		"%s tried to approve by the lock of the Home app. It was refused, and nothing was sent.", lockWords))
}
