package main

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"gatehouse/hub/internal/mp4"
	"gatehouse/hub/internal/mp4/mp4test"
	"gatehouse/hub/recording"
	"gatehouse/hub/sqlite"
	footage "gatehouse/images/demo"
	"gatehouse/rtsp/rtsptest"
)

// TestPlayersAtAnyTime has ffmpeg, GStreamer and Chromium open the file of a
// segment, as it lies on disk: while a hub writes it, after that hub was killed,
// after the next one has recovered it; and one that was closed in good order.
func TestPlayersAtAnyTime(t *testing.T) {
	server := cameraServer(t, map[string]rtsptest.Camera{"porch": {FS: footage.FS, File: "porch.mp4", Loop: true}})
	v := &victim{data: t.TempDir()}
	v.configure(t, server.URL("porch"))
	cmd, said := v.serve(t)
	defer func() { _ = cmd.Process.Kill() }() // again, if something fails before
	first := v.newest(t, 0, said)
	play(t, "while it is written", first)
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait() // killed
	play(t, "after the hub was killed", first)

	cmd, said = v.serve(t)
	second := v.newest(t, 1, said)
	play(t, "recovered", first)
	if err := cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err != nil {
		t.Errorf("stopping: %v\n%s", err, said)
	}
	play(t, "closed", second)
}

// newest is the file of the segment with that place in the chain, once it has
// three seconds.
func (v *victim) newest(t *testing.T, seq int64, said fmt.Stringer) string {
	t.Helper()
	for end := time.Now().Add(40 * time.Second); time.Now().Before(end); time.Sleep(200 * time.Millisecond) {
		if _, err := os.Stat(filepath.Join(v.data, indexDB)); err != nil {
			continue // the hub makes it
		}
		index, err := sqlite.OpenIndex(context.Background(), filepath.Join(v.data, indexDB))
		if err != nil {
			continue
		}
		last, err := index.LastSegment(context.Background(), "porch", recording.Main)
		if cerr := index.Close(); cerr != nil {
			t.Error(cerr)
		}
		if err == nil && last.Seq == seq && last.Duration > 3*time.Second {
			return filepath.Join(v.data, "footage", filepath.FromSlash(last.Path))
		}
	}
	t.Fatalf("nothing is recorded:\n%s", said)
	return ""
}

// play has every player open a file and wants all pictures in it.
func play(t *testing.T, when, name string) {
	t.Helper()
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	f, err := mp4.Parse(bytes.NewReader(b), int64(len(b)))
	if err != nil {
		t.Fatal(err)
	}
	pictures := 0
	for _, fr := range f.Fragments {
		if fr.Track == 0 {
			pictures += len(fr.Samples)
		}
	}
	if n := mp4test.Decode(t, name); n < pictures {
		t.Errorf("%s: ffmpeg decodes %d of %d pictures", when, n, pictures)
	}
	if n := gstreamer(t, name); n < pictures {
		t.Errorf("%s: GStreamer decodes %d of %d pictures", when, n, pictures)
	}
	if said := chromium(t, name); !strings.HasPrefix(said, "played") {
		t.Errorf("%s: Chromium says %q", when, said)
	}
}

// gstreamer decodes a file and counts its pictures.
func gstreamer(t *testing.T, name string) int {
	t.Helper()
	out, err := exec.Command("gst-launch-1.0", "-v", "filesrc", "location="+name, "!", "decodebin", "!", "video/x-raw", "!",
		"identity", "silent=false", "!", "fakesink", "sync=false").CombinedOutput()
	if err != nil {
		t.Errorf("GStreamer: %v\n%s", err, out)
	}
	return strings.Count(string(out), "last-message = chain")
}

const playerPage = `<!doctype html><video muted src="/film.mp4"></video><script>
const v = document.querySelector("video"), say = s => fetch("/said", {method: "POST", body: s})
v.onerror = () => say("error " + v.error.message)
let sought = false
v.ontimeupdate = () => {
  if (!sought) { sought = true; v.currentTime = 1; return }
  if (v.currentTime > 1.2 && v.videoWidth) { say("played " + v.currentTime); v.ontimeupdate = null }
}
v.play()
</script>`

// chromium plays a file from its second second on and returns what it says.
func chromium(t *testing.T, name string) string {
	t.Helper()
	files := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { http.ServeFile(w, r, name) })
	return mp4test.Browse(t, files, playerPage)
}
