package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	footage "gatehouse/images/demo"
	"gatehouse/rtsp/rtsptest"
)

const (
	agencyPage = "../docs/agency.md"
	pageStep   = 5 * time.Minute // more than any block takes on a loaded machine
)

// block is one fenced block of the page: the machine it is typed on, and its text.
type block struct {
	machine string
	text    string
	line    int
}

var fence = regexp.MustCompile("(?ms)^```sh ([a-z ]+)\n(.*?)^```$")

func pageBlocks(t *testing.T) (settings block, steps []block) {
	t.Helper()
	text, err := os.ReadFile(agencyPage)
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range fence.FindAllSubmatchIndex(text, -1) {
		b := block{string(text[m[2]:m[3]]), string(text[m[4]:m[5]]), 1 + bytes.Count(text[:m[0]], []byte("\n"))}
		if b.machine == "every machine" {
			settings = b
			continue
		}
		steps = append(steps, b)
	}
	if n := bytes.Count(text, []byte("\n```sh")); n != len(steps)+1 {
		t.Fatalf("%d of %d blocks were understood", len(steps)+1, n)
	}
	return settings, steps
}

// TestAgencyPage types docs/agency.md, block by block, each on a machine of its
// own: a folder, a home and nothing of the others but the stick.
func TestAgencyPage(t *testing.T) {
	settings, steps := pageBlocks(t)
	top := t.TempDir()
	camera := pageCamera(t)
	own := map[string]string{
		"STICK": filepath.Join(top, "stick"), "WEB": filepath.Join(top, "web"), "PORT": fmt.Sprint(freePort(t)),
		"UPLOAD": fmt.Sprint("localhost:", freePort(t)), "WITNESS": fmt.Sprint("127.0.0.1:", freePort(t)), "CAMERA": camera,
	}
	own["SITE"] = "http://127.0.0.1:" + own["PORT"] + "/"
	var named []string
	for _, m := range regexp.MustCompile(`([A-Z]+)=`).FindAllStringSubmatch(settings.text, -1) {
		named = append(named, m[1])
	}
	if slices.Sort(named); !slices.Equal(named, slices.Sorted(maps.Keys(own))) {
		t.Fatalf("the page sets %v, and the test %v", named, slices.Sorted(maps.Keys(own)))
	}
	env := []string{"PATH=" + os.Getenv("PATH"), "LANG=C.UTF-8", "TMPDIR=" + t.TempDir()}
	for name, value := range own {
		env = append(env, name+"="+value)
	}
	for _, dir := range []string{own["STICK"], own["WEB"]} {
		if err := os.Mkdir(dir, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	for _, b := range steps {
		home := filepath.Join(top, b.machine)
		if err := os.MkdirAll(home, 0o700); err != nil {
			t.Fatal(err)
		}
		typeBlock(t, b, home, append(env, "HOME="+home))
	}
	// No private key of a person or root went over the stick, or lies at the office.
	for _, dir := range []string{own["STICK"], own["WEB"], filepath.Join(top, "office")} {
		wantNoPrivateKeys(t, dir, filepath.Join(top, "office", "agency", "keys"))
	}
}

// typeBlock runs a block; what it left in the background ends with the test.
func typeBlock(t *testing.T, b block, home string, env []string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), pageStep)
	defer cancel()
	out, err := os.Create(filepath.Join(home, ".typed"))
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	cmd := exec.CommandContext(ctx, "bash", "-euc", b.text)
	cmd.Dir, cmd.Env, cmd.Stdout, cmd.Stderr = home, env, out, out
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	err = cmd.Run()
	group := cmd.Process.Pid
	t.Cleanup(func() { endGroup(t, group) })
	if err != nil {
		said, _ := os.ReadFile(out.Name())
		logs := ""
		for _, name := range []string{"hub.log", "receive.log", "witness.log"} {
			text, _ := os.ReadFile(filepath.Join(home, name))
			logs += string(text)
		}
		said = said[max(0, len(said)-2000):]
		t.Fatalf("%s:%d on the machine %s: %v\n%s\n%s", agencyPage, b.line, b.machine, err, said, logs)
	}
}

// endGroup ends what a block left running, and waits for it: its folder goes.
func endGroup(t *testing.T, group int) {
	if err := syscall.Kill(-group, syscall.SIGTERM); errors.Is(err, syscall.ESRCH) {
		return
	}
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); time.Sleep(50 * time.Millisecond) {
		if errors.Is(syscall.Kill(-group, 0), syscall.ESRCH) {
			return
		}
	}
	t.Errorf("processes of group %d do not end", group)
	_ = syscall.Kill(-group, syscall.SIGKILL)
}

func wantNoPrivateKeys(t *testing.T, dir, but string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() || strings.HasPrefix(path, but+"/") {
			return err
		}
		text, err := os.ReadFile(path)
		if bytes.Contains(text, []byte("PRIVATE KEY")) || bytes.Contains(text, []byte("AGE-SECRET-KEY")) {
			t.Errorf("%s has a private key", path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"officer.key", "supervisor.key", "recipient.age", "../offline"} {
		if fileExists(filepath.Join(but, name)) {
			t.Errorf("the office has %s", name)
		}
	}
}

func pageCamera(t *testing.T) string {
	t.Helper()
	s, err := rtsptest.NewServer(rtsptest.Config{Log: slog.New(slog.DiscardHandler), Cameras: map[string]rtsptest.Camera{
		"porch": {FS: footage.FS, File: "porch.mp4", Loop: true},
	}})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	t.Cleanup(func() { cancel(); <-done })
	return s.URL("porch")
}
