package request_test

import (
	"errors"
	"testing"

	"gatehouse/hub/bulletin"
	"gatehouse/hub/evidence"
	"gatehouse/hub/request"
)

func TestByHandNeedsItsApproval(t *testing.T) {
	pkg := &evidence.Package{ID: "GH-AAAA-AAAA"}
	for _, s := range []request.State{
		request.Waiting, request.Prepared, request.Declined, request.Expired, request.Withdrawn, request.Refused, request.Failed,
		request.NotListed, request.Unmatched, request.Hidden, request.Approved, request.Sent,
	} {
		for kind, want := range map[string]error{
			bulletin.Portal: nil, bulletin.InPerson: nil, bulletin.Tus: request.ErrNotByHand, "": request.ErrNotByHand,
		} {
			if s != request.Approved && s != request.Sent {
				want = request.ErrState
			}
			r := request.Record{State: s, Package: pkg}
			if err := r.ByHand(bulletin.Target{Kind: kind}); !errors.Is(err, want) {
				t.Errorf("%s, %q: %v", s, kind, err)
			}
		}
	}
	for name, r := range map[string]request.Record{
		"withdrawn since": {State: request.Approved, Package: pkg, Ended: "The agency withdrew it."},
		"no package":      {State: request.Sent},
	} {
		if err := r.ByHand(bulletin.Target{Kind: bulletin.Portal}); !errors.Is(err, request.ErrState) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
