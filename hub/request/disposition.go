package request

import (
	"context"
	"errors"

	"gatehouse/hub/bulletin"
	"gatehouse/hub/ledger"
)

// dispositionWords are for the ledger.
var dispositionWords = map[string]string{
	bulletin.Unused: "has not used", bulletin.Used: "has used", bulletin.Destroyed: "has destroyed",
}

// takeDisposition notes what an agency says became of a package that this home
// sent it, or that the owner handed over. Most are of other homes' packages: they leave nothing but their hash.
func (s *Service) takeDisposition(ctx context.Context, a arrival) error {
	d, err := bulletin.PeekDisposition(a.envelope)
	if err != nil {
		return s.remember(ctx, a)
	}
	unlock, err := s.locks.lock(ctx, d.Request)
	if err != nil {
		return err
	}
	defer unlock()
	r, err := s.cfg.Store.Record(ctx, d.Request)
	if err != nil && !errors.Is(err, ErrNotFound) {
		return err
	}
	if r.Agency != d.Agency || r.Package == nil || r.Package.Digest != d.SHA256 || !bulletin.Follows(r.Disposed, d.State) {
		return s.remember(ctx, a)
	}
	// What may hold later is not remembered: the receipt, the owner's word that
	// it was handed over, or a profile with a new key, is still on its way.
	p, err := s.pinned(r.Agency)
	if err != nil || r.State != Sent && r.State != HandedOver {
		return nil
	}
	if _, err := bulletin.OpenDisposition(a.envelope, p); err != nil {
		return nil
	}
	r.Disposed, r.Updated = d.State, s.cfg.Now()
	e := s.entry(r, ledger.Disposed, map[string]any{"package": r.Package.ID, "sha256": d.SHA256, "document": a.envelope}, // base64
		"%s says, signed, that it %s package %s.", r.agencyName(), dispositionWords[d.State], r.Package.ID)
	if err := s.cfg.Store.PutRecord(ctx, r, r.State, e); err != nil {
		return err
	}
	return s.remember(ctx, a)
}
