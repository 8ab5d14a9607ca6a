package recording

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"path"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"gatehouse/hub/finding"
)

// folder is the folder of a disk that holds segments.
const folder = "recordings"

// condition is what a disk can be.
type condition int

const (
	well     condition = iota
	full               // no room after early deletion; ends when there is room
	missing            // the marker is not there or is another's; ends when it is back
	readOnly           // mounted without leave to write; ends when it is mounted with it
	failed             // an operation failed and nobody knows what of it is on disk; until the hub restarts
)

// disk is one storage folder.
//
// Nothing is ever written, made or deleted below the folder's path but through
// a [volume] in which the marker was read: see enter.
type disk struct {
	cfg DiskConfig
	fs  files
	log *slog.Logger

	syncing sync.Mutex // held while a file is synced: one at a time

	mu      sync.Mutex
	id      string // empty until a marker has been seen
	ready   bool   // segments that a crash left open have been recovered
	cond    condition
	cause   finding.Finding // nothing when well
	refused bool            // full though the file system says that there is room: a quota, or no file entries
	snag    finding.Finding // why some footage cannot be deleted
	held    int64           // bytes of footage under a hold, as of the last look at room
	slowest time.Duration
	open    map[*segment]struct{}
	made    map[string]bool // folders whose names are durable
}

// errDisk wraps every error after which a disk must not be written.
var errDisk = errors.New("store failed")

func newDisk(cfg DiskConfig, fsys files, log *slog.Logger) *disk {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	d := &disk{cfg: cfg, fs: fsys, log: log.With("path", cfg.Path), open: map[*segment]struct{}{}, made: map[string]bool{}}
	if abs, err := filepath.Abs(cfg.Path); err == nil {
		d.cfg.Path = abs
	}
	return d
}

// set changes the condition and logs a change. A failed disk stays failed.
func (d *disk) set(c condition, cause finding.Finding) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.cond == failed || (d.cond == c && d.cause.String() == cause.String()) {
		return
	}
	d.cond, d.cause = c, cause
	if c == well {
		d.log.Info("store is well")
	} else {
		d.log.Error("store is not usable", "reason", cause.String())
	}
}

// back ends the missing condition.
func (d *disk) back() {
	if c, _ := d.state(); c == missing {
		d.set(well, finding.Finding{})
	}
}

// fail sets the condition that an error of an operation means, and returns an
// error that is errDisk. What cannot have lost anything ends by itself: no room,
// read-only, gone. After any other error, a failed sync above all, nothing is
// tried again: Linux may have dropped the pages and then report success.
func (d *disk) fail(doing string, err error) error {
	switch {
	case noRoom(err):
		d.fill(err)
	case errors.Is(err, syscall.EROFS) && d.mountedReadOnly():
		d.set(readOnly, finding.New("disk-read-only"))
	case gone(err) && !d.checkMarker(): // which has said so
	default:
		d.set(failed, finding.New("disk-failed").Quoting(doing+" failed: "+plain(err)))
	}
	return fmt.Errorf("%s: %w: %w", doing, errDisk, err)
}

// plain is the system's words for an error, without names of files.
func plain(err error) string {
	var e syscall.Errno
	if errors.As(err, &e) {
		return e.Error()
	}
	return "unexpected error"
}

func (d *disk) state() (condition, finding.Finding) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.cond, d.cause
}

// trouble is what is wrong, if anything is.
func (d *disk) trouble() finding.Finding {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.cause.IsZero() {
		return d.snag
	}
	if d.cond == full && d.held > 0 {
		return finding.New("disk-full-kept", "held", gigabytes(d.held))
	}
	return d.cause
}

// usable reports whether segments may be begun now.
func (d *disk) usable() bool {
	d.mu.Lock()
	may := d.ready && (d.cond == well || d.cond == missing)
	d.mu.Unlock()
	if !may || !d.checkMarker() {
		return false
	}
	c, _ := d.state()
	return c == well
}

// verify returns errDisk if the disk must not be written now.
func (d *disk) verify() error {
	if c, cause := d.state(); c != well {
		return fmt.Errorf("writing: %w: %s", errDisk, cause)
	}
	v, err := d.enter()
	if err != nil {
		return err
	}
	_ = v.Close() // it was only read
	return nil
}

// identity is the id in the marker, empty if none has been seen yet.
func (d *disk) identity() string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.id
}

// create makes the file of a segment that starts at start, its name durable, and
// returns its path below the disk's folder.
func (d *disk) create(camera, stream string, start time.Time) (f file, name string, err error) {
	v, err := d.enter()
	if err != nil {
		return nil, "", err
	}
	defer v.Close()
	start = start.UTC()
	base := fmt.Sprintf("%s/%s/%s/%s/%s.%06d", folder, camera, stream, start.Format("2006-01-02/15"),
		start.Format("04-05"), start.Nanosecond()/1000)
	for i := range 10 {
		name = base + "Z.mp4"
		if i > 0 { // a clock that was set back can meet its own past
			name = fmt.Sprintf("%s-%dZ.mp4", base, i)
		}
		f, err := d.createIn(v, name)
		if err == nil {
			return f, name, nil
		}
		if !errors.Is(err, fs.ErrExist) {
			return nil, "", d.fail("creating file", err)
		}
	}
	return nil, "", d.fail("creating file", fmt.Errorf("%s exists ten times", path.Base(name)))
}

func (d *disk) createIn(v volume, name string) (file, error) {
	dir := path.Dir(name)
	if err := d.makeDir(v, dir); err != nil {
		return nil, err
	}
	f, err := v.Create(name)
	if gone(err) { // the folder was empty, and deleted with the last footage in it
		d.forgetDirs()
		if err := d.makeDir(v, dir); err != nil {
			return nil, err
		}
		f, err = v.Create(name)
	}
	if err != nil {
		return nil, err
	}
	if err := v.SyncDir(dir); err != nil {
		return nil, errors.Join(err, f.Close(), v.Remove(name))
	}
	return f, nil
}

// makeDir makes a folder and its parents, each name durable. One that is there
// already may be of a process that died before it synced it.
func (d *disk) makeDir(v volume, dir string) error {
	d.mu.Lock()
	done := dir == "." || d.made[dir]
	d.mu.Unlock()
	if done {
		return nil
	}
	parent := path.Dir(dir)
	if err := d.makeDir(v, parent); err != nil {
		return err
	}
	if err := v.Mkdir(dir); err != nil {
		return err
	}
	if err := v.SyncDir(parent); err != nil {
		return err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(d.made) > 4096 {
		clear(d.made)
	}
	d.made[dir] = true
	return nil
}

func (d *disk) forgetDirs() {
	d.mu.Lock()
	defer d.mu.Unlock()
	clear(d.made)
}
