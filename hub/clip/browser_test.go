package clip

import (
	"bytes"
	"context"
	"errors"
	"image/jpeg"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"gatehouse/hub/internal/mp4/mp4test"
	"gatehouse/rtsp"
)

// TestPlaylistLeavesOutSound lists a segment whose sound browsers refuse: its
// pictures alone, each fragment as it is on disk.
func TestPlaylistLeavesOutSound(t *testing.T) {
	for _, sound := range []rtsp.Codec{rtsp.PCMU, rtsp.PCMA, rtsp.LPCM} {
		f := mp4test.Make(t, mp4test.Shot{Video: rtsp.H264, Audio: sound, Seconds: 8})
		var s shelf
		s.film(t, f, 2)
		c := newService(&s, "")
		list, err := c.Playlist(t.Context(), whole(f))
		if err != nil {
			t.Fatal(err)
		}
		entries := extinf.FindAllStringSubmatch(string(list), -1)
		if len(entries) != 4 {
			t.Fatalf("%d entries:\n%s", len(entries), list)
		}
		for _, e := range entries {
			size, at, id := number64(t, e[2]), number64(t, e[3]), number64(t, e[4])
			file, err := c.SegmentFile(t.Context(), "Yard", "main", id)
			if err != nil {
				t.Fatal(err)
			}
			b := make([]byte, size)
			if _, err := file.ReadAt(b, at); err != nil {
				t.Fatal(err)
			}
			if !bytes.Contains(s.data[id], b) || string(b[4:8]) != "prft" || bytes.Count(b, []byte("prft")) != 1 {
				t.Errorf("entry %q is not one fragment of pictures", e[0])
			}
			if n, err := file.ReadAt(make([]byte, 8), file.Size()-4); n != 4 || err != io.EOF {
				t.Errorf("%d bytes before the end, %v", n, err)
			}
			if err := file.Close(); err != nil {
				t.Error(err)
			}
		}
		head, err := c.Init(t.Context(), "Yard", "main", 1)
		if err != nil || bytes.Count(head, []byte("trak")) != 1 || bytes.Count(head, []byte("trex")) != 1 {
			t.Errorf("initialisation %q, %v", head, err)
		}
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { serve(t, c, w, r, whole(f)) }))
		out := mp4test.Run(t, "ffprobe", "-v", "error", "-rw_timeout", "20000000", "-count_frames",
			"-show_entries", "stream=codec_type,nb_read_frames", "-of", "csv=p=0", server.URL+"/list.m3u8")
		server.Close()
		if got := strings.Trim(strings.Fields(string(out))[0], ","); got != "video,"+strconv.Itoa(pictures(f)) {
			t.Errorf("%s lists %q", sound, out)
		}
		if s.opens.Load() != 0 {
			t.Errorf("%d files stay open", s.opens.Load())
		}
	}
}

// TestNoPlaylistOfWhatBrowsersRefuse wants a range of it told apart, and one that
// has other footage too listed without it.
func TestNoPlaylistOfWhatBrowsersRefuse(t *testing.T) {
	for _, shot := range []mp4test.Shot{{Video: rtsp.MJPEG, Audio: rtsp.AAC, Seconds: 4}, {Audio: rtsp.LPCM, Seconds: 4}, {Audio: rtsp.PCMU, Seconds: 4}} {
		f := mp4test.Make(t, shot)
		var s shelf
		s.film(t, f, 2)
		c := newService(&s, "")
		if list, err := c.Playlist(t.Context(), whole(f)); !errors.Is(err, ErrNoBrowser) {
			t.Errorf("%+v: %v %s", shot, err, list)
		}
		parts, err := c.Parts(t.Context(), whole(f))
		if err != nil || len(parts) != 1 {
			t.Fatalf("%d parts, %v", len(parts), err)
		}
		if n := mp4test.Decode(t, save(t, open(t, c, parts[0], Options{Audio: true}))); n != pictures(f) {
			t.Errorf("%d pictures of %d in the file", n, pictures(f))
		}
		if shot.Video == "" {
			continue
		}
		plain := mp4test.Make(t, mp4test.Shot{Video: rtsp.H264, Seconds: 4, Start: f.Session.Zero.Add(shotLength)})
		s.film(t, plain, 2)
		list, err := c.Playlist(context.Background(), whole(f))
		if err != nil || len(extinf.FindAllString(string(list), -1)) != 2 {
			t.Errorf("%v, list %s", err, list)
		}
	}
}

const shotLength = 10 * time.Second

// TestStillOfOtherCodecs decodes a key frame of AV1, and hands on a picture of
// Motion JPEG as it was recorded.
func TestStillOfOtherCodecs(t *testing.T) {
	for codec, origin := range map[rtsp.Codec]Origin{rtsp.AV1: FromKeyFrame, rtsp.MJPEG: FromJPEG} {
		f := mp4test.Make(t, mp4test.Shot{Video: codec, Seconds: 2, Width: 640, Rate: 5, GOP: 5})
		var s shelf
		s.film(t, f, 2)
		got, err := newService(&s, installed(t)).Still(t.Context(), "Yard", f.Session.Zero.Add(1100*time.Millisecond))
		if err != nil || got.Origin != origin {
			t.Fatalf("%s: %s, %v", codec, got.Origin, err)
		}
		if img, err := jpeg.Decode(bytes.NewReader(got.JPEG)); err != nil || img.Bounds().Dx() != 640 {
			t.Errorf("%s: %v", codec, err)
		}
		if at := got.Taken.Sub(f.Session.Zero); at != time.Second {
			t.Errorf("%s: taken at %v", codec, at)
		}
	}
}
