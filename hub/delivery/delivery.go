// Package delivery uploads approved packages until the receiver has all of them,
// and has signed for them where it can. It sends only ciphertext, only to hosts that the agency's signed
// profile names, and only what a ledger entry approved.
package delivery

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"gatehouse/hub/bulletin"
	"gatehouse/hub/internal/uplink"
	"gatehouse/hub/ledger"
)

// Errors of owner input and of a Store.
var (
	ErrNotFound = errors.New("no such delivery")
	ErrFinished = errors.New("the delivery has ended")
	ErrTooLate  = errors.New("every byte has been sent already")
)

// State of a job.
type State string

// States.
const (
	Cooling   State = "cooling" // waiting for the cool-down
	Sending   State = "sending"
	Retrying  State = "retrying" // the receiver is down or slow; Error says so
	Done      State = "done"     // every byte confirmed; the receipt, where the target gives one, checked and in the ledger
	Failed    State = "failed"   // permanent: the owner must act
	Cancelled State = "cancelled"
)

// Job is one row of the outbox.
type Job struct {
	ID        int64           `json:"id"`
	Entry     int64           `json:"ledger"` // the approval's ledger index
	Request   string          `json:"request"`
	Agency    string          `json:"agency"`
	PackageID string          `json:"package"`
	Path      string          `json:"-"`
	Digest    string          `json:"digest"`
	Bytes     int64           `json:"bytes"`
	Target    bulletin.Target `json:"target"`
	Profile   []byte          `json:"-"`
	Private   bool            `json:"-"`
	NotBefore time.Time       `json:"not_before"`
	State     State           `json:"state"`
	UploadURL string          `json:"-"` // where bytes were sent: the tus server's address, else a path; "" if nowhere yet
	Offset    int64           `json:"offset"`
	Rate      int64           `json:"rate,omitempty"` // bytes a second, 0 if not known; not stored
	Attempts  int             `json:"attempts"`
	NextTry   time.Time       `json:"next_try"`
	Error     string          `json:"error,omitempty"` // plain words
	Receipt   []byte          `json:"-"`
	Finished  time.Time       `json:"finished"`
	Off       bool            `json:"network_off,omitempty"` // not ended, and waits for the network to be switched on; not stored
}

// Left is how long the rest takes at the pace of now, 0 if that is not known.
func (j Job) Left() time.Duration {
	if j.Rate <= 0 || j.State != Sending {
		return 0
	}
	return time.Duration(float64(j.Bytes-j.Offset) / float64(j.Rate) * float64(time.Second)).Round(time.Second)
}

// Store is the outbox table in house.db.
type Store interface {
	// Jobs lists all jobs, newest first.
	Jobs(ctx context.Context) ([]Job, error)
	// SaveJob stores progress (State, UploadURL, Offset, Attempts, NextTry, Error, NotBefore); ErrFinished if the stored state is final.
	SaveJob(ctx context.Context, j Job) error
	// FinishJob stores a final state, the receipt and the ledger entries in one transaction, once; then ErrFinished.
	FinishJob(ctx context.Context, j Job, e ...ledger.Entry) error
}

// Config configures an Outbox.
type Config struct {
	Store Store
	// Check is asked after the cool-down and before the first byte of each attempt
	// whether the job's agency may still have its package; nil allows all. A why
	// that is not empty says in plain words for the owner that it may not: the job
	// fails for good, with why in the ledger. An err is a fault of the asking, such
	// as a store that does not answer: nothing is sent, and the job is tried again.
	Check  func(ctx context.Context, j Job) (why string, err error)
	Uplink *uplink.Switch                   // the owner's: while it is off no attempt begins, and one that runs is ended as by the end of Run; nil is always on. Kick after it was switched on
	Done   func(ctx context.Context, j Job) // told after FinishJob, and once more by the next Run; not ended by a caller of Cancel
	Log    *slog.Logger
	Now    func() time.Time
	Retry  time.Duration // first back-off; default 5 s, doubled with jitter up to 1 h
	Chunk  int64         // tus PATCH size; default 8 MiB
}
