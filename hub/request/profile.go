package request

import (
	"context"
	"errors"
	"reflect"
	"slices"
	"time"

	"gatehouse/hub/bulletin"
	"gatehouse/hub/finding"
	"gatehouse/hub/ledger"
)

// maxRoots bounds what somebody can make a hub keep under one agency's name.
const maxRoots = 16

// blockedError is ErrBlocked with the sentence that the owner is shown.
type blockedError struct {
	code    bulletin.Code
	why     string
	passing bool // a later profile may end it
}

// Error implements error.
func (b *blockedError) Error() string { return b.why }

// Is makes it an ErrBlocked.
func (b *blockedError) Is(target error) bool { return target == ErrBlocked }

// takeProfile keeps a later version of a profile of the same root, and judges
// again what it may change. A profile of another root is kept beside it and
// displaces nothing: whoever gets one into a log must not end an agency's
// requests with it.
func (s *Service) takeProfile(ctx context.Context, a arrival) error {
	p, err := bulletin.OpenProfile(a.envelope)
	var r *bulletin.Refusal
	if errors.As(err, &r) {
		kept, err := s.refuseProfile(ctx, a, r)
		if err != nil || !kept {
			return err
		}
		return s.cfg.Store.Remember(ctx, a.hash, a.received)
	}
	if err != nil {
		return err
	}
	s.mu.Lock()
	list := s.known[p.Agency]
	i := slices.IndexFunc(list, func(k bulletin.VerifiedProfile) bool { return k.RootID == p.RootID })
	newer := i < 0 || p.Version > list[i].Version
	s.mu.Unlock()
	switch {
	case i < 0 && len(list) >= maxRoots && !s.rotated(p):
		_, err := s.refuseProfile(ctx, a, &bulletin.Refusal{
			Code: bulletin.RootChanged, Detail: "Too many profiles with different root keys have this agency's name.",
		})
		return err
	case !newer:
		return s.cfg.Store.Remember(ctx, a.hash, a.received)
	}
	if err := s.cfg.Store.PutProfile(ctx, p.Agency, p.RootID, p.Envelope); err != nil {
		return err
	}
	s.learn(p)
	theirs := func(r Record) bool { return r.Agency == p.Agency }
	if err := s.fileAgain(ctx, theirs, Refused); err != nil {
		return err
	}
	if err := s.review(ctx, p.Agency); err != nil {
		return err
	}
	return s.cfg.Store.Remember(ctx, a.hash, a.received)
}

// rotated reports whether the root keys in force have signed for a profile's new ones.
func (s *Service) rotated(p bulletin.VerifiedProfile) bool {
	now, err := s.pinned(p.Agency)
	return err == nil && p.RotatedFrom(now) == nil
}

func (s *Service) refuseProfile(ctx context.Context, a arrival, r *bulletin.Refusal) (kept bool, err error) {
	row := s.refusedRow(a.hash, a.source, r)
	row.Log = a.log
	return s.putRefused(ctx, row)
}

// learn puts a profile in the place of an earlier one of its root. Slices in
// known are replaced, never written to.
func (s *Service) learn(p bulletin.VerifiedProfile) {
	s.mu.Lock()
	defer s.mu.Unlock()
	list := []bulletin.VerifiedProfile{p}
	for _, k := range s.known[p.Agency] {
		if k.RootID != p.RootID {
			list = append(list, k)
		} else if k.Version >= p.Version {
			list[0] = k
		}
	}
	s.known[p.Agency] = list
	s.profiled = append(s.profiled, p.Agency)
}

func ofRoot(list []bulletin.VerifiedProfile, root string) (bulletin.VerifiedProfile, bool) {
	for _, p := range list {
		if p.RootID == root {
			return p, true
		}
	}
	return bulletin.VerifiedProfile{}, false
}

// profileFor finds the profile to verify a request by: the one that it names,
// else the one in force, whose keys then have not signed it or not for that
// version. Nothing of the envelope is believed for being read here.
func (s *Service) profileFor(agency string, envelope []byte) (p bulletin.VerifiedProfile, ok bool) {
	s.mu.Lock()
	list, a := s.known[agency], s.allowed[agency]
	s.mu.Unlock()
	if q, err := bulletin.ReadRequest(envelope); err == nil {
		for _, k := range list {
			if q.Profile == hexOf(k.Hash) {
				return k, true
			}
		}
	}
	if p, ok := ofRoot(list, a.Root); ok || len(list) == 0 {
		return p, ok
	}
	return slices.MaxFunc(list, func(a, b bulletin.VerifiedProfile) int { return a.Version - b.Version }), true
}

// pinned returns the profile in force of an agency on the allowlist.
func (s *Service) pinned(agency string) (bulletin.VerifiedProfile, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	a, listed := s.allowed[agency]
	if !listed {
		return bulletin.VerifiedProfile{}, &blockedError{code: bulletin.NotAllowed, why: "The agency was taken off your allowlist."}
	}
	p, ok := ofRoot(s.known[agency], a.Root)
	if !ok {
		return p, &blockedError{
			code: bulletin.RootChanged, passing: true,
			why: "No profile with the root keys that you confirmed for the agency is known.",
		}
	}
	return p, nil
}

// stands reports whether requests verified by a root may reach the owner.
func (s *Service) stands(agency, root string) bool {
	p, err := s.pinned(agency)
	return err == nil && p.RootID == root
}

// current returns the profile that a request was verified by, if the one in
// force now still stands for all the request rests on. Else it gives a *blockedError.
func (s *Service) current(r Record) (bulletin.VerifiedProfile, error) {
	if r.Request == nil {
		return bulletin.VerifiedProfile{}, ErrState
	}
	was, err := bulletin.OpenProfile(r.Profile)
	if err != nil {
		return was, err
	}
	now, err := s.pinned(r.Agency)
	if err != nil {
		return was, err
	}
	blocked := func(code bulletin.Code, why string) (bulletin.VerifiedProfile, error) {
		return was, &blockedError{code: code, why: why}
	}
	if was.RootID != now.RootID && now.RotatedFrom(was) != nil {
		return blocked(bulletin.RootChanged, "The request was made under root keys of the agency that are not those you confirmed.")
	}
	if r.Ended != "" {
		return blocked(bulletin.Expired, r.Ended)
	}
	if !s.now().Before(now.Expires) {
		return was, &blockedError{code: bulletin.OldProfile, why: "The agency's profile has expired.", passing: true}
	}
	same := now // as if the request had been made under it
	same.Hash = was.Hash
	if _, err := bulletin.OpenRequest(r.Envelope, same); err != nil {
		return blocked(bulletin.OldProfile, "The agency has revoked a key that signed the request.")
	}
	if !slices.ContainsFunc(now.Recipients, func(k string) bool { return bulletin.Fingerprint(k) == r.Request.Delivery.Recipient }) {
		return blocked(bulletin.OldProfile, "The agency has revoked the key that the footage would be encrypted to.")
	}
	if t, _, err := r.leaves(was.Profile); err == nil && t.Kind != bulletin.InPerson {
		before, _ := was.UploadHost(t)
		after, listed := now.UploadHost(t)
		if !listed || !reflect.DeepEqual(before, after) {
			return blocked(bulletin.OldProfile, "The agency no longer receives at the host that the request names, or its key is another.")
		}
	}
	return was, nil
}

// Sendable reports whether an approved request may still be sent: nil, or
// ErrBlocked with a sentence for the owner, or ErrState if it is not approved.
// Delivery asks at the end of the cool-down, before its first byte.
func (s *Service) Sendable(ctx context.Context, requestID string) error {
	r, err := s.cfg.Store.Record(ctx, requestID)
	if err != nil {
		return err
	}
	if r.State != Approved {
		return ErrState
	}
	_, err = s.current(r)
	return err
}

// review ends what waits and rests on what an agency no longer stands for, and
// stops such deliveries. A profile that only expired may be followed by another.
func (s *Service) review(ctx context.Context, agency string) error {
	list, err := s.cfg.Store.Records(ctx, Waiting, Prepared, Approved, Ready)
	if err != nil {
		return err
	}
	for _, r := range list {
		if r.Manual != nil || r.Agency != agency {
			continue
		}
		var b *blockedError
		if _, err := s.current(r); !errors.As(err, &b) || b.passing {
			continue
		}
		if r.State == Ready {
			if err := s.takeBack(ctx, r.ID, b.why); err != nil {
				return err
			}
			continue
		}
		if r.State == Approved {
			s.cancelLater(r.ID)
			continue
		}
		e := revoked
		if b.code != bulletin.OldProfile {
			e = unlisted
		}
		_, err := s.change(ctx, r.ID, e, func(r Record, to State) (Record, error) {
			r.Code = b.code
			r, err := s.close(ctx, r, to, "", b.why, s.entry(r, ledger.Refused, nil, "The request was set aside. %s", b.why))
			return r, errors.Join(err, s.cfg.Footage.Release(ctx, r.ID))
		})
		if err != nil && !errors.Is(err, ErrState) {
			return err
		}
	}
	return nil
}

// Changed returns the profiles in force by time that are published under an
// allowed agency's name with other root keys than the owner confirmed, and are
// later than the one with these.
func Changed(a Allowed, known []bulletin.VerifiedProfile, now time.Time) []bulletin.VerifiedProfile {
	version := 0
	for _, k := range known {
		if k.Agency == a.Agency && k.RootID == a.Root {
			version = k.Version
		}
	}
	var out []bulletin.VerifiedProfile
	for _, k := range known {
		if k.Agency == a.Agency && k.RootID != a.Root && k.Version > version && now.Before(k.Expires) {
			out = append(out, k)
		}
	}
	return out
}

// rotate follows an agency whose old root keys have signed for its new ones, as
// TUF rotates roots: the new ones take the old ones' place on the allowlist.
// The call-back number stays the one that the owner confirmed. The caller holds reloading.
func (s *Service) rotate(ctx context.Context, agency string) error {
	for range maxRoots {
		now, err := s.pinned(agency)
		if err != nil {
			return nil //nolint:nilerr // not on the list, or nothing to follow yet
		}
		s.mu.Lock()
		a, list := s.allowed[agency], s.known[agency]
		s.mu.Unlock()
		i := slices.IndexFunc(list, func(p bulletin.VerifiedProfile) bool { return p.RootID != a.Root && p.RotatedFrom(now) == nil })
		if i < 0 {
			return nil
		}
		a.Root = list[i].RootID
		if err := s.writeAllowed(a); err != nil {
			s.setProblem("rotation "+agency, finding.New("agency-unwritten", "agency", agency))
			return nil //nolint:nilerr // told as a problem
		}
		s.setProblem("rotation "+agency, finding.Finding{})
		s.mu.Lock()
		next := cloneList(s.allowed)
		s.mu.Unlock()
		next[agency] = a
		if err := s.apply(ctx, next, "the agency's old root keys, which signed for its new ones"); err != nil {
			return err
		}
	}
	return nil
}

// settle does what had to wait until no lock was held: it stops deliveries and
// follows rotated root keys.
func (s *Service) settle(ctx context.Context) error {
	s.mu.Lock()
	agencies := slices.Compact(slices.Sorted(slices.Values(s.profiled)))
	s.profiled = nil
	s.mu.Unlock()
	for _, agency := range agencies {
		s.reloading.Lock()
		err := s.rotate(ctx, agency)
		s.reloading.Unlock()
		if err != nil {
			return err
		}
	}
	s.cancelDue(ctx)
	return nil
}

// cancelLater stops a request's delivery once its lock is free: the end of a
// delivery is told to Delivered, which takes it.
func (s *Service) cancelLater(id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.cancels = append(s.cancels, id)
}

func (s *Service) cancelDue(ctx context.Context) {
	s.mu.Lock()
	due := s.cancels
	s.cancels = nil
	s.mu.Unlock()
	if s.cfg.Cancel == nil {
		return
	}
	for _, id := range due {
		// Sendable stops it all the same, before its first byte.
		if err := s.cfg.Cancel(ctx, id); err != nil {
			s.cfg.Log.Warn("delivery not cancelled", "request", id, "err", err)
		}
	}
}
