package message

import (
	"bytes"
	"encoding/hex"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// sdk are the vectors of the SDK's TestSessionManagerDispatch for a session by
// passcode. Its privacy key there is the session's own key, not derived.
var sdk = []struct {
	name, body, sealed string
	private            bool
}{
	{"no body", "", "00b80b00393000005a989ae42e8d847f535c3007e6150cd65867f2b817db", false},
	{"body", "1122334455", "00b80b00393000005a989ae42e8d0f7f885dfb2faa8949cf730a5728e0354610a0c4a7", false},
	{"private", "1122334455", "00b80b8087beef06aa26a0f901efce9f9a67c8137917d15b81d15d313308319758ea3f", true},
}

func TestVectors(t *testing.T) {
	aead, err := NewAEAD(unhex(t, "5eded244e5532b3cdc23409dbad052d2"))
	if err != nil {
		t.Fatal(err)
	}
	key := Key{data: aead, privacy: aead}
	for _, v := range sdk {
		wantHeader := Header{Session: 3000, Counter: 12345, Private: v.private}
		want := Payload{Initiator: true, Reliable: true, Opcode: 0x64, Exchange: 0x0eee, Protocol: 0x7d20, Body: unhex(t, v.body)}
		d, err := Parse(unhex(t, v.sealed))
		if err != nil {
			t.Fatal(v.name, err)
		}
		h, got, err := key.Open(d, 0)
		if diff := cmp.Diff(want, got); err != nil || h != wantHeader || diff != "" {
			t.Errorf("%s: %+v %v\n%s", v.name, h, err, diff)
		}
		if sealed := key.Seal(wantHeader, 0, want); !v.private && hex.EncodeToString(sealed) != v.sealed {
			t.Errorf("%s: sealed as %x", v.name, sealed)
		}
	}
}

// TestPrivacyKey is of the same vectors: a group's key and its privacy key.
func TestPrivacyKey(t *testing.T) {
	key, err := NewKey(unhex(t, "ca92d7a0942d1a511a0e26ad074f4c2f"))
	if err != nil {
		t.Fatal(err)
	}
	want, err := NewAEAD(unhex(t, "bfe9da016a765365f2dd97a9f939e425"))
	if err != nil {
		t.Fatal(err)
	}
	nonce := make([]byte, nonceLen)
	if !bytes.Equal(key.privacy.Seal(nil, nonce, nil, nil), want.Seal(nil, nonce, nil, nil)) {
		t.Error("the privacy key is another")
	}
	if _, err := NewKey(make([]byte, 15)); err == nil {
		t.Error("a key of 15 octets passed")
	}
}

// TestForged: whoever changes one bit of a message, or where it comes from, is noticed.
func TestForged(t *testing.T) {
	key, err := NewKey(unhex(t, "5eded244e5532b3cdc23409dbad052d2"))
	if err != nil {
		t.Fatal(err)
	}
	sealed := key.Seal(Header{Session: 7, Counter: 9, Source: 5, HasSource: true}, 5, Payload{Body: []byte("on")})
	open := func(b []byte, from uint64) error {
		d, err := Parse(b)
		if err != nil {
			return err
		}
		_, _, err = key.Open(d, from)
		return err
	}
	if err := open(sealed, 5); err != nil {
		t.Fatal(err)
	}
	if err := open(sealed, 6); !errors.Is(err, ErrBad) {
		t.Errorf("from another node: %v", err)
	}
	for i := range len(sealed) * 8 {
		forged := bytes.Clone(sealed)
		forged[i/8] ^= 1 << (i % 8)
		if err := open(forged, 5); !errors.Is(err, ErrBad) {
			t.Errorf("bit %d changed: %v", i, err)
		}
	}
	for n := range sealed {
		if err := open(sealed[:n], 5); !errors.Is(err, ErrBad) {
			t.Errorf("cut after %d: %v", n, err)
		}
	}
}

func TestRoundTrip(t *testing.T) {
	h := Header{Counter: 1, Source: 0x0102030405060708, HasSource: true, Dest: 9, HasDest: true, Control: true}
	p := Payload{HasAck: true, Ack: 77, Opcode: 2, Exchange: 3, Vendor: 0xfff1, Protocol: 4, Body: []byte{1}}
	d, err := Parse(Plain(h, p))
	if err != nil || d.Header != h {
		t.Fatalf("%+v, %v", d.Header, err)
	}
	got, err := d.Plain()
	if diff := cmp.Diff(p, got); err != nil || diff != "" {
		t.Errorf("%v\n%s", err, diff)
	}
}

func TestBadHeaders(t *testing.T) {
	for name, in := range map[string]string{
		"short":                    "00000000000000",
		"version 1":                "1000000000000000",
		"to a group":               "020000000000000001000000",
		"reserved destination":     "0300000000000000",
		"group session":            "0000000100000000",
		"private and not secured":  "0000008000000000",
		"half a source":            "04000000000000000102",
		"half a destination":       "01000000000000000102",
		"extension without length": "000000200000000001",
		"extension too long":       "0000002000000000ffff00",
	} {
		if _, err := Parse(unhex(t, in)); !errors.Is(err, ErrBad) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for name, in := range map[string]string{
		"short": "0102030405", "half a vendor": "10000000000001", "half an acknowledgement": "02000000000001", "extension": "08000000000001",
	} {
		if _, err := ParsePayload(unhex(t, in)); !errors.Is(err, ErrBad) {
			t.Errorf("payload, %s: %v", name, err)
		}
	}
	d, err := Parse(unhex(t, "0001000000000000"))
	if _, err2 := d.Plain(); err != nil || !errors.Is(err2, ErrBad) {
		t.Errorf("a secured message read in the clear: %v, %v", err, err2)
	}
}

func TestWindow(t *testing.T) {
	type step struct {
		counter uint32
		fresh   bool
	}
	for name, c := range map[string]struct {
		plain bool
		steps []step
	}{
		"in order":          {false, []step{{10, true}, {11, true}, {12, true}, {11, false}, {12, false}}},
		"first is trusted":  {false, []step{{1000, true}, {999, false}, {1001, true}}},
		"late and new":      {false, []step{{10, true}, {20, true}, {15, true}, {15, false}, {11, true}, {10, false}, {9, false}}},
		"a large step":      {false, []step{{10, true}, {1000, true}, {999, true}, {968, true}, {967, false}, {10, false}}},
		"exactly a width":   {false, []step{{100, true}, {132, true}, {100, false}, {101, true}, {165, true}, {133, true}, {132, false}}},
		"no rolling over":   {false, []step{{0xffffffff, true}, {0, false}, {0xfffffffe, false}}},
		"plain rolls over":  {true, []step{{0xfffffffe, true}, {1, true}, {0xffffffff, true}, {0xffffffff, false}, {0, true}, {1, false}}},
		"plain starts anew": {true, []step{{5000, true}, {4999, false}, {4900, true}, {4901, true}, {4900, false}}},
	} {
		var w Window
		for i, s := range c.steps {
			fresh := w.Fresh
			if c.plain {
				fresh = w.FreshPlain
			}
			if got := fresh(s.counter); got != s.fresh {
				t.Errorf("%s, step %d: %d is fresh: %v", name, i, s.counter, got)
			}
		}
	}
	if a, b := FirstCounter(), FirstCounter(); a == 0 || a > 1<<28 || a == b {
		t.Errorf("drew %d and %d", a, b)
	}
}

// FuzzParse: no datagram makes reading panic, and what is read in the clear is
// written again as an equal message.
func FuzzParse(f *testing.F) {
	for _, v := range sdk {
		b, _ := hex.DecodeString(v.sealed)
		f.Add(b)
	}
	f.Add(Plain(Header{Counter: 1, Source: 5, HasSource: true}, Payload{HasAck: true, Reliable: true, Opcode: 0x20, Body: []byte{0x15, 0x18}}))
	key, err := NewKey(make([]byte, KeyLen))
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		d, err := Parse(b)
		if err != nil {
			return
		}
		if _, _, err := key.Open(d, 1); err == nil {
			t.Fatal("a message that nobody sealed was opened")
		}
		p, err := d.Plain()
		if err != nil {
			return
		}
		again, err := Parse(Plain(d.Header, p))
		if err != nil || again.Header != d.Header {
			t.Fatalf("%+v came back as %+v: %v", d.Header, again.Header, err)
		}
		if q, err := again.Plain(); err != nil || !cmp.Equal(p, q) {
			t.Fatalf("%+v came back as %+v: %v", p, q, err)
		}
	})
}
