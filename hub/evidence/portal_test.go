package evidence_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"filippo.io/age"

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
	if err := v.FitsPortal(); err != nil {
		return "", err
	}
	return dir, v.Plain(t.Context(), func(name string, r io.Reader) error {
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
	err = v.Plain(ended, func(_ string, r io.Reader) error { _, err := io.ReadAll(r); return err })
	if !errors.Is(err, context.Canceled) {
		t.Errorf("ended: %v", err)
	}
}

// TestUnverifiedPackage: what nobody signed for is sealed to the owner alone,
// says so everywhere, and verifies in the forms in which it is given.
func TestUnverifiedPackage(t *testing.T) {
	h, _ := small(t)
	asked := []byte("{\"type\":\"gatehouse.manual-request/v1\"}\n")
	p, err := h.Seal(t.Context(), evidence.Order{
		RequestID: "hand-1", Manual: asked, Agency: "Officer Ruiz (unverified)", Clips: []evidence.Selection{choose(porch, 0, 2, false)},
	})
	if err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(p.Path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := age.Decrypt(f, h.agency.Identity); err == nil {
		t.Error("an agency opens what was sealed for nobody")
	}
	dir, err := portal(t, h, p)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := os.ReadFile(filepath.Join(dir, "request_unverified.json")); err != nil || !bytes.Equal(got, asked) {
		t.Errorf("%q, %v", got, err)
	}
	readme, err := os.ReadFile(filepath.Join(dir, "README.txt"))
	if err != nil || !strings.Contains(string(readme), "has not verified who asked") || !strings.Contains(string(readme), p.ID+".age") {
		t.Errorf("%s, %v", readme, err)
	}
	results, err := verify(t, dir, evidence.VerifyConfig{})
	told := slices.ContainsFunc(results, func(r evidence.Result) bool {
		return r.What == "request" && r.OK && strings.Contains(r.Text, "not verified")
	})
	if err != nil || !told {
		t.Errorf("%v %+v", err, results)
	}
	if _, err := verify(t, dir, evidence.VerifyConfig{BulletinKey: h.log.Key}); !errors.Is(err, evidence.ErrVerify) {
		t.Errorf("it passes for a published request: %v", err)
	}
	for _, name := range []string{"request_request.dsse.json", "request_profile.dsse.json", "request_request.tlog-proof"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("{}"), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := verify(t, dir, evidence.VerifyConfig{}); !errors.Is(err, evidence.ErrVerify) {
			t.Errorf("with %s: %v", name, err)
		}
		if err := os.Remove(filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "request_unverified.json"), []byte("{}"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := verify(t, dir, evidence.VerifyConfig{}); !errors.Is(err, evidence.ErrVerify) {
		t.Errorf("another request: %v", err)
	}
}

// TestLocked: what a passphrase opens is the sealed archive, bit by bit.
func TestLocked(t *testing.T) {
	h, p := small(t)
	v, err := h.Reopen(p)
	if err != nil {
		t.Fatal(err)
	}
	defer v.Close()
	var b bytes.Buffer
	for _, bad := range []string{"", "password", strings.ToLower(evidence.NewPassphrase()), evidence.NewPassphrase() + "\n"} {
		if err := v.Lock(t.Context(), &b, bad); !errors.Is(err, evidence.ErrPassphrase) || b.Len() > 0 {
			t.Errorf("%q: %v, %d bytes", bad, err, b.Len())
		}
	}
	secret := evidence.NewPassphrase()
	if secret == evidence.NewPassphrase() {
		t.Error("one passphrase twice")
	}
	if err := v.Lock(t.Context(), &b, secret); err != nil {
		t.Fatal(err)
	}
	id, err := age.NewScryptIdentity(secret)
	if err != nil {
		t.Fatal(err)
	}
	r, err := age.Decrypt(&b, id)
	if err != nil {
		t.Fatal(err)
	}
	got, err := io.ReadAll(r)
	if err != nil || !bytes.Equal(got, h.plain(t, p)) {
		t.Errorf("another archive, %v", err)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if err := v.Lock(ended, io.Discard, secret); !errors.Is(err, context.Canceled) {
		t.Errorf("ended: %v", err)
	}
}

// TestReopenHashesWhole: a file that was changed behind the back of its times is
// not taken for the one that was hashed before.
func TestReopenHashesWhole(t *testing.T) {
	h, p := small(t)
	v, err := h.Open(p)
	if err != nil {
		t.Fatal(err)
	}
	v.Close()
	reads := func() int64 {
		n, err := readBytes()
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	before := reads()
	if v, err = h.Open(p); err != nil {
		t.Fatal(err)
	}
	v.Close()
	cheap := reads() - before
	before = reads()
	if v, err = h.Reopen(p); err != nil {
		t.Fatal(err)
	}
	v.Close()
	if whole := reads() - before; whole-cheap < p.Bytes {
		t.Errorf("opened by reading %d bytes, reopened by %d, of %d", cheap, whole, p.Bytes)
	}
}

// readBytes is how many bytes this process has read.
func readBytes() (n int64, err error) {
	b, err := os.ReadFile("/proc/self/io")
	if err != nil {
		return 0, err
	}
	_, err = fmt.Sscanf(string(b), "rchar: %d", &n)
	return n, err
}
