package main

import (
	"crypto/ed25519"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"filippo.io/age"

	"gatehouse/hub/config"
	"gatehouse/hub/evidence"
	"gatehouse/hub/identity"
	"gatehouse/hub/ledger"
	"gatehouse/hub/recording"
	"gatehouse/hub/sqlite"
)

type fsckCmd struct {
	Data    string `help:"Data folder." default:"/data" type:"path" env:"GATEHOUSE_DATA"`
	Rebuild bool   `name:"rebuild-index" help:"Fill a lost index.db from the files first; the hub must not run."`
}

var errDamage = errors.New("damage was found")

// Run re-verifies everything that was kept; it may run beside the hub.
func (c *fsckCmd) Run(e *env) error {
	cfg, err := config.Load(c.Data)
	if errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("%wno gatehouse.yml in %s: this is not a hub's data folder", errInput, c.Data)
	}
	if err != nil {
		return err
	}
	house, err := c.house(e)
	if err != nil && !errors.Is(err, errDamage) {
		return err
	}
	var heads recording.HeadStore // stays nil, not a nil *House, without a database
	if house != nil {
		defer house.Close()
		heads = house
	}
	recordings, rerr := c.recordings(e, cfg, heads)
	if rerr != nil {
		return rerr
	}
	var entries int64
	if house != nil {
		entries, err = c.ledger(e, house)
	}
	if err != nil && !errors.Is(err, errDamage) {
		return err
	}
	if recordings > 0 || err != nil {
		return errDamage
	}
	fmt.Fprintf(e.stdout, "clean: recordings, index and chains agree; %d ledger entries hold\n", entries)
	return nil
}

// recordings checks footage and returns how much damage there is.
func (c *fsckCmd) recordings(e *env, cfg *config.Config, heads recording.HeadStore) (damaged int, err error) {
	path := filepath.Join(c.Data, indexDB)
	if _, err := os.Stat(path); errors.Is(err, os.ErrNotExist) && !c.Rebuild {
		fmt.Fprintf(e.stdout, "DAMAGE  index    %s is missing; --rebuild-index fills it from the files\n", indexDB)
		return 1, nil
	}
	index, err := sqlite.OpenIndex(e.ctx, path)
	if err != nil {
		return 0, err
	}
	defer index.Close()
	archive := archiveConfig(cfg, c.Data, index, heads, e.log)
	if c.Rebuild {
		if err := c.rebuild(e, archive); err != nil {
			return 0, err
		}
	}
	err = recording.Check(e.ctx, archive, func(f recording.Finding) {
		if f.Damage {
			damaged++
		}
		printFinding(e.stdout, f)
	})
	return damaged, err
}

// damage prints what does not hold, and returns errDamage.
func damage(e *env, err error) error {
	fmt.Fprintf(e.stdout, "DAMAGE  ledger   %v\n", err)
	return errDamage
}

// house opens house.db; nil and errDamage if it is not there.
func (c *fsckCmd) house(e *env) (*sqlite.House, error) {
	path := filepath.Join(c.Data, houseDB)
	if _, err := os.Stat(path); err != nil {
		return nil, damage(e, fmt.Errorf("%s is missing: requests, decisions and ledger are lost", houseDB))
	}
	return sqlite.OpenHouse(e.ctx, path)
}

// ledger checks the ledger; what does not hold is printed, and errDamage.
func (c *fsckCmd) ledger(e *env, house *sqlite.House) (entries int64, err error) {
	id, err := identity.Open(c.Data, false)
	if err != nil {
		return 0, damage(e, err)
	}
	older, err := olderCheckpoint(c.Data)
	if err != nil {
		return 0, err
	}
	log := ledger.New(house, id.Ledger)
	if err := log.Check(e.ctx, older); err != nil {
		return 0, damage(e, err)
	}
	return log.Size()
}

func printFinding(w io.Writer, f recording.Finding) {
	mark := "note  "
	if f.Damage {
		mark = "DAMAGE"
	}
	fmt.Fprintf(w, "%s  %-8s %s/%s %s: %s\n", mark, f.Kind, f.Camera, f.Stream, f.Path, f.Detail)
}

func (c *fsckCmd) rebuild(e *env, archive recording.ArchiveConfig) error {
	held, err := lock(c.Data)
	if err != nil {
		return err
	}
	defer held.Close()
	n, err := recording.Rebuild(e.ctx, archive, func(f recording.Finding) { printFinding(e.stdout, f) })
	if errors.Is(err, recording.ErrNotEmpty) {
		return fmt.Errorf("%wthe index has rows; only a lost one (index.db moved away) is rebuilt", errInput)
	}
	if err == nil {
		fmt.Fprintf(e.stdout, "rebuilt: %d segments\n", n)
	}
	return err
}

type verifyCmd struct {
	Package  string `arg:"" help:"GH-….ghe, its tar, or the unpacked folder." type:"path"`
	Identity string `help:"File with the age identity that opens a .ghe." type:"existingfile"`
	Hub      string `help:"The hub's public key in hex, if the package must be from it."`
	Bulletin string `help:"Verifier key of the bulletin's log, if the request must be from it."`
}

// Run verifies a package with nothing but the package.
func (c *verifyCmd) Run(e *env) error {
	cfg := evidence.VerifyConfig{BulletinKey: c.Bulletin}
	if c.Hub != "" {
		key, err := hex.DecodeString(c.Hub)
		if err != nil || len(key) != ed25519.PublicKeySize {
			return fmt.Errorf("%w--hub should be 64 hex digits", errInput)
		}
		cfg.HubKey = key
	}
	if c.Identity != "" {
		f, err := os.Open(c.Identity)
		if err != nil {
			return fmt.Errorf("opening the identity: %w", err)
		}
		defer f.Close()
		if cfg.Identities, err = age.ParseIdentities(f); err != nil {
			return fmt.Errorf("%w%s holds no age identity", errInput, c.Identity)
		}
	}
	return evidence.Verify(e.ctx, c.Package, cfg, func(r evidence.Result) {
		mark := "ok    "
		if !r.OK {
			mark = "FAILED"
		}
		fmt.Fprintf(e.stdout, "%s  %-9s %s\n", mark, r.What, r.Text)
	})
}
