package delivery

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
)

const (
	atOnce       = 4 // attempts side by side: a receiver that hangs stops no other
	glance       = time.Minute
	defaultRetry = 5 * time.Second
	maxRetry     = time.Hour
	slowRetry    = 15 * time.Minute // for what a person has to put right
	defaultChunk = 8 << 20
	giveUpAfter  = 14 * 24 * time.Hour // from the end of the cool-down
)

// Outbox sends.
type Outbox struct {
	cfg    Config
	kicked chan struct{}

	mu     sync.Mutex         // guards what follows, and each attempt's fields
	live   map[int64]*attempt // by job
	ending map[int64]int      // how many are cancelling it: not to be started
}

// attempt is one try at a job. Its fields are guarded by Outbox.mu.
type attempt struct {
	stop      context.CancelCauseFunc
	ended     chan struct{}
	offset    int64 // bytes handed to the network
	confirmed int64 // bytes that the receiver has
	begun     bool  // a byte was handed to the network, now or in an earlier attempt
	whole     bool  // every byte has been handed to the network: too late to cancel
	stopped   bool  // cancelled: no further byte
	pace      pace
}

// New returns an Outbox.
func New(cfg Config) *Outbox {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if cfg.Retry <= 0 {
		cfg.Retry = defaultRetry
	}
	if cfg.Chunk <= 0 {
		cfg.Chunk = defaultChunk
	}
	if cfg.Done == nil {
		cfg.Done = func(context.Context, Job) {}
	}
	return &Outbox{cfg: cfg, kicked: make(chan struct{}, 1), live: map[int64]*attempt{}, ending: map[int64]int{}}
}

// Run sends due jobs until ctx ends; a job interrupted is resumed by the next
// Run. An error means that the store is broken.
func (o *Outbox) Run(ctx context.Context) error {
	if err := o.tellAgain(ctx); err != nil {
		return err
	}
	g, gctx := errgroup.WithContext(ctx)
	for {
		wait, err := o.start(gctx, g)
		if err != nil {
			if gctx.Err() == nil {
				g.Go(func() error { return err })
			}
			return g.Wait()
		}
		select {
		case <-gctx.Done():
			return g.Wait()
		case <-o.kicked:
		case <-time.After(wait):
		}
	}
}

// tellAgain calls Done for jobs that ended: the last run may have ended
// between FinishJob and Done. A request's newest job alone counts.
func (o *Outbox) tellAgain(ctx context.Context) error {
	jobs, err := o.cfg.Store.Jobs(ctx)
	if err != nil {
		return err
	}
	newer := map[string]bool{}
	for _, j := range jobs {
		if !newer[j.Request] && j.State.final() {
			o.cfg.Done(ctx, j)
		}
		newer[j.Request] = true
	}
	return nil
}

func (s State) final() bool { return s == Done || s == Failed || s == Cancelled }

// start begins the attempts that are due and returns how long nothing else is.
// It reads the table under the lock: an attempt stores how it went before it
// leaves live, so that no row is older than the job's last attempt.
func (o *Outbox) start(ctx context.Context, g *errgroup.Group) (time.Duration, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	jobs, err := o.cfg.Store.Jobs(ctx)
	if err != nil {
		return 0, err
	}
	now, wait := o.cfg.Now(), glance
	for i := len(jobs) - 1; i >= 0; i-- { // oldest first
		j := jobs[i]
		if j.State.final() || o.live[j.ID] != nil || o.ending[j.ID] > 0 {
			continue
		}
		if left := max(j.NotBefore.Sub(now), j.NextTry.Sub(now)); left > 0 {
			wait = min(wait, left)
			continue
		}
		if len(o.live) >= atOnce {
			continue // the end of an attempt kicks
		}
		up, down, on := o.cfg.Uplink.While(ctx)
		if !on {
			break // switching on kicks
		}
		actx, stop := context.WithCancelCause(up)
		a := &attempt{stop: stop, ended: make(chan struct{}), offset: j.Offset, confirmed: j.Offset, begun: j.UploadURL != ""}
		o.live[j.ID] = a
		g.Go(func() error { defer down(); return o.attempt(actx, j, a) })
	}
	return wait, nil
}

// attempt tries once and stores how it went. Its error is a store that is broken:
// a job that ended meanwhile, Cancel and the end of Run are none.
func (o *Outbox) attempt(ctx context.Context, j Job, a *attempt) error {
	defer func() {
		a.stop(nil)
		o.mu.Lock()
		delete(o.live, j.ID)
		o.mu.Unlock()
		close(a.ended)
		o.Kick()
	}()
	before := j.Offset
	err := o.try(ctx, &j, a)
	var broken *storeError
	if err != nil && !errors.Is(err, ErrFinished) && ctx.Err() == nil && !errors.As(err, &broken) {
		err = o.failed(ctx, j, before, err)
	}
	if errors.Is(err, ErrFinished) || ctx.Err() != nil {
		return nil // what was sent is stored
	}
	return err
}

func (o *Outbox) try(ctx context.Context, j *Job, a *attempt) error {
	j.State = Sending
	if err := o.save(ctx, *j); err != nil {
		return err
	}
	o.cfg.Log.Info("sending package", "request", j.Request, "agency", j.Agency, "bytes", j.Bytes)
	return o.send(ctx, j, a)
}

// save stores progress.
func (o *Outbox) save(ctx context.Context, j Job) error {
	err := o.cfg.Store.SaveJob(ctx, j)
	if err == nil || errors.Is(err, ErrFinished) || ctx.Err() != nil {
		return err
	}
	return &storeError{err}
}

// failed stores a try that did not succeed: the next one, or the end.
func (o *Outbox) failed(ctx context.Context, j Job, before int64, err error) error {
	f := explain(err)
	j.Error = withoutURLs(f.words)
	o.cfg.Log.Info("package not sent yet", "request", j.Request, "agency", j.Agency, "reason", j.Error, "err", withoutPaths(err))
	now := o.cfg.Now()
	if now.Sub(j.NotBefore) > giveUpAfter && f.lasting != lastingForGood {
		f.lasting = lastingForGood
		j.Error = "Given up after 14 days. " + j.Error
	}
	if f.lasting == lastingForGood {
		return o.finish(ctx, j, Failed, entryFailed(j, now))
	}
	if j.Offset > before {
		j.Attempts = 0
	}
	delay := backoff(o.cfg.Retry, j.Attempts)
	if f.lasting == lastingForLong {
		delay = max(delay, slowRetry)
	}
	j.Attempts++
	j.State, j.NextTry = Retrying, now.Add(delay)
	return o.save(ctx, j)
}

// backoff doubles from first up to an hour; half of it is random, so that hubs
// that lost a receiver together do not come back together.
func backoff(first time.Duration, attempts int) time.Duration {
	d := maxRetry
	if attempts < 30 && first<<attempts > 0 {
		d = min(maxRetry, first<<attempts)
	}
	return d/2 + rand.N(d/2+1)
}

// Kick makes Run look at the table now: a job was added.
func (o *Outbox) Kick() {
	select {
	case o.kicked <- struct{}{}:
	default:
	}
}

// Jobs lists all jobs with live offsets, newest first.
func (o *Outbox) Jobs(ctx context.Context) ([]Job, error) {
	jobs, err := o.cfg.Store.Jobs(ctx)
	if err != nil {
		return nil, err
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	off := !o.cfg.Uplink.On()
	for i := range jobs {
		jobs[i].Off = off && !jobs[i].State.final()
		if a := o.live[jobs[i].ID]; a != nil && !jobs[i].State.final() {
			jobs[i].Offset, jobs[i].Rate = a.offset, a.pace.now(time.Now())
		}
	}
	return jobs, nil
}

// job returns the newest job that is wanted.
func (o *Outbox) job(ctx context.Context, wanted func(Job) bool) (Job, error) {
	jobs, err := o.cfg.Store.Jobs(ctx)
	if err != nil {
		return Job{}, err
	}
	for _, j := range jobs {
		if wanted(j) {
			return j, nil
		}
	}
	return Job{}, ErrNotFound
}

func byID(id int64) func(Job) bool { return func(j Job) bool { return j.ID == id } }

// SendNow ends a job's cool-down, or its wait for the next try.
func (o *Outbox) SendNow(ctx context.Context, id int64) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	j, err := o.job(ctx, byID(id))
	if err != nil {
		return err
	}
	if j.State.final() {
		return ErrFinished
	}
	if o.live[id] != nil {
		return nil
	}
	now := o.cfg.Now()
	if j.NotBefore.After(now) {
		j.NotBefore = now
	}
	j.NextTry = time.Time{}
	if err := o.cfg.Store.SaveJob(ctx, j); err != nil {
		return fmt.Errorf("ending the wait: %w", err)
	}
	o.Kick()
	return nil
}
