package request

import (
	"context"
	"crypto/sha256"

	"gatehouse/hub/bulletin"
)

// TakeCard takes an agency's key card: its signed profile, handed to the owner
// as a file. It becomes known like a profile of a bulletin, and allows nothing.
// It returns the latest known profile with the card's root keys. What is no
// signed profile, has expired or is one too many of its name is a
// *bulletin.Refusal. No traffic comes of it.
func (s *Service) TakeCard(ctx context.Context, data []byte) (bulletin.VerifiedProfile, error) {
	p, err := bulletin.OpenProfile(data)
	if err != nil {
		return bulletin.VerifiedProfile{}, err
	}
	if !s.now().Before(p.Expires) {
		return bulletin.VerifiedProfile{}, &bulletin.Refusal{Code: bulletin.OldProfile, Detail: "The profile has expired."}
	}
	if err := s.takeCard(ctx, data); err != nil {
		return bulletin.VerifiedProfile{}, err
	}
	s.mu.Lock()
	list := s.known[p.Agency]
	s.mu.Unlock()
	known, ok := ofRoot(list, p.RootID)
	if !ok {
		return bulletin.VerifiedProfile{}, &bulletin.Refusal{
			Code: bulletin.RootChanged, Detail: "Too many profiles with different root keys have this agency's name.",
		}
	}
	return known, s.settle(ctx)
}

func (s *Service) takeCard(ctx context.Context, data []byte) error {
	s.taking.Lock()
	defer s.taking.Unlock()
	return s.takeProfile(ctx, arrival{envelope: data, hash: sha256.Sum256(data), source: "card", received: s.now()})
}
