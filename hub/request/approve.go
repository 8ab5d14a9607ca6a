package request

import (
	"context"
	"crypto/subtle"
	"errors"
	"fmt"
	"slices"
	"time"

	"gatehouse/hub/bulletin"
	"gatehouse/hub/ledger"
)

// Approval is one person's yes to one package.
type Approval struct {
	Person int64     `json:"person"` // account.Person.Number
	By     string    `json:"by"`     // in the ledger's words
	At     time.Time `json:"at"`
	Digest string    `json:"digest"`         // of the package
	Lock   bool      `json:"lock,omitempty"` // by the lock of the Home app, to which the person had left it
}

// Approver is who approves: a number that stays theirs, and the words that the
// ledger and so the agency reads: a role, no name.
type Approver struct {
	Number int64
	Words  string
	lock   bool // the lock of the Home app stands for them
}

// OwnerNumber is the owner's number; all others are greater.
const OwnerNumber = 1

// Needs is how many people must approve a request.
func (r Record) Needs() int {
	n := max(r.People, 1)
	if r.Rule != nil && r.Rule.Action == RequireTwo {
		n = max(n, 2)
	}
	return n
}

// approvals is how many people the owner wants to approve any request.
func (s *Service) approvals() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.home.Approvals
}

// Approve is ApproveBy for the owner, whom by names.
func (s *Service) Approve(ctx context.Context, id, digest, by string, skipCoolDown bool) (Record, error) {
	return s.ApproveBy(ctx, id, digest, Approver{Number: OwnerNumber, Words: by}, skipCoolDown)
}

// ApproveBy sends what was sealed, once as many people approved it as its rule
// wants; until then it notes the approval and the record stays in its state. The
// digest must be the package's, and the file on disk must still have it, each
// time. The caller has re-authenticated the person and knows that they may
// approve. skipCoolDown sends at once, if this approval is the last. A delivery
// that failed may be approved again, by as many.
func (s *Service) ApproveBy(ctx context.Context, id, digest string, by Approver, skipCoolDown bool) (Record, error) {
	return s.change(ctx, id, approved, func(r Record, _ State) (Record, error) {
		return s.approveBy(ctx, r, digest, by, skipCoolDown)
	})
}

// approveBy is the one way to an approval, for people at the console and for the
// lock. The caller holds the request's lock.
func (s *Service) approveBy(ctx context.Context, r Record, digest string, by Approver, skipCoolDown bool) (Record, error) {
	target, e, err := s.approvable(r, digest)
	if err != nil {
		return Record{}, err
	}
	to, err := next(r.State, e)
	if err != nil {
		return Record{}, err
	}
	r.People = max(r.People, s.approvals()) // what was made stricter holds at once
	if r, err = s.count(ctx, r, by); err != nil {
		return Record{}, err
	}
	if r.Left != nil && r.Left.Person == by.Number {
		r.Left = nil // theirs is given
	}
	if len(r.Approvals) < r.Needs() {
		return s.agree(ctx, r, by)
	}
	r.Left = nil
	if e == released {
		return s.release(ctx, r, to, target, by.Words)
	}
	return s.approve(ctx, r, to, target, by.Words, skipCoolDown)
}

// approvable returns how a record's package leaves, if it is of that digest on
// disk too and the request may still be answered.
func (s *Service) approvable(r Record, digest string) (bulletin.Target, event, error) {
	none := bulletin.Target{}
	if r.Package == nil {
		return none, approved, ErrState
	}
	if subtle.ConstantTimeCompare([]byte(digest), []byte(r.Package.Digest)) != 1 {
		return none, approved, ErrDigest
	}
	p, err := s.actionable(r)
	if err != nil {
		return none, approved, err
	}
	target, e, err := r.leaves(p.Profile)
	if err != nil {
		return none, approved, err
	}
	sealed, err := s.cfg.Sealer.Open(*r.Package) // before the first byte leaves, delivery or Give hashes all of it again
	if err != nil {
		return none, approved, errors.Join(ErrDigest, err)
	}
	if sealed != nil {
		if err := sealed.Close(); err != nil {
			return none, approved, fmt.Errorf("closing sealed package: %w", err)
		}
	}
	return target, e, nil
}

// count adds a person's approval to those of others that still hold: of this
// very package, by who may still approve.
func (s *Service) count(ctx context.Context, r Record, by Approver) (Record, error) {
	var hold []Approval
	for _, a := range r.Approvals {
		ok := a.Digest == r.Package.Digest
		if ok && s.cfg.Entitled != nil {
			var err error
			if ok, err = s.cfg.Entitled(ctx, a.Person); err != nil {
				return Record{}, fmt.Errorf("looking up an approver: %w", err)
			}
		}
		if ok {
			hold = append(hold, a)
		}
	}
	if slices.ContainsFunc(hold, func(a Approval) bool { return a.Person == by.Number }) {
		return Record{}, ErrSecond
	}
	r.Approvals = append(hold, Approval{Person: by.Number, By: by.Words, At: s.cfg.Now(), Digest: r.Package.Digest, Lock: by.lock})
	return r, nil
}

// agree notes an approval that is not the last. The state stays.
func (s *Service) agree(ctx context.Context, r Record, by Approver) (Record, error) {
	was := r.State
	to, err := next(was, agreed)
	if err != nil {
		return Record{}, err
	}
	r.State, r.Updated = to, s.cfg.Now()
	e := s.entry(r, ledger.Agreed, map[string]any{"package": r.Package.ID, "sha256": r.Package.Digest},
		"%s approved package %s. Nothing is sent before another person has.", by.Words, r.Package.ID)
	if err := s.cfg.Store.PutRecord(ctx, r, was, e); err != nil {
		return Record{}, err
	}
	s.tell(r)
	return r, nil
}

func (s *Service) approve(ctx context.Context, r Record, to State, target bulletin.Target, by string, skip bool) (Record, error) {
	now := s.cfg.Now()
	r.State, r.DecidedBy, r.Updated, r.Reason = to, by, now, ""
	r.SendAfter = now
	if !skip {
		r.SendAfter = now.Add(between(s.cfg.CoolDown))
	}
	s.mu.Lock()
	private := s.allowed[r.Agency].PrivateUploads
	s.mu.Unlock()
	pkg := *r.Package
	data := map[string]any{"package": pkg.ID, "sha256": pkg.Digest, "bytes": pkg.Bytes, "target": target.URL}
	e := s.entry(r, ledger.Approved, data, "%s approved sending package %s to %s.", by, pkg.ID, r.agencyName())
	_, err := s.cfg.Store.Approve(ctx, r, e, Outbox{
		Request: r.ID, Agency: r.Agency, PackageID: pkg.ID, Path: pkg.Path, Digest: pkg.Digest, Bytes: pkg.Bytes,
		Target: target, Profile: r.Profile, Private: private, NotBefore: r.SendAfter,
	})
	if err != nil {
		return Record{}, err
	}
	s.tell(r)
	return r, nil
}
