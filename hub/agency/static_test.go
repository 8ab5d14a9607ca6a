package agency

import (
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"gatehouse/hub/bulletin"
)

// staticServer is a web server that knows nothing of us, on a folder.
type staticServer struct {
	name string
	run  func(t *testing.T, public, addr string) *exec.Cmd
}

var staticServers = []staticServer{
	{"nginx", func(t *testing.T, public, addr string) *exec.Cmd {
		dir := t.TempDir()
		conf := fmt.Sprintf(`daemon off; master_process off; worker_processes 1; pid %[1]s/pid; error_log stderr;
events {}
http { access_log off; client_body_temp_path %[1]s/b; proxy_temp_path %[1]s/p; fastcgi_temp_path %[1]s/f;
  uwsgi_temp_path %[1]s/u; scgi_temp_path %[1]s/s; server { listen %[2]s; root %[3]s; } }`, dir, addr, public)
		name := filepath.Join(dir, "nginx.conf")
		if err := os.WriteFile(name, []byte(conf), 0o600); err != nil {
			t.Fatal(err)
		}
		nginx, err := exec.LookPath("nginx")
		if err != nil {
			nginx = "/usr/sbin/nginx"
		}
		return exec.Command(nginx, "-c", name, "-p", dir)
	}},
	{"python", func(_ *testing.T, public, addr string) *exec.Cmd {
		host, port, _ := strings.Cut(addr, ":")
		return exec.Command("python3", "-m", "http.server", "--bind", host, "--directory", public, port)
	}},
}

// serve starts it and waits until it answers.
func (s staticServer) serve(t *testing.T, public string) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := ln.Addr().String()
	ln.Close()
	cmd := s.run(t, public, addr)
	if err := cmd.Start(); err != nil {
		t.Fatalf("%s: %v (make test installs it)", s.name, err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		c, err := net.Dial("tcp", addr)
		if err == nil {
			c.Close()
			return "http://" + addr + "/"
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s: %v", s.name, err)
		}
	}
}

// fetch gets a file whole.
func fetch(url string) ([]byte, error) {
	resp, err := http.Get(url)
	if err != nil {
		return nil, err
	}
	body, err := io.ReadAll(resp.Body)
	if err := errors.Join(err, resp.Body.Close()); err != nil {
		return nil, err
	}
	if resp.StatusCode != http.StatusOK || resp.ContentLength != int64(len(body)) {
		return nil, fmt.Errorf("%s: %s, %d of %d bytes", url, resp.Status, len(body), resp.ContentLength)
	}
	return body, nil
}

// TestStaticServersWhilePublishing reads the bulletin as homes do, through nginx
// and Python's web server, while a publisher adds to it and is killed at any moment. Whatever is
// read is whole: the checkpoint is believed and never goes back, each line verifies, and the active file
// has every entry of the checkpoint that was read before it.
func TestStaticServersWhilePublishing(t *testing.T) {
	o := newOffice(t, "evidence.springfield.example")
	o.publish(t, time.Now())
	public := filepath.Join(o.dir, "public")
	var bases []string
	for _, s := range staticServers {
		bases = append(bases, s.serve(t, public))
	}
	newest := make([]bulletin.Checkpoint, len(bases))
	reads := 0
	for range 4 {
		start := newest[0].Size
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), publishDir+"="+o.dir)
		cmd.Stderr = os.Stderr
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		grown := time.Time{} // when the public first saw this publisher's work
		for limit := time.Now().Add(time.Minute); grown.IsZero() || time.Now().Before(grown); {
			if time.Now().After(limit) {
				t.Fatalf("nothing was published in a minute")
			}
			for i, base := range bases {
				newest[i] = o.readLikeAHome(t, base, newest[i])
				reads++
			}
			if grown.IsZero() && newest[0].Size > max(start, 1) {
				grown = time.Now().Add(rand.N(100 * time.Millisecond))
			}
		}
		if err := cmd.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		_ = cmd.Wait()
		for i, base := range bases { // what the dead one left
			newest[i] = o.readLikeAHome(t, base, newest[i])
		}
		o.wantPrefix(t, newest[0])
	}
	t.Logf("%d reads of a log that grew to %d entries", reads, newest[0].Size)
	if o.publish(t, time.Now()); len(litter(t, public)) != 0 {
		t.Errorf("left behind: %v", litter(t, public))
	}
}

func (o office) readLikeAHome(t *testing.T, base string, last bulletin.Checkpoint) bulletin.Checkpoint {
	t.Helper()
	signed, err := fetch(base + bulletin.CheckpointPath)
	if err != nil {
		t.Fatal(err)
	}
	c, err := o.policy.Checkpoint(signed)
	if err != nil || c.Size < last.Size {
		t.Fatalf("%s: from %d to %d entries, %v", base, last.Size, c.Size, err)
	}
	data, err := fetch(base + bulletin.ActivePath)
	if err != nil {
		t.Fatal(err)
	}
	there := map[int64]bool{}
	err = bulletin.ReadFile(data, func(l bulletin.Line) error {
		e, err := o.policy.Verify(l)
		there[e.Index] = true
		return err
	}, func(n int, r *bulletin.Refusal) { t.Errorf("%sline %d: %v", base, n, r) })
	if err != nil {
		t.Fatal(err)
	}
	for i := range c.Size { // the profile, and requests that are all open
		if !there[i] {
			t.Fatalf("%s: the active file lacks entry %d of %d", base, i, c.Size)
		}
	}
	if _, err := fetch(base + WellKnownPath); err != nil {
		t.Fatal(err)
	}
	return c
}

func litter(t *testing.T, dir string) (names []string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if strings.HasSuffix(path, ".tmp") {
			names = append(names, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return names
}
