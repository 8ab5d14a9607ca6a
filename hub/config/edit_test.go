package config

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sync/errgroup"
)

func TestEditor(t *testing.T) {
	dir := t.TempDir()
	var applied *Config
	e := NewEditor(dir, func(c *Config) { applied = c })
	porch := Map{{Key: "name", Value: "porch"}, {Key: "url", Value: "rtsp://u:p@h/1"}}
	c, err := e.Edit("", Append("cameras", porch))
	if err != nil || applied != c || len(c.Cameras) != 1 {
		t.Fatalf("edit = %+v, %v", c, err)
	}
	text, version, err := e.Read()
	want := strings.Replace(First, "cameras: []\n", "cameras:\n  - name: porch\n    url: rtsp://u:p@h/1\n", 1)
	if diff := cmp.Diff(want, string(text)); err != nil || diff != "" {
		t.Errorf("made %v (-want +got):\n%s", err, diff)
	}
	if info, err := os.Stat(filepath.Join(dir, File)); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the file holds passwords and has mode %v, %v", info.Mode(), err)
	}

	var problems Problems
	if _, err := e.Edit(version, Append("cameras", porch)); !errors.As(err, &problems) || problems[0].Key != "cameras[1].name" {
		t.Errorf("a second camera of one name: %v", err)
	}
	byHand := strings.Replace(string(text), "porch", "front", 1)
	if err := os.WriteFile(filepath.Join(dir, File), []byte(byHand), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := e.Edit(version, Delete("cameras[0]")); !errors.Is(err, ErrConflict) {
		t.Errorf("an edit by hand was not noticed: %v", err)
	}
	if err := os.WriteFile(filepath.Join(dir, File), []byte(byHand+"nonsense: 1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	var broken *Broken
	if _, err := e.Edit("", Set("home.name", "A")); !errors.As(err, &broken) || broken.Problems[0].Key != "nonsense" {
		t.Errorf("an edit of a broken file: %v", err)
	}
	if got, _ := os.ReadFile(filepath.Join(dir, File)); string(got) != byHand+"nonsense: 1\n" {
		t.Errorf("a refused edit changed the file:\n%s", got)
	}
}

func TestLinesOfDOSFiles(t *testing.T) {
	_, err := Parse([]byte("# a\r\n# b\r\nhome:\r\n  # c\r\n  nmae: x\r\n"))
	var problems Problems
	if !errors.As(err, &problems) || problems[0].Line != 5 {
		t.Errorf("problems = %v", err)
	}
}

// TestEditsMeet: an edit by hand reaches the hub through its watcher, also where
// the file is a link into another folder, and what the hub writes is the file.
func TestEditsMeet(t *testing.T) {
	dir, elsewhere := t.TempDir(), t.TempDir()
	file := filepath.Join(elsewhere, "house.yml")
	if err := os.WriteFile(file, []byte("home: {name: A} # by hand\n"), 0o640); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(file, filepath.Join(dir, File)); err != nil {
		t.Fatal(err)
	}
	names := make(chan string, 9)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() {
		editor := NewEditor(dir, func(c *Config) { names <- c.Home.Name })
		done <- Watch(ctx, dir, slog.New(slog.DiscardHandler), func() { _ = editor.Reload() })
	}()
	wait := func(want string) {
		t.Helper()
		for got := ""; got != want; got = <-names {
		}
	}
	wait("A")
	if err := os.WriteFile(file, []byte("home: {name: B} # by hand\n"), 0o640); err != nil {
		t.Fatal(err)
	}
	wait("B")
	if _, err := NewEditor(dir, nil).Edit("", Set("home.name", "C")); err != nil {
		t.Fatal(err)
	}
	wait("C")
	if got, err := os.ReadFile(file); err != nil || string(got) != "home: {name: C} # by hand\n" {
		t.Errorf("the file holds %q, %v", got, err)
	}
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
}

// TestOldVersionsAreNotTakenOver: an edit by the console, such as network: off,
// is not undone by a watcher that had read the file before it.
func TestOldVersionsAreNotTakenOver(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, File), []byte("network: on\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	stale := 0 // guarded by the editor, or the race detector says so
	e := NewEditor(dir, func(c *Config) {
		if now, err := Load(dir); err != nil || now.Network != c.Network {
			stale++
		}
	})
	var both errgroup.Group
	both.Go(func() error {
		for i := range 40 {
			if _, err := e.Edit("", Set("network", []string{Off, On}[i%2])); err != nil {
				return err
			}
		}
		return nil
	})
	both.Go(func() error {
		for range 200 {
			if err := e.Reload(); err != nil {
				return err
			}
		}
		return nil
	})
	if err := both.Wait(); err != nil || stale > 0 {
		t.Errorf("an older version was handed over %d times, %v", stale, err)
	}
}
