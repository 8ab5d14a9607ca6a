package main

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"gatehouse/hub/recording"
	"gatehouse/hub/sqlite"
	footage "gatehouse/images/demo"
	"gatehouse/rtsp"
	"gatehouse/rtsp/rtsptest"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"gatehouse": main})
}

// TestScripts runs the real program, one script for each promise of the README.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script",
		Setup: func(e *testscript.Env) error {
			e.Setenv("HOME", e.WorkDir)
			e.Setenv("PATH", e.Getenv("PATH"))
			return nil
		},
		Cmds: map[string]func(ts *testscript.TestScript, neg bool, args []string){
			"camera":   startCamera,
			"bulletin": startBulletin,
			"port":     pickPort,
			"await":    await,
			"field":    field,
			"exits":    exits,
			"flipbit":  flipBit,
			"editjson": editJSON,
			"times":    setTimes,
			"now":      setNow,
			"lost":     lost,

			"ring":        ring,
			"pad":         pad,
			"forge":       forge,
			"flipsigned":  flipSigned,
			"smuggle":     smuggle,
			"trap":        trap,
			"fingerprint": fingerprint,
			"refused":     refused,
			"idle":        idle,
			"kept":        kept,
		},
		RequireExplicitExec: true,
	})
}

// camera VAR: a scripted camera plays the demo's porch; its address goes into VAR.
func startCamera(ts *testscript.TestScript, _ bool, args []string) {
	s, err := rtsptest.NewServer(rtsptest.Config{Log: slog.New(slog.DiscardHandler), Cameras: map[string]rtsptest.Camera{
		"porch": {FS: footage.FS, File: "porch.mp4", Loop: true},
	}})
	ts.Check(err)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	ts.Defer(func() { cancel(); <-done })
	ts.Setenv(args[0], s.URL("porch"))
}

// bulletin VAR DIR: a plain web server of a folder, its address in VAR.
func startBulletin(ts *testscript.TestScript, _ bool, args []string) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	ts.Check(err)
	srv := &http.Server{Handler: http.FileServer(http.Dir(ts.MkAbs(args[1])))}
	go srv.Serve(ln) //nolint:errcheck // ends with Close
	ts.Defer(func() { srv.Close() })
	ts.Setenv(args[0], "http://"+ln.Addr().String()+"/")
}

// port VAR: a free port.
func pickPort(ts *testscript.TestScript, _ bool, args []string) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	ts.Check(err)
	defer ln.Close()
	ts.Setenv(args[0], fmt.Sprint(ln.Addr().(*net.TCPAddr).Port))
}

// await REGEXP CMD...: run a command until its output matches, at most 30 s.
func await(ts *testscript.TestScript, _ bool, args []string) {
	want := regexp.MustCompile("(?s)" + args[0])
	var out []byte
	for deadline := time.Now().Add(90 * time.Second); time.Now().Before(deadline); time.Sleep(200 * time.Millisecond) {
		c := command(ts, args[1:])
		out, _ = c.CombinedOutput() // fails until the hub is up
		if want.Match(out) {
			return
		}
	}
	ts.Fatalf("no %s in\n%s", args[0], out)
}

// command makes a child with the script's environment and folder.
func command(ts *testscript.TestScript, args []string) *exec.Cmd {
	path, err := exec.LookPath(args[0])
	if filepath.Base(args[0]) == "gatehouse" {
		path, err = lookIn(ts.Getenv("PATH"), "gatehouse")
	}
	ts.Check(err)
	c := exec.Command(path, args[1:]...)
	c.Dir = ts.MkAbs(".")
	c.Env = append(os.Environ(), "HOME="+ts.Getenv("HOME"), "PATH="+ts.Getenv("PATH"))
	return c
}

func lookIn(list, name string) (string, error) {
	for _, dir := range filepath.SplitList(list) {
		if p := filepath.Join(dir, name); fileExists(p) {
			return p, nil
		}
	}
	return "", fmt.Errorf("no %s in %s", name, list)
}

func fileExists(p string) bool { _, err := os.Stat(p); return err == nil }

// field VAR JSONPATH FILE: a.b.0.c of a JSON file into VAR.
func field(ts *testscript.TestScript, _ bool, args []string) {
	var v any
	ts.Check(json.Unmarshal([]byte(ts.ReadFile(args[2])), &v))
	for _, key := range strings.Split(args[1], ".") {
		switch x := v.(type) {
		case map[string]any:
			v = x[key]
		case []any:
			var i int
			_, err := fmt.Sscan(key, &i)
			ts.Check(err)
			if i >= len(x) {
				ts.Fatalf("no %s in %s", args[1], args[2])
			}
			v = x[i]
		default:
			ts.Fatalf("no %s in %s", args[1], args[2])
		}
	}
	if v == nil {
		ts.Fatalf("no %s in %s", args[1], args[2])
	}
	ts.Setenv(args[0], fmt.Sprint(v))
}

// exits CODE [<FILE] CMD...: the command must end with that code; its output is
// left in exits.out.
func exits(ts *testscript.TestScript, _ bool, args []string) {
	in, redirected := strings.CutPrefix(args[1], "<")
	if redirected {
		args = append(args[:1:1], args[2:]...)
	}
	c := command(ts, args[1:])
	if redirected {
		c.Stdin = strings.NewReader(ts.ReadFile(in))
	}
	out, err := c.CombinedOutput()
	code := 0
	if ee, ok := err.(*exec.ExitError); ok {
		code = ee.ExitCode()
	} else {
		ts.Check(err)
	}
	ts.Check(os.WriteFile(ts.MkAbs("exits.out"), out, 0o600))
	if fmt.Sprint(code) != args[0] {
		ts.Fatalf("exit code %d, want %s:\n%s", code, args[0], out)
	}
}

// flipbit FILE: one bit in the middle of a file.
func flipBit(ts *testscript.TestScript, _ bool, args []string) {
	path := ts.MkAbs(args[0])
	data, err := os.ReadFile(path)
	ts.Check(err)
	data[len(data)/2] ^= 1
	ts.Check(os.Chmod(path, 0o600))
	ts.Check(os.WriteFile(path, data, 0o600))
}

// editjson FILE PATH VALUE: replace a value in a JSON file; VALUE is JSON.
func editJSON(ts *testscript.TestScript, _ bool, args []string) {
	var root any
	ts.Check(json.Unmarshal([]byte(ts.ReadFile(args[0])), &root))
	keys := strings.Split(args[1], ".")
	v := root
	for _, key := range keys[:len(keys)-1] {
		v = v.(map[string]any)[key]
	}
	var value any
	ts.Check(json.Unmarshal([]byte(args[2]), &value))
	v.(map[string]any)[keys[len(keys)-1]] = value
	data, err := json.MarshalIndent(root, "", "  ")
	ts.Check(err)
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), data, 0o600))
}

// times NAME=OFFSET...: variables with the time that far from now, RFC 3339.
func setTimes(ts *testscript.TestScript, _ bool, args []string) {
	now := time.Now().UTC().Truncate(time.Second)
	for _, a := range args {
		name, offset, _ := strings.Cut(a, "=")
		d, err := time.ParseDuration(offset)
		ts.Check(err)
		ts.Setenv(name, now.Add(d).Format(time.RFC3339))
	}
}

// now VAR: the time, RFC 3339 with nanoseconds.
func setNow(ts *testscript.TestScript, _ bool, args []string) {
	ts.Setenv(args[0], time.Now().UTC().Format(time.RFC3339Nano))
}

// lost INDEX SYNC GOP: each camera's gap after KILLED began at most a sync and a group of
// pictures before it, as the durability profile promises.
func lost(ts *testscript.TestScript, _ bool, args []string) {
	killed, err := time.Parse(time.RFC3339Nano, ts.Getenv("KILLED"))
	ts.Check(err)
	var promise time.Duration
	for _, a := range args[1:] {
		d, err := time.ParseDuration(a)
		ts.Check(err)
		promise += d
	}
	ctx := context.Background()
	index, err := sqlite.OpenIndex(ctx, ts.MkAbs(args[0]))
	ts.Check(err)
	defer index.Close()
	streams, err := index.Streams(ctx)
	ts.Check(err)
	for _, s := range streams {
		gaps, err := index.Gaps(ctx, s[0], s[1], killed.Add(-time.Minute), killed.Add(time.Second))
		ts.Check(err)
		i := slices.IndexFunc(gaps, func(g recording.Gap) bool { return g.Reason == rtsp.ReasonCrash })
		if i < 0 {
			ts.Fatalf("%s has no gap row for the crash", s[0])
		}
		if gone := killed.Sub(gaps[i].From); gone > promise {
			ts.Fatalf("%s lost %v, the promise is %v", s[0], gone, promise)
		} else {
			ts.Logf("%s lost %v of at most %v", s[0], gone, promise)
		}
	}
}
