package homekit

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// startGo2rtc runs go2rtc until the test ends and returns its API and its RTSP server.
func startGo2rtc(t *testing.T) (api, rtsp string) {
	t.Helper()
	var ports []int
	for range 3 {
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer ln.Close()
		ports = append(ports, ln.Addr().(*net.TCPAddr).Port)
	}
	path := filepath.Join(t.TempDir(), "go2rtc.yaml")
	cfg := fmt.Sprintf("api: {listen: 127.0.0.1:%d}\nrtsp: {listen: 127.0.0.1:%d}\nsrtp: {listen: 127.0.0.1:%d}\nwebrtc: {listen: ''}\nlog: {level: error}\n", ports[0], ports[1], ports[2])
	if err := os.WriteFile(path, []byte(cfg), 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	cmd := exec.CommandContext(ctx, "go2rtc", "-config", path)
	cmd.Stdout, cmd.Stderr = t.Output(), t.Output()
	if err := cmd.Start(); err != nil {
		t.Fatal("make tools installs what is missing: ", err)
	}
	t.Cleanup(func() { stop(); _ = cmd.Wait() })
	return fmt.Sprint("http://127.0.0.1:", ports[0]), fmt.Sprint("rtsp://127.0.0.1:", ports[1])
}

// TestGo2rtcWatches pairs go2rtc with a camera's accessory, and has ffmpeg decode
// five seconds of what it makes of the stream.
func TestGo2rtcWatches(t *testing.T) {
	f := film(t)
	api, rtsp := startGo2rtc(t)
	st := f.Status().Cameras[0]
	form := url.Values{
		"id": {"porch"}, "pin": {f.Code()},
		"src": {fmt.Sprintf("homekit://%s?device_id=%s&feature=0&status=1", st.Addr, st.DeviceID)},
	}
	var last string
	for end := time.Now().Add(time.Minute); ; time.Sleep(100 * time.Millisecond) {
		res, err := http.PostForm(api+"/api/homekit", form)
		if err == nil {
			var b bytes.Buffer
			_, _ = b.ReadFrom(res.Body)
			res.Body.Close()
			if last = b.String(); res.StatusCode == http.StatusOK {
				break
			}
		}
		if time.Now().After(end) {
			t.Fatalf("go2rtc does not pair: %v %s", err, last)
		}
	}
	if !f.Status().Cameras[0].Paired {
		t.Fatal("go2rtc has paired and the camera has not")
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "ffmpeg", "-v", "error", "-rtsp_transport", "tcp", "-i", rtsp+"/porch", "-t", "5", "-map", "0:v", "-f", "framecrc", "-")
	var out, complaints bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &complaints
	if err := cmd.Run(); err != nil || complaints.Len() > 0 {
		t.Fatalf("%v: %s", err, complaints.String())
	}
	if n := strings.Count(out.String(), "\n0,"); n < 50 {
		t.Errorf("%d pictures in five seconds:\n%s", n, out.String())
	}
}
