package request_test

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"gatehouse/hub/bulletin"
	"gatehouse/hub/bulletin/bulletintest"
	"gatehouse/hub/evidence"
	"gatehouse/hub/ledger"
	"gatehouse/hub/request"
	"gatehouse/hub/sqlite"
)

// home is a hub's consent path on a real database, with footage and sealing
// played by fakes.
type home struct {
	*request.Service
	t       testing.TB
	dir     string
	house   *sqlite.House
	ledger  *ledger.Log
	footage *footage
	sealer  *sealer
	agency  *bulletintest.Agency
	log     *bulletintest.Log
	clock   *clock

	mu    sync.Mutex // guards notes
	notes []string   // "id state" as notified
}

type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) add(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// newHome has one agency, whose profile is in the log, and two cameras with footage.
func newHome(t testing.TB, change ...func(*request.Config)) *home {
	t.Helper()
	return newHomeOf(t, bulletintest.NewLog(t, 3), change...)
}

// newHomeOf is newHome with a log whose keys are those of keys.
func newHomeOf(t testing.TB, keys *bulletintest.Log, change ...func(*request.Config)) *home {
	t.Helper()
	h := &home{
		t: t, dir: t.TempDir(), footage: &footage{sec: map[string]float64{"porch": 3600, "hall": 3600}, held: map[string]time.Time{}},
		log: emptied(keys), clock: &clock{now: time.Now().UTC().Truncate(time.Second)},
	}
	h.sealer = &sealer{dir: h.dir}
	h.agency = bulletintest.New(t, h.clock.Now())
	h.log.Add(t, bulletin.KindProfile, h.agency.Envelope)
	var err error
	if h.house, err = sqlite.OpenHouse(t.Context(), filepath.Join(h.dir, "house.db")); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := h.house.Close(); err != nil {
			t.Error(err)
		}
	})
	h.ledger = ledger.New(h.house, nil)
	h.start(change...)
	return h
}

// emptied is a log with the keys of another and no entries.
func emptied(l *bulletintest.Log) *bulletintest.Log {
	return &bulletintest.Log{Key: l.Key, Witnesses: l.Witnesses, Origin: l.Origin, Signers: l.Signers}
}

func (h *home) start(change ...func(*request.Config)) {
	h.t.Helper()
	cfg := request.Config{
		Store: h.house, Footage: h.footage, Sealer: h.sealer, Agencies: filepath.Join(h.dir, "agencies"),
		Feeds: []request.Feed{{Name: "bulletin.example", URL: "https://bulletin.example/b", Log: h.log.Key, Witnesses: h.log.Witnesses}},
		Home: request.Home{
			Position: bulletintest.Centre,
			Cameras:  []request.Camera{{Name: "porch", Exterior: true}, {Name: "hall"}},
		},
		CoolDown: [2]time.Duration{5 * time.Minute, time.Hour},
		Now:      h.clock.Now,
		Notify: func(r request.Record) {
			h.mu.Lock()
			defer h.mu.Unlock()
			h.notes = append(h.notes, r.ID+" "+string(r.State))
		},
	}
	for _, f := range change {
		f(&cfg)
	}
	var err error
	if h.Service, err = request.New(h.t.Context(), cfg); err != nil {
		h.t.Fatal(err)
	}
}

// allowed takes the profile in and allows the agency.
func (h *home) allowed() *home {
	h.t.Helper()
	h.take()
	if _, err := h.Allow(h.t.Context(), h.agency.Agency, h.agency.RootID, "the owner"); err != nil {
		h.t.Fatal(err)
	}
	return h
}

// take brings everything in the log by way of the inbox.
func (h *home) take() {
	h.t.Helper()
	if err := h.Take(h.t.Context(), "inbox", h.log.File(h.t)); err != nil {
		h.t.Fatal(err)
	}
}

// publish signs a request and logs it; the next take brings it.
func (h *home) publish(q bulletin.Request) []byte {
	h.t.Helper()
	env := h.agency.Sign(h.t, q)
	kind := bulletin.KindRequest
	if q.Revision > 1 {
		kind = bulletin.KindUpdate
	}
	h.log.Add(h.t, kind, env)
	return env
}

func (h *home) request() bulletin.Request { return h.agency.Request(h.t, h.clock.Now()) }

// arrive publishes and takes a request; it must reach a state.
func (h *home) arrive(q bulletin.Request, want request.State) request.Record {
	h.t.Helper()
	h.publish(q)
	h.take()
	return h.is(q.ID, want)
}

func (h *home) is(id string, want request.State) request.Record {
	h.t.Helper()
	r, err := h.Get(h.t.Context(), id)
	if err != nil {
		h.t.Fatal(err)
	}
	if r.State != want {
		h.t.Fatalf("request is %s (%s %s), want %s", r.State, r.Code, r.Reason, want)
	}
	return r
}

// refusedAs returns the one refused record with a code.
func (h *home) refusedAs(code bulletin.Code) request.Record {
	h.t.Helper()
	list, err := h.ListIn(h.t.Context(), request.Refused)
	if err != nil {
		h.t.Fatal(err)
	}
	var found []request.Record
	for _, r := range list {
		if r.Code == code {
			found = append(found, r)
		}
	}
	if len(found) != 1 || found[0].Reason == "" {
		h.t.Fatalf("refused as %s: %v among %v, want one with a reason", code, found, list)
	}
	return found[0]
}

func (h *home) kinds(id string) []ledger.Kind {
	h.t.Helper()
	var out []ledger.Kind
	for _, e := range h.entries(id) {
		out = append(out, e.Kind)
	}
	return out
}

func (h *home) clips(r request.Record) []evidence.Selection {
	return []evidence.Selection{{Camera: "porch", From: r.Matches[0].From, To: r.Matches[0].From.Add(10 * time.Minute)}}
}

func (h *home) prepare(r request.Record) request.Record {
	h.t.Helper()
	p, err := h.Prepare(h.t.Context(), r.ID, h.clips(r))
	if err != nil {
		h.t.Fatal(err)
	}
	return p
}

// footage says that each camera has so many seconds in any window.
type footage struct {
	mu   sync.Mutex
	sec  map[string]float64
	held map[string]time.Time // "id camera" until
	disk int64                // capacity
}

// Bytes is one for each second of a window.
func (f *footage) Bytes(_ context.Context, _ string, from, to time.Time) (int64, error) {
	return int64(to.Sub(from).Seconds()), nil
}

func (f *footage) Capacity(context.Context) (int64, error) { return f.disk, nil }

func (f *footage) Recorded(_ context.Context, camera string, from, to time.Time) (float64, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return min(f.sec[camera], to.Sub(from).Seconds()), nil
}

func (f *footage) Hold(_ context.Context, id, camera string, _, _, until time.Time) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.held[id+" "+camera] = until
	return nil
}

func (f *footage) Release(_ context.Context, id string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	for k := range f.held {
		if len(k) > len(id) && k[:len(id)] == id {
			delete(f.held, k)
		}
	}
	return nil
}

// sealer writes a random file for a package and remembers what was ordered.
type sealer struct {
	dir    string
	orders []evidence.Order
	during func() // called while sealing
}

func (s *sealer) Seal(_ context.Context, o evidence.Order) (evidence.Package, error) {
	if s.during != nil {
		s.during()
	}
	s.orders = append(s.orders, o)
	data := []byte(rand.Text())
	sum := sha256.Sum256(data)
	p := evidence.Package{ID: fmt.Sprint("GH-TEST-", len(s.orders)), Digest: hex.EncodeToString(sum[:]), Bytes: int64(len(data))}
	p.Path = filepath.Join(s.dir, p.ID+".ghe")
	return p, os.WriteFile(p.Path, data, 0o600)
}

var errChanged = errors.New("the sealed file changed")

func (s *sealer) Open(p evidence.Package) (*evidence.Preview, error) {
	data, err := os.ReadFile(p.Path)
	if err != nil {
		return nil, err
	}
	if sum := sha256.Sum256(data); hex.EncodeToString(sum[:]) != p.Digest {
		return nil, errChanged
	}
	return nil, nil
}

func (s *sealer) Reopen(p evidence.Package) (*evidence.Preview, error) { return s.Open(p) }

func (s *sealer) Discard(p evidence.Package) error { return os.Remove(p.Path) }

func (s *sealer) Sweep(keep func(string) bool) error {
	all, err := filepath.Glob(filepath.Join(s.dir, "*.ghe"))
	for _, path := range all {
		if !keep(path) {
			err = errors.Join(err, os.Remove(path))
		}
	}
	return err
}

// run runs the service until stop.
func (h *home) run() (stop func()) {
	h.t.Helper()
	ctx, cancel := context.WithCancel(h.t.Context())
	done := make(chan error, 1)
	go func() { done <- h.Run(ctx) }()
	return func() {
		h.t.Helper()
		cancel()
		if err := <-done; err != nil {
			h.t.Error(err)
		}
	}
}

func (h *home) eventually(id string, want request.State) {
	h.t.Helper()
	h.until(func() bool {
		r, err := h.Get(h.t.Context(), id)
		return err == nil && r.State == want
	})
}

func (h *home) until(ok func() bool) {
	h.t.Helper()
	for end := time.Now().Add(20 * time.Second); !ok(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			h.t.Fatal("it did not happen")
		}
	}
}
