package durable

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
)

func TestSwap(t *testing.T) {
	dir := t.TempDir()
	real, link := filepath.Join(dir, "real"), filepath.Join(dir, "link")
	if err := Swap(real, nil, []byte("one"), 0o640); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(real, 0o604); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("real", link); err != nil {
		t.Fatal(err)
	}
	if err := Swap(link, []byte("one"), []byte("two"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, old := range [][]byte{nil, []byte("one")} {
		if err := Swap(link, old, []byte("three"), 0o600); !errors.Is(err, ErrChanged) {
			t.Errorf("swapped what it had not read: %v", err)
		}
	}
	if err := Swap(filepath.Join(dir, "none"), []byte("one"), []byte("two"), 0o600); !errors.Is(err, ErrChanged) {
		t.Errorf("a file that is gone was made again: %v", err)
	}
	got, err := os.ReadFile(real)
	info, serr := os.Lstat(link)
	mode, merr := os.Stat(real)
	if err := errors.Join(err, serr, merr); err != nil {
		t.Fatal(err)
	}
	if string(got) != "two" || info.Mode()&os.ModeSymlink == 0 || mode.Mode().Perm() != 0o604 {
		t.Errorf("file %q, link %v, mode %v", got, info.Mode(), mode.Mode())
	}
	if files, _ := filepath.Glob(filepath.Join(dir, ".*.tmp")); len(files) > 0 {
		t.Errorf("left behind: %v", files)
	}
}

// TestSwapNoticesAnEditorInBetween: the file changes after it was compared.
func TestSwapNoticesAnEditorInBetween(t *testing.T) {
	dir := t.TempDir()
	name, temp, theirs := filepath.Join(dir, "f"), filepath.Join(dir, "t"), filepath.Join(dir, "theirs")
	for file, text := range map[string]string{name: "one", temp: "ours", theirs: "theirs"} {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Rename(theirs, name); err != nil {
		t.Fatal(err)
	}
	if err := exchange(temp, name); err != nil {
		t.Fatal(err)
	}
	if err := undo(temp, name, []byte("one")); !errors.Is(err, ErrChanged) {
		t.Errorf("not noticed: %v", err)
	}
	if got, err := os.ReadFile(name); err != nil || string(got) != "theirs" {
		t.Errorf("the editor's file holds %q, %v", got, err)
	}
}
