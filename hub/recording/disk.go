package recording

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"gatehouse/hub/internal/durable"
)

// markerName is the file that tells a store from an empty mount point.
const markerName = ".gatehouse-store"

// folder is the folder of a disk that holds segments.
const folder = "recordings"

// Space a disk keeps for closing what is open, and for the system beside us.
const (
	floor  = 32 << 20  // below this nothing new is written
	margin = 128 << 20 // below this old footage goes early
)

// marker is the content of the marker file.
type marker struct {
	ID   string    `json:"id"`
	Made time.Time `json:"made"`
}

// condition is what a disk can be.
type condition int

const (
	well    condition = iota
	full              // no room after early deletion; ends when there is room
	missing           // the marker is not there or is another's; ends when it is back
	failed            // an operation failed that cannot be tried again; until the hub restarts
)

// disk is one storage folder.
type disk struct {
	cfg DiskConfig
	fs  files
	log *slog.Logger

	mu    sync.Mutex
	id    string // empty until a marker has been seen
	ready bool   // segments that a crash left open have been recovered
	cond  condition
	cause string // plain words for people, empty when well
	open  map[*segment]struct{}
}

// errDisk wraps every error after which a disk must not be written.
var errDisk = errors.New("store failed")

// openDisk finds or makes the marker. known are the ids of disks that the index
// speaks of. The disk is returned in any case; its condition says what is wrong.
func openDisk(cfg DiskConfig, fsys files, log *slog.Logger, known map[string]bool, now time.Time) *disk {
	d := &disk{cfg: cfg, fs: fsys, log: log.With("path", cfg.Path), open: map[*segment]struct{}{}}
	if abs, err := filepath.Abs(cfg.Path); err == nil {
		d.cfg.Path = abs
	}
	id, err := d.readMarker()
	if err == nil {
		d.id = id
		return d
	}
	if !errors.Is(err, fs.ErrNotExist) {
		d.set(missing, "its marker file cannot be read")
		return d
	}
	if why := d.mayInitialise(known); why != "" {
		d.set(missing, why)
		return d
	}
	if err := d.initialise(now); err != nil {
		d.set(failed, "it cannot be written: "+plain(err))
	}
	return d
}

// readMarker returns the disk's id; an empty marker counts as none.
func (d *disk) readMarker() (string, error) {
	b, err := d.fs.ReadFile(filepath.Join(d.cfg.Path, markerName))
	if err != nil {
		return "", err
	}
	if len(b) == 0 {
		return "", fs.ErrNotExist
	}
	var m marker
	if err := json.Unmarshal(b, &m); err != nil || len(m.ID) != 32 {
		return "", fmt.Errorf("reading marker: not a marker file")
	}
	return m.ID, nil
}

// mayInitialise returns the reason why the folder must not become a store, if
// there is one. The danger is a disk that is not mounted: footage would fill
// the system disk below its mount point. An empty marker file is the owner's
// word that the folder is meant.
func (d *disk) mayInitialise(known map[string]bool) string {
	if _, err := os.Stat(filepath.Join(d.cfg.Path, markerName)); err == nil {
		return ""
	}
	names, err := os.ReadDir(d.cfg.Path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "the folder cannot be read: " + plain(err)
	}
	for _, n := range names {
		if n.Name() != "lost+found" {
			return "the folder has other files in it and no marker file " + markerName
		}
	}
	if len(known) > 0 && !mountPoint(d.cfg.Path) {
		return "the folder is empty, but footage is on a disk that is not here: is it mounted?"
	}
	return ""
}

// mountPoint reports whether the folder is on another device than its parent.
func mountPoint(path string) bool {
	var st, parent syscall.Stat_t
	if syscall.Stat(path, &st) != nil || syscall.Stat(filepath.Dir(path), &parent) != nil {
		return false
	}
	return st.Dev != parent.Dev
}

func (d *disk) initialise(now time.Time) error {
	var raw [16]byte
	rand.Read(raw[:])
	m := marker{ID: hex.EncodeToString(raw[:]), Made: now.UTC().Truncate(time.Second)}
	b, err := json.Marshal(m)
	if err != nil {
		return err
	}
	if err := durable.MkdirAll(filepath.Join(d.cfg.Path, folder), 0o750); err != nil {
		return err
	}
	if err := durable.WriteFile(filepath.Join(d.cfg.Path, markerName), append(b, '\n'), 0o640); err != nil {
		return err
	}
	d.id = m.ID
	return nil
}

// name is the absolute name of a segment's file. A path that would leave the
// disk is refused.
func (d *disk) name(path string) (string, error) {
	local := filepath.FromSlash(path)
	if !filepath.IsLocal(local) {
		return "", fmt.Errorf("path %q leaves the disk", path)
	}
	return filepath.Join(d.cfg.Path, local), nil
}

// set changes the condition and logs a change. A failed disk stays failed.
func (d *disk) set(c condition, cause string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.cond == failed || (d.cond == c && d.cause == cause) {
		return
	}
	d.cond, d.cause = c, cause
	if c == well {
		d.log.Info("store is well")
	} else {
		d.log.Error("store is not usable", "reason", cause)
	}
}

// fail marks the disk failed unless the error is lack of room, and returns an
// error that is errDisk. A failed sync is never tried again: Linux may have
// dropped the pages and then report success.
func (d *disk) fail(doing string, err error) error {
	if noRoom(err) {
		d.set(full, "it is full")
	} else {
		d.set(failed, doing+" failed: "+plain(err))
	}
	return fmt.Errorf("%s: %w: %w", doing, errDisk, err)
}

func noRoom(err error) bool {
	return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT)
}

// plain is the system's words for an error, without names of files.
func plain(err error) string {
	var e syscall.Errno
	if errors.As(err, &e) {
		return e.Error()
	}
	return "unexpected error"
}

func (d *disk) state() (condition, string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.cond, d.cause
}

// usable reports whether segments may be written now. It reads the marker: a
// disk that was unmounted or swapped since is not usable.
func (d *disk) usable() bool {
	d.mu.Lock()
	no := !d.ready || d.cond == failed || d.cond == full
	d.mu.Unlock()
	return !no && d.checkMarker()
}

func (d *disk) checkMarker() bool {
	id, err := d.readMarker()
	if err != nil {
		d.set(missing, "its marker file is gone: is it mounted?")
		return false
	}
	d.mu.Lock()
	if d.id == "" {
		d.id = id // was missing when the hub started
	}
	same, c := d.id == id, d.cond
	d.mu.Unlock()
	if !same {
		d.set(missing, "another disk is in its place")
	} else if c == missing {
		d.set(well, "")
	}
	return same
}

// identity is the id in the marker, empty if none has been seen yet.
func (d *disk) identity() string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.id
}

// checkRoom ends or begins the full condition by the room there is.
func (d *disk) checkRoom() (free int64, err error) {
	free, err = d.fs.Free(d.cfg.Path)
	if err != nil {
		return 0, fmt.Errorf("asking for free space: %w", err)
	}
	c, _ := d.state()
	switch {
	case free < floor && c == well:
		d.set(full, "it is full")
	case free >= floor*2 && c == full:
		d.set(well, "")
	}
	return free, nil
}

// interval is how often the disk is synced.
func (d *disk) interval() time.Duration {
	if d.cfg.Profile == ProfileSD {
		return 10 * time.Second
	}
	return 2 * time.Second
}

// runSync syncs the disk's open segments until ctx ends.
func (d *disk) runSync(ctx context.Context, index Index) error {
	tick := time.NewTicker(d.interval())
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		if err := d.syncAll(ctx, index); err != nil && ctx.Err() == nil {
			return err
		}
	}
}

// syncAll makes what the segments have written durable and then tells the
// index, in one transaction. An error is the index's.
func (d *disk) syncAll(ctx context.Context, index Index) error {
	if c, _ := d.state(); c == failed || !d.checkMarker() {
		return nil
	}
	d.mu.Lock()
	open := make([]*segment, 0, len(d.open))
	for s := range d.open {
		open = append(open, s)
	}
	d.mu.Unlock()
	var rows []Segment
	for _, s := range open {
		row, changed, err := s.sync()
		if err != nil {
			break // the disk has failed; the recorders see it
		}
		if changed {
			rows = append(rows, row)
		}
	}
	if len(rows) == 0 {
		return nil
	}
	return index.UpdateSegments(ctx, rows...)
}
