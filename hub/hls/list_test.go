package hls

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"gatehouse/rtsp/rtsptest/bubble"
)

func newRecorder() *httptest.ResponseRecorder { return httptest.NewRecorder() }

func request(t *testing.T, path string) *http.Request {
	t.Helper()
	return httptest.NewRequestWithContext(t.Context(), http.MethodGet, path, nil)
}

// grown is a list of segments with as many parts as are told, of 0.25 s and 100
// bytes each; the last one grows.
func grown(parts ...int) *list {
	l := &list{codecs: "avc1.640028", inits: [][]byte{{1}}}
	l.begin(leastTarget, 0.275)
	for i, n := range parts {
		if i > 0 {
			l.open(false)
		}
		for range n {
			l.grow(0.25, 100)
		}
	}
	return l
}

func (l *list) grow(seconds float64, size int) {
	g := l.growing()
	g.start = time.Date(2026, 11, 21, 21, 0, 0, 0, time.UTC)
	g.parts = append(g.parts, &part{data: make([]byte, size), seconds: seconds, independent: len(g.parts) == 0})
	g.seconds += seconds
	g.bytes += size
	l.bytes += size
}

// TestBlockingReload holds what a reload waits for to 6.2.5.2.
func TestBlockingReload(t *testing.T) {
	l := grown(8, 3) // numbers 3 and 4, after three gaps
	for _, v := range []struct {
		number, part int64
		has, ahead   bool
	}{
		{0, -1, true, false},
		{3, -1, true, false},
		{3, 0, true, false},
		{3, 7, true, false},
		{3, 8, true, false},  // is part 0 of the next
		{3, 99, true, false}, // the same
		{4, -1, false, false},
		{4, 0, true, false},
		{4, 2, true, false},
		{4, 3, false, false},
		{4, 13, false, false},
		{4, 14, false, true}, // eleven parts make three seconds
		{5, -1, false, false},
		{5, 0, false, false},
		{5, 11, false, true},
		{6, -1, false, true},
		{6, 0, false, true},
	} {
		if has, ahead := l.has(v.number, v.part), l.ahead(v.number, v.part); has != v.has || ahead != v.ahead {
			t.Errorf("_HLS_msn=%d&_HLS_part=%d: has %v, ahead %v", v.number, v.part, has, ahead)
		}
	}
	l = grown(8, 0) // just complete
	if l.has(3, 8) || !l.has(3, 7) || !l.has(3, -1) || l.has(4, 0) {
		t.Error("the first part of a segment is taken for there")
	}
}

// TestWaiting: a reload is answered when what it asks for is there, after three
// target durations with 503, and with 404 when the list is over.
func TestWaiting(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		s := New(Config{})
		st := newStream(s, key{"porch", "main"}, 0, func(error) {})
		st.list = *grown(8, 3)
		s.streams[st.key] = st
		ask := func(file string) <-chan *httptest.ResponseRecorder {
			done := make(chan *httptest.ResponseRecorder, 1)
			go func() {
				w := newRecorder()
				s.Media(w, request(t, "/"+file), "porch", "main", st.id, strings.Split(file, "?")[0], yes)
				done <- w
			}()
			return done
		}
		for _, file := range []string{"list.m3u8?_HLS_msn=4&_HLS_part=3", "4.3.mp4"} {
			answer := ask(file)
			time.Sleep(11 * time.Second)
			synctest.Wait()
			if len(answer) > 0 {
				t.Fatalf("%s: answered before it is there", file)
			}
			time.Sleep(time.Second)
			if w := <-answer; w.Code != http.StatusServiceUnavailable {
				t.Errorf("%s: %d after 12 s", file, w.Code)
			}
			answer = ask(file)
			synctest.Wait()
			st.mu.Lock()
			old := st.list
			st.list = *grown(8, 4)
			st.tell()
			st.mu.Unlock()
			if w := <-answer; w.Code != http.StatusOK || w.Body.Len() == 0 {
				t.Errorf("%s: %d", file, w.Code)
			}
			st.mu.Lock()
			st.list = old
			st.mu.Unlock()
		}
		answer := ask("list.m3u8?_HLS_msn=4&_HLS_part=3")
		synctest.Wait()
		st.end(errUnwatched)
		if w := <-answer; w.Code != http.StatusNotFound {
			t.Errorf("at the end: %d", w.Code)
		}
		if s.waiting != 0 || st.waiting != 0 {
			t.Errorf("%d and %d wait", s.waiting, st.waiting)
		}
		s.waiting = maxWaiting
		st.ended, st.list = nil, *grown(8, 3)
		if w := <-ask("4.3.mp4"); w.Code != http.StatusServiceUnavailable {
			t.Errorf("one too many: %d", w.Code)
		}
	})
}

// TestSliding: three target durations stay listed, what slid out is there for a
// while, and bytes are bounded before anything.
func TestSliding(t *testing.T) {
	l := grown(16)
	for range 20 {
		l.open(false)
		for range 16 {
			l.grow(0.25, 100)
		}
		if !l.slide(1 << 20) {
			t.Fatal("too large")
		}
		p, err := read(string(l.media()))
		if err != nil {
			t.Fatalf("%v in\n%s", err, l.media())
		}
		if p.segments[len(p.segments)-1].number != l.growing().number {
			t.Fatalf("numbers: %+v", p)
		}
	}
	if n := len(l.segments); n != 4 || len(l.gone) != 2 || l.bytes != 6*1600 {
		t.Errorf("%d segments, %d gone, %d bytes", n, len(l.gone), l.bytes)
	}
	if !l.slide(3200) || l.bytes != 3200 || len(l.segments) != 2 {
		t.Errorf("%d bytes in %d segments", l.bytes, len(l.segments))
	}
	if l.slide(1500) {
		t.Error("a segment larger than all room is kept")
	}
	l = grown(4, 4)
	l.segments[gaps+1].parted = true
	before := l.partings
	for range 20 {
		l.open(false)
		l.grow(4, 1)
		l.slide(1 << 20)
	}
	if l.partings != before+1 {
		t.Errorf("%d discontinuities slid out", l.partings)
	}
}
