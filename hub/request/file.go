package request

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"time"

	"gatehouse/hub/bulletin"
	"gatehouse/hub/ledger"
)

// file judges a request and stores the outcome. Kept is false for what was
// refused and only counted: it is to be looked at again when it comes again.
func (s *Service) file(ctx context.Context, a arrival) (kept bool, err error) {
	q, p, err := s.open(a)
	var r *bulletin.Refusal
	if errors.As(err, &r) {
		return s.refuseArrival(ctx, a, r)
	}
	if err != nil {
		return false, err
	}
	unlock, err := s.locks.lock(ctx, q.ID)
	if err != nil {
		return false, err
	}
	defer unlock()
	old, err := s.occupant(ctx, q, p)
	if err == nil {
		err = s.fileOpened(ctx, a, q, p, old)
	}
	if errors.As(err, &r) {
		return s.refuseArrival(ctx, a, r)
	}
	if err != nil {
		return false, err
	}
	if a.of == nil || a.of.ID == q.ID {
		return true, nil
	}
	return true, s.cfg.Store.DropRecord(ctx, a.of.ID) // of the time when it could not be verified
}

// occupant returns the record that a request replaces. Whoever else came first
// with its id, another agency or other root keys under the same name, makes way
// if nobody allowed them and the owner was never shown it: then only the state
// is returned, and what was there is kept as refused.
func (s *Service) occupant(ctx context.Context, q bulletin.Request, p bulletin.VerifiedProfile) (Record, error) {
	old, err := s.cfg.Store.Record(ctx, q.ID)
	if errors.Is(err, ErrNotFound) {
		return Record{}, nil
	}
	if err != nil || bytes.Equal(old.Profile, p.Envelope) {
		return old, err
	}
	var root string
	if was, err := bulletin.OpenProfile(old.Profile); err == nil {
		root = was.RootID
	}
	if old.Agency == q.Agency && root == p.RootID {
		return old, nil
	}
	taken := &bulletin.Refusal{Code: bulletin.Replayed, Detail: "A request that somebody else signed has its id."}
	if !s.stands(q.Agency, p.RootID) {
		return old, taken
	}
	unseen := judgedAgain(old.State) || old.State == Withdrawn && len(old.Matches) == 0
	if unseen && !s.stands(old.Agency, root) {
		row := s.refusedRow(sha256.Sum256(old.Envelope), old.Source, taken)
		row.Agency, row.Received, row.Envelope, row.Proof, row.Log = old.Agency, old.Received, old.Envelope, old.Proof, old.Log
		if err := s.cfg.Store.PutRecord(ctx, row, ""); err != nil && !errors.Is(err, ErrState) {
			return old, err
		}
		if s.later != nil {
			*s.later = slices.DeleteFunc(*s.later, func(r Rejudged) bool { return r.ID == old.ID })
		}
		return Record{State: old.State}, nil
	}
	if old.Agency != q.Agency {
		return old, taken
	}
	return old, nil
}

// open finds the profile and verifies envelope, roles and schema.
func (s *Service) open(a arrival) (bulletin.Request, bulletin.VerifiedProfile, error) {
	agency, _ := bulletin.PeekRequest(a.envelope)
	p, ok := s.profileFor(agency, a.envelope)
	if !ok {
		return bulletin.Request{}, p, &bulletin.Refusal{Code: bulletin.UnknownAgency, Detail: "No profile of the agency was seen in a bulletin."}
	}
	if a.opened != nil && a.opened.profile.Hash == p.Hash {
		return a.opened.request, p, a.opened.err
	}
	q, err := bulletin.OpenRequest(a.envelope, p)
	return q, p, err
}

// fileOpened is under the request's lock. A *bulletin.Refusal leaves the record as it was.
func (s *Service) fileOpened(ctx context.Context, a arrival, q bulletin.Request, p bulletin.VerifiedProfile, old Record) error {
	again, err := replay(a, q, old)
	if err != nil || !again && old.Revision == q.Revision {
		return err
	}
	if q.Status != bulletin.StatusOpen {
		return s.end(ctx, a, q, p, old)
	}
	r := s.newRecord(a, q, p, old)
	var v verdict
	var refusal *bulletin.Refusal
	switch err := bulletin.CheckLimits(q, p, s.now()); {
	case errors.As(err, &refusal) && old.ID != "" && !judgedAgain(old.State):
		return refusal // the owner knows the request: it stands as it is
	case errors.As(err, &refusal):
		v = verdict{state: Refused, code: refusal.Code, reason: refusal.Detail}
	case err != nil:
		return err
	default:
		if v, err = s.judge(ctx, q, p, r, a.of != nil); err != nil {
			return err
		}
		if v.code == CaseLimit && old.ID != "" && !judgedAgain(old.State) {
			return &bulletin.Refusal{Code: v.code, Detail: v.reason} // the owner knows the request: it stands as it is
		}
	}
	if old.ID != "" && !replaceable(old.State) {
		return nil // decided; a later revision does not ask again
	}
	return s.put(ctx, r, v, old)
}

// replay tells a request seen before from a later revision. Again means that
// the same envelope may be judged anew.
func replay(a arrival, q bulletin.Request, old Record) (again bool, err error) {
	bad := func(why string) error { return &bulletin.Refusal{Code: bulletin.Replayed, Detail: why} }
	was := envelopeHash(old.Envelope)
	switch {
	case old.ID == "":
		return true, nil
	case q.Revision < old.Revision:
		return false, bad("A later revision of it is known.")
	case q.Revision == old.Revision && was == hex.EncodeToString(a.hash[:]):
		return judgedAgain(old.State), nil
	case q.Revision == old.Revision:
		return false, bad("The same revision of it is known with other contents.")
	case q.Revision == old.Revision+1 && q.Supersedes != was:
		return false, bad("It does not name the revision that it replaces.")
	}
	return true, nil
}

func (s *Service) newRecord(a arrival, q bulletin.Request, p bulletin.VerifiedProfile, old Record) Record {
	r := Record{
		ID: q.ID, Revision: q.Revision, Agency: q.Agency, Source: a.source, Received: a.received,
		Updated: s.cfg.Now(), Request: &q, CallBack: p.CallBack, AgencyName: p.Name,
		Shown: old.Shown, HeldUntil: old.HeldUntil, Queued: old.Queued, Told: old.Told, Rang: old.Rang,
		Envelope: a.envelope, Proof: a.proof, Profile: p.Envelope, Log: a.log,
	}
	if old.ID != "" {
		r.Received, r.Earlier = old.Received, slices.Clone(old.Earlier)
		if o := old.Request; o != nil && old.Revision < q.Revision && old.State != Refused {
			r.Earlier = append(r.Earlier, Asked{Area: o.Area.Ring, Window: o.Window})
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if l, ok := s.allowed[q.Agency]; ok {
		r.AgencyName, r.CallBack = l.Name, l.CallBack
	}
	return r
}

// put stores a verdict: the hold first, so that a row never promises footage
// that is not held.
func (s *Service) put(ctx context.Context, r Record, v verdict, old Record) error {
	r.State, r.Code, r.Reason, r.AreaKM2, r.Matches, r.Rule, r.Facts = v.state, v.code, v.reason, v.km2, v.matches, v.ruled, v.facts
	if v.asked.Requests > 0 {
		r.Case = &v.asked
	}
	if old.ID != "" && old.State == r.State && old.Code == r.Code && old.Revision == r.Revision {
		return nil
	}
	if r.State == Waiting {
		if old.State != Waiting && old.State != Prepared {
			r.Queued = s.cfg.Now()
		}
		if err := s.tryHold(ctx, &r, old); err != nil {
			return err
		}
	}
	day := s.refusedDay()
	if r.State == Refused && day.kept[proven] >= refusedADay && old.State == "" {
		return &bulletin.Refusal{Code: r.Code, Detail: r.Reason}
	}
	shown := old.ID != "" && !judgedAgain(old.State)
	if r.State != Waiting {
		r.HeldUntil = time.Time{}
	}
	if s.later != nil && old.ID != "" && !shown && judgedAgain(r.State) {
		*s.later = append(*s.later, Rejudged{Record: r, Was: old.State})
		return nil
	}
	if err := s.cfg.Store.PutRecord(ctx, r, old.State, s.judgedEntries(r, old)...); err != nil {
		return err
	}
	if r.State == Refused && old.State == "" {
		day.kept[proven]++
	}
	if shown && r.State != Waiting {
		if err := s.cfg.Footage.Release(ctx, r.ID); err != nil {
			return fmt.Errorf("releasing footage: %w", err)
		}
	}
	if r.State == Waiting || shown {
		s.tell(r)
	}
	return s.dropPackage(old)
}

// end files a revision that closes or withdraws a request. It needs no limits:
// it only takes away. What was approved already stays approved with a note, and
// its delivery is stopped if no byte of it was sent.
func (s *Service) end(ctx context.Context, a arrival, q bulletin.Request, p bulletin.VerifiedProfile, old Record) error {
	word := "closed"
	if q.Status == bulletin.StatusWithdrawn {
		word = "withdrew"
	}
	r := s.newRecord(a, q, p, old)
	r.Reason = "The agency " + word + " the request."
	if old.ID == "" {
		r.State = Withdrawn
		return s.cfg.Store.PutRecord(ctx, r, old.State)
	}
	to, err := next(old.State, withdrawn)
	if err != nil || old.Ended != "" {
		return nil //nolint:nilerr // over already
	}
	if slices.Contains([]State{Approved, Sent, HandedOver}, old.State) || old.State == Ready && old.ByHand.given() {
		return s.noteEnd(ctx, old, r.agencyName(), word)
	}
	r.HeldUntil = time.Time{}
	if old.ByHand.given() {
		r.ByHand = old.ByHand // somebody may have the files, whoever cancelled what
	}
	r.State, r.Matches, r.AreaKM2, r.Rule, r.Case, r.Facts = to, old.Matches, old.AreaKM2, old.Rule, old.Case, old.Facts
	var e []ledger.Entry
	if !judgedAgain(old.State) {
		e = append(e, s.entry(r, ledger.Withdrawn, nil, "%s %s its request.", r.agencyName(), word))
	}
	if err := s.cfg.Store.PutRecord(ctx, r, old.State, e...); err != nil {
		return err
	}
	if err := s.cfg.Footage.Release(ctx, r.ID); err != nil {
		return fmt.Errorf("releasing footage: %w", err)
	}
	if !judgedAgain(old.State) {
		s.tell(r)
	}
	return s.dropPackage(old)
}

// noteEnd notes on a request that its agency ended it after the approval. What
// has left stays where it is.
func (s *Service) noteEnd(ctx context.Context, r Record, agency, word string) error {
	after := "you approved it"
	switch r.State {
	case Sent:
		after = "the footage was sent"
	case HandedOver:
		after = "you handed the footage over"
	}
	r.Ended, r.Updated = "The agency "+word+" the request after "+after+".", s.cfg.Now()
	r.Reason = r.Ended
	e := s.entry(r, ledger.Withdrawn, nil, "%s %s its request after the approval.", agency, word)
	if r.State == Sent {
		e.Text = fmt.Sprintf("%s %s its request after the footage was sent.", agency, word)
	}
	if err := s.cfg.Store.PutRecord(ctx, r, r.State, e); err != nil {
		return err
	}
	if r.State == Approved {
		s.cancelLater(r.ID)
	}
	s.tell(r)
	return nil
}
