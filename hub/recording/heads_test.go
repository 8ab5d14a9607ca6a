package recording_test

import (
	"database/sql"
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"gatehouse/hub/internal/mp4/mp4test"
	"gatehouse/hub/recording"
	"gatehouse/hub/sqlite"
	"gatehouse/rtsp"
)

// ledgered is a store with a ledger.
func ledgered(t *testing.T) (*store, *sqlite.House) {
	t.Helper()
	s := newStore(t, 1)
	house, err := sqlite.OpenHouse(t.Context(), filepath.Join(t.TempDir(), "house.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := house.Close(); err != nil {
			t.Error(err)
		}
	})
	s.cfg.Heads = house
	return s.start(t, recording.OSFiles{}), house
}

func (s *store) note(t *testing.T) {
	t.Helper()
	if err := s.NoteHeads(t.Context(), false); err != nil {
		t.Fatal(err)
	}
}

func allHeads(t *testing.T, house *sqlite.House) (all []recording.Heads) {
	t.Helper()
	err := house.EachHeads(t.Context(), func(h recording.Heads) error { all = append(all, h); return nil })
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func TestHeadsCommitToEverySegmentOnce(t *testing.T) {
	f := mp4test.Make(t, mp4test.Shot{Video: rtsp.H264, Seconds: 2})
	s, house := ledgered(t)
	s.note(t)
	for i := range 7 {
		s.record(t, items(later(f, time.Duration(i)*time.Minute))...)
		if i == 2 || i == 3 {
			s.note(t)
		}
	}
	s.note(t)
	s.note(t) // nothing new
	if err := s.NoteHeads(t.Context(), true); err != nil {
		t.Fatal(err)
	}
	var ranges [][2]int64
	heads := allHeads(t, house)
	for _, h := range heads {
		for _, c := range h.Chains {
			ranges = append(ranges, c.Ranges...)
		}
	}
	if diff := cmp.Diff([][2]int64{{0, 2}, {3, 3}, {4, 6}}, ranges); diff != "" {
		t.Error(diff)
	}
	if n := len(heads); n != 4 || len(heads[3].Chains) != 0 {
		t.Errorf("%d heads", n)
	}
	for _, g := range s.all(t) {
		p, err := s.HeadProof(t.Context(), g)
		if err != nil {
			t.Fatal(err)
		}
		root := heads[p.Entry].Root
		if err := p.Check(g.Chain, g.Link, root); err != nil {
			t.Error(err)
		}
		other := p
		other.Index++
		for what, err := range map[string]error{
			"link":  p.Check(g.Chain, recording.Hash{1}, root),
			"chain": p.Check([16]byte{1}, g.Link, root),
			"root":  p.Check(g.Chain, g.Link, recording.Hash{1}),
			"place": other.Check(g.Chain, g.Link, root),
		} {
			if err == nil {
				t.Errorf("another %s is accepted", what)
			}
		}
	}
	s.sound(t)
}

// A segment that a disk took away while it was open is closed when the disk is
// back, long after those that follow it.
// TestHeadsOfACameraThatNeverSent: its gap is all there is of it, and keeps no
// other stream from being noted.
func TestHeadsOfACameraThatNeverSent(t *testing.T) {
	f := mp4test.Make(t, mp4test.Shot{Video: rtsp.H264, Seconds: 2})
	s, house := ledgered(t)
	if _, err := s.index.AddGap(t.Context(), recording.Gap{Camera: "attic", Stream: recording.Main, From: time.Unix(1, 0), Reason: rtsp.ReasonRefused}); err != nil {
		t.Fatal(err)
	}
	s.record(t, items(f)...)
	s.note(t)
	if heads := allHeads(t, house); len(heads) != 1 || len(heads[0].Chains) != 1 {
		t.Errorf("%+v", heads)
	}
}

func TestHeadsTakeWhatWasClosedLate(t *testing.T) {
	_, house := ledgered(t)
	add := func(ranges ...[2]int64) {
		t.Helper()
		h := recording.Heads{Time: time.Unix(1, 0), Seed: recording.Hash{1}, Chains: []recording.Head{{
			Chain: [16]byte{1}, Camera: "porch", Stream: "main", Ranges: ranges,
		}}}
		h.Root = h.MakeRoot()
		if err := house.AddHeads(t.Context(), h); err != nil {
			t.Fatal(err)
		}
	}
	add([2]int64{1, 2}, [2]int64{5, 9})
	add([2]int64{3, 3}, [2]int64{12, 12})
	next, missing, err := house.Noted(t.Context(), [16]byte{1})
	if err != nil || next != 13 {
		t.Errorf("next %d, %v", next, err)
	}
	if diff := cmp.Diff([]int64{0, 4, 10, 11}, missing); diff != "" {
		t.Error(diff)
	}
	for seq, want := range map[int64]int64{1: 0, 3: 1, 4: -1, 9: 0, 10: -1, 12: 1, 13: -1} {
		h, err := house.HeadsWith(t.Context(), [16]byte{1}, seq)
		if errors.Is(err, recording.ErrNotFound) {
			h.Entry, err = -1, nil
		}
		if err != nil || h.Entry != want {
			t.Errorf("%d is in %d, want %d: %v", seq, h.Entry, want, err)
		}
	}
	if _, _, err := house.Noted(t.Context(), [16]byte{2}); err != nil {
		t.Error(err)
	}
}

func TestHeadsHideHowManyCameras(t *testing.T) {
	var seed recording.Hash
	h := recording.Heads{Seed: seed}
	empty := h.MakeRoot()
	for i := range 256 {
		h.Chains = append(h.Chains, recording.Head{Chain: [16]byte{byte(i)}})
	}
	if h.MakeRoot() == empty {
		t.Error("the root does not depend on the chains")
	}
	// A proof has the same shape whatever stands beside it.
	f := mp4test.Make(t, mp4test.Shot{Video: rtsp.H264, Seconds: 2})
	s, _ := ledgered(t)
	for _, camera := range []string{"porch", "yard", "gate"} {
		if err := s.Recorder(camera, recording.Main, &script{items: items(f)}).Run(t.Context()); err != nil {
			t.Fatal(err)
		}
		s.note(t)
	}
	slots := map[int]bool{}
	for _, camera := range []string{"porch", "yard", "gate"} {
		list, err := s.Segments(t.Context(), camera, recording.Main, time.Unix(0, 0), recording.FarFuture)
		if err != nil {
			t.Fatal(err)
		}
		p, err := s.HeadProof(t.Context(), list[0])
		if err != nil {
			t.Fatal(err)
		}
		if len(p.Slot.Path) != 8 || len(p.Path) != 0 || p.Size != 1 {
			t.Errorf("%s: %d hashes up to the ledger", camera, len(p.Slot.Path))
		}
		slots[p.Slot.Slot] = true
	}
	if slots[0] && slots[1] && slots[2] {
		t.Error("slots are taken in order")
	}
}

// Whoever can write both index and files can make a chain that holds in
// itself. The ledger tells.
func TestCheckComparesTheIndexWithTheLedger(t *testing.T) {
	f := mp4test.Make(t, mp4test.Shot{Video: rtsp.H264, Seconds: 2})
	for name, c := range map[string]struct {
		change string // of index.db
		kinds  string
	}{
		"nothing":              {"", ""},
		"the end cut off":      {"DELETE FROM segment WHERE seq >= 2", "ledger"},
		"all gone":             {"DELETE FROM segment", "ledger"},
		"last one written new": {"UPDATE segment SET link = randomblob(32) WHERE seq = 3", "chain ledger"},
	} {
		t.Run(name, func(t *testing.T) {
			s, _ := ledgered(t)
			for i := range 4 {
				s.record(t, items(later(f, time.Duration(i)*time.Minute))...)
			}
			s.note(t)
			s.sound(t)
			if c.change != "" {
				db, err := sql.Open("sqlite", filepath.Join(filepath.Dir(s.cfg.Disks[0].Path), "index.db"))
				if err != nil {
					t.Fatal(err)
				}
				if _, err := db.ExecContext(t.Context(), c.change); err != nil {
					t.Fatal(err)
				}
				if err := db.Close(); err != nil {
					t.Fatal(err)
				}
			}
			damage, _ := s.findings(t)
			kinds := map[string]bool{}
			for _, d := range damage {
				kinds[d.Kind] = true
			}
			if want := strings.Fields(c.kinds); len(kinds) != len(want) {
				t.Errorf("found %+v, want %v", damage, want)
			} else {
				for _, k := range want {
					if !kinds[k] {
						t.Errorf("no %s among %+v", k, damage)
					}
				}
			}
		})
	}
}

// What a rule deleted before the index was lost is told from what is missing,
// and the reason of the newest gap is found again.
func TestRebuildWithTheLedger(t *testing.T) {
	f := mp4test.Make(t, mp4test.Shot{Video: rtsp.H264, Seconds: 2})
	s, _ := ledgered(t)
	for i := range 6 {
		s.record(t, append(items(later(f, time.Duration(i)*time.Minute)), broken(rtsp.ReasonAuth, time.Time{}))...)
	}
	s.note(t)
	old, gaps := s.all(t), s.gaps(t)
	s.cfg.Disks[0].Keep.Bytes = old[3].Bytes + old[4].Bytes + old[5].Bytes + 10
	s.start(t, recording.OSFiles{})
	s.retain(t)
	s.record(t, items(later(f, time.Duration(6)*time.Minute))...)
	s.note(t)
	if n := len(s.all(t)); n != 4 {
		t.Fatalf("%d segments are kept", n)
	}
	rebuild := func() {
		t.Helper()
		index, err := sqlite.OpenIndex(t.Context(), filepath.Join(t.TempDir(), "index.db"))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { index.Close() })
		s.index, s.cfg.Index = index, index
		if _, err := recording.Rebuild(t.Context(), s.cfg, func(f recording.Finding) { t.Errorf("%+v", f) }); err != nil {
			t.Fatal(err)
		}
		s.start(t, recording.OSFiles{})
	}
	rebuild()
	damage, notes := s.findings(t)
	if len(damage) > 0 || len(notes) != 2 || notes[0].Kind != "deleted" || notes[1].Kind != "chain" {
		t.Errorf("damage %+v, notes %+v", damage, notes)
	}
	was, is := gaps[len(gaps)-1], s.gaps(t)
	if last := is[len(is)-1]; last.Reason != was.Reason {
		t.Errorf("the newest gap is %q, was %q", last.Reason, was.Reason)
	}
	// A file that no rule deleted is missing, also from a new index.
	victim := s.all(t)[1+rand.IntN(2)]
	if err := os.Remove(s.path(t, victim)); err != nil {
		t.Fatal(err)
	}
	rebuild()
	if damage, _ := s.findings(t); len(damage) == 0 {
		t.Error("a missing file was taken for one deleted by rule")
	}
}
