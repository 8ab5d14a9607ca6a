package rtsp

import (
	"bytes"
	"log/slog"
	"testing"
	"time"
)

// playing is a Source in the middle of a Session, fed by hand.
func playing() (*Source, *stream) {
	s := NewSource(Config{Log: slog.New(slog.DiscardHandler)})
	st := newStream(s, time.Hour, time.Now())
	t := newVideo(H264)
	t.pt = 96
	t.clock.rate = 90000
	st.addTrack(t)
	st.ready.Store(true)
	return s, st
}

// Footage that one reader gave back is used again while another still has all
// that it was given, and a third has not even read it.
func TestReleaseTakesNothingFromOthers(t *testing.T) {
	s, st := playing()
	keeps, gives, waits := s.Reader(64<<20), s.Reader(64<<20), s.Reader(64<<20)
	var kept []*Unit
	var want [][]byte
	for round := range 20 {
		sent := pictures(t, 30, 10_000+round)
		d := newDemux(&wire{b: sent, piece: 1 << 20}, st)
		_, _ = d.Read(make([]byte, 1))
		for _, it := range drain(t, gives) {
			if it.Unit != nil {
				want = append(want, bytes.Clone(it.Unit.Data[len(it.Unit.Data)-1]))
				it.Unit.Release()
			}
		}
		for _, it := range drain(t, keeps) {
			if it.Unit != nil {
				kept = append(kept, it.Unit)
			}
		}
	}
	late := 0
	for _, it := range drain(t, waits) {
		if it.Unit == nil {
			continue
		}
		if !bytes.Equal(it.Unit.Data[len(it.Unit.Data)-1], want[late]) {
			t.Fatalf("unit %d changed before it was read", late)
		}
		late++
	}
	if len(want) < 30 || len(kept) != len(want) || late != len(want) {
		t.Fatalf("%d units, %d kept, %d late", len(want), len(kept), late)
	}
	for i, u := range kept {
		if !bytes.Equal(u.Data[len(u.Data)-1], want[i]) {
			t.Fatalf("unit %d changed after it was read", i)
		}
	}
}

func TestReleasedMemoryIsUsedAgain(t *testing.T) {
	s, st := playing()
	r := s.Reader(64 << 20)
	sent := pictures(t, 30, 16_000) // 480 kB
	play := func() {
		d := newDemux(&wire{b: sent, piece: 1 << 20}, st)
		_, _ = d.Read(make([]byte, 1))
		for _, it := range drain(t, r) {
			if it.Unit != nil {
				it.Unit.Release()
			}
		}
	}
	for range 3 {
		play()
	}
	result := testing.Benchmark(func(b *testing.B) {
		for range b.N {
			play()
		}
	})
	if n := result.AllocedBytesPerOp(); n > int64(len(sent))/4 {
		t.Errorf("%d bytes allocated for %d bytes of footage", n, len(sent))
	}
}

func TestReleaseTwicePanics(t *testing.T) {
	b := newBlock(1)
	u := &Unit{block: b}
	u.Release()
	defer func() {
		if recover() == nil {
			t.Error("a second Release went unnoticed")
		}
	}()
	u.Release()
}

func TestIdleBlocksAreGivenUp(t *testing.T) {
	var l blockList
	l.since = time.Now()
	for range 10 {
		l.put(leastBlock, &block{buf: make([]byte, 1<<leastBlock)})
	}
	l.since = l.since.Add(-idleBlocks)
	l.put(leastBlock, &block{buf: make([]byte, 1<<leastBlock)}) // what was there was not idle all the time
	for range 3 {
		l.take(leastBlock)
	}
	l.since = l.since.Add(-idleBlocks)
	l.put(leastBlock, &block{buf: make([]byte, 1<<leastBlock)})
	if n := len(l.free[0].list); n != 1 {
		t.Errorf("%d blocks of which 8 were never used are kept", n)
	}
}
