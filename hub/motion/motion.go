// Package motion knows when something moves in view of a camera: from the
// camera's own alarms (ONVIF), from its pictures, or from a script of the owner.
//
// What it knows is a convenience, never evidence: it decides what is recorded
// where the owner wants motion only, rings sensors and marks the timeline.
package motion

import (
	"context"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"

	"gatehouse/hub/finding"
	"gatehouse/rtsp"
	"gatehouse/rtsp/onvif"
)

// Where motion is known from.
const (
	ONVIF    = "onvif"    // the camera's own alarm
	Pictures = "pictures" // key frames, compared by the hub
	Script   = "script"   // gatehouse motion
)

// Motion is a span of time in which something moved.
type Motion struct {
	ID     int64     `json:"-"`
	Camera string    `json:"camera"`
	From   time.Time `json:"from"`
	To     time.Time `json:"to,omitzero"` // zero while it lasts
	Source string    `json:"source"`
	Score  float64   `json:"score,omitempty"` // of pictures: the largest part of the watched picture that moved, 0 to 1
}

// Store keeps motion. Times have microsecond resolution. Every method is safe
// for concurrent use; an error means the database is broken.
// [motiontest.TestStore] is its conformance suite.
type Store interface {
	// AddMotion stores a span and returns its id.
	AddMotion(ctx context.Context, m Motion) (int64, error)
	// EndMotion sets To and Score; a zero To has it last again. An id that was
	// forgotten meanwhile is no error.
	EndMotion(ctx context.Context, id int64, to time.Time, score float64) error
	// EndOpenMotions ends every span that lasts, most after its start but not
	// after now: what a crash left.
	EndOpenMotions(ctx context.Context, most time.Duration, now time.Time) error
	// Motions lists spans overlapping [from, to) by From. An empty camera means all.
	Motions(ctx context.Context, camera string, from, to time.Time) ([]Motion, error)
	// ForgetMotions deletes a camera's spans that ended before a time.
	ForgetMotions(ctx context.Context, camera string, before time.Time) error
	// MotionCameras lists the cameras that have spans.
	MotionCameras(ctx context.Context) ([]string, error)
}

// Config configures a Service.
type Config struct {
	Store  Store
	Log    *slog.Logger
	FFmpeg string // its path; empty if there is none
	// Reader subscribes to a running stream of a camera: the sub stream if there
	// is one. It is nil if the camera does not run.
	Reader func(camera string, maxBytes int) *rtsp.Reader
	// Device is the client of a camera's ONVIF service; nil: [onvif.New]. Its Run
	// is the Service's.
	Device func(onvif.Config) (*onvif.Camera, error)
	// Oldest is when the oldest footage of a camera begins; zero if there is none.
	Oldest func(ctx context.Context, camera string) (time.Time, error)
	// Notify hears when motion begins and ends at a camera. It must not block.
	Notify func(camera string, moving bool)
}

// Service gathers motion from all sources.
type Service struct {
	cfg  Config
	kick chan struct{} // holds a token when todo, an end or the cameras changed

	mu      sync.Mutex
	cameras map[string]*camera
	want    []Camera
	todo    []change
	crowded bool // todo was full
}

// New returns a Service that does nothing before Run.
func New(cfg Config) *Service {
	if cfg.Notify == nil {
		cfg.Notify = func(string, bool) {}
	}
	if cfg.Device == nil {
		cfg.Device = onvif.New
	}
	return &Service{cfg: cfg, kick: make(chan struct{}, 1), cameras: map[string]*camera{}}
}

// camera is what is known of one camera.
type camera struct {
	alarms   map[string]*alarm // by source
	from, to time.Time         // the newest span of all sources; to is zero while it lasts
	// blind is since when its source cannot tell motion; zero if it can, or if
	// there is none.
	blind   time.Time
	problem finding.Words // nil if all is well
}

// alarm is one source's motion.
type alarm struct {
	row     Motion
	on      bool
	until   time.Time // of a script: when it ends
	written *int64    // the row's id, once it is stored; shared with the changes that wait
}

// change is news for Notify and the Store.
type change struct {
	row     Motion
	id      *int64
	moving  bool
	changed bool // whether something moves at the camera changed
}

const (
	// settle is how soon motion of one source must come back to be the same motion.
	settle = 3 * time.Second
	// maxTodo bounds what waits for a slow disk.
	maxTodo = 1000
	// blindness is how long a source may fail before its camera counts as one at
	// which something may move: shorter than any pre-roll reaches back.
	blindness = 10 * time.Second
)

func (s *Service) wake() {
	select {
	case s.kick <- struct{}{}:
	default:
	}
}

// camera returns what is known of a camera. s.mu is held.
func (s *Service) camera(name string) *camera {
	c := s.cameras[name]
	if c == nil {
		c = &camera{alarms: map[string]*alarm{}}
		s.cameras[name] = c
	}
	return c
}

// Report tells of motion at a camera that lasts for a time from now on; with no
// time it ends what was reported.
func (s *Service) Report(name string, d time.Duration) {
	now := time.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	if d <= 0 {
		s.set(name, Script, false, now, 0)
		return
	}
	s.set(name, Script, true, now, 0)
	a := s.cameras[name].alarms[Script]
	if until := now.Add(d); until.After(a.until) {
		a.until = until
	}
	s.wake()
}

// tell takes what a source says of a camera.
func (s *Service) tell(name, source string, on bool, at time.Time, score float64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.set(name, source, on, at, score)
}

// set starts or ends a source's alarm, or raises its score. s.mu is held.
func (s *Service) set(name, source string, on bool, at time.Time, score float64) {
	c := s.camera(name)
	a := c.alarms[source]
	if a == nil {
		if !on {
			return
		}
		a = &alarm{}
		c.alarms[source] = a
	}
	if on == a.on {
		a.row.Score = max(a.row.Score, score)
		return
	}
	before := c.moving()
	a.on, a.until = on, time.Time{}
	at = at.Truncate(time.Microsecond)
	switch {
	case !on:
		if at.Before(a.row.From) {
			at = a.row.From
		}
		a.row.To = at
	case a.written != nil && at.Sub(a.row.To) < settle:
		a.row.To, a.row.Score = time.Time{}, max(a.row.Score, score)
	default:
		a.row = Motion{Camera: name, From: at, Source: source, Score: score}
		a.written = new(int64)
	}
	c.join(a, before)
	s.later(change{row: a.row, id: a.written, moving: c.moving(), changed: before != c.moving()})
}

// moving reports whether any source says so.
func (c *camera) moving() bool {
	for _, a := range c.alarms {
		if a.on {
			return true
		}
	}
	return false
}

// join makes an alarm that changed part of the camera's newest span.
func (c *camera) join(a *alarm, before bool) {
	switch {
	case a.on && !before:
		c.from, c.to = a.row.From, time.Time{}
	case a.on:
		if a.row.From.Before(c.from) {
			c.from = a.row.From
		}
	case !c.moving():
		for _, a := range c.alarms {
			if a.row.To.After(c.to) {
				c.to = a.row.To
			}
		}
	}
}

// later has a change told and stored by Run. s.mu is held.
func (s *Service) later(ch change) {
	if len(s.todo) >= maxTodo {
		if !s.crowded {
			s.crowded = true
			s.cfg.Log.Warn("motion comes faster than it can be stored", "camera", ch.row.Camera)
		}
		return
	}
	s.todo = append(s.todo, ch)
	s.wake()
}

// Moved implements [recording.Motion]: what is recorded on motion. A camera
// whose source of motion does not work counts as one at which something moves,
// so that a fault of the detector loses no footage.
func (s *Service) Moved(name string) (from, to time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.cameras[name]
	if c == nil {
		return from, to
	}
	if !c.blind.IsZero() && time.Since(c.blind) >= blindness && (c.from.IsZero() || !c.to.IsZero()) {
		return c.blind, time.Time{}
	}
	return c.from, c.to
}

// Moving reports whether something moves at any camera.
func (s *Service) Moving() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range s.cameras {
		if c.moving() {
			return true
		}
	}
	return false
}

// Motions lists motion that overlaps [from, to), by From. An empty camera means all.
func (s *Service) Motions(ctx context.Context, camera string, from, to time.Time) ([]Motion, error) {
	return s.cfg.Store.Motions(ctx, camera, from, to)
}

// see notes whether a camera's source can tell motion; problem is what the owner
// should know, nil for nothing.
func (s *Service) see(name string, sees bool, problem finding.Words) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.camera(name)
	c.problem = problem
	switch {
	case sees:
		c.blind = time.Time{}
	case c.blind.IsZero():
		c.blind = time.Now()
	}
}

// Problems are what keeps the hub from knowing of motion.
func (s *Service) Problems() (list []finding.Finding) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, name := range slices.Sorted(maps.Keys(s.cameras)) {
		if c := s.cameras[name]; c.problem != nil && (c.blind.IsZero() || time.Since(c.blind) >= blindness) {
			list = append(list, finding.New("motion", "camera", name, "cause", c.problem))
		}
	}
	return list
}
