package clip

import (
	"archive/zip"
	"bytes"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"gatehouse/hub/internal/mp4/mp4test"
	"gatehouse/rtsp"
)

// door serves one question over HTTP.
func door(t testing.TB, c *Service, q Query, serve func(*Service, http.ResponseWriter, *http.Request, Query) error) *httptest.Server {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch err := serve(c, w, r, q); {
		case errors.Is(err, ErrBusy):
			http.Error(w, err.Error(), http.StatusServiceUnavailable)
		case err != nil:
			http.Error(w, err.Error(), http.StatusNotFound)
		}
	}))
	t.Cleanup(s.Close)
	return s
}

// ask sends a request with headers "Name: value".
func ask(t testing.TB, method, url string, headers ...string) (*http.Response, []byte, error) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		r.Header.Set(name, value)
	}
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	return res, b, err
}

func TestByteRanges(t *testing.T) {
	f := mp4test.Make(t, mp4test.Shot{Video: rtsp.H264, Audio: rtsp.AAC, Seconds: 8})
	var s shelf
	s.film(t, f, 1)
	c := newService(&s, "")
	url := door(t, c, Query{Range: between(f, 1.3, 7.1), Audio: true}, (*Service).ServeMP4).URL
	res, all, err := ask(t, "GET", url)
	tag := res.Header.Get("ETag")
	if err != nil || res.StatusCode != 200 || res.ContentLength != int64(len(all)) || res.Header.Get("Accept-Ranges") != "bytes" ||
		res.Header.Get("Content-Type") != "video/mp4" || !strings.HasPrefix(tag, `"`) {
		t.Fatalf("%d %v %v", res.StatusCode, res.Header, err)
	}
	n := len(all)
	many := "bytes=0-0" + strings.Repeat(",2-3", maxRanges)
	for _, v := range []struct {
		headers  []string
		status   int
		from, to int
	}{
		{[]string{"Range: bytes=0-99"}, 206, 0, 100},
		{[]string{"Range: bytes=100-"}, 206, 100, n},
		{[]string{fmt.Sprintf("Range: bytes=%d-%d", n/2, n+50)}, 206, n / 2, n},
		{[]string{"Range: bytes=-777"}, 206, n - 777, n},
		{[]string{"Range: bytes=-99999999"}, 206, 0, n},
		{[]string{fmt.Sprintf("Range: bytes=%d-", n)}, 416, 0, 0},
		{[]string{"Range: bytes=-0"}, 416, 0, 0},
		{[]string{"Range: bytes=-00, 5-9"}, 206, 5, 10},
		{[]string{"Range: pictures=1-2"}, 200, 0, n},
		{[]string{"Range: " + many}, 200, 0, n},
		{[]string{"Range: bytes=5-9", "If-Range: " + tag}, 206, 5, 10},
		{[]string{"Range: bytes=5-9", `If-Range: "another"`}, 200, 0, n},
		{[]string{"Range: bytes=5-9", "If-Range: W/" + tag}, 200, 0, n}, // only strong ones compare (RFC 9110 13.1.5)
		{[]string{"If-None-Match: " + tag}, 304, 0, 0},
		{[]string{"If-None-Match: W/" + tag + `, "x"`}, 304, 0, 0},
		{[]string{`If-Match: "another"`}, 412, 0, 0},
		{[]string{"If-None-Match: " + tag, "Range: bytes=5-9"}, 304, 0, 0},
	} {
		res, b, err := ask(t, "GET", url, v.headers...)
		if err != nil || res.StatusCode != v.status {
			t.Errorf("%v: %d, want %d, %v", v.headers, res.StatusCode, v.status, err)
		}
		if v.status < 300 && !bytes.Equal(b, all[v.from:v.to]) {
			t.Errorf("%v: %d bytes, not those asked for", v.headers, len(b))
		}
		if want := fmt.Sprintf("bytes %d-%d/%d", v.from, v.to-1, n); v.status == 206 && res.Header.Get("Content-Range") != want {
			t.Errorf("%v: Content-Range %q, want %q", v.headers, res.Header.Get("Content-Range"), want)
		}
		if v.status == 416 && res.Header.Get("Content-Range") != fmt.Sprintf("bytes */%d", n) {
			t.Errorf("%v: Content-Range %q", v.headers, res.Header.Get("Content-Range"))
		}
	}
	res, b, err := ask(t, "HEAD", url)
	if err != nil || len(b) != 0 || res.ContentLength != int64(n) || res.Header.Get("ETag") != tag {
		t.Errorf("HEAD: %v, %v", res.Header, err)
	}
	if n := s.opens.Load(); n != 0 {
		t.Errorf("%d files left open", n)
	}
	checkMulti(t, url, all)
}

func checkMulti(t *testing.T, url string, all []byte) {
	t.Helper()
	n := len(all)
	res, b, err := ask(t, "GET", url, fmt.Sprintf("Range: bytes=0-9, %d-%d, -5", n/3, n/3+9999))
	kind, params, err2 := mime.ParseMediaType(res.Header.Get("Content-Type"))
	if err != nil || err2 != nil || res.StatusCode != 206 || kind != "multipart/byteranges" {
		t.Fatalf("%d %q %v", res.StatusCode, kind, err)
	}
	parts := multipart.NewReader(bytes.NewReader(b), params["boundary"])
	for _, want := range [][2]int{{0, 10}, {n / 3, n/3 + 10000}, {n - 5, n}} {
		p, err := parts.NextPart()
		if err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(p)
		if err != nil || !bytes.Equal(got, all[want[0]:want[1]]) || p.Header.Get("Content-Type") != "video/mp4" {
			t.Errorf("part %v: %d bytes, %v", want, len(got), err)
		}
	}
}

func TestNamesOfDownloads(t *testing.T) {
	zone, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range []struct {
		camera string
		at     time.Time
		want   string
	}{
		{"yard", time.Date(2026, 7, 1, 12, 0, 5, 0, time.UTC), "yard_2026-07-01_14-00-05+0200.mp4"},
		{"yard", time.Date(2026, 10, 25, 0, 30, 0, 0, time.UTC), "yard_2026-10-25_02-30-00+0200.mp4"},
		{"yard", time.Date(2026, 10, 25, 1, 30, 0, 0, time.UTC), "yard_2026-10-25_02-30-00+0100.mp4"}, // the hour again
		{"../back\n\"door\"", time.Date(2026, 7, 1, 12, 0, 5, 0, time.UTC), "..-back--door-_2026-07-01_14-00-05+0200.mp4"},
		{"høymåne", time.Date(2026, 7, 1, 12, 0, 5, 0, time.UTC), "høymåne_2026-07-01_14-00-05+0200.mp4"},
	} {
		e := &Export{camera: v.camera, cuts: []cut{{from: v.at}}}
		got := e.Name(0, zone, ".mp4")
		_, params, err := mime.ParseMediaType(attachment(got))
		if got != v.want || err != nil || params["filename"] != got {
			t.Errorf("%q gives %q and %v, %v", v.camera, got, params, err)
		}
	}
}

// TestHolesAreFiles: a range with holes is one file a stretch, by itself or all
// in an archive that common tools read.
func TestHolesAreFiles(t *testing.T) {
	f := mp4test.Make(t, mp4test.Shot{Video: rtsp.H264, Seconds: 12, Numbered: true})
	var s shelf
	s.film(t, f, 2)
	s.rows = append(s.rows[:1], s.rows[2]) // 4 to 8 s are gone
	c := newService(&s, "")
	q := Query{Range: between(f, 1.2, 11.1), Zone: time.UTC, Download: true}
	if err := c.ServeMP4(httptest.NewRecorder(), httptest.NewRequest("GET", "/", nil), q); !errors.Is(err, ErrParts) {
		t.Errorf("two files as one: %v", err)
	}
	var pictures int
	for part, name := range []string{"Yard_2026-11-21_21-00-04+0000.mp4", "Yard_2026-11-21_21-00-11+0000.mp4"} {
		q.Part = part + 1
		res, b, err := ask(t, "GET", door(t, c, q, (*Service).ServeMP4).URL)
		if err != nil || res.Header.Get("Content-Disposition") != "attachment; filename="+name {
			t.Errorf("part %d: %v, %v", part, res.Header, err)
		}
		pictures += len(mp4test.Numbers(t, write(t, b)))
	}
	q.Part = 3
	if err := c.ServeMP4(httptest.NewRecorder(), httptest.NewRequest("GET", "/", nil), q); !errors.Is(err, ErrNoFootage) {
		t.Errorf("a third part: %v", err)
	}
	r := between(f, 1.2, 4)
	if want := len(taken(f, r)) + len(taken(f, between(f, 8, 11.1))); pictures != want {
		t.Errorf("%d pictures, want %d", pictures, want)
	}
	archive := door(t, c, q, (*Service).ServeZIP).URL
	res, b, err := ask(t, "GET", archive)
	if err != nil || res.ContentLength != int64(len(b)) || res.Header.Get("Content-Disposition") != "attachment; filename=Yard_2026-11-21_21-00-04+0000.zip" {
		t.Fatalf("%d bytes of %d, %v, %v", len(b), res.ContentLength, res.Header, err)
	}
	if res, b, err := ask(t, "HEAD", archive); err != nil || len(b) != 0 || res.ContentLength <= 0 {
		t.Errorf("HEAD: %v, %v", res.Header, err)
	}
	name := write(t, b)
	mp4test.Run(t, "python3", "-c", "import sys,zipfile; z=zipfile.ZipFile(sys.argv[1]); assert z.testzip() is None; print(z.namelist())", name)
	z, err := zip.OpenReader(name)
	if err != nil || len(z.File) != 2 {
		t.Fatal(err)
	}
	defer z.Close()
	member, err := z.File[1].Open()
	if err != nil {
		t.Fatal(err)
	}
	film, err := io.ReadAll(member)
	if err != nil || !z.File[1].Modified.Equal(time.Date(2026, 11, 21, 21, 0, 11, 0, time.UTC)) {
		t.Errorf("%v of %v", err, z.File[1].Modified)
	}
	if got := mp4test.Numbers(t, write(t, film)); got[0] != 120 {
		t.Errorf("the second file begins with picture %d", got[0])
	}
}

func write(t testing.TB, b []byte) string {
	t.Helper()
	f, err := os.CreateTemp(t.TempDir(), "*.mp4")
	if err == nil {
		_, err = f.Write(b)
		err = errors.Join(err, f.Close())
	}
	if err != nil {
		t.Fatal(err)
	}
	return f.Name()
}

func TestDeflatedLength(t *testing.T) {
	for _, n := range []int64{0, 1, 65534, 65535, 65536, 131070, 131071, 1 << 20} {
		f := &files{head: make([]byte, n), size: n}
		var out counter
		if _, err := copyFile(&out, &MP4{ReadSeeker: io.NewSectionReader(f, 0, n), files: f, size: n}); err != nil || uint64(out.n) != deflated(n) {
			t.Errorf("%d bytes give %d, want %d, %v", n, out.n, deflated(n), err)
		}
	}
}

// TestSegmentIsShort: a file that is shorter than its row says ends the
// answer early, and the client sees it.
func TestSegmentIsShort(t *testing.T) {
	f := mp4test.Make(t, mp4test.Shot{Video: rtsp.H264, Seconds: 8})
	var s shelf
	ids := s.film(t, f, 2)
	c := newService(&s, "")
	q := Query{Range: between(f, 0, 8), Zone: time.UTC}
	if _, _, err := ask(t, "GET", door(t, c, q, (*Service).ServeMP4).URL); err != nil {
		t.Fatal(err) // tables are known now
	}
	s.cut = map[int64]int64{ids[1]: 5000}
	for name, serve := range map[string]func(*Service, http.ResponseWriter, *http.Request, Query) error{"mp4": (*Service).ServeMP4, "zip": (*Service).ServeZIP} {
		if res, b, err := ask(t, "GET", door(t, c, q, serve).URL); err == nil {
			t.Errorf("%s: %d bytes of %d and no error", name, len(b), res.ContentLength)
		}
	}
}

// TestBoundsOfExports: what is too long is refused at once, what is too many
// waits and is then refused, and room is given back.
func TestBoundsOfExports(t *testing.T) {
	f := mp4test.Make(t, mp4test.Shot{Video: rtsp.H264, Seconds: 2, Width: 64, GOP: 1})
	var s shelf
	s.film(t, f, 1)
	c := newService(&s, "")
	r := between(f, 0, 2)
	var open []*Export
	for {
		e, err := c.Export(t.Context(), r, Options{})
		if errors.Is(err, ErrBusy) {
			break
		}
		if err != nil || len(open) > 8 {
			t.Fatal(len(open), err)
		}
		open = append(open, e)
	}
	if len(open) != 8 {
		t.Errorf("%d exports at once", len(open))
	}
	var wg sync.WaitGroup
	wg.Go(func() {
		if e, err := c.Export(t.Context(), r, Options{}); err != nil {
			t.Error("one that waits:", err)
		} else if err := e.Close(); err != nil {
			t.Error(err)
		}
	})
	time.Sleep(10 * time.Millisecond)
	for _, e := range open {
		if err := e.Close(); err != nil {
			t.Error(err)
		}
	}
	wg.Wait()
	if _, err := c.Export(t.Context(), between(f, 0, 13*3600), Options{}); !errors.Is(err, ErrTooLong) {
		t.Errorf("13 hours: %v", err)
	}
	row := s.rows[0]
	for range maxSegments {
		s.rows = append(s.rows, row)
	}
	if _, err := c.Export(t.Context(), r, Options{}); !errors.Is(err, ErrTooLong) {
		t.Errorf("%d segments: %v", len(s.rows), err)
	}
	if !c.room.TryAcquire(maxSegments) {
		t.Error("room was lost")
	}
}

func TestParseRange(t *testing.T) {
	for _, v := range []struct {
		from, to string
		err      error
	}{
		{"2026-11-21T21:00:03Z", "2026-11-21T21:00:04Z", nil},
		{"2026-11-21T21:00:03.123456Z", "2026-11-21T22:00:03.2+01:00", nil},
		{"2026-11-21T21:00:03Z", "2026-11-21T21:00:03Z", ErrRange},
		{"2026-11-21T21:00:04Z", "2026-11-21T21:00:03Z", ErrRange},
		{"", "2026-11-21T21:00:03Z", ErrRange},
		{"2026-11-21T21:00:03", "2026-11-21T21:00:04Z", ErrRange},
		{"0001-01-01T00:00:00Z", "0001-01-01T00:00:01Z", ErrRange},
		{"2026-11-21T00:00:00Z", "2026-11-22T00:00:00Z", ErrTooLong},
		{"1971-01-01T00:00:00Z", "9999-01-01T00:00:00Z", ErrTooLong},
	} {
		if _, _, err := ParseRange(v.from, v.to, MaxExport); !errors.Is(err, v.err) {
			t.Errorf("%s to %s: %v, want %v", v.from, v.to, err, v.err)
		}
	}
}
