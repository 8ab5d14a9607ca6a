// Package ledger is the append-only Merkle log of everything that was asked,
// decided and sent. It never leaves the home unless the owner exports it.
package ledger

import (
	"context"
	"encoding/json"
	"time"

	"golang.org/x/mod/sumdb/note"
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
	Approved      Kind = "package.approved"
	Cancelled     Kind = "package.cancelled"
	Sent          Kind = "package.sent"
	Receipt       Kind = "package.receipt"
	Failed        Kind = "package.failed"
	AgencyAdded   Kind = "agency.added"
	AgencyRemoved Kind = "agency.removed"
	Recordings    Kind = "recordings.heads" // heads of the recording chains
	OwnerMade     Kind = "owner.made"
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
// follows tlog's storage order.
type Tx interface {
	tlog.HashReader
	// Size is the number of entries.
	Size() (int64, error)
	// Put stores entry index with its leaf bytes and the hashes tlog.StoredHashes gives.
	Put(index int64, leaf []byte, hashes []tlog.Hash) error
}

// Append adds an entry within a caller's transaction, so that an entry and what
// it records are durable together or not at all. It returns it with Index and Salt.
func Append(tx Tx, e Entry) (Entry, error) { panic("not built") }

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
}

// Log reads and proves a ledger.
type Log struct{}

// New returns a Log. The signer is the hub's key; its name is the checkpoint's origin.
func New(s Store, signer note.Signer) *Log { panic("not built") }

// Append adds entries in a transaction of their own.
func (l *Log) Append(ctx context.Context, e ...Entry) ([]Entry, error) { panic("not built") }

// Entries returns entries [from, from+n).
func (l *Log) Entries(ctx context.Context, from int64, n int) ([]Entry, error) { panic("not built") }

// Size is the number of entries.
func (l *Log) Size() (int64, error) { panic("not built") }

// Checkpoint returns the signed C2SP checkpoint of the current tree.
func (l *Log) Checkpoint(ctx context.Context) ([]byte, error) { panic("not built") }

// Proven is an entry with a C2SP tlog-proof that holds a signed checkpoint.
type Proven struct {
	Leaf  []byte
	Entry Entry
	Proof []byte
}

// Prove returns a request's entries with proofs against one checkpoint.
func (l *Log) Prove(ctx context.Context, request string) ([]Proven, error) { panic("not built") }

// VerifyProof checks a leaf and its proof under the hub's verifier key (C2SP vkey) and returns the entry.
func VerifyProof(leaf, proof []byte, vkey string) (Entry, error) { panic("not built") }

// Check recomputes every hash from the leaves and compares it with those stored
// and, if given, with an older signed checkpoint that must be a prefix.
func (l *Log) Check(ctx context.Context, older []byte) error { panic("not built") }
