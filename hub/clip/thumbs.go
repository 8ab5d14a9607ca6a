package clip

import (
	"bytes"
	"container/list"
	"context"
	"errors"
	"fmt"
	"image"
	"image/draw"
	"image/jpeg"
	"slices"
	"sync"
	"time"

	"gatehouse/hub/internal/ffmpeg"
	"gatehouse/hub/internal/mp4"
	"gatehouse/hub/recording"
)

// ErrNoDecoder means that small pictures need ffmpeg, which is not installed.
var ErrNoDecoder = errors.New("pictures need ffmpeg, which is not installed")

// Bounds of strips. They live in memory alone: footage that retention deleted
// leaves no picture behind, and looking does not wear an SD card.
const (
	stripCells    = 6
	stripEvery    = 10 * time.Second
	stripWidth    = 160
	stripHeight   = 90
	maxStrips     = 1500 // a day and an hour of one camera
	maxStripBytes = 24 << 20
)

// Strip is a minute as six pictures side by side, 160 × 90 each: the key frame
// at or before the middle of every ten seconds, of the sub stream where there is
// one. The minute is the one that t is in. A picture that cannot be read is told
// of in its place. It answers ErrNoFootage where there is no picture, and
// ErrNoDecoder without ffmpeg.
func (s *Service) Strip(ctx context.Context, camera string, t time.Time) ([]byte, error) {
	if s.stills.ffmpeg == "" {
		return nil, ErrNoDecoder
	}
	minute := t.UTC().Truncate(time.Minute)
	times := make([]time.Time, stripCells)
	for i := range times {
		times[i] = minute.Add(time.Duration(i)*stripEvery + stripEvery/2)
	}
	cells, err := s.cells(ctx, camera, times, recording.Sub, recording.Main)
	if err != nil {
		return nil, err
	}
	name := stripKey{camera: camera, minute: minute.Unix()}
	for _, c := range cells {
		if c.key != nil {
			name.last = c.key.cacheKey()
		}
	}
	if jpeg := s.strips.get(name); jpeg != nil {
		return jpeg, nil
	}
	if err := s.fill(ctx, cells, stripWidth); err != nil {
		return nil, err
	}
	b, err := drawStrip(cells)
	if err == nil && !slices.ContainsFunc(cells, func(c cell) bool { return c.lost }) { // the disk may come back
		s.strips.put(name, b)
	}
	return b, err
}

func drawStrip(cells []cell) ([]byte, error) {
	faces.Lock()
	defer faces.Unlock()
	f, err := faces.load()
	if err != nil {
		return nil, err
	}
	img := image.NewRGBA(image.Rect(0, 0, stripCells*stripWidth, stripHeight))
	for i, c := range cells {
		at := image.Rect(i*stripWidth, 0, (i+1)*stripWidth, stripHeight)
		if c.picture != nil {
			centre(img, at, c.picture)
		} else if c.lost {
			line(img, at, f[1], cardText, unread, stripHeight/2+8)
		}
	}
	return encode(img, 70)
}

// unread stands where a picture should be that is recorded and cannot be read.
const unread = "Not readable"

// cell is the place of a picture among others.
type cell struct {
	at      time.Time   // that it is to show
	key     *stillKey   // nil if there is none
	picture image.Image // nil before it is filled, and where there is none
	lost    bool        // it is recorded and cannot be read
}

// cells finds a picture for each moment, in the first of streams that has one.
// It answers ErrNoFootage if nothing is recorded at any of them.
func (s *Service) cells(ctx context.Context, camera string, times []time.Time, streams ...string) ([]cell, error) {
	list := make([]cell, len(times))
	some := false
	for i, t := range times {
		list[i].at = t
		key, err := s.pictureIn(ctx, camera, t, false, streams...)
		switch {
		case err == nil:
			list[i].key = &key
		case errors.Is(err, errUnread):
			s.log.Warn("could not make small pictures", "camera", camera, "err", err)
			list[i].lost = true
		case !errors.Is(err, ErrNoFootage):
			return nil, err
		}
		some = some || err == nil || list[i].lost
	}
	if !some {
		return nil, ErrNoFootage
	}
	return list, nil
}

// fill makes the pictures of cells, so many pixels wide.
func (s *Service) fill(ctx context.Context, cells []cell, width int) error {
	keys := make([]*stillKey, len(cells))
	for i, c := range cells {
		keys[i] = c.key
	}
	pictures, err := s.thumbs(ctx, keys, width)
	for i, p := range pictures {
		cells[i].picture = p
		cells[i].lost = cells[i].lost || p == nil && keys[i] != nil
	}
	return err
}

// centre draws a picture in the middle of a cell, without what is over.
func centre(onto draw.Image, cell image.Rectangle, p image.Image) {
	b := p.Bounds()
	at := image.Pt((b.Dx()-cell.Dx())/2, (b.Dy()-cell.Dy())/2)
	inside := image.Rectangle{Min: cell.Min.Sub(at), Max: cell.Min.Sub(at).Add(b.Size())}.Intersect(cell)
	draw.Draw(onto, inside, p, b.Min.Add(inside.Min.Sub(cell.Min.Sub(at))), draw.Src)
}

func encode(img image.Image, quality int) ([]byte, error) {
	var b bytes.Buffer
	if err := jpeg.Encode(&b, img, &jpeg.Options{Quality: quality}); err != nil {
		return nil, fmt.Errorf("writing JPEG: %w", err)
	}
	return b.Bytes(), nil
}

// thumbs decodes pictures, so many pixels wide; a nil key is a nil picture, and
// so is one that cannot be read or decoded. Those of one initialisation are one
// run of the decoder, and each of them is decoded once.
func (s *Service) thumbs(ctx context.Context, keys []*stillKey, width int) ([]image.Image, error) {
	if err := s.stills.enter(ctx); err != nil {
		return nil, err
	}
	defer s.stills.leave()
	out := make([]image.Image, len(keys))
	done := map[cacheKey]image.Image{}
	for i := 0; i < len(keys); {
		if keys[i] == nil {
			i++
			continue
		}
		first, err := s.tables.get(keys[i].segment)
		if err != nil { // it could be read when it was looked for
			s.log.Warn("could not make small pictures", "camera", keys[i].segment.Camera, "err", err)
			i++
			continue
		}
		run, at := []*stillKey{}, i
		for ; i < len(keys) && len(run) < stripCells; i++ {
			if keys[i] == nil {
				break
			}
			t, err := s.tables.get(keys[i].segment)
			if err != nil || !sameTracks(first.file.Tracks, t.file.Tracks) {
				break
			}
			if !slices.ContainsFunc(run, func(k *stillKey) bool { return k.cacheKey() == keys[i].cacheKey() }) {
				run = append(run, keys[i])
			}
		}
		err = s.decodeInto(ctx, done, first, run, width)
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		if err != nil {
			s.log.Warn("could not make small pictures", "camera", run[0].segment.Camera, "err", err)
		}
		for ; at < i; at++ {
			out[at] = done[keys[at].cacheKey()]
		}
	}
	return out, nil
}

// decodeInto adds pictures that share an initialisation to done. Where the
// decoder gave fewer than it was asked for, nobody can say which, and each is
// decoded by itself: none is shown under the time of another. So it is where
// one could not be read.
func (s *Service) decodeInto(ctx context.Context, done map[cacheKey]image.Image, t *table, run []*stillKey, width int) error {
	pictures, err := s.decodeRun(ctx, t, run, width)
	if len(pictures) == len(run) {
		for n, p := range pictures {
			done[run[n].cacheKey()] = p
		}
		return err
	}
	if len(pictures) == 0 && (len(run) == 1 || !errors.Is(err, errUnread)) { // so would each be
		return err
	}
	err = nil
	for n := range run {
		err = errors.Join(err, s.decodeInto(ctx, done, t, run[n:n+1], width))
	}
	return err
}

// decodeRun decodes pictures that share an initialisation. It returns as many
// as the decoder gave, in order, and an error if those are not all.
func (s *Service) decodeRun(ctx context.Context, t *table, run []*stillKey, width int) (list []image.Image, err error) {
	film, err := s.filmOf(t, run)
	if err != nil {
		return nil, err
	}
	b, err := ffmpeg.Run(ctx, s.stills.ffmpeg, decodeLimits, film, maxJPEG, "-threads", "1", "-f", "mov", "-i", "pipe:0",
		"-an", "-fps_mode", "passthrough", "-filter_threads", "1", "-vf", fmt.Sprintf("scale=w=%d:h=-2", width), "-pix_fmt", "yuvj420p",
		"-threads", "1", "-c:v", "mjpeg", "-q:v", "4", "-f", "image2pipe", "pipe:1")
	if err != nil {
		return nil, fmt.Errorf("decoding pictures: %w", err)
	}
	for len(list) < len(run) && len(b) > 0 {
		end := bytes.Index(b, []byte{0xff, 0xd9}) // never inside of coded data (ITU-T T.81 B.1.1.5)
		if end < 0 {
			break
		}
		one := b[:end+2]
		b = b[end+2:]
		if err := checkJPEG(one); err != nil {
			return list, fmt.Errorf("decoding pictures: %w", err)
		}
		p, err := jpeg.Decode(bytes.NewReader(one))
		if err != nil {
			return list, fmt.Errorf("decoding pictures: %w", err)
		}
		list = append(list, p)
	}
	if len(list) < len(run) {
		return list, fmt.Errorf("%d of %d pictures could not be decoded", len(run)-len(list), len(run))
	}
	return list, nil
}

// filmOf is a film of key frames, one a second.
func (s *Service) filmOf(t *table, run []*stillKey) ([]byte, error) {
	var data []byte
	var samples []mp4.Sample
	for _, key := range run {
		picture, err := s.coded(*key)
		if err != nil {
			return nil, err
		}
		data = append(data, picture...)
		samples = append(samples, mp4.Sample{Size: uint32(len(picture)), Duration: t.file.Tracks[t.lead].Timescale, Sync: true})
	}
	return filmFrom(t, data, samples, run[0].taken), nil
}

// stripKey names a strip: the last picture in it tells a minute that is being
// recorded from the whole one.
type stripKey struct {
	camera string
	minute int64
	last   cacheKey
}

// strips keeps those that were asked for last.
type strips struct {
	mu     sync.Mutex // guards the rest
	byKey  map[stripKey]*list.Element
	recent *list.List // of strip, newest first
	bytes  int
}

type strip struct {
	key  stripKey
	jpeg []byte
}

func newStrips() *strips { return &strips{byKey: map[stripKey]*list.Element{}, recent: list.New()} }

func (s *strips) get(key stripKey) []byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	e, ok := s.byKey[key]
	if !ok {
		return nil
	}
	s.recent.MoveToFront(e)
	return e.Value.(strip).jpeg
}

func (s *strips) put(key stripKey, jpeg []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, ok := s.byKey[key]; ok {
		return
	}
	s.byKey[key] = s.recent.PushFront(strip{key, jpeg})
	s.bytes += len(jpeg)
	for s.recent.Len() > maxStrips || s.bytes > maxStripBytes {
		old := s.recent.Remove(s.recent.Back()).(strip)
		s.bytes -= len(old.jpeg)
		delete(s.byKey, old.key)
	}
}
