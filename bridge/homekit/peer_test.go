package homekit

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
	"time"
)

const peerDir = "testdata/controller"

// peer is a running controller.
type peer struct {
	t      testing.TB
	in     io.WriteCloser
	answer chan peerLine
	event  chan peerLine
}

type peerLine struct {
	Done   string          `json:"done"`
	Result json.RawMessage `json:"result"`
	Error  string          `json:"error"`
	As     string          `json:"as"`
	Event  *struct {
		Characteristics []struct {
			AID   int `json:"aid"`
			IID   int `json:"iid"`
			Value any `json:"value"`
		} `json:"characteristics"`
	} `json:"event"`
}

// peers are controllers that nobody here wrote; they take the same commands.
var peers = map[string]func(t *testing.T) *exec.Cmd{
	"hap-controller": func(t *testing.T) *exec.Cmd { return exec.Command("node", peerScript(t)) },
	"aiohomekit":     func(*testing.T) *exec.Cmd { return exec.Command("homekit-python", peerDir+"/controller.py") },
}

// eachPeer tests with one controller after the other.
func eachPeer(t *testing.T, test func(t *testing.T, p *peer)) {
	for name := range peers {
		t.Run(name, func(t *testing.T) { test(t, startPeer(t, name)) })
	}
}

// startPeer runs a controller for the length of the test.
func startPeer(t *testing.T, name string) *peer {
	t.Helper()
	cmd := peers[name](t)
	if cmd.Err != nil {
		t.Fatal("make tools installs what is missing: ", cmd.Err)
	}
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	p := &peer{t: t, in: in, answer: make(chan peerLine, 16), event: make(chan peerLine, 256)}
	go p.listen(out)
	t.Cleanup(func() {
		in.Close()
		stop := time.AfterFunc(5*time.Second, func() { cmd.Process.Kill() })
		defer stop.Stop()
		if err := cmd.Wait(); err != nil {
			t.Errorf("controller ended with %v", err)
		}
	})
	return p
}

// listen sorts the controller's lines until it ends.
func (p *peer) listen(out io.Reader) {
	sc := bufio.NewScanner(out)
	sc.Buffer(nil, 1<<20)
	for sc.Scan() {
		var l peerLine
		if err := json.Unmarshal(sc.Bytes(), &l); err != nil {
			p.t.Errorf("controller said %q", sc.Text())
			continue
		}
		if l.Event != nil {
			p.event <- l
		} else {
			p.answer <- l
		}
	}
	close(p.answer)
}

// try gives the controller a command and returns its answer.
func (p *peer) try(cmd map[string]any) peerLine {
	p.t.Helper()
	b, err := json.Marshal(cmd)
	if err != nil {
		p.t.Fatal(err)
	}
	if _, err := p.in.Write(append(b, '\n')); err != nil {
		p.t.Fatal(err)
	}
	select {
	case l, ok := <-p.answer:
		if !ok {
			p.t.Fatalf("controller ended during %v", cmd["do"])
		}
		return l
	case <-time.After(60 * time.Second):
		p.t.Fatalf("controller does not answer %v", cmd["do"])
		return peerLine{}
	}
}

// do is try that must succeed; into receives the result.
func (p *peer) do(cmd map[string]any, into any) {
	p.t.Helper()
	l := p.try(cmd)
	if l.Error != "" {
		p.t.Fatalf("%v: %s", cmd["do"], l.Error)
	}
	if into != nil {
		if err := json.Unmarshal(l.Result, into); err != nil {
			p.t.Fatalf("%v: %v in %s", cmd["do"], err, l.Result)
		}
	}
}

// hear waits for the next event and returns who heard it, the instance id and
// the value.
func (p *peer) hear(within time.Duration) (as string, iid int, value any, ok bool) {
	p.t.Helper()
	select {
	case l := <-p.event:
		if len(l.Event.Characteristics) != 1 {
			p.t.Fatalf("event of %d characteristics", len(l.Event.Characteristics))
		}
		c := l.Event.Characteristics[0]
		return l.As, c.IID, c.Value, true
	case <-time.After(within):
		return "", 0, nil, false
	}
}

// peerScript returns the script beside its modules: in the folder itself if they
// are installed there, otherwise in a cache that is filled once for each lock file.
func peerScript(t *testing.T) string {
	t.Helper()
	if _, err := os.Stat(filepath.Join(peerDir, "node_modules")); err == nil {
		return filepath.Join(peerDir, "controller.mjs")
	}
	lock, err := os.ReadFile(filepath.Join(peerDir, "package-lock.json"))
	if err != nil {
		t.Fatal(err)
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(cache, "gatehouse-test", "homekit-controller-"+digest(lock)[:12])
	if _, err := os.Stat(dir); errors.Is(err, fs.ErrNotExist) {
		installPeer(t, dir)
	}
	script, err := os.ReadFile(filepath.Join(peerDir, "controller.mjs"))
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "controller-"+digest(script)[:12]+".mjs")
	if err := os.WriteFile(path+".new", script, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(path+".new", path); err != nil {
		t.Fatal(err)
	}
	return path
}

// installPeer installs the pinned modules and then gives the folder its name.
func installPeer(t *testing.T, dir string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(dir), 0o755); err != nil {
		t.Fatal(err)
	}
	tmp, err := os.MkdirTemp(filepath.Dir(dir), "install-")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(tmp)
	for _, name := range []string{"package.json", "package-lock.json"} {
		b, err := os.ReadFile(filepath.Join(peerDir, name))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(tmp, name), b, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	npm := exec.Command("npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund")
	npm.Dir = tmp
	if out, err := npm.CombinedOutput(); err != nil {
		t.Fatalf("npm ci: %v\n%s", err, out)
	}
	if err := os.Rename(tmp, dir); err != nil && !errors.Is(err, fs.ErrExist) {
		if _, serr := os.Stat(dir); serr != nil { // another test was not faster either
			t.Fatal(err)
		}
	}
}

func digest(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

// startBridge runs a bridge on loopback until the test ends.
func startBridge(t testing.TB, cfg Config) *Bridge {
	t.Helper()
	b, stop := runBridge(t, cfg)
	t.Cleanup(stop)
	return b
}

// runBridge runs a bridge until stop, which may be called twice. Pairing is open
// if anything can be paired.
func runBridge(t testing.TB, cfg Config) (*Bridge, func()) {
	t.Helper()
	if cfg.Store == nil {
		cfg.Store = &memory{}
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.NewTextHandler(t.Output(), nil))
	}
	b, err := New(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- b.Run(ctx) }()
	select {
	case <-b.Ready():
	case err := <-done:
		t.Fatalf("Run: %v", err)
	}
	_, _ = b.OpenPairing()
	stopped := false
	return b, func() {
		if stopped {
			return
		}
		stopped = true
		cancel()
		select {
		case err := <-done:
			if err != nil {
				t.Errorf("Run: %v", err)
			}
		case <-time.After(15 * time.Second):
			t.Error("Run does not return")
		}
	}
}

// at fills in where an accessory is.
func at(s Status, code string, cmd map[string]any) map[string]any {
	host, port, err := net.SplitHostPort(s.Addr)
	if err != nil {
		panic(err)
	}
	n, err := strconv.Atoi(port)
	if err != nil {
		panic(err)
	}
	cmd["id"], cmd["address"], cmd["port"], cmd["code"] = s.DeviceID, host, n, code
	return cmd
}
