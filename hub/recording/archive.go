package recording

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"gatehouse/hub/finding"
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

// Keep says how long footage stays on a disk. Zero values do not limit.
type Keep struct {
	Days  int   // whole days; a stream's [Limit] comes first
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
	Heads HeadStore    // nil: nothing is noted in a ledger
	Disks []DiskConfig // the first is written; later ones are fail-over
	Log   *slog.Logger
	Now   func() time.Time // default time.Now
	// Old is the time by which footage is older than the days to keep; default
	// Now. It may be behind Now while that is not believed.
	Old func() time.Time
}

// Archive is everything recorded: the index and the disks its files are on.
type Archive struct {
	cfg   ArchiveConfig
	disks []*disk
	known map[string]bool // disks that hold each stream's newest segment, at the start
	short chan *disk      // disks that want room
	room  sync.Mutex      // held while footage is deleted

	mu        sync.Mutex
	recorders map[[2]string]*Recorder // running, by camera and stream
	holds     map[string][]Hold       // by camera
	limits    map[[2]string]Limit     // by camera and stream

	noting sync.Mutex // held while heads are made, so that no segment is in two
}

// OpenArchive opens the disks (making folder and marker file where the folder
// is empty or absent) and recovers segments left open by a crash. A disk that
// cannot be used is no error: Status tells of it. An error means that the
// index is broken.
func OpenArchive(ctx context.Context, cfg ArchiveConfig) (*Archive, error) {
	return openArchive(ctx, cfg, osFiles{})
}

func openArchive(ctx context.Context, cfg ArchiveConfig, fsys files) (*Archive, error) {
	a, err := attach(ctx, cfg, fsys)
	if err != nil {
		return nil, err
	}
	if err := a.refreshHolds(ctx); err != nil {
		return nil, err
	}
	return a, a.prepareDisks(ctx)
}

// attach opens the disks without changing any segment.
func attach(ctx context.Context, cfg ArchiveConfig, fsys files) (*Archive, error) {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Old == nil {
		cfg.Old = cfg.Now
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	a := &Archive{cfg: cfg, recorders: map[[2]string]*Recorder{}, short: make(chan *disk, len(cfg.Disks))}
	var err error
	if a.known, err = a.knownDisks(ctx); err != nil {
		return nil, err
	}
	for _, c := range cfg.Disks {
		d := newDisk(c, fsys, cfg.Log)
		d.begin(a.known, cfg.Now())
		a.disks = append(a.disks, d)
	}
	return a, nil
}

// knownDisks are the disks that hold each stream's newest segment.
func (a *Archive) knownDisks(ctx context.Context) (map[string]bool, error) {
	streams, err := a.cfg.Index.Streams(ctx)
	if err != nil {
		return nil, err
	}
	known := map[string]bool{}
	for _, s := range streams {
		last, err := a.cfg.Index.LastSegment(ctx, s[0], s[1])
		if errors.Is(err, ErrNotFound) {
			continue
		}
		if err != nil {
			return nil, err
		}
		known[last.Disk] = true
	}
	return known, nil
}

// Run syncs the disks and applies retention until ctx ends. It must outlive
// every Recorder.Run. It returns an error only when the index is broken.
func (a *Archive) Run(ctx context.Context) error {
	g, ctx := errgroup.WithContext(ctx)
	for _, d := range a.disks {
		g.Go(func() error {
			return d.runSync(ctx, a.cfg.Index, func() {
				select {
				case a.short <- d:
				default: // there is work enough already
				}
			})
		})
	}
	g.Go(func() error { return a.runRetention(ctx) })
	if a.cfg.Heads != nil {
		g.Go(func() error { return a.runHeads(ctx) })
	}
	return g.Wait()
}

// Units is where a Recorder reads from; *rtsp.Reader is one.
type Units interface {
	Next(ctx context.Context) (rtsp.Item, error)
}

// Segments lists segments overlapping [from, to) by Start, open ones included.
func (a *Archive) Segments(ctx context.Context, camera, stream string, from, to time.Time) ([]Segment, error) {
	list, err := a.cfg.Index.Segments(ctx, camera, stream, from, to)
	return slices.DeleteFunc(list, Segment.lost), err
}

// Recorded is how much of [from, to) of a stream is durable.
func (a *Archive) Recorded(ctx context.Context, camera, stream string, from, to time.Time) (sum time.Duration, err error) {
	segments, err := a.Segments(ctx, camera, stream, from, to)
	for _, s := range segments {
		start, end := s.Start, s.End()
		if start.Before(from) {
			start = from
		}
		if end.After(to) {
			end = to
		}
		sum += max(end.Sub(start), 0)
	}
	return sum, err
}

// Gaps lists gaps overlapping [from, to) by From.
func (a *Archive) Gaps(ctx context.Context, camera, stream string, from, to time.Time) ([]Gap, error) {
	return a.cfg.Index.Gaps(ctx, camera, stream, from, to)
}

// Settle has the recorder of a stream end the segment that it is writing, if it
// touches [from, to), with the group of pictures in hand, and waits for that: a
// closed segment has a place in its chain. It returns ctx.Err() if ctx ends
// before, which a camera with long groups of pictures can bring about.
func (a *Archive) Settle(ctx context.Context, camera, stream string, from, to time.Time) error {
	for asked := false; ; asked = true {
		a.mu.Lock()
		r := a.recorders[[2]string{camera, stream}]
		a.mu.Unlock()
		list, err := a.cfg.Index.Segments(ctx, camera, stream, from, to)
		if err != nil {
			return err
		}
		open := slices.ContainsFunc(list, func(s Segment) bool { return s.State == Open })
		if !open || r == nil {
			return nil
		}
		if !asked {
			r.early.Store(true)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(settleEvery):
		}
	}
}

// settleEvery is how often Settle looks.
const settleEvery = 100 * time.Millisecond

// Oldest is when the oldest finished footage of a camera begins; zero if there is none.
func (a *Archive) Oldest(ctx context.Context, camera string) (time.Time, error) {
	return a.oldest(ctx, camera, "")
}

// Open opens a segment's file for reading, limited to its durable bytes.
func (a *Archive) Open(s Segment) (File, error) {
	d := a.disk(s.Disk)
	if d == nil {
		return nil, fmt.Errorf("opening segment %d: its disk is not here: %w", s.ID, ErrNotFound)
	}
	f, err := d.openFile(s.Path)
	if gone(err) {
		err = fmt.Errorf("its file is gone: %w", ErrNotFound)
	}
	if err != nil {
		return nil, fmt.Errorf("opening segment %d: %w", s.ID, err)
	}
	return limited{io.NewSectionReader(f, 0, s.Bytes), f}, nil
}

// openFile opens a file for reading.
func (d *disk) openFile(name string) (file, error) {
	v, err := d.fs.Volume(d.cfg.Path)
	if err != nil {
		return nil, err
	}
	f, err := v.Open(name, false)
	return f, errors.Join(err, v.Close())
}

// limited is a file of which only the first bytes are seen.
type limited struct {
	*io.SectionReader
	f file
}

func (l limited) Close() error { return l.f.Close() }

// disk finds a disk by its id.
func (a *Archive) disk(id string) *disk {
	for _, d := range a.disks {
		if d.identity() == id && id != "" {
			return d
		}
	}
	return nil
}

// pick is the first disk that is well.
func (a *Archive) pick() *disk {
	for _, d := range a.disks {
		if d.usable() {
			return d
		}
	}
	return nil
}

// fullDisk is a disk whose only trouble is room.
func (a *Archive) fullDisk() *disk {
	for _, d := range a.disks {
		if c, _ := d.state(); c == full {
			return d
		}
	}
	return nil
}

// Troubles is what is wrong with the disks, one finding for each.
func (a *Archive) Troubles() (all []finding.Finding) {
	for _, d := range a.disks {
		if why := d.trouble(); !why.IsZero() {
			all = append(all, finding.New("storage", "path", d.cfg.Path, "cause", why))
		}
	}
	return all
}

// Trouble is Troubles in English; empty if nothing is wrong.
func (a *Archive) Trouble() string { return strings.Join(finding.Texts(a.Troubles()), "; ") }

// enter admits one recorder of a stream.
func (a *Archive) enter(r *Recorder) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	key := [2]string{r.camera, r.stream}
	if a.recorders[key] != nil {
		return fmt.Errorf("recording %s %s: already recorded", r.camera, r.stream)
	}
	a.recorders[key] = r
	return nil
}

func (a *Archive) leave(r *Recorder) {
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.recorders, [2]string{r.camera, r.stream})
}

// held reports whether what a camera sends now is under a hold.
func (a *Archive) held(camera string) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	now := a.cfg.Now()
	for _, h := range a.holds[camera] {
		if h.Until.After(now) && !now.Before(h.From) && now.Before(h.To.Add(maxSegment)) {
			return true
		}
	}
	return false
}

func (a *Archive) refreshHolds(ctx context.Context) error {
	holds, err := a.cfg.Index.Holds(ctx)
	if err != nil {
		return err
	}
	by := map[string][]Hold{}
	for _, h := range holds {
		by[h.Camera] = append(by[h.Camera], h)
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.holds = by
	return nil
}

// Hold keeps footage from retention; it replaces the hold of the same ID and Camera.
func (a *Archive) Hold(ctx context.Context, h Hold) error {
	if err := a.cfg.Index.PutHold(ctx, h); err != nil {
		return err
	}
	return a.refreshHolds(ctx)
}

// Holds lists all holds, those whose time is over too.
func (a *Archive) Holds(ctx context.Context) ([]Hold, error) { return a.cfg.Index.Holds(ctx) }

// Release ends all holds of an id.
func (a *Archive) Release(ctx context.Context, id string) error {
	if err := a.cfg.Index.ReleaseHold(ctx, id); err != nil {
		return err
	}
	return a.refreshHolds(ctx)
}
