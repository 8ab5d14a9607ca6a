package request

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"gatehouse/hub/bulletin"
)

const openedAhead = 64 // requests of a file, before they are filed

// arrival is an envelope whose place in a log was verified.
type arrival struct {
	envelope, proof []byte
	hash            [32]byte
	log, source     string
	received        time.Time
	of              *Record // the record it is judged again for; nil for a new arrival
	opened          *opened // ahead, beside others; nil: not yet
}

type opened struct {
	request bulletin.Request
	profile bulletin.VerifiedProfile
	err     error
}

// Take verifies and files every line of a .ghb file that no fetch brought: a
// proof must verify under one of the configured feeds. A file that cannot be
// read is a *bulletin.Refusal; lines that are refused are rows, not errors.
func (s *Service) Take(ctx context.Context, source string, data []byte) error {
	return s.take(ctx, s.feeds, source, data)
}

func (s *Service) take(ctx context.Context, feeds []*feed, source string, data []byte) error {
	if err := s.takeFile(ctx, feeds, source, data); err != nil {
		return err
	}
	return s.settle(ctx)
}

func (s *Service) takeFile(ctx context.Context, feeds []*feed, source string, data []byte) error {
	s.taking.Lock() // profiles come before requests, and counters are shared
	defer s.taking.Unlock()
	var lines []bulletin.Line
	file := sha256.Sum256(data)
	var bad []Record
	err := bulletin.ReadFile(data, func(l bulletin.Line) error {
		lines = append(lines, l)
		return ctx.Err()
	}, func(line int, r *bulletin.Refusal) {
		if len(bad) <= refusedADay {
			at := sha256.Sum256(fmt.Appendf(file[:], "\n%d", line))
			bad = append(bad, s.refusedRow(at, source, r))
		}
	})
	if err != nil {
		return fmt.Errorf("reading bulletin file: %w", err)
	}
	for _, r := range bad {
		if _, err := s.putRefused(ctx, r); err != nil {
			return err
		}
	}
	signed, err := s.verified(ctx, feeds, source, lines)
	if err != nil {
		return err
	}
	for _, a := range signed[bulletin.ProfileType] {
		if err := s.takeProfile(ctx, a); err != nil {
			return err
		}
	}
	for some := range slices.Chunk(signed[bulletin.RequestType], openedAhead) {
		if err := s.fileAll(ctx, some); err != nil {
			return err
		}
	}
	for _, a := range signed[bulletin.DispositionType] {
		if err := s.takeDisposition(ctx, a); err != nil {
			return err
		}
	}
	return s.flushRefused(ctx)
}

// fileAll opens requests by all processors, the dearest step, and files them in order.
func (s *Service) fileAll(ctx context.Context, some []arrival) error {
	bulletin.Each(len(some), func(i int) {
		q, p, err := s.open(some[i])
		some[i].opened = &opened{q, p, err}
	})
	for i, a := range some {
		some[i].opened = nil // not needed until the last of a large file
		kept, err := s.file(ctx, a)
		if err == nil && kept {
			err = s.remember(ctx, a)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// remember is for arrivals that left no record of their own. Most did, and that
// remembered them: a transaction less, on a card that waits for each.
func (s *Service) remember(ctx context.Context, a arrival) error {
	seen, err := s.cfg.Store.Seen(ctx, a.hash)
	if err != nil || seen {
		return err
	}
	return s.cfg.Store.Remember(ctx, a.hash, a.received)
}

// verified returns the lines that are in a feed's log and new here, by what they were signed as, in the log's order.
func (s *Service) verified(ctx context.Context, feeds []*feed, source string, lines []bulletin.Line) (map[string][]arrival, error) {
	type placed struct {
		arrival
		index int64
	}
	by := map[string][]placed{}
	for _, l := range lines {
		seen, err := s.cfg.Store.Seen(ctx, sha256.Sum256(l.Envelope))
		if err != nil {
			return nil, err
		}
		signed := signedType(l.Envelope)
		if seen || l.Kind == bulletin.KindDisposition && signed == "" {
			continue
		}
		e, log, err := verifyLine(feeds, l)
		if err == nil && (l.Kind == bulletin.KindProfile) != (signed == bulletin.ProfileType) {
			err = &bulletin.Refusal{Code: bulletin.BadFile, Detail: "The line calls the document another kind than was signed."}
		}
		if err != nil {
			if err := s.refuseLine(ctx, source, l, err); err != nil {
				return nil, err
			}
			continue
		}
		a := placed{arrival{
			envelope: l.Envelope, proof: l.Proof, hash: e.Hash, log: log, source: source, received: s.cfg.Now(),
		}, e.Index}
		if signed == "" {
			signed = bulletin.RequestType // it is refused as one
		}
		by[signed] = append(by[signed], a)
	}
	out := map[string][]arrival{}
	for signed, list := range by {
		slices.SortStableFunc(list, func(a, b placed) int { return cmp.Compare(a.index, b.index) })
		for _, a := range list {
			out[signed] = append(out[signed], a.arrival)
		}
	}
	return out, nil
}

// signedType is the payload type that an envelope was signed with, "" if it is
// none of a bulletin's. A line's own kind is the word of whoever serves the file.
func signedType(envelope []byte) string {
	var e struct {
		Type string `json:"payloadType"`
	}
	if json.Unmarshal(envelope, &e) != nil {
		return ""
	}
	switch e.Type {
	case bulletin.ProfileType, bulletin.RequestType, bulletin.DispositionType:
		return e.Type
	}
	return ""
}

// verifyLine tries the feeds' policies. A line names no log, its proof does.
func verifyLine(feeds []*feed, l bulletin.Line) (e bulletin.Entry, log string, err error) {
	err = &bulletin.Refusal{Code: bulletin.BadProof, Detail: "No bulletin is configured that it could be from."}
	for _, f := range feeds {
		if e, err = f.policy.Verify(l); err == nil {
			return e, f.Log, nil
		}
	}
	return bulletin.Entry{}, "", err
}
