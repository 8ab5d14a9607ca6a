package homekit

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"sync"
	"testing"
	"time"

	"gatehouse/rtsp"
	"gatehouse/rtsp/rtsptest"
)

// The bars of docs/benchmarks.md; make bench holds them.

func bar(b *testing.B, what string, got, limit time.Duration) {
	b.ReportMetric(got.Seconds()*1000, what+"-ms")
	if got > limit {
		b.Errorf("%s: %v, the bar is %v", what, got, limit)
	}
}

// BenchmarkFirstKeyFrame has two viewers at once open a camera, fifty times in all.
func BenchmarkFirstKeyFrame(b *testing.B) {
	f := film(b)
	viewers := []*screen{watch(b, f.camera(b), 0), watch(b, f.camera(b), 1)}
	var mu sync.Mutex
	var took []time.Duration
	for b.Loop() {
		for range 25 {
			both(viewers, func(v *screen) { v.open(1280, 720) })
			both(viewers, func(v *screen) {
				h264 := v.pictures(1)
				d := time.Since(v.began)
				st := f.source.State().Formats[0]
				if _, n := decoded(b, h264, size{st.Width, st.Height}); n != 1 {
					b.Errorf("%d pictures", n)
				}
				mu.Lock()
				defer mu.Unlock()
				took = append(took, d)
			})
			both(viewers, func(v *screen) {
				if code := v.write(v.start, v.selection(commandEnd, 0, 0)); code != codeDone {
					b.Errorf("end: %d", code)
				}
				v.quiet()
			})
		}
	}
	slices.Sort(took)
	bar(b, "median", took[len(took)/2], 100*time.Millisecond)
	bar(b, "p95", took[len(took)*95/100], 100*time.Millisecond)
}

func both(all []*screen, f func(*screen)) {
	var wg sync.WaitGroup
	defer wg.Wait()
	for _, v := range all {
		wg.Go(func() { f(v) })
	}
}

// BenchmarkSnapshots has eight controllers ask at once, while sixteen cameras are
// recorded. The first picture, for which the camera is waited, does not count.
func BenchmarkSnapshots(b *testing.B) {
	record(b, 16)
	f := film(b)
	var all []*wire
	for range 8 {
		all = append(all, f.camera(b))
	}
	ask, _ := json.Marshal(m{"resource-type": "image", "image-width": 640, "image-height": 360})
	var mu sync.Mutex
	var took []time.Duration
	for b.Loop() {
		var wg sync.WaitGroup
		for _, w := range all {
			wg.Go(func() {
				for n := range 200 {
					begun := time.Now()
					if status, body := w.ask("POST", "/resource", ask); status != http.StatusOK || len(body) < 1000 {
						b.Errorf("status %d, %d bytes", status, len(body))
						return
					}
					if n > 0 {
						mu.Lock()
						took = append(took, time.Since(begun))
						mu.Unlock()
					}
					time.Sleep(50 * time.Millisecond)
				}
			})
		}
		wg.Wait()
	}
	slices.Sort(took)
	b.ReportMetric(took[len(took)/2].Seconds()*1000, "median-ms")
	bar(b, "p99", took[len(took)*99/100], 50*time.Millisecond)
}

// record reads cameras and writes and syncs what they send until the test ends.
// They are served by the same process.
func record(b *testing.B, n int) {
	b.Helper()
	log := slog.New(slog.DiscardHandler)
	cfg := rtsptest.Config{Log: log, Cameras: map[string]rtsptest.Camera{}}
	for i := range n {
		cfg.Cameras[fmt.Sprint("cam", i)] = rtsptest.Camera{FS: rtsptest.Clips(), File: "h264-aac.mp4", Loop: true}
	}
	server, err := rtsptest.NewServer(cfg)
	if err != nil {
		b.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	b.Cleanup(wg.Wait)
	b.Cleanup(stop)
	wg.Go(func() { _ = server.Run(ctx) })
	for name := range cfg.Cameras {
		out, err := os.Create(filepath.Join(b.TempDir(), name))
		if err != nil {
			b.Fatal(err)
		}
		source := rtsp.NewSource(rtsp.Config{Camera: name, URL: server.LoginURL(name), Log: log})
		wg.Go(func() { _ = source.Run(ctx) })
		wg.Go(func() {
			defer out.Close()
			if err := write(ctx, out, source.Reader(readerBytes)); ctx.Err() == nil {
				b.Error(err)
			}
		})
	}
}

// write writes what a camera sends, and syncs it with each key frame.
func write(ctx context.Context, out *os.File, from *rtsp.Reader) error {
	defer from.Close()
	for {
		item, err := from.Next(ctx)
		if err != nil {
			return err
		}
		u := item.Unit
		if u == nil {
			continue
		}
		for _, d := range u.Data {
			if _, err := out.Write(d); err != nil {
				return err
			}
		}
		if u.Random && u.Format.Video() {
			if err := out.Sync(); err != nil {
				return err
			}
		}
		u.Release()
	}
}

// TestSoak rings, reports motion, shows pictures and streams, and lets
// controllers come and go, fifty times as often as a home does: afterwards no
// goroutine and no memory is left that was not there before.
func TestSoak(t *testing.T) {
	f := film(t)
	key := paired(t, f.Bridge, "me", true)
	viewer := watch(t, f.camera(t), 0)
	listener := dial(t, f.Addr())
	listener.verify("me", key)
	listener.listens(f.doorbell.press.C)
	go func() { _, _ = io.Copy(io.Discard, listener.in) }()
	ask, _ := json.Marshal(m{"resource-type": "image", "image-width": 640, "image-height": 360})
	round := func(n int) {
		card := sample
		card.Request, card.Case = fmt.Sprint("request ", n%100), fmt.Sprint(n)
		f.Show([]Card{card})
		f.MotionAt("porch", n%2 == 0)
		nc, err := net.Dial("tcp", f.Addr())
		if err != nil {
			t.Fatal(err)
		}
		w := wireOn(t, nc)
		w.verify("me", key)
		w.listens(f.doorbell.press.C)
		for range 5 {
			f.doorbell.press.SetValue(singlePress)
			w.next()
		}
		w.nc.Close()
		if status, _ := viewer.ask("POST", "/resource", ask); status != http.StatusOK {
			t.Fatalf("picture %d: %d", n, status)
		}
		viewer.open(1280, 720)
		viewer.pictures(1)
		if code := viewer.write(viewer.start, viewer.selection(commandEnd, 0, 0)); code != codeDone {
			t.Fatalf("end %d: %d", n, code)
		}
		viewer.quiet()
		viewer.nc.SetDeadline(time.Now().Add(time.Minute))
		listener.nc.SetDeadline(time.Now().Add(time.Minute))
	}
	rest := func() (goroutines int, heap uint64) {
		for range 100 { // what is over may take a moment to end
			runtime.GC()
			time.Sleep(20 * time.Millisecond)
		}
		var mem runtime.MemStats
		runtime.ReadMemStats(&mem)
		return runtime.NumGoroutine(), mem.HeapAlloc
	}
	for n := range 10 {
		round(n)
	}
	goroutines, heap := rest()
	n := 10
	for end := time.Now().Add(soakFor()); time.Now().Before(end); n++ {
		round(n)
	}
	after, heapAfter := rest()
	t.Logf("%d rounds: %d goroutines and then %d, %d kB and then %d kB", n-10, goroutines, after, heap>>10, heapAfter>>10)
	if after > goroutines+2 {
		t.Errorf("%d goroutines, %d before", after, goroutines)
	}
	if heapAfter > heap+4<<20 {
		t.Errorf("%d kB of memory, %d kB before", heapAfter>>10, heap>>10)
	}
}

// soakFor is half an hour with GATEHOUSE_SOAK, or as long as that says.
func soakFor() time.Duration {
	switch s := os.Getenv("GATEHOUSE_SOAK"); s {
	case "":
		return 2 * time.Second
	default:
		if d, err := time.ParseDuration(s); err == nil {
			return d
		}
		return 30 * time.Minute
	}
}
