package homekit

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"testing"
	"testing/iotest"

	"github.com/brutella/hap/characteristic"
)

func newPair(t testing.TB) (in, out *framer) {
	t.Helper()
	secret := []byte("a secret that both sides know")
	in, err := newFramer(secret, "Control-Read-Encryption-Key")
	if err != nil {
		t.Fatal(err)
	}
	if out, err = newFramer(secret, "Control-Read-Encryption-Key"); err != nil {
		t.Fatal(err)
	}
	return in, out
}

func reader(r io.Reader, f *framer, budget int) *secureReader {
	return &secureReader{src: bufio.NewReader(r), frames: f, budget: budget}
}

func TestFramesAreReadInAnyPieces(t *testing.T) {
	for _, n := range []int{1, 1023, 1024, 1025, 2048, 5000} {
		in, out := newPair(t)
		plain := bytes.Repeat([]byte("x"), n)
		wire := out.seal(plain)
		if want := n + (n+frameMax-1)/frameMax*18; len(wire) != want {
			t.Errorf("%d bytes are %d on the wire, want %d", n, len(wire), want)
		}
		got, err := io.ReadAll(reader(iotest.OneByteReader(bytes.NewReader(wire)), in, n+1))
		if err != nil || !bytes.Equal(got, plain) {
			t.Errorf("%d bytes: %d came back, %v", n, len(got), err)
		}
	}
}

func TestFramesRefuseWhatIsNotTheirs(t *testing.T) {
	two := func(out *framer) (a, b []byte) { return out.seal([]byte("one")), out.seal([]byte("two")) }
	for name, spoil := range map[string]func(a, b []byte) []byte{
		"changed":   func(a, b []byte) []byte { a[4] ^= 1; return a },
		"swapped":   func(a, b []byte) []byte { return append(b, a...) },
		"repeated":  func(a, b []byte) []byte { return append(append([]byte{}, a...), a...) },
		"shortened": func(a, b []byte) []byte { return append(a, b[:len(b)-1]...) },
		"length":    func(a, b []byte) []byte { a[0]--; return a },
		"empty":     func(a, b []byte) []byte { return []byte{0, 0, 1, 2, 3} },
		"too long":  func(a, b []byte) []byte { return append([]byte{1, 4}, make([]byte, 2000)...) },
	} {
		in, out := newPair(t)
		if got, err := io.ReadAll(reader(bytes.NewReader(spoil(two(out))), in, 1000)); err == nil {
			t.Errorf("%s: read %q", name, got)
		}
	}
	in, out := newPair(t)
	head := []byte{1, 4} // 1025, sealed as it should be
	large := out.aead.Seal(bytes.Clone(head), out.nonce(), make([]byte, 1025), head)
	if _, err := reader(bytes.NewReader(large), in, 2000).Read(make([]byte, 10)); err == nil {
		t.Error("a frame of 1025 bytes is read")
	}
	in, out = newPair(t)
	wire := out.seal(make([]byte, 500))
	if got, err := io.ReadAll(reader(bytes.NewReader(wire), in, 100)); !errors.Is(err, errTooLong) || len(got) != 100 {
		t.Errorf("over budget: %d bytes, %v", len(got), err)
	}
}

func FuzzFrames(f *testing.F) {
	_, out := newPair(f)
	f.Add(out.seal([]byte("GET /accessories HTTP/1.1\r\n\r\n")))
	f.Add([]byte{})
	f.Add([]byte{0, 4})
	f.Add([]byte{255, 255, 0})
	f.Fuzz(func(t *testing.T, b []byte) {
		in, _ := newPair(t)
		got, _ := io.ReadAll(reader(bytes.NewReader(b), in, budgetMax))
		if len(got) > len(b) {
			t.Fatalf("%d bytes became %d", len(b), len(got))
		}
	})
}

// FuzzValues writes any JSON value to each format there is.
func FuzzValues(f *testing.F) {
	for _, s := range []string{"true", "1", "0", "-1", "1e99", "2.5", `"x"`, "null", "[]", "{}", `{"a":[1]}`, ""} {
		f.Add([]byte(s))
	}
	formats := []string{
		characteristic.FormatBool, characteristic.FormatUInt8, characteristic.FormatInt32,
		characteristic.FormatString, characteristic.FormatTLV8, "unknown",
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		for _, format := range formats {
			ch := characteristic.New()
			ch.Format, ch.Permissions = format, []string{characteristic.PermissionWrite}
			v, ok := convert(ch, json.RawMessage(raw))
			if !ok {
				continue
			}
			if _, err := json.Marshal(v); err != nil {
				t.Fatalf("%s from %q: %v", format, raw, err)
			}
			ch.SetValueRequest(v, nil)
		}
	})
}
