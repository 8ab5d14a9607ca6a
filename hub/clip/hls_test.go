package clip

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"path"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"gatehouse/hub/internal/mp4/mp4test"
	"gatehouse/hub/recording"
	"gatehouse/rtsp"
)

func TestVODPlaysInFFmpeg(t *testing.T) {
	f := mp4test.Make(t, mp4test.Shot{Video: rtsp.H264, Audio: rtsp.AAC, Seconds: 16})
	var s shelf
	s.film(t, f, 3) // files join: the second needs the first's initialisation alone
	c := newService(&s, "")
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		serve(t, c, w, r, whole(f))
	}))
	defer server.Close()
	out := mp4test.Run(t, "ffprobe", "-v", "error", "-rw_timeout", "20000000", "-count_frames", "-select_streams", "v",
		"-show_entries", "stream=nb_read_frames", "-of", "csv=p=0", server.URL+"/list.m3u8")
	got := strings.Trim(strings.Fields(string(out))[0], ",")
	if want := strconv.Itoa(pictures(f)); got != want {
		t.Fatalf("%s pictures of %s", got, want)
	}
}

func serve(t *testing.T, c *Service, w http.ResponseWriter, r *http.Request, all Range) {
	if r.URL.Path == "/list.m3u8" {
		b, err := c.Playlist(r.Context(), all)
		if err != nil {
			t.Error(err)
		}
		_, _ = w.Write(b)
		return
	}
	id, err := strconv.ParseInt(strings.TrimSuffix(path.Base(r.URL.Path), ".mp4"), 10, 64)
	if err != nil {
		t.Error(err)
	}
	if path.Dir(r.URL.Path) == "/init" {
		b, err := c.Init(r.Context(), all.Camera, all.Stream, id)
		if err != nil {
			t.Error(err)
		}
		http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(b))
		return
	}
	file, err := c.SegmentFile(r.Context(), all.Camera, all.Stream, id)
	if err != nil {
		t.Error(err)
		return
	}
	defer file.Close()
	http.ServeContent(w, r, "", time.Time{}, io.NewSectionReader(file, 0, file.Size()))
}

var extinf = regexp.MustCompile(`#EXTINF:([0-9.]+),\n#EXT-X-BYTERANGE:(\d+)@(\d+)\nsegment/(\d+)\.mp4\n`)

func TestVODPlaylist(t *testing.T) {
	f := mp4test.Make(t, mp4test.Shot{Video: rtsp.H264, Audio: rtsp.AAC, Seconds: 8})
	var s shelf
	s.film(t, f, 2)
	later := f
	later.Session = &rtsp.Session{Formats: f.Session.Formats, Zero: f.Session.Zero.Add(time.Minute)}
	later.Units = shifted(f.Units, time.Minute)
	s.film(t, later, 2)
	b, err := newService(&s, "").Playlist(t.Context(), whole(f))
	if err != nil {
		t.Fatal(err)
	}
	list := string(b)
	if !strings.HasPrefix(list, "#EXTM3U\n#EXT-X-VERSION:7\n#EXT-X-TARGETDURATION:4\n#EXT-X-MEDIA-SEQUENCE:0\n#EXT-X-PLAYLIST-TYPE:VOD\n") ||
		!strings.HasSuffix(list, "#EXT-X-ENDLIST\n") {
		t.Errorf("%s", list)
	}
	if n := strings.Count(list, "#EXT-X-DISCONTINUITY\n"); n != 1 {
		t.Errorf("%d discontinuities", n)
	}
	if n := strings.Count(list, "#EXT-X-MAP:URI=\"init/"); n != 2 {
		t.Errorf("%d initialisations", n)
	}
	for _, at := range []string{"2026-11-21T21:00:03.123Z", "2026-11-21T21:01:03.123Z"} {
		if !strings.Contains(list, "#EXT-X-PROGRAM-DATE-TIME:"+at) {
			t.Errorf("no time %s in\n%s", at, list)
		}
	}
	entries := extinf.FindAllStringSubmatch(list, -1)
	if len(entries) != 8 {
		t.Fatalf("%d entries:\n%s", len(entries), list)
	}
	for _, e := range entries {
		size, at, id := number64(t, e[2]), number64(t, e[3]), number64(t, e[4])
		b := s.data[id][at : at+size]
		if e[1] != "2.000000" || string(b[4:8]) != "prft" || bytes.Count(b, []byte("prft")) != 2 {
			t.Errorf("entry %q does not hold a picture and a sound fragment", e[0])
		}
	}
}

func number64(t *testing.T, s string) int64 {
	t.Helper()
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func TestNothingRecorded(t *testing.T) {
	c := newService(&shelf{}, "")
	if _, err := c.Playlist(t.Context(), Range{Camera: "Yard", Stream: "main", To: time.Now()}); !errors.Is(err, ErrNoFootage) {
		t.Error(err)
	}
	if _, err := c.SegmentFile(t.Context(), "Yard", "main", 7); !errors.Is(err, recording.ErrNotFound) {
		t.Errorf("%v", err)
	}
	if _, err := c.Init(t.Context(), "Yard", "main", 7); !errors.Is(err, recording.ErrNotFound) {
		t.Errorf("%v", err)
	}
}
