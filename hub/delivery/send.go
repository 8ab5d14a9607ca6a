package delivery

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"errors"
	"io"
	"os"
	"time"

	"gatehouse/hub/bulletin"
	"gatehouse/hub/ledger"
)

// receiptTries is how often a receipt is asked for right after the last byte;
// the receiver hashes the whole package before it signs.
const receiptTries = 6

// storeError is a store that is broken, apart from what a receiver can cause.
type storeError struct{ err error }

func (e *storeError) Error() string { return e.err.Error() }
func (e *storeError) Unwrap() error { return e.err }

// send makes one attempt at a job, from the check of the sealed file to the
// checked receipt. It returns nil once the job is finished.
func (o *Outbox) send(ctx context.Context, j *Job, a *attempt) error {
	profile, err := bulletin.OpenProfile(j.Profile)
	if err != nil {
		return errors.Join(errProfile, err)
	}
	to, host, err := newTarget(*j, profile)
	if err != nil {
		return err
	}
	defer to.close()
	f, err := openSealed(ctx, *j)
	if err != nil {
		return err
	}
	defer f.Close() //nolint:errcheck // it is only read
	if j.UploadURL == "" {
		if err := o.allowed(ctx, *j); err != nil {
			return err
		}
	}

	s := &sending{o: o, j: j, a: a, f: f, begun: j.UploadURL != ""}
	defer s.keep(ctx)
	from, signs := to.(signer)
	if !signs {
		if err := to.send(ctx, s); err != nil {
			return err
		}
		return o.unsigned(ctx, host, *j, a)
	}
	// A receipt that is there already means that every byte arrived in an
	// earlier attempt, whose end we did not see.
	if got, err := o.collect(ctx, from, host, j, a, profile); got || err != nil {
		return err
	}
	if err := to.send(ctx, s); err != nil {
		return err
	}
	for try := range receiptTries {
		if got, err := o.collect(ctx, from, host, j, a, profile); got || err != nil {
			return err
		}
		if err := sleep(ctx, time.Second<<try); err != nil {
			return err
		}
	}
	return errNoReceipt
}

// allowed asks Config.Check. A job of which nothing was sent asks before the
// receiver hears of it; one whose upload was begun asks when there are bytes
// left, so that a receipt for what was sent whole is never lost.
func (o *Outbox) allowed(ctx context.Context, j Job) error {
	if o.cfg.Check == nil {
		return nil
	}
	why, err := o.cfg.Check(ctx, j)
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case err != nil:
		return errors.Join(errUnchecked, err)
	case why != "":
		return revokedError(why)
	}
	return nil
}

func sleep(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-time.After(d):
		return nil
	}
}

// openSealed opens the package and hashes it whole. Only this open file is
// read from then on: another one put in its place would not be sent.
func openSealed(ctx context.Context, j Job) (*os.File, error) {
	f, err := os.Open(j.Path)
	if err != nil {
		return nil, errors.Join(errFile, err)
	}
	h := sha256.New()
	n, err := io.Copy(h, io.LimitReader(&whileWanted{ctx, f}, j.Bytes+1))
	if err != nil {
		return nil, errors.Join(errFile, err, f.Close())
	}
	digest := hex.EncodeToString(h.Sum(nil))
	if n != j.Bytes || subtle.ConstantTimeCompare([]byte(digest), []byte(j.Digest)) != 1 {
		return nil, errors.Join(errDigest, f.Close())
	}
	return f, nil
}

// whileWanted reads until its context ends: to hash a large package takes minutes.
type whileWanted struct {
	ctx context.Context
	r   io.Reader
}

// Read implements io.Reader.
func (w *whileWanted) Read(b []byte) (int, error) {
	if w.ctx.Err() != nil {
		return 0, context.Cause(w.ctx)
	}
	return w.r.Read(b)
}

// collect asks for the receipt, checks it and finishes the job with it.
func (o *Outbox) collect(ctx context.Context, from signer, host string, j *Job, a *attempt, p bulletin.VerifiedProfile) (bool, error) {
	envelope, err := from.receipt(ctx, j.Digest)
	if err != nil || envelope == nil {
		return false, err
	}
	r, err := bulletin.OpenReceipt(envelope, p)
	if err != nil {
		return false, errors.Join(errReceipt, err)
	}
	if r.Agency != p.Agency || r.SHA256 != j.Digest || r.Bytes != j.Bytes {
		return false, errReceipt
	}
	if err := o.sentWhole(a); err != nil {
		return false, err
	}
	done := *j
	done.Receipt, done.Offset, done.Error = envelope, j.Bytes, ""
	now := o.cfg.Now()
	return true, o.finish(ctx, done, Done, entrySent(done, host, now), entryReceipt(done, r, now))
}

// unsigned finishes a job whose receiver confirmed every byte but signs nothing.
func (o *Outbox) unsigned(ctx context.Context, host string, j Job, a *attempt) error {
	if err := o.sentWhole(a); err != nil {
		return err
	}
	j.Offset, j.Error = j.Bytes, ""
	return o.finish(ctx, j, Done, entryUnsigned(j, host, o.cfg.Now()))
}

// sentWhole makes it too late to cancel, unless that has happened.
func (o *Outbox) sentWhole(a *attempt) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if a.stopped {
		return errCancelled
	}
	a.begun, a.whole = true, true
	return nil
}

// finish stores a final state with its ledger entries, then tells. Once begun it
// does not end with ctx: what is stored is told.
func (o *Outbox) finish(ctx context.Context, j Job, s State, e ...ledger.Entry) error {
	ctx = context.WithoutCancel(ctx)
	j.State, j.Finished = s, o.cfg.Now()
	if err := o.cfg.Store.FinishJob(ctx, j, e...); err != nil {
		if errors.Is(err, ErrFinished) {
			return err
		}
		return &storeError{err}
	}
	o.cfg.Log.Info("delivery ended", "request", j.Request, "agency", j.Agency, "state", string(s), "bytes", j.Bytes)
	o.cfg.Done(ctx, j)
	return nil
}
