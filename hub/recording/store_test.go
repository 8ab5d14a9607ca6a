package recording_test

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"gatehouse/hub/recording"
	"gatehouse/rtsp"
)

// fault is what goes wrong on the first disk.
type fault struct {
	name  string
	err   error
	kinds string // of operations that it hits
	once  bool   // or from the operation on until it is mended
}

const changes = "create mkdir rename write sync syncdir"

var everyFault = []fault{
	{"EIO once", syscall.EIO, changes + " remove truncate marker volume room open", true},
	{"EIO", syscall.EIO, changes + " remove truncate marker volume room open", false},
	{"ENOSPC once", syscall.ENOSPC, changes, true},
	{"ENOSPC", syscall.ENOSPC, changes, false},
	{"EDQUOT", syscall.EDQUOT, "create mkdir write sync", false},
	{"EROFS", syscall.EROFS, changes + " remove truncate", false},
	{"failed sync", syscall.EIO, "sync", false},
}

// ended is the condition's end: what a fault of an operation is over with.
func (f fault) mends(kind string) bool {
	if errors.Is(f.err, syscall.EIO) {
		return kind == "marker" || kind == "volume" || kind == "room"
	}
	return true
}

// TestFaultsAtEveryOperation makes every operation of a recording on the first
// of two disks fail, in every way. Nothing durable is harmed, what is missing is
// in a gap, it is said once, the second disk takes over, and the first one does
// again where that is safe.
func TestFaultsAtEveryOperation(t *testing.T) {
	f := tile(twoSeconds(t), 2, 2*time.Second)
	for _, fault := range everyFault {
		t.Run(fault.name, func(t *testing.T) {
			hits, step := 0, 1
			if !fault.once && !soaking { // what lasts is much the same wherever it begins
				step = 4
			}
			for n := 1; ; n += step {
				kind := faultAt(t, fault, n, f.Session.Zero, items(f), items(later(f, 10*time.Second)), items(later(f, 20*time.Second)))
				if kind == "" {
					break
				}
				hits++
			}
			if hits*step < 8 {
				t.Errorf("%d operations only", hits)
			}
		})
	}
}

// faultAt lets the nth operation that the fault can hit fail, and says which
// kind it was; "" if there were fewer.
func faultAt(t *testing.T, fault fault, n int, zero time.Time, first, second, third []rtsp.Item) (kind string) {
	t.Helper()
	s := newStore(t, 2)
	first0, on, mended := s.cfg.Disks[0].Path, false, false
	fsys := &faulty{room: func() recording.Room {
		return recording.MakeRoom(1<<40, 1<<41, on && !mended && errors.Is(fault.err, syscall.EROFS))
	}}
	seen := 0
	started := false
	fsys.hook = func(o op) (int, error) {
		if !started || mended || o.disk != first0 || !slices.Contains(strings.Fields(fault.kinds), o.kind) {
			return 0, nil
		}
		if seen++; seen == n {
			on, kind = true, o.kind
		}
		if on && (seen == n || !fault.once) {
			return o.size / 2, fault.err
		}
		return 0, nil
	}
	s.start(t, fsys)
	started = true
	var promised []recording.Segment
	sync := func(i int) {
		if i%40 == 39 {
			if err := s.SyncAll(t.Context()); err != nil {
				t.Error(err)
			}
			promised = s.all(t)
		}
	}
	list := slices.Concat(first, []rtsp.Item{broken(rtsp.ReasonClosed, time.Time{})}, second, []rtsp.Item{broken(rtsp.ReasonClosed, time.Time{})}, third)
	src := &script{items: list}
	src.at = func(i int) {
		sync(i)
		if i == len(first)+len(second)+1 {
			s.red(t, n, kind)
			mended = true
			if err := recording.Retain(s.Archive, t.Context()); err != nil {
				t.Error(err)
			}
		}
	}
	s.until(t, src)
	s.unharmed(t, fmt.Sprintf("%s at %d (%s)", fault.name, n, kind), promised, zero, 24*time.Second)
	all := s.all(t)
	onFirst := s.path(t, all[len(all)-1])[:len(first0)] == first0
	if want := kind == "" || fault.mends(kind); onFirst != want && !(fault.once && !want) {
		t.Errorf("%s at %d (%s): back on the first disk %v, want %v", fault.name, n, kind, onFirst, want)
	}
	if not, well := s.log.count("store is not usable"), s.log.count("store is well"); not > 1 || well > not || (s.Trouble() != "") != (not > well) {
		t.Errorf("%s at %d (%s): %d lines of trouble, %d of its end, trouble %q", fault.name, n, kind, not, well, s.Trouble())
	}
	return kind
}

// red checks that trouble is told for as long as it lasts.
func (s *store) red(t *testing.T, n int, kind string) {
	t.Helper()
	status, err := s.Status(t.Context())
	if err != nil || len(status) != 1 || status[0].Problem.String() != s.Trouble() && s.Trouble() != "" {
		t.Errorf("fault at %d (%s): status %+v %v, trouble %q", n, kind, status, err, s.Trouble())
	}
}

// unharmed checks that what was durable is, that all that is missing of length
// from zero on lies in gaps, and that check finds no damage.
func (s *store) unharmed(t *testing.T, what string, promised []recording.Segment, zero time.Time, length time.Duration) {
	t.Helper()
	all, err := s.index.Chain(t.Context(), "porch", recording.Main, 0, math.MaxInt64) // with what a rule deleted for room
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range promised {
		i := slices.IndexFunc(all, func(g recording.ChainRow) bool { return g.ID == p.ID })
		if i < 0 || all[i].Bytes < p.Bytes || all[i].Duration < p.Duration {
			t.Errorf("%s: %+v was durable, left is %+v", what, p, all)
		}
	}
	type span struct{ from, to time.Time }
	var known []span
	for _, g := range all {
		known = append(known, span{g.Start, g.End()})
	}
	for _, g := range s.gaps(t) {
		if g.To.IsZero() {
			g.To = recording.FarFuture
		}
		known = append(known, span{g.From, g.To})
	}
	slices.SortFunc(known, func(a, b span) int { return a.from.Compare(b.from) })
	at := zero
	for _, k := range known {
		if k.from.Sub(at) > 100*time.Millisecond {
			t.Errorf("%s: nothing is said of %v to %v: %+v", what, at, k.from, known)
		}
		if k.to.After(at) {
			at = k.to
		}
	}
	if end := zero.Add(length); at.Before(end) || !all[len(all)-1].End().Equal(end) {
		t.Errorf("%s: recorded up to %v, want %v", what, all[len(all)-1].End(), end)
	}
	s.sound(t)
}
