package delivery

import (
	"context"
	"errors"
)

var errCancelled = errors.New("cancelled")

// Cancel stops a job that is not done, until its last byte was sent; then it
// gives ErrTooLate, or ErrFinished for one that has ended. Once begun it does
// not end with ctx. If the store fails, the job stays stopped in this process
// until a later Cancel succeeds.
func (o *Outbox) Cancel(ctx context.Context, id int64) error {
	return o.cancel(ctx, byID(id), func(j Job, a *attempt) bool {
		return !j.State.final() && (j.Offset == j.Bytes || a != nil && a.whole)
	}, func(j Job) error {
		j.Error = "You cancelled it."
		return o.finish(ctx, j, Cancelled, entryCancelled(j, o.cfg.Now()))
	})
}

// CancelRequest stops a request's job of which not a single byte was sent: the
// agency withdrew the request, or the owner removed the agency. Otherwise it
// gives ErrTooLate, also if that cannot be known because an earlier attempt had
// begun an upload. A request without a job, or whose job failed or was
// cancelled, is no error. It keeps on like Cancel.
//
// Both call Config.Done and wait for an attempt that may be in Config.Check: hold
// no lock that these take.
func (o *Outbox) CancelRequest(ctx context.Context, requestID string) error {
	err := o.cancel(ctx, func(j Job) bool { return j.Request == requestID }, func(j Job, a *attempt) bool {
		if a != nil {
			return a.begun
		}
		return j.State == Done || j.UploadURL != "" && !j.State.final()
	}, func(j Job) error {
		j.Error = "It was withdrawn before anything of it was sent."
		return o.finish(ctx, j, Cancelled, entryWithdrawn(j, o.cfg.Now()))
	})
	if errors.Is(err, ErrNotFound) || errors.Is(err, ErrFinished) {
		return nil
	}
	return err
}

// cancel stops what is wanted, unless it is too late, and ends it in the store.
// The attempt hands no byte to the network from the moment it is stopped, and
// the store is told before the attempt has wound down: a process that ends
// meanwhile does not send on.
func (o *Outbox) cancel(ctx context.Context, wanted func(Job) bool, late func(Job, *attempt) bool, end func(Job) error) error {
	j, a, err := o.halt(context.WithoutCancel(ctx), wanted, late)
	if err != nil {
		return err
	}
	err = end(j)
	if err != nil && !errors.Is(err, ErrFinished) {
		return err // it stays in ending: better stopped than sent
	}
	o.release(j.ID)
	o.Kick()
	if a != nil {
		select {
		case <-a.ended:
		case <-ctx.Done(): // it is cancelled all the same
		}
	}
	return err
}

// halt takes a job out of Run's hands.
func (o *Outbox) halt(ctx context.Context, wanted func(Job) bool, late func(Job, *attempt) bool) (Job, *attempt, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	j, err := o.job(ctx, wanted)
	if err != nil {
		return Job{}, nil, err
	}
	a := o.live[j.ID]
	switch {
	case late(j, a):
		return Job{}, nil, ErrTooLate
	case j.State.final():
		return Job{}, nil, ErrFinished
	}
	o.ending[j.ID]++
	if a != nil {
		j.Offset = a.confirmed
		a.stopped = true
		a.stop(errCancelled)
	}
	return j, a, nil
}

func (o *Outbox) release(id int64) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.ending[id]--; o.ending[id] <= 0 {
		delete(o.ending, id)
	}
}
