package rtsp

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"github.com/bluenviron/gortsplib/v4/pkg/format/rtph264"
)

// pictures is a group of n pictures of size bytes as interleaved RTP.
func pictures(tb testing.TB, n, size int) []byte {
	e := &rtph264.Encoder{PayloadType: 96, PayloadMaxSize: 1400, PacketizationMode: 1}
	if err := e.Init(); err != nil {
		tb.Fatal(err)
	}
	var wire []byte
	for i := range n {
		slice := make([]byte, size)
		slice[0], slice[1] = 0x41, 0x9a
		for j := 2; j < size; j++ {
			slice[j] = byte(j*7 + i + 1)
		}
		au := [][]byte{slice}
		if i == 0 {
			slice[0], slice[1] = 0x65, 0x88
			au = [][]byte{[]byte(benchSPS), []byte(benchPPS), slice}
		}
		pkts, err := e.Encode(au)
		if err != nil {
			tb.Fatal(err)
		}
		for _, p := range pkts {
			p.Timestamp = uint32(i * 6000)
			b, err := p.Marshal()
			if err != nil {
				tb.Fatal(err)
			}
			wire = append(wire, interleave(0, b)...)
		}
	}
	return wire
}

const (
	benchSPS = "\x67\x42\xc0\x0d\xda\x05\x07\xe8\x40\x00\x00\x03\x00\x40\x00\x00\x07\xa3\xc5\x0a\xa8"
	benchPPS = "\x68\xce\x0f\xc8"
)

// ride reads wire through a demux into a Source and returns the number of
// Units that a Reader got.
func ride(tb testing.TB, in []byte) int {
	s := NewSource(Config{Log: slog.New(slog.DiscardHandler)})
	r := s.Reader(64 << 20)
	st := newStream(s, time.Hour, time.Now())
	t := newVideo(H264)
	t.pt = 96
	t.clock.rate = 90000
	st.addTrack(t)
	st.ready.Store(true)
	d := newDemux(&wire{b: in, piece: 1 << 20}, st)
	var p [1]byte
	d.Read(p[:])
	s.finish()
	n := 0
	for {
		it, err := r.Next(context.Background())
		if err != nil {
			return n
		}
		if it.Unit != nil {
			n++
		}
	}
}

// A Unit may cost its bytes, itself, and its share of what queues grow by;
// packets cost nothing.
func TestAllocations(t *testing.T) {
	const n = 600
	few, many := pictures(t, n, 1000), pictures(t, n, 20000)
	if got := ride(t, many); got != n {
		t.Fatalf("%d units of %d", got, n)
	}
	for name, wire := range map[string][]byte{"1 packet": few, "15 packets": many} {
		per := testing.AllocsPerRun(5, func() { ride(t, wire) }) / n
		if per > 2.3 {
			t.Errorf("%s a unit: %.2f allocations", name, per)
		}
		t.Logf("%s a unit: %.2f allocations", name, per)
	}
}

// BenchmarkStream is a group of 60 pictures of 16 kB: 4 s of 2 Mbit/s at 15
// pictures a second.
func BenchmarkStream(b *testing.B) {
	wire := pictures(b, 60, 16<<10)
	b.SetBytes(int64(len(wire)))
	b.ReportAllocs()
	for b.Loop() {
		ride(b, wire)
	}
}
