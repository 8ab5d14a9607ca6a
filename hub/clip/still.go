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

// Still returns a JPEG of the key frame at or before t, 1280 pixels wide at most. Without ffmpeg
// or footage it returns a drawn card that says so, and ErrNoPicture beside it.
func (s *Service) Still(ctx context.Context, camera string, t time.Time) (jpeg []byte, err error) {
	if s.stills.ffmpeg == "" {
		return noPicture(camera, "Pictures need ffmpeg, which is not installed.")
	}
	key, err := s.keyFrame(ctx, camera, t)
	if errors.Is(err, ErrNoFootage) {
		return noPicture(camera, "Nothing is recorded at this time.")
	}
	if err == nil {
		jpeg, err = s.stills.get(ctx, key, func() ([]byte, error) { return s.picture(key) })
	}
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	if err != nil {
		s.log.Warn("could not make a still", "camera", camera, "err", err)
		return noPicture(camera, "The picture could not be read.")
	}
	return jpeg, nil
}

func noPicture(camera, reason string) ([]byte, error) {
	jpeg, err := card(camera, reason)
	if err != nil {
		return nil, fmt.Errorf("drawing card: %w", err)
	}
	return jpeg, ErrNoPicture
}

// keyFrame finds the key frame at or before t: the main stream's, else the sub stream's.
func (s *Service) keyFrame(ctx context.Context, camera string, t time.Time) (stillKey, error) {
	for _, stream := range []string{recording.Main, recording.Sub} {
		segments, err := s.archive.Segments(ctx, camera, stream, t.Add(-maxAge), t.Add(time.Microsecond))
		if err != nil {
			return stillKey{}, fmt.Errorf("listing segments: %w", err)
		}
		for i := len(segments) - 1; i >= 0; i-- {
			table, err := s.tables.get(segments[i])
			if err != nil {
				return stillKey{}, err
			}
			if key, ok := table.keyFrame(t); ok {
				return key, nil
			}
		}
	}
	return stillKey{}, ErrNoFootage
}

func (t *table) keyFrame(at time.Time) (stillKey, bool) {
	if !t.file.Tracks[t.lead].Video {
		return stillKey{}, false
	}
	for i := len(t.groups) - 1; i >= 0; i-- {
		g := t.groups[i]
		if g.sync && !g.from.After(at) && g.from.After(at.Add(-maxAge)) {
			return stillKey{t.segment, g.first}, true
		}
	}
	return stillKey{}, false
}

// stillKey names a key frame: the first sample of a fragment.
type stillKey struct {
	segment  recording.Segment
	fragment int
}

// maxPicture bounds a coded picture: the largest access unit the recorder takes.
const maxPicture = 8 << 20

// picture reads a key frame as a film of one picture, which tells a decoder the
// parameter sets too.
func (s *Service) picture(key stillKey) ([]byte, error) {
	t, err := s.tables.get(key.segment)
	if err != nil {
		return nil, err
	}
	fr := t.file.Fragments[key.fragment]
	size := fr.Samples[0].Size
	if size > maxPicture {
		return nil, fmt.Errorf("picture of %d bytes", size)
	}
	at := fr.SampleOffset(0)
	fr.Samples = []mp4.Sample{{Size: size, Duration: 1, Sync: true}}
	fr.Offset, fr.Data, fr.Track = 0, 0, 0
	movie := mp4.Movie{Tracks: t.file.Tracks[t.lead : t.lead+1], Fragments: []mp4.Fragment{fr}, Created: fr.UTC}
	b := mp4.AppendFileType(nil)
	movie.Shift = int64(len(b)+len(movie.Append(nil))) + mp4.PatchSize
	b = movie.Append(b)
	mdat := mp4.PatchMdat(mp4.PatchOffset + mp4.PatchSize + int64(size))
	b = append(b, mdat[:]...)

	f, err := s.archive.Open(key.segment)
	if err != nil {
		return nil, fmt.Errorf("opening segment: %w", err)
	}
	b = append(b, make([]byte, size)...)
	_, err = f.ReadAt(b[len(b)-int(size):], at)
	if err := errors.Join(err, f.Close()); err != nil {
		return nil, fmt.Errorf("reading picture: %w", err)
	}
	return b, nil
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
	segment  int64
	fragment int
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
	k := cacheKey{key.segment.ID, key.fragment}
	if jpeg := s.cached(k); jpeg != nil {
		return jpeg, nil
	}
	select {
	case s.turn <- struct{}{}:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	defer func() { <-s.turn }()
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
