package request

import (
	"context"
	"log/slog"
	"net/http"
	"time"

	"gatehouse/hub/bulletin"
	"gatehouse/hub/evidence"
)

// Home is what matching needs to know; it may change while running.
type Home struct {
	Position bulletin.Point
	TimeZone *time.Location
	Cameras  []Camera
	Rules    []Rule
	OptOut   bool
}

// Camera is a camera that may match.
type Camera struct {
	Name     string
	Exterior bool
}

// Rule is one line of the owner's rules; the first that matches wins. Empty conditions match everything.
type Rule struct {
	Agency   string  `yaml:"agency,omitempty"`
	Level    string  `yaml:"level,omitempty"`
	Category string  `yaml:"category,omitempty"`
	MaxKM2   float64 `yaml:"over_km2,omitempty"`     // matches requests over this area
	Minutes  int     `yaml:"over_minutes,omitempty"` // matches windows longer than this
	Action   string  `yaml:"action"`                 // hide notify decline (more later)
}

// Feed is one bulletin.
type Feed struct {
	Name      string // host, for rows and logs
	URL       string
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
	Transport http.RoundTripper // for tests; default is the constant-traffic transport
	Notify    func(Record)      // called once when a request becomes Waiting, and on each later change of state; must not block
	Log       *slog.Logger
	Now       func() time.Time
}

// Service takes requests in and takes decisions.
type Service struct{ cfg Config }

// New returns a Service. It reads the allowlist and fails on a bad file.
func New(ctx context.Context, cfg Config) (*Service, error) { panic("not built") }

// Run fetches on schedule, watches inbox and allowlist, and expires requests, until ctx ends.
func (s *Service) Run(ctx context.Context) error { panic("not built") }

// SetHome replaces what matching uses.
func (s *Service) SetHome(h Home) { panic("not built") }

// Take verifies and files every line of a .ghb file. Feed is nil for the inbox: the proof must then verify under one of the configured feeds.
func (s *Service) Take(ctx context.Context, source string, data []byte) error { panic("not built") }

// List returns all records, newest first.
func (s *Service) List(ctx context.Context) ([]Record, error) { panic("not built") }

// Get returns one record.
func (s *Service) Get(ctx context.Context, id string) (Record, error) { panic("not built") }

// Prepare seals a selection (within the request's window and matched cameras); it replaces an earlier one.
func (s *Service) Prepare(ctx context.Context, id string, clips []evidence.Selection) (Record, error) {
	panic("not built")
}

// Preview opens the sealed file of a prepared request.
func (s *Service) Preview(ctx context.Context, id string) (*evidence.Preview, Record, error) {
	panic("not built")
}

// Approve sends what was sealed. The digest must be the package's, and the
// file on disk must still have it. by names the approver for the ledger; the caller has
// re-authenticated them. skipCoolDown sends at once.
func (s *Service) Approve(ctx context.Context, id, digest, by string, skipCoolDown bool) (Record, error) {
	panic("not built")
}

// Decline ends a waiting or prepared request; nobody is told.
func (s *Service) Decline(ctx context.Context, id, by string) (Record, error) { panic("not built") }

// Allowlist returns the agencies allowed, by name.
func (s *Service) Allowlist() []Allowed { panic("not built") }

// Known returns the verified profiles seen in bulletins, for the owner to choose from.
func (s *Service) Known(ctx context.Context) ([]bulletin.VerifiedProfile, error) { panic("not built") }

// Allow pins an agency's profile (it must be Known) into the allowlist folder and re-judges waiting requests; Disallow removes it.
func (s *Service) Allow(ctx context.Context, agency, by string) (Allowed, error) { panic("not built") }

// Disallow removes an agency; its waiting requests become not-listed.
func (s *Service) Disallow(ctx context.Context, agency, by string) error { panic("not built") }

// Delivered moves an approved request to sent or failed; delivery's Config.Done is wired to it.
func (s *Service) Delivered(ctx context.Context, id string, sent bool, detail string) error {
	panic("not built")
}
