package clip

import (
	"fmt"
	"math"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"gatehouse/hub/internal/mp4/mp4test"
	"gatehouse/rtsp"
)

// TestExactInPlayers: Chromium and GStreamer show the same first and last
// picture as ffmpeg does in TestExact, and know the same length.
func TestExactInPlayers(t *testing.T) {
	f := mp4test.Make(t, mp4test.Shot{Video: rtsp.H264, B: 2, Audio: rtsp.AAC, Seconds: 10, Numbered: true})
	var s shelf
	s.film(t, f, 2)
	c := newService(&s, "")
	q := Query{Range: between(f, 3.0333, 7.777), Audio: true, Zone: time.UTC}
	want := taken(f, q.Range)
	e := export(t, c, q.Range, Options{Audio: true})
	name := keep(t, e, 0)
	from, to := e.Span(0)
	length := to.Sub(from).Seconds()
	t.Run("chromium", func(t *testing.T) {
		mux := http.NewServeMux()
		mux.HandleFunc("/clip.mp4", func(w http.ResponseWriter, r *http.Request) {
			if err := c.ServeMP4(w, r, q); err != nil {
				t.Error(err)
			}
		})
		said := mp4test.Browse(t, mux, exactPage)
		var first, middle, last int
		var seconds float64
		if _, err := fmt.Sscanf(said, "first %d middle %d last %d of %f", &first, &middle, &last, &seconds); err != nil {
			t.Fatal(said)
		}
		const picture = 1. / 15 // Chromium lets the last one end after the edit
		half := want[0] + int(math.Floor(length/2*15))
		if first != want[0] || last != want[len(want)-1] || middle < half || middle > half+1 || seconds < length-0.001 || seconds > length+picture {
			t.Errorf("%s, want %d to %d of %v", said, want[0], want[len(want)-1], length)
		}
	})
	t.Run("gstreamer", func(t *testing.T) {
		out := filepath.Join(t.TempDir(), "bars")
		mp4test.Run(t, "gst-launch-1.0", "-q", "filesrc", "location="+name, "!", "qtdemux", "!", "avdec_h264", "!", "videoconvert", "!",
			"videoscale", "!", "video/x-raw,format=GRAY8,width=16,height=1", "!", "filesink", "location="+out)
		raw, err := os.ReadFile(out)
		if err != nil {
			t.Fatal(err)
		}
		var got []int
		for ; len(raw) >= 16; raw = raw[16:] {
			got = append(got, mp4test.Number(raw[:16]))
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("pictures (-taken +shown)\n%s", diff)
		}
		told := string(mp4test.Run(t, "gst-discoverer-1.0", "file://"+name))
		_, told, _ = strings.Cut(told, "Duration: 0:00:0")
		var seconds float64
		if _, err := fmt.Sscanf(told, "%f", &seconds); err != nil || math.Abs(seconds-length) > 0.001 {
			t.Errorf("length %v, want %v, %v", seconds, length, err)
		}
	})
}

const exactPage = `<!doctype html><video muted preload="auto"></video><script type="module">
const v = document.querySelector("video"), say = s => fetch("/said", {method: "POST", body: s})
const canvas = document.createElement("canvas"); canvas.width = 16; canvas.height = 1
const x = canvas.getContext("2d", {willReadFrequently: true})
const number = () => {
  x.drawImage(v, 0, 0, 16, 1)
  const d = x.getImageData(0, 0, 16, 1).data
  let n = 0
  for (let i = 0; i < 16; i++) if (d[4 * i] >= 128) n |= 1 << i
  return n
}
const seek = at => new Promise(done => { v.onseeked = () => done(number()); v.currentTime = at })
v.onerror = () => say("error " + v.error.message)
v.onloadeddata = async () => {
  v.onloadeddata = null
  const first = number(), middle = await seek(v.duration / 2), last = await seek(v.duration - 0.001)
  say("first " + first + " middle " + middle + " last " + last + " of " + v.duration)
}
v.src = "/clip.mp4"
</script>`
