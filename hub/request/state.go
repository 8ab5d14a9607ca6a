package request

// event is what happens to a request after it was judged.
type event string

const (
	declined  event = "declined"  // the owner, or a rule of theirs
	expired   event = "expired"   // its time is over
	withdrawn event = "withdrawn" // the agency closed or withdrew it
	unlisted  event = "unlisted"  // its agency left the allowlist
	revoked   event = "revoked"   // its agency no longer stands for a key or host it rests on
	revised   event = "revised"   // a later revision replaced it
	prepared  event = "prepared"  // a selection was sealed
	agreed    event = "agreed"    // one of two people approved
	left      event = "left"      // a person lets the lock of the Home app give their approval, or no longer; or it is about to
	approved  event = "approved"  // all that it takes
	released  event = "released"  // all that it takes, for a person to take it to the agency
	handed    event = "handed"    // the owner says that they handed it over
	delivered event = "delivered" // the receiver signed for it
	failed    event = "failed"    // delivery gave up, or was cancelled
)

// moves is the whole state machine. What stands in no row cannot happen.
var moves = map[State]map[event]State{
	Waiting: {
		declined: Declined, expired: Expired, withdrawn: Withdrawn, unlisted: NotListed, revoked: Refused,
		revised: Waiting, prepared: Prepared,
	},
	Prepared: {
		declined: Declined, expired: Expired, withdrawn: Withdrawn, unlisted: NotListed, revoked: Refused,
		revised: Waiting, prepared: Prepared, left: Prepared, agreed: Prepared, approved: Approved, released: Ready,
	},
	Approved:   {delivered: Sent, failed: Failed, withdrawn: Withdrawn},
	Ready:      {handed: HandedOver, failed: Failed, expired: Expired, withdrawn: Withdrawn},
	Sent:       {withdrawn: Sent},       // nobody can take it back
	HandedOver: {withdrawn: HandedOver}, // nor this; no more of it is given
	Failed: {
		declined: Declined, expired: Expired, withdrawn: Withdrawn, agreed: Failed, approved: Approved, released: Ready,
	},
	NotListed: {withdrawn: Withdrawn},
	Unmatched: {withdrawn: Withdrawn},
	Hidden:    {withdrawn: Withdrawn},
}

// next returns the state after an event, or ErrState.
func next(s State, e event) (State, error) {
	to, ok := moves[s][e]
	if !ok {
		return s, ErrState
	}
	return to, nil
}

// judgedAgain reports whether a request in a state may be judged anew when the
// allowlist, the home or the agency's profile changed. The owner was not told
// of it, so nothing they know is taken back.
func judgedAgain(s State) bool {
	switch s {
	case Refused, NotListed, Unmatched, Hidden:
		return true
	}
	return false
}

// replaceable reports whether a later revision may take a request's place.
func replaceable(s State) bool {
	return judgedAgain(s) || s == Waiting || s == Prepared
}
