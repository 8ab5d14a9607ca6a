package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"time"

	"gatehouse/bridge/homekit"
	"gatehouse/hub/request"
	"gatehouse/ui"
)

// doorbell keeps the HomeKit card in step with the requests that wait.
type doorbell struct{ changed chan struct{} }

// ring tells that the list of waiting requests may have changed. It never blocks.
func (d *doorbell) ring() {
	select {
	case d.changed <- struct{}{}:
	default: // one look at the list is due already
	}
}

func (d *doorbell) run(ctx context.Context, h *hub) error {
	select {
	case <-h.homekit.Ready():
	case <-ctx.Done():
		return nil
	}
	_, date := ui.Card(h.cfg.HomeKit.Language)
	for {
		list, err := h.requests.ListIn(ctx, request.Waiting, request.Prepared)
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			return fmt.Errorf("reading waiting requests: %w", err)
		}
		h.homekit.Show(cards(list, homeOf(h.config()).TimeZone, date))
		select {
		case <-ctx.Done():
			return nil
		case <-d.changed:
		}
	}
}

// cards are the waiting requests that the owner was told of, oldest first. What
// was told of together with another has not rung and does not.
func cards(list []request.Record, zone *time.Location, date func(time.Time, string) string) []homekit.Card {
	waiting := slices.DeleteFunc(slices.Clone(list), func(r request.Record) bool {
		return r.Request == nil || r.Told.IsZero() || r.State != request.Waiting && r.State != request.Prepared
	})
	slices.SortFunc(waiting, func(a, b request.Record) int { return a.Received.Compare(b.Received) })
	out := make([]homekit.Card, len(waiting))
	for i, r := range waiting {
		hash := sha256.Sum256(r.Envelope)
		out[i] = homekit.Card{
			Request: r.ID, Agency: r.AgencyName, Domain: r.Agency, Case: r.Request.Case.Number, Area: r.Request.Area.Description,
			Window:   span(r.Request.Window.From.In(zone), r.Request.Window.To.In(zone), date),
			Deadline: date(r.Request.ExpiresAt.In(zone), momentForm),
			Hash:     hex.EncodeToString(hash[:4]), Version: request.Version(r), Index: i + 1, Total: len(waiting), Silent: !r.Rang,
		}
	}
	return out
}

const momentForm = "Mon 2 Jan, 15:04"

func span(from, to time.Time, date func(time.Time, string) string) string {
	if from.Format(time.DateOnly) == to.Format(time.DateOnly) {
		return date(from, momentForm) + " – " + to.Format("15:04")
	}
	return date(from, momentForm) + " – " + date(to, momentForm)
}
