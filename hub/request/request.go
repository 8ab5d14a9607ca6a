// Package request is the owner's side of a request: it takes bulletins in,
// verifies and matches requests at home, holds footage, and takes the owner's
// decisions. Until an approval it causes no traffic that depends on any of it.
package request

import (
	"context"
	"errors"
	"time"

	"gatehouse/hub/bulletin"
	"gatehouse/hub/evidence"
	"gatehouse/hub/ledger"
)

// State is where a request stands.
type State string

// States. Those above the line were never shown to the owner unasked.
const (
	Refused   State = "refused"    // failed verification or limits; Code says which
	NotListed State = "not-listed" // valid, but the agency is not on the allowlist
	Unmatched State = "unmatched"  // valid and allowed, but touches no camera here
	Hidden    State = "hidden"     // a rule or opt-out keeps it away

	Waiting    State = "waiting"
	Prepared   State = "prepared"
	Approved   State = "approved" // on its way, or about to be
	Sent       State = "sent"
	Ready      State = "ready"       // approved, and nothing leaves but by the owner's hands
	HandedOver State = "handed-over" // the owner says so
	Failed     State = "failed"
	Declined   State = "declined"
	Expired    State = "expired"
	Withdrawn  State = "withdrawn"
)

// Errors of decisions: owner input.
var (
	ErrNotFound  = errors.New("no such request")
	ErrState     = errors.New("the request is not in a state that allows this")
	ErrDigest    = errors.New("the digest is not that of the sealed package")
	ErrSecond    = errors.New("a second person must approve this; you have")
	ErrLockOff   = errors.New("the lock of the Home app approves nothing: it is off, or requests are hidden")
	ErrNotLeft   = errors.New("nobody left this package to the lock of the Home app")
	ErrCard      = errors.New("the doorbell's card shows another version of the request")
	ErrNotYours  = errors.New("the selection is outside what was asked or recorded")
	ErrUnknown   = errors.New("no profile of this agency was seen in a bulletin")
	ErrRoot      = errors.New("the agency's root keys are not those that you were shown; look at the agency again")
	ErrBlocked   = errors.New("the agency is not on the allowlist, or its root keys are not those the owner confirmed")
	ErrAllowlist = errors.New("the allowlist has a bad file and cannot be changed before that is put right")
	ErrTarget    = errors.New("the request names no way of delivery that this hub can use")
)

// Match is a camera's footage that a request touches.
type Match struct {
	Camera   string    `json:"camera"`
	From     time.Time `json:"from"`
	To       time.Time `json:"to"`
	Recorded float64   `json:"recorded_seconds"`
}

// Record is one request as this home knows it. Every request that arrived has one.
type Record struct {
	ID          string               `json:"id"`       // request id; for unreadable ones "sha256:…" of what arrived
	Revision    int                  `json:"revision"` // of a row that counts refusals: how many
	Agency      string               `json:"agency"`
	State       State                `json:"state"`
	Code        bulletin.Code        `json:"code,omitempty"`
	Reason      string               `json:"reason,omitempty"` // plain sentence
	Ended       string               `json:"ended,omitempty"`  // that the agency ended it after an approval; no other follows
	Source      string               `json:"source"`           // bulletin name, "inbox", …
	Received    time.Time            `json:"received"`
	Updated     time.Time            `json:"updated"`
	Queued      time.Time            `json:"queued"`            // since when it waits
	Told        time.Time            `json:"told"`              // when the owner was told that it waits; zero if not yet, or never
	Rang        bool                 `json:"rang,omitempty"`    // and it rang; false if another of the same time did
	Shown       time.Time            `json:"shown"`             // zero if never
	Request     *bulletin.Request    `json:"request,omitempty"` // nil if it could not be verified, or never was signed
	Manual      *Manual              `json:"manual,omitempty"`  // what the owner entered; the requester is unverified
	AreaKM2     float64              `json:"area_km2,omitempty"`
	Matches     []Match              `json:"matches,omitempty"`
	HeldUntil   time.Time            `json:"held_until"`
	HoldRefused string               `json:"hold_refused,omitempty"` // why it is not held though it waits
	Package     *evidence.Package    `json:"package,omitempty"`
	Selection   []evidence.Selection `json:"selection,omitempty"`
	Approvals   []Approval           `json:"approvals,omitempty"`    // of the package that is sealed now
	Left        *Left                `json:"left,omitempty"`         // whose approval of it the lock of the Home app may give; nil if nobody's
	LockRefused []string             `json:"lock_refused,omitempty"` // why the lock was refused; each reason is in the ledger once
	People      int                  `json:"people,omitempty"`       // who must approve at least: the owner's setting when it was sealed, or later if that is more
	Disposed    string               `json:"disposition,omitempty"`  // what the agency says it did with the package: used unused destroyed
	ByHand      *ByHand              `json:"by_hand,omitempty"`      // of what was approved to leave by hand
	DecidedBy   string               `json:"decided_by,omitempty"`
	SendAfter   time.Time            `json:"send_after"`            // end of the cool-down
	CallBack    string               `json:"call_back,omitempty"`   // of the pinned profile
	AgencyName  string               `json:"agency_name,omitempty"` // from the allowlist
	Rule        *Ruled               `json:"rule,omitempty"`        // that decided; nil if rules were not asked
	Facts       *Facts               `json:"facts,omitempty"`       // that rules were asked about; nil as Rule, but for what the opt-out hides
	Case        *CaseUse             `json:"case,omitempty"`        // nil for what could not be verified
	Earlier     []Asked              `json:"earlier,omitempty"`     // by the revisions before
	Envelope    []byte               `json:"-"`
	Proof       []byte               `json:"-"`
	Profile     []byte               `json:"-"` // profile envelope it was verified by
	Log         string               `json:"-"` // verifier key of the bulletin it came from
}

// Outbox is what an approval hands to delivery, in the same transaction.
type Outbox struct {
	Request   string
	Agency    string
	PackageID string
	Path      string
	Digest    string
	Bytes     int64
	Target    bulletin.Target
	Profile   []byte // profile envelope: host pins and receipt keys
	Private   bool   // the owner allows private addresses for this agency
	NotBefore time.Time
}

// Store keeps requests, profiles and log heads in house.db. A method that takes
// ledger entries writes them in the same transaction.
type Store interface {
	History
	// Records lists the records in the given states, of all if none is given; newest first.
	Records(ctx context.Context, in ...State) ([]Record, error)
	// Counts is how many records are in each state.
	Counts(ctx context.Context) (map[State]int, error)
	// CaseRecords lists up to n records of an agency's case that are not refused, those that arrived first,
	// without their envelopes, proofs and profiles.
	CaseRecords(ctx context.Context, agency, number string, n int) ([]Record, error)
	// PutRecord inserts or replaces a record if its stored state is still was ("" = absent), else ErrState.
	// It remembers the hash of the record's envelope, as Remember does.
	PutRecord(ctx context.Context, r Record, was State, e ...ledger.Entry) error
	// PutRecords does so for many in one transaction, and leaves alone those whose state has changed.
	PutRecords(ctx context.Context, list []Rejudged) error
	// DropRecord removes a refused record; one in another state, or absent, is left alone.
	DropRecord(ctx context.Context, id string) error
	// Prune removes what the owner was never shown and arrived before a time,
	// and all refused records but the newest keep of each kind: those with a place in a log, and those without.
	Prune(ctx context.Context, before time.Time, keep int) error
	// Approve moves a prepared or failed record to approved, appends the entry and adds the outbox row; no entry, no row.
	Approve(ctx context.Context, r Record, e ledger.Entry, o Outbox) (ledger.Entry, error)
	// Packages lists the paths of all packages that were ever approved.
	Packages(ctx context.Context) ([]string, error)
	// Allowlist returns the list last put in force; PutAllowlist replaces it.
	Allowlist(ctx context.Context) ([]Allowed, error)
	PutAllowlist(ctx context.Context, list []Allowed, e ...ledger.Entry) error
	// Profiles returns the verified profile envelopes kept; PutProfile adds one, or replaces that of its agency and root.
	Profiles(ctx context.Context) ([][]byte, error)
	PutProfile(ctx context.Context, agency, root string, envelope []byte) error
	// Seen reports whether Remember was called with an envelope's hash.
	Seen(ctx context.Context, hash [32]byte) (bool, error)
	Remember(ctx context.Context, hash [32]byte, at time.Time) error
	// LogHead and PutLogHead keep the newest signed checkpoint of a bulletin, by its log's verifier key; nil if
	// none. Fetched is the time up to which all data files were taken in.
	LogHead(ctx context.Context, log string) (signed []byte, fetched time.Time, err error)
	PutLogHead(ctx context.Context, log string, signed []byte, fetched time.Time) error
	// Secret returns a random 32-byte value made once for a name, such as the schedule's seed.
	Secret(ctx context.Context, name string) ([]byte, error)
}

// Rejudged is a record that was judged again, and the state it had.
type Rejudged struct {
	Record
	Was State
}

// Allowed is one agency on the owner's allowlist: one file agencies/<agency>.yml.
type Allowed struct {
	Agency         string    `yaml:"agency"`    // DNS name
	Name           string    `yaml:"name"`      // as shown to the owner
	Root           string    `yaml:"root"`      // pinned bulletin.VerifiedProfile.RootID
	CallBack       string    `yaml:"call_back"` // pinned with the root
	Added          time.Time `yaml:"added"`
	PrivateUploads bool      `yaml:"private_uploads,omitempty"` // allow an upload host on a private address
}

// Footage is what the archive tells of a camera; recording.Archive behind an adapter in main.
type Footage interface {
	// Recorded returns seconds recorded of a camera's main stream in a window.
	Recorded(ctx context.Context, camera string, from, to time.Time) (float64, error)
	// Hold replaces the hold of the same id and camera; one whose until is past holds nothing.
	Hold(ctx context.Context, id, camera string, from, to, until time.Time) error
	// Bytes is the size of what a hold of a window keeps; Capacity is that of all disks.
	Bytes(ctx context.Context, camera string, from, to time.Time) (int64, error)
	Capacity(ctx context.Context) (int64, error)
	Release(ctx context.Context, id string) error
}

// Sealer is evidence.Sealer.
type Sealer interface {
	Seal(ctx context.Context, o evidence.Order) (evidence.Package, error)
	Open(p evidence.Package) (*evidence.Preview, error)
	// Reopen is Open, and hashes the whole file whatever was hashed before.
	Reopen(p evidence.Package) (*evidence.Preview, error)
	Discard(p evidence.Package) error
	// Sweep removes the packages at home whose paths are not to be kept.
	Sweep(keep func(path string) bool) error
}
