package request

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"math/big"
	"slices"
	"strings"
	"time"

	"gatehouse/hub/bulletin"
	"gatehouse/hub/evidence"
	"gatehouse/hub/ledger"
)

// uploads are the kinds of target that a hub sends to by itself.
var uploads = []string{bulletin.Tus, bulletin.HTTPSPut, bulletin.SFTP, bulletin.WebDAV}

// maxClips is what a package may hold: Axon's public limit for portal uploads.
const maxClips = 25

// change is one step of a request by a person or a timer, under its lock: f if the event may happen now.
func (s *Service) change(ctx context.Context, id string, e event, f func(r Record, to State) (Record, error)) (Record, error) {
	unlock, err := s.locks.lock(ctx, id)
	if err != nil {
		return Record{}, err
	}
	defer unlock()
	r, err := s.cfg.Store.Record(ctx, id)
	if err != nil {
		return Record{}, err
	}
	to, err := next(r.State, e)
	if err != nil {
		return Record{}, err
	}
	return f(r, to)
}

// Prepare seals a selection (within the request's window and matched cameras); it replaces an earlier one.
func (s *Service) Prepare(ctx context.Context, id string, clips []evidence.Selection) (Record, error) {
	return s.change(ctx, id, prepared, func(r Record, to State) (Record, error) {
		p, err := s.actionable(r)
		if err != nil {
			return Record{}, err
		}
		if err := s.covered(ctx, r, clips); err != nil {
			return Record{}, err
		}
		pkg, err := s.seal(ctx, r, p, clips)
		if err != nil {
			return Record{}, fmt.Errorf("sealing: %w", err)
		}
		old := r
		was := r.State
		r.State, r.Package, r.Selection, r.Updated, r.Reason = to, &pkg, clips, s.cfg.Now(), ""
		r.People = s.approvals()
		r.Approvals, r.Left = nil, nil // they were of other bytes
		e := s.entry(r, ledger.Prepared, map[string]any{"package": pkg.ID, "sha256": pkg.Digest, "bytes": pkg.Bytes},
			"The owner's selection was sealed as package %s. Nothing was sent.", pkg.ID)
		if err := s.cfg.Store.PutRecord(ctx, r, was, e); err != nil {
			return Record{}, errors.Join(err, s.cfg.Sealer.Discard(pkg))
		}
		s.tell(r)
		return r, s.dropPackage(old)
	})
}

// seal makes the package of a selection. One that is to go to a portal has to fit into it.
func (s *Service) seal(ctx context.Context, r Record, p bulletin.VerifiedProfile, clips []evidence.Selection) (evidence.Package, error) {
	o, err := order(r, p, clips)
	if err != nil {
		return evidence.Package{}, err
	}
	pkg, err := s.cfg.Sealer.Seal(ctx, o)
	if err != nil {
		return evidence.Package{}, err
	}
	if t, _, err := r.leaves(p.Profile); err != nil || t.Kind != bulletin.Portal {
		return pkg, nil //nolint:nilerr // Approve tells that there is no way
	}
	sealed, err := s.cfg.Sealer.Open(pkg)
	if err == nil && sealed != nil {
		err = errors.Join(sealed.FitsPortal(), sealed.Close())
	}
	if err != nil {
		return evidence.Package{}, errors.Join(err, s.cfg.Sealer.Discard(pkg))
	}
	return pkg, nil
}

// actionable returns the profile that a request was verified by, if the request may still be answered.
func (s *Service) actionable(r Record) (bulletin.VerifiedProfile, error) {
	if end := r.Expires(); end.IsZero() || !s.now().Before(end) {
		return bulletin.VerifiedProfile{}, ErrState
	}
	if r.Manual != nil {
		return bulletin.VerifiedProfile{}, nil
	}
	return s.current(r)
}

// covered gives ErrNotYours unless every clip lies within what was asked of a
// camera and has footage.
func (s *Service) covered(ctx context.Context, r Record, clips []evidence.Selection) error {
	if len(clips) == 0 || len(clips) > maxClips {
		return ErrNotYours
	}
	for _, c := range clips {
		ok := false
		for _, m := range r.Matches {
			ok = ok || m.Camera == c.Camera && !c.From.Before(m.From) && !c.To.After(m.To)
		}
		if !ok || !c.From.Before(c.To) {
			return ErrNotYours
		}
		sec, err := s.cfg.Footage.Recorded(ctx, c.Camera, c.From, c.To)
		if err != nil {
			return fmt.Errorf("looking for footage: %w", err)
		}
		if sec <= 0 {
			return ErrNotYours
		}
	}
	return nil
}

func order(r Record, p bulletin.VerifiedProfile, clips []evidence.Selection) (evidence.Order, error) {
	if r.Manual != nil {
		doc, err := r.document()
		return evidence.Order{RequestID: r.ID, Manual: doc, Agency: r.agencyName(), Clips: clips}, err
	}
	o := evidence.Order{
		RequestID: r.ID, Envelope: r.Envelope, Proof: r.Proof, BulletinKey: r.Log, Profile: r.Profile,
		Agency: r.agencyName(), Clips: clips, Saw: saw(*r.Request),
	}
	for _, recipient := range p.Recipients {
		if bulletin.Fingerprint(recipient) == r.Request.Delivery.Recipient {
			o.Recipient = recipient
		}
	}
	return o, nil
}

// Preview opens the sealed file of a prepared request.
func (s *Service) Preview(ctx context.Context, id string) (*evidence.Preview, Record, error) {
	r, err := s.cfg.Store.Record(ctx, id)
	if err != nil {
		return nil, Record{}, err
	}
	if r.Package == nil {
		return nil, r, ErrState
	}
	p, err := s.cfg.Sealer.Open(*r.Package)
	if err != nil {
		return nil, r, fmt.Errorf("opening sealed package: %w", err)
	}
	return p, r, nil
}

// usable is the first target that a hub can upload to by itself.
func usable(q bulletin.Request, p bulletin.Profile) (bulletin.Target, error) {
	for _, t := range q.Delivery.Targets {
		if _, listed := p.UploadHost(t); listed && slices.Contains(uploads, t.Kind) {
			return t, nil
		}
	}
	return bulletin.Target{}, ErrTarget
}

// between draws a duration from a closed range.
func between(r [2]time.Duration) time.Duration {
	if r[1] <= r[0] {
		return max(r[0], 0)
	}
	n, err := rand.Int(rand.Reader, big.NewInt(int64(r[1]-r[0])+1))
	if err != nil { // never: crypto/rand ends the program instead
		return r[1]
	}
	return r[0] + time.Duration(n.Int64())
}

// Decline ends a request that waits, is prepared, or whose delivery or hand-over
// did not come to its end; nobody is told.
func (s *Service) Decline(ctx context.Context, id, by string) (Record, error) {
	return s.change(ctx, id, declined, func(r Record, to State) (Record, error) {
		r, err := s.close(ctx, r, to, by, "",
			s.entry(r, ledger.Declined, nil, "%s declined the request%s. Nobody was told.", by, r.afterwards()))
		return r, errors.Join(err, s.cfg.Footage.Release(ctx, r.ID))
	})
}

// afterwards is what went before the end of a request, for the ledger.
func (r Record) afterwards() string {
	switch {
	case r.State != Failed:
		return ""
	case r.ByHand.given():
		return " after a hand-over that did not take place, for which its files had been taken out"
	case r.ByHand != nil:
		return " after a hand-over that did not take place"
	}
	return " after a delivery that was not completed"
}

// close ends a request, discards what was sealed, and tells the owner's doors.
func (s *Service) close(ctx context.Context, r Record, to State, by, reason string, e ...ledger.Entry) (Record, error) {
	old := r
	r.State, r.DecidedBy, r.Reason, r.Updated = to, by, reason, s.cfg.Now()
	r.Package, r.Selection, r.Approvals, r.Left = nil, nil, nil, nil
	if to != Expired {
		r.HeldUntil = time.Time{} // the caller gives the footage free
	}
	if err := s.cfg.Store.PutRecord(ctx, r, old.State, e...); err != nil {
		return Record{}, err
	}
	s.tell(r)
	return r, s.dropPackage(old)
}

// dropPackage removes what was sealed for a request and will not be sent.
func (s *Service) dropPackage(old Record) error {
	if old.Package == nil || !slices.Contains([]State{Prepared, Ready, Failed}, old.State) {
		return nil
	}
	if err := s.cfg.Sealer.Discard(*old.Package); err != nil {
		return fmt.Errorf("discarding sealed package: %w", err)
	}
	return nil
}

// MarkShown records that the owner was shown a request; the first time counts.
func (s *Service) MarkShown(ctx context.Context, id string) error {
	unlock, err := s.locks.lock(ctx, id)
	if err != nil {
		return err
	}
	defer unlock()
	r, err := s.cfg.Store.Record(ctx, id)
	if err != nil || !r.Shown.IsZero() || r.State != Waiting {
		return err
	}
	r.Shown = s.cfg.Now()
	return s.cfg.Store.PutRecord(ctx, r, r.State, s.entry(r, ledger.Shown, nil, "The owner was shown the request."))
}

// Delivered moves an approved request to sent or failed; delivery's Config.Done
// is wired to it. Delivery may tell it again after a restart: that is no error.
func (s *Service) Delivered(ctx context.Context, id string, sent bool, detail string) error {
	unlock, err := s.locks.lock(ctx, id)
	if err != nil {
		return err
	}
	defer unlock()
	r, err := s.cfg.Store.Record(ctx, id)
	if err != nil || r.State != Approved {
		return err
	}
	e := failed
	switch {
	case sent:
		e = delivered
	case r.Ended != "":
		e = withdrawn
	}
	old := r
	if r.State, err = next(old.State, e); err != nil {
		return err
	}
	r.Reason, r.Updated = strings.TrimSpace(r.Ended+" "+detail), s.cfg.Now()
	if r.State == Failed {
		r.Approvals = nil // whoever sends it again decides again
	}
	if r.State == Sent {
		r.HeldUntil = time.Time{}
	}
	if r.State == Withdrawn {
		r.Package, r.Selection, r.HeldUntil = nil, nil, time.Time{}
	}
	if err := s.cfg.Store.PutRecord(ctx, r, Approved); err != nil {
		return err
	}
	s.tell(r)
	if r.State == Sent {
		return s.cfg.Footage.Release(ctx, id) // the package has it
	}
	if r.State != Withdrawn {
		return nil
	}
	old.State = Failed // nothing is going to be sent
	return errors.Join(s.cfg.Footage.Release(ctx, id), s.dropPackage(old))
}

const (
	expireSoon = time.Second     // between two looks at least
	expireLate = 5 * time.Minute // and at most: the log's time may move as well as the clock

	strangersKept = 400 * 24 * time.Hour // rows of requests that were not for this home
)

// expire ends what waits and is over, and once a day drops what is long past.
func (s *Service) expire(ctx context.Context) error {
	var pruned time.Time
	for {
		wait, err := s.expireDue(ctx)
		if err != nil {
			return ended(ctx, err)
		}
		if now := s.cfg.Now(); now.Sub(pruned) > 24*time.Hour {
			pruned = now
			if err := s.cfg.Store.Prune(ctx, now.Add(-strangersKept), refusedKept); err != nil {
				return ended(ctx, err)
			}
		}
		if !s.cfg.Sleep(ctx, s.cfg.Now().Add(wait)) {
			return nil
		}
	}
}

// expireDue returns when to look again. An expired request cannot be acted on
// even before this has come by.
func (s *Service) expireDue(ctx context.Context) (wait time.Duration, err error) {
	wait = expireLate
	list, err := s.cfg.Store.Records(ctx, Waiting, Prepared, Ready, Failed)
	if err != nil {
		return 0, err
	}
	if err := s.holdAgain(ctx, list); err != nil {
		return 0, err
	}
	for _, r := range list {
		if left := r.Expires().Sub(s.now()); left > 0 {
			wait = min(wait, max(left, expireSoon))
			continue
		}
		_, err := s.change(ctx, r.ID, expired, func(r Record, to State) (Record, error) {
			if r.State == Ready && r.ByHand.given() {
				return r, nil // it may be with somebody: the owner has the last word
			}
			e := s.entry(r, ledger.Expired, nil, "The request expired. Nothing was sent.")
			if r.State == Failed {
				e.Text = "The request expired" + r.afterwards() + "."
			}
			return s.close(ctx, r, to, "", "Its time is over.", e)
		})
		if err != nil && !errors.Is(err, ErrState) {
			return 0, err
		}
	}
	return wait, nil
}
