package recording_test

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/textproto"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"gatehouse/hub/internal/mp4"
	"gatehouse/hub/recording"
	"gatehouse/rtsp"
	"gatehouse/rtsp/rtsptest"
)

// canned is a camera that sends bytes made before: nothing that it does is
// counted with what the hub allocates.
type canned struct {
	sdp  string
	wire []byte
}

// play answers one client, and sends a piece of the wire every pause.
func (c canned) play(l net.Listener, piece int, pause time.Duration) {
	conn, err := l.Accept()
	if err != nil {
		return
	}
	defer conn.Close()
	base := "rtsp://" + l.Addr().String() + "/"
	r := textproto.NewReader(bufio.NewReader(conn))
	for {
		line, err := r.ReadLine()
		if err != nil {
			return
		}
		h, err := r.ReadMIMEHeader()
		if err != nil {
			return
		}
		method, _, _ := strings.Cut(line, " ")
		more, body := "", ""
		switch method {
		case "DESCRIBE":
			more, body = "Content-Type: application/sdp\r\nContent-Base: "+base+"\r\n", c.sdp
		case "SETUP":
			more = "Transport: " + h.Get("Transport") + "\r\n"
		}
		fmt.Fprintf(conn, "RTSP/1.0 200 OK\r\nCSeq: %s\r\nSession: 1\r\n%sContent-Length: %d\r\n\r\n%s", h.Get("CSeq"), more, len(body), body)
		if method == "PLAY" {
			break
		}
	}
	for b := c.wire; len(b) > 0; time.Sleep(pause) {
		n := min(piece, len(b))
		if _, err := conn.Write(b[:n]); err != nil {
			return
		}
		b = b[n:]
	}
	_, _ = io.Copy(io.Discard, conn)
}

// writes counts the calls that write, as the file layer makes them.
type writes struct {
	recording.OSFiles
	n atomic.Int64
}

func (w *writes) Volume(path string) (recording.Volume, error) {
	v, err := w.OSFiles.Volume(path)
	return &writesVolume{v, w}, err
}

type writesVolume struct {
	recording.Volume
	w *writes
}

func (v *writesVolume) Create(name string) (recording.RawFile, error) {
	f, err := v.Volume.Create(name)
	if err != nil {
		return nil, err
	}
	return &writesFile{f, f.(recording.Vectored), v.w}, nil
}

type writesFile struct {
	recording.RawFile
	parts recording.Vectored
	w     *writes
}

func (f *writesFile) WriteAt(b []byte, off int64) (int, error) {
	f.w.n.Add(1)
	return f.RawFile.WriteAt(b, off)
}

func (f *writesFile) WriteParts(parts [][]byte, off int64) error {
	f.w.n.Add(int64((len(parts) + 1023) / 1024)) // IOV_MAX
	return f.parts.WriteParts(parts, off)
}

// counted is a Reader that knows what was allocated between two of its units.
type counted struct {
	*rtsp.Reader
	units, from, to int
	mallocs         [2]uint64
	done            func()
}

func (c *counted) Next(ctx context.Context) (rtsp.Item, error) {
	item, err := c.Reader.Next(ctx)
	if item.Unit == nil {
		return item, err
	}
	if c.units++; c.units == c.from || c.units == c.to {
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		c.mallocs[c.units/c.to] = m.Mallocs
		if c.units == c.to {
			c.done()
		}
	}
	return item, err
}

// measureSteady records a minute of 1080p15-like footage from a socket to a file,
// twenty times as fast as a camera sends.
func measureSteady(tb testing.TB) (allocs, calls float64) {
	clip := filepath.Join(tb.TempDir(), "clip.mp4")
	if out, err := exec.CommandContext(tb.Context(), "ffmpeg", "-v", "error", "-f", "lavfi", "-i", "testsrc2=s=640x360:r=15:d=10",
		"-f", "lavfi", "-i", "anoisesrc=d=10:a=0.05:r=32000", "-vf", "noise=alls=40:allf=t", "-c:v", "libx264", "-preset", "ultrafast",
		"-profile:v", "main", "-b:v", "2M", "-minrate", "2M", "-maxrate", "2M", "-bufsize", "2M", "-g", "30", "-bf", "0",
		"-pix_fmt", "yuv420p", "-c:a", "aac", "-b:a", "64k", "-ac", "1", clip).CombinedOutput(); err != nil {
		tb.Fatalf("%v: %s", err, out)
	}
	camera := rtsptest.Camera{File: clip, Loop: true}
	const units = 60 * (15 + 31)
	wire, err := camera.Wire(units)
	if err != nil {
		tb.Fatal(err)
	}
	sdp, err := camera.Description()
	if err != nil {
		tb.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	defer l.Close()

	files := &writes{}
	s := newStore(tb, 1)
	s.cfg.Now = time.Now
	s.start(tb, files)
	source := rtsp.NewSource(rtsp.Config{Camera: "porch", URL: "rtsp://" + l.Addr().String() + "/", Log: slog.New(slog.DiscardHandler)})
	ctx, stop := context.WithTimeout(tb.Context(), time.Minute)
	defer stop()
	from := &counted{Reader: source.Reader(64 << 20), from: units / 4, to: units * 9 / 10, done: stop}
	var sources, sinks sync.WaitGroup
	sources.Go(func() { canned{sdp, wire}.play(l, len(wire)/300, 10*time.Millisecond) })
	sources.Go(func() { _ = source.Run(ctx) })
	serving, end := context.WithCancel(context.Background())
	sinks.Go(func() { _ = s.Run(serving) })
	if err := s.Recorder("porch", recording.Main, from).Run(context.Background()); err != nil {
		tb.Error(err)
	}
	l.Close()
	sources.Wait()
	end()
	sinks.Wait()
	if from.units < from.to {
		tb.Fatalf("%d units of %d", from.units, from.to)
	}
	fragments := 0
	for _, g := range s.all(tb) {
		b := read(tb, s.path(tb, g))
		p, err := mp4.Parse(bytes.NewReader(b), int64(len(b)))
		if err != nil {
			tb.Fatal(err)
		}
		fragments += len(p.Fragments)
	}
	return float64(from.mallocs[1]-from.mallocs[0]) / float64(from.to-from.from), float64(files.n.Load()) / float64(fragments)
}

// An access unit may cost one allocation from the socket to the file, index and
// all, and a fragment one call that writes.
func TestSteadyCost(t *testing.T) {
	allocs, calls := measureSteady(t)
	t.Logf("%.2f allocations a unit, %.2f writes a fragment", allocs, calls)
	if allocs > 1 || calls > 1.2 {
		t.Error("more than 1 allocation a unit or 1.2 writes a fragment")
	}
}

func BenchmarkSteady(b *testing.B) {
	for b.Loop() {
		allocs, calls := measureSteady(b)
		b.ReportMetric(allocs, "allocs/unit")
		b.ReportMetric(calls, "writes/fragment")
	}
}
