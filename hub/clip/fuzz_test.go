package clip

import (
	"bytes"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"gatehouse/hub/internal/mp4"
	"gatehouse/hub/recording"
)

// pieced is a virtual file of a head and three stretches of two segments, and
// its bytes.
func pieced(t testing.TB) (*MP4, []byte) {
	t.Helper()
	data := make([]byte, 5000)
	for i := range data {
		data[i] = byte(i * 7 >> 3)
	}
	s := &shelf{data: map[int64][]byte{1: data, 2: data}}
	f := &files{archive: s, head: data[:333]}
	f.add(recording.Segment{ID: 1, Bytes: 5000}, 100, 700)
	f.add(recording.Segment{ID: 1, Bytes: 5000}, 900, 1)
	f.add(recording.Segment{ID: 2, Bytes: 5000}, 4000, 1000)
	f.size = 333 + 700 + 1 + 1000
	if err := f.pin(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = f.Close() })
	m := &MP4{ReadSeeker: io.NewSectionReader(f, 0, f.size), files: f, size: f.size, etag: `"tag"`}
	return m, bytes.Join([][]byte{data[:333], data[100:800], data[900:901], data[4000:]}, nil)
}

// FuzzRange: whatever Range and the times say, the answer is the file, the
// ranges of it that it says it is, or a refusal, and not much longer than the
// file; and a range of time that is taken is one.
func FuzzRange(f *testing.F) {
	for _, s := range []string{
		"bytes=0-", "bytes=0-0,-1", "bytes=-99999", "bytes=5-2", "bytes=9999-", "bytes=0-1,0-1,0-1,0-1", "bytes=,", "bytes=0-99999999999999999999",
		"bytes= 1 - 2", "bytes=-0", "bytes=--1", "bytes=- 0", "bytes=-+0", "pictures=1-2", "bytes=333-333,1033-1034", "bytes=0-1999,1-2000", "",
	} {
		f.Add(s, "2026-11-21T21:00:03.5Z", "2026-11-21T21:00:04+01:00")
	}
	f.Add("bytes=1-", "2026-11-21T21:00:03Z", "9999-12-31T23:59:59Z")
	f.Add("bytes=1-", "0000-01-01T00:00:00Z", "2026-02-30T00:00:00Z")
	f.Fuzz(func(t *testing.T, asked, from, to string) {
		a, b, err := ParseRange(from, to, MaxExport)
		if err == nil && (!a.Before(b) || b.Sub(a) > MaxExport || a.Year() < 1970) {
			t.Errorf("ParseRange(%q, %q) = %v, %v", from, to, a, b)
		}
		m, all := pieced(t)
		r := httptest.NewRequest(http.MethodGet, "/clip.mp4", nil)
		r.Header.Set("Range", asked)
		w := httptest.NewRecorder()
		m.serve(w, r)
		body := w.Body.Bytes()
		if len(body) > len(all)+maxRanges*200 {
			t.Errorf("%d bytes for a file of %d", len(body), len(all))
		}
		switch w.Code {
		case http.StatusOK:
			if !bytes.Equal(body, all) {
				t.Error("not the file")
			}
		case http.StatusPartialContent:
			checkPartial(t, w.Header(), body, all)
		case http.StatusRequestedRangeNotSatisfiable:
		default:
			t.Errorf("status %d", w.Code)
		}
	})
}

func checkPartial(t *testing.T, h http.Header, body, all []byte) {
	t.Helper()
	kind, params, err := mime.ParseMediaType(h.Get("Content-Type"))
	if err != nil {
		t.Fatal(err)
	}
	if kind != "multipart/byteranges" {
		checkStretch(t, h.Get("Content-Range"), body, all)
		return
	}
	parts := multipart.NewReader(bytes.NewReader(body), params["boundary"])
	for {
		p, err := parts.NextPart()
		if err == io.EOF { //nolint:errorlint // as documented
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		b, err := io.ReadAll(p)
		if err != nil {
			t.Fatal(err)
		}
		checkStretch(t, p.Header.Get("Content-Range"), b, all)
	}
}

func checkStretch(t *testing.T, said string, got, all []byte) {
	t.Helper()
	var from, to, size int
	if _, err := fmt.Sscanf(said, "bytes %d-%d/%d", &from, &to, &size); err != nil || size != len(all) || from > to || to >= size {
		t.Fatalf("Content-Range %q, %v", said, err)
	}
	if !bytes.Equal(got, all[from:to+1]) {
		t.Errorf("%q are not those bytes", said)
	}
}

// FuzzCut: a cut holds only samples of its part, each once and in order, begins
// at a key frame and shows no more than the range.
func FuzzCut(f *testing.F) {
	f.Add(int64(0), int64(1e6), []byte{1, 0, 0, 1, 0, 0})
	f.Add(int64(1.5e5), int64(2.5e5), []byte{1, 130, 2, 3, 1, 7, 250, 0, 1})
	f.Fuzz(func(t *testing.T, from, length int64, shape []byte) {
		if length <= 0 || length > 1e9 || from < -1e9 || from > 1e9 || len(shape) > 200 {
			return
		}
		p, ok := shaped(shape)
		if !ok {
			return
		}
		a := p.From.Add(time.Duration(from) * time.Microsecond)
		b := a.Add(time.Duration(length) * time.Microsecond)
		c, ok := cutOut(p, a, b, true)
		if !ok {
			return
		}
		if c.out <= c.in || c.from.Before(a) || c.to.After(b) || len(c.spans) == 0 {
			t.Fatalf("%v to %v gives %v to %v, ticks %d to %d", a, b, c.from, c.to, c.in, c.out)
		}
		first := c.spans[0]
		if fr := first.table.file.Fragments[first.fragment]; !fr.Samples[first.lo].Sync {
			t.Fatal("does not begin at a key frame")
		}
		for i, s := range c.spans {
			n := len(s.table.file.Fragments[s.fragment].Samples)
			if s.lo < 0 || s.hi > n || s.lo >= s.hi || i > 0 && (s.fragment <= c.spans[i-1].fragment || s.lo != 0) {
				t.Fatalf("span %d: %d to %d of %d", i, s.lo, s.hi, n)
			}
		}
	})
}

// shaped is a part of video made from bytes: the lowest bit is a key frame, which
// begins a fragment, the others the composition offset.
func shaped(shape []byte) (Part, bool) {
	const scale, step = 1000, 100
	file := &mp4.File{Tracks: []mp4.Track{{ID: 1, Timescale: scale, Video: true}}}
	zero := time.Date(2026, 11, 21, 21, 0, 0, 0, time.UTC)
	dts := int64(scale)
	for _, v := range shape {
		s := mp4.Sample{Size: 10, Duration: step, Composition: int32(int8(v)) >> 1 * 10, Sync: v&1 == 1}
		if n := len(file.Fragments); s.Sync || n == 0 {
			at := dts + int64(s.Composition)
			file.Fragments = append(file.Fragments, mp4.Fragment{Base: dts, PTS: at, UTC: zero.Add(ticks(at, scale))})
		}
		fr := &file.Fragments[len(file.Fragments)-1]
		fr.Samples = append(fr.Samples, s)
		dts += step
	}
	t := newTable(recording.Segment{ID: 1}, file)
	parts := join(Range{}, []piece{{t, t.groups}})
	if len(parts) != 1 {
		return Part{}, false
	}
	return parts[0], true
}
