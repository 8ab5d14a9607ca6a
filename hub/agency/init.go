// Package agency is the agency's side of Gatehouse: it keeps keys, signs
// requests with two people's keys, publishes a bulletin with its own
// transparency log, and receives and opens packages.
package agency

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"filippo.io/age"
	"golang.org/x/mod/sumdb/note"

	"gatehouse/hub/bulletin"
	"gatehouse/hub/internal/durable"
)

// ErrExists is the error of Init on a folder that is not empty.
var ErrExists = errors.New("the folder is not empty")

// InitConfig describes a new agency.
type InitConfig struct {
	Agency       string           // DNS name
	Name         string           // for people
	Level        string           // one of bulletin.Levels
	Jurisdiction []bulletin.Point // closed ring
	UploadHost   string           // host or host:port where packages are received
	CallBack     string           // telephone number
	Policy       string           // plain words; default a short one
	Oversight    string           // who oversees the agency; default its call-back number
	Roots        int              // root keys to make; default 1
	Threshold    int              // of them that sign a profile; default all
	People       []Public         // keys made elsewhere; the keys of a role that none of them has are made here
	Now          time.Time        // default the present; the profile is valid for a year from it
}

// Feed is what a hub's owner enters to follow the agency's bulletin, and what
// they compare on the telephone.
type Feed struct {
	Agency    string   `json:"agency"`
	Root      string   `json:"root"`      // bulletin.VerifiedProfile.RootID
	Log       string   `json:"log"`       // C2SP verifier key
	Witnesses []string `json:"witnesses"` // C2SP cosignature keys, of which a majority must have signed
	URL       string   `json:"url,omitempty"`
	Mirrors   []string `json:"mirrors,omitempty"`
}

// Init makes an agency's folder: keys, the profile and its signed form, and
// feed.json. With roots made elsewhere the profile is for them to sign, and for [InstallProfile];
// the Feed has no root until then. The folder appears whole or not at all; one that is there must be empty.
func Init(dir string, cfg InitConfig) (Feed, error) {
	if err := os.Remove(dir); err != nil && !errors.Is(err, os.ErrNotExist) {
		return Feed{}, fmt.Errorf("making agency: %w", ErrExists)
	}
	parent := filepath.Dir(filepath.Clean(dir))
	if err := durable.MkdirAll(parent, 0o700); err != nil {
		return Feed{}, fmt.Errorf("making agency: %w", err)
	}
	tmp, err := os.MkdirTemp(parent, ".agency-*")
	if err != nil {
		return Feed{}, fmt.Errorf("making agency: %w", err)
	}
	feed, err := fill(tmp, cfg)
	if err == nil {
		err = durable.Rename(tmp, dir)
	}
	if err != nil {
		return Feed{}, errors.Join(fmt.Errorf("making agency: %w", err), os.RemoveAll(tmp))
	}
	return feed, nil
}

func fill(dir string, cfg InitConfig) (Feed, error) {
	cfg.defaults()
	subs := []string{keysDir}
	if !has(cfg.People, Root) {
		subs = append(subs, offlineDir)
	}
	for _, sub := range subs {
		if err := durable.MkdirAll(filepath.Join(dir, sub), 0o700); err != nil {
			return Feed{}, err
		}
	}
	p, err := makeKeys(dir, cfg)
	if err != nil {
		return Feed{}, err
	}
	if err := writeJSON(filepath.Join(dir, profileFile), p); err != nil {
		return Feed{}, err
	}
	if has(cfg.People, Root) {
		keys, err := loadSigners(dir, cfg.Agency)
		return Feed{Agency: cfg.Agency, Log: keys.logKey}, err
	}
	if err := SignProfile(dir); err != nil {
		return Feed{}, err
	}
	return writeFeed(dir, cfg.Agency)
}

func (c *InitConfig) defaults() {
	if c.Roots == 0 {
		c.Roots = 1
	}
	if c.Threshold == 0 && !has(c.People, Root) {
		c.Threshold = c.Roots
	}
	if c.Policy == "" {
		c.Policy = "Requests are voluntary. Nobody is asked twice, and nobody learns who did not answer."
	}
	if c.Oversight == "" {
		c.Oversight = "Call " + c.CallBack + " and ask for the office that oversees this agency."
	}
	if c.Now.IsZero() {
		c.Now = time.Now()
	}
	c.Now = c.Now.UTC().Truncate(time.Second)
}

// makeKeys writes every private key and returns the profile of the public ones.
func makeKeys(dir string, cfg InitConfig) (bulletin.Profile, error) {
	p := bulletin.Profile{
		Type: "gatehouse.profile/v1", Agency: cfg.Agency, Name: cfg.Name, Version: 1,
		IssuedAt: cfg.Now, Expires: cfg.Now.AddDate(1, 0, 0), Level: cfg.Level, Jurisdiction: cfg.Jurisdiction,
		Root: bulletin.KeySet{Threshold: cfg.Threshold}, CallBack: cfg.CallBack, Policy: cfg.Policy, Oversight: cfg.Oversight,
	}
	for _, r := range cfg.rolesToMake(&p) {
		key, pub, err := newKey()
		if err == nil {
			err = writeKey(filepath.Join(dir, r.file), key)
		}
		if err != nil {
			return p, fmt.Errorf("making keys: %w", err)
		}
		if r.keys != nil {
			*r.keys = append(*r.keys, pub)
		}
	}
	if err := addPeople(&p, cfg); err != nil {
		return p, err
	}
	if err := makeRecipient(dir, &p); err != nil {
		return p, fmt.Errorf("making the recipient's key: %w", err)
	}
	skey, _, err := note.GenerateKey(rand.Reader, logName(cfg.Agency))
	if err == nil {
		err = durable.WriteFile(filepath.Join(dir, logKey), []byte(skey+"\n"), 0o600)
	}
	if err != nil {
		return p, fmt.Errorf("making the log's key: %w", err)
	}
	pin, err := writeTLS(dir, cfg.UploadHost, cfg.Now)
	if err != nil {
		return p, fmt.Errorf("making the TLS key: %w", err)
	}
	p.UploadHosts = []bulletin.UploadHost{{Host: cfg.UploadHost, SPKI: pin}}
	return p, nil
}

// keyFor is a key to make: its file, and where its public half goes.
type keyFor struct {
	file string
	keys *[]bulletin.PublicKey
}

func (c InitConfig) rolesToMake(p *bulletin.Profile) []keyFor {
	roles := []keyFor{{receiptKey, &p.Receipts}, {witnessKey, nil}}
	if !has(c.People, Officer) {
		roles = append(roles, keyFor{officerKey, &p.Officers})
	}
	if !has(c.People, Supervisor) {
		roles = append(roles, keyFor{supervisorKey, &p.Supervisors})
	}
	if !has(c.People, Root) {
		for i := range c.Roots {
			roles = append(roles, keyFor{fmt.Sprintf("%s/root-%d.key", offlineDir, i+1), &p.Root.Keys})
		}
	}
	return roles
}

func has(people []Public, r Role) bool {
	return slices.ContainsFunc(people, func(p Public) bool { return p.Role == r })
}

func addPeople(p *bulletin.Profile, cfg InitConfig) error {
	threshold := 0
	if has(cfg.People, Root) {
		threshold = cfg.Threshold
	}
	return addKeys(p, cfg.People, threshold)
}

// makeRecipient makes the key that opens packages, unless people brought theirs.
func makeRecipient(dir string, p *bulletin.Profile) error {
	if p.Recipients != nil {
		return nil
	}
	id, err := age.GenerateX25519Identity()
	if err != nil {
		return err
	}
	p.Recipients = []string{id.Recipient().String()}
	return durable.WriteFile(filepath.Join(dir, identityKey), []byte(id.String()+"\n"), 0o600)
}

// SignProfile signs profile.json with the root keys in offline/ into
// profile.dsse.json: after a person has edited it and raised its version, or
// after adding the keys of a new root beside the old ones'.
func SignProfile(dir string) error {
	text, err := os.ReadFile(filepath.Join(dir, profileFile))
	if err != nil {
		return fmt.Errorf("signing profile: %w", err)
	}
	var p bulletin.Profile
	if err := json.Unmarshal(text, &p); err != nil {
		return fmt.Errorf("signing profile: %w", err)
	}
	old, err := LoadProfile(dir)
	if err == nil && p.Version <= old.Version {
		return fmt.Errorf("signing profile: version %d is signed already; raise it in %s", old.Version, profileFile)
	}
	if err != nil && !errors.Is(err, ErrNoProfile) {
		return err
	}
	roots, err := filepath.Glob(filepath.Join(dir, offlineDir, "*.key"))
	if err != nil {
		return fmt.Errorf("signing profile: %w", err)
	}
	env, err := signWith(p, roots)
	if err != nil {
		return err
	}
	return durable.WriteFile(filepath.Join(dir, signedProfile), env, 0o600)
}

func signWith(p bulletin.Profile, files []string) ([]byte, error) {
	var keys []ed25519.PrivateKey
	for _, f := range files {
		k, err := LoadKey(f)
		if err != nil {
			return nil, err
		}
		keys = append(keys, k)
	}
	return bulletin.SignProfile(p, keys...)
}

func writeFeed(dir, agency string) (Feed, error) {
	p, err := LoadProfile(dir)
	if err != nil {
		return Feed{}, err
	}
	keys, err := loadSigners(dir, agency)
	if err != nil {
		return Feed{}, err
	}
	f := Feed{Agency: agency, Root: p.RootID, Log: keys.logKey}
	if f.Witnesses, err = quorum(dir, keys); err != nil {
		return f, err
	}
	old, err := LoadFeed(dir)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return f, err
	}
	f.URL, f.Mirrors = old.URL, old.Mirrors
	return f, writeJSON(filepath.Join(dir, feedFile), f)
}

// LoadFeed reads feed.json.
func LoadFeed(dir string) (Feed, error) {
	text, err := os.ReadFile(filepath.Join(dir, feedFile))
	if err != nil {
		return Feed{}, fmt.Errorf("reading feed: %w", err)
	}
	var f Feed
	if err := json.Unmarshal(text, &f); err != nil {
		return f, fmt.Errorf("reading feed: %w", err)
	}
	return f, nil
}

func writeJSON(name string, v any) error {
	text, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return err
	}
	return durable.WriteFile(name, append(text, '\n'), 0o600)
}
