package evidence_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"gatehouse/hub/evidence"
	"gatehouse/hub/internal/mp4/mp4test"
	"gatehouse/rtsp"
)

// portal writes the portal form of a package into a folder.
func portal(t testing.TB, h *home, p evidence.Package) (dir string, err error) {
	t.Helper()
	v, err := h.Open(p)
	if err != nil {
		t.Fatal(err)
	}
	defer v.Close()
	dir = t.TempDir()
	return dir, v.Portal(t.Context(), func(name string, r io.Reader) error {
		b, err := io.ReadAll(r)
		return errors.Join(err, os.WriteFile(filepath.Join(dir, name), b, 0o600))
	})
}

func TestPortalForm(t *testing.T) {
	h, p := typical(t)
	dir, err := portal(t, h, p)
	if err != nil {
		t.Fatal(err)
	}
	files, names := untar(t, h.plain(t, p))
	there, err := os.ReadDir(dir)
	if err != nil || len(there) != len(names) {
		t.Fatalf("%d files of %d, %v", len(there), len(names), err)
	}
	for _, f := range p.Files {
		got, err := os.ReadFile(filepath.Join(dir, strings.ReplaceAll(f.Name, "/", "_")))
		if err != nil || !bytes.Equal(got, files[p.ID+"/"+f.Name]) {
			t.Errorf("%s: another file, %v", f.Name, err)
		}
	}
	cmd := exec.Command("sha256sum", "--strict", "-c", "SHA256SUMS")
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
	results, err := verify(t, dir, evidence.VerifyConfig{})
	if err != nil {
		t.Errorf("%v %+v", err, results)
	}
	for _, f := range there {
		path := filepath.Join(dir, f.Name())
		was, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		changed := bytes.Clone(was)
		changed[len(changed)/2] ^= 1
		for what, edit := range map[string]func() error{
			"changed": func() error { return os.WriteFile(path, changed, 0o600) },
			"missing": func() error { return os.Remove(path) },
			"renamed": func() error { return os.Rename(path, filepath.Join(dir, "original_z.mp4")) },
		} {
			if err := edit(); err != nil {
				t.Fatal(err)
			}
			if _, err := verify(t, dir, evidence.VerifyConfig{}); !errors.Is(err, evidence.ErrVerify) {
				t.Errorf("%s was %s: %v", f.Name(), what, err)
			}
			_ = os.Remove(filepath.Join(dir, "original_z.mp4"))
			if err := os.WriteFile(path, was, 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
}

func TestPortalLimits(t *testing.T) {
	f := mp4test.Make(t, mp4test.Shot{Video: rtsp.H264, Seconds: 30, Width: 64, Rate: 5, GOP: 5, Start: zero})
	h := newHome(t, map[string][]rtsp.Item{porch: items(f)})
	for clips, want := range map[int]error{15: nil, 16: evidence.ErrPortal} { // beside ten other files
		var chosen []evidence.Selection
		for i := range clips {
			chosen = append(chosen, choose(porch, float64(i), float64(i)+0.9, false))
		}
		if _, err := portal(t, h, h.seal(t, chosen...)); !errors.Is(err, want) {
			t.Errorf("%d clips: %v", clips, err)
		}
	}
	v, err := h.Open(h.seal(t, choose(porch, 0, 2, false)))
	if err != nil {
		t.Fatal(err)
	}
	defer v.Close()
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	err = v.Portal(ended, func(_ string, r io.Reader) error { _, err := io.ReadAll(r); return err })
	if !errors.Is(err, context.Canceled) {
		t.Errorf("ended: %v", err)
	}
}
