package request

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"gatehouse/hub/bulletin"
	"gatehouse/hub/ledger"
)

// Errors of what leaves by hand: owner input.
var (
	ErrNotByHand = errors.New("only a package that was approved for a portal or to be handed over in person is given to you as files")
	ErrNotGiven  = errors.New("its files were never taken out, so nobody can have them")
	ErrAgain     = errors.New("it was handed over already; to take its files out again, say so with your passphrase")
	ErrForm      = errors.New("the package cannot be given in this form")
)

// Form is how the files of a package are given to a person.
type Form string

// Forms. Sealed is the approved file itself, for an agency that has a key;
// Locked is for one without.
const (
	Plain  Form = "plain"  // the files as they are
	Sealed Form = "sealed" // the sealed file
	Locked Form = "locked" // encrypted to a passphrase that is told in another way
)

// Ways in which a person hands something over.
const (
	ByPortal = bulletin.Portal
	InPerson = bulletin.InPerson
	ByPost   = "post"
)

// ByHand is how an approved package leaves by the owner's hands.
type ByHand struct {
	Target  bulletin.Target `json:"target"`          // that was approved
	Times   int             `json:"times,omitempty"` // that its files were taken out
	Taken   time.Time       `json:"taken"`           // the last time
	Form    Form            `json:"form,omitempty"`  // then
	To      string          `json:"to,omitempty"`    // whom the owner gave it
	Way     string          `json:"way,omitempty"`
	At      time.Time       `json:"at"` // as the owner says
	Note    string          `json:"note,omitempty"`
	Receipt string          `json:"receipt,omitempty"` // a number or a paper that they got for it
}

func (h *ByHand) given() bool { return h != nil && h.Times > 0 }

// leaves is how a record's package leaves: to the first target that a hub
// uploads to, or else to the first to which a person takes it.
func (r Record) leaves(p bulletin.Profile) (bulletin.Target, event, error) {
	if r.Manual != nil {
		return bulletin.Target{Kind: r.Manual.Way}, released, nil
	}
	if t, err := usable(*r.Request, p); err == nil {
		return t, approved, nil
	}
	for _, t := range r.Request.Delivery.Targets {
		_, listed := p.UploadHost(t)
		if t.Kind == bulletin.InPerson || t.Kind == bulletin.Portal && listed {
			return t, released, nil
		}
	}
	return bulletin.Target{}, approved, ErrTarget
}

// LeavesByHand reports whether a record's package, once approved, leaves by the
// owner's hands: the hub uploads nothing.
func (r Record) LeavesByHand() bool {
	if r.Manual != nil || r.ByHand != nil {
		return true
	}
	p, err := bulletin.OpenProfile(r.Profile)
	if err != nil || r.Request == nil {
		return false
	}
	_, e, err := r.leaves(p.Profile)
	return err == nil && e == released
}

// Forms are those in which a record's package may be given, the best first.
func (r Record) Forms() []Form {
	if r.Manual != nil && r.Manual.Way == ByPortal {
		return []Form{Plain, Locked}
	}
	if r.Manual != nil {
		return []Form{Locked, Plain}
	}
	if r.ByHand != nil && r.ByHand.Target.Kind == bulletin.InPerson {
		return []Form{Sealed, Plain}
	}
	return []Form{Plain, Sealed}
}

// release is the approval of what leaves by hand. There is no outbox row: no
// code of this hub can send it.
func (s *Service) release(ctx context.Context, r Record, to State, target bulletin.Target, by string) (Record, error) {
	was := r.State
	r.State, r.DecidedBy, r.Updated, r.Reason = to, by, s.cfg.Now(), ""
	h := ByHand{Target: target}
	if r.ByHand != nil {
		h.Times, h.Taken, h.Form = r.ByHand.Times, r.ByHand.Taken, r.ByHand.Form
	}
	r.ByHand = &h
	data := map[string]any{"package": r.Package.ID, "sha256": r.Package.Digest, "bytes": r.Package.Bytes, "by_hand": target.Kind}
	e := s.entry(r, ledger.Approved, data, "%s approved handing over package %s to %s. The hub sends nothing.", by, r.Package.ID, r.agencyName())
	if err := s.cfg.Store.PutRecord(ctx, r, was, e); err != nil {
		return Record{}, err
	}
	s.tell(r)
	return r, nil
}

// MayGive says whether a person may have the files of a record's package. Before
// the approval it is ErrState, as it is when the agency withdrew; for a package
// that the hub sends by itself ErrNotByHand.
func (r Record) MayGive() error {
	switch {
	case r.State == Approved || r.State == Sent:
		return ErrNotByHand
	case r.State != Ready && r.State != HandedOver, r.Package == nil, r.Ended != "", r.ByHand == nil:
		return ErrState
	}
	return nil
}

// Give lets a person have the files of an approved package, in a form: the
// sealed file is hashed whole and must still be what was approved, and the
// ledger is told before the first byte, each time. After the expiry nothing is
// given. Once it was handed over, again says that the caller has
// re-authenticated the person; else it is ErrAgain.
func (s *Service) Give(ctx context.Context, id string, form Form, again bool) (Record, error) {
	unlock, err := s.locks.lock(ctx, id)
	if err != nil {
		return Record{}, err
	}
	defer unlock()
	r, err := s.cfg.Store.Record(ctx, id)
	if err != nil {
		return Record{}, err
	}
	if err := r.MayGive(); err != nil {
		return Record{}, err
	}
	if !slices.Contains(r.Forms(), form) {
		return Record{}, ErrForm
	}
	if r.State == HandedOver && !again {
		return Record{}, ErrAgain
	}
	if _, err := s.actionable(r); err != nil {
		return Record{}, err
	}
	sealed, err := s.cfg.Sealer.Reopen(*r.Package)
	if err != nil {
		return Record{}, errors.Join(ErrDigest, err)
	}
	if sealed != nil {
		if err := sealed.Close(); err != nil {
			return Record{}, fmt.Errorf("closing sealed package: %w", err)
		}
	}
	h := *r.ByHand
	h.Times, h.Taken, h.Form = h.Times+1, s.cfg.Now(), form
	r.ByHand, r.Updated = &h, h.Taken
	text := "The files of package %s were taken out at home, to be handed over."
	switch {
	case r.State == HandedOver:
		text = "The files of package %s were taken out once more, after they had been handed over."
	case h.Times > 1:
		text = "The files of package %s were taken out once more."
	}
	e := s.entry(r, ledger.Given, map[string]any{"package": r.Package.ID, "sha256": r.Package.Digest, "form": string(form), "times": h.Times}, text, r.Package.ID)
	if err := s.cfg.Store.PutRecord(ctx, r, r.State, e); err != nil {
		return Record{}, err
	}
	s.tell(r)
	return r, nil
}

// Handed is what the owner says of a hand-over.
type Handed struct {
	To   string    // whom; 2 to 120 characters
	Way  string    // ByPortal, InPerson or ByPost
	At   time.Time // not before the request came, not in the future; zero: now
	Note string    // at most 500 characters
}

// HandedOver notes that the owner handed a package over. The caller has
// re-authenticated whoever says so.
func (s *Service) HandedOver(ctx context.Context, id string, h Handed, by string) (Record, error) {
	return s.change(ctx, id, handed, func(r Record, to State) (Record, error) {
		if !r.ByHand.given() {
			return Record{}, ErrNotGiven
		}
		now := s.cfg.Now()
		if h.At.IsZero() {
			h.At = now
		}
		var c fields
		h.To, h.Note = c.line("to", h.To, 2, 120), c.line("note", h.Note, 0, 500)
		c.must("way", slices.Contains([]string{ByPortal, InPerson, ByPost}, h.Way), "is not one of the ways to choose from")
		c.must("at", !h.At.After(now.Add(maxAhead)) && !h.At.Before(r.Received.Truncate(time.Minute)), "is not a time between the request and now")
		if c.err != nil {
			return Record{}, c.err
		}
		given := *r.ByHand
		given.To, given.Way, given.At, given.Note = h.To, h.Way, h.At.UTC(), h.Note
		was := r.State
		r.ByHand, r.State, r.Updated, r.Reason, r.HeldUntil = &given, to, now, "", time.Time{}
		e := s.entry(r, ledger.HandedOver, map[string]any{
			"package": r.Package.ID, "sha256": r.Package.Digest, "to": h.To, "way": h.Way, "at": h.At.UTC(), "form": string(given.Form),
		}, "%s says that package %s was handed over.", by, r.Package.ID)
		if err := s.cfg.Store.PutRecord(ctx, r, was, e); err != nil {
			return Record{}, err
		}
		s.tell(r)
		return r, s.cfg.Footage.Release(ctx, id) // the package has it
	})
}

// NoteReceipt notes a number or a paper that the owner got for a package that
// was handed over. A later one takes the place of an earlier; the ledger has all.
func (s *Service) NoteReceipt(ctx context.Context, id, receipt, by string) (Record, error) {
	unlock, err := s.locks.lock(ctx, id)
	if err != nil {
		return Record{}, err
	}
	defer unlock()
	r, err := s.cfg.Store.Record(ctx, id)
	if err != nil {
		return Record{}, err
	}
	if r.State != HandedOver {
		return Record{}, ErrState
	}
	var c fields
	receipt = c.line("receipt", receipt, 1, 200)
	if c.err != nil {
		return Record{}, c.err
	}
	h := *r.ByHand
	h.Receipt = receipt
	r.ByHand, r.Updated = &h, s.cfg.Now()
	e := s.entry(r, ledger.Noted, map[string]any{"package": r.Package.ID, "sha256": r.Package.Digest, "receipt": receipt},
		"%s noted what was given for package %s in return.", by, r.Package.ID)
	return r, s.cfg.Store.PutRecord(ctx, r, HandedOver, e)
}

// CancelHandOver ends a hand-over before the owner has said that it took place.
// It may be approved again, unless the agency ended the request.
func (s *Service) CancelHandOver(ctx context.Context, id, by string) (Record, error) {
	return s.cancelHandOver(ctx, id, true, "You cancelled it.", func(p string) string { return by + " cancelled handing over package " + p + "." })
}

// takeBack ends a hand-over of which nothing was given, because of the agency.
func (s *Service) takeBack(ctx context.Context, id, why string) error {
	_, err := s.cancelHandOver(ctx, id, false, why, func(p string) string { return "Handing over package " + p + " was stopped. " + why })
	if errors.Is(err, ErrState) {
		return nil
	}
	return err
}

// cancelHandOver does so. Unless given says that it may, it leaves alone what
// files were taken out of: Give refuses any more of it, and the owner can still
// say that it was handed over.
func (s *Service) cancelHandOver(ctx context.Context, id string, given bool, reason string, says func(pkg string) string) (Record, error) {
	return s.change(ctx, id, failed, func(r Record, to State) (Record, error) {
		if r.ByHand.given() && !given {
			return r, nil
		}
		old := r
		if r.Ended != "" {
			var err error
			if to, err = next(r.State, withdrawn); err != nil {
				return Record{}, err
			}
			reason = r.Ended
		}
		text := says(r.Package.ID)
		if r.ByHand.given() {
			text += " Its files had been taken out before."
		}
		r.State, r.Reason, r.Updated, r.Approvals = to, reason, s.cfg.Now(), nil
		e := s.entry(r, ledger.Cancelled, map[string]any{"package": r.Package.ID, "sha256": r.Package.Digest}, "%s", text)
		if to == Withdrawn {
			r.Package, r.Selection, r.HeldUntil = nil, nil, time.Time{}
		}
		if err := s.cfg.Store.PutRecord(ctx, r, old.State, e); err != nil {
			return Record{}, err
		}
		s.tell(r)
		if to != Withdrawn {
			return r, nil
		}
		return r, errors.Join(s.cfg.Footage.Release(ctx, id), s.dropPackage(old))
	})
}
