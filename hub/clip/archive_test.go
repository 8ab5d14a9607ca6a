package clip_test

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"sync"
	"testing"
	"time"

	"gatehouse/hub/clip"
	"gatehouse/hub/internal/mp4/mp4test"
	"gatehouse/hub/recording"
	"gatehouse/hub/sqlite"
	"gatehouse/rtsp"
)

// loop yields footage again and again on one timeline, as a camera would.
type loop struct {
	footage mp4test.Footage
	length  time.Duration // of the footage
	times   int
	next    int // -1 for the session
}

func (l *loop) Next(context.Context) (rtsp.Item, error) {
	i := l.next
	l.next++
	units := l.footage.Units
	switch {
	case i < 0:
		return rtsp.Item{Session: l.footage.Session}, nil
	case i/len(units) >= l.times:
		return rtsp.Item{}, io.EOF
	}
	u := *units[i%len(units)]
	d := time.Duration(i/len(units)) * l.length
	shift := int64(d.Seconds() * float64(u.Format.ClockRate))
	u.PTS, u.DTS, u.UTC = u.PTS+shift, u.DTS+shift, u.UTC.Add(d)
	return rtsp.Item{Unit: &u}, nil
}

// disk is an archive on a disk.
type disk struct {
	*recording.Archive
	config  recording.ArchiveConfig
	footage mp4test.Footage
}

// minutes is an archive with some minutes of 2 Mbit/s with sound.
func minutes(t testing.TB, n int) disk {
	t.Helper()
	const seconds = 20
	f := mp4test.Make(t, mp4test.Shot{Video: rtsp.H264, Audio: rtsp.AAC, Seconds: seconds})
	for _, u := range f.Units { // filled up with an SEI
		if u.Format.Video() {
			u.Data = append([][]byte{append([]byte{6, 5}, make([]byte, 16000-min(u.Size(), 15000))...)}, u.Data...)
		}
	}
	dir := t.TempDir()
	index, err := sqlite.OpenIndex(t.Context(), filepath.Join(dir, "index.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = index.Close() })
	d := disk{footage: f, config: recording.ArchiveConfig{
		Index: index, Now: func() time.Time { return f.Session.Zero.Add(time.Hour) },
		Disks: []recording.DiskConfig{{Path: filepath.Join(dir, "disk")}},
	}}
	if d.Archive, err = recording.OpenArchive(t.Context(), d.config); err != nil {
		t.Fatal(err)
	}
	l := &loop{footage: f, length: seconds * time.Second, times: n * 60 / seconds, next: -1}
	if err := d.Recorder("yard", recording.Main, l).Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	return d
}

// files lists what is recorded, and the names of the files.
func (d disk) files(t testing.TB) (list []recording.Segment, names []string) {
	t.Helper()
	zero := d.footage.Session.Zero
	list, err := d.Segments(t.Context(), "yard", recording.Main, zero, zero.Add(time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range list {
		names = append(names, filepath.Join(d.config.Disks[0].Path, s.Path))
	}
	return list, names
}

// shrink has retention delete all but some bytes.
func (d disk) shrink(t testing.TB, bytes int64) {
	t.Helper()
	config := d.config
	config.Disks = []recording.DiskConfig{{Path: config.Disks[0].Path, Keep: recording.Keep{Bytes: bytes}}}
	a, err := recording.OpenArchive(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	_, names := d.files(t)
	ctx, cancel := context.WithCancel(t.Context())
	var done sync.WaitGroup
	done.Go(func() {
		if err := a.Run(ctx); err != nil {
			t.Error(err)
		}
	})
	for range 1000 {
		if _, err := os.Stat(names[0]); errors.Is(err, os.ErrNotExist) {
			break
		}
		time.Sleep(5 * time.Millisecond)
	}
	cancel()
	done.Wait()
	if _, err := os.Stat(names[0]); !errors.Is(err, os.ErrNotExist) {
		t.Fatal("retention deleted nothing")
	}
}

func (d disk) query(from, to time.Duration) clip.Query {
	zero := d.footage.Session.Zero
	return clip.Query{Range: clip.Range{Camera: "yard", Stream: recording.Main, From: zero.Add(from), To: zero.Add(to)}, Audio: true, Zone: time.UTC}
}

func (d disk) serve(t testing.TB, q clip.Query) *httptest.Server {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c := clip.New(clip.Config{Archive: d.Archive}) // nothing remembered
		if err := c.ServeMP4(w, r, q); err != nil {
			t.Error(err)
		}
	}))
	t.Cleanup(s.Close)
	return s
}

// TestDeletedWhileSent: what retention deletes during a download is sent whole;
// what was deleted before is another file with another ETag.
func TestDeletedWhileSent(t *testing.T) {
	d := minutes(t, 3)
	server := d.serve(t, d.query(time.Second, 170*time.Second))
	whole, err := get(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	want, err := io.ReadAll(whole.Body)
	if err := errors.Join(err, whole.Body.Close()); err != nil {
		t.Fatal(err)
	}
	res, err := get(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	head := make([]byte, 1000)
	if _, err := io.ReadFull(res.Body, head); err != nil {
		t.Fatal(err)
	}
	d.shrink(t, int64(len(want)/2))
	rest, err := io.ReadAll(res.Body)
	if got := append(head, rest...); err != nil || !slices.Equal(got, want) {
		t.Fatalf("%d bytes of %d, %v", len(got), len(want), err)
	}
	again, err := get(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	defer again.Body.Close()
	if again.ContentLength >= res.ContentLength || again.Header.Get("ETag") == res.Header.Get("ETag") {
		t.Errorf("%d bytes as %s after %d bytes as %s", again.ContentLength, again.Header.Get("ETag"), res.ContentLength, res.Header.Get("ETag"))
	}
}

// TestVanishedFile: of footage that is listed and whose file somebody deleted
// nothing is sent, and a picture of it is a card; what is beside it is had.
func TestVanishedFile(t *testing.T) {
	d := minutes(t, 3)
	list, names := d.files(t)
	if len(list) < 3 {
		t.Fatalf("%d segments", len(list))
	}
	if err := os.Remove(names[1]); err != nil {
		t.Fatal(err)
	}
	zero, lost := d.footage.Session.Zero, list[1].Start.Add(time.Second)
	c := clip.New(clip.Config{Archive: d.Archive})
	w := httptest.NewRecorder()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil)
	all := d.query(0, list[2].End().Sub(zero))
	for name, serve := range map[string]func(http.ResponseWriter, *http.Request, clip.Query) error{"MP4": c.ServeMP4, "ZIP": c.ServeZIP} {
		if err := serve(w, r, all); !errors.Is(err, recording.ErrNotFound) || w.Body.Len() > 0 || len(w.Header()) > 0 {
			t.Errorf("%s: %d bytes, %v, %v", name, w.Body.Len(), w.Header(), err)
		}
	}
	if still, err := c.Still(t.Context(), all.Camera, lost); !errors.Is(err, clip.ErrNoPicture) || still.Origin != clip.FromNothing {
		t.Errorf("a still: %s, %v", still.Origin, err)
	}
	if err := c.ServeMP4(w, r, d.query(0, list[1].Start.Sub(zero)-2*time.Second)); err != nil || w.Body.Len() == 0 {
		t.Errorf("the footage before it: %d bytes, %v", w.Body.Len(), err)
	}
}

func get(url string) (*http.Response, error) {
	r, err := http.NewRequest(http.MethodGet, url, nil)
	if err != nil {
		return nil, err
	}
	return (&http.Transport{DisableKeepAlives: true}).RoundTrip(r)
}

// BenchmarkExport measures the download of ten minutes over a connection of this
// machine beside cat, which writes the same files to one, and holds it to its
// bars. The sides take turns.
func BenchmarkExport(b *testing.B) {
	const (
		rounds    = 5
		slowest   = 0.8 // of cat's speed
		firstByte = 20 * time.Millisecond
		memory    = 16 << 20 // bytes allocated for a download, of 150 MB
	)
	d := minutes(b, 10)
	server := d.serve(b, d.query(0, 10*time.Minute))
	_, names := d.files(b)
	var cats, exports []float64 // bytes a second
	var firsts []time.Duration
	var before, after runtime.MemStats
	for range rounds {
		cats = append(cats, speedOfCat(b, names))
		runtime.ReadMemStats(&before)
		speed, first := speedOfExport(b, server.URL)
		runtime.ReadMemStats(&after)
		exports, firsts = append(exports, speed), append(firsts, first)
		if n := after.TotalAlloc - before.TotalAlloc; n > memory {
			b.Errorf("%d bytes allocated", n)
		}
	}
	slices.Sort(cats)
	slices.Sort(exports)
	slices.Sort(firsts)
	ratio, first := exports[rounds/2]/cats[rounds/2], firsts[rounds/2]
	if ratio < slowest || first > firstByte {
		b.Errorf("%.2f of cat's speed, first byte after %v; %.0f and %.0f MB/s", ratio, first, exports, cats)
	}
	for b.Loop() {
		speedOfExport(b, server.URL)
	}
	b.ReportMetric(ratio, "of-cat")
	b.ReportMetric(float64(first)/float64(time.Millisecond), "ms-first-byte")
	b.ReportMetric(exports[rounds/2]/1e6, "MB/s")
	b.ReportMetric(cats[rounds/2]/1e6, "MB/s-cat")
	b.ReportMetric(float64(after.TotalAlloc-before.TotalAlloc)/1e6, "MB-allocated")
}

// drain reads to the end and returns the number of bytes.
func drain(b *testing.B, r io.Reader) (n int64) {
	b.Helper()
	buf := make([]byte, 256<<10)
	for {
		k, err := r.Read(buf)
		n += int64(k)
		if errors.Is(err, io.EOF) {
			return n
		}
		if err != nil {
			b.Fatal(err)
		}
	}
}

func speedOfCat(b *testing.B, names []string) float64 {
	b.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	defer l.Close()
	out, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		b.Fatal(err)
	}
	in, err := l.Accept()
	if err != nil {
		b.Fatal(err)
	}
	defer in.Close()
	file, err := out.(*net.TCPConn).File()
	if err != nil {
		b.Fatal(err)
	}
	start := time.Now()
	cmd := exec.Command("cat", names...)
	cmd.Stdout, cmd.Stderr = file, os.Stderr
	if err := errors.Join(cmd.Start(), file.Close(), out.Close()); err != nil {
		b.Fatal(err)
	}
	n := drain(b, in)
	took := time.Since(start)
	if err := cmd.Wait(); err != nil {
		b.Fatal(err)
	}
	return float64(n) / took.Seconds()
}

func speedOfExport(b *testing.B, url string) (speed float64, first time.Duration) {
	b.Helper()
	start := time.Now()
	res, err := get(url)
	if err != nil {
		b.Fatal(err)
	}
	defer res.Body.Close()
	if _, err := res.Body.Read(make([]byte, 1)); err != nil {
		b.Fatal(err)
	}
	first = time.Since(start)
	n := drain(b, res.Body) + 1
	if n != res.ContentLength {
		b.Fatalf("%d bytes of %d", n, res.ContentLength)
	}
	return float64(n) / time.Since(start).Seconds(), first
}
