package evidence_test

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"filippo.io/age"

	"gatehouse/hub/bulletin/bulletintest"
	"gatehouse/hub/evidence"
	"gatehouse/hub/internal/mp4/mp4test"
	"gatehouse/rtsp"
)

// small is a home with one short package, for tests that verify it many times.
func small(t testing.TB) (*home, evidence.Package) {
	t.Helper()
	f := mp4test.Make(t, mp4test.Shot{Video: rtsp.H264, Audio: rtsp.PCMU, Seconds: 2, Width: 64, Rate: 5, Start: zero})
	h := newHome(t, map[string][]rtsp.Item{porch: items(f)})
	return h, h.seal(t, choose(porch, 0, 2, true))
}

func TestVerify(t *testing.T) {
	h, p := typical(t)
	cfg := evidence.VerifyConfig{
		Identities: []age.Identity{h.agency.Identity}, HubKey: h.cfg.Key.Public().(ed25519.PublicKey), BulletinKey: h.log.Key,
	}
	results, err := verify(t, p.Path, cfg)
	if err != nil {
		t.Fatal(err)
	}
	var what []string
	for _, r := range results {
		if !r.OK || r.Text == "" {
			t.Errorf("%+v", r)
		}
		what = append(what, r.What)
	}
	want := []string{"age", "tar", "sums", "manifest", "request", "log", "ledger", "chain", "video", "video", "chain", "video", "video"}
	slices.Sort(what)
	slices.Sort(want)
	if !slices.Equal(what, want) {
		t.Errorf("%v, want %v", what, want)
	}
}

func TestVerifyAsksForTheRightKeys(t *testing.T) {
	h, p := small(t)
	stranger, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	mine := []age.Identity{h.cfg.Owner}
	for what, cfg := range map[string]evidence.VerifyConfig{
		"age":      {Identities: []age.Identity{stranger}},
		"manifest": {Identities: mine, HubKey: bulletintest.Key(t).Public().(ed25519.PublicKey)},
		"log":      {Identities: mine, BulletinKey: bulletintest.NewLog(t, 0).Key},
	} {
		results, err := verify(t, p.Path, cfg)
		if !errors.Is(err, evidence.ErrVerify) || !slices.ContainsFunc(results, func(r evidence.Result) bool { return !r.OK && r.What == what }) {
			t.Errorf("%s: %v %+v", what, err, results)
		}
	}
	if _, err := verify(t, p.Path, evidence.VerifyConfig{}); !errors.Is(err, evidence.ErrVerify) {
		t.Errorf("without an identity: %v", err)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	err = evidence.Verify(ended, p.Path, evidence.VerifyConfig{Identities: mine}, func(evidence.Result) {})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("ended: %v", err)
	}
}

func TestManualRequest(t *testing.T) {
	f := mp4test.Make(t, mp4test.Shot{Video: rtsp.H264, Seconds: 2, Width: 64, Start: zero})
	h := newHome(t, map[string][]rtsp.Item{porch: items(f)})
	h.order.Proof, h.order.BulletinKey = nil, ""
	p := h.seal(t, choose(porch, 0, 2, false))
	mine := []age.Identity{h.cfg.Owner}
	if _, err := verify(t, p.Path, evidence.VerifyConfig{Identities: mine}); err != nil {
		t.Error(err)
	}
	if _, err := verify(t, p.Path, evidence.VerifyConfig{Identities: mine, BulletinKey: h.log.Key}); !errors.Is(err, evidence.ErrVerify) {
		t.Errorf("a log was asked for and there is no proof: %v", err)
	}
}

// TestEveryBit flips bits all over the tar and the sealed file; each must be noticed.
func TestEveryBit(t *testing.T) {
	h, p := small(t)
	plain := h.plain(t, p)
	sealed, err := os.ReadFile(p.Path)
	if err != nil {
		t.Fatal(err)
	}
	cfg := evidence.VerifyConfig{Identities: []age.Identity{h.cfg.Owner}}
	for name, b := range map[string][]byte{"tar": plain, "ghe": sealed} {
		path := write(t, "p", b)
		if _, err := verify(t, path, cfg); err != nil {
			t.Fatalf("%s, whole: %v", name, err)
		}
		r := rand.New(rand.NewPCG(3, 4))
		places := []int{0, len(b) - 1, len(b) - 600}
		for i := range 250 {
			places = append(places, r.IntN(len(b)), i*2) // the first 500 bytes closely
		}
		f, err := os.OpenFile(path, os.O_RDWR, 0)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		for _, at := range places {
			bit := byte(1) << r.IntN(8)
			if _, err := f.WriteAt([]byte{b[at] ^ bit}, int64(at)); err != nil {
				t.Fatal(err)
			}
			if _, err := verify(t, path, cfg); !errors.Is(err, evidence.ErrVerify) {
				t.Errorf("%s: bit %#x of byte %d: %v", name, bit, at, err)
			}
			if _, err := f.WriteAt(b[at:at+1], int64(at)); err != nil {
				t.Fatal(err)
			}
		}
		for _, n := range []int{0, 1, 512, len(b) / 2, len(b) - 1} {
			if _, err := verify(t, write(t, "cut", b[:n]), cfg); !errors.Is(err, evidence.ErrVerify) {
				t.Errorf("%s: cut to %d bytes: %v", name, n, err)
			}
		}
		if _, err := verify(t, write(t, "more", append(bytes.Clone(b), make([]byte, 512)...)), cfg); !errors.Is(err, evidence.ErrVerify) {
			t.Errorf("%s: with more at its end: %v", name, err)
		}
	}
}

// TestForged changes files and mends the digests, as far as one without the
// hub's key can, or with another.
func TestForged(t *testing.T) {
	h, p := small(t)
	files, names := untar(t, h.plain(t, p))
	key := func(n string) string { return p.ID + "/" + n }
	video := key(p.Files[0].Name)
	for _, v := range []struct {
		name, what string
		edit       func(f map[string][]byte)
	}{
		{"a picture changed", "manifest", func(f map[string][]byte) { f[video][len(f[video])-9] ^= 1 }},
		{"another request", "manifest", func(f map[string][]byte) {
			f[key("request/request.dsse.json")] = h.agency.Sign(t, h.agency.Request(t, h.now))
		}},
		{"no ledger entries", "manifest", func(f map[string][]byte) { f[key("custody/events.jsonl")] = nil }},
		{"a leaf changed", "manifest", func(f map[string][]byte) {
			n := key("custody/cam-A.proof")
			i := bytes.Index(f[n], []byte(`"leaves": [`)) + 30
			f[n] = bytes.Clone(f[n])
			f[n][i] = map[bool]byte{true: 'a', false: 'b'}[f[n][i] == 'b']
		}},
		{"readme changed", "manifest", func(f map[string][]byte) { f[key("README.txt")] = []byte("Trust me.\n") }},
		{"manifest changed", "manifest", func(f map[string][]byte) {
			n := key("manifest.dsse.json")
			f[n] = bytes.Replace(f[n], []byte(`"sig": "`), []byte(`"sig": "AAAA`), 1)
		}},
	} {
		t.Run(v.name, func(t *testing.T) {
			changed := map[string][]byte{}
			for n, b := range files {
				changed[n] = bytes.Clone(b)
			}
			v.edit(changed)
			mend(changed, p.ID)
			results, err := verify(t, write(t, "p.tar", retar(t, changed, names, p.SealedAt)), evidence.VerifyConfig{})
			if !errors.Is(err, evidence.ErrVerify) {
				t.Fatal(err)
			}
			for _, r := range results {
				if !r.OK && r.What != v.what {
					t.Errorf("it fails at %s first: %s", r.What, r.Text)
				}
				if !r.OK {
					return
				}
			}
		})
	}
}

// mend makes SHA256SUMS fit again.
func mend(files map[string][]byte, id string) {
	var b bytes.Buffer
	for _, n := range slices.Sorted(mapsKeys(files)) {
		if n != id+"/SHA256SUMS" {
			sum := sha256.Sum256(files[n])
			fmt.Fprintf(&b, "%s  %s\n", hex.EncodeToString(sum[:]), strings.TrimPrefix(n, id+"/"))
		}
	}
	files[id+"/SHA256SUMS"] = b.Bytes()
}

func mapsKeys(m map[string][]byte) func(func(string) bool) {
	return func(yield func(string) bool) {
		for k := range m {
			if !yield(k) {
				return
			}
		}
	}
}

// TestHostile gives tars that no sealer made. None may be accepted, and none
// may lead out of the package.
func TestHostile(t *testing.T) {
	h, p := small(t)
	files, names := untar(t, h.plain(t, p))
	one := func(name string) []byte {
		all := slices.Clone(names)
		m := map[string][]byte{}
		for n, b := range files {
			m[n] = b
		}
		all, m[name] = append(all, name), []byte("x")
		return retar(t, m, all, p.SealedAt)
	}
	for name, b := range map[string][]byte{
		"climbs out":       one(p.ID + "/../../etc/passwd"),
		"absolute":         one("/etc/passwd"),
		"other folder":     one("GH-AAAA-AAAA/README.txt"),
		"twice":            one(p.ID + "/README.txt"),
		"hidden":           one(p.ID + "/.bashrc"),
		"backslash":        one(p.ID + "/a\\b"),
		"escape sequence":  one(p.ID + "/a\x1b[2J"),
		"deep":             one(p.ID + "/a/b/c/d/e/f"),
		"a film unlisted":  one(p.ID + "/original/z.mp4"),
		"not a tar":        bytes.Repeat([]byte("nonsense"), 1000),
		"an empty archive": make([]byte, 1024),
		"empty":            {},
	} {
		if _, err := verify(t, write(t, "p.tar", b), evidence.VerifyConfig{}); !errors.Is(err, evidence.ErrVerify) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := verify(t, filepath.Join(t.TempDir(), "nothing"), evidence.VerifyConfig{}); !errors.Is(err, evidence.ErrVerify) {
		t.Errorf("no such file: %v", err)
	}
}

func TestHostileFolder(t *testing.T) {
	h, p := small(t)
	files, _ := untar(t, h.plain(t, p))
	lay := func(t *testing.T) string {
		dir := t.TempDir()
		for n, b := range files {
			name := filepath.Join(dir, strings.TrimPrefix(n, p.ID))
			if err := errors.Join(os.MkdirAll(filepath.Dir(name), 0o700), os.WriteFile(name, b, 0o600)); err != nil {
				t.Fatal(err)
			}
		}
		return dir
	}
	if _, err := verify(t, lay(t), evidence.VerifyConfig{}); err != nil {
		t.Fatal(err)
	}
	outside := write(t, "outside", files[p.ID+"/README.txt"])
	for name, edit := range map[string]func(dir string) error{
		"missing": func(dir string) error { return os.Remove(filepath.Join(dir, "README.txt")) },
		"more":    func(dir string) error { return os.WriteFile(filepath.Join(dir, "more.txt"), nil, 0o600) },
		"link": func(dir string) error {
			return errors.Join(os.Remove(filepath.Join(dir, "README.txt")), os.Symlink(outside, filepath.Join(dir, "README.txt")))
		},
		"linked folder": func(dir string) error {
			return errors.Join(os.Rename(filepath.Join(dir, "request"), dir+"-request"), os.Symlink(dir+"-request", filepath.Join(dir, "request")))
		},
	} {
		dir := lay(t)
		if err := edit(dir); err != nil {
			t.Fatal(err)
		}
		if _, err := verify(t, dir, evidence.VerifyConfig{}); !errors.Is(err, evidence.ErrVerify) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

var update = flag.Bool("update", false, "seal the package in testdata anew: only for a new version of the format")

// kept is a package that was sealed once and is in the hands of an agency. Every
// later version must verify it.
func kept(t testing.TB) []byte {
	t.Helper()
	const name = "testdata/package-v1.tar"
	if *update {
		h, p := small(t)
		if err := errors.Join(os.MkdirAll("testdata", 0o755), os.WriteFile(name, h.plain(t, p), 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestKeptPackageVerifies(t *testing.T) {
	if _, err := verify(t, write(t, "p.tar", kept(t)), evidence.VerifyConfig{}); err != nil {
		t.Fatal(err)
	}
}

// FuzzVerify gives Verify tars that resemble packages. It must neither panic
// nor accept any but the one that was sealed.
func FuzzVerify(f *testing.F) {
	sealed := kept(f)
	f.Add(sealed)
	f.Add(sealed[:2048])
	files, names := untar(f, sealed)
	f.Add(retar(f, files, names[:6], zero))
	path := filepath.Join(f.TempDir(), "p.tar")
	f.Fuzz(func(t *testing.T, b []byte) {
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := verify(t, path, evidence.VerifyConfig{})
		if err == nil && !bytes.Equal(b, sealed) {
			t.Fatal("another package was accepted")
		}
	})
}
