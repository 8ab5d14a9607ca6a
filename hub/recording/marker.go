package recording

import (
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"syscall"
	"time"

	"gatehouse/hub/finding"
)

// markerName is the file that tells a store from an empty mount point.
const markerName = ".gatehouse-store"

// marker is the content of the marker file.
type marker struct {
	ID   string    `json:"id"`
	Made time.Time `json:"made"`
}

// begin finds or makes the marker. known are the ids of disks that the index
// speaks of. What is wrong is the disk's condition; it is called again later.
func (d *disk) begin(known map[string]bool, now time.Time) {
	v, err := d.fs.Volume(d.cfg.Path)
	if gone(err) {
		if why := d.mayInitialise(nil, known); !why.IsZero() {
			d.set(missing, why)
			return
		}
		if err = d.fs.Make(d.cfg.Path); err == nil {
			v, err = d.fs.Volume(d.cfg.Path)
		}
	}
	if err != nil {
		d.set(missing, finding.New("disk-folder").Quoting(plain(err)))
		return
	}
	defer v.Close()
	id, err := readMarker(v)
	switch {
	case err == nil:
		d.adopt(id)
		return
	case errors.Is(err, errEmptyMarker): // the owner's word that the folder is meant
	case !gone(err):
		d.set(missing, finding.New("disk-marker").Quoting(plain(err)))
		return
	default:
		names, err := v.List()
		if err != nil {
			d.set(missing, finding.New("disk-folder").Quoting(plain(err)))
			return
		}
		if why := d.mayInitialise(names, known); !why.IsZero() {
			d.set(missing, why)
			return
		}
	}
	switch err := d.initialise(v, now); {
	case noRoom(err) || errors.Is(err, syscall.EROFS):
		d.set(missing, finding.New("disk-unmade").Quoting(plain(err)))
	case err != nil:
		_ = d.fail("making the store", err) // its condition is what counts
	}
}

// adopt takes the marker's id for the disk's.
func (d *disk) adopt(id string) {
	d.mu.Lock()
	d.id = id
	d.mu.Unlock()
	d.back()
}

// errEmptyMarker means that the marker file is there and has no content.
var errEmptyMarker = errors.New("empty marker file")

// readMarker returns the disk's id.
func readMarker(v volume) (string, error) {
	b, err := v.ReadFile(markerName)
	if err != nil {
		return "", err
	}
	if len(b) == 0 {
		return "", errEmptyMarker
	}
	var m marker
	if err := json.Unmarshal(b, &m); err != nil || len(m.ID) != 32 {
		return "", errors.New("reading marker: not a marker file")
	}
	return m.ID, nil
}

// mayInitialise returns the reason why the folder of these names must not
// become a store, if there is one. The danger is a disk that is not mounted:
// footage would fill the system disk below its mount point.
func (d *disk) mayInitialise(names []string, known map[string]bool) finding.Finding {
	for _, n := range names {
		if n != "lost+found" && n != markerTemp { // of an attempt that was cut short
			return finding.New("disk-foreign", "file", markerName)
		}
	}
	if len(known) > 0 && !mountPoint(d.cfg.Path) {
		return finding.New("disk-empty")
	}
	return finding.Finding{}
}

// mountPoint reports whether the folder is on another device than its parent.
func mountPoint(path string) bool {
	var st, parent syscall.Stat_t
	if syscall.Stat(path, &st) != nil || syscall.Stat(filepath.Dir(path), &parent) != nil {
		return false
	}
	return st.Dev != parent.Dev
}

const markerTemp = markerName + ".tmp"

// initialise makes the folder a store.
func (d *disk) initialise(v volume, now time.Time) error {
	var raw [16]byte
	rand.Read(raw[:])
	m := marker{ID: hex.EncodeToString(raw[:]), Made: now.UTC().Truncate(time.Second)}
	b, err := json.Marshal(m)
	if err != nil {
		return err
	}
	if err := v.Remove(markerTemp); err != nil {
		return err
	}
	if err := writeNew(v, markerTemp, append(b, '\n')); err != nil {
		return err
	}
	if err := v.Rename(markerTemp, markerName); err != nil {
		return err
	}
	if err := v.SyncDir("."); err != nil {
		return err
	}
	d.adopt(m.ID)
	return nil
}

// writeNew makes a file with that content and syncs it, but not its folder.
func writeNew(v volume, name string, b []byte) (err error) {
	f, err := v.Create(name)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	if _, err := f.WriteAt(b, 0); err != nil {
		return err
	}
	return f.Sync()
}

// enter opens the disk's folder and checks the marker in it. What the caller
// does through the volume happens on the disk that carries the marker or fails:
// an unmount after the check cannot turn it to the folder below the mount point.
// A volume is held for one operation only, for its owner to be able to unmount it.
func (d *disk) enter() (volume, error) {
	v, err := d.fs.Volume(d.cfg.Path)
	if err == nil {
		var id string
		if id, err = readMarker(v); err == nil && id == d.identity() {
			d.back()
			return v, nil
		}
		_ = v.Close() // it was only read
	}
	why := finding.New("disk-other")
	if gone(err) || errors.Is(err, errEmptyMarker) {
		why = finding.New("disk-gone")
	} else if err != nil {
		why = finding.New("disk-marker").Quoting(plain(err))
	}
	d.set(missing, why)
	return nil, fmt.Errorf("entering store: %w: %s", errDisk, why)
}

// checkMarker reports whether the disk is here now.
func (d *disk) checkMarker() bool {
	v, err := d.enter()
	if err != nil {
		return false
	}
	_ = v.Close() // it was only read
	return true
}
