// Package recording keeps what cameras send.
//
// Streams become MP4 segments of about a minute on one or more disks, an index
// of them, and gap rows for everything that could not be kept. A segment is in
// the index if and only if its file is durable up to the bytes the index
// speaks of; nothing is lost silently.
package recording

import (
	"context"
	"io"
	"time"

	"gatehouse/hub/finding"
	"gatehouse/rtsp"
)

// Stream names of a camera.
const (
	Main = "main"
	Sub  = "sub"
)

// SegmentState is the life of a segment.
type SegmentState string

// Segment states.
const (
	Open      SegmentState = "open"      // being written; recovery looks only at these
	Closed    SegmentState = "closed"    // finalised
	Recovered SegmentState = "recovered" // finalised after a crash from its valid prefix
)

// Hash is a SHA-256 digest.
type Hash [32]byte

// Segment is one file of one stream.
type Segment struct {
	ID        int64
	Camera    string
	Stream    string
	Run       int64 // unix microseconds of the run's first sample; segments of a run share one initialisation and one continuous timeline
	Seq       int64 // position in the chain of camera and stream, from 0, never reused
	Start     time.Time
	Duration  time.Duration // durable so far, for an open one
	Bytes     int64         // durable so far
	KeyFrames int
	State     SegmentState
	Clock     rtsp.ClockQuality // worst in the segment
	Disk      string            // id in the disk's marker file
	Path      string            // below the disk's folder, with slashes
	Chain     [16]byte          // random, one for a camera and stream; stands for their names wherever they must not be
	Root      Hash              // see [Root]; zero while open
	Link      Hash              // see [Segment.MakeLink]; zero while open
	Previous  Hash              // link of Seq-1; zero for Seq 0
	Gaps      Hash              // see [GapDigest]; of the gaps that end where the segment starts; zero for Seq 0, before which nothing is known
}

// End is the UTC at which the segment ends.
func (s Segment) End() time.Time { return s.Start.Add(s.Duration) }

// Gap is footage that should be there and is not.
type Gap struct {
	ID       int64
	Camera   string
	Stream   string
	From, To time.Time // To is zero while it lasts
	Reason   rtsp.Reason
	Detail   string
}

// Hold keeps whole segments that touch [From, To) of a camera, all streams,
// from retention until Until.
type Hold struct {
	ID       string // the request's id, or one of [gatehouse/hub/keep] for the household's own
	Camera   string
	From, To time.Time
	Until    time.Time
	Note     string
}

// Index is the database of segments, gaps and holds. Times have microsecond
// resolution. Every method is safe for concurrent use; an error other than
// ErrNotFound means the database is broken and the hub must stop.
// [recordingtest.TestIndex] is its conformance suite.
type Index interface {
	// AddSegment stores a segment and returns its id. The caller has made the file durable.
	AddSegment(ctx context.Context, s Segment) (int64, error)
	// UpdateSegments replaces the mutable fields (Duration, Bytes, KeyFrames, State, Clock, Root, Link)
	// of all segments given, in one transaction. One whose stored state is no longer open is left
	// as it is if it is given as open: a slower writer lost the race. An unknown ID is ErrNotFound.
	UpdateSegments(ctx context.Context, s ...Segment) error
	// LastSegment returns the segment of the highest Seq, deleted ones included (their link remains); ErrNotFound if there never was one.
	LastSegment(ctx context.Context, camera, stream string) (Segment, error)
	// Segments lists kept segments overlapping [from, to), by Start. An empty camera or stream means all.
	Segments(ctx context.Context, camera, stream string, from, to time.Time) ([]Segment, error)
	// OpenSegments lists all segments in state open.
	OpenSegments(ctx context.Context) ([]Segment, error)
	// Oldest lists up to n segments by Start that are not open, that no hold protects and that ended
	// before the time given. An empty disk, camera or stream means all.
	Oldest(ctx context.Context, disk, camera, stream string, before time.Time, n int) ([]Segment, error)
	// Usage returns count and bytes of kept segments; an empty disk, camera or stream means all.
	Usage(ctx context.Context, disk, camera, stream string) (n, bytes int64, err error)
	// MarkGarbage moves segments to the garbage list, keeping Seq, Root and Link for the chain; it fails
	// with ErrHeld, and changes nothing, if one is held.
	MarkGarbage(ctx context.Context, ids []int64, why string, at time.Time) error
	// Garbage lists files to unlink; ForgetGarbage removes them from the list once unlinked and the folder is synced.
	Garbage(ctx context.Context) ([]Segment, error)
	ForgetGarbage(ctx context.Context, ids []int64) error
	// Chain lists Seq, Root, Link and deletion of every segment ever written for a stream whose Seq is in
	// [from, to), by Seq.
	Chain(ctx context.Context, camera, stream string, from, to int64) ([]ChainRow, error)
	// OldestSeq is the Seq of the kept segment of a stream that starts first; ErrNotFound if none is kept.
	OldestSeq(ctx context.Context, camera, stream string) (int64, error)
	// Streams lists every camera and stream that has rows.
	Streams(ctx context.Context) ([][2]string, error)

	// AddGap stores a gap and returns its id; CloseGap sets To.
	AddGap(ctx context.Context, g Gap) (int64, error)
	CloseGap(ctx context.Context, id int64, to time.Time) error
	// Gaps lists gaps overlapping [from, to) or touching it with their end, by From; one
	// that lasts has no end. An empty camera or stream means all.
	Gaps(ctx context.Context, camera, stream string, from, to time.Time) ([]Gap, error)

	// PutHold adds or replaces the hold of (ID, Camera) and protects every overlapping segment, now and
	// later, while Until is ahead of the machine's clock, or of one behind it that the index was told to use.
	PutHold(ctx context.Context, h Hold) error
	// ReleaseHold removes all holds of an id; an unknown id is no error.
	ReleaseHold(ctx context.Context, id string) error
	Holds(ctx context.Context) ([]Hold, error)
	// Held is the bytes of kept segments of a disk that a hold protects now, each counted once.
	Held(ctx context.Context, disk string) (bytes int64, err error)
}

// ChainRow is what remains of a segment for ever.
type ChainRow struct {
	Segment
	Deleted time.Time // zero while the file is kept
	Why     string    // the rule that deleted it
}

// File is a segment opened for reading. Reads see only durable, whole fragments.
type File interface {
	io.ReaderAt
	io.Closer
	Size() int64
}

// StreamStatus is the health of one recorded stream.
type StreamStatus struct {
	Camera      string          `json:"camera"`
	Stream      string          `json:"stream"`
	LastDurable time.Time       `json:"last_durable"`      // the last second that survives a power cut now; zero if none
	AtMost      int             `json:"at_most"`           // a power cut now loses at most so many seconds; 0 while not recording
	Recording   bool            `json:"recording"`         // also while Waiting
	Waiting     bool            `json:"waiting,omitempty"` // for motion: the camera sends, and nothing is written
	Problem     finding.Finding `json:"problem,omitzero"`  // nothing when well
	Bytes       int64           `json:"bytes"`
	Segments    int64           `json:"segments"`
	Oldest      time.Time       `json:"oldest"`
}
