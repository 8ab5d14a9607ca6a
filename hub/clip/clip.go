// Package clip presents recorded footage as files: a time range as a virtual
// MP4 or as an HLS playlist over the segments on disk. Nothing is copied or
// re-encoded; sample data and fragments are the recorded bytes.
package clip

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"time"

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
	FFmpeg  string // path of ffmpeg for stills; empty if there is none
	Log     *slog.Logger
}

// Service cuts clips.
type Service struct{ cfg Config }

// New returns a Service.
func New(cfg Config) *Service { return &Service{cfg: cfg} }

// Part is a contiguous stretch of one run: what one MP4 can hold. From is the
// key frame at or before the range's start; To the end of the last fragment
// that touches it.
type Part struct {
	Range
	Fragments int
	Bytes     int64
	Segments  []recording.Segment
	// unexported: fragment table
}

// Parts resolves a range into the parts that are recorded, in order. A range
// without footage gives ErrNoFootage.
func (s *Service) Parts(ctx context.Context, r Range) ([]Part, error) { panic("not built") }

// Options of a file.
type Options struct {
	Audio bool // include audio fragments; without them the video fragments are unchanged
}

// MP4 is a virtual file: ftyp · moov with complete sample tables · mdat that
// holds the initialisation and the recorded fragments verbatim.
type MP4 struct{ io.ReadSeeker }

// Size of the file in bytes.
func (m *MP4) Size() int64 { panic("not built") }

// ETag is a strong validator, with quotes.
func (m *MP4) ETag() string { panic("not built") }

// Info describes the file for manifests.
func (m *MP4) Info() Info { panic("not built") }

// Close releases the segment files.
func (m *MP4) Close() error { panic("not built") }

// Info is what a manifest says of a clip.
type Info struct {
	From, To  time.Time // UTC of first sample and end of last
	Video     TrackInfo
	Audio     *TrackInfo // nil when absent
	Clock     string     // quality in words: "report" "suspect" "arrival" "unset"
	Gaps      []recording.Gap
	Init      recording.Hash
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

// MP4 opens a part as a virtual file.
func (s *Service) MP4(ctx context.Context, p Part, o Options) (*MP4, error) { panic("not built") }

// Playlist returns an HLS media playlist (RFC 8216) of a range: byte ranges of
// the fragments on disk with EXT-X-PROGRAM-DATE-TIME, and EXT-X-DISCONTINUITY
// at gaps. live leaves the end open. URIs are relative: "init/<segment id>.mp4" and
// "segment/<segment id>.mp4".
func (s *Service) Playlist(ctx context.Context, r Range, live bool) ([]byte, error) {
	panic("not built")
}

// SegmentFile opens the file behind a playlist URI, limited to durable bytes, and Init its initialisation bytes.
func (s *Service) SegmentFile(ctx context.Context, camera, stream string, id int64) (recording.File, error) {
	panic("not built")
}

// Still returns a JPEG of the key frame at or before t, 1280 pixels wide at most. Without ffmpeg
// or footage it returns a drawn card that says so, and ErrNoPicture beside it.
func (s *Service) Still(ctx context.Context, camera string, t time.Time) (jpeg []byte, err error) {
	panic("not built")
}

// ErrNoPicture accompanies a card that stands in for a picture.
var ErrNoPicture = errors.New("no picture")
