package request

import (
	"context"
	"crypto/sha256"
	"slices"

	"gatehouse/hub/bulletin"
)

// rejudgeAgency follows a change of the allowlist: requests that the agency's
// standing kept away are judged anew; those that wait go, if it has none now,
// and make way for those whose ids they had.
func (s *Service) rejudgeAgency(ctx context.Context, agency string) error {
	theirs := func(r Record) bool { return r.Agency == agency }
	if err := s.rejudge(ctx, theirs, NotListed, Refused); err != nil {
		return err
	}
	if err := s.review(ctx, agency); err != nil {
		return err
	}
	return s.rejudge(ctx, func(r Record) bool { return r.Code == bulletin.Replayed }, Refused)
}

// rejudge files records in some states again; pick may narrow them.
func (s *Service) rejudge(ctx context.Context, pick func(Record) bool, in ...State) error {
	s.taking.Lock()
	defer s.taking.Unlock()
	return s.fileAgain(ctx, pick, in...)
}

func (s *Service) fileAgain(ctx context.Context, pick func(Record) bool, in ...State) error {
	list, err := s.cfg.Store.Records(ctx, in...)
	if err != nil {
		return err
	}
	var later []Rejudged
	s.later = &later
	defer func() { s.later = nil }()
	slices.Reverse(list) // in the order of their arrival
	for _, r := range list {
		if len(r.Envelope) == 0 || pick != nil && !pick(r) || s.past(r) {
			continue
		}
		a := arrival{
			envelope: r.Envelope, proof: r.Proof, hash: sha256.Sum256(r.Envelope), log: r.Log, source: r.Source,
			received: r.Received, of: &r,
		}
		if _, err := s.file(ctx, a); err != nil {
			return err
		}
	}
	if len(later) == 0 {
		return nil
	}
	return s.cfg.Store.PutRecords(ctx, later)
}

// past reports whether a record's request asks for footage and has expired:
// nothing can become of it.
func (s *Service) past(r Record) bool {
	q := r.Request
	if q == nil {
		read, err := bulletin.ReadRequest(r.Envelope)
		if err != nil {
			return false
		}
		q = &read
	}
	return q.Status == bulletin.StatusOpen && !s.now().Before(q.ExpiresAt)
}
