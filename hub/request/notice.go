package request

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"time"
)

// Notices say when the owner is told of requests that wait. They change nothing
// else: what leaves the home does not depend on who was told what.
type Notices struct {
	Digest int     // minute of the day in the home's zone at which the day's requests are told of
	Quiet  []Hours // nothing is told then, but after
	Rings  int     // of an agency in any 24 hours, beside the digest; 0 is 3
}

const (
	defaultRings = 3
	noticeLook   = 10 * time.Minute // at most between two looks: clocks are set
)

// notice is a request that the owner is now told of.
type notice struct {
	id   string
	ring bool // the one that rings for all that are told of at once
}

// due returns what is to be told now, oldest first, and when to look again. rang
// are the times of an agency's rings. Whatever is due at one time rings once,
// and what the owner has read, or was told, never again.
func (p Notices) due(list []Record, rang map[string][]time.Time, now time.Time) (tell []notice, next time.Time) {
	if end, quiet := p.quietUntil(now); quiet {
		return nil, end
	}
	last, next := p.digests(now)
	list = slices.Clone(list)
	slices.SortFunc(list, func(a, b Record) int { return cmp.Or(a.Queued.Compare(b.Queued), cmp.Compare(a.ID, b.ID)) })
	added := map[string]int{}
	for _, r := range list {
		if !r.untold() {
			continue
		}
		ok := !r.Queued.After(last)
		if r.Rule != nil && r.Rule.Action == Notify && !ok {
			var free time.Time
			if free, ok = p.mayRing(rang[r.Agency], added[r.Agency], now); ok {
				added[r.Agency]++
			} else if !free.IsZero() && free.Before(next) {
				next = free
			}
		}
		if ok {
			tell = append(tell, notice{id: r.ID, ring: len(tell) == 0})
		}
	}
	return tell, next
}

// untold reports whether the owner is still to be told of a record.
func (r Record) untold() bool {
	return (r.State == Waiting || r.State == Prepared) && r.Told.IsZero() && r.Shown.IsZero() && (r.Rule == nil || r.Rule.Action != Keep)
}

// mayRing reports whether an agency may ring, or else when it may again; zero if
// that is only known once what rings now has rung.
func (p Notices) mayRing(rang []time.Time, added int, now time.Time) (free time.Time, ok bool) {
	most := cmp.Or(p.Rings, defaultRings)
	n := added
	for _, t := range rang {
		if now.Sub(t) >= 24*time.Hour {
			continue
		}
		n++
		if end := t.Add(24 * time.Hour); free.IsZero() || end.Before(free) {
			free = end
		}
	}
	return free, n < most
}

// quietUntil is the end of the quiet hours that now is in.
func (p Notices) quietUntil(now time.Time) (end time.Time, quiet bool) {
	end = now
	for range len(p.Quiet) + 1 { // one may end in another
		i := slices.IndexFunc(p.Quiet, func(h Hours) bool { return h.contain(end) })
		if i < 0 {
			return end, end.After(now)
		}
		end = p.Quiet[i].end(end)
	}
	return end, true
}

// digests are the last digest that is not after now, and the next.
func (p Notices) digests(now time.Time) (last, next time.Time) {
	at := func(day int) time.Time {
		return time.Date(now.Year(), now.Month(), now.Day()+day, p.Digest/60, p.Digest%60, 0, 0, now.Location())
	}
	if today := at(0); !today.After(now) {
		return today, at(1)
	}
	return at(-1), at(0)
}

// notices tells the owner what is due until ctx ends.
func (s *Service) notices(ctx context.Context) error {
	rang, err := s.rangLately(ctx)
	if err != nil {
		return ended(ctx, err)
	}
	for {
		next, err := s.tellDue(ctx, rang)
		if err != nil {
			return ended(ctx, err)
		}
		timer := time.NewTimer(min(max(next.Sub(s.cfg.Now()), time.Second), noticeLook))
		select {
		case <-ctx.Done():
			timer.Stop()
			return nil
		case <-s.queued:
			timer.Stop()
		case <-timer.C:
		}
	}
}

// rangLately reads whose rings of the last day count after a restart.
func (s *Service) rangLately(ctx context.Context) (map[string][]time.Time, error) {
	list, err := s.cfg.Store.Records(ctx, Waiting, Prepared, Approved, Sent, Ready, HandedOver, Failed, Declined, Expired, Withdrawn)
	if err != nil {
		return nil, err
	}
	rang := map[string][]time.Time{}
	for _, r := range list {
		if r.Rule != nil && r.Rule.Action == Notify && s.cfg.Now().Sub(r.Told) < 24*time.Hour {
			rang[r.Agency] = append(rang[r.Agency], r.Told)
		}
	}
	return rang, nil
}

// tellDue stores that the owner was told before it rings: after a crash between
// the two nothing rings twice.
func (s *Service) tellDue(ctx context.Context, rang map[string][]time.Time) (next time.Time, err error) {
	home := s.homeNow()
	now := s.cfg.Now().In(home.zone())
	for agency, times := range rang {
		if rang[agency] = slices.DeleteFunc(times, func(t time.Time) bool { return now.Sub(t) >= 24*time.Hour }); len(rang[agency]) == 0 {
			delete(rang, agency)
		}
	}
	list, err := s.cfg.Store.Records(ctx, Waiting, Prepared)
	if err != nil {
		return now, err
	}
	due, next := home.Notices.due(list, rang, now)
	told := false
	for _, n := range due {
		r, err := s.markTold(ctx, n.id, n.ring, now)
		if errors.Is(err, ErrState) || errors.Is(err, ErrNotFound) {
			continue // decided meanwhile
		}
		if err != nil {
			return now, err
		}
		told = true
		if r.Rule != nil && r.Rule.Action == Notify {
			rang[r.Agency] = append(rang[r.Agency], now)
		}
	}
	if told && s.cfg.Told != nil {
		s.cfg.Told()
	}
	return next, nil
}

func (s *Service) markTold(ctx context.Context, id string, ring bool, now time.Time) (Record, error) {
	unlock, err := s.locks.lock(ctx, id)
	if err != nil {
		return Record{}, err
	}
	defer unlock()
	r, err := s.cfg.Store.Record(ctx, id)
	if err != nil {
		return Record{}, err
	}
	if !r.untold() {
		return Record{}, ErrState
	}
	r.Told, r.Rang = now.UTC(), ring
	return r, s.cfg.Store.PutRecord(ctx, r, r.State)
}
