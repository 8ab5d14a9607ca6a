package recording

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
)

// TestClaim: an empty folder gets a marker without content, which is the owner's
// word; a store and what is not ours are left as they are.
func TestClaim(t *testing.T) {
	dir := t.TempDir()
	marked := func(path string) (size int64, ok bool) {
		st, err := os.Stat(filepath.Join(path, markerName))
		if err != nil {
			return 0, false
		}
		return st.Size(), true
	}
	fresh := filepath.Join(dir, "usb", "gatehouse")
	for range 2 { // a button pressed twice
		if err := Claim(fresh); err != nil {
			t.Fatal(err)
		}
	}
	if size, ok := marked(fresh); !ok || size != 0 {
		t.Errorf("marker of %d bytes: %v", size, ok)
	}
	formatted := filepath.Join(dir, "formatted")
	if err := os.MkdirAll(filepath.Join(formatted, "lost+found"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := Claim(formatted); err != nil {
		t.Error(err)
	}

	store := filepath.Join(dir, "store")
	if err := os.MkdirAll(filepath.Join(store, "porch"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := Claim(store); !errors.Is(err, ErrForeign) {
		t.Errorf("footage without a marker: %v", err)
	}
	if _, ok := marked(store); ok {
		t.Error("a foreign folder was marked")
	}
	if err := os.WriteFile(filepath.Join(store, markerName), []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := Claim(store); err != nil {
		t.Errorf("a store: %v", err)
	}
	if size, _ := marked(store); size != 1 {
		t.Error("a store's marker was changed")
	}
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{file, filepath.Join(file, "below")} {
		if err := Claim(path); err == nil || errors.Is(err, ErrForeign) {
			t.Errorf("%s: %v", path, err)
		}
	}
}
