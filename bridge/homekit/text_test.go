package homekit

import (
	"bytes"
	"encoding/base64"
	"log/slog"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
)

func TestClean(t *testing.T) {
	for in, want := range map[string]string{
		"":                                "",
		"  Lakeside \t Police\r\nDept ":   "Lakeside Police Dept",
		"a\u202Eb\u2066c\u200Dd\uFEFFe":   "abcde",
		"\x1b[31mred\x07":                 "[31mred",
		"Za\u0308hler":                    "Zähler",
		"x\u0336\u0336\u0336y":            "xy",
		"\u00ADsoft\u2028line":            "soft line",
		"bad \xff\xfe bytes":              "bad \uFFFD bytes",
		"no\u00A0break\u3000space\u3164.": "no break space.",
		"日本 🚓":                            "日本 🚓",
	} {
		if got := clean(in); got != want {
			t.Errorf("clean(%q) = %q, want %q", in, got, want)
		}
	}
}

// perRune measures every character as one wide.
func perRune(s string) float64 { return float64(utf8.RuneCountInString(s)) }

func TestWrap(t *testing.T) {
	for _, c := range []struct {
		text  string
		width float64
		lines int
		want  []string
	}{
		{"", 10, 2, nil},
		{"one two three", 20, 2, []string{"one two three"}},
		{"one two three", 7, 2, []string{"one two", "three"}},
		{"one two three", 7, 1, []string{"one tw…"}},
		{"one two three four", 9, 2, []string{"one two", "three fo…"}},
		{"abcdefghij", 4, 3, []string{"abcd", "efgh", "ij"}},
		{"abcdefghij", 4, 2, []string{"abcd", "efg…"}},
		{"one, two", 6, 1, []string{"one…"}},
		{"wide", 0, 3, []string{"w", "i", "…"}},
	} {
		if d := cmp.Diff(c.want, wrap(c.text, c.width, c.lines, perRune)); d != "" {
			t.Errorf("wrap(%q, %v, %d):\n%s", c.text, c.width, c.lines, d)
		}
	}
}

func FuzzClean(f *testing.F) {
	for _, s := range []string{"", "Lakeside Police", "a\u202Eb", "\xff", "Z\u0301\u0302", "日本語 🚓", strings.Repeat("x ", 1000), "\u1100\u1161\u11a8", "e\u0301\u200d"} {
		f.Add(s, uint8(12), uint8(2))
	}
	f.Fuzz(func(t *testing.T, s string, width, lines uint8) {
		got := clean(s)
		if !utf8.ValidString(got) || utf8.RuneCountInString(got) > textMax+1 {
			t.Fatalf("clean(%q) = %q", s, got)
		}
		for _, r := range got {
			if unicode.IsControl(r) || unicode.Is(unicode.Cf, r) || unicode.Is(unicode.M, r) || unicode.IsSpace(r) && r != ' ' {
				t.Fatalf("clean(%q) keeps %U", s, r)
			}
		}
		if again := clean(got); again != got {
			t.Fatalf("clean is not stable: %q, %q", got, again)
		}
		wide := float64(width)
		out := wrap(got, wide, int(lines), perRune)
		if len(out) > int(lines) {
			t.Fatalf("%d lines, at most %d", len(out), lines)
		}
		for _, l := range out {
			if wide >= 1 && perRune(l) > wide {
				t.Fatalf("line %q is wider than %v", l, wide)
			}
		}
	})
}

func FuzzTLV(f *testing.F) {
	f.Add([]byte{})
	f.Add([]byte{1})
	f.Add([]byte{1, 2, 3})
	f.Add(appendTLV(nil, 3, make([]byte, 600)))
	f.Add(videoConfig())
	f.Add(audioConfig())
	f.Fuzz(func(t *testing.T, b []byte) {
		items, err := parseTLV(b)
		if err != nil {
			return
		}
		var again []byte
		total := 0
		for i, it := range items {
			if i > 0 && items[i-1].tag == it.tag && len(items[i-1].val)%255 == 0 && len(items[i-1].val) > 0 {
				return // written whole, the two would be read as one
			}
			again = appendTLV(again, it.tag, it.val)
			total += len(it.val)
		}
		if total > len(b) {
			t.Fatalf("%d bytes of values in %d bytes", total, len(b))
		}
		back, err := parseTLV(again)
		if err != nil || !cmp.Equal(items, back, cmp.AllowUnexported(tlv{})) {
			t.Fatalf("%x comes back as %x: %v", b, again, err)
		}
	})
}

func FuzzStreamRequests(f *testing.F) {
	f.Add(base64.StdEncoding.EncodeToString(appendTLV(nil, 1, make([]byte, 16))))
	f.Add("")
	f.Add("AQ==")
	f.Fuzz(func(t *testing.T, s string) {
		sl := newSlot(nil, slog.New(slog.DiscardHandler))
		_, code := sl.setUp(s, nil) // by no connection: nothing is opened
		v, _ := sl.lastAnswer(nil)
		answered := v.(string) != ""
		if answered != (code == codeDone) {
			t.Fatalf("code %d with answer %v", code, v)
		}
		sl.selectStream(s, nil)
	})
}

// TestStreamConfigs reads the configurations the way a controller does.
func TestStreamConfigs(t *testing.T) {
	outer, err := parseTLV(videoConfig())
	if err != nil || len(outer) != 1 || outer[0].tag != 1 {
		t.Fatalf("video: %v, %v", outer, err)
	}
	codec, err := parseTLV(outer[0].val)
	if err != nil {
		t.Fatal(err)
	}
	var sizes [][]byte
	for i, it := range codec {
		if it.tag == 3 {
			sizes = append(sizes, it.val)
		}
		if i > 0 && it.tag == codec[i-1].tag {
			t.Error("two sizes without a separator")
		}
	}
	if len(sizes) != len(frameSizes) {
		t.Errorf("%d sizes, want %d", len(sizes), len(frameSizes))
	}
	watch := []byte{1, 2, 0x40, 1, 2, 2, 0xF0, 0, 3, 1, 15}
	if !bytes.Equal(sizes[len(sizes)-1], watch) {
		t.Errorf("last size %x, want 320x240 at 15", sizes[len(sizes)-1])
	}
	audio, err := parseTLV(audioConfig())
	if err != nil || len(audio) != 4 || audio[0].val[2] != codecOpus || audio[3].tag != 2 {
		t.Errorf("audio: %v, %v", audio, err)
	}
	if !bytes.Equal(rtpConfig(), []byte{2, 1, 0}) {
		t.Errorf("rtp: %x", rtpConfig())
	}
}
