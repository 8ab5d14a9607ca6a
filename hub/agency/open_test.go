package agency

import (
	"archive/tar"
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"filippo.io/age"
)

type member struct {
	name string
	kind byte
	body string
}

// sealed writes a tar of members, encrypted to the agency.
func (o office) sealed(t *testing.T, members ...member) string {
	t.Helper()
	var text bytes.Buffer
	w := tar.NewWriter(&text)
	for _, m := range members {
		h := &tar.Header{Name: m.name, Typeflag: m.kind, Size: int64(len(m.body)), Mode: 0o777, Linkname: "/etc/passwd"}
		if m.kind == tar.TypeReg {
			h.Linkname = ""
		}
		if err := w.WriteHeader(h); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write([]byte(m.body)); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return o.encrypted(t, text.Bytes())
}

func (o office) encrypted(t *testing.T, plain []byte) string {
	t.Helper()
	to, err := age.ParseX25519Recipient(o.profile.Recipients[0])
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	w, err := age.Encrypt(&b, to)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write(plain); err != nil {
		t.Fatal(err)
	}
	name := filepath.Join(t.TempDir(), "GH-7Q3M-K2XD.ghe")
	if err := errors.Join(w.Close(), os.WriteFile(name, b.Bytes(), 0o600)); err != nil {
		t.Fatal(err)
	}
	return name
}

func (o office) open(t *testing.T, sealed string) (string, error) {
	t.Helper()
	ids, err := LoadIdentities(o.dir)
	if err != nil {
		t.Fatal(err)
	}
	dest := filepath.Join(t.TempDir(), "out")
	return dest, OpenPackage(sealed, ids, dest)
}

const reg = byte(tar.TypeReg)

func TestOpenPackage(t *testing.T) {
	o := newOffice(t, "evidence.springfield.example")
	for _, prefix := range []string{"GH-7Q3M-K2XD/", ""} {
		dest, err := o.open(t, o.sealed(t,
			member{prefix + "README.txt", reg, "read me"}, member{prefix + "original/cam-A.mp4", reg, "video"}))
		if err != nil {
			t.Fatal(err)
		}
		for name, want := range map[string]string{"README.txt": "read me", "original/cam-A.mp4": "video"} {
			if got, err := os.ReadFile(filepath.Join(dest, name)); err != nil || string(got) != want {
				t.Errorf("%s: %q, %v", name, got, err)
			}
		}
	}
}

func TestOpenPackageRefusesAndLeavesNothing(t *testing.T) {
	o := newOffice(t, "evidence.springfield.example")
	many := make([]member, maxFiles+1)
	for i := range many {
		many[i] = member{"GH-7Q3M-K2XD/" + string(rune('a'+i%26)) + string(rune('a'+i/26)), reg, ""}
	}
	for name, members := range map[string][]member{
		"empty":           {},
		"climbing":        {{"../evil", reg, "x"}},
		"climbing inside": {{"GH-7Q3M-K2XD/../../evil", reg, "x"}},
		"absolute":        {{"/etc/evil", reg, "x"}},
		"symlink":         {{"GH-7Q3M-K2XD/passwd", tar.TypeSymlink, ""}},
		"hard link":       {{"GH-7Q3M-K2XD/passwd", tar.TypeLink, ""}},
		"device":          {{"GH-7Q3M-K2XD/null", tar.TypeChar, ""}},
		"two folders":     {{"GH-7Q3M-K2XD/a", reg, ""}, {"GH-AAAA-BBBB/a", reg, ""}},
		"twice":           {{"a", reg, "1"}, {"a", reg, "2"}},
		"backslash":       {{`a\..\b`, reg, "x"}},
		"file as folder":  {{"a", reg, "1"}, {"a/b", reg, "2"}},
		"too many":        many,
	} {
		if dest, err := o.open(t, o.sealed(t, members...)); err == nil {
			t.Errorf("%s was opened", name)
		} else if _, err := os.Stat(dest); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("%s left %v", name, err)
		}
	}
}

func TestOpenPackageNoticesACut(t *testing.T) {
	o := newOffice(t, "evidence.springfield.example")
	name := o.sealed(t, member{"GH-7Q3M-K2XD/a", reg, string(make([]byte, 200<<10))})
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	for _, cut := range []int{10, len(data) / 2, len(data) - 1} {
		if err := os.WriteFile(name, data[:cut], 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := o.open(t, name); err == nil {
			t.Errorf("%d of %d bytes were opened", cut, len(data))
		}
	}
	other := newOffice(t, "evidence.springfield.example")
	if err := os.WriteFile(name, data, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := other.open(t, name); err == nil {
		t.Error("another agency opened it")
	}
}

func FuzzUnpack(f *testing.F) {
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	_ = w.WriteHeader(&tar.Header{Name: "GH-7Q3M-K2XD/a", Typeflag: tar.TypeReg, Size: 1})
	_, _ = w.Write([]byte("x"))
	_ = w.Close()
	f.Add(b.Bytes())
	f.Fuzz(func(t *testing.T, data []byte) {
		parent := t.TempDir()
		dest := filepath.Join(parent, "out")
		if err := os.Mkdir(dest, 0o700); err != nil {
			t.Fatal(err)
		}
		_ = unpack(bytes.NewReader(data), dest)
		if left, err := os.ReadDir(parent); err != nil || len(left) != 1 {
			t.Fatalf("something was written beside: %v %v", left, err)
		}
	})
}
