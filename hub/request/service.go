package request

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"gatehouse/hub/bulletin"
	"gatehouse/hub/finding"
	"gatehouse/hub/internal/durable"
	"gatehouse/hub/internal/uplink"
)

// Home is what matching needs to know; it may change while running.
type Home struct {
	Position bulletin.Point
	TimeZone *time.Location
	Cameras  []Camera
	Rules    []Rule
	OptOut   bool
	PerCase  PerCase
	// Approvals is how many people must approve any request; 0 is 1.
	Approvals int
	// Lock lets the lock of the Home app give approvals that were left to it.
	Lock    bool
	Notices Notices

	HoldQuota HoldQuota
}

// Camera is a camera that may match.
type Camera struct {
	Name     string
	Exterior bool
}

// Feed is one bulletin.
type Feed struct {
	Name      string // host, for rows and logs
	URL       string
	Mirrors   []string      // other base addresses of the same files
	Log       string        // C2SP verifier key
	Witnesses []string      // C2SP cosignature keys
	Every     time.Duration // default 1 h; under an hour active.ghb is fetched each time
}

// Config configures a Service.
type Config struct {
	Store     Store
	Footage   Footage
	Sealer    Sealer
	Feeds     []Feed
	Inbox     string           // folder watched for .ghb files
	Agencies  string           // folder of the allowlist, watched
	CoolDown  [2]time.Duration // least and most; random between
	Home      Home
	Uplink    *uplink.Switch    // the owner's; nil is always on
	Transport http.RoundTripper // for tests; default is the constant-traffic transport
	Notify    func(Record)      // called once when a request becomes Waiting, and on each later change of state; must not block
	Told      func()            // called when records were marked as told: doors ring for those that rang; must not block
	// Cancel stops a request's delivery of which no byte was sent; nil if there
	// is none, or it is too late. It may wait for Delivered.
	Cancel func(ctx context.Context, requestID string) error
	// Entitled reports whether a person may still approve; nil if every approver is asked for only once.
	Entitled func(ctx context.Context, person int64) (bool, error)
	Log      *slog.Logger
	Now      func() time.Time
	// Sleep waits until Now shows a time at least that late, or ctx ends, and reports which: false if ctx
	// ended. Default: by the machine's clock, which may be set meanwhile.
	Sleep func(ctx context.Context, until time.Time) bool
}

// Service takes requests in and takes decisions.
type Service struct {
	cfg       Config
	feeds     []*feed
	transport http.RoundTripper
	locks     locks
	watch     func(ctx context.Context, dir string, look func(context.Context) (time.Duration, error)) error
	woken     chan struct{} // batches or moved have changed
	queued    chan struct{} // a request has begun to wait, or the notices have changed

	reloading sync.Mutex      // one change of the allowlist at a time; before taking
	removed   map[string]bool // by the owner, file and all, as far as that went; guarded by reloading
	relisted  []string        // agencies whose files were edited between two runs; Run's
	taking    sync.Mutex      // one file at a time
	refused   refusals        // guarded by taking
	later     *[]Rejudged     // while judging again: rows nobody sees, stored together; guarded by taking

	adding  sync.Mutex // one request by hand at a time; before any record's lock
	holding sync.Mutex // one hold at a time, after a record's lock

	mu       sync.Mutex // guards what follows
	home     Home
	allowed  map[string]Allowed                    // by agency; replaced, never written to
	known    map[string][]bulletin.VerifiedProfile // by agency, one a root
	profiled []string                              // agencies whose root keys may have been rotated
	cancels  []string                              // requests whose delivery is to be stopped
	problems map[string]finding.Finding            // by what they are about
	batches  []batch                               // fetched, to be taken in
	moved    bool                                  // the home changed
	logTime  time.Time                             // of the newest head
}

// New returns a Service. It reads the allowlist and fails on a bad file.
func New(ctx context.Context, cfg Config) (*Service, error) {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	s := &Service{
		cfg: cfg, transport: cfg.Transport, watch: watchFolder, woken: make(chan struct{}, 1), queued: make(chan struct{}, 1), home: cfg.Home,
		known: map[string][]bulletin.VerifiedProfile{}, problems: map[string]finding.Finding{}, removed: map[string]bool{},
	}
	if s.transport == nil {
		s.transport = Transport()
	}
	if s.cfg.Sleep == nil {
		s.cfg.Sleep = s.sleep
	}
	if cfg.Inbox != "" {
		_ = durable.MkdirAll(cfg.Inbox, 0o700) // if it is not there, the first look tells the owner
	}
	if cfg.Agencies != "" {
		if err := durable.MkdirAll(cfg.Agencies, 0o700); err != nil {
			return nil, fmt.Errorf("making folder: %w", err)
		}
	}
	if err := s.openAllowlist(ctx); err != nil {
		return nil, err
	}
	if err := s.load(ctx); err != nil {
		return nil, err
	}
	if err := s.restore(ctx); err != nil {
		return nil, err
	}
	return s, nil
}

// restore holds footage again for what may still be sent, before retention
// looks, in case the index was lost or rebuilt; and removes packages that
// nothing refers to: a crash came between sealing and the record.
func (s *Service) restore(ctx context.Context) error {
	list, err := s.cfg.Store.Records(ctx)
	if err != nil {
		return err
	}
	paths, err := s.cfg.Store.Packages(ctx)
	if err != nil {
		return err
	}
	kept := map[string]bool{}
	for _, path := range paths {
		kept[filepath.Base(path)] = true
	}
	for _, r := range list {
		if r.Package != nil {
			kept[filepath.Base(r.Package.Path)] = true
		}
		if slices.Contains([]State{Waiting, Prepared, Approved, Ready, Failed}, r.State) && s.cfg.Now().Before(r.HeldUntil) {
			if err := s.hold(ctx, r); err != nil {
				return err
			}
		}
	}
	if err := s.cfg.Sealer.Sweep(func(path string) bool { return kept[filepath.Base(path)] }); err != nil {
		return fmt.Errorf("removing packages that nothing refers to: %w", err)
	}
	return nil
}

func (s *Service) hold(ctx context.Context, r Record) error {
	for _, m := range r.Matches {
		if err := s.cfg.Footage.Hold(ctx, r.ID, m.Camera, m.From, m.To, r.HeldUntil); err != nil {
			return fmt.Errorf("holding footage: %w", err)
		}
	}
	return nil
}

// load reads what the last run left.
func (s *Service) load(ctx context.Context) error {
	profiles, err := s.cfg.Store.Profiles(ctx)
	if err != nil {
		return err
	}
	for _, envelope := range profiles {
		p, err := bulletin.OpenProfile(envelope)
		if err != nil {
			return fmt.Errorf("reading a profile: %w", err)
		}
		s.learn(p)
	}
	seed, err := s.cfg.Store.Secret(ctx, "schedule")
	if err != nil {
		return err
	}
	for _, f := range s.cfg.Feeds {
		opened, err := s.openFeed(ctx, f, seed)
		if err != nil {
			return err
		}
		s.feeds = append(s.feeds, opened)
	}
	list, err := s.cfg.Store.Records(ctx, Refused)
	if err != nil {
		return err
	}
	day := s.refusedDay()
	for _, r := range list {
		if r.Received.UTC().Format(time.DateOnly) == day.date {
			day.kept[share(r)]++
		}
	}
	return nil
}

// Run fetches on schedule, watches inbox and allowlist, and expires requests,
// until ctx ends. An error means that the house database or the footage index is broken.
func (s *Service) Run(ctx context.Context) error {
	if err := s.begin(ctx); err != nil {
		return ended(ctx, err)
	}
	g, ctx := errgroup.WithContext(ctx)
	for _, f := range s.feeds {
		g.Go(func() error { return s.run(ctx, f) })
	}
	g.Go(func() error { return s.work(ctx) })
	g.Go(func() error { return s.expire(ctx) })
	g.Go(func() error { return s.notices(ctx) })
	if s.cfg.Inbox != "" {
		b := &inbox{s: s, dir: s.cfg.Inbox}
		g.Go(func() error { return ended(ctx, s.watch(ctx, b.dir, b.look)) })
	}
	if s.cfg.Agencies != "" {
		g.Go(func() error {
			return ended(ctx, s.watch(ctx, s.cfg.Agencies, func(ctx context.Context) (time.Duration, error) {
				err := s.reload(ctx, "a change of the file in the agencies folder")
				return 0, errors.Join(err, s.settle(ctx))
			}))
		})
	}
	return g.Wait()
}

// begin puts right what the last run, or somebody since, left undone.
func (s *Service) begin(ctx context.Context) error {
	s.reloading.Lock()
	agencies := s.relisted
	s.relisted = nil
	s.reloading.Unlock()
	for _, agency := range agencies {
		if err := s.rejudgeAgency(ctx, agency); err != nil {
			return err
		}
	}
	return s.settle(ctx)
}

// SetHome replaces what matching uses, and judges again what did not match.
func (s *Service) SetHome(h Home) {
	s.mu.Lock()
	s.home, s.moved = h, true
	s.mu.Unlock()
	s.poke()
	s.queue()
}

func (s *Service) queue() {
	select {
	case s.queued <- struct{}{}:
	default:
	}
}

func (s *Service) poke() {
	select {
	case s.woken <- struct{}{}:
	default:
	}
}

// List returns all records, newest first.
func (s *Service) List(ctx context.Context) ([]Record, error) { return s.cfg.Store.Records(ctx) }

// ListIn returns the records in some states, newest first.
func (s *Service) ListIn(ctx context.Context, in ...State) ([]Record, error) {
	return s.cfg.Store.Records(ctx, in...)
}

// Get returns one record.
func (s *Service) Get(ctx context.Context, id string) (Record, error) {
	return s.cfg.Store.Record(ctx, id)
}

// Problems returns what the owner should know of bulletins and allowlist.
func (s *Service) Problems() []finding.Finding {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := slices.Collect(maps.Values(s.problems))
	now := s.cfg.Now()
	for agency, a := range s.allowed {
		if len(Changed(a, s.known[agency], now)) > 0 {
			out = append(out, finding.New("agency-keys", "name", a.Name, "agency", agency, "phone", a.CallBack))
		}
	}
	slices.SortFunc(out, func(a, b finding.Finding) int { return strings.Compare(a.String(), b.String()) })
	return out
}

// setProblem sets or (with nothing) clears a problem and reports whether that changed it.
func (s *Service) setProblem(about string, found finding.Finding) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.problems[about].String() == found.String() {
		return false
	}
	if found.IsZero() {
		delete(s.problems, about)
	} else {
		s.problems[about] = found
	}
	return true
}

// now is the later of the clock and the newest head: a clock set back does not
// bring an expired request to life.
func (s *Service) now() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	if now := s.cfg.Now(); now.After(s.logTime) {
		return now
	}
	return s.logTime
}

func (s *Service) sawHead(c bulletin.Checkpoint) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if c.Time.After(s.logTime) {
		s.logTime = c.Time
	}
}

// tell calls Notify after a commit.
func (s *Service) tell(r Record) {
	s.cfg.Log.Info("request changed state", "request", r.ID, "agency", r.Agency, "state", string(r.State))
	if s.cfg.Notify != nil {
		s.cfg.Notify(r)
	}
	if r.State == Waiting {
		s.queue()
	}
}
