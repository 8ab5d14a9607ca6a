package agency

import (
	"bytes"
	"crypto/ed25519"
	"encoding/json"
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

// ProfileSignConfig says which profile a root signs.
type ProfileSignConfig struct {
	In  string // profile.json, or what another root signed (.half.dsse.json)
	Key string // a root's key file
	Old []byte // the envelope in force: needed when its roots are replaced
}

// SignedProfile is what SignProfileFile made.
type SignedProfile struct {
	Path    string
	Profile bulletin.Profile // to be read before it is installed
	Missing int              // signatures of its own roots that are still needed
	OldMiss int              // and of the roots that it replaces
}

// Whole says that nobody need sign any more.
func (s SignedProfile) Whole() bool { return s.Missing == 0 && s.OldMiss == 0 }

// SignProfileFile adds one root's signature to a profile. It needs that file,
// the root's key, and nothing of the machine that publishes.
func SignProfileFile(cfg ProfileSignConfig) (SignedProfile, error) {
	old, err := replaced(cfg.Old)
	if err != nil {
		return SignedProfile{}, err
	}
	key, err := LoadKey(cfg.Key)
	if err != nil {
		return SignedProfile{}, err
	}
	env, err := unsignedProfile(cfg.In)
	if err != nil {
		return SignedProfile{}, err
	}
	if env, err = bulletin.CosignProfile(env, key, old.Root.Keys); err != nil {
		return SignedProfile{}, fmt.Errorf("%s: %w", filepath.Base(cfg.Key), err)
	}
	s, err := countRoots(env, old)
	if err != nil {
		return SignedProfile{}, err
	}
	stem := filepath.Join(filepath.Dir(cfg.In), fmt.Sprintf("profile-%d", s.Profile.Version))
	if s.Whole() {
		s.Path = stem + signedEnd
		return s, create(s.Path, env)
	}
	if s.Path = stem + halfEnd; s.Path == filepath.Clean(cfg.In) { // the next of several roots
		return s, durable.WriteFile(s.Path, env, 0o600)
	}
	return s, create(s.Path, env)
}

// replaced opens the profile in force; none is one without keys.
func replaced(env []byte) (bulletin.VerifiedProfile, error) {
	if env == nil {
		return bulletin.VerifiedProfile{}, nil
	}
	p, err := bulletin.OpenProfile(bytes.TrimSpace(env))
	if err != nil {
		return p, fmt.Errorf("opening the profile in force: %w", err)
	}
	return p, nil
}

func unsignedProfile(path string) ([]byte, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("reading profile: %w", err)
	}
	if strings.HasSuffix(path, signedEnd) {
		return bytes.TrimSpace(text), nil
	}
	p, err := bulletin.ParseProfileDraft(text)
	if err != nil {
		return nil, fmt.Errorf("%s is not a draft of a profile: %w", filepath.Base(path), err)
	}
	return bulletin.NewProfile(p)
}

// ReadProfile reads a profile at any stage of its signing, for people to read.
// Signatures by its own roots must verify.
func ReadProfile(path string) (bulletin.Profile, error) {
	env, err := unsignedProfile(path)
	if err != nil {
		return bulletin.Profile{}, err
	}
	p, _, err := bulletin.ReadProfile(env, nil)
	if err != nil {
		return p, fmt.Errorf("reading profile: %w", err)
	}
	return p, nil
}

func countRoots(env []byte, old bulletin.VerifiedProfile) (SignedProfile, error) {
	p, signed, err := bulletin.ReadProfile(env, old.Root.Keys)
	if err != nil {
		return SignedProfile{}, fmt.Errorf("opening profile: %w", err)
	}
	missing := func(s bulletin.KeySet) int {
		n := s.Threshold
		for _, k := range s.Keys {
			if slices.ContainsFunc(signed, func(x bulletin.PublicKey) bool { return x.ID() == k.ID() }) {
				n--
			}
		}
		return max(n, 0)
	}
	return SignedProfile{Profile: p, Missing: missing(p.Root), OldMiss: missing(old.Root)}, nil
}

// ErrRootsReplaced is the error of InstallProfile for roots that the old ones have not signed for.
var ErrRootsReplaced = errors.New("the old roots have not signed for the new ones: every owner would have to confirm the agency again by telephone")

// InstallProfile makes a profile that its roots have signed the agency's, and
// writes feed.json. It must be of this agency and newer than the one in force;
// lost allows roots that the old ones have not signed for.
func InstallProfile(dir string, env []byte, lost bool) (bulletin.VerifiedProfile, error) {
	env = bytes.TrimSpace(env)
	p, err := bulletin.OpenProfile(env)
	if err != nil {
		return p, fmt.Errorf("opening profile: %w", err)
	}
	text, err := os.ReadFile(filepath.Join(dir, profileFile))
	if err != nil {
		return p, fmt.Errorf("installing profile: this is not an agency's folder: %w", err)
	}
	var mine bulletin.Profile
	if err := json.Unmarshal(text, &mine); err != nil || mine.Agency != p.Agency {
		return p, fmt.Errorf("installing profile: it is of %s, and this folder of %s", p.Agency, mine.Agency)
	}
	old, err := LoadProfile(dir)
	switch {
	case errors.Is(err, ErrNoProfile):
	case err != nil:
		return p, err
	case bytes.Equal(old.Envelope, env):
		return p, nil
	case p.Version <= old.Version:
		return p, fmt.Errorf("installing profile: version %d is in force already", old.Version)
	case !lost && p.RootID != old.RootID && p.RotatedFrom(old) != nil:
		return p, fmt.Errorf("installing profile: %w", ErrRootsReplaced)
	}
	if err := wantReceiptKey(dir, p); err != nil {
		return p, err
	}
	if err := durable.WriteFile(filepath.Join(dir, signedProfile), env, 0o600); err != nil {
		return p, fmt.Errorf("installing profile: %w", err)
	}
	_, err = writeFeed(dir, p.Agency)
	return p, err
}

// wantReceiptKey refuses a profile under which this machine's receipts would count for nothing.
func wantReceiptKey(dir string, p bulletin.VerifiedProfile) error {
	key, err := LoadKey(filepath.Join(dir, receiptKey))
	if err != nil {
		return err
	}
	mine := key.Public().(ed25519.PublicKey)
	if !slices.ContainsFunc(p.Receipts, func(k bulletin.PublicKey) bool { return bytes.Equal(k.Ed25519, mine) }) {
		return errors.New("installing profile: it does not list this machine's receipt key, so no home would believe its receipts")
	}
	return nil
}

// ProfileEdit changes a profile's keys and its time.
type ProfileEdit struct {
	Add       []Public // of any role; added roots, if any, replace all of the old ones
	Remove    []string // ids or their first digits, or whole recipients
	Threshold int      // of the new roots; default all
	Now       time.Time
}

// EditProfile writes profile.json with the next version, valid for a year, to
// be signed by the roots. Other members may be edited by hand.
func EditProfile(dir string, e ProfileEdit) (bulletin.Profile, error) {
	old, err := LoadProfile(dir)
	if err != nil {
		return bulletin.Profile{}, err
	}
	p := old.Profile
	p.Version, p.IssuedAt = old.Version+1, now(e.Now)
	p.Expires = p.IssuedAt.AddDate(1, 0, 0)
	for _, id := range e.Remove {
		if !removeKey(&p, id) {
			return p, fmt.Errorf("editing profile: no officer, supervisor or recipient is %q", id)
		}
	}
	if err := addKeys(&p, e.Add, e.Threshold); err != nil {
		return p, fmt.Errorf("editing profile: %w", err)
	}
	if _, err := bulletin.NewProfile(p); err != nil {
		return p, fmt.Errorf("editing profile: %w", err)
	}
	return p, writeJSON(filepath.Join(dir, profileFile), p)
}

// addKeys adds people's public keys to a profile. Roots that are named take the place of all there were.
func addKeys(p *bulletin.Profile, people []Public, threshold int) error {
	var roots []bulletin.PublicKey
	for _, x := range people {
		switch x.Role {
		case Root:
			roots = append(roots, x.Key)
		case Officer:
			p.Officers = append(p.Officers, x.Key)
		case Supervisor:
			p.Supervisors = append(p.Supervisors, x.Key)
		case Recipient:
			p.Recipients = append(p.Recipients, x.Age)
		}
	}
	switch {
	case roots == nil && threshold != 0:
		return errors.New("a threshold is that of new roots; name them")
	case roots != nil:
		if threshold == 0 {
			threshold = len(roots)
		}
		p.Root = bulletin.KeySet{Threshold: threshold, Keys: roots}
	}
	return nil
}

// minFingerprint is how much of a key's id names it.
const minFingerprint = 8

func removeKey(p *bulletin.Profile, id string) bool {
	n := len(p.Officers) + len(p.Supervisors) + len(p.Recipients)
	id = strings.ToLower(strings.ReplaceAll(id, " ", ""))
	mine := func(k bulletin.PublicKey) bool { return len(id) >= minFingerprint && strings.HasPrefix(k.ID(), id) }
	p.Officers = slices.DeleteFunc(slices.Clone(p.Officers), mine)
	p.Supervisors = slices.DeleteFunc(slices.Clone(p.Supervisors), mine)
	p.Recipients = slices.DeleteFunc(slices.Clone(p.Recipients), func(s string) bool { return s == id })
	return len(p.Officers)+len(p.Supervisors)+len(p.Recipients) == n-1
}
