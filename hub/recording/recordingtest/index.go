// Package recordingtest is the conformance suite of recording.Index.
package recordingtest

import (
	"errors"
	"fmt"
	"math"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"gatehouse/hub/recording"
	"gatehouse/rtsp"
)

var day = time.Date(2026, 11, 21, 21, 0, 0, 123456000, time.UTC)

// minute is a closed segment of the nth minute.
func minute(camera, stream string, n int) recording.Segment {
	return recording.Segment{
		Camera: camera, Stream: stream, Run: day.UnixMicro(), Seq: int64(n), Start: day.Add(time.Duration(n) * time.Minute),
		Duration: time.Minute, Bytes: 1000 + int64(n), KeyFrames: 30, State: recording.Closed, Clock: rtsp.ClockReport,
		Disk: "disk-a", Path: fmt.Sprintf("recordings/%s/%s/%d.mp4", camera, stream, n), Chain: [16]byte{1, byte(n)},
		Root: recording.Hash{2, byte(n)}, Link: recording.Hash{3, byte(n)}, Previous: recording.Hash{4, byte(n)}, Gaps: recording.Hash{5},
	}
}

func add(t *testing.T, x recording.Index, s recording.Segment) recording.Segment {
	t.Helper()
	id, err := x.AddSegment(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	s.ID = id
	return s
}

func equal(t *testing.T, what string, want, got any) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

// must returns v and fails the test on an error.
func must[T any](t *testing.T) func(v T, err error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

// TestIndex checks an implementation; fresh returns an empty one.
func TestIndex(t *testing.T, fresh func(t *testing.T) recording.Index) {
	for name, f := range map[string]func(*testing.T, recording.Index){
		"segments":  segments,
		"update":    update,
		"unknown":   unknown,
		"retention": retention,
		"holds":     holds,
		"gaps":      gaps,
		"together":  together,
	} {
		t.Run(name, func(t *testing.T) { f(t, fresh(t)) })
	}
}

func segments(t *testing.T, x recording.Index) {
	ctx := t.Context()
	var all []recording.Segment
	for n := range 4 {
		all = append(all, add(t, x, minute("porch", recording.Main, n)))
	}
	other := add(t, x, minute("yard", recording.Sub, 0))
	list := must[[]recording.Segment](t)

	at := func(n float64) time.Time { return day.Add(time.Duration(n * float64(time.Minute))) }
	equal(t, "a range within one", all[1:2], list(x.Segments(ctx, "porch", recording.Main, at(1.2), at(1.3))))
	equal(t, "ends are half open", all[1:3], list(x.Segments(ctx, "porch", recording.Main, at(1), at(3))))
	equal(t, "nothing there", 0, len(list(x.Segments(ctx, "porch", recording.Main, at(4), at(9)))))
	equal(t, "other stream", 0, len(list(x.Segments(ctx, "porch", recording.Sub, at(0), at(9)))))
	equal(t, "all cameras", []recording.Segment{all[0], other}, list(x.Segments(ctx, "", "", at(0), at(1))))
	equal(t, "last", all[3], must[recording.Segment](t)(x.LastSegment(ctx, "porch", recording.Main)))
	equal(t, "streams", [][2]string{{"porch", "main"}, {"yard", "sub"}}, must[[][2]string](t)(x.Streams(ctx)))
	rows := must[[]recording.ChainRow](t)(x.Chain(ctx, "porch", recording.Main, 0, math.MaxInt64))
	equal(t, "chain", 4, len(rows))
	equal(t, "chain row", recording.ChainRow{Segment: all[2]}, rows[2])
	n, bytes, err := x.Usage(ctx, "", "porch", "")
	if n != 4 || bytes != 4006 || err != nil {
		t.Errorf("usage %d %d %v", n, bytes, err)
	}
	if _, err := x.AddSegment(ctx, minute("porch", recording.Main, 2)); err == nil {
		t.Error("a second segment of one Seq was added")
	}
}

func update(t *testing.T, x recording.Index) {
	ctx := t.Context()
	s := minute("porch", recording.Main, 0)
	s.State, s.Root, s.Link = recording.Open, recording.Hash{}, recording.Hash{}
	s.Duration, s.Bytes = 2*time.Second+345*time.Microsecond, 7
	s = add(t, x, s)
	list := must[[]recording.Segment](t)
	equal(t, "open", []recording.Segment{s}, list(x.OpenSegments(ctx)))

	grown := s
	grown.Duration, grown.Bytes, grown.KeyFrames, grown.Clock = 4*time.Second, 70, 2, rtsp.ClockArrival
	second := add(t, x, minute("porch", recording.Main, 1))
	second.Bytes = 5
	if err := x.UpdateSegments(ctx, grown, second); err != nil {
		t.Fatal(err)
	}
	equal(t, "grown", []recording.Segment{grown}, list(x.OpenSegments(ctx)))
	if _, bytes, err := x.Usage(ctx, "disk-a", "", ""); bytes != 75 || err != nil {
		t.Errorf("usage after growth %d, %v", bytes, err)
	}

	closed := grown
	closed.State, closed.Root, closed.Link, closed.Bytes = recording.Closed, recording.Hash{6}, recording.Hash{7}, 80
	for _, u := range []recording.Segment{closed, grown} { // the slower writer changes nothing
		if err := x.UpdateSegments(ctx, u); err != nil {
			t.Fatal(err)
		}
	}
	equal(t, "closed", closed, list(x.Segments(ctx, "porch", recording.Main, day, day.Add(time.Second)))[0])
	equal(t, "none open", 0, len(list(x.OpenSegments(ctx))))
}

func unknown(t *testing.T, x recording.Index) {
	ctx := t.Context()
	if _, err := x.LastSegment(ctx, "porch", recording.Main); !errors.Is(err, recording.ErrNotFound) {
		t.Errorf("last of nothing: %v", err)
	}
	s := add(t, x, minute("porch", recording.Main, 0))
	changed := s
	changed.Bytes = 1
	absent := changed
	absent.ID += 1000
	if err := x.UpdateSegments(ctx, changed, absent); !errors.Is(err, recording.ErrNotFound) {
		t.Errorf("updating an unknown segment: %v", err)
	}
	equal(t, "the others are left", s, must[recording.Segment](t)(x.LastSegment(ctx, "porch", recording.Main)))
	if err := x.MarkGarbage(ctx, []int64{s.ID, absent.ID}, "why", day); !errors.Is(err, recording.ErrNotFound) {
		t.Errorf("deleting an unknown segment: %v", err)
	}
	equal(t, "nothing is marked", 0, len(must[[]recording.Segment](t)(x.Garbage(ctx))))
	if err := x.CloseGap(ctx, 99, day); !errors.Is(err, recording.ErrNotFound) {
		t.Errorf("closing an unknown gap: %v", err)
	}
	if err := x.ReleaseHold(ctx, "none"); err != nil {
		t.Errorf("releasing an unknown hold: %v", err)
	}
	if err := x.ForgetGarbage(ctx, nil); err != nil {
		t.Errorf("forgetting nothing: %v", err)
	}
}

func retention(t *testing.T, x recording.Index) {
	ctx := t.Context()
	var all []recording.Segment
	for n := range 5 {
		s := minute("porch", recording.Main, n)
		if n == 4 {
			s.State = recording.Open
		}
		all = append(all, add(t, x, s))
	}
	list := must[[]recording.Segment](t)
	equal(t, "oldest two", all[:2], list(x.Oldest(ctx, "disk-a", "", "", day.Add(time.Hour), 2)))
	equal(t, "not open ones", all[:4], list(x.Oldest(ctx, "", "porch", recording.Main, day.Add(time.Hour), 9)))
	equal(t, "ended before", all[:1], list(x.Oldest(ctx, "disk-a", "", "", day.Add(2*time.Minute), 9)))
	equal(t, "other disk", 0, len(list(x.Oldest(ctx, "disk-b", "", "", day.Add(time.Hour), 9))))

	at := day.Add(48 * time.Hour)
	if err := x.MarkGarbage(ctx, []int64{all[0].ID, all[1].ID}, "older", at); err != nil {
		t.Fatal(err)
	}
	equal(t, "garbage", all[:2], list(x.Garbage(ctx)))
	equal(t, "kept", all[2:], list(x.Segments(ctx, "porch", "", day, day.Add(time.Hour))))
	if n, bytes, err := x.Usage(ctx, "disk-a", "porch", recording.Main); n != 3 || bytes != 3009 || err != nil {
		t.Errorf("usage %d %d %v", n, bytes, err)
	}
	if err := x.ForgetGarbage(ctx, []int64{all[0].ID}); err != nil {
		t.Fatal(err)
	}
	if seq, err := x.OldestSeq(ctx, "porch", recording.Main); seq != all[2].Seq || err != nil {
		t.Errorf("oldest is %d, %v", seq, err)
	}
	part := must[[]recording.ChainRow](t)(x.Chain(ctx, "porch", recording.Main, all[1].Seq, all[3].Seq))
	equal(t, "part of the chain", []int64{all[1].Seq, all[2].Seq}, []int64{part[0].Seq, part[1].Seq})
	equal(t, "garbage left", all[1:2], list(x.Garbage(ctx)))
	rows := must[[]recording.ChainRow](t)(x.Chain(ctx, "porch", recording.Main, 0, math.MaxInt64))
	equal(t, "deleted ones stay in the chain", recording.ChainRow{Segment: all[0], Deleted: at, Why: "older"}, rows[0])
	equal(t, "and no others", recording.ChainRow{Segment: all[2]}, rows[2])
	if err := x.MarkGarbage(ctx, []int64{all[2].ID, all[3].ID, all[4].ID}, "older", at); err != nil {
		t.Fatal(err)
	}
	if _, err := x.OldestSeq(ctx, "porch", recording.Main); !errors.Is(err, recording.ErrNotFound) {
		t.Errorf("oldest of none: %v", err)
	}
	equal(t, "last is remembered", all[4], must[recording.Segment](t)(x.LastSegment(ctx, "porch", recording.Main)))
	equal(t, "so is the stream", 1, len(must[[][2]string](t)(x.Streams(ctx))))
}

func holds(t *testing.T, x recording.Index) {
	ctx := t.Context()
	var all []recording.Segment
	for n := range 4 {
		all = append(all, add(t, x, minute("porch", recording.Main, n)))
	}
	h := recording.Hold{
		ID: "GH-1", Camera: "porch", From: day.Add(90 * time.Second), To: day.Add(2 * time.Minute),
		Until: time.Now().Add(time.Hour).Truncate(time.Microsecond).UTC(), Note: "x",
	}
	put := func(h recording.Hold) {
		t.Helper()
		if err := x.PutHold(ctx, h); err != nil {
			t.Fatal(err)
		}
	}
	free := func() []recording.Segment {
		return must[[]recording.Segment](t)(x.Oldest(ctx, "", "", "", day.Add(time.Hour), 9))
	}
	put(h)
	equal(t, "touched segment is kept", []recording.Segment{all[0], all[2], all[3]}, free())
	if err := x.MarkGarbage(ctx, []int64{all[0].ID, all[1].ID}, "older", day); !errors.Is(err, recording.ErrHeld) {
		t.Errorf("deleting a held segment: %v", err)
	}
	equal(t, "and nothing beside it went", 3, len(free()))
	held := func(disk string) int64 { return must[int64](t)(x.Held(ctx, disk)) }
	equal(t, "its bytes are held", [2]int64{all[1].Bytes, 0}, [2]int64{held(all[1].Disk), held("another")})

	other := h
	other.ID, other.From = "GH-2", day
	put(other)
	h.From, h.To = day.Add(200*time.Second), day.Add(201*time.Second)
	put(h) // replaces
	equal(t, "holds add up", all[2:3], free())
	again := other
	again.ID = "GH-3"
	put(again)
	equal(t, "what two hold counts once", all[0].Bytes+all[1].Bytes+all[3].Bytes, held(all[0].Disk))
	if err := x.ReleaseHold(ctx, "GH-3"); err != nil {
		t.Fatal(err)
	}
	equal(t, "listed", []recording.Hold{h, other}, must[[]recording.Hold](t)(x.Holds(ctx)))
	sub := add(t, x, minute("porch", recording.Sub, 3))
	equal(t, "later segments and other streams too", all[2:3], free())
	if err := x.ReleaseHold(ctx, "GH-1"); err != nil {
		t.Fatal(err)
	}
	equal(t, "released", []recording.Segment{all[2], all[3], sub}, free())
	other.Until = time.Now().Add(-time.Second)
	put(other)
	equal(t, "run out", 5, len(free()))
	equal(t, "and counts no more", int64(0), held(all[0].Disk))
}

func gaps(t *testing.T, x recording.Index) {
	ctx := t.Context()
	lasting := recording.Gap{Camera: "porch", Stream: recording.Main, From: day.Add(time.Minute), Reason: rtsp.ReasonRefused, Detail: "no answer"}
	short := recording.Gap{Camera: "porch", Stream: recording.Main, From: day, To: day.Add(time.Second), Reason: rtsp.ReasonLost}
	for _, g := range []*recording.Gap{&lasting, &short} {
		id, err := x.AddGap(ctx, *g)
		if err != nil {
			t.Fatal(err)
		}
		g.ID = id
	}
	list := must[[]recording.Gap](t)
	equal(t, "all, by From", []recording.Gap{short, lasting}, list(x.Gaps(ctx, "porch", recording.Main, day, day.Add(time.Hour))))
	equal(t, "long after, the lasting one", []recording.Gap{lasting}, list(x.Gaps(ctx, "", "", day.Add(9*time.Hour), day.Add(10*time.Hour))))
	equal(t, "before it", []recording.Gap{short}, list(x.Gaps(ctx, "porch", "", day.Add(time.Second), day.Add(time.Minute))))
	lasting.To = day.Add(2 * time.Minute)
	if err := x.CloseGap(ctx, lasting.ID, lasting.To); err != nil {
		t.Fatal(err)
	}
	equal(t, "touching its end", []recording.Gap{lasting}, list(x.Gaps(ctx, "porch", "", lasting.To, lasting.To.Add(time.Second))))
	equal(t, "past it", 0, len(list(x.Gaps(ctx, "porch", "", lasting.To.Add(time.Microsecond), lasting.To.Add(time.Second)))))
	equal(t, "a stream of gaps alone is one", [][2]string{{"porch", "main"}}, must[[][2]string](t)(x.Streams(ctx)))
}

// together writes and reads from many goroutines.
func together(t *testing.T, x recording.Index) {
	var wg sync.WaitGroup
	for c := range 4 {
		wg.Go(func() {
			camera := fmt.Sprintf("cam-%d", c)
			for n := range 20 {
				s := minute(camera, recording.Main, n)
				s.State = recording.Open
				id, err := x.AddSegment(t.Context(), s)
				if err != nil {
					t.Error(err)
					return
				}
				s.ID, s.Bytes = id, 1
				_, lerr := x.LastSegment(t.Context(), camera, recording.Main)
				if err := errors.Join(x.UpdateSegments(t.Context(), s), lerr); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	if n, bytes, err := x.Usage(t.Context(), "", "", ""); n != 80 || bytes != 80 || err != nil {
		t.Errorf("usage %d %d %v", n, bytes, err)
	}
}
