package evidence_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"filippo.io/age"

	"gatehouse/hub/clip"
	"gatehouse/hub/evidence"
	"gatehouse/hub/internal/mp4/mp4test"
	"gatehouse/hub/ledger"
	"gatehouse/hub/recording"
	"gatehouse/rtsp"
)

func TestSeal(t *testing.T) {
	h, p := typical(t)
	if !regexp.MustCompile(`^GH-[0-9A-Z]{4}-[0-9A-Z]{4}$`).MatchString(p.ID) || filepath.Base(p.Path) != p.ID+".ghe" {
		t.Errorf("package %s at %s", p.ID, p.Path)
	}
	sealed, err := os.ReadFile(p.Path)
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(sealed)
	if p.Digest != hex.EncodeToString(sum[:]) || p.Bytes != int64(len(sealed)) {
		t.Error("digest or size is not the file's")
	}
	info, err := os.Stat(p.Path)
	if err != nil || info.Mode().Perm() != 0o400 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	files, names := untar(t, h.plain(t, p))
	if !slices.IsSorted(names) {
		t.Errorf("not sorted: %v", names)
	}
	want := []string{
		"README.txt", "SHA256SUMS", "certificate.pdf", "custody/cam-A.proof", "custody/cam-B.proof", "custody/events.jsonl",
		"custody/recordings.jsonl", "manifest.dsse.json",
		"original/cam-A_20261121T210003Z_20261121T210011Z.mp4", "original/cam-A_20261121T210005Z_20261121T210007Z.mp4",
		"original/cam-A_20261121T210023Z_20261121T210029Z.mp4", "original/cam-B_20261121T210003Z_20261121T210009Z.mp4",
		"request/profile.dsse.json", "request/request.dsse.json", "request/request.tlog-proof",
	}
	for i := range want {
		want[i] = p.ID + "/" + want[i]
	}
	if !slices.Equal(names, want) {
		t.Errorf("files\n%s\nwant\n%s", strings.Join(names, "\n"), strings.Join(want, "\n"))
	}
	if len(p.Files) != 4 || p.Files[0].Camera != porch || p.Files[0].Alias != "cam-A" || !p.Files[0].Audio || p.Files[3].Audio {
		t.Errorf("%+v", p.Files)
	}
	for _, f := range p.Files {
		b := files[p.ID+"/"+f.Name]
		sum := sha256.Sum256(b)
		if f.SHA256 != hex.EncodeToString(sum[:]) || f.Bytes != int64(len(b)) {
			t.Errorf("%s: digest or size", f.Name)
		}
	}
	events := files[p.ID+"/custody/events.jsonl"]
	if n := bytes.Count(events, []byte("\n")); n != 2 || bytes.Contains(events, []byte(ledger.Shown)) {
		t.Errorf("%d events, want how the request came and not that it was looked at:\n%s", n, events)
	}
	if !bytes.Equal(files[p.ID+"/request/request.dsse.json"], h.order.Envelope) {
		t.Error("the request is not what was asked")
	}
}

// TestNothingOfTheHome greps a whole package for what must not be in it.
func TestNothingOfTheHome(t *testing.T) {
	h, p := typical(t)
	plain := h.plain(t, p)
	files, _ := untar(t, plain)
	var manifest struct{ Payload []byte }
	if err := json.Unmarshal(files[p.ID+"/manifest.dsse.json"], &manifest); err != nil {
		t.Fatal(err)
	}
	plain = append(plain, manifest.Payload...)
	disk, err := filepath.Abs(h.cfg.Dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, word := range []string{porch, yard, "quirrel", "192.0.2.7", disk, "Not this one", "package.sealed", `"main"`} {
		if i := bytes.Index(plain, []byte(word)); i >= 0 {
			t.Errorf("%q is in the package: …%q…", word, plain[max(0, i-80):i+40])
		}
	}
	if !bytes.Contains(plain, []byte("request.received")) || !bytes.Contains(plain, []byte(`"reason": "closed"`)) {
		t.Error("ledger entries or gaps are missing: the search proves nothing")
	}
}

func TestSealRefuses(t *testing.T) {
	f := mp4test.Make(t, mp4test.Shot{Video: rtsp.H264, Seconds: 2, Start: zero})
	h := newHome(t, map[string][]rtsp.Item{porch: items(f)})
	hybrid, err := age.GenerateHybridIdentity()
	if err != nil {
		t.Fatal(err)
	}
	for name, v := range map[string]struct {
		edit func(*evidence.Order)
		want error
	}{
		"post-quantum recipient": {func(o *evidence.Order) { o.Recipient = hybrid.Recipient().String() }, evidence.ErrRecipient},
		"no recipient":           {func(o *evidence.Order) { o.Recipient = "" }, evidence.ErrRecipient},
		"ssh recipient":          {func(o *evidence.Order) { o.Recipient = "ssh-ed25519 AAAA" }, evidence.ErrRecipient},
		"no clips":               {func(o *evidence.Order) { o.Clips = nil }, clip.ErrNoFootage},
		"no footage":             {func(o *evidence.Order) { o.Clips = []evidence.Selection{choose(porch, 100, 200, false)} }, clip.ErrNoFootage},
		"one without footage": {func(o *evidence.Order) {
			o.Clips = append(o.Clips, choose("nowhere", 0, 2, false))
		}, clip.ErrNoFootage},
	} {
		o := h.order
		o.Clips = []evidence.Selection{choose(porch, 0, 2, false)}
		v.edit(&o)
		if _, err := h.Seal(t.Context(), o); !errors.Is(err, v.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	o := h.order
	o.Clips = []evidence.Selection{choose(porch, 0, 2, false)}
	if _, err := h.Seal(ended, o); !errors.Is(err, context.Canceled) {
		t.Errorf("ended: %v", err)
	}
	left, err := filepath.Glob(filepath.Join(h.cfg.Dir, "*"))
	hidden, err2 := filepath.Glob(filepath.Join(h.cfg.Dir, ".*"))
	if err != nil || err2 != nil || len(left)+len(hidden) > 0 {
		t.Errorf("left behind: %v %v", left, hidden)
	}
}

func TestSealSweepsAfterACrash(t *testing.T) {
	f := mp4test.Make(t, mp4test.Shot{Video: rtsp.H264, Seconds: 2, Start: zero})
	h := newHome(t, map[string][]rtsp.Item{porch: items(f)})
	if err := os.MkdirAll(h.cfg.Dir, 0o700); err != nil {
		t.Fatal(err)
	}
	stale := filepath.Join(h.cfg.Dir, ".GH-123.tmp")
	if err := os.WriteFile(stale, []byte("half"), 0o600); err != nil {
		t.Fatal(err)
	}
	h.seal(t, choose(porch, 0, 2, false))
	if _, err := os.Stat(stale); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("%v", err)
	}
}

func TestPreviewIsTheSealedFile(t *testing.T) {
	h, p := typical(t)
	files, _ := untar(t, h.plain(t, p))
	v, err := h.Open(p)
	if err != nil {
		t.Fatal(err)
	}
	defer v.Close()
	if len(v.Names()) != len(files) {
		t.Errorf("%v", v.Names())
	}
	for _, name := range v.Names() {
		r, err := v.File(name)
		if err != nil {
			t.Fatal(err)
		}
		if want := files[p.ID+"/"+name]; len(want) < 1<<17 {
			if err := iotest.TestReader(r, want); err != nil {
				t.Fatalf("%s: %v", name, err)
			}
		} else if got, err := io.ReadAll(r); err != nil || !bytes.Equal(got, want) {
			t.Fatalf("%s: %v", name, err)
		}
	}
	if _, err := v.File("../" + p.ID); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("%v", err)
	}
}

func TestOpenRefusesAnotherFile(t *testing.T) {
	h, p := typical(t)
	if v, err := h.Open(p); err != nil {
		t.Fatal(err)
	} else if err := v.Close(); err != nil {
		t.Fatal(err)
	}
	wrong := p
	wrong.Digest = strings.Repeat("0", 64)
	if _, err := h.Open(wrong); !errors.Is(err, evidence.ErrDigest) {
		t.Errorf("another digest: %v", err)
	}
	info, err := os.Stat(p.Path)
	if err != nil {
		t.Fatal(err)
	}
	sealed, err := os.ReadFile(p.Path)
	if err != nil {
		t.Fatal(err)
	}
	sealed[len(sealed)/2] ^= 1
	if err := errors.Join(os.Chmod(p.Path, 0o600), os.WriteFile(p.Path, sealed, 0o600),
		os.Chtimes(p.Path, info.ModTime(), info.ModTime())); err != nil {
		t.Fatal(err)
	}
	if _, err := h.Open(p); !errors.Is(err, evidence.ErrDigest) {
		t.Errorf("changed since it was opened, its time set back: %v", err)
	}
	if err := errors.Join(h.Discard(p), h.Discard(p)); err != nil {
		t.Error(err)
	}
	if _, err := h.Open(p); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("discarded: %v", err)
	}
}

// TestCommonTools opens a package as its README says, without our code.
func TestCommonTools(t *testing.T) {
	h, p := typical(t)
	dir := t.TempDir()
	for who, id := range map[string]*age.X25519Identity{"agency": h.agency.Identity, "owner": h.cfg.Owner} {
		at := filepath.Join(dir, who)
		if err := os.Mkdir(at, 0o700); err != nil {
			t.Fatal(err)
		}
		key := write(t, "key.txt", []byte(id.String()+"\n"))
		run(t, at, "age", "-d", "-i", key, "-o", "p.tar", p.Path)
		run(t, at, "tar", "-xf", "p.tar")
		run(t, filepath.Join(at, p.ID), "sha256sum", "--strict", "-c", "SHA256SUMS")
		for _, f := range p.Files {
			if n := mp4test.Decode(t, filepath.Join(at, p.ID, f.Name)); n < 30 {
				t.Errorf("%s: %d pictures", f.Name, n)
			}
		}
		if _, err := verify(t, filepath.Join(at, p.ID), evidence.VerifyConfig{}); err != nil {
			t.Errorf("folder: %v", err)
		}
		if _, err := verify(t, filepath.Join(at, "p.tar"), evidence.VerifyConfig{}); err != nil {
			t.Errorf("tar: %v", err)
		}
	}
	list := run(t, dir, "tar", "-tvf", "agency/p.tar", "--numeric-owner")
	for line := range strings.Lines(list) {
		if !strings.HasPrefix(line, "-rw-r--r-- 0/0 ") || !strings.Contains(line, "2026-11-21 22:00") {
			t.Errorf("not deterministic: %s", line)
		}
	}
}

func run(t *testing.T, dir, name string, args ...string) string {
	t.Helper()
	cmd := exec.Command(name, args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "TZ=UTC", "LC_ALL=C")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v\n%s", name, err, out)
	}
	return string(out)
}

// TestWhileRecording seals footage whose segment is still being written. A
// camera that goes on has it closed; one that keeps silent leaves it open.
func TestWhileRecording(t *testing.T) {
	for name, c := range map[string]struct {
		goesOn bool
		told   string
	}{
		"goes on": {true, "1 recorded segments give their roots and links"},
		"silent":  {false, "still being written"},
	} {
		t.Run(name, func(t *testing.T) { sealWhileRecording(t, c.goesOn, c.told) })
	}
}

func sealWhileRecording(t *testing.T, goesOn bool, told string) {
	f := mp4test.Make(t, mp4test.Shot{Video: rtsp.H264, Seconds: 12, Start: zero})
	h := newHome(t, nil)
	h.SetPatience(300 * time.Millisecond)
	ctx, cancel := context.WithCancel(t.Context())
	run, synced := make(chan error, 1), make(chan error, 1)
	go func() { synced <- h.archive.Run(ctx) }()
	list := items(f)
	half := len(list) * 2 / 3
	open := &waiting{script: script{list[:half]}, rest: list[half:], more: make(chan struct{})}
	go func() { run <- h.archive.Recorder(porch, recording.Main, open).Run(ctx) }()
	defer func() {
		cancel()
		if err := errors.Join(<-run, <-synced); err != nil {
			t.Error(err)
		}
	}()
	for i := 0; ; i++ {
		rows, err := h.archive.Segments(ctx, porch, recording.Main, zero, zero.Add(time.Hour))
		if err != nil {
			t.Fatal(err)
		}
		if len(rows) == 1 && rows[0].State == recording.Open && rows[0].Duration >= 4*time.Second {
			break
		}
		if i > 200 {
			t.Fatalf("nothing durable: %+v", rows)
		}
		time.Sleep(50 * time.Millisecond)
	}
	if goesOn {
		h.SetPatience(time.Minute)
		time.AfterFunc(200*time.Millisecond, func() { close(open.more) })
	}
	p := h.seal(t, choose(porch, 0, 4, false))
	results, err := verify(t, p.Path, evidence.VerifyConfig{Identities: []age.Identity{h.agency.Identity}})
	if err != nil {
		t.Fatal(err)
	}
	if i := slices.IndexFunc(results, func(r evidence.Result) bool { return r.What == "chain" }); !strings.Contains(results[i].Text, told) {
		t.Errorf("%+v", results[i])
	}
}

// waiting is a camera that stays connected and sends the rest only when told.
type waiting struct {
	script
	rest []rtsp.Item
	more chan struct{}
}

func (w *waiting) Next(ctx context.Context) (rtsp.Item, error) {
	if len(w.items) == 0 {
		select {
		case <-ctx.Done():
			return rtsp.Item{}, ctx.Err()
		case <-w.more:
			w.items, w.rest, w.more = w.rest, nil, nil
		}
	}
	if len(w.items) == 0 {
		<-ctx.Done()
		return rtsp.Item{}, ctx.Err()
	}
	return w.script.Next(ctx)
}
