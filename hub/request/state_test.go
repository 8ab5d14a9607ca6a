package request

import (
	"errors"
	"testing"
)

func TestStateMachine(t *testing.T) {
	states := []State{
		"", Refused, NotListed, Unmatched, Hidden, Waiting, Prepared, Approved, Sent, Ready, HandedOver, Failed, Declined, Expired,
		Withdrawn,
	}
	events := []event{declined, expired, withdrawn, unlisted, revoked, revised, prepared, left, agreed, approved, released, handed, delivered, failed}
	// Everything that may happen; all other pairs are refused.
	want := map[State]map[event]State{
		Waiting: {
			declined: Declined, expired: Expired, withdrawn: Withdrawn, unlisted: NotListed, revoked: Refused, revised: Waiting, prepared: Prepared,
		},
		Prepared: {
			declined: Declined, expired: Expired, withdrawn: Withdrawn, unlisted: NotListed, revoked: Refused, revised: Waiting, prepared: Prepared,
			left: Prepared, agreed: Prepared, approved: Approved, released: Ready,
		},
		Approved:   {delivered: Sent, failed: Failed, withdrawn: Withdrawn},
		Ready:      {handed: HandedOver, failed: Failed, expired: Expired, withdrawn: Withdrawn},
		Sent:       {withdrawn: Sent},
		HandedOver: {withdrawn: HandedOver},
		Failed: {
			declined: Declined, expired: Expired, withdrawn: Withdrawn, agreed: Failed, approved: Approved, released: Ready,
		},
		NotListed: {withdrawn: Withdrawn},
		Unmatched: {withdrawn: Withdrawn},
		Hidden:    {withdrawn: Withdrawn},
	}
	for _, s := range states {
		for _, e := range events {
			got, err := next(s, e)
			to, ok := want[s][e]
			switch {
			case ok && (err != nil || got != to):
				t.Errorf("%s when %s: %s, %v; want %s", s, e, got, err, to)
			case !ok && (!errors.Is(err, ErrState) || got != s):
				t.Errorf("%s when %s: %s, %v; want it refused", s, e, got, err)
			}
		}
	}
	for _, s := range []State{Sent, Ready, HandedOver, Declined, Expired, Withdrawn, Approved, Failed} {
		if replaceable(s) || judgedAgain(s) {
			t.Errorf("a request that is %s can be judged again", s)
		}
	}
}
