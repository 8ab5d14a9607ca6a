package recording

import (
	"context"
	"fmt"
	"log/slog"
	"sort"
	"sync"

	"gatehouse/rtsp"
)

// readerBytes bounds what may wait for one recorder: two groups of pictures
// of a generous camera.
const readerBytes = 16 << 20

// Source names a stream and where it comes from.
type Source struct {
	Camera, Stream string
	URL            string // rtsp://… or rtsps://…, with credentials
	Transport      rtsp.Transport
	Silent         bool     // the camera is not asked for sound
	TLS            string   // the certificate that is pinned, as rtsp.Config has it
	When           OnMotion // without a Motion all is recorded
}

// Live is a stream that runs.
type Live struct {
	Camera, Stream string
	State          func() rtsp.State
}

// Fleet runs a source and a recorder for each stream and follows changes: only
// streams that changed are touched.
type Fleet struct {
	archive *Archive
	log     *slog.Logger
	fail    func(error)

	mu      sync.Mutex // guards running and stopped
	running map[streamName]*member
	stopped bool
}

type streamName struct{ camera, stream string }

type member struct {
	of     Source
	source *rtsp.Source
	stop   context.CancelFunc
	done   chan struct{}
}

// NewFleet returns a Fleet without streams. fail hears of a recorder that ended
// with an error: the index is broken and the program should end.
func NewFleet(a *Archive, log *slog.Logger, fail func(error)) *Fleet {
	return &Fleet{archive: a, log: log, fail: fail, running: map[streamName]*member{}}
}

// Apply starts, stops and restarts streams so that exactly those of list run. A
// stream that stops has finalised its segment when Apply returns.
func (f *Fleet) Apply(list []Source) {
	want := map[streamName]Source{}
	for _, s := range list {
		want[streamName{s.Camera, s.Stream}] = s
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.stopped {
		return
	}
	var ending []*member
	for k, m := range f.running {
		if want[k] != m.of {
			m.stop()
			ending = append(ending, m)
			delete(f.running, k)
		}
	}
	for _, m := range ending {
		<-m.done
	}
	for k, s := range want {
		if f.running[k] == nil {
			f.running[k] = f.start(s)
		}
	}
}

func (f *Fleet) start(s Source) *member {
	ctx, stop := context.WithCancel(context.Background())
	log := f.log.With("stream", s.Stream)
	m := &member{of: s, stop: stop, done: make(chan struct{})}
	m.source = rtsp.NewSource(rtsp.Config{Camera: s.Camera, URL: s.URL, Transport: s.Transport, TLS: s.TLS, Silent: s.Silent, Log: log})
	recorder := f.archive.Recorder(s.Camera, s.Stream, m.source.Reader(readerBytes))
	if s.When.Motion != nil {
		recorder.OnMotion(s.When)
	}
	var wg sync.WaitGroup
	wg.Go(func() {
		if err := m.source.Run(ctx); err != nil {
			f.fail(fmt.Errorf("reading camera %s: %w", s.Camera, err))
		}
	})
	wg.Go(func() {
		// Not ctx: the recorder ends when the source has ended, with all it sent on disk.
		if err := recorder.Run(context.Background()); err != nil {
			f.fail(fmt.Errorf("recording camera %s: %w", s.Camera, err))
		}
	})
	go func() { wg.Wait(); close(m.done) }()
	return m
}

// Stop ends all streams for good, their segments finalised.
func (f *Fleet) Stop() {
	f.Apply(nil)
	f.mu.Lock()
	defer f.mu.Unlock()
	f.stopped = true
}

// Reader subscribes to a stream, as [rtsp.Source.Reader] does. It is nil if the
// stream does not run.
func (f *Fleet) Reader(camera, stream string, maxBytes int) *rtsp.Reader {
	f.mu.Lock()
	defer f.mu.Unlock()
	m := f.running[streamName{camera, stream}]
	if m == nil {
		return nil
	}
	return m.source.Reader(maxBytes)
}

// Streams lists what runs, by camera and stream.
func (f *Fleet) Streams() []Live {
	f.mu.Lock()
	defer f.mu.Unlock()
	list := make([]Live, 0, len(f.running))
	for k, m := range f.running {
		list = append(list, Live{Camera: k.camera, Stream: k.stream, State: m.source.State})
	}
	sort.Slice(list, func(i, j int) bool {
		if list[i].Camera != list[j].Camera {
			return list[i].Camera < list[j].Camera
		}
		return list[i].Stream < list[j].Stream
	})
	return list
}
