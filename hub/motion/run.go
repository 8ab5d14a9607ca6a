package motion

import (
	"context"
	"fmt"
	"log/slog"
	"reflect"
	"sync"
	"time"

	"gatehouse/hub/finding"
	"gatehouse/rtsp/onvif"
)

// Camera is a camera and how its motion is known.
type Camera struct {
	Name        string
	From        string       // ONVIF, Pictures or empty: by scripts only
	ONVIF       onvif.Config // From ONVIF; Camera and Log are set by the Service
	Channel     string       // From ONVIF: token of the video source that counts; empty: all
	Zones       []Zone       // From Pictures
	Sensitivity int          // From Pictures: 1 to 10; 0 means 5
}

// Watch sets the cameras that are watched. Those that did not change are not
// disturbed.
func (s *Service) Watch(list []Camera) {
	s.mu.Lock()
	s.want = list
	s.mu.Unlock()
	s.wake()
}

// watcher is a goroutine that watches one camera.
type watcher struct {
	of   Camera
	stop context.CancelFunc
	done chan struct{}
}

const (
	forgetEvery = time.Hour
	// keepLost is how long motion is kept at a camera without footage.
	keepLost = 30 * 24 * time.Hour
	// openMost is how long motion lasted at most that a crash left open: as long
	// as a camera's alarm counts without a repeat.
	openMost = 120 * time.Second
)

// Run watches and stores until ctx ends; what is on then ends. An error means
// that the database is broken.
func (s *Service) Run(ctx context.Context) error {
	ix := context.WithoutCancel(ctx) // what ends ctx must not keep the store from hearing of the end
	if err := s.cfg.Store.EndOpenMotions(ctx, openMost, time.Now()); err != nil {
		return err
	}
	running := map[string]*watcher{}
	watch, cancel := context.WithCancel(ctx)
	err := s.loop(watch, ix, running)
	cancel()
	for _, w := range running {
		<-w.done
	}
	if err != nil {
		return err
	}
	s.endAll(time.Now())
	return s.work(ix)
}

func (s *Service) loop(ctx, ix context.Context, running map[string]*watcher) error {
	forget := time.NewTicker(forgetEvery)
	defer forget.Stop()
	for {
		s.follow(ctx, running)
		due := s.expire(time.Now())
		if err := s.work(ix); err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return nil
		case <-s.kick:
		case <-due:
		case <-forget.C:
			if err := s.forget(ix); err != nil {
				return err
			}
		}
	}
}

// follow has exactly the wanted watchers run.
func (s *Service) follow(ctx context.Context, running map[string]*watcher) {
	s.mu.Lock()
	want := map[string]Camera{}
	for _, c := range s.want {
		if c.From != "" {
			want[c.Name] = c
		}
	}
	s.mu.Unlock()
	var ending []*watcher
	for name, w := range running {
		if !reflect.DeepEqual(want[name], w.of) {
			w.stop()
			ending = append(ending, w)
			delete(running, name)
		}
	}
	for _, w := range ending {
		<-w.done
		s.see(w.of.Name, true, nil)
	}
	for name, c := range want {
		if running[name] == nil {
			running[name] = s.start(ctx, c)
		}
	}
}

func (s *Service) start(ctx context.Context, c Camera) *watcher {
	ctx, stop := context.WithCancel(ctx)
	w := &watcher{of: c, stop: stop, done: make(chan struct{})}
	go func() {
		defer close(w.done)
		switch c.From {
		case ONVIF:
			s.listen(ctx, c)
		case Pictures:
			s.look(ctx, c)
		}
		s.tell(c.Name, c.From, false, time.Now(), 0)
	}()
	return w
}

// expire ends what scripts reported, and returns when to look again.
func (s *Service) expire(now time.Time) <-chan time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	var next time.Time
	for name, c := range s.cameras {
		a := c.alarms[Script]
		switch {
		case a == nil || !a.on:
		case !a.until.After(now):
			s.set(name, Script, false, a.until, 0)
		case next.IsZero() || a.until.Before(next):
			next = a.until
		}
	}
	if next.IsZero() {
		return nil
	}
	return time.After(next.Sub(now))
}

func (s *Service) endAll(now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for name, c := range s.cameras {
		for source := range c.alarms {
			s.set(name, source, false, now, 0)
		}
	}
}

// work tells and stores what has changed.
func (s *Service) work(ctx context.Context) error {
	s.mu.Lock()
	todo := s.todo
	s.todo, s.crowded = nil, false
	s.mu.Unlock()
	for _, ch := range todo {
		if ch.changed {
			s.cfg.Notify(ch.row.Camera, ch.moving)
		}
		if *ch.id != 0 {
			if err := s.cfg.Store.EndMotion(ctx, *ch.id, ch.row.To, ch.row.Score); err != nil {
				return fmt.Errorf("storing motion: %w", err)
			}
			continue
		}
		id, err := s.cfg.Store.AddMotion(ctx, ch.row)
		if err != nil {
			return fmt.Errorf("storing motion: %w", err)
		}
		*ch.id = id
	}
	return nil
}

// forget deletes motion that is older than the footage of its camera.
func (s *Service) forget(ctx context.Context) error {
	cameras, err := s.cfg.Store.MotionCameras(ctx)
	if err != nil {
		return fmt.Errorf("forgetting motion: %w", err)
	}
	for _, name := range cameras {
		before, err := s.cfg.Oldest(ctx, name)
		if err == nil {
			if before.IsZero() {
				before = time.Now().Add(-keepLost)
			}
			err = s.cfg.Store.ForgetMotions(ctx, name, before)
		}
		if err != nil {
			return fmt.Errorf("forgetting motion: %w", err)
		}
	}
	return nil
}

// listen hears a camera's own alarms until ctx ends.
func (s *Service) listen(ctx context.Context, c Camera) {
	cfg := c.ONVIF
	cfg.Camera, cfg.Log = c.Name, s.cfg.Log
	cam, err := s.cfg.Device(cfg)
	if err != nil {
		s.see(c.Name, false, finding.New("motion-address"))
		s.cfg.Log.Error("listening for motion", "camera", c.Name, "err", err)
		<-ctx.Done()
		return
	}
	var wg sync.WaitGroup
	defer wg.Wait()
	wg.Go(func() { s.ask(ctx, c.Name, cam) })
	on := map[[2]string]bool{}
	// Run has no error but the end of ctx.
	_ = cam.Run(ctx, func(m onvif.Motion) {
		if c.Channel != "" && m.Source != c.Channel {
			return
		}
		if m.On {
			on[[2]string{m.Topic, m.Source}] = true
		} else {
			delete(on, [2]string{m.Topic, m.Source})
		}
		s.tell(c.Name, ONVIF, len(on) > 0, m.At, 0)
		s.cfg.Log.Log(ctx, slog.LevelDebug, "camera tells motion", "camera", c.Name, "state", m.On)
	})
}

const askEvery = 2 * time.Second

// ask keeps in mind whether a camera would tell of motion.
func (s *Service) ask(ctx context.Context, name string, cam *onvif.Camera) {
	tick := time.NewTicker(askEvery)
	defer tick.Stop()
	for {
		st := cam.State()
		live := st.Phase == onvif.PhaseLive
		switch {
		case live:
			s.see(name, true, nil)
		case st.Cause.Code == "":
			s.see(name, false, finding.New("motion-silent"))
		default:
			s.see(name, false, st.Cause)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}
