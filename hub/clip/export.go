package clip

import (
	"context"
	"errors"
	"fmt"
	"mime"
	"strings"
	"time"
)

// Errors of a question for clips.
var (
	ErrRange   = errors.New("unreadable or reversed times")
	ErrTooLong = errors.New("more footage than can be exported in one go")
	ErrBusy    = errors.New("too many exports at once")
)

// Bounds of exports. All that run have at most maxSegments segments in hand
// together: their files open and their sample tables, of about 100 kB each, in
// memory. Whatever its length an export counts for leastShare.
const (
	MaxExport   = 12 * time.Hour
	maxSegments = 1000
	leastShare  = maxSegments / 8
	waitForRoom = 2 * time.Second
)

// slack is how far around a range is looked for what belongs to it: the sound of
// its first picture may stand in the group before, and its last picture, if
// pictures are reordered, in the group after.
const slack = time.Second

// ParseRange reads a range of time as addresses have it: RFC 3339, a fraction of
// a second allowed, of at most longest. Anything else is ErrRange or ErrTooLong.
func ParseRange(from, to string, longest time.Duration) (start, end time.Time, err error) {
	start, err = time.Parse(time.RFC3339Nano, from)
	if err == nil {
		end, err = time.Parse(time.RFC3339Nano, to)
	}
	if err != nil || !start.Before(end) || start.Year() < 1970 || end.Year() > 9999 {
		return time.Time{}, time.Time{}, ErrRange
	}
	if end.Sub(start) > longest {
		return time.Time{}, time.Time{}, ErrTooLong
	}
	return start, end, nil
}

// Export is a range as files that show exactly it: the pictures with From ≤ time
// < To, to the microsecond, and the sound beside them. Each unbroken stretch is a
// file of its own: a player would show a picture that stands still for a hole,
// as if that were what happened.
//
// The segments stay open until Close, so that what retention deletes meanwhile
// is still sent whole. Its methods are for one goroutine.
type Export struct {
	service *Service
	camera  string
	cuts    []cut
	weight  int64
	open    []*MP4
}

// Export resolves a range. It answers ErrNoFootage where nothing is recorded,
// ErrTooLong beyond MaxExport or maxSegments, and ErrBusy if there is no room
// for another within waitForRoom. The caller closes it.
func (s *Service) Export(ctx context.Context, r Range, o Options) (*Export, error) {
	if r.To.Sub(r.From) > MaxExport {
		return nil, ErrTooLong
	}
	if !r.From.Before(r.To) {
		return nil, ErrNoFootage
	}
	wide := r
	wide.From, wide.To = r.From.Add(-slack), r.To.Add(slack)
	segments, err := s.segments(ctx, wide)
	if err != nil {
		return nil, err
	}
	const margin = 2 // those that a second listing may find more
	e := &Export{service: s, camera: r.Camera, weight: max(int64(len(segments))+margin, leastShare)}
	if e.weight > maxSegments {
		return nil, ErrTooLong
	}
	if err := s.enter(ctx, e.weight); err != nil {
		return nil, err
	}
	pieces, err := s.resolve(ctx, wide)
	if err == nil {
		for _, p := range join(wide, pieces) {
			if c, ok := cutOut(p, r.From, r.To, o.Audio); ok {
				e.cuts = append(e.cuts, c)
			}
		}
		if len(e.cuts) == 0 {
			err = ErrNoFootage
		}
	}
	if err != nil {
		return nil, errors.Join(err, e.Close())
	}
	return e, nil
}

// enter takes room for n segments.
func (s *Service) enter(ctx context.Context, n int64) error {
	wait, cancel := context.WithTimeout(ctx, waitForRoom)
	defer cancel()
	if err := s.room.Acquire(wait, n); err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		return ErrBusy
	}
	return nil
}

// Len is the number of files.
func (e *Export) Len() int { return len(e.cuts) }

// Span is what file i shows: the time of its first picture, and when its last ends.
func (e *Export) Span(i int) (from, to time.Time) { return e.cuts[i].from, e.cuts[i].to }

// MP4 opens file i, once. It lives as long as the export.
func (e *Export) MP4(i int) (*MP4, error) {
	c := &e.cuts[i]
	b := newBuilder(e.service.archive, c.part)
	b.info.From, b.info.To = c.from, c.to
	for _, s := range c.spans {
		b.add(s)
	}
	m := b.build([2]int64{c.in, c.out}, nil)
	m.frames, m.info.Fragments, c.spans, c.part = nil, nil, nil, Part{} // the head has all of it
	e.open = append(e.open, m)
	if err := m.files.pin(); err != nil {
		return nil, fmt.Errorf("opening footage: %w", err)
	}
	return m, nil
}

// Close closes all files. It may be called twice.
func (e *Export) Close() error {
	var errs []error
	for _, m := range e.open {
		errs = append(errs, m.Close())
	}
	e.service.room.Release(e.weight)
	e.open, e.weight = nil, 0
	return errors.Join(errs...)
}

// Name is a file name for a person, see [fileName].
func (e *Export) Name(i int, zone *time.Location, extension string) string {
	return fileName(e.camera, e.cuts[i].from.In(zone), extension)
}

// fileName says of which camera and when, in the time of a place:
// "driveway_2026-11-21_21-00-03+0100" and an extension. The offset tells the
// hour that autumn repeats.
func fileName(camera string, from time.Time, extension string) string {
	clean := strings.Map(func(r rune) rune {
		if r <= ' ' || r == 0x7f || strings.ContainsRune(`/\:*?"<>|`, r) {
			return '-'
		}
		return r
	}, camera)
	return clean + from.Format("_2006-01-02_15-04-05-0700") + extension
}

// Attachment is the Content-Disposition of footage for keeping.
func Attachment(camera string, from time.Time, extension string) string {
	return attachment(fileName(camera, from, extension))
}

// attachment is the Content-Disposition of a download (RFC 6266).
func attachment(name string) string {
	return mime.FormatMediaType("attachment", map[string]string{"filename": name})
}
