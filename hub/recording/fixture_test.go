package recording_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"gatehouse/hub/internal/mp4/mp4test"
	"gatehouse/hub/recording"
	"gatehouse/hub/sqlite"
	"gatehouse/rtsp"
)

// soaking asks for the long tests: make soak.
var soaking = os.Getenv("GATEHOUSE_SOAK") != ""

// script is Units from a list; it ends with io.EOF.
type script struct {
	items []rtsp.Item
	at    func(i int) // called before item i is given out
	next  int
}

func (s *script) Next(ctx context.Context) (rtsp.Item, error) {
	if err := ctx.Err(); err != nil {
		return rtsp.Item{}, err
	}
	if s.at != nil {
		s.at(s.next)
	}
	if s.next == len(s.items) {
		return rtsp.Item{}, io.EOF
	}
	s.next++
	return s.items[s.next-1], nil
}

// items is footage as a reader yields it.
func items(f mp4test.Footage) []rtsp.Item {
	all := []rtsp.Item{{Session: f.Session}}
	for _, u := range f.Units {
		all = append(all, rtsp.Item{Unit: u})
	}
	return all
}

func broken(reason rtsp.Reason, from time.Time) rtsp.Item {
	return rtsp.Item{Break: &rtsp.Break{Reason: reason, From: from, Detail: "the camera said " + string(reason)}}
}

// later returns the footage moved in UTC, as a Session of its own.
func later(f mp4test.Footage, d time.Duration) mp4test.Footage {
	session := *f.Session
	session.Zero = session.Zero.Add(d)
	out := mp4test.Footage{Session: &session}
	for _, u := range f.Units {
		v := *u
		v.UTC, v.Arrived = v.UTC.Add(d), v.Arrived.Add(d)
		out.Units = append(out.Units, &v)
	}
	return out
}

// tile repeats footage n times on one timeline, without a seam.
func tile(f mp4test.Footage, n int, length time.Duration) mp4test.Footage {
	out := mp4test.Footage{Session: f.Session}
	for i := range n {
		d := time.Duration(i) * length
		for _, u := range f.Units {
			if recording.Ticks(u.DTS, u.Format.ClockRate) >= length {
				continue
			}
			v := *u
			shift := int64(d.Seconds() * float64(u.Format.ClockRate))
			v.PTS, v.DTS, v.UTC, v.Arrived = v.PTS+shift, v.DTS+shift, v.UTC.Add(d), v.Arrived.Add(d)
			out.Units = append(out.Units, &v)
		}
	}
	return out
}

// store is an archive over one or more temporary disks.
type store struct {
	*recording.Archive
	cfg   recording.ArchiveConfig
	index *sqlite.Index
	db    string // the index's file
	clock time.Time
	log   *journal
}

// journal counts log lines from level info on, by message.
type journal struct {
	mu    sync.Mutex
	lines map[string]int
}

func (j *journal) Enabled(_ context.Context, l slog.Level) bool { return l >= slog.LevelInfo }
func (j *journal) WithAttrs([]slog.Attr) slog.Handler           { return j }
func (j *journal) WithGroup(string) slog.Handler                { return j }

func (j *journal) Handle(_ context.Context, r slog.Record) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.lines[r.Message]++
	return nil
}

func (j *journal) count(message string) int {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.lines[message]
}

// memory is a temporary folder, in memory where there is a place for that: what
// a test of faults waits for is mostly the machine's real disk.
func memory(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("/dev/shm", "gatehouse")
	if err != nil {
		return t.TempDir()
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	return dir
}

func newStore(t testing.TB, disks int) *store {
	t.Helper()
	return newStoreIn(t, memory(t), disks)
}

// newStoreIn is newStore in a folder that outlives t.
func newStoreIn(t testing.TB, dir string, disks int) *store {
	t.Helper()
	s := &store{clock: time.Date(2026, 11, 21, 21, 0, 0, 0, time.UTC), log: &journal{lines: map[string]int{}}}
	s.cfg = recording.ArchiveConfig{Log: slog.New(s.log), Now: func() time.Time { return s.clock }}
	s.openIndex(t, filepath.Join(dir, "index.db"))
	for i := range disks {
		s.cfg.Disks = append(s.cfg.Disks, recording.DiskConfig{Path: filepath.Join(dir, "disk"+string(rune('a'+i)))})
	}
	return s
}

func (s *store) openIndex(t testing.TB, name string) {
	t.Helper()
	index, err := sqlite.OpenIndex(t.Context(), name)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := index.Close(); err != nil {
			t.Error(err)
		}
	})
	s.db, s.index, s.cfg.Index = name, index, index
}

func (s *store) start(t testing.TB, fsys recording.Files) *store {
	t.Helper()
	a, err := recording.OpenArchiveOn(t.Context(), s.cfg, fsys)
	if err != nil {
		t.Fatal(err)
	}
	s.Archive = a
	return s
}

// record runs a recorder over the items.
func (s *store) record(t testing.TB, items ...rtsp.Item) {
	t.Helper()
	if err := s.Recorder("porch", recording.Main, &script{items: items}).Run(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func (s *store) all(t testing.TB) []recording.Segment {
	t.Helper()
	v, err := s.index.Segments(t.Context(), "porch", recording.Main, time.Unix(0, 0), recording.FarFuture)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func (s *store) gaps(t testing.TB) []recording.Gap {
	t.Helper()
	v, err := s.index.Gaps(t.Context(), "porch", recording.Main, time.Unix(0, 0), recording.FarFuture)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// findings runs Check and returns what is damage and what is not.
func (s *store) findings(t testing.TB) (damage, notes []recording.Finding) {
	t.Helper()
	err := recording.Check(t.Context(), s.cfg, func(f recording.Finding) {
		if f.Damage {
			damage = append(damage, f)
		} else {
			notes = append(notes, f)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	return damage, notes
}

func (s *store) sound(t testing.TB) {
	t.Helper()
	if damage, _ := s.findings(t); len(damage) > 0 {
		t.Errorf("check finds damage: %+v", damage)
	}
}

// diskID is what a disk's marker says.
func (s *store) diskID(t testing.TB, disk int) string {
	t.Helper()
	var marker struct{ ID string }
	if err := json.Unmarshal(read(t, s.cfg.Disks[disk].Path+"/.gatehouse-store"), &marker); err != nil {
		t.Fatal(err)
	}
	return marker.ID
}

// path is the file of a segment.
func (s *store) path(t testing.TB, g recording.Segment) string {
	t.Helper()
	for _, d := range s.cfg.Disks {
		b, err := os.ReadFile(filepath.Join(d.Path, ".gatehouse-store"))
		if err == nil && bytes.Contains(b, []byte(g.Disk)) {
			return filepath.Join(d.Path, filepath.FromSlash(g.Path))
		}
	}
	t.Fatalf("no disk %q", g.Disk)
	return ""
}

func read(t testing.TB, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func write(t testing.TB, name string, b []byte) {
	t.Helper()
	if err := os.WriteFile(name, b, 0o600); err != nil {
		t.Fatal(err)
	}
}
