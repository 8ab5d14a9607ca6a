// Package evidence seals an approved selection of footage into a package that
// a stranger can verify, and verifies packages.
//
// A package is a tar of one folder, encrypted with age to the agency and to the
// owner:
//
//	GH-7Q3M-K2XD/
//	  README.txt
//	  SHA256SUMS
//	  certificate.pdf            for a person to complete and sign
//	  custody/cam-A.proof        leaves, roots and links of the segments
//	  custody/events.jsonl       ledger entries about the request, with proofs
//	  custody/recordings.jsonl   ledger entries that note the segments, with proofs
//	  manifest.dsse.json         in-toto Statement, signed by the hub
//	  original/cam-A_<from>_<to>.mp4
//	  request/profile.dsse.json  who asked
//	  request/request.dsse.json  what was asked
//	  request/request.tlog-proof that it was asked in public
//
// or, where nobody has signed for what was asked, only
//
//	request/unverified.json    what the owner says was asked
//
// No name, number or position of a camera is in it: cameras are cam-A, cam-B…
// of this package.
package evidence

import (
	"crypto/ed25519"
	"log/slog"
	"sync"
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
	Manual      []byte // in place of Envelope, Proof, Profile and Recipient: what the owner says was asked
	Proof       []byte // its tlog-proof in the bulletin
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
	Now       func() time.Time // default time.Now
}

// Sealer makes packages. Its methods are safe for concurrent use; packages are
// sealed one after the other.
type Sealer struct {
	cfg    Config
	binary func() (string, error) // hex SHA-256 of the running program
	clock  func(now time.Time) *HubClock
	letter func() byte // of a package's id

	patience time.Duration // settleWait, but in tests

	turn chan struct{} // holds one token while a package is sealed

	mu      sync.Mutex // guards checked
	checked map[string]check
}

// NewSealer returns a Sealer.
func NewSealer(cfg Config) *Sealer {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	return &Sealer{
		cfg: cfg, binary: sync.OnceValues(hashSelf), clock: hubClock, letter: letter, patience: settleWait,
		turn: make(chan struct{}, 1), checked: map[string]check{},
	}
}

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
