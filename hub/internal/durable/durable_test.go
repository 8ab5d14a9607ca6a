package durable

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
)

func TestWriteFileReplacesWholeOrNotAtAll(t *testing.T) {
	dir := t.TempDir()
	name := filepath.Join(dir, ".marker")
	for _, want := range []string{"first, and longer", "second"} {
		if err := WriteFile(name, []byte(want), 0o640); err != nil {
			t.Fatal(err)
		}
		got, err := os.ReadFile(name)
		if err != nil || string(got) != want {
			t.Fatalf("read %q, %v; want %q", got, err, want)
		}
	}
	if i, err := os.Stat(name); err != nil || i.Mode().Perm() != 0o640 {
		t.Errorf("mode %v, %v; want 0640", i.Mode(), err)
	}

	// A target that cannot be replaced keeps its content and leaves no temporary file.
	sub := filepath.Join(dir, "sub")
	if err := MkdirAll(filepath.Join(sub, "child"), 0o750); err != nil {
		t.Fatal(err)
	}
	if err := WriteFile(sub, []byte("x"), 0o600); err == nil {
		t.Error("a folder was replaced by a file")
	}
	if err := WriteFile(filepath.Join(dir, "absent", "x"), nil, 0o600); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("writing into an absent folder: %v", err)
	}
	left, err := filepath.Glob(filepath.Join(dir, ".*.tmp"))
	if err != nil || len(left) != 0 {
		t.Errorf("temporary files left: %v %v", left, err)
	}
}

func TestMkdirAllRenameRemove(t *testing.T) {
	dir := t.TempDir()
	deep := filepath.Join(dir, "a", "b", "c")
	for range 2 { // the second finds everything there
		if err := MkdirAll(deep, 0o750); err != nil {
			t.Fatal(err)
		}
	}
	file := filepath.Join(deep, "f")
	if err := WriteFile(file, []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := MkdirAll(filepath.Join(file, "d"), 0o750); err == nil {
		t.Error("made a folder below a file")
	}
	moved := filepath.Join(dir, "g")
	if err := Rename(file, moved); err != nil {
		t.Fatal(err)
	}
	if err := Rename(file, moved); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("renaming what is gone: %v", err)
	}
	for range 2 {
		if err := Remove(moved); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := os.Stat(moved); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("still there: %v", err)
	}
	if err := Remove(filepath.Join(dir, "a")); err == nil {
		t.Error("removed a folder that is not empty")
	}
}
