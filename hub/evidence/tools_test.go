package evidence_test

import (
	"bytes"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"gatehouse/hub/bulletin/bulletintest"
	"gatehouse/hub/evidence"
)

// byTools checks a package with testdata/verify.sh, which shares no code with Verify.
func byTools(t testing.TB, args ...string) (string, error) {
	t.Helper()
	cmd := exec.Command("testdata/verify.sh", args...)
	cmd.Env = append(os.Environ(), "TMPDIR="+t.TempDir())
	out, err := cmd.CombinedOutput()
	var exit *exec.ExitError
	if err != nil && (!errors.As(err, &exit) || exit.ExitCode() != 1 || !bytes.Contains(out, []byte("FAILED"))) {
		t.Fatalf("the script itself failed: %v\n%s", err, out)
	}
	return string(out), err
}

func TestVerifiedByCommonTools(t *testing.T) {
	h, p := typical(t)
	identity := write(t, "key.txt", []byte(h.agency.Identity.String()+"\n"))
	hub := hex.EncodeToString(h.cfg.Key.Public().(ed25519.PublicKey))
	out, err := byTools(t, p.Path, identity, hub)
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for _, what := range []string{"age", "sums", "manifest", "request"} {
		if !strings.Contains(out, "ok      "+what+":") {
			t.Errorf("nothing is said of %s:\n%s", what, out)
		}
	}
	other := hex.EncodeToString(bulletintest.Key(t).Public().(ed25519.PublicKey))
	if out, err := byTools(t, p.Path, identity, other); err == nil || !strings.Contains(out, "another recorder") {
		t.Errorf("another hub was asked for: %v\n%s", err, out)
	}
	if out, err := byTools(t, p.Path, write(t, "key.txt", []byte(bulletintest.New(t, h.now).Identity.String()+"\n"))); err == nil {
		t.Errorf("opened with a stranger's key:\n%s", out)
	}
}

// TestCommonToolsNoticeTampering gives the script what was changed on the way or
// by a hub that lies.
func TestCommonToolsNoticeTampering(t *testing.T) {
	h, p := small(t)
	files, names := untar(t, h.plain(t, p))
	key := func(n string) string { return p.ID + "/" + n }
	type pack = map[string][]byte
	resign := func(f pack) {
		if err := evidence.Resign(t.Context(), h.cfg.Key, p.ID, f); err != nil {
			t.Fatal(err)
		}
	}
	for _, v := range []struct {
		name, says string
		edit       func(f pack)
	}{
		{"as it was, packed anew", "", func(pack) {}},
		{"signed anew", "", resign},
		{"a picture", "sums", func(f pack) { f[key(p.Files[0].Name)][5000] ^= 4 }},
		{"a picture, sums mended", "manifest: its subjects", func(f pack) { f[key(p.Files[0].Name)][5000] ^= 4; mend(f, p.ID) }},
		{"the certificate, sums mended", "manifest: its subjects", func(f pack) { f[key("certificate.pdf")][99] ^= 4; mend(f, p.ID) }},
		{"a file less, sums mended", "manifest: its subjects", func(f pack) { delete(f, key("custody/events.jsonl")); mend(f, p.ID) }},
		{"a file less", "sums", func(f pack) { delete(f, key("custody/events.jsonl")) }},
		{"a line less", "sums", func(f pack) {
			n := key("SHA256SUMS")
			f[n] = f[n][bytes.IndexByte(f[n], '\n')+1:]
		}},
		{"the manifest's payload", "manifest: its signature", func(f pack) {
			editPayload(t, f, key("manifest.dsse.json"), `"software": "gatehouse test"`, `"software": "gatehouse Test"`)
			mend(f, p.ID)
		}},
		{"an officer's signature taken off", "request: not signed by one officer", func(f pack) { signature(t, f, key("request/request.dsse.json"), 0); resign(f) }},
		{"a supervisor's signature taken off", "request: not signed by one officer", func(f pack) { signature(t, f, key("request/request.dsse.json"), 1); resign(f) }},
		{"the request's words", "request: not signed by one officer", func(f pack) {
			editPayload(t, f, key("request/request.dsse.json"), "Elm Street", "Oak Street")
			resign(f)
		}},
		{"the profile's words", "request: the profile lacks", func(f pack) {
			editPayload(t, f, key("request/profile.dsse.json"), "Springfield Police", "Shelbyville Police")
			resign(f)
		}},
		{"another request", "request: not the one", func(f pack) {
			f[key("request/request.dsse.json")] = h.agency.Sign(t, h.agency.Request(t, h.now))
			resign(f)
		}},
		{"another agency", "request", func(f pack) {
			f[key("request/profile.dsse.json")] = bulletintest.New(t, h.now).Envelope
			resign(f)
		}},
	} {
		t.Run(v.name, func(t *testing.T) {
			changed := pack{}
			for n, b := range files {
				changed[n] = bytes.Clone(b)
			}
			v.edit(changed)
			var left []string
			for _, n := range names {
				if changed[n] != nil {
					left = append(left, n)
				}
			}
			out, err := byTools(t, write(t, "p.tar", retar(t, changed, left, p.SealedAt)))
			if (err == nil) != (v.says == "") || !strings.Contains(out, "FAILED  "+v.says) && v.says != "" {
				t.Errorf("%v, want %q:\n%s", err, v.says, out)
			}
		})
	}
}

// editPayload replaces words in an envelope's payload and leaves the signatures.
func editPayload(t testing.TB, f map[string][]byte, name, from, to string) {
	t.Helper()
	var env map[string]any
	if err := json.Unmarshal(f[name], &env); err != nil {
		t.Fatal(err)
	}
	payload, err := base64.StdEncoding.DecodeString(env["payload"].(string))
	if err != nil || !bytes.Contains(payload, []byte(from)) {
		t.Fatalf("%q is not in the payload, %v", from, err)
	}
	env["payload"] = base64.StdEncoding.EncodeToString(bytes.ReplaceAll(payload, []byte(from), []byte(to)))
	if f[name], err = json.Marshal(env); err != nil {
		t.Fatal(err)
	}
}

// signature takes one off an envelope.
func signature(t testing.TB, f map[string][]byte, name string, i int) {
	t.Helper()
	var env map[string]any
	err := json.Unmarshal(f[name], &env)
	if err != nil {
		t.Fatal(err)
	}
	list := env["signatures"].([]any)
	env["signatures"] = append(list[:i:i], list[i+1:]...)
	if f[name], err = json.Marshal(env); err != nil {
		t.Fatal(err)
	}
}

// TestCommonToolsNoticeBits flips bits of the sealed file, and of the plain files.
func TestCommonToolsNoticeBits(t *testing.T) {
	h, p := small(t)
	identity := write(t, "key.txt", []byte(h.cfg.Owner.String()+"\n"))
	sealed, err := os.ReadFile(p.Path)
	if err != nil {
		t.Fatal(err)
	}
	r := rand.New(rand.NewPCG(5, 6))
	for range 10 {
		b := bytes.Clone(sealed)
		at := r.IntN(len(b))
		b[at] ^= 1 << r.IntN(8)
		if out, err := byTools(t, write(t, "p.ghe", b), identity); err == nil {
			t.Errorf("a bit of byte %d:\n%s", at, out)
		}
	}
	files, _ := untar(t, h.plain(t, p))
	dir := t.TempDir()
	for n, b := range files {
		name := filepath.Join(dir, n)
		if err := errors.Join(os.MkdirAll(filepath.Dir(name), 0o700), os.WriteFile(name, b, 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	if out, err := byTools(t, filepath.Join(dir, p.ID)); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	sums := filepath.Join(dir, p.ID, "SHA256SUMS")
	whole := files[p.ID+"/SHA256SUMS"]
	letter := bytes.IndexAny(whole, "abcdef")
	capital := bytes.Clone(whole)
	capital[letter] ^= 0x20 // sha256sum takes capitals as well
	if err := os.WriteFile(sums, capital, 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := byTools(t, filepath.Join(dir, p.ID)); err == nil {
		t.Errorf("a capital in SHA256SUMS:\n%s", out)
	}
	if err := os.WriteFile(sums, whole, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, n := range slices.Sorted(maps.Keys(files)) {
		b := files[n]
		changed := bytes.Clone(b)
		changed[r.IntN(len(changed))] ^= 1 << r.IntN(8)
		if err := os.WriteFile(filepath.Join(dir, n), changed, 0o600); err != nil {
			t.Fatal(err)
		}
		if out, err := byTools(t, filepath.Join(dir, p.ID)); err == nil {
			t.Errorf("a bit of %s:\n%s", n, out)
		}
		if err := os.WriteFile(filepath.Join(dir, n), b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}
