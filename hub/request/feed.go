package request

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"gatehouse/hub/bulletin"
	"gatehouse/hub/finding"
)

const (
	warnAfter = 48 * time.Hour     // age of the newest cosignature
	stopAfter = 7 * 24 * time.Hour // then nothing is taken in
	lookAgain = time.Minute        // a wall clock may be set while waiting
)

// feed is one bulletin while it runs. Its goroutine owns all fields but status.
type feed struct {
	Feed
	policy   *bulletin.Policy
	bases    []string // the URL and its mirrors, each with a slash at its end
	schedule schedule
	progress progress
	head     bulletin.Checkpoint // newest believed; Size 0 before the first
}

// batch is what one fetch brought. A worker takes it in, so that the next
// fetch is on time whatever this one brought.
type batch struct {
	feed     *feed
	head     bulletin.Checkpoint
	progress progress
	files    map[string][]byte // by path
	current  bool              // files has a whole active.ghb: older batches bring nothing more
}

// openFeed reads what the last run left.
func (s *Service) openFeed(ctx context.Context, f Feed, seed []byte) (*feed, error) {
	policy, err := bulletin.NewPolicy(f.Log, f.Witnesses)
	if err != nil {
		return nil, fmt.Errorf("reading the keys of bulletin %s: %w", f.Name, err)
	}
	if f.Every <= 0 {
		f.Every = time.Hour
	}
	out := &feed{Feed: f, policy: policy, schedule: schedule{seed: seed, feed: f.Log, every: f.Every}}
	for _, base := range append([]string{f.URL}, f.Mirrors...) {
		out.bases = append(out.bases, strings.TrimSuffix(base, "/")+"/")
	}
	signed, through, err := s.cfg.Store.LogHead(ctx, f.Log)
	if err != nil || signed == nil {
		return out, err
	}
	out.progress.through = through
	// The witnesses in the configuration may be others by now: then the old
	// head is no longer believed and the next one is taken as the first.
	if head, err := policy.Checkpoint(signed); err == nil {
		out.head = head
		s.sawHead(head)
	}
	return out, nil
}

// run fetches on schedule. A hub that was away for long fetches at its start;
// one that never had anything tries again after a minute, two, four …
func (s *Service) run(ctx context.Context, f *feed) error {
	if f.progress.through.IsZero() || s.cfg.Now().Sub(f.progress.through) > offline {
		s.fetch(ctx, f, s.cfg.Now())
	}
	for first := time.Minute; ; first = min(2*first, time.Hour) {
		at := f.schedule.after(s.cfg.Now())
		if soon := s.cfg.Now().Add(first); f.progress.through.IsZero() && first < time.Hour && soon.Before(at) {
			at = soon
		}
		if !s.cfg.Sleep(ctx, at) {
			return nil
		}
		s.fetch(ctx, f, at)
		if ctx.Err() != nil {
			return nil
		}
	}
}

// sleep is Config.Sleep on the machine's clock.
func (s *Service) sleep(ctx context.Context, until time.Time) bool {
	for {
		left := until.Sub(s.cfg.Now())
		if left <= 0 {
			return ctx.Err() == nil
		}
		select {
		case <-ctx.Done():
			return false
		case <-time.After(min(left, lookAgain)):
		}
	}
}

// fetch gets the checkpoint and the files of the hour, unless the owner has
// switched the network off. Every GET is made whatever the ones before it gave,
// and what they bring is looked at afterwards. What is asked of whom is drawn by
// the time at which the fetch was due, so that a machine that is busy with what
// its owner does draws nothing else; one that slept asks for what is due now.
func (s *Service) fetch(ctx context.Context, f *feed, due time.Time) {
	ctx, done, on := s.cfg.Uplink.While(ctx)
	if !on {
		return
	}
	defer done()
	now := s.cfg.Now()
	if now.Sub(due) > 2*lookAgain {
		due = now
	}
	paths := f.schedule.files(f.progress, due)
	base := f.bases[f.schedule.mirror(due, len(f.bases))]
	signed, status, err := get(ctx, s.transport, base+bulletin.CheckpointPath, maxCheckpoint)
	b := batch{feed: f, files: map[string][]byte{}}
	problem := fetchProblem(status, err, false)
	for _, path := range paths {
		data, status, err := get(ctx, s.transport, base+path, maxFile)
		if p := fetchProblem(status, err, path != bulletin.ActivePath); p != nil && problem == nil {
			problem = p
		}
		if data != nil {
			b.files[path] = data
		}
	}
	if ctx.Err() != nil {
		return
	}
	if problem == nil {
		b.head, problem = f.accept(signed, now)
	}
	if problem != nil {
		s.feedProblem(f, problem)
		return
	}
	s.feedProblem(f, f.age(b.head, now))
	f.head = b.head
	whole := f.whole(paths, b.files)
	if f.fresh(b.head, now, warnAfter) {
		f.progress = f.progress.took(now, whole)
	}
	b.current = slices.Contains(whole, bulletin.ActivePath)
	b.progress = f.progress
	s.sawHead(b.head)
	if f.fresh(b.head, now, stopAfter) {
		s.arrived(b)
	}
}

// whole returns the paths that need not be asked for again: those that the
// mirror has no file for, and those whose file can be read to its end with every
// line in the log. That is a matter of what is public, so the next fetch tells
// nothing of what became of a request at home.
func (f *feed) whole(paths []string, files map[string][]byte) (out []string) {
	for _, path := range paths {
		data, ok := files[path]
		if !ok {
			out = append(out, path)
			continue
		}
		bad := false
		err := bulletin.ReadFile(data, func(l bulletin.Line) error {
			_, err := f.policy.Verify(l)
			bad = bad || (l.Kind == bulletin.KindProfile) != (signedType(l.Envelope) == bulletin.ProfileType)
			return err
		}, func(int, *bulletin.Refusal) { bad = true })
		if err == nil && !bad {
			out = append(out, path)
		}
	}
	return out
}

// fetchProblem says what is wrong with an answer, nil if nothing. An hour
// without entries has no file; a mirror that hides one is found out by the
// next active.ghb.
func fetchProblem(status int, err error, mayBeAbsent bool) finding.Words {
	switch {
	case err != nil:
		return finding.New("bulletin-unreached")
	case status == http.StatusOK, mayBeAbsent && status == http.StatusNotFound:
		return nil
	case status >= 300 && status < 400:
		return finding.New("bulletin-moved")
	}
	return finding.New("bulletin-status", "status", strconv.Itoa(status))
}

// accept verifies a checkpoint against the policy and the newest one known. A
// smaller tree, or another tree of the same size, is a mirror that rolled back
// or a log that shows two faces. That a larger tree extends the smaller one
// cannot be checked here: it needs the log's tiles, which hubs do not fetch,
// and is what the witnesses sign for.
func (f *feed) accept(signed []byte, now time.Time) (bulletin.Checkpoint, finding.Words) {
	head, err := f.policy.Checkpoint(signed)
	var r *bulletin.Refusal
	switch {
	case errors.As(err, &r):
		return head, refusal{r}
	case err != nil:
		return head, finding.New("bulletin-checkpoint")
	case head.Size < f.head.Size, head.Size == f.head.Size && f.head.Size > 0 && head.Hash != f.head.Hash:
		return head, finding.New("bulletin-rolled-back")
	case head.Time.After(now.Add(warnAfter)):
		return head, finding.New("bulletin-future")
	}
	return head, nil
}

// fresh reports whether the newest cosignature is younger than limit. Without
// witnesses there is none, and a fetched checkpoint counts as of now.
func (f *feed) fresh(head bulletin.Checkpoint, now time.Time, limit time.Duration) bool {
	return head.Time.IsZero() || now.Sub(head.Time) < limit
}

func (f *feed) age(head bulletin.Checkpoint, now time.Time) finding.Words {
	switch {
	case !f.fresh(head, now, stopAfter):
		return finding.New("bulletin-stale")
	case !f.fresh(head, now, warnAfter):
		return finding.New("bulletin-late")
	}
	return nil
}

// refusal is why a document is refused, for people: the console has words for
// each code.
type refusal struct{ *bulletin.Refusal }

func (r refusal) Words() (code string, args []any) { return "code." + string(r.Code), nil }
func (r refusal) String() string                   { return r.Detail }

// feedProblem says what is wrong with a bulletin; nil is nothing.
func (s *Service) feedProblem(f *feed, cause finding.Words) {
	var found finding.Finding
	reason := ""
	if cause != nil {
		found, reason = finding.New("bulletin", "name", f.Name, "cause", cause), cause.String()
	}
	if s.setProblem("feed "+f.Log, found) {
		s.cfg.Log.Info("bulletin changed state", "peer", f.Name, "reason", reason)
	}
}

// arrived hands a batch to the worker and never waits. A newer active.ghb that
// is whole stands for all that waits of its bulletin, so little can pile up.
func (s *Service) arrived(b batch) {
	s.mu.Lock()
	if b.current {
		kept := s.batches[:0]
		for _, old := range s.batches {
			if old.feed != b.feed {
				kept = append(kept, old)
			}
		}
		s.batches = kept
	}
	s.batches = append(s.batches, b)
	s.mu.Unlock()
	s.poke()
}

// work takes in batches, and judges again when the home changed.
func (s *Service) work(ctx context.Context) error {
	for {
		s.mu.Lock()
		var b batch
		if len(s.batches) > 0 {
			b, s.batches = s.batches[0], s.batches[1:]
		}
		moved := s.moved
		s.moved = false
		s.mu.Unlock()
		switch {
		case moved:
			if err := s.rejudge(ctx, nil, Unmatched, Hidden); err != nil {
				return ended(ctx, err)
			}
		case b.feed == nil:
			select {
			case <-ctx.Done():
				return nil
			case <-s.woken:
			}
			continue
		}
		if b.feed == nil {
			continue
		}
		if err := s.takeBatch(ctx, b); err != nil {
			return ended(ctx, err)
		}
	}
}

// takeBatch takes the files in before it stores how far they reach.
func (s *Service) takeBatch(ctx context.Context, b batch) error {
	for _, path := range slices.Sorted(maps.Keys(b.files)) { // hours in their order
		err := s.take(ctx, []*feed{b.feed}, b.feed.Name, b.files[path])
		var r *bulletin.Refusal
		if errors.As(err, &r) {
			s.feedProblem(b.feed, finding.New("bulletin-file", "path", path, "why", refusal{r}))
		} else if err != nil {
			return err
		}
	}
	return s.cfg.Store.PutLogHead(ctx, b.feed.Log, b.head.Signed, b.progress.through)
}

// ended hides an error that comes of the end of ctx.
func ended(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return nil
	}
	return err
}
