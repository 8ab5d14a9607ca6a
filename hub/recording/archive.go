package recording

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"gatehouse/rtsp"
)

// Errors of an Index.
var (
	ErrNotFound = errors.New("not found")
	ErrHeld     = errors.New("segment is held")
)

// Profile is a disk's durability promise.
type Profile string

// Profiles.
const (
	ProfileDisk Profile = "disk" // SSD, HDD, NAS: synced every 2 s or each fragment, whichever is later
	ProfileSD   Profile = "sd"   // SD card: synced every 10 s
)

// Keep says how long footage stays. Zero values do not limit.
type Keep struct {
	Days  int   // whole days
	Bytes int64 // on this disk, all cameras
	Free  int64 // bytes left free on the file system
}

// DiskConfig is one storage folder.
type DiskConfig struct {
	Path    string
	Profile Profile
	Keep    Keep
}

// ArchiveConfig configures an Archive.
type ArchiveConfig struct {
	Index Index
	Disks []DiskConfig // the first is written; later ones are fail-over
	Log   *slog.Logger
	Now   func() time.Time // default time.Now
}

// Archive is everything recorded: the index and the disks its files are on.
type Archive struct{ cfg ArchiveConfig }

// OpenArchive opens the disks (making folder and marker file where the folder
// is empty or absent) and recovers segments left open by a crash.
func OpenArchive(ctx context.Context, cfg ArchiveConfig) (*Archive, error) { panic("not built") }

// Run syncs the disks and applies retention until ctx ends. It must outlive
// every Recorder.Run. It returns an error only when the index is broken.
func (a *Archive) Run(ctx context.Context) error { panic("not built") }

// Units is where a Recorder reads from; *rtsp.Reader is one.
type Units interface {
	Next(ctx context.Context) (rtsp.Item, error)
}

// Recorder writes one stream to disk as MP4 segments.
type Recorder struct{}

// Recorder returns the recorder of a stream; one per stream may run at a time.
func (a *Archive) Recorder(camera, stream string, from Units) *Recorder { panic("not built") }

// Run records until the reader ends (io.EOF) or ctx ends, then finalises the
// open segment. Faults of camera and disk become gap rows, not errors; an
// error means the index is broken.
func (r *Recorder) Run(ctx context.Context) error { panic("not built") }

// Segments lists segments overlapping [from, to) by Start, open ones included.
func (a *Archive) Segments(ctx context.Context, camera, stream string, from, to time.Time) ([]Segment, error) {
	return a.cfg.Index.Segments(ctx, camera, stream, from, to)
}

// Gaps lists gaps overlapping [from, to) by From.
func (a *Archive) Gaps(ctx context.Context, camera, stream string, from, to time.Time) ([]Gap, error) {
	return a.cfg.Index.Gaps(ctx, camera, stream, from, to)
}

// Open opens a segment's file for reading, limited to its durable bytes.
func (a *Archive) Open(s Segment) (File, error) { panic("not built") }

// Hold keeps footage from retention; it replaces the hold of the same ID and Camera.
func (a *Archive) Hold(ctx context.Context, h Hold) error { return a.cfg.Index.PutHold(ctx, h) }

// Release ends all holds of an id.
func (a *Archive) Release(ctx context.Context, id string) error {
	return a.cfg.Index.ReleaseHold(ctx, id)
}

// Status reports every stream's health, by camera and stream.
func (a *Archive) Status(ctx context.Context) ([]StreamStatus, error) { panic("not built") }

// Proof places a segment's hashes in the chain of its stream.
type Proof struct {
	Camera   string `json:"-"` // never leaves the home
	Segment  Segment
	Leaves   []Hash // init, then fragments, in file order
	Previous Hash
}

// Proof reads a closed segment and returns its leaf hashes; it fails if they
// do not give the segment's Root.
func (a *Archive) Proof(ctx context.Context, s Segment) (Proof, error) { panic("not built") }

// Finding is one result of Check.
type Finding struct {
	Kind   string // "bit" "missing" "order" "chain" "deleted" "stray" "open" "index"
	Camera string
	Stream string
	Path   string
	Detail string // plain words
	Damage bool   // false for notes such as deleted by rule
}

// Check re-verifies files, index and chain and reports each finding. It reads
// everything; it needs no running Archive.
func Check(ctx context.Context, cfg ArchiveConfig, report func(Finding)) error { panic("not built") }
