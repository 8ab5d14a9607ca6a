// Package homekit shows a waiting request as a HomeKit video doorbell whose
// snapshot is the request, drawn at home, and motion as a motion sensor.
package homekit

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"gatehouse/bridge/homekit/stream"
)

// Card is what the doorbell's picture says. Texts are untrusted plain text.
type Card struct {
	Request  string // id; the same id never rings twice
	Agency   string
	Domain   string // of the agency; stands for a name in letters that no font here has
	Case     string
	Area     string
	Window   string // in the home's time zone, in words
	Deadline string
	Hash     string // short hash words of the envelope
	Version  string // tells what the request says now from what it said before; not drawn
	Index    int    // 1 of Total
	Total    int
	Silent   bool // shown and never rung
}

// Config configures a Bridge.
type Config struct {
	Store      Store
	Dir        string   // where a hub of before kept pairings in files; they are taken over
	Name       string   // "Video request"
	Addr       string   // ip:port to listen on; port 0 picks one
	Interfaces []string // mDNS interfaces; empty means all but container bridges
	Neutral    bool     // the card shows only that a request waits
	Words      Words    // of the card's language; English if there are none
	Lock       bool     // the consent lock is there at first; see Bridge.SetLock
	Cameras    []Camera // each an accessory of its own; names differ

	// Unlock approves the request of a card that a controller looked at; an error
	// means that nothing was approved. Refused hears, in a word, why the lock was
	// not even asked for a card. Without Unlock there is no lock.
	Unlock  func(ctx context.Context, c Card) error
	Refused func(ctx context.Context, c Card, why string)

	FFmpeg stream.Runner // makes Opus of cameras' sound while somebody watches; nil without ffmpeg

	Log *slog.Logger
	Now func() time.Time
}

// Bridge is HomeKit accessories with one setup code, which opens them only while
// the owner has opened pairing: the request doorbell, which
// listens on Config.Addr, a motion sensor, which listens on the next port, and
// the cameras on those after it (or all on any, if the port is 0). They are separate because HomeKit sends a
// bridged camera's pictures through the home hub, and because a motion sensor on
// the doorbell itself would notify with the card's picture.
type Bridge struct {
	cfg      Config
	window   *window
	doorbell *doorbell
	sensor   *sensor
	lock     *lock
	bell     *server
	eye      *server
	cameras  []*camera

	started atomic.Bool
	ready   chan struct{}
	poke    chan struct{} // something for the loop of Run to look at

	mu     sync.Mutex // guards what follows
	addr   string
	eyeAt  string
	deck   deck
	rung   *rung
	motion time.Time // motion is reported until then

	face atomic.Pointer[face] // on display
}

// New opens or makes the accessories' identities. It does not listen yet.
func New(ctx context.Context, cfg Config) (*Bridge, error) {
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Words.Waits == nil || cfg.Words.Nth == nil {
		cfg.Words = English
	}
	if cfg.Addr == "" {
		cfg.Addr = "127.0.0.1:0"
	}
	if _, _, err := listenAddrs(cfg.Addr); err != nil {
		return nil, err
	}
	if cfg.Store == nil {
		return nil, errors.New("homekit needs a store for its keys")
	}
	cfg.Name = accessoryName(cfg.Name)
	b := &Bridge{window: &window{now: cfg.Now}, cfg: cfg, ready: make(chan struct{}), poke: make(chan struct{}, 1)}
	if err := b.open(ctx); err != nil {
		return nil, err
	}
	b.Show(nil)
	return b, nil
}

func (b *Bridge) open(ctx context.Context) error {
	kept, err := takeOver(ctx, b.cfg.Store, b.cfg.Dir)
	if err != nil {
		return err
	}
	b.window.set(time.Time{}, kept.Code)
	b.rung = openRung(b.cfg.Store, kept.Rung)
	bells, err := openStore(b.cfg.Store, kept.Accessories, "doorbell")
	if err != nil {
		return err
	}
	eyes, err := openStore(b.cfg.Store, kept.Accessories, "sensor")
	if err != nil {
		return err
	}
	eyeName := accessoryName("Motion at " + b.cfg.Name)
	b.doorbell = newDoorbell(b.cfg.Name, serial(bells), b.reel, b.cfg.Log)
	b.lock = b.newLock()
	b.sensor = newSensor(eyeName, serial(eyes))
	b.bell = &server{
		name: b.cfg.Name, category: categoryDoorbell,
		acc: b.doorbell.acc, store: bells, snapshot: b.snapshot,
		extra: b.lock.svc.S, extraOn: b.lockable(b.cfg.Lock),
	}
	b.eye = &server{
		name: eyeName, category: categorySensor,
		acc: b.sensor.acc, store: eyes,
	}
	for _, cam := range b.cfg.Cameras {
		c, err := newCamera(b, cam, kept.Accessories)
		if err != nil {
			return fmt.Errorf("camera %s: %w", cam.Name, err)
		}
		b.cameras = append(b.cameras, c)
	}
	for _, s := range b.servers() {
		s.window, s.log, s.now, s.changed = b.window, b.cfg.Log, b.cfg.Now, b.pairingsChanged
		if err := s.open(); err != nil {
			return err
		}
	}
	return nil
}

func serial(s *store) string { return strings.ReplaceAll(s.get().DeviceID, ":", "") }

// Code returns the setup code, which opens nothing while pairing is closed.
func (b *Bridge) Code() string {
	b.window.mu.Lock()
	defer b.window.mu.Unlock()
	return b.window.code
}

// Addr returns the address the doorbell listens on, once Run has started; Ready
// is closed then.
func (b *Bridge) Addr() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.addr
}

// Ready is closed when Run listens.
func (b *Bridge) Ready() <-chan struct{} { return b.ready }

// Show draws the cards that wait (the first is on display) and rings once for
// each request id not rung before, but for silent cards; an empty list shows the idle card.
//
// A card that has rung stays on display, unchanged, as long as its request is in
// the list and of the same Version: what a person decides about is what rang. A
// card of another version is shown at once and does not ring again; who saw the
// one before has not seen it. The others wait behind it, and ring when they come
// on display. Nothing rings while no controller is
// paired or Run is not running; the ring comes as soon as both are.
func (b *Bridge) Show(cards []Card) {
	b.mu.Lock()
	defer b.mu.Unlock()
	next, changed := b.deck.show(cards)
	if changed || b.face.Load() == nil {
		b.face.Store(newFace(next, b.style()))
	}
	b.wake()
}

func (b *Bridge) style() style { return style{say: b.cfg.Words, neutral: b.cfg.Neutral} }

// Motion reports motion anywhere for the given time, whatever was reported
// before; with no time it ends.
func (b *Bridge) Motion(d time.Duration) {
	b.mu.Lock()
	b.motion = time.Now().Add(d)
	b.mu.Unlock()
	b.wake()
}

// MotionAt reports whether a camera sees motion.
func (b *Bridge) MotionAt(camera string, moves bool) {
	for _, c := range b.cameras {
		if c.Name == camera {
			c.motion.SetValue(moves)
		}
	}
}

// wake makes the loop of Run look at what has changed. It never blocks.
func (b *Bridge) wake() {
	select {
	case b.poke <- struct{}{}:
	default:
	}
}

// snapshot returns the card on display in the size asked.
func (b *Bridge) snapshot(ctx context.Context, width, height int) []byte {
	f := b.face.Load()
	if c, ok := ctx.Value(connKey{}).(*conn); ok {
		asked := b.cfg.Now()
		c.sent = func() { b.looked(f.card, asked, c.controllerID()) }
	}
	return f.jpeg(width, height)
}

// looked notes that a controller was given a card.
func (b *Bridge) looked(c Card, asked time.Time, controller string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.deck.look(c, asked, controller)
}

// listenAddrs returns the addresses of the doorbell and of the sensor.
func listenAddrs(addr string) (bell, eye string, err error) {
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return "", "", fmt.Errorf("reading homekit address: %w", err)
	}
	n, err := net.LookupPort("tcp", port)
	if err != nil {
		return "", "", fmt.Errorf("reading homekit port: %w", err)
	}
	if n != 0 {
		n++
	}
	return addr, net.JoinHostPort(host, fmt.Sprint(n)), nil
}
