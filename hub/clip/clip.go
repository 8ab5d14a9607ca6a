// Package clip presents recorded footage as files: a time range as a virtual
// MP4 or as an HLS playlist over the segments on disk. Nothing is copied or
// re-encoded; sample data and fragments are the recorded bytes.
package clip

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"golang.org/x/sync/semaphore"

	"gatehouse/hub/recording"
)

// ErrNoFootage means that nothing is recorded in a range.
var ErrNoFootage = errors.New("nothing recorded in this range")

// Range names footage: [From, To) of one stream.
type Range struct {
	Camera   string
	Stream   string
	From, To time.Time
}

// Config configures a Service.
type Config struct {
	Archive *recording.Archive
	FFmpeg  string       // path of ffmpeg for stills; empty if there is none
	Log     *slog.Logger // told why a picture could not be made
	// Snapshotter answers the camera of a name, nil if it takes no pictures. May be nil.
	Snapshotter func(camera string) Snapshotter
}

// archive is what a Service asks of a recording.Archive.
type archive interface {
	Segments(ctx context.Context, camera, stream string, from, to time.Time) ([]recording.Segment, error)
	Gaps(ctx context.Context, camera, stream string, from, to time.Time) ([]recording.Gap, error)
	// Open opens a segment limited to its durable bytes.
	Open(s recording.Segment) (recording.File, error)
}

// Service cuts clips. Its methods are safe for concurrent use.
type Service struct {
	log     *slog.Logger
	archive archive
	tables  *tables
	places  *places
	stills  *stills
	strips  *strips
	fresh   *calls
	room    *semaphore.Weighted // segments that exports may have in hand

	snapshotter func(camera string) Snapshotter // nil if no camera takes pictures
}

// New returns a Service.
func New(cfg Config) *Service {
	s := newService(cfg.Archive, cfg.FFmpeg)
	s.snapshotter = cfg.Snapshotter
	if cfg.Log != nil {
		s.log = cfg.Log
	}
	return s
}

func newService(a archive, ffmpeg string) *Service {
	return &Service{
		log:     slog.New(slog.DiscardHandler),
		archive: a,
		tables:  newTables(a),
		places:  &places{starts: map[int64]time.Time{}},
		stills:  newStills(ffmpeg),
		strips:  newStrips(),
		fresh:   &calls{newest: map[string]*call{}},
		room:    semaphore.NewWeighted(maxSegments),
	}
}

// Part is a contiguous stretch of one run: what one MP4 can hold. From is the
// key frame at or before the range's start; To the end of the last fragment
// that touches it.
type Part struct {
	Range
	Fragments int
	Bytes     int64
	Segments  []recording.Segment

	pieces []piece
}

// Options of a file.
type Options struct {
	Audio bool // include audio fragments; without them the video fragments are unchanged
}

// Info is what a manifest says of a clip.
type Info struct {
	Bytes     int64
	SHA256    recording.Hash // of the file
	From, To  time.Time      // UTC of first sample and end of last
	Video     TrackInfo
	Audio     *TrackInfo // nil when absent
	Clock     string     // quality in words: "report" "suspect" "arrival" "unset"
	Gaps      []recording.Gap
	Init      recording.Hash // leaf 0 of the first fragment's segment
	Fragments []FragmentRef
}

// TrackInfo describes a track. SHA256 is over the sample data, in order.
type TrackInfo struct {
	Codec         string // RFC 6381, e.g. "avc1.4D4028"
	Width, Height int
	Samples       int
	Duration      time.Duration
	FirstPTS      int64 // in Scale ticks on the run's timeline
	LastPTS       int64
	Scale         int
	SHA256        recording.Hash
}

// FragmentRef ties a fragment inside the MP4 to its segment's Merkle tree.
type FragmentRef struct {
	Segment int64 // recording.Segment.ID
	Leaf    int   // position in the segment's tree; 0 is the initialisation
	Offset  int64 // in the MP4
	Size    int64
	Hash    recording.Hash
}
