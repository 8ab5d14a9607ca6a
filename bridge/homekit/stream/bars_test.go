package stream

import (
	"context"
	"encoding/binary"
	"errors"
	"net"
	"slices"
	"sync"
	"syscall"
	"testing"
	"time"

	"gatehouse/rtsp"
)

// film30 is a camera of 1080p: 30 pictures and 4 Mbit a second, a key frame
// every two seconds.
type film30 struct {
	format *rtsp.Format
	begun  time.Time
	n      int64
	key    [][]byte
	other  [][]byte
}

func newFilm30() *film30 {
	nal := func(head byte, size int) [][]byte {
		b := make([]byte, size)
		for i := range b {
			b[i] = byte(i*7) | 1
		}
		b[0] = head
		return [][]byte{b}
	}
	return &film30{
		format: &rtsp.Format{Codec: rtsp.H264, ClockRate: 90000, SPS: []byte{0x67, 1, 2, 3}, PPS: []byte{0x68, 1}},
		key:    nal(0x65, 120_000), other: nal(0x41, 14_900),
	}
}

func (f *film30) Close() {}

func (f *film30) Next(ctx context.Context) (rtsp.Item, error) {
	if f.begun.IsZero() {
		f.begun = time.Now()
		return rtsp.Item{Session: &rtsp.Session{Formats: []*rtsp.Format{f.format}}}, nil
	}
	select {
	case <-ctx.Done():
		return rtsp.Item{}, ctx.Err()
	case <-time.After(time.Until(f.begun.Add(time.Duration(f.n) * time.Second / 30))):
	}
	u := &rtsp.Unit{Format: f.format, DTS: f.n * 3000, PTS: f.n * 3000, Arrived: time.Now(), Random: f.n%60 == 0, Data: f.other}
	if u.Random {
		u.Data = f.key
	}
	f.n++
	return rtsp.Item{Unit: u}, nil
}

// BenchmarkEightStreams sends eight streams of 1080p for ten seconds. First
// nobody reads them, so that the cost is the sender's; then all are read and each
// packet's time of arrival is compared with its picture's.
func BenchmarkEightStreams(b *testing.B) {
	const length = 10 * time.Second
	for b.Loop() {
		before := cpu()
		eight(b, length, nil)
		share := float64(cpu()-before) / float64(length)
		b.ReportMetric(100*share, "%-of-a-core")
		if share > 0.1 {
			b.Errorf("%.1f %% of a core, the bar is 10 %%", 100*share)
		}
		var mu sync.Mutex
		var late []time.Duration
		eight(b, length, func(l []time.Duration) {
			mu.Lock()
			defer mu.Unlock()
			late = append(late, l...)
		})
		slices.Sort(late)
		worst := late[len(late)-1]
		b.ReportMetric(late[len(late)*99/100].Seconds()*1000, "p99-late-ms")
		b.ReportMetric(worst.Seconds()*1000, "latest-ms")
		b.ReportMetric(float64(len(late)), "packets")
		if worst > 50*time.Millisecond {
			b.Errorf("a packet is %v late, the bar is 50 ms", worst)
		}
	}
}

// eight runs eight streams; into, if given, gets how late each one's packets were.
func eight(b *testing.B, length time.Duration, into func([]time.Duration)) {
	ctx, stop := context.WithTimeout(b.Context(), length)
	defer stop()
	var wg sync.WaitGroup
	for i := range 8 {
		screen, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
		if err != nil {
			b.Fatal(err)
		}
		conn, err := net.DialUDP("udp", nil, screen.LocalAddr().(*net.UDPAddr))
		if err != nil {
			b.Fatal(err)
		}
		if into != nil {
			screen.SetReadBuffer(4 << 20)
			wg.Go(func() { into(lateness(screen)) })
		}
		wg.Go(func() {
			defer screen.Close()
			time.Sleep(time.Duration(i) * time.Second / 30 / 8) // cameras are not in step
			err := Serve(ctx, Config{
				Video: Medium{Conn: conn, Key: make([]byte, KeySize), Salt: make([]byte, SaltSize), SSRC: 1, PayloadType: 99, ClockRate: 90000},
				Feed:  func() Feed { return newFilm30() },
			})
			if !errors.Is(err, context.DeadlineExceeded) {
				b.Error(err)
			}
		})
	}
	wg.Wait()
}

// lateness is how much later than the earliest packet each one came, as their
// RTP times tell.
func lateness(screen *net.UDPConn) (list []time.Duration) {
	buf := make([]byte, 2048)
	var first uint32
	var begun time.Time
	for {
		n, err := screen.Read(buf)
		if err != nil {
			break
		}
		if n < rtpHeader || buf[1] >= 192 && buf[1] <= 223 {
			continue
		}
		now, at := time.Now(), binary.BigEndian.Uint32(buf[4:])
		if begun.IsZero() {
			begun, first = now, at
		}
		list = append(list, now.Sub(begun)-time.Duration(at-first)*time.Second/90000)
	}
	earliest := slices.Min(list)
	for i := range list {
		list[i] -= earliest
	}
	return list
}

// cpu is the time that this process has run.
func cpu() time.Duration {
	var u syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &u) != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
