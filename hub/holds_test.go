package main

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"gatehouse/hub/bulletin"
	"gatehouse/hub/clip"
	"gatehouse/hub/evidence"
	"gatehouse/hub/identity"
	"gatehouse/hub/internal/mp4/mp4test"
	"gatehouse/hub/ledger"
	"gatehouse/hub/recording"
	"gatehouse/hub/request"
	"gatehouse/hub/sqlite"
	"gatehouse/rtsp"
)

// rotating is a hub's footage, requests and packages on real disks, whose
// retention keeps one day, by a clock of the test's.
type rotating struct {
	*request.Service
	t       *testing.T
	archive *recording.Archive
	sealer  *evidence.Sealer
	first   time.Time // begin of the first of three recordings, an hour apart

	mu  sync.Mutex // guards clock
	now time.Time
}

func (h *rotating) clock() time.Time {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.now
}

func (h *rotating) pass(d time.Duration) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.now = h.now.Add(d)
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

// threeHours are three recordings of a few seconds, an hour apart.
func threeHours(t *testing.T, first time.Time) (items []rtsp.Item) {
	t.Helper()
	for n := range 3 {
		f := mp4test.Make(t, mp4test.Shot{Video: rtsp.H264, Seconds: 4, Width: 64, Rate: 5, Start: first.Add(time.Duration(n) * time.Hour)})
		if n > 0 {
			items = append(items, rtsp.Item{Break: &rtsp.Break{Reason: rtsp.ReasonClosed, From: first.Add(time.Duration(n-1)*time.Hour + 4*time.Second)}})
		}
		items = append(items, rtsp.Item{Session: f.Session})
		for _, u := range f.Units {
			items = append(items, rtsp.Item{Unit: u})
		}
	}
	return items
}

// newRotating has footage that began some time ago.
func newRotating(t *testing.T, ago time.Duration) *rotating {
	t.Helper()
	dir, quiet := t.TempDir(), slog.New(slog.DiscardHandler)
	h := &rotating{t: t, first: time.Now().UTC().Add(-ago).Truncate(time.Second)}
	h.now = h.first.Add(3 * time.Hour)
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	index, err := sqlite.OpenIndex(t.Context(), filepath.Join(dir, indexDB))
	must(err)
	t.Cleanup(func() { index.Close() })
	house, err := sqlite.OpenHouse(t.Context(), filepath.Join(dir, houseDB))
	must(err)
	t.Cleanup(func() { house.Close() })
	disk := filepath.Join(dir, "footage")
	h.archive, err = recording.OpenArchive(t.Context(), recording.ArchiveConfig{
		Index: index, Heads: house, Log: quiet, Now: h.clock,
		Disks: []recording.DiskConfig{{Path: disk, Profile: recording.ProfileDisk, Keep: recording.Keep{Days: 1}}},
	})
	must(err)
	must(h.archive.Recorder("porch", recording.Main, &played{threeHours(t, h.first)}).Run(t.Context()))
	keys, err := identity.Open(dir, true)
	must(err)
	log := ledger.New(house, keys.Ledger)
	h.sealer = evidence.NewSealer(evidence.Config{
		Clips: clip.New(clip.Config{Archive: h.archive, Log: quiet}), Archive: h.archive, Ledger: log, LedgerKey: keys.LedgerKey,
		Dir: filepath.Join(dir, sealedDir), Key: keys.Hub, Owner: keys.Owner, Software: "gatehouse test", Log: quiet, Now: h.clock,
	})
	h.Service, err = request.New(t.Context(), request.Config{
		Store: house, Footage: holdable{recorded{h.archive}, []string{disk}}, Sealer: h.sealer, Now: h.clock,
		Home: request.Home{Cameras: []request.Camera{{Name: "porch", Exterior: true}}, HoldQuota: request.HoldQuota{Percent: 10}},
	})
	must(err)
	return h
}

// asked is a request for the second recording, to be answered within four days.
func (h *rotating) asked() request.Record {
	h.t.Helper()
	r, err := h.Add(h.t.Context(), request.Manual{
		Who: "Officer Ruiz", Way: request.InPerson, AnswerBy: h.clock().Add(4 * 24 * time.Hour),
		Window: bulletin.Window{From: h.first.Add(50 * time.Minute), To: h.first.Add(70 * time.Minute)},
	})
	if err != nil {
		h.t.Fatal(err)
	}
	return r
}

// rotate lets the real retention run until it has left that many segments, and
// sees that it deletes no more.
func (h *rotating) rotate(left int) {
	h.t.Helper()
	ctx, stop := context.WithCancel(h.t.Context())
	ended := make(chan error, 1)
	go func() { ended <- h.archive.Run(ctx) }()
	for deadline := time.Now().Add(30 * time.Second); h.segments() != left && time.Now().Before(deadline); {
		time.Sleep(10 * time.Millisecond)
	}
	stop()
	if err := <-ended; err != nil && !errors.Is(err, context.Canceled) {
		h.t.Error(err)
	}
	if n := h.segments(); n != left {
		h.t.Fatalf("%d segments, want %d", n, left)
	}
}

func (h *rotating) segments() int {
	list, err := h.archive.Segments(h.t.Context(), "porch", "", h.first.Add(-time.Hour), h.first.Add(4*time.Hour))
	if err != nil {
		h.t.Error(err)
	}
	return len(list)
}

// TestApprovedAfterRotation: footage that retention would have deleted is held,
// sealed, approved and handed over days later; what is around it is deleted.
// The hold ends with the hand-over, and the package stays.
func TestApprovedAfterRotation(t *testing.T) {
	h := newRotating(t, 4*time.Hour)
	ctx := t.Context()
	r := h.asked()
	if h.segments() != 3 || r.HeldUntil.IsZero() {
		t.Fatalf("%d segments, held until %s", h.segments(), r.HeldUntil)
	}
	h.pass(3 * 24 * time.Hour)
	h.rotate(1)
	r, err := h.Prepare(ctx, r.ID, []evidence.Selection{{Camera: "porch", From: h.first.Add(time.Hour), To: h.first.Add(time.Hour + 3*time.Second)}})
	if err != nil {
		t.Fatal(err)
	}
	if r, err = h.Approve(ctx, r.ID, r.Package.Digest, "The owner", true); err != nil || r.State != request.Ready {
		t.Fatalf("%s, %v", r.State, err)
	}
	h.rotate(1)
	if r, err = h.Give(ctx, r.ID, request.Plain, false); err != nil {
		t.Fatal(err)
	}
	if _, err = h.HandedOver(ctx, r.ID, request.Handed{To: "Officer Ruiz", Way: request.InPerson}, "The owner"); err != nil {
		t.Fatal(err)
	}
	h.rotate(0)
	v, err := h.sealer.Reopen(*r.Package)
	if err != nil {
		t.Fatal(err)
	}
	v.Close()
}

func TestDeclinedFootageRotates(t *testing.T) {
	h := newRotating(t, 4*time.Hour)
	r := h.asked()
	h.pass(3 * 24 * time.Hour)
	h.rotate(1)
	if r, err := h.Decline(t.Context(), r.ID, "The owner"); err != nil || !r.HeldUntil.IsZero() {
		t.Fatalf("held until %s, %v", r.HeldUntil, err)
	}
	h.rotate(0)
}

// TestExpiredFootageRotates: a hold ends by itself seven days after the expiry,
// whether or not the hub ran at it. Holds go by the machine's clock, so the
// test's is a month behind.
func TestExpiredFootageRotates(t *testing.T) {
	h := newRotating(t, 30*24*time.Hour)
	r := h.asked()
	if want := r.Expires().Add(7 * 24 * time.Hour); !r.HeldUntil.Equal(want) || !want.Before(time.Now()) {
		t.Fatalf("held until %s, want %s", r.HeldUntil, want)
	}
	h.pass(12 * 24 * time.Hour)
	h.rotate(0)
}

// TestHoldable: what the quota counts by.
func TestHoldable(t *testing.T) {
	h := newRotating(t, 4*time.Hour)
	dir := t.TempDir()
	f := holdable{recorded{h.archive}, []string{dir, dir, filepath.Join(dir, "away")}}
	var disk unix.Statfs_t
	if err := unix.Statfs(dir, &disk); err != nil {
		t.Fatal(err)
	}
	if got, err := f.Capacity(t.Context()); err != nil || got != int64(disk.Blocks)*int64(disk.Bsize) {
		t.Errorf("capacity %d, %v", got, err)
	}
	if err := os.WriteFile(filepath.Join(dir, "file"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	f.folders = []string{filepath.Join(dir, "file", "below")}
	if _, err := f.Capacity(t.Context()); err == nil {
		t.Error("a folder that cannot be asked counts as nothing")
	}
	all, err := f.Bytes(t.Context(), "porch", h.first, h.first.Add(3*time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	one, err := f.Bytes(t.Context(), "porch", h.first.Add(time.Hour), h.first.Add(time.Hour+time.Second))
	if err != nil || one <= 0 || all < 2*one || all > 4*one {
		t.Errorf("%d bytes of %d, %v", one, all, err)
	}
	if none, err := f.Bytes(t.Context(), "porch", h.first.Add(30*time.Minute), h.first.Add(40*time.Minute)); err != nil || none != 0 {
		t.Errorf("%d bytes between the recordings, %v", none, err)
	}
}
