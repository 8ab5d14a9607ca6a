package onvif

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"time"
)

// Run subscribes to the device's events and calls on for each start and end of
// motion, from one goroutine, until ctx ends; it then ends what is on,
// unsubscribes within two seconds and returns nil. On and Off of one Topic and
// Source take turns. Run subscribes again, after 1 to 60 s, whatever the device
// does. An alarm that a device does not repeat for Config.Stuck is ended. Run
// must not be called twice at a time.
func (c *Camera) Run(ctx context.Context, on func(Motion)) error {
	notices := make(chan notice)
	var wg sync.WaitGroup
	wg.Go(func() {
		defer close(notices)
		c.listen(ctx, notices)
	})
	a := newAlarms(c.cfg.Stuck, on)
	for over := false; !over; {
		var due <-chan time.Time
		if t := a.next(); !t.IsZero() {
			due = time.After(time.Until(t))
		}
		select {
		case n, ok := <-notices:
			if over = !ok; ok {
				a.take(n, time.Now())
			}
		case <-due:
			a.expire(time.Now())
		}
	}
	wg.Wait()
	a.endAll(time.Now())
	c.http.CloseIdleConnections()
	c.enter(State{Phase: PhaseIdle})
	return nil
}

// steadyFactor is how long a subscription must have held, in first delays, for
// its end to be no failed attempt.
const steadyFactor = 20

// listen keeps a subscription until ctx ends.
func (c *Camera) listen(ctx context.Context, out chan<- notice) {
	c.enter(State{Phase: PhaseConnecting})
	delay, longest := c.cfg.Retry, retryFactor*c.cfg.Retry
	for {
		began := time.Now()
		err := c.follow(ctx, out)
		if ctx.Err() != nil {
			return
		}
		c.offline(err)
		c.forget()
		if time.Since(began) > steadyFactor*c.cfg.Retry {
			delay = c.cfg.Retry
		}
		var e *Error
		if errors.As(err, &e) && (e.Reason == ReasonAuth || e.Reason == ReasonCertificate || e.Reason == ReasonUnsupported) {
			delay = longest // devices lock accounts, and none of these mends itself
		}
		// Jitter keeps devices that failed together from coming back together.
		if !pause(ctx, min(longest, time.Duration(float64(delay)*(0.75+rand.Float64()/2)))) {
			return
		}
		delay = min(2*delay, longest)
	}
}

// briefFactor is how long a subscription must have held, in first delays, for
// another to follow at once: some devices fall over if they are asked too often.
const briefFactor = 5

// follow subscribes and passes notices on until that fails. A subscription that
// the device ends, or does not renew, is followed by the next without a word.
func (c *Camera) follow(ctx context.Context, out chan<- notice) error {
	quick := false
	for {
		l, err := c.link(ctx)
		if err != nil {
			return c.explain(err)
		}
		s, err := c.subscribe(ctx, l)
		if err != nil {
			return c.explain(err)
		}
		if quick {
			s.poll = min(s.poll, 3*time.Second)
		}
		began := time.Now()
		pulled, err := c.drain(ctx, l, s, out)
		c.leave(ctx, l, s)
		var f *fault
		var h *httpError
		ended := errors.As(err, &f) || errors.As(err, &h)
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case ended && !pulled && !quick && !isRefusal(err):
			quick = true // perhaps it does not take so long a poll (Core 9.1.2, MaxTimeout)
		case !ended, !pulled, time.Since(began) < briefFactor*c.cfg.Retry:
			return c.explain(err)
		}
	}
}

// maxDrops is how many polls in a row may fail without an answer.
const maxDrops = 3

// drain pulls from a subscription and renews it until either fails. It reports
// whether a poll of the full length was ever answered; the first is a short one,
// so that it is soon known whether the device answers.
func (c *Camera) drain(ctx context.Context, l *link, s *subscription, out chan<- notice) (pulled bool, err error) {
	if err := c.synchronize(ctx, l, s); err != nil {
		return false, err
	}
	for drops, poll := 0, leastPoll; ; {
		if !time.Now().Add(s.poll).Before(s.renew) {
			if err := c.prolong(ctx, l, s); err != nil {
				return pulled, err
			}
			if time.Since(time.Unix(l.clockAt.Load(), 0)) > time.Minute {
				_ = c.askClock(ctx, l) // only to show it
			}
		}
		began := time.Now()
		n, err := c.pull(ctx, l, s, poll)
		arrived := time.Now()
		if isClosed(err) && arrived.Sub(began) > poll*3/4 {
			err = nil // some devices close the connection when there is nothing to tell
		}
		switch {
		case ctx.Err() != nil:
			return pulled, ctx.Err()
		case err != nil && dropped(err) && drops < maxDrops:
			drops++
		case err != nil:
			return pulled, err
		default:
			drops, pulled, poll = 0, pulled || poll == s.poll, s.poll
			c.online()
		}
		list := parseNotices(n)
		for _, x := range list {
			x.At = happened(x.utc, n.value("CurrentTime"), l.clockOffset(), arrived)
			select {
			case out <- x:
			case <-ctx.Done():
				return pulled, ctx.Err()
			}
		}
		// A device that does not wait is asked once a second, one that tells more
		// and more ten times.
		least := leastPoll
		if len(list) > 0 {
			least /= 10
		}
		if rest := least - time.Since(began); rest > 0 && !pause(ctx, rest) {
			return pulled, ctx.Err()
		}
	}
}

// dropped reports whether a request ended without an answer, which says nothing
// of the subscription.
func dropped(err error) bool {
	var f *fault
	var h *httpError
	return !errors.As(err, &f) && !errors.As(err, &h) && !errors.Is(err, errRefused) && !errors.Is(err, errDocument)
}

// enter notes a phase and reports whether it, or its reason, is new.
func (c *Camera) enter(s State) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	changed := c.state.Phase != s.Phase || c.state.Reason != s.Reason
	if c.state.Phase != s.Phase {
		c.state.Since = time.Now()
	}
	c.state.Phase, c.state.Reason, c.state.Cause = s.Phase, s.Reason, s.Cause
	return changed
}

func (c *Camera) online() {
	if c.enter(State{Phase: PhaseLive}) {
		c.cfg.Log.Info("camera events subscribed", "camera", c.cfg.Camera)
	}
}

func (c *Camera) offline(err error) {
	s := State{Phase: PhaseOffline, Reason: ReasonUnreachable}
	var e *Error
	if errors.As(err, &e) {
		s.Reason, s.Cause = e.Reason, e.Cause
	}
	if c.enter(s) {
		c.cfg.Log.Warn("camera events offline", "camera", c.cfg.Camera, "reason", string(s.Reason), "err", err)
	}
}

// pause waits, and reports whether ctx still goes on.
func pause(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-t.C:
		return true
	}
}
