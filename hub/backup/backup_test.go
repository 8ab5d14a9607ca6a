package backup

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

const pass = "five plain old words"

var made = time.Date(2026, 11, 24, 0, 0, 0, 0, time.UTC)

var some = []Source{
	{Name: "gatehouse.yml", Data: []byte("listen: 127.0.0.1:0\n")},
	{Name: "agencies/police.example.yml", Data: []byte("agency: police.example\n")},
	{Name: House, Data: bytes.Repeat([]byte("row "), 50000)},
	{Name: "keys/hub.key", Data: []byte("seed\n")},
	{Name: "homekit/doorbell.json"},
}

func archive(t testing.TB, list []Source) []byte {
	t.Helper()
	var b bytes.Buffer
	if _, err := write(&b, pass, 8, Manifest{Program: "test", Made: made, Checkpoint: "signed"}, list); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func files(t *testing.T, dir string) map[string]string {
	t.Helper()
	out := map[string]string{}
	err := fs.WalkDir(os.DirFS(dir), ".", func(name string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			var text []byte
			text, err = os.ReadFile(filepath.Join(dir, name))
			out[name] = string(text)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestThereAndBack(t *testing.T) {
	dir, want := t.TempDir(), map[string]string{}
	for _, s := range some {
		want[s.Name] = string(s.Data)
	}
	m, err := Restore(bytes.NewReader(archive(t, some)), pass, dir, func(staged string, m Manifest) error {
		if diff := cmp.Diff(want, files(t, staged)); diff != "" || m.Checkpoint != "signed" {
			t.Errorf("%+v\n%s", m, diff)
		}
		return nil
	})
	if err != nil || !m.Made.Equal(made) {
		t.Fatal(m, err)
	}
	if diff := cmp.Diff(want, files(t, dir)); diff != "" {
		t.Error(diff)
	}
	if list, err := os.ReadDir(dir); err != nil || len(list) != 5 {
		t.Errorf("%v, %v", list, err)
	}
	if _, err := Restore(bytes.NewReader(nil), pass, dir, nil); !errors.Is(err, ErrNotEmpty) {
		t.Errorf("into a folder with files: %v", err)
	}
}

// TestEveryByteCounts: whatever byte is changed or missing, the folder stays
// empty and the error is one of the backup's.
func TestEveryByteCounts(t *testing.T) {
	whole := archive(t, some[:3])
	whole = whole[:len(whole):len(whole)]
	refuse := func(name string, text []byte) {
		t.Helper()
		dir := t.TempDir()
		_, err := Restore(bytes.NewReader(text), pass, dir, func(string, Manifest) error { return errors.New("it came to the check") })
		list, _ := os.ReadDir(dir)
		if !errors.Is(err, ErrDamaged) && !errors.Is(err, ErrPassphrase) || len(list) > 0 {
			t.Errorf("%s: %v, left %v", name, err, list)
		}
	}
	step := len(whole)/150 + 1
	for i := 0; i < len(whole); i += step {
		changed := bytes.Clone(whole)
		changed[i] ^= 1
		refuse("changed", changed)
		refuse("cut", whole[:i])
	}
	refuse("cut", whole[:len(whole)-1])
	refuse("longer", append(whole, 0))
	if _, err := Read(bytes.NewReader(whole), pass+"s", nil); !errors.Is(err, ErrPassphrase) {
		t.Errorf("another passphrase: %v", err)
	}
	if _, err := Write(io.Discard, "elevenchars", Manifest{Made: made}, some); !errors.Is(err, ErrWeak) {
		t.Errorf("a weak passphrase: %v", err)
	}
}

// TestFailedRestoreLeavesNothing: the check says no, or something is in the way.
func TestFailedRestoreLeavesNothing(t *testing.T) {
	text, no := archive(t, some), errors.New("no")
	dir := t.TempDir()
	if _, err := Restore(bytes.NewReader(text), pass, dir, func(string, Manifest) error { return no }); !errors.Is(err, no) {
		t.Errorf("%v", err)
	}
	if got := files(t, dir); len(got) != 0 {
		t.Errorf("left %v", got)
	}
	_, err := Restore(bytes.NewReader(text), pass, dir, func(string, Manifest) error {
		return os.WriteFile(filepath.Join(dir, "keys"), []byte("mine"), 0o600)
	})
	if got := files(t, dir); !errors.Is(err, ErrNotEmpty) || len(got) != 1 || got["keys"] != "mine" {
		t.Errorf("%v, left %v", err, slices.Collect(maps.Keys(got)))
	}
}

// hostile is a tar as somebody with the passphrase could make it.
func hostile(t testing.TB, list []tar.Header, bodies []string, edit func(*Manifest)) []byte {
	t.Helper()
	m := Manifest{Backup: Version, Made: made}
	for i, h := range list {
		sum := sha256.Sum256([]byte(bodies[i]))
		m.Files = append(m.Files, File{h.Name, int64(len(bodies[i])), hex.EncodeToString(sum[:])})
	}
	if edit != nil {
		edit(&m)
	}
	text, err := json.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	put := func(h tar.Header, body string) {
		if h.Typeflag == 0 {
			h.Typeflag = tar.TypeReg
		}
		if h.Typeflag == tar.TypeReg {
			h.Size = int64(len(body))
		}
		if err := w.WriteHeader(&h); err != nil {
			t.Fatal(err)
		}
		if h.Typeflag == tar.TypeReg {
			if _, err := io.WriteString(w, body); err != nil {
				t.Fatal(err)
			}
		}
	}
	put(tar.Header{Name: manifestName}, string(text))
	for i, h := range list {
		put(h, bodies[i])
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestHostileArchives(t *testing.T) {
	db := tar.Header{Name: House}
	for name, c := range map[string]struct {
		list []tar.Header
		edit func(*Manifest)
	}{
		"up":              {[]tar.Header{db, {Name: "../gatehouse.yml"}}, nil},
		"inside up":       {[]tar.Header{db, {Name: "agencies/../../x.yml"}}, nil},
		"absolute":        {[]tar.Header{db, {Name: "/gatehouse.yml"}}, nil},
		"drive":           {[]tar.Header{db, {Name: "agencies/c:.yml"}}, nil},
		"backslash":       {[]tar.Header{db, {Name: `agencies/..\x.yml`}}, nil},
		"hidden":          {[]tar.Header{db, {Name: "agencies/.yml"}}, nil},
		"not kept":        {[]tar.Header{db, {Name: "ledger.checkpoint"}}, nil},
		"a lock":          {[]tar.Header{db, {Name: "lock"}}, nil},
		"unknown":         {[]tar.Header{db, {Name: "run.sh"}}, nil},
		"deep":            {[]tar.Header{db, {Name: "agencies/a/b.yml"}}, nil},
		"a folder":        {[]tar.Header{db, {Name: "keys/hub.key", Typeflag: tar.TypeDir}}, nil},
		"symbolic link":   {[]tar.Header{db, {Name: "keys/hub.key", Typeflag: tar.TypeSymlink, Linkname: "/etc/passwd"}}, nil},
		"hard link":       {[]tar.Header{db, {Name: "keys/hub.key", Typeflag: tar.TypeLink, Linkname: House}}, nil},
		"fifo":            {[]tar.Header{db, {Name: "keys/hub.key", Typeflag: tar.TypeFifo}}, nil},
		"twice":           {[]tar.Header{db, db}, nil},
		"twice in cases":  {[]tar.Header{db, {Name: "agencies/a.yml"}, {Name: "agencies/A.yml"}}, nil},
		"no database":     {[]tar.Header{{Name: "gatehouse.yml"}}, nil},
		"PAX":             {[]tar.Header{{Name: House, PAXRecords: map[string]string{"GATEHOUSE.x": "y"}}}, nil},
		"a file less":     {[]tar.Header{db}, func(m *Manifest) { m.Files = nil }},
		"a file more":     {[]tar.Header{db}, func(m *Manifest) { m.Files = append(m.Files, File{"gatehouse.yml", 1, m.Files[0].SHA256}) }},
		"another digest":  {[]tar.Header{db}, func(m *Manifest) { m.Files[0].SHA256 = strings.Repeat("00", 32) }},
		"no digest":       {[]tar.Header{db}, func(m *Manifest) { m.Files[0].SHA256 = "" }},
		"another size":    {[]tar.Header{db}, func(m *Manifest) { m.Files[0].Size++ }},
		"negative":        {[]tar.Header{db}, func(m *Manifest) { m.Files[0].Size = -1 }},
		"too large":       {[]tar.Header{db}, func(m *Manifest) { m.Files[0].Size = maxLarge + 1 }},
		"large, for that": {[]tar.Header{db}, func(m *Manifest) { m.Files = append(m.Files, File{"gatehouse.yml", maxSmall + 1, m.Files[0].SHA256}) }},
		"no version":      {[]tar.Header{db}, func(m *Manifest) { m.Backup = 0 }},
		"too many":        {[]tar.Header{db}, func(m *Manifest) { m.Files = slices.Repeat(m.Files, maxFiles+1) }},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			root, err := os.OpenRoot(dir)
			if err != nil {
				t.Fatal(err)
			}
			defer root.Close()
			_, err = unpack(bytes.NewReader(hostile(t, c.list, slices.Repeat([]string{"x"}, len(c.list)), c.edit)),
				func(f File) (io.WriteCloser, error) { return create(root, f.Name) })
			if !errors.Is(err, ErrDamaged) {
				t.Errorf("%v", err)
			}
		})
	}
	later := hostile(t, []tar.Header{db}, []string{"x"}, func(m *Manifest) { m.Backup = Version + 1 })
	if _, err := unpack(bytes.NewReader(later), nil); !errors.Is(err, ErrVersion) {
		t.Errorf("a later form: %v", err)
	}
}

// TestCollect: what is kept is kept, what is left is left, and what nobody
// decided about is told.
func TestCollect(t *testing.T) {
	data := t.TempDir()
	for _, name := range []string{
		"gatehouse.yml", ".gatehouse.yml.123.tmp", "agencies/a.example.yml", "agencies/notes.txt", "keys/hub.key", "keys/owner.age", "https/root.crt",
		"https/root.key", "https/damaged-1/root.key", "homekit/setup.json", "house.db", "house.db-wal", "index.db", "index.db-shm",
		"ledger.checkpoint", "lock", "inbox/done/x.ghb", "sealed/GH-AAAA.ghe", "disk1/porch/x.mp4", "footage/porch/x.mp4", "new.thing", Staging + "7/house.db",
	} {
		path := filepath.Join(data, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o700), os.WriteFile(path, []byte(name), 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	for packages, want := range map[bool][]string{
		false: {"agencies/a.example.yml", "gatehouse.yml", "homekit/setup.json", "https/root.crt", "https/root.key", "keys/hub.key", "keys/owner.age"},
		true: {
			"agencies/a.example.yml", "gatehouse.yml", "homekit/setup.json", "https/root.crt", "https/root.key", "keys/hub.key", "keys/owner.age",
			"sealed/GH-AAAA.ghe",
		},
	} {
		list, strange, err := Collect(data, packages, []string{"disk1"})
		var got []string
		for _, s := range list {
			got = append(got, s.Name)
			if !mayHold(s.Name) {
				t.Errorf("%s would not be read back", s.Name)
			}
		}
		if diff := cmp.Diff(want, got); diff != "" || err != nil {
			t.Errorf("%v\n%s", err, diff)
		}
		if diff := cmp.Diff([]string{"agencies/notes.txt", "new.thing"}, strange); diff != "" {
			t.Error(diff)
		}
	}
}

func FuzzBackup(f *testing.F) {
	f.Add(hostile(f, []tar.Header{{Name: House}, {Name: "keys/hub.key"}}, []string{"rows", "seed"}, nil))
	f.Add(hostile(f, []tar.Header{{Name: House, Typeflag: tar.TypeSymlink, Linkname: "/etc"}}, []string{""}, nil))
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, text []byte) {
		var got int64
		m, err := unpack(bytes.NewReader(text), func(f File) (io.WriteCloser, error) {
			if !mayHold(f.Name) || !filepath.IsLocal(f.Name) {
				t.Fatalf("%q is handed over", f.Name)
			}
			return counter{&got}, nil
		})
		if got > int64(len(text)) {
			t.Fatalf("%d bytes of %d", got, len(text))
		}
		if err == nil && (m.check() != nil || m.Backup != Version) {
			t.Fatalf("%+v", m)
		}
	})
}

type counter struct{ n *int64 }

func (c counter) Write(p []byte) (int, error) { *c.n += int64(len(p)); return len(p), nil }
func (c counter) Close() error                { return nil }
