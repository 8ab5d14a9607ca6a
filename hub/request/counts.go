package request

import "context"

// Counts is how many records are in each state. It reads no record.
func (s *Service) Counts(ctx context.Context) (map[State]int, error) { return s.cfg.Store.Counts(ctx) }
