package clip

import (
	"container/list"
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"gatehouse/hub/internal/mp4"
	"gatehouse/hub/recording"
)

// ErrNoPicture accompanies a card that stands in for a picture.
var ErrNoPicture = errors.New("no picture")

// maxAge is how long before t a picture may be and still stand for t. Cameras
// with a "smart codec" send a key frame a minute, and an SD card is synced
// every ten seconds.
const maxAge = 90 * time.Second

// Origin says where a still comes from.
type Origin string

// Origins, in the order in which they are tried.
const (
	FromCamera   Origin = "camera"    // its snapshot address
	FromJPEG     Origin = "jpeg"      // recorded as JPEG
	FromKeyFrame Origin = "key-frame" // recorded and decoded
	FromNothing  Origin = "card"      // drawn; it says why
)

// Still is a JPEG picture.
type Still struct {
	JPEG   []byte
	Taken  time.Time // zero for a card
	Origin Origin
}

// Still returns the recorded picture at or before t, at most maxAge older: one
// that is JPEG as it is, otherwise a key frame by way of ffmpeg, 1280 pixels wide
// at most. Where there is none, or no ffmpeg, it returns a drawn card that says
// so, and ErrNoPicture beside it.
func (s *Service) Still(ctx context.Context, camera string, t time.Time) (Still, error) {
	key, err := s.pictureAt(ctx, camera, t, true)
	if err == nil {
		var b []byte
		if b, err = s.coded(key); err == nil && checkJPEG(b) == nil {
			return Still{b, key.taken, FromJPEG}, nil
		}
	}
	if s.stills.ffmpeg == "" {
		return noPicture(camera, "Pictures need ffmpeg, which is not installed.")
	}
	key, err = s.pictureAt(ctx, camera, t, false)
	if errors.Is(err, ErrNoFootage) {
		return noPicture(camera, "Nothing is recorded at this time.")
	}
	var jpeg []byte
	if err == nil {
		jpeg, err = s.stills.get(ctx, key, func() ([]byte, error) { return s.film(key) })
	}
	if ctx.Err() != nil {
		return Still{}, ctx.Err()
	}
	if err != nil {
		s.log.Warn("could not make a still", "camera", camera, "err", err)
		return noPicture(camera, "The picture could not be read.")
	}
	return Still{jpeg, key.taken, FromKeyFrame}, nil
}

func noPicture(camera, reason string) (Still, error) {
	jpeg, err := card(camera, reason)
	if err != nil {
		return Still{}, fmt.Errorf("drawing card: %w", err)
	}
	return Still{JPEG: jpeg, Origin: FromNothing}, ErrNoPicture
}

// pictureAt is pictureIn of the main stream, else the sub stream.
func (s *Service) pictureAt(ctx context.Context, camera string, t time.Time, jpeg bool) (stillKey, error) {
	return s.pictureIn(ctx, camera, t, jpeg, recording.Main, recording.Sub)
}

// errUnread means that footage is in the index and its file cannot be read: it
// is gone or damaged, or its disk is away.
var errUnread = errors.New("recorded footage cannot be read")

// pictureIn finds the picture at or before t that can be decoded by itself, in
// the first of streams that has one; of those that are JPEG, or of all. It
// answers errUnread if no stream has one and the file of one cannot be read.
func (s *Service) pictureIn(ctx context.Context, camera string, t time.Time, jpeg bool, streams ...string) (stillKey, error) {
	none := ErrNoFootage
	for _, stream := range streams {
		segments, err := s.archive.Segments(ctx, camera, stream, t.Add(-maxAge), t.Add(time.Microsecond))
		if err != nil {
			return stillKey{}, fmt.Errorf("listing segments: %w", err)
		}
		for i := len(segments) - 1; i >= 0; i-- {
			table, err := s.tables.get(segments[i])
			if err != nil { // an older picture would be one of another time
				none = fmt.Errorf("%w: %w", errUnread, err)
				break
			}
			if key, ok := table.pictureAt(t); ok && (!jpeg || table.isJPEG()) {
				return key, nil
			}
		}
	}
	return stillKey{}, none
}

// isJPEG reports whether each sample of the leading track is a JPEG file.
func (t *table) isJPEG() bool {
	entry := t.file.Tracks[t.lead].Entry
	return len(entry) >= 8 && string(entry[4:8]) == "jpeg"
}

func (t *table) pictureAt(at time.Time) (stillKey, bool) {
	track := t.file.Tracks[t.lead]
	if !track.Video {
		return stillKey{}, false
	}
	for i := len(t.groups) - 1; i >= 0 && t.groups[i].to.After(at.Add(-maxAge)); i-- {
		part := Part{pieces: []piece{{t, t.groups[i : i+1]}}}
		key, found := stillKey{segment: t.segment, fragment: t.groups[i].first}, false
		for n, s := range part.samples(t.lead) {
			if taken := s.utc(0, track.Timescale); s.Sync && !taken.After(at) && taken.After(at.Add(-maxAge)) {
				key.sample, key.taken, found = n, taken, true
			}
		}
		if found {
			return key, true
		}
	}
	return stillKey{}, false
}

// stillKey names a recorded picture.
type stillKey struct {
	segment          recording.Segment
	fragment, sample int
	taken            time.Time
}

func (k stillKey) cacheKey() cacheKey { return cacheKey{k.segment.ID, k.fragment, k.sample} }

// maxPicture bounds a coded picture: the largest access unit the recorder takes.
const maxPicture = 8 << 20

// coded reads a picture as it was recorded, or answers errUnread.
func (s *Service) coded(key stillKey) ([]byte, error) {
	t, err := s.tables.get(key.segment)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errUnread, err)
	}
	fr := &t.file.Fragments[key.fragment]
	size := fr.Samples[key.sample].Size
	if size > maxPicture {
		return nil, fmt.Errorf("picture of %d bytes", size)
	}
	f, err := s.archive.Open(key.segment)
	if err != nil {
		return nil, fmt.Errorf("%w: opening segment: %w", errUnread, err)
	}
	b := make([]byte, size)
	_, err = readAll(f, b, fr.SampleOffset(key.sample))
	if err := errors.Join(err, f.Close()); err != nil {
		return nil, fmt.Errorf("%w: reading picture: %w", errUnread, err)
	}
	return b, nil
}

// film is a picture as a film of one, which tells a decoder the parameter sets too.
func (s *Service) film(key stillKey) ([]byte, error) {
	data, err := s.coded(key)
	if err != nil {
		return nil, err
	}
	t, err := s.tables.get(key.segment)
	if err != nil {
		return nil, err
	}
	return filmFrom(t, data, []mp4.Sample{{Size: uint32(len(data)), Duration: 1, Sync: true}}, key.taken), nil
}

// filmFrom puts samples of a table's leading track into a file.
func filmFrom(t *table, data []byte, samples []mp4.Sample, taken time.Time) []byte {
	movie := mp4.Movie{Tracks: t.file.Tracks[t.lead : t.lead+1], Fragments: []mp4.Fragment{{Samples: samples}}, Created: taken}
	b := mp4.AppendFileType(nil)
	movie.Shift = int64(len(b)+len(movie.Append(nil))) + mp4.PatchSize
	b = movie.Append(b)
	mdat := mp4.PatchMdat(mp4.PatchOffset + mp4.PatchSize + int64(len(data)))
	return append(append(b, mdat[:]...), data...)
}

// stills makes pictures and keeps the last ones.
type stills struct {
	ffmpeg string
	turn   chan struct{} // holds one token for each decoder that runs

	mu     sync.Mutex // guards the rest
	byKey  map[cacheKey]*list.Element
	recent *list.List // of cached, newest first
	bytes  int
}

type cacheKey struct {
	segment          int64
	fragment, sample int
}

type cached struct {
	key  cacheKey
	jpeg []byte
}

// maxStills and maxStillBytes bound the cache: a screen of cameras, twice.
const (
	maxStills     = 32
	maxStillBytes = 8 << 20
)

func newStills(ffmpeg string) *stills {
	return &stills{ffmpeg: ffmpeg, turn: make(chan struct{}, 1), byKey: map[cacheKey]*list.Element{}, recent: list.New()}
}

// get answers from the cache or decodes what film returns. One decoder runs at
// a time: on a small machine they would only slow each other and the recorder.
func (s *stills) get(ctx context.Context, key stillKey, film func() ([]byte, error)) ([]byte, error) {
	k := key.cacheKey()
	if jpeg := s.cached(k); jpeg != nil {
		return jpeg, nil
	}
	if err := s.enter(ctx); err != nil {
		return nil, err
	}
	defer s.leave()
	if jpeg := s.cached(k); jpeg != nil { // made while this one waited
		return jpeg, nil
	}
	in, err := film()
	if err != nil {
		return nil, err
	}
	jpeg, err := decode(ctx, s.ffmpeg, in)
	if err != nil {
		return nil, err
	}
	s.keep(k, jpeg)
	return jpeg, nil
}

// enter waits until no other decoder runs; leave lets the next one.
func (s *stills) enter(ctx context.Context) error {
	select {
	case s.turn <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (s *stills) leave() { <-s.turn }

func (s *stills) cached(k cacheKey) []byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	e, ok := s.byKey[k]
	if !ok {
		return nil
	}
	s.recent.MoveToFront(e)
	return e.Value.(cached).jpeg
}

func (s *stills) keep(k cacheKey, jpeg []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.byKey[k] = s.recent.PushFront(cached{k, jpeg})
	s.bytes += len(jpeg)
	for s.recent.Len() > maxStills || s.bytes > maxStillBytes {
		old := s.recent.Remove(s.recent.Back()).(cached)
		s.bytes -= len(old.jpeg)
		delete(s.byKey, old.key)
	}
}
