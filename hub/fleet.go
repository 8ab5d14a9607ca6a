package main

import (
	"context"
	"fmt"
	"log/slog"
	"sort"
	"sync"

	"gatehouse/hub/config"
	"gatehouse/hub/control"
	"gatehouse/hub/recording"
	"gatehouse/rtsp"
)

// readerBytes bounds what may wait for one recorder: two groups of pictures
// of a generous camera.
const readerBytes = 16 << 20

// fleet runs a source and a recorder for each configured stream and follows
// changes of the configuration: only streams that changed are touched.
type fleet struct {
	archive *recording.Archive
	log     *slog.Logger
	fail    func(error) // a recorder returned an error: the index is broken

	mu      sync.Mutex // guards running and stopped
	running map[stream]*member
	stopped bool
}

type stream struct{ camera, stream string }

type member struct {
	url    string
	source *rtsp.Source
	stop   context.CancelFunc
	done   chan struct{}
}

func newFleet(a *recording.Archive, log *slog.Logger, fail func(error)) *fleet {
	return &fleet{archive: a, log: log, fail: fail, running: map[stream]*member{}}
}

// apply starts, stops and restarts streams so that those of c run. A stopped
// stream has finalised its segment when apply returns.
func (f *fleet) apply(cameras []config.Camera) {
	want := map[stream]string{}
	for _, c := range cameras {
		if c.Record == "off" {
			continue
		}
		want[stream{c.Name, recording.Main}] = c.URL
		if c.Sub != "" {
			want[stream{c.Name, recording.Sub}] = c.Sub
		}
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.stopped {
		return
	}
	var ending []*member
	for k, m := range f.running {
		if want[k] != m.url {
			m.stop()
			ending = append(ending, m)
			delete(f.running, k)
		}
	}
	for _, m := range ending {
		<-m.done
	}
	for k, url := range want {
		if f.running[k] == nil {
			f.running[k] = f.start(k, url)
		}
	}
}

func (f *fleet) start(k stream, url string) *member {
	ctx, stop := context.WithCancel(context.Background())
	log := f.log.With("stream", k.stream)
	m := &member{url: url, stop: stop, done: make(chan struct{})}
	m.source = rtsp.NewSource(rtsp.Config{Camera: k.camera, URL: url, Log: log})
	recorder := f.archive.Recorder(k.camera, k.stream, m.source.Reader(readerBytes))
	var wg sync.WaitGroup
	wg.Go(func() {
		if err := m.source.Run(ctx); err != nil {
			f.fail(fmt.Errorf("reading camera %s: %w", k.camera, err))
		}
	})
	wg.Go(func() {
		// Not ctx: the recorder ends when the source has ended, with all it sent on disk.
		if err := recorder.Run(context.Background()); err != nil {
			f.fail(fmt.Errorf("recording camera %s: %w", k.camera, err))
		}
	})
	go func() { wg.Wait(); close(m.done) }()
	return m
}

// stop ends all streams for good, segments finalised.
func (f *fleet) stop() {
	f.apply(nil)
	f.mu.Lock()
	defer f.mu.Unlock()
	f.stopped = true
}

// cameras lists the running streams by name.
func (f *fleet) cameras() []control.Camera {
	f.mu.Lock()
	defer f.mu.Unlock()
	list := make([]control.Camera, 0, len(f.running))
	for k, m := range f.running {
		list = append(list, control.Camera{Name: k.camera, Stream: k.stream, State: m.source.State})
	}
	sort.Slice(list, func(i, j int) bool {
		if list[i].Name != list[j].Name {
			return list[i].Name < list[j].Name
		}
		return list[i].Stream < list[j].Stream
	})
	return list
}
