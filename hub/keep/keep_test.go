package keep_test

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"gatehouse/hub/internal/mp4/mp4test"
	"gatehouse/hub/keep"
	"gatehouse/hub/ledger"
	"gatehouse/hub/recording"
	"gatehouse/hub/sqlite"
	"gatehouse/rtsp"
)

var (
	owner    = keep.Person{Number: 1, Words: "The owner", Owner: true}
	approver = keep.Person{Number: 2, Words: "Approver 2"}
)

// home is a real archive on a real disk, which keeps next to nothing of itself.
type home struct {
	*keep.Service
	t       *testing.T
	dir     string
	index   *sqlite.Index
	house   *sqlite.House
	archive *recording.Archive
	first   time.Time     // of three recordings of two seconds, an hour apart
	now     time.Time     // of the service; holds go by the machine's clock
	leap    time.Duration // that the clock by which holds end does not believe
}

// played is a camera that sent what it has.
type played struct{ items []rtsp.Item }

func (p *played) Next(context.Context) (rtsp.Item, error) {
	if len(p.items) == 0 {
		return rtsp.Item{}, io.EOF
	}
	i := p.items[0]
	p.items = p.items[1:]
	return i, nil
}

// memory is a folder that needs no disk to sync, where there is one.
func memory(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("/dev/shm", "gatehouse")
	if err != nil {
		return t.TempDir()
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

func newHome(t *testing.T) *home {
	t.Helper()
	h := &home{t: t, dir: memory(t), now: time.Now()}
	h.first = h.now.UTC().Add(-10 * time.Hour).Truncate(time.Second)
	h.start("index.db")
	for _, of := range [][2]string{{"porch", recording.Main}, {"porch", recording.Sub}, {"yard", recording.Main}} {
		for n := range 3 {
			f := mp4test.Make(t, mp4test.Shot{Video: rtsp.H264, Seconds: 2, Width: 64, Rate: 5, Start: h.first.Add(time.Duration(n) * time.Hour)})
			items := []rtsp.Item{{Session: f.Session}}
			for _, u := range f.Units {
				items = append(items, rtsp.Item{Unit: u})
			}
			if err := h.archive.Recorder(of[0], of[1], &played{items}).Run(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
	}
	return h
}

// config is that of an archive over an index that lies in a file.
func (h *home) config(index string) recording.ArchiveConfig {
	h.t.Helper()
	var err error
	if h.index, err = sqlite.OpenIndex(h.t.Context(), filepath.Join(h.dir, index)); err != nil {
		h.t.Fatal(err)
	}
	h.t.Cleanup(func() { h.index.Close() })
	return recording.ArchiveConfig{
		Index: h.index, Disks: []recording.DiskConfig{{Path: filepath.Join(h.dir, "footage"), Keep: recording.Keep{Bytes: 1}}},
	}
}

// start is the start of a hub: databases, archive, then what is kept.
func (h *home) start(index string) {
	h.t.Helper()
	if h.house != nil {
		if err := errors.Join(h.index.Close(), h.house.Close()); err != nil {
			h.t.Fatal(err)
		}
	}
	var err error
	if h.house, err = sqlite.OpenHouse(h.t.Context(), filepath.Join(h.dir, "house.db")); err != nil {
		h.t.Fatal(err)
	}
	h.t.Cleanup(func() { h.house.Close() })
	if h.archive, err = recording.OpenArchive(h.t.Context(), h.config(index)); err != nil {
		h.t.Fatal(err)
	}
	h.serve(h.house)
}

func (h *home) serve(store keep.Store) {
	h.t.Helper()
	var err error
	h.Service, err = keep.New(h.t.Context(), keep.Config{
		Store: store, Footage: h.archive, Now: func() time.Time { return h.now }, Old: func() time.Time { return h.now.Add(-h.leap) },
	})
	if err != nil {
		h.t.Fatal(err)
	}
}

// rotate lets the real retention delete until so many segments are left and it
// has looked at what is held, which it does last: that all of it crowds the disk.
func (h *home) rotate(left int) {
	h.t.Helper()
	ctx, stop := context.WithCancel(h.t.Context())
	ended := make(chan error, 1)
	go func() { ended <- h.archive.Run(ctx) }()
	done := func() bool { return h.segments() == left && (len(h.archive.Crowded()) > 0) == (left > 0) }
	for deadline := time.Now().Add(60 * time.Second); !done() && time.Now().Before(deadline); {
		time.Sleep(10 * time.Millisecond)
	}
	stop()
	if err := <-ended; err != nil && !errors.Is(err, context.Canceled) {
		h.t.Error(err)
	}
	if !done() {
		h.t.Fatalf("%d segments, want %d; crowded: %q", h.segments(), left, h.archive.Crowded())
	}
}

func (h *home) segments() int {
	h.t.Helper()
	list, err := h.archive.Segments(h.t.Context(), "", "", h.first.Add(-time.Hour), h.now)
	if err != nil {
		h.t.Fatal(err)
	}
	return len(list)
}

// kinds are what the ledger has been told, in order.
func (h *home) kinds() string {
	h.t.Helper()
	leaves, err := h.house.Leaves(h.t.Context(), 0, 100)
	if err != nil {
		h.t.Fatal(err)
	}
	var list []string
	for _, l := range leaves {
		e, err := ledger.Decode(l)
		if err != nil {
			h.t.Fatal(err)
		}
		list = append(list, string(e.Kind))
		if strings.Contains(string(l), "burglar") {
			h.t.Errorf("a note is in the ledger: %s", l)
		}
	}
	return strings.Join(list, " ")
}

// second is the middle recording, of both cameras.
func (h *home) second() keep.Kept {
	return keep.Kept{
		Cameras: []string{"yard", "porch", "attic", "yard"}, From: h.first.Add(50 * time.Minute), To: h.first.Add(70 * time.Minute),
		Until: h.now.Add(30 * 24 * time.Hour), Note: " the burglar,\r\n قرب الباب 🐈 ",
	}
}

// TestKeptFootageStays: through retention that keeps nothing else, restarts, an
// index made anew and a camera that is gone; and goes once it is released.
func TestKeptFootageStays(t *testing.T) {
	h := newHome(t)
	ctx := t.Context()
	k, err := h.Keep(ctx, h.second(), approver)
	if err != nil {
		t.Fatal(err)
	}
	want := h.second()
	want.ID, want.By, want.Made, want.Cameras, want.Note = k.ID, 2, k.Made, []string{"porch", "yard"}, "the burglar, قرب الباب 🐈"
	want.Until = want.Until.UTC().Truncate(time.Microsecond)
	if diff := cmp.Diff(want, k); diff != "" || !strings.HasPrefix(k.ID, keep.Prefix) {
		t.Fatal(diff)
	}
	h.rotate(3)
	h.start("index.db")
	if list, err := h.List(ctx); err != nil || cmp.Diff([]keep.Kept{k}, list) != "" {
		t.Fatalf("after a restart: %+v, %v", list, err)
	}
	h.rotate(3)

	if n, err := recording.Rebuild(ctx, h.config("new.db"), func(recording.Finding) {}); err != nil || n != 3 {
		t.Fatalf("rebuilt %d segments, %v", n, err)
	}
	if err := h.index.Close(); err != nil {
		t.Fatal(err)
	}
	h.start("new.db")
	h.rotate(3)
	if err := h.Change(ctx, k.ID, "no burglar", time.Time{}, approver); err != nil {
		t.Fatal(err)
	}
	if err := h.Change(ctx, k.ID, "no burglar", time.Time{}, approver); err != nil { // again, and nothing to tell
		t.Fatal(err)
	}
	h.rotate(3)
	if k, err = h.Get(ctx, k.ID); err != nil || !k.Until.IsZero() || k.Note != "no burglar" {
		t.Fatalf("%+v, %v", k, err)
	}
	disks, err := h.archive.Disks(ctx)
	if err != nil || disks[0].Held == 0 || disks[0].Held != disks[0].Bytes {
		t.Errorf("%+v, %v", disks, err)
	}
	if err := h.Release(ctx, k.ID, owner); err != nil {
		t.Fatal(err)
	}
	h.rotate(0)
	if err := h.Release(ctx, k.ID, owner); !errors.Is(err, keep.ErrNotFound) {
		t.Errorf("released twice: %v", err)
	}
	if got := h.kinds(); got != "footage.kept footage.keep-changed footage.released" {
		t.Errorf("the ledger has %s", got)
	}
}

func TestWhatCannotBeKept(t *testing.T) {
	h := newHome(t)
	for name, c := range map[string]struct {
		change func(*keep.Kept)
		want   error
	}{
		"no camera":          {func(k *keep.Kept) { k.Cameras = nil }, keep.ErrRange},
		"too many cameras":   {func(k *keep.Kept) { k.Cameras = strings.Split(strings.Repeat("a b c d e f g h i ", 8)+"j", " ") }, keep.ErrNothing},
		"reversed":           {func(k *keep.Kept) { k.From, k.To = k.To, k.From }, keep.ErrRange},
		"to come":            {func(k *keep.Kept) { k.From, k.To = h.now.Add(time.Hour), h.now.Add(2*time.Hour) }, keep.ErrRange},
		"two days":           {func(k *keep.Kept) { k.From = k.From.Add(-48 * time.Hour) }, keep.ErrRange},
		"nothing there":      {func(k *keep.Kept) { k.To = k.From.Add(time.Minute) }, keep.ErrNothing},
		"another camera":     {func(k *keep.Kept) { k.Cameras = []string{"attic"} }, keep.ErrNothing},
		"an end that is now": {func(k *keep.Kept) { k.Until = h.now }, keep.ErrUntil},
		"an end far away":    {func(k *keep.Kept) { k.Until = h.now.AddDate(11, 0, 0) }, keep.ErrUntil},
		"a long note":        {func(k *keep.Kept) { k.Note = strings.Repeat("ن", keep.MaxNote+1) }, keep.ErrNote},
		"no text":            {func(k *keep.Kept) { k.Note = "\xff" }, keep.ErrNote},
	} {
		k := h.second()
		c.change(&k)
		if _, err := h.Keep(t.Context(), k, owner); !errors.Is(err, c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if holds, err := h.archive.Holds(t.Context()); err != nil || len(holds) != 0 || h.kinds() != "" {
		t.Errorf("something is held: %+v, %v, %s", holds, err, h.kinds())
	}
	k := h.second()
	k.Note = strings.Repeat("ن", keep.MaxNote)
	if _, err := h.Keep(t.Context(), k, owner); err != nil {
		t.Errorf("the longest note: %v", err)
	}
	h.rotate(3)
}

// TestWhoMayChange: what an owner keeps is not an approver's to let go.
func TestWhoMayChange(t *testing.T) {
	h := newHome(t)
	ctx := t.Context()
	k, err := h.Keep(ctx, h.second(), owner)
	if err != nil {
		t.Fatal(err)
	}
	if err := h.Release(ctx, k.ID, approver); !errors.Is(err, keep.ErrNotYours) {
		t.Errorf("released: %v", err)
	}
	if err := h.Change(ctx, k.ID, "", h.now.Add(time.Second), approver); !errors.Is(err, keep.ErrNotYours) {
		t.Errorf("changed: %v", err)
	}
	if err := h.Change(ctx, "own-none", "", time.Time{}, owner); !errors.Is(err, keep.ErrNotFound) {
		t.Errorf("changed what is not there: %v", err)
	}
	h.rotate(3)
}

// TestHoldThatEnds by itself lets its footage go, can be set anew while there is
// some, and is forgotten after a month.
func TestHoldThatEnds(t *testing.T) {
	h := newHome(t)
	ctx := t.Context()
	k := h.second()
	k.Until = h.now.Add(-time.Hour)
	h.now = h.now.Add(-2 * time.Hour) // the service is behind the clock that holds go by
	k, err := h.Keep(ctx, k, owner)
	if err != nil {
		t.Fatal(err)
	}
	h.now = time.Now()
	if !k.Ended(h.now) {
		t.Fatal("it has not ended")
	}
	if err := h.Change(ctx, k.ID, k.Note, h.now.Add(time.Hour), owner); err != nil {
		t.Fatal(err)
	}
	h.rotate(3)
	h.now = h.now.Add(-3 * time.Hour)
	if err := h.Change(ctx, k.ID, k.Note, k.Until, owner); err != nil {
		t.Fatal(err)
	}
	h.now = time.Now()
	h.rotate(0)
	if err := h.Change(ctx, k.ID, k.Note, h.now.Add(time.Hour), owner); !errors.Is(err, keep.ErrNothing) {
		t.Errorf("kept what is gone: %v", err)
	}
	if list, err := h.List(ctx); err != nil || len(list) != 1 {
		t.Fatalf("%+v, %v", list, err)
	}
	h.now, h.leap = h.now.Add(31*24*time.Hour), 31*24*time.Hour
	if list, err := h.List(ctx); err != nil || len(list) != 1 {
		t.Errorf("a leap of the clock made it forgotten: %+v, %v", list, err)
	}
	h.leap = 0
	if list, err := h.List(ctx); err != nil || len(list) != 0 {
		t.Errorf("%+v, %v", list, err)
	}
	if holds, err := h.archive.Holds(ctx); err != nil || len(holds) != 0 {
		t.Errorf("%+v, %v", holds, err)
	}
}

// torn is a store whose changes fail.
type torn struct {
	keep.Store
	err error
}

func (s torn) AddKept(context.Context, keep.Kept, ledger.Entry) error    { return s.err }
func (s torn) DropKept(context.Context, string, ...ledger.Entry) error   { return s.err }
func (s torn) ChangeKept(context.Context, keep.Kept, ledger.Entry) error { return s.err }

// TestStoreAndIndexAgree: what the store did not take is not held; what the
// store has stays held, and what a crash left in the index alone is let go.
func TestStoreAndIndexAgree(t *testing.T) {
	h := newHome(t)
	ctx := t.Context()
	fault := errors.New("disk gone")
	h.serve(torn{h.house, fault})
	if _, err := h.Keep(ctx, h.second(), owner); !errors.Is(err, fault) {
		t.Fatal(err)
	}
	if holds, err := h.archive.Holds(ctx); err != nil || len(holds) != 0 {
		t.Errorf("%+v, %v", holds, err)
	}
	h.serve(h.house)
	k, err := h.Keep(ctx, h.second(), owner)
	if err != nil {
		t.Fatal(err)
	}
	h.serve(torn{h.house, fault})
	if err := errors.Join(h.Release(ctx, k.ID, owner), h.Change(ctx, k.ID, "", time.Time{}, owner)); !errors.Is(err, fault) {
		t.Fatal(err)
	}
	for _, id := range []string{keep.Prefix + "crash", "01936f2a-7c00-7000-8000-000000000001"} {
		if err := h.archive.Hold(ctx, recording.Hold{ID: id, Camera: "yard", From: h.first, To: h.first.Add(time.Minute), Until: h.now.Add(time.Hour)}); err != nil {
			t.Fatal(err)
		}
	}
	h.serve(h.house)
	var ids []string
	holds, err := h.archive.Holds(ctx)
	for _, x := range holds {
		ids = append(ids, x.ID+" "+x.Camera)
	}
	want := []string{"01936f2a-7c00-7000-8000-000000000001 yard", k.ID + " porch", k.ID + " yard"}
	if diff := cmp.Diff(want, ids); err != nil || diff != "" {
		t.Errorf("%v %s", err, diff)
	}
}
