// Package keep is the household's own hold on footage: a range of some cameras
// that no rule deletes until a day comes or somebody releases it. No request has
// to do with it, and nothing of it leaves the home.
package keep

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode"
	"unicode/utf8"

	"gatehouse/hub/ledger"
	"gatehouse/hub/recording"
)

// Prefix begins the id of every hold of the household's own. No id of a request
// begins with it.
const Prefix = "own-"

// Bounds of what is kept.
const (
	MaxNote    = 500 // characters
	MaxCameras = 64
	MaxRange   = 24 * time.Hour
	MaxUntil   = 10 * 366 * 24 * time.Hour // ahead; beyond it one is kept until it is released
	maxKept    = 200
	// remembered is how long a hold that ended by itself stays on the list.
	remembered = 30 * 24 * time.Hour
)

// Errors: a person's input.
var (
	ErrNotFound = errors.New("nothing of this name is kept")
	ErrNote     = errors.New("the note is too long or no text")
	ErrUntil    = errors.New("the end is past or too far away")
	ErrRange    = errors.New("a range is of one camera at least and of one day at most")
	ErrNothing  = errors.New("nothing is recorded in the range")
	ErrMany     = errors.New("too much is kept")
	ErrNotYours = errors.New("an owner or whoever kept it may change it")
)

// Kept is footage that is kept.
type Kept struct {
	ID       string
	Cameras  []string  // those that had footage in the range
	From, To time.Time // whole segments that touch it are kept
	Until    time.Time // zero: until somebody releases it
	Note     string    // one line; it stays at home, the ledger has none of it
	By       int64     // account.Person.Number
	Made     time.Time
}

// Ended reports whether its time was over at a moment.
func (k Kept) Ended(now time.Time) bool { return !k.Until.IsZero() && !k.Until.After(now) }

// Person is who acts.
type Person struct {
	Number int64
	Words  string // for the ledger: a role and a number
	Owner  bool
}

// Store remembers what is kept. A change and its ledger entry are one transaction.
type Store interface {
	// Kept lists everything, the newest first.
	Kept(ctx context.Context) ([]Kept, error)
	AddKept(ctx context.Context, k Kept, e ledger.Entry) error
	// ChangeKept replaces end and note, or answers ErrNotFound.
	ChangeKept(ctx context.Context, k Kept, e ledger.Entry) error
	// DropKept forgets one, or answers ErrNotFound. What ended by itself has no entry.
	DropKept(ctx context.Context, id string, e ...ledger.Entry) error
}

// Footage is what can be kept; *recording.Archive is one.
type Footage interface {
	Segments(ctx context.Context, camera, stream string, from, to time.Time) ([]recording.Segment, error)
	Hold(ctx context.Context, h recording.Hold) error
	Holds(ctx context.Context) ([]recording.Hold, error)
	Release(ctx context.Context, id string) error
}

// Config configures a Service.
type Config struct {
	Store   Store
	Footage Footage
	Now     func() time.Time // default time.Now
	Old     func() time.Time // the clock by which holds end, which believes no leap at once; default Now
}

// Service keeps footage. Its methods are safe for concurrent use.
type Service struct {
	cfg Config
	mu  sync.Mutex // held while something changes
}

// New returns a Service once every hold of the household's own is in force as
// the store has it, and no other is: the index that retention asks may have been
// rebuilt, or a crash come between the two.
func New(ctx context.Context, cfg Config) (*Service, error) {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Old == nil {
		cfg.Old = cfg.Now
	}
	s := &Service{cfg: cfg}
	list, err := cfg.Store.Kept(ctx)
	if err != nil {
		return nil, err
	}
	for _, k := range list {
		if err := s.hold(ctx, k); err != nil {
			return nil, err
		}
	}
	holds, err := cfg.Footage.Holds(ctx)
	if err != nil {
		return nil, err
	}
	for _, h := range holds {
		known := slices.ContainsFunc(list, func(k Kept) bool { return k.ID == h.ID })
		if known || !strings.HasPrefix(h.ID, Prefix) {
			continue
		}
		if err := cfg.Footage.Release(ctx, h.ID); err != nil {
			return nil, fmt.Errorf("ending a hold: %w", err)
		}
	}
	return s, nil
}

// forever stands for the end of what is kept until it is released.
var forever = time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC)

func (s *Service) hold(ctx context.Context, k Kept) error {
	until := k.Until
	if until.IsZero() {
		until = forever
	}
	for _, camera := range k.Cameras {
		h := recording.Hold{ID: k.ID, Camera: camera, From: k.From, To: k.To, Until: until, Note: "kept"}
		if err := s.cfg.Footage.Hold(ctx, h); err != nil {
			return fmt.Errorf("holding footage: %w", err)
		}
	}
	return nil
}

// List lists what is kept, the newest first, and what ended by itself lately.
func (s *Service) List(ctx context.Context) ([]Kept, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.list(ctx)
}

func (s *Service) list(ctx context.Context) ([]Kept, error) {
	list, err := s.cfg.Store.Kept(ctx)
	if err != nil {
		return nil, err
	}
	var out []Kept
	for _, k := range list {
		if k.Until.IsZero() || s.cfg.Old().Before(k.Until.Add(remembered)) {
			out = append(out, k)
			continue
		}
		if err := s.drop(ctx, k.ID); err != nil && !errors.Is(err, ErrNotFound) {
			return nil, err
		}
	}
	return out, nil
}

// Get finds one.
func (s *Service) Get(ctx context.Context, id string) (Kept, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.get(ctx, id)
}

func (s *Service) get(ctx context.Context, id string) (Kept, error) {
	list, err := s.list(ctx)
	if err != nil {
		return Kept{}, err
	}
	if i := slices.IndexFunc(list, func(k Kept) bool { return k.ID == id }); i >= 0 {
		return list[i], nil
	}
	return Kept{}, ErrNotFound
}

// Keep holds a range of cameras. What has not been recorded yet is left out, and
// so are cameras of which nothing is. The footage is held before it returns, and
// survives a power cut then.
func (s *Service) Keep(ctx context.Context, k Kept, by Person) (Kept, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.cfg.Now()
	k.ID, k.By, k.Made = Prefix+strings.ToLower(rand.Text()[:16]), by.Number, now.UTC().Truncate(time.Microsecond)
	k.From, k.To = k.From.UTC().Truncate(time.Microsecond), k.To.UTC().Truncate(time.Microsecond)
	if k.To.After(now) {
		k.To = k.Made
	}
	slices.Sort(k.Cameras)
	k.Cameras = slices.Compact(k.Cameras)
	if n := len(k.Cameras); n == 0 || n > MaxCameras || !k.From.Before(k.To) || k.To.Sub(k.From) > MaxRange {
		return Kept{}, ErrRange
	}
	if err := s.check(&k, now); err != nil {
		return Kept{}, err
	}
	list, err := s.list(ctx)
	if err != nil {
		return Kept{}, err
	}
	if len(list) >= maxKept {
		return Kept{}, ErrMany
	}
	if k.Cameras, err = s.recorded(ctx, k); err != nil {
		return Kept{}, err
	}
	// Held first: what is there now is there when the store says so.
	if err := s.hold(ctx, k); err != nil {
		return Kept{}, err
	}
	if _, err = s.recorded(ctx, k); err == nil {
		err = s.cfg.Store.AddKept(ctx, k, entry(ledger.Kept, k, now, "%s keeps footage of %s from deletion %s.", by.Words, cameras(k), until(k)))
	}
	if err != nil {
		return Kept{}, errors.Join(err, s.cfg.Footage.Release(context.WithoutCancel(ctx), k.ID))
	}
	return k, nil
}

// Change replaces end and note. One that has ended is held again if there still
// is footage of it.
func (s *Service) Change(ctx context.Context, id, note string, end time.Time, by Person) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	was, err := s.may(ctx, id, by)
	if err != nil {
		return err
	}
	k, now := was, s.cfg.Now()
	k.Note, k.Until = note, end
	if err := s.check(&k, now); err != nil {
		return err
	}
	if was.Ended(s.cfg.Old()) {
		if _, err := s.recorded(ctx, k); err != nil {
			return err
		}
	}
	if k.Until.Equal(was.Until) && k.Note == was.Note {
		return nil
	}
	text := "%s changed the end: footage of %s is kept from deletion %s."
	if k.Until.Equal(was.Until) {
		text = "%s changed the note: footage of %s is kept from deletion %s."
	}
	if err := s.cfg.Store.ChangeKept(ctx, k, entry(ledger.KeptChanged, k, now, text, by.Words, cameras(k), until(k))); err != nil {
		return err
	}
	return s.hold(context.WithoutCancel(ctx), k)
}

// Release ends a hold: the rules that delete apply to its footage again.
func (s *Service) Release(ctx context.Context, id string, by Person) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	k, err := s.may(ctx, id, by)
	if err != nil {
		return err
	}
	return s.drop(ctx, id, entry(ledger.Released, k, s.cfg.Now(), "%s released footage of %s that was kept from deletion.", by.Words, cameras(k)))
}

// drop forgets a hold and then ends it: what the store has is held.
func (s *Service) drop(ctx context.Context, id string, e ...ledger.Entry) error {
	if err := s.cfg.Store.DropKept(ctx, id, e...); err != nil {
		return err
	}
	if err := s.cfg.Footage.Release(context.WithoutCancel(ctx), id); err != nil {
		return fmt.Errorf("ending a hold: %w", err)
	}
	return nil
}

// may finds one that a person may change.
func (s *Service) may(ctx context.Context, id string, by Person) (Kept, error) {
	k, err := s.get(ctx, id)
	if err == nil && !by.Owner && k.By != by.Number {
		return Kept{}, ErrNotYours
	}
	return k, err
}

// check tidies note and end.
func (s *Service) check(k *Kept, now time.Time) error {
	if !utf8.ValidString(k.Note) {
		return ErrNote
	}
	k.Note = strings.Join(strings.FieldsFunc(k.Note, func(r rune) bool { return unicode.IsSpace(r) || unicode.IsControl(r) }), " ")
	if utf8.RuneCountInString(k.Note) > MaxNote {
		return ErrNote
	}
	if k.Until = k.Until.UTC().Truncate(time.Microsecond); !k.Until.IsZero() && (!k.Until.After(now) || k.Until.Sub(now) > MaxUntil) {
		return ErrUntil
	}
	return nil
}

// recorded are the cameras that have footage in the range; ErrNothing if none has.
func (s *Service) recorded(ctx context.Context, k Kept) (list []string, err error) {
	for _, camera := range k.Cameras {
		some, err := s.cfg.Footage.Segments(ctx, camera, "", k.From, k.To)
		if err != nil {
			return nil, err
		}
		if len(some) > 0 {
			list = append(list, camera)
		}
	}
	if len(list) == 0 {
		return nil, ErrNothing
	}
	return list, nil
}

// entry is what the ledger is told: who, which footage, how long. The note is a
// person's own and can be taken back, which the ledger never can.
func entry(kind ledger.Kind, k Kept, now time.Time, text string, args ...any) ledger.Entry {
	data := map[string]any{"keep": k.ID, "cameras": k.Cameras, "from": k.From, "to": k.To}
	if !k.Until.IsZero() {
		data["until"] = k.Until
	}
	b, err := json.Marshal(data)
	if err != nil {
		panic(err) // strings and times of four-digit years
	}
	return ledger.Entry{Time: now, Kind: kind, Text: fmt.Sprintf(text, args...), Data: b}
}

func cameras(k Kept) string {
	n := fmt.Sprintf("%d cameras", len(k.Cameras))
	if len(k.Cameras) == 1 {
		n = "one camera"
	}
	return n + ", " + k.From.Format(stamp) + " to " + k.To.Format(stamp) + " UTC"
}

func until(k Kept) string {
	if k.Until.IsZero() {
		return "until it is released"
	}
	return "until " + k.Until.Format(stamp) + " UTC"
}

const stamp = "2006-01-02 15:04:05"
