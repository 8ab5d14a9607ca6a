package agency

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"gatehouse/hub/bulletin"
	"gatehouse/hub/internal/durable"
)

// Endings of a request's files.
const (
	draftEnd  = ".json"
	halfEnd   = ".half.dsse.json" // one signature
	signedEnd = ".dsse.json"      // both: ready to publish
)

// SignConfig says what to sign and with which key.
type SignConfig struct {
	Profile []byte // the signed profile's envelope
	In      string // a draft (.json) or the other person's result (.half.dsse.json)
	Key     string // an officer's or supervisor's key file
	Now     time.Time
}

// Signed is what Sign made.
type Signed struct {
	Path    string           // beside the input; never an existing file
	Request bulletin.Request // what was signed, to be read before it is published
	Whole   bool             // both have signed
}

// Reading is a request as it stands in a file, with who has signed it.
type Reading struct {
	Request bulletin.Request
	By      []Role
}

// Read reads a draft or what people have signed of it. Each signature there must verify.
func Read(p bulletin.VerifiedProfile, path string) (Reading, error) {
	env, err := unsigned(path)
	if err != nil {
		return Reading{}, err
	}
	q, err := bulletin.Unsigned(env, p)
	if err != nil {
		return Reading{}, fmt.Errorf("opening request: %w", err)
	}
	r := Reading{Request: q}
	for _, k := range bulletin.Signers(env) {
		for _, role := range []struct {
			name Role
			keys []bulletin.PublicKey
		}{{Officer, p.Officers}, {Supervisor, p.Supervisors}} {
			if slices.ContainsFunc(role.keys, func(x bulletin.PublicKey) bool { return x.ID() == k }) {
				r.By = append(r.By, role.name)
			}
		}
	}
	return r, nil
}

// Sign checks a request as a hub would, and adds one person's signature. The
// two people need not share a machine: each needs the file and their own key.
func Sign(cfg SignConfig) (Signed, error) {
	p, err := bulletin.OpenProfile(cfg.Profile)
	if err != nil {
		return Signed{}, fmt.Errorf("opening profile: %w", err)
	}
	key, err := LoadKey(cfg.Key)
	if err != nil {
		return Signed{}, err
	}
	env, err := unsigned(cfg.In)
	if err != nil {
		return Signed{}, err
	}
	q, err := bulletin.Unsigned(env, p)
	if err != nil {
		return Signed{}, fmt.Errorf("opening request: %w", err)
	}
	if err := bulletin.CheckLimits(q, p, now(cfg.Now)); err != nil {
		return Signed{}, fmt.Errorf("checking limits: %w", err)
	}
	if env, err = bulletin.SignRequest(env, key, p); err != nil {
		return Signed{}, fmt.Errorf("%s, version %d of the profile: %w", filepath.Base(cfg.Key), p.Version, err)
	}
	_, err = bulletin.OpenRequest(env, p)
	s := Signed{Request: q, Whole: err == nil}
	if missing := new(bulletin.Refusal); err != nil && (!errors.As(err, &missing) || missing.Code != bulletin.MissingRole) {
		return Signed{}, fmt.Errorf("checking signatures: %w", err)
	}
	end := halfEnd
	if s.Whole {
		end = signedEnd
	}
	s.Path = base(cfg.In) + end
	return s, create(s.Path, env)
}

// unsigned reads a draft, or the envelope in which somebody has signed it.
func unsigned(path string) ([]byte, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("reading request: %w", err)
	}
	if strings.HasSuffix(path, signedEnd) {
		return []byte(strings.TrimSpace(string(text))), nil
	}
	q, err := bulletin.ParseDraft(text)
	if err != nil {
		return nil, fmt.Errorf("%s is not a draft of a request: %w", filepath.Base(path), err)
	}
	return bulletin.NewRequest(q)
}

func base(path string) string {
	for _, end := range []string{halfEnd, signedEnd, draftEnd} {
		if b, ok := strings.CutSuffix(path, end); ok {
			return b
		}
	}
	return path
}

// create writes a file that must not be there.
func create(path string, data []byte) error {
	if _, err := os.Lstat(path); !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("writing %s: it exists already", filepath.Base(path))
	}
	if err := durable.WriteFile(path, data, 0o600); err != nil {
		return fmt.Errorf("writing %s: %w", filepath.Base(path), err)
	}
	return nil
}

// WriteDraft writes a request as indented JSON for a person to read and edit.
func WriteDraft(path string, q bulletin.Request) error {
	if _, err := os.Lstat(path); !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("writing %s: it exists already", filepath.Base(path))
	}
	return writeJSON(path, q)
}
