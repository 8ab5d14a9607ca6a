package clip

import (
	"fmt"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"gatehouse/hub/internal/mp4/mp4test"
	"gatehouse/hub/recording"
	"gatehouse/rtsp"
)

// TestChromium plays the MP4 and the playlist in a browser,
// the lists with the console's own player.
func TestChromium(t *testing.T) {
	f := mp4test.Make(t, mp4test.Shot{Video: rtsp.H264, B: 2, Audio: rtsp.AAC, Seconds: 16})
	later := f
	later.Session = &rtsp.Session{Formats: f.Session.Formats, Zero: f.Session.Zero.Add(time.Minute)}
	later.Units = shifted(f.Units, time.Minute)
	var s shelf
	s.film(t, f, 3)
	s.film(t, later, 3) // a second run: the lists have a discontinuity
	for i := range s.rows {
		s.rows[i].Seq += 40
	}
	c := newService(&s, "")
	parts, err := c.Parts(t.Context(), whole(f))
	if err != nil || len(parts) != 2 {
		t.Fatalf("%d parts, %v", len(parts), err)
	}
	m := open(t, c, parts[0], Options{Audio: true})
	mux := playground(t, c, f, m)
	// Where each is sought, and how long it must be at least.
	for _, v := range []struct {
		name, source string
		seek, length float64
	}{
		{"mp4", "/film.mp4", 11, 15.9},
		{"vod", "/hls/list.m3u8", 25, 31.5}, // in the second run
	} {
		t.Run(v.name, func(t *testing.T) { watch(t, mux, v.source, v.seek, v.length) })
	}
}

// TestChromiumCodecs plays what browsers play of the other codecs: AV1 with
// Opus, pictures whose sound they refuse, and such sound in a file.
func TestChromiumCodecs(t *testing.T) {
	for name, v := range map[string]struct {
		shot    mp4test.Shot
		sources []string
	}{
		"av1-opus": {mp4test.Shot{Video: rtsp.AV1, Audio: rtsp.Opus, Seconds: 8}, []string{"/film.mp4", "/hls/list.m3u8"}},
		"g711":     {mp4test.Shot{Video: rtsp.H264, Audio: rtsp.PCMU, Seconds: 8}, []string{"/film.mp4", "/hls/list.m3u8"}},
		"lpcm-24":  {mp4test.Shot{Video: rtsp.H264, Audio: rtsp.LPCM, Bits: 24, Seconds: 8}, []string{"/film.mp4", "/hls/list.m3u8"}},
	} {
		f := mp4test.Make(t, v.shot)
		var s shelf
		s.film(t, f, 2)
		c := newService(&s, "")
		parts, err := c.Parts(t.Context(), whole(f))
		if err != nil || len(parts) != 1 {
			t.Fatalf("%d parts, %v", len(parts), err)
		}
		mux := playground(t, c, f, open(t, c, parts[0], Options{Audio: true}))
		for _, source := range v.sources {
			t.Run(name+source, func(t *testing.T) { watch(t, mux, source, 0, 7.9) })
		}
	}
}

// playground serves footage as a file, as lists, and the console's player.
func playground(t *testing.T, c *Service, f mp4test.Footage, m *MP4) *http.ServeMux {
	player, err := os.ReadFile("../../ui/static/vendor/hls.light.min.mjs")
	if err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("/film.mp4", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("ETag", m.ETag())
		http.ServeContent(w, r, "film.mp4", time.Time{}, m)
	})
	mux.HandleFunc("/hls.mjs", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/javascript")
		_, _ = w.Write(player)
	})
	mux.Handle("/hls/", http.StripPrefix("/hls", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		serve(t, c, w, r, whole(f))
	})))
	return mux
}

const page = `<!doctype html><video muted></video><script type="module">
const v = document.querySelector("video"), say = s => fetch("/said", {method: "POST", body: s})
v.onerror = () => say("error " + v.error.message)
let sought = false
v.ontimeupdate = () => {
  if (!sought) { sought = true; if (SEEK) { v.currentTime = SEEK; return } }
  if (v.currentTime > SEEK + 0.2 && v.videoWidth) {
    say("played " + v.currentTime + " of " + (v.seekable.length ? v.seekable.end(0) : 0) + " width " + v.videoWidth + " start " + v.seekable.start(0))
    v.ontimeupdate = null
  }
}
if ("SOURCE".endsWith("m3u8")) {
  const Hls = (await import("/hls.mjs")).default, h = new Hls()
  h.on(Hls.Events.ERROR, (_, d) => { if (d.fatal) say("error " + d.type + " " + d.details + " " + d.reason) })
  h.loadSource("SOURCE"); h.attachMedia(v)
} else v.src = "SOURCE"
v.play()
</script>`

// watch plays a source and checks that it can be sought and how long it is.
func watch(t *testing.T, files http.Handler, source string, seek, length float64) {
	t.Helper()
	said := mp4test.Browse(t, files, strings.NewReplacer("SOURCE", source, "SEEK", fmt.Sprint(seek)).Replace(page))
	var at, end, start float64
	var width int
	if _, err := fmt.Sscanf(said, "played %f of %f width %d start %f", &at, &end, &width, &start); err != nil {
		t.Fatal(said)
	}
	if at < seek || end-start < length || width != 320 {
		t.Errorf("played at %v of %v to %v, width %d", at, start, end, width)
	}
}

var _ archive = (*recording.Archive)(nil)
