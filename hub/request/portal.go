package request

import (
	"errors"

	"gatehouse/hub/bulletin"
)

// ErrNotByHand means that a package is not one for a person to hand over.
var ErrNotByHand = errors.New("only a package that was approved for a portal or to be handed over in person is given as plain files")

// ByHand says whether a person may have the plain files of a request's package,
// to upload them at a portal or to hand them over: target is the one that was
// approved. Before the approval it is ErrState, as it is when the agency withdrew; for a target
// that the hub sends to by itself ErrNotByHand.
func (r Record) ByHand(target bulletin.Target) error {
	if r.State != Approved && r.State != Sent || r.Package == nil || r.Ended != "" {
		return ErrState
	}
	if target.Kind != bulletin.Portal && target.Kind != bulletin.InPerson {
		return ErrNotByHand
	}
	return nil
}
