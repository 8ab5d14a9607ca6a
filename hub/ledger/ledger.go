// Package ledger is the append-only Merkle log of everything that was asked,
// decided and sent. It never leaves the home unless the owner exports it.
package ledger

import (
	"context"
	"encoding/json"
	"time"

	"golang.org/x/mod/sumdb/tlog"
)

// Kind is what an entry records.
type Kind string

// Kinds of entries.
const (
	Received      Kind = "request.received"
	Refused       Kind = "request.refused"
	Held          Kind = "footage.held"
	Shown         Kind = "request.shown"
	Declined      Kind = "request.declined"
	Expired       Kind = "request.expired"
	Withdrawn     Kind = "request.withdrawn"
	Prepared      Kind = "package.sealed"
	Agreed        Kind = "package.agreed" // by one of two people
	LockMay       Kind = "lock.may"       // approve a package, for the person who said so
	LockMayNot    Kind = "lock.may-not"   // any more
	LockRefused   Kind = "lock.refused"   // to approve
	Approved      Kind = "package.approved"
	Cancelled     Kind = "package.cancelled"
	Sent          Kind = "package.sent"
	Receipt       Kind = "package.receipt"
	Failed        Kind = "package.failed"
	Given         Kind = "package.given"       // to a person at home, to be handed over
	HandedOver    Kind = "package.handed-over" // as the owner says
	Noted         Kind = "package.noted"       // what the owner got for it
	Disposed      Kind = "package.disposition" // what the agency says it did with a package
	AgencyAdded   Kind = "agency.added"
	AgencyChanged Kind = "agency.changed"
	AgencyRemoved Kind = "agency.removed"
	Kept          Kind = "footage.kept" // by a person of the home, for themselves
	KeptChanged   Kind = "footage.keep-changed"
	Released      Kind = "footage.released"
	Recordings    Kind = "recordings.heads" // heads of the recording chains
	OwnerMade     Kind = "owner.made"
	Restored      Kind = "hub.restored" // from a backup: what came after it is not here
)

// Entry is one record. Its leaf bytes are its canonical JSON, salted so that a
// neighbour's hash in an inclusion proof tells nothing.
type Entry struct {
	Index   int64           `json:"-"`
	Salt    []byte          `json:"salt"` // 16 random bytes, filled in by Append
	Time    time.Time       `json:"time"`
	Kind    Kind            `json:"kind"`
	Request string          `json:"request,omitempty"` // request id
	Agency  string          `json:"agency,omitempty"`  // DNS name
	Text    string          `json:"text"`              // one plain English sentence for people
	Data    json.RawMessage `json:"data,omitempty"`    // digests and figures, an object
}

// Tx is a transaction of the database the ledger is kept in. ReadHashes
// follows tlog's storage order and sees what Put stored in this transaction.
type Tx interface {
	tlog.HashReader
	// Size is the number of entries.
	Size() (int64, error)
	// Put stores entry index with its leaf bytes and the hashes tlog.StoredHashes gives.
	Put(index int64, leaf []byte, hashes []tlog.Hash) error
}

// Store reads a ledger.
type Store interface {
	tlog.HashReader
	Size() (int64, error)
	// Leaves returns the leaf bytes of entries [from, from+n), fewer at the end.
	Leaves(ctx context.Context, from int64, n int) ([][]byte, error)
	// ByRequest returns the indexes of a request's entries, ascending.
	ByRequest(ctx context.Context, request string) ([]int64, error)
	// AppendEntries adds entries in a transaction of their own, using Append.
	AppendEntries(ctx context.Context, e ...Entry) ([]Entry, error)
	// Hours returns all hours, by Index.
	Hours(ctx context.Context) ([]Hour, error)
	// AddHours adds hours in a transaction of their own, using the function AddHours.
	AddHours(ctx context.Context, now time.Time) error
}
