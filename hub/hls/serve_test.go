package hls

import (
	"bytes"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"gatehouse/rtsp/rtsptest"
)

func loop(file string) rtsptest.Camera {
	return rtsptest.Camera{FS: rtsptest.Clips(), File: file, Loop: true}
}

// follow is a player: it reads a list and then asks, each time, for the part
// after the last one. It returns the lists, and all parts in their order.
func (r *rig) follow(t *testing.T, folder string, enough func(told) bool) (lists []told, media []byte) {
	t.Helper()
	path, fetched, init := folder+mediaList, map[string]bool{}, ""
	for end := time.Now().Add(patience); ; {
		if time.Now().After(end) {
			t.Fatalf("not enough in %v", patience)
		}
		code, b := r.get(t, path)
		if code != http.StatusOK {
			t.Fatalf("%s: %d %s", path, code, b)
		}
		p, err := read(string(b))
		if err != nil {
			t.Fatalf("%v in\n%s", err, b)
		}
		lists = append(lists, p)
		var number int64
		index := 0
		for _, s := range p.segments {
			for k, part := range s.parts {
				if number, index = s.number, k+1; fetched[part.uri] {
					continue
				}
				if s.init != init {
					_, head := r.get(t, folder+s.init)
					media, init = append(media, head...), s.init
				}
				code, b := r.get(t, folder+part.uri)
				if code != http.StatusOK {
					t.Fatalf("%s: %d", part.uri, code)
				}
				fetched[part.uri] = true
				media = append(media, b...)
			}
			if s.uri != "" && len(s.parts) > 0 {
				number, index = s.number+1, 0
			}
		}
		if enough(p) {
			return lists, media
		}
		path = fmt.Sprintf("%s%s?_HLS_msn=%d&_HLS_part=%d", folder, mediaList, number, index)
	}
}

// TestPlayerFollows: a player that asks for part after part gets each list once
// it has the part, all of the lists valid, and what it was given decodes.
func TestPlayerFollows(t *testing.T) {
	cameras := map[string]rtsptest.Camera{
		"aac": loop("h264-aac.mp4"), "opus": loop("h264-opus.mp4"), "reordered": loop("h264-bframes.mp4"), "h265": loop("h265.mp4"), "av1": loop("av1.mp4"),
	}
	r := newRig(t, cameras)
	codecs := map[string]string{"aac": `"avc1\.\w+,mp4a\.40\.2"`, "opus": `"avc1\.\w+,Opus"`, "reordered": `"avc1\.`, "h265": `"hvc1\.`, "av1": `"av01\.`}
	for name := range cameras {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			folder, master := r.open(t, name)
			if !regexp.MustCompile(codecs[name]).MatchString(master) {
				t.Errorf("codecs: %s", master)
			}
			lists, media := r.follow(t, folder, func(p told) bool {
				first, last := p.segments[gapsOf(p)], p.segments[len(p.segments)-1]
				return last.number >= first.number+2
			})
			for i, p := range lists {
				if p.target != lists[0].target || p.longest != lists[0].longest {
					t.Fatalf("list %d has other durations than the first: %+v", i, p)
				}
			}
			last := lists[len(lists)-1]
			for _, s := range last.segments {
				if s.gap || s.uri == "" {
					continue
				}
				if off := time.Since(s.date); off < 0 || off > patience {
					t.Errorf("segment %d is dated %v ago", s.number, off)
				}
				code, b := r.get(t, folder+s.uri)
				if code != http.StatusOK || !bytes.Contains(media, b) {
					t.Errorf("segment %d, %d bytes, is not its parts: %d", s.number, len(b), code)
				}
			}
			decode(t, media)
		})
	}
	t.Cleanup(func() {
		for name := range cameras {
			if n := r.cameras.Stats(name).Connections; n != 1 {
				t.Errorf("%s was read %d times", name, n)
			}
		}
	})
}

func gapsOf(p told) (n int) {
	for n < len(p.segments) && p.segments[n].gap {
		n++
	}
	return n
}

// decode has ffmpeg decode what a player was given, and complain of nothing.
func decode(t *testing.T, media []byte) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "media.mp4")
	if err := os.WriteFile(file, media, 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), "ffmpeg", "-v", "error", "-xerror", "-i", file, "-f", "null", "-")
	if out, err := cmd.CombinedOutput(); err != nil || len(out) > 0 {
		t.Errorf("%v: %s", err, out)
	}
}

// TestOneReadForAll: viewers of a camera share a stream, which ends soon after
// the last of them, and whose address is then gone.
func TestOneReadForAll(t *testing.T) {
	r := newRig(t, map[string]rtsptest.Camera{"porch": loop("h264-aac.mp4")})
	folder, _ := r.open(t, "porch")
	if again, _ := r.open(t, "porch"); again != folder || r.Streams() != 1 {
		t.Errorf("%s and %s, %d streams", folder, again, r.Streams())
	}
	st := r.find(key{"porch", "main"}, strings.Split(folder, "/")[3])
	st.mu.Lock()
	st.used = time.Now().Add(-time.Hour)
	st.mu.Unlock()
	until(t, "nobody looks", func() bool { return r.Streams() == 0 })
	if code, _ := r.get(t, folder+mediaList); code != http.StatusNotFound {
		t.Errorf("a list that is over: %d", code)
	}
	if code, _ := r.get(t, "/porch/live.m3u8"); code != http.StatusOK {
		t.Errorf("the next viewer: %d", code)
	}
	if n := r.cameras.Stats("porch").Connections; n != 1 {
		t.Errorf("%d reads", n)
	}
}

// TestRefusals: what is no camera, no codec of browsers or no question has an
// answer of its own, at once.
func TestRefusals(t *testing.T) {
	r := newRig(t, map[string]rtsptest.Camera{"porch": loop("h264-aac.mp4"), "jpeg": loop("mjpeg-small.mp4")})
	folder, _ := r.open(t, "porch")
	for path, want := range map[string]int{
		"/attic/live.m3u8":            http.StatusConflict,
		"/jpeg/live.m3u8":             http.StatusNotAcceptable,
		"/porch/live/OTHER/list.m3u8": http.StatusNotFound,

		folder + "list.m3u8?_HLS_msn=x":                           http.StatusBadRequest,
		folder + "list.m3u8?_HLS_msn=-1":                          http.StatusBadRequest,
		folder + "list.m3u8?_HLS_msn=":                            http.StatusBadRequest,
		folder + "list.m3u8?_HLS_part=0":                          http.StatusBadRequest,
		folder + "list.m3u8?_HLS_msn=0&_HLS_part=1.5":             http.StatusBadRequest,
		folder + "list.m3u8?_HLS_msn=0&_HLS_msn=1":                http.StatusBadRequest,
		folder + "list.m3u8?_HLS_msn=999":                         http.StatusBadRequest, // too far ahead
		folder + "list.m3u8?_HLS_msn=3&_HLS_part=99":              http.StatusBadRequest,
		folder + "list.m3u8?_HLS_msn=99999999999999999999":        http.StatusBadRequest,
		folder + "list.m3u8?_HLS_msn=0&_HLS_part=7&_HLS_skip=YES": http.StatusOK, // old: at once
		folder + "list.m3u8?unknown=1":                            http.StatusOK,

		folder + "0.mp4":         http.StatusNotFound, // a gap
		folder + "999.mp4":       http.StatusNotFound,
		folder + "999.0.mp4":     http.StatusNotFound,
		folder + "3.99.mp4":      http.StatusNotFound,
		folder + "3.0.0.mp4":     http.StatusNotFound,
		folder + "3.x.mp4":       http.StatusNotFound,
		folder + "-3.mp4":        http.StatusNotFound,
		folder + "3.mp3":         http.StatusNotFound,
		folder + "mp4":           http.StatusNotFound,
		folder + "0.init.mp4":    http.StatusOK,
		folder + "9.init.mp4":    http.StatusNotFound,
		folder + "3.0.mp4?x=%zz": http.StatusOK,
	} {
		if code, b := r.get(t, path); code != want {
			t.Errorf("%s: %d %.60q, want %d", path, code, b, want)
		}
	}
	stopped := New(r.cfg)
	w := newRecorder()
	stopped.Index(w, request(t, "/porch/live.m3u8"), "porch", "main")
	if w.Code != http.StatusServiceUnavailable || w.Header().Get("Retry-After") == "" {
		t.Errorf("a server that does not run: %d", w.Code)
	}
}

// TestWhatWasWaitedForIsGuarded: whoever loses the right to look while a request
// waits is not sent what came of it.
func TestWhatWasWaitedForIsGuarded(t *testing.T) {
	r := newRig(t, map[string]rtsptest.Camera{"porch": loop("h264-aac.mp4")})
	folder, _ := r.open(t, "porch")
	r.barred.Store(true)
	_, b := r.get(t, folder+mediaList)
	p, err := read(string(b))
	if err != nil {
		t.Fatal(err)
	}
	if code, b := r.get(t, folder+p.hint); code != http.StatusUnauthorized {
		t.Errorf("%s: %d, %d bytes", p.hint, code, len(b))
	}
}
