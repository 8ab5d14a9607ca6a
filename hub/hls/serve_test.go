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

// player follows a list part by part.
type player struct {
	rig     *rig
	folder  string
	lists   []told
	media   []byte // all parts in their order, with their initialisations
	init    string
	fetched map[string]bool
	whole   map[int64]bool // media segments of which media has every part
	from    int64          // the first of them
}

// follow reads a list and then asks, each time, for the part after the last one.
func (r *rig) follow(t *testing.T, folder string, enough func(told) bool) *player {
	t.Helper()
	p := &player{rig: r, folder: folder, fetched: map[string]bool{}, whole: map[int64]bool{}}
	path := folder + mediaList
	for end := time.Now().Add(patience); time.Now().Before(end); {
		code, b := r.get(t, path)
		if code != http.StatusOK {
			t.Fatalf("%s: %d %s", path, code, b)
		}
		list, err := read(string(b))
		if err != nil {
			t.Fatalf("%v in\n%s", err, b)
		}
		p.lists = append(p.lists, list)
		number, index := p.take(t, list)
		if enough(list) && len(p.whole) > 1 {
			return p
		}
		path = fmt.Sprintf("%s%s?_HLS_msn=%d&_HLS_part=%d", folder, mediaList, number, index)
	}
	t.Fatalf("not enough in %v", patience)
	return nil
}

// take fetches what is new, and returns where the next part will stand. A player
// that was too slow for the parts of a media segment begins anew after it.
func (p *player) take(t *testing.T, list told) (number int64, index int) {
	t.Helper()
	for _, s := range list.segments {
		switch {
		case s.gap, s.number < p.from:
			continue
		case p.whole[s.number]:
			number, index = s.number+1, 0
			continue
		case len(s.parts) == 0:
			p.media, p.init, p.whole, p.from = nil, "", map[int64]bool{}, s.number+1
			continue
		}
		for k, part := range s.parts {
			if number, index = s.number, k+1; p.fetched[part.uri] {
				continue
			}
			if s.init != p.init {
				_, head := p.rig.get(t, p.folder+s.init)
				p.media, p.init = append(p.media, head...), s.init
			}
			code, b := p.rig.get(t, p.folder+part.uri)
			if code != http.StatusOK {
				t.Fatalf("%s: %d", part.uri, code)
			}
			p.fetched[part.uri], p.media = true, append(p.media, b...)
		}
		if s.uri != "" {
			p.whole[s.number] = true
			number, index = s.number+1, 0
		}
	}
	return max(number, list.segments[len(list.segments)-1].number), index
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
			p := r.follow(t, folder, func(p told) bool {
				first, last := p.segments[gapsOf(p)], p.segments[len(p.segments)-1]
				return last.number >= first.number+2
			})
			for i, l := range p.lists {
				if l.target != p.lists[0].target || l.longest != p.lists[0].longest {
					t.Fatalf("list %d has other durations than the first: %+v", i, l)
				}
			}
			for _, s := range p.lists[len(p.lists)-1].segments {
				if !p.whole[s.number] {
					continue
				}
				if off := time.Since(s.date); off < 0 || off > patience {
					t.Errorf("segment %d is dated %v ago", s.number, off)
				}
				code, b := r.get(t, folder+s.uri)
				if code != http.StatusOK || !bytes.Contains(p.media, b) {
					t.Errorf("segment %d, %d bytes, is not its parts: %d", s.number, len(b), code)
				}
			}
			decode(t, p.media)
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
	if code, _ := r.get(t, fmt.Sprintf("%s%d.0.mp4?x=%%zz", folder, gaps)); code != http.StatusOK {
		t.Errorf("the first part, with a query: %d", code)
	}
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
		folder + "list.m3u8?_HLS_msn=99999999999999999999":        http.StatusBadRequest,
		folder + "list.m3u8?_HLS_msn=0&_HLS_part=7&_HLS_skip=YES": http.StatusOK, // old: at once
		folder + "list.m3u8?unknown=1":                            http.StatusOK,

		folder + "0.mp4":      http.StatusNotFound, // a gap
		folder + "999.mp4":    http.StatusNotFound,
		folder + "999.0.mp4":  http.StatusNotFound,
		folder + "3.99.mp4":   http.StatusNotFound,
		folder + "3.0.0.mp4":  http.StatusNotFound,
		folder + "3.x.mp4":    http.StatusNotFound,
		folder + "-3.mp4":     http.StatusNotFound,
		folder + "3.mp3":      http.StatusNotFound,
		folder + "mp4":        http.StatusNotFound,
		folder + "0.init.mp4": http.StatusOK,
		folder + "9.init.mp4": http.StatusNotFound,
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
	until(t, "the viewer is sent away", func() bool {
		code, b := r.get(t, folder+mediaList)
		p, err := read(string(b))
		if code != http.StatusOK || err != nil {
			t.Fatalf("%d %v", code, err)
		}
		code, _ = r.get(t, folder+p.hint)
		return code == http.StatusUnauthorized // unless the part came before the request, and nothing was waited for
	})
}
