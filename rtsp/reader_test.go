package rtsp

import (
	"context"
	"io"
	"log/slog"
	"runtime"
	"slices"
	"testing"
	"time"

	"gatehouse/rtsp/rtsptest"
)

// feed is a Source without a camera.
type feed struct {
	*Source
	session *Session
	n       int64
}

func newFeed() *feed {
	f := &Format{Codec: H264, ClockRate: 90000, SPS: []byte{1}, PPS: []byte{1}}
	return &feed{
		Source:  NewSource(Config{Log: slog.New(slog.DiscardHandler)}),
		session: &Session{Formats: []*Format{f}},
	}
}

// group sends a group of n pictures of size bytes.
func (f *feed) group(n, size int) {
	for i := range n {
		pts := f.n * 6000
		f.unit(f.session, &Unit{
			Format: f.session.Formats[0], PTS: pts, DTS: pts, Random: i == 0,
			UTC: time.Unix(0, 1772323200e9+f.n*1e9/15), Arrived: time.Now(), Data: [][]byte{make([]byte, size)},
		}, 0)
		f.n++
	}
}

// drain takes what waits for a Reader.
func drain(t *testing.T, r *Reader) []Item {
	t.Helper()
	var items []Item
	for {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		r.mu.Lock()
		idle := r.head == len(r.items)
		over := r.ended && idle
		r.mu.Unlock()
		if idle && !over {
			return items
		}
		it, err := r.Next(ctx)
		if err == io.EOF {
			return items
		}
		if err != nil {
			t.Fatal(err)
		}
		items = append(items, it)
	}
}

func TestReaderStartsWithGroupInHand(t *testing.T) {
	f := newFeed()
	f.group(15, 100)
	f.group(7, 100)
	r := f.Reader(1 << 20)
	f.group(2, 100)
	if got := describe(drain(t, r)); got != "S [9]" {
		t.Error(got)
	}
}

func TestReaderWithoutGroupWaitsForRandom(t *testing.T) {
	f := newFeed()
	f.group(15, 100)
	f.pause(ReasonLost, "x") // nothing in hand
	r := f.Reader(1 << 20)
	if got := describe(drain(t, r)); got != "lost" {
		t.Error(got)
	}
	f.unit(f.session, &Unit{Format: f.session.Formats[0], Data: [][]byte{{1}}}, 0)
	f.group(1, 100)
	if got := describe(drain(t, r)); got != "S [1]" {
		t.Error(got)
	}
}

func TestSlowReaderLosesWholeGroups(t *testing.T) {
	f := newFeed()
	const picture = 1000
	group := 10 * (picture + unitOverhead)
	r := f.Reader(2*group + group/2)
	for range 6 {
		f.group(10, picture)
		if r.bytes > r.maxBytes {
			t.Fatalf("%d bytes wait, of %d allowed", r.bytes, r.maxBytes)
		}
	}
	items := drain(t, r)
	if got := describe(items); got != "slow S [20]" {
		t.Fatal(got)
	}
	if first := items[2].Unit; first.PTS != 40*6000 || !first.Random {
		t.Errorf("goes on at PTS %d", first.PTS)
	}

	f.group(10, picture)
	before := drain(t, r)
	last := before[len(before)-1].Unit
	for range 5 {
		f.group(10, picture)
	}
	items = drain(t, r)
	if got := describe(items); got != "slow S [20]" {
		t.Fatal(got)
	}
	if from := items[0].Break.From; from.Before(last.UTC) || from.Sub(last.UTC) > 100*time.Millisecond {
		t.Errorf("break from %v, last unit at %v", from, last.UTC)
	}
}

// A reader that took half a group must not get the other half of another.
func TestSlowReaderInMidGroup(t *testing.T) {
	f := newFeed()
	r := f.Reader(15 * (1000 + unitOverhead))
	f.group(5, 1000)
	head := drain(t, r)
	for range 5 {
		f.unit(f.session, &Unit{Format: f.session.Formats[0], PTS: f.n * 6000, Data: [][]byte{make([]byte, 1000)}}, 0)
		f.n++
	}
	f.group(10, 1000)
	f.group(3, 1000)
	if got := describe(append(head, drain(t, r)...)); got != "S [5] slow S [13]" {
		t.Error(got)
	}
}

func TestGroupLargerThanReader(t *testing.T) {
	f := newFeed()
	r := f.Reader(20 * (1000 + unitOverhead))
	f.group(50, 1000)
	f.pause(ReasonCodec, "x")
	f.group(3, 1000)
	items := drain(t, r)
	if got := describe(items); got != "codec slow S [3]" {
		t.Error(got)
	}
}

func TestBreaksSurviveSlowness(t *testing.T) {
	f := newFeed()
	r := f.Reader(12 * (1000 + unitOverhead))
	f.group(5, 1000)
	f.pause(ReasonClock, "x")
	f.group(5, 1000)
	f.group(10, 1000)
	if got := describe(drain(t, r)); got != "slow clock S [10]" && got != "clock slow S [10]" {
		t.Error(got)
	}
}

// A "smart codec" makes groups of a minute. They must not be kept whole.
func TestEndlessGroupIsBounded(t *testing.T) {
	f := newFeed()
	slow := f.Reader(4 << 20)
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	f.group(40<<10, 4000) // 160 MB
	runtime.GC()
	runtime.ReadMemStats(&after)
	if grown := int64(after.HeapAlloc) - int64(before.HeapAlloc); grown > maxGOP+4<<20 {
		t.Errorf("heap grew by %d bytes", grown)
	}
	if got := describe(drain(t, f.Reader(64<<20))); got != "" {
		t.Errorf("a new reader got %s", got)
	}
	f.group(2, 4000)
	if got := describe(drain(t, slow)); got != "slow S [2]" {
		t.Error(got)
	}
}

func TestReaderEnds(t *testing.T) {
	f := newFeed()
	r, closed := f.Reader(1<<20), f.Reader(1<<20)
	f.group(3, 10)
	closed.Close()
	closed.Close()
	if _, err := closed.Next(t.Context()); err != io.EOF {
		t.Errorf("closed reader: %v", err)
	}
	if len(f.readers) != 1 {
		t.Errorf("%d readers left", len(f.readers))
	}
	f.finish()
	if got := describe(drain(t, r)); got != "S [3] shutdown" {
		t.Error(got)
	}
	late := f.Reader(1 << 20)
	if got := describe(drain(t, late)); got != "shutdown" {
		t.Error(got)
	}
	for _, r := range []*Reader{r, late} {
		if _, err := r.Next(t.Context()); err != io.EOF {
			t.Errorf("after shutdown: %v", err)
		}
	}
}

func TestCloseWakesReader(t *testing.T) {
	r := newFeed().Reader(1 << 20)
	go r.Close()
	if _, err := r.Next(t.Context()); err != io.EOF {
		t.Error(err)
	}
}

func TestBatchSleepsThroughUnits(t *testing.T) {
	f := newFeed()
	r := f.Reader(1 << 20)
	r.Batch(time.Second)
	woken := func() bool {
		select {
		case <-r.wake:
			return true
		default:
			return false
		}
	}
	now := time.Now()
	send := func(after time.Duration, random bool) {
		f.unit(f.session, &Unit{Format: f.session.Formats[0], Random: random, Arrived: now.Add(after), Data: [][]byte{{1}}}, 0)
	}
	for _, step := range []struct {
		after  time.Duration
		random bool
		wakes  bool
	}{
		{0, true, true},
		{100 * time.Millisecond, false, false},
		{900 * time.Millisecond, false, false},
		{1100 * time.Millisecond, false, true},
		{1200 * time.Millisecond, false, false},
		{1300 * time.Millisecond, true, true},
		{1400 * time.Millisecond, false, false},
	} {
		send(step.after, step.random)
		if got := woken(); got != step.wakes {
			t.Errorf("unit after %v: woken %v", step.after, got)
		}
	}
	f.pause(ReasonStalled, "x")
	if !woken() {
		t.Error("not woken for a Break")
	}
	if got := describe(drain(t, r)); got != "S [7] stalled" {
		t.Error(got)
	}
}

// Two readers of a camera: one keeps up, one does not.
func TestTwoReaders(t *testing.T) {
	t.Parallel()
	r := newRig(t, rtsptest.ScriptNamed("plain").Camera, nil)
	slow := r.source.Reader(30 << 10)
	items := r.items(15*time.Second, videoUnits(90))
	r.check(items)
	if b := reasons(items); len(b) != 0 {
		t.Errorf("the fast reader was told %v", b)
	}
	late := drain(t, slow)
	if got := reasons(late); !slices.Equal(got, []Reason{ReasonSlow}) {
		t.Errorf("the slow reader was told %v: %s", got, describe(late))
	}
	r.check(late)
}
