// Package evidence seals an approved selection of footage into a package that
// a stranger can verify, and verifies packages.
package evidence

import (
	"context"
	"crypto/ed25519"
	"io"
	"log/slog"
	"time"

	"filippo.io/age"

	"gatehouse/hub/clip"
	"gatehouse/hub/ledger"
	"gatehouse/hub/recording"
)

// Selection is one clip the owner chose.
type Selection struct {
	Camera string    `json:"camera"`
	From   time.Time `json:"from"`
	To     time.Time `json:"to"`
	Audio  bool      `json:"audio,omitempty"`
}

// Order is all that goes into a package.
type Order struct {
	RequestID   string
	Envelope    []byte // the request exactly as asked
	Proof       []byte // its tlog-proof in the bulletin; empty for a manual request
	BulletinKey string // the bulletin log's verifier key, named in the README
	Profile     []byte // the agency's profile envelope
	Agency      string // name for people
	Recipient   string // age recipient of the agency
	Clips       []Selection
	Saw         map[string]string // what the owner was shown: handling promises, in words
}

// Config configures a Sealer.
type Config struct {
	Clips     *clip.Service
	Archive   *recording.Archive
	Ledger    *ledger.Log
	Dir       string              // where sealed packages are kept, 0700
	Key       ed25519.PrivateKey  // the hub's key, signs manifests
	LedgerKey string              // the ledger's C2SP verifier key
	Owner     *age.X25519Identity // the owner can always open what was sealed
	Software  string              // version for the manifest
	Log       *slog.Logger
	Now       func() time.Time
}

// Sealer makes packages.
type Sealer struct{ cfg Config }

// NewSealer returns a Sealer.
func NewSealer(cfg Config) *Sealer { return &Sealer{cfg: cfg} }

// Package is a sealed package at home.
type Package struct {
	ID       string    `json:"id"` // GH-XXXX-XXXX, random
	Path     string    `json:"path"`
	Digest   string    `json:"digest"` // hex SHA-256 of the .ghe file: what an approval names
	Bytes    int64     `json:"bytes"`
	SealedAt time.Time `json:"sealed_at"`
	Files    []File    `json:"files"`
}

// File is one video in a package, as the owner is shown it.
type File struct {
	Name    string    `json:"name"`   // path in the package
	Camera  string    `json:"camera"` // the owner's own name; not in the package
	Alias   string    `json:"alias"`  // cam-A, …
	From    time.Time `json:"from"`
	To      time.Time `json:"to"`
	Bytes   int64     `json:"bytes"`
	SHA256  string    `json:"sha256"`
	Audio   bool      `json:"audio"`
	Seconds float64   `json:"seconds"`
}

// Seal makes a package: it is durable in Dir, read-only, when Seal returns.
// A selection without footage gives clip.ErrNoFootage.
func (s *Sealer) Seal(ctx context.Context, o Order) (Package, error) { panic("not built") }

// Open opens a sealed package for its owner's preview; files are read from the
// sealed file itself. It fails if the file's digest is not p.Digest.
func (s *Sealer) Open(p Package) (*Preview, error) { panic("not built") }

// Discard removes a package that was not approved. A missing file is no error.
func (s *Sealer) Discard(p Package) error { panic("not built") }

// Preview reads inside a sealed package.
type Preview struct{}

// Names lists the files in the package.
func (p *Preview) Names() []string { panic("not built") }

// File returns a seekable reader of one file.
func (p *Preview) File(name string) (*io.SectionReader, error) { panic("not built") }

// Close closes the sealed file.
func (p *Preview) Close() error { panic("not built") }

// Result is one thing Verify looked at.
type Result struct {
	What string // "age" "tar" "sums" "manifest" "request" "log" "ledger" "video" "chain"
	OK   bool
	Text string // plain words
}

// VerifyConfig says how to verify.
type VerifyConfig struct {
	Identities []age.Identity    // to open a .ghe; nil for a plain .tar or folder
	HubKey     ed25519.PublicKey // optional: the hub the package must be from
}

// Verify checks a package offline: a .ghe, its .tar, or the unpacked folder. Each
// result is reported; the error is the first that failed.
func Verify(ctx context.Context, path string, cfg VerifyConfig, report func(Result)) error {
	panic("not built")
}
