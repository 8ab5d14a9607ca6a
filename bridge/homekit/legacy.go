package homekit

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// oldFiles are what the JSON files held in which identities were kept before the Store.
type oldFiles struct {
	setup struct {
		Code     string `json:"code"`
		Doorbell string `json:"doorbell_id"`
		Sensor   string `json:"sensor_id"`
	}
	rung []string
	ids  []Identity
}

// oldIdentity is the content of doorbell.json, sensor.json and camera-NAME.json.
type oldIdentity struct {
	DeviceID    string `json:"device_id"`
	Seed        []byte `json:"seed"`
	Version     uint16 `json:"version"`
	Shape       []byte `json:"shape"`
	Tries       int    `json:"tries"`
	Controllers []struct {
		ID    string `json:"id"`
		Key   []byte `json:"key"`
		Admin bool   `json:"admin"`
	} `json:"controllers"`
	SetupID string `json:"setup_id"`
}

// takeOver returns what the store keeps. A store that never kept anything is
// given a code and what the files in dir hold, in one change; only then do the
// files go. So whenever the process ends there is one truth: the files as long
// as the store has no code, and the store from then on.
func takeOver(ctx context.Context, keep Store, dir string) (Kept, error) {
	k, err := keep.HomeKit(ctx)
	if err == nil && k.Code == "" {
		var old oldFiles
		if old, err = readOld(dir); err != nil {
			return k, fmt.Errorf("taking over %s: %w", filepath.Base(dir), err)
		}
		k = Kept{Code: cmp.Or(old.setup.Code, newCode()), Accessories: old.ids, Rung: old.rung}
		err = keep.KeepHomeKit(ctx, k, rungMax)
	}
	if err != nil {
		return k, fmt.Errorf("opening homekit's pairings: %w", err)
	}
	return k, removeOld(dir)
}

func readOld(dir string) (o oldFiles, err error) {
	for _, path := range oldNames(dir) {
		b, err := os.ReadFile(path)
		if err != nil {
			return o, err
		}
		name := strings.TrimSuffix(filepath.Base(path), ".json")
		switch name {
		case "setup":
			err = json.Unmarshal(b, &o.setup)
		case "rung":
			err = json.Unmarshal(b, &o.rung)
		default:
			err = o.identity(name, b)
		}
		if err != nil {
			return o, fmt.Errorf("reading %s: %w", filepath.Base(path), err)
		}
	}
	if o.setup.Code != "" && !validCode(o.setup.Code) {
		return o, errors.New("the setup code is not one")
	}
	for i, id := range o.ids {
		setup := map[string]string{"doorbell": o.setup.Doorbell, "sensor": o.setup.Sensor}[id.Accessory]
		o.ids[i].SetupID = cmp.Or(id.SetupID, setup, newSetupID())
	}
	return o, nil
}

func (o *oldFiles) identity(name string, b []byte) error {
	var f oldIdentity
	if err := json.Unmarshal(b, &f); err != nil {
		return err
	}
	if len(f.Seed) != 32 || f.DeviceID == "" {
		return errors.New("key or device id is missing")
	}
	id := Identity{
		Accessory: name, DeviceID: f.DeviceID, SetupID: f.SetupID, Seed: f.Seed, Version: f.Version, Shape: f.Shape, Tries: f.Tries,
	}
	for _, c := range f.Controllers {
		id.Controllers = append(id.Controllers, Controller{ID: c.ID, Key: c.Key, Admin: c.Admin})
	}
	o.ids = append(o.ids, id)
	return nil
}

// oldNames lists the files that are there.
func oldNames(dir string) (paths []string) {
	for _, pattern := range []string{"setup.json", "rung.json", "doorbell.json", "sensor.json", "camera-*.json"} {
		found, _ := filepath.Glob(filepath.Join(escapeGlob(dir), pattern)) // the pattern is well formed
		paths = append(paths, found...)
	}
	slices.Sort(paths)
	return paths
}

func escapeGlob(s string) string {
	return strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`).Replace(s)
}

// removeOld removes the files for good, with what a crash left beside them, and
// then the folder if nothing else is in it.
func removeOld(dir string) error {
	left, _ := filepath.Glob(filepath.Join(escapeGlob(dir), ".new-*"))
	paths := append(oldNames(dir), left...)
	if len(paths) == 0 {
		return nil
	}
	for _, path := range paths {
		if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("removing a pairing file that is in the database now: %w", err)
		}
	}
	if err := syncDir(dir); err != nil {
		return err
	}
	if os.Remove(dir) != nil {
		return nil // somebody else's file is in it
	}
	return syncDir(filepath.Dir(dir))
}

// syncDir makes the names in dir durable.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return fmt.Errorf("opening folder: %w", err)
	}
	defer d.Close()
	if err := d.Sync(); err != nil {
		return fmt.Errorf("syncing folder: %w", err)
	}
	return nil
}
