package request

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	"gatehouse/hub/bulletin"
	"gatehouse/hub/ledger"
)

// Whoever can publish or mirror a bulletin chooses how much is refused here.
const (
	refusedADay = 200  // rows of refused arrivals; the others are counted
	refusedKept = 2000 // in all
)

func (s *Service) refuseLine(ctx context.Context, source string, l bulletin.Line, err error) error {
	var r *bulletin.Refusal
	if !errors.As(err, &r) {
		return err
	}
	// The id is the line's, not the envelope's: the same envelope may come with
	// a line that is right, and has to find its place free.
	row := s.refusedRow(sha256.Sum256(fmt.Appendf(nil, "line\n%s\n%s", l.Kind, l.Envelope)), source, r)
	if agency, _ := bulletin.PeekRequest(l.Envelope); bulletin.IsDNSName(agency) {
		row.Agency = agency
	}
	_, err = s.putRefused(ctx, row)
	return err
}

// refusedRow has an id made of what arrived: what is refused must not take the
// place of a request by claiming its id.
func (s *Service) refusedRow(hash [32]byte, source string, r *bulletin.Refusal) Record {
	now := s.cfg.Now()
	return Record{
		ID: "sha256:" + hex.EncodeToString(hash[:]), State: Refused, Code: r.Code, Reason: r.Detail,
		Source: source, Received: now, Updated: now,
	}
}

// putRefused keeps a row of what was refused, unless there is one; beyond a
// day's share it only counts, and kept is false.
func (s *Service) putRefused(ctx context.Context, r Record, e ...ledger.Entry) (kept bool, err error) {
	day, of := s.refusedDay(), share(r)
	if day.kept[of] >= refusedADay {
		_, err := s.cfg.Store.Record(ctx, r.ID)
		if errors.Is(err, ErrNotFound) {
			day.over++
			return false, nil
		}
		return err == nil, err
	}
	err = s.cfg.Store.PutRecord(ctx, r, "", e...)
	if errors.Is(err, ErrState) {
		return true, nil
	}
	if err != nil {
		return false, err
	}
	day.kept[of]++
	s.cfg.Log.Info("request refused", "agency", r.Agency, "reason", string(r.Code))
	return true, nil
}

// Shares of a day's rows. What has no place in a log costs nothing to make, and
// must not use up the share of what has one.
const (
	unproven = iota
	proven
)

func share(r Record) int {
	if r.Log == "" {
		return unproven
	}
	return proven
}

// refusals are the refused arrivals of one day (UTC); guarded by Service.taking.
type refusals struct {
	date string
	kept [2]int // by share
	over int    // not yet in the counting row
}

func (s *Service) refusedDay() *refusals {
	if date := s.cfg.Now().UTC().Format(time.DateOnly); s.refused.date != date {
		s.refused = refusals{date: date}
	}
	return &s.refused
}

// flushRefused adds what was not kept to the row that counts it.
func (s *Service) flushRefused(ctx context.Context) error {
	if s.refused.over == 0 {
		return nil
	}
	id := "refused:" + s.refused.date
	r, err := s.cfg.Store.Record(ctx, id)
	was := r.State
	if errors.Is(err, ErrNotFound) {
		r, err = Record{ID: id, State: Refused, Source: "all", Received: s.cfg.Now()}, nil
	}
	if err != nil {
		return err
	}
	r.Revision += s.refused.over
	r.Updated = s.cfg.Now()
	r.Reason = fmt.Sprintf("%d more arrivals of this day were refused and only counted.", r.Revision)
	if err := s.cfg.Store.PutRecord(ctx, r, was); err != nil {
		return err
	}
	s.refused.over = 0
	return nil
}

// refuseArrival keeps envelope and proof, to judge it again when a profile
// comes. A record that was valid once is refused in its place.
func (s *Service) refuseArrival(ctx context.Context, a arrival, r *bulletin.Refusal) (kept bool, err error) {
	if a.of != nil && a.of.Request != nil {
		row := *a.of
		row.State, row.Code, row.Reason, row.Updated = Refused, r.Code, r.Detail, s.cfg.Now()
		if row.State == a.of.State && row.Code == a.of.Code {
			return true, nil
		}
		*s.later = append(*s.later, Rejudged{Record: row, Was: a.of.State})
		return true, nil
	}
	row := s.refusedRow(a.hash, a.source, r)
	row.Received = a.received
	row.Envelope, row.Proof, row.Log = a.envelope, a.proof, a.log
	if agency, _ := bulletin.PeekRequest(a.envelope); bulletin.IsDNSName(agency) {
		row.Agency = agency
	}
	if a.of != nil && a.of.ID == row.ID {
		return true, nil
	}
	return s.putRefused(ctx, row)
}
