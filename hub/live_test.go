package main

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"

	"gatehouse/rtsp/rtsptest"
)

// clocked is a film whose strip of bars spells the number of each picture.
const (
	clockedRate   = 25
	clockedLength = 250 // pictures in a loop
	clockedFirst  = 90000
)

func clockedFilm(t *testing.T) string {
	t.Helper()
	film := filepath.Join(t.TempDir(), "clocked.mp4")
	tool(t, "ffmpeg", "-v", "error", "-f", "lavfi", "-i", fmt.Sprintf("testsrc2=s=1280x720:r=%d", clockedRate),
		"-f", "lavfi", "-i", fmt.Sprintf("nullsrc=s=16x2:r=%d,geq=lum='if(mod(floor(N/pow(2,X)),2),235,16)':cb=128:cr=128,scale=1280:64:flags=neighbor", clockedRate),
		"-filter_complex", "[0][1]overlay=0:0", "-frames:v", fmt.Sprint(clockedLength), "-c:v", "libx264", "-preset", "veryfast",
		"-profile:v", "main", "-b:v", "2M", "-g", "50", "-bf", "0", "-pix_fmt", "yuv420p", film)
	return film
}

// stage is real cameras, which can be switched off and on, and what a browser
// test asks of them.
type stage struct {
	mu      sync.Mutex // guards the rest
	addr    string
	films   map[string]rtsptest.Camera
	cameras *rtsptest.Server
	stop    func()
	hub     *hub
}

func (s *stage) on(t *testing.T) {
	s.mu.Lock()
	defer s.mu.Unlock()
	server, err := rtsptest.NewServer(rtsptest.Config{Addr: s.addr, Log: slog.New(slog.DiscardHandler), Cameras: s.films})
	if err != nil {
		t.Error(err)
		return
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); _ = server.Run(ctx) }()
	s.cameras, s.addr = server, server.Addr()
	s.stop = func() { cancel(); <-done }
}

func (s *stage) off() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stop()
}

// ServeHTTP answers what the browser test wants to know.
func (s *stage) handler(t *testing.T) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /sent", func(w http.ResponseWriter, _ *http.Request) {
		s.mu.Lock()
		defer s.mu.Unlock()
		list := [][2]int64{}
		for _, u := range s.cameras.Sent("porch") {
			list = append(list, [2]int64{int64((u.RTP-clockedFirst)/(90000/clockedRate)) % clockedLength, u.Captured.UnixMilli()})
		}
		_ = json.NewEncoder(w).Encode(list)
	})
	mux.HandleFunc("GET /counts", func(w http.ResponseWriter, _ *http.Request) {
		s.mu.Lock()
		defer s.mu.Unlock()
		_ = json.NewEncoder(w).Encode(map[string]int{
			"reads": s.cameras.Stats("porch").Connections, "viewers": s.hub.live.server.Viewers(), "playlists": s.hub.live.playlists.Streams(),
		})
	})
	mux.HandleFunc("POST /off", func(http.ResponseWriter, *http.Request) { s.off() })
	mux.HandleFunc("POST /on", func(http.ResponseWriter, *http.Request) { s.on(t) })
	return mux
}

// TestLiveInChromium walks live view in a browser: how late it is by the clock in
// the picture, how soon the first picture comes, what it costs the camera, and
// what happens while the camera is away.
func TestLiveInChromium(t *testing.T) {
	small := rtsptest.Camera{FS: rtsptest.Clips(), File: "h264-aac.mp4", Loop: true}
	s := &stage{films: map[string]rtsptest.Camera{
		"porch":  {File: clockedFilm(t), Loop: true, Record: 2 * clockedLength, FirstRTP: clockedFirst},
		"garden": {FS: rtsptest.Clips(), File: "h265.mp4", Loop: true},
		"arch":   {FS: rtsptest.Clips(), File: "h264-bframes.mp4", Loop: true},
		"gate":   small, "lane": small, "yard": small,
	}}
	s.on(t)
	t.Cleanup(func() { s.off() })
	config := "listen: 127.0.0.1:0\ncameras:\n"
	for _, name := range []string{"porch", "gate", "lane", "yard", "garden", "arch"} {
		config += fmt.Sprintf("  - {name: %s, url: 'rtsp://%s/%s'}\n", name, s.addr, name)
	}
	data := t.TempDir()
	writeConfig(t, data, config)
	s.hub = startHub(t, data)
	control := httptest.NewServer(s.handler(t))
	t.Cleanup(control.Close)
	cmd := exec.Command("node", "--test", "--test-reporter=spec", "live.spec.mjs")
	cmd.Dir = filepath.Join("..", "ui", "e2e")
	cmd.Env = append(os.Environ(), "CONSOLE_URL="+s.hub.console(), "STAGE_URL="+control.URL)
	out, err := cmd.CombinedOutput()
	t.Logf("%s", out)
	if err != nil {
		t.Error(err)
	}
}
