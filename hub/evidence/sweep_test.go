package evidence

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
)

func TestSweepRemovesWhatNobodyKeeps(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"GH-AAAA-BBBB.ghe", "GH-CCCC-DDDD.ghe", ".GH-1.tmp", "notes.txt"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("x"), 0o400); err != nil {
			t.Fatal(err)
		}
	}
	s := NewSealer(Config{Dir: dir})
	for range 2 {
		if err := s.Sweep(func(path string) bool { return path == filepath.Join(dir, "GH-AAAA-BBBB.ghe") }); err != nil {
			t.Fatal(err)
		}
	}
	files, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, f := range files {
		names = append(names, f.Name())
	}
	if want := []string{"GH-AAAA-BBBB.ghe", "notes.txt"}; !slices.Equal(names, want) {
		t.Errorf("left %v, want %v", names, want)
	}
	if err := NewSealer(Config{Dir: filepath.Join(dir, "absent")}).Sweep(func(string) bool { return false }); err != nil {
		t.Errorf("without a folder: %v", err)
	}
}
