package hls

import (
	"context"
	"net/http"
	"testing"
)

func yes(context.Context) bool { return true }

// FuzzMedia asks for anything. A request that need not wait is answered with one
// of the statuses that are told of, and what is given is never nothing.
func FuzzMedia(f *testing.F) {
	for _, s := range [][2]string{
		{mediaList, ""},
		{mediaList, "_HLS_msn=3&_HLS_part=1"},
		{mediaList, "_HLS_msn=3"},
		{mediaList, "_HLS_part=3"},
		{mediaList, "_HLS_msn=4&_HLS_msn=5"},
		{mediaList, "_HLS_msn=18446744073709551616&_HLS_part=%00"},
		{mediaList, "a=%zz;b"},
		{"3.mp4", ""},
		{"3.2.mp4", ""},
		{"0.init.mp4", ""},
		{"4.3.mp4", "x"},
		{"-1.9.mp4", ""},
		{"...mp4", ""},
	} {
		f.Add(s[0], s[1])
	}
	s := New(Config{})
	s.waiting = maxWaiting // whoever would wait is refused
	st := newStream(s, key{"porch", "main"}, 0, func(error) {})
	st.list = *grown(8, 3)
	s.streams[st.key] = st
	f.Fuzz(func(t *testing.T, file, query string) {
		w := newRecorder()
		r := request(t, "/")
		r.URL.RawQuery = query
		s.Media(w, r, "porch", "main", st.id, file, yes)
		switch w.Code {
		case http.StatusOK:
			if w.Body.Len() == 0 {
				t.Error("nothing")
			}
		case http.StatusBadRequest, http.StatusNotFound, http.StatusServiceUnavailable:
		default:
			t.Errorf("%d", w.Code)
		}
		number, part, blocks, err := directives(query)
		if err == nil && (number < 0 || part < -1 || !blocks && part != -1) {
			t.Errorf("%d %d %v", number, part, blocks)
		}
	})
}
