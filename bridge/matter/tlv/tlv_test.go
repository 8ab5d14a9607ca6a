package tlv

import (
	"bytes"
	"encoding/hex"
	"errors"
	"math"
	"strings"
	"testing"
)

// TestSpecification holds the examples of A.12 in both directions.
func TestSpecification(t *testing.T) {
	profile := func(f form, n uint32) Tag { return Tag{form: f, number: n} }
	vendor := func(f form, n uint32) Tag { return Tag{form: f, vendor: 0xfff1, scope: 0xdeed, number: n} }
	for want, write := range map[string]func(*Writer){
		"08":                    func(w *Writer) { w.Bool(Anonymous, false) },
		"09":                    func(w *Writer) { w.Bool(Anonymous, true) },
		"002a":                  func(w *Writer) { w.Int(Anonymous, 42) },
		"00ef":                  func(w *Writer) { w.Int(Anonymous, -17) },
		"042a":                  func(w *Writer) { w.Uint(Anonymous, 42) },
		"02f067fdff":            func(w *Writer) { w.Int(Anonymous, -170000) },
		"0300902f5009000000":    func(w *Writer) { w.Int(Anonymous, 40000000000) },
		"0c0648656c6c6f21":      func(w *Writer) { w.Text(Anonymous, "Hello!") },
		"0c07547363 68c3bc73":   func(w *Writer) { w.Text(Anonymous, "Tschüs") },
		"10050001020304":        func(w *Writer) { w.Octets(Anonymous, []byte{0, 1, 2, 3, 4}) },
		"14":                    func(w *Writer) { w.Null(Anonymous) },
		"0a00000000":            func(w *Writer) { w.Float32(Anonymous, 0) },
		"0a33338f41":            func(w *Writer) { w.Float32(Anonymous, 17.9) },
		"0b6666666666e63140":    func(w *Writer) { w.Float64(Anonymous, 17.9) },
		"0a0000807f":            func(w *Writer) { w.Float32(Anonymous, float32(math.Inf(1))) },
		"1518":                  func(w *Writer) { w.Struct(Anonymous); w.End() },
		"1618":                  func(w *Writer) { w.Array(Anonymous); w.End() },
		"1718":                  func(w *Writer) { w.List(Anonymous); w.End() },
		"1520002a2001ef18":      func(w *Writer) { w.Struct(Anonymous); w.Int(Context(0), 42); w.Int(Context(1), -17); w.End() },
		"242a 2a":               func(w *Writer) { w.Uint(Context(42), 42) },
		"440100 2a":             func(w *Writer) { w.Uint(profile(common2, 1), 42) },
		"64a08601002a":          func(w *Writer) { w.Uint(profile(common4, 100000), 42) },
		"c4f1ffedde0100 2a":     func(w *Writer) { w.Uint(vendor(full6, 1), 42) },
		"e4f1ffeddeedfe55aa 2a": func(w *Writer) { w.Uint(vendor(full8, 0xaa55feed), 42) },
		"1700012000 2a0002000320 00ef18": func(w *Writer) {
			w.List(Anonymous)
			for _, m := range []struct {
				t Tag
				n int64
			}{{Anonymous, 1}, {Context(0), 42}, {Anonymous, 2}, {Anonymous, 3}, {Context(0), -17}} {
				w.Int(m.t, m.n)
			}
			w.End()
		},
	} {
		want = strings.ReplaceAll(want, " ", "")
		var w Writer
		write(&w)
		if got := hex.EncodeToString(w.Bytes()); got != want {
			t.Errorf("wrote %s, want %s", got, want)
		}
		e, err := Parse(w.Bytes())
		if err != nil {
			t.Errorf("%s: %v", want, err)
			continue
		}
		var again Writer
		again.Copy(e.Tag, e)
		if !bytes.Equal(again.Bytes(), w.Bytes()) {
			t.Errorf("copied %s as %x", want, again.Bytes())
		}
	}
}

func TestWidths(t *testing.T) {
	for _, n := range []uint64{0, 1<<8 - 1, 1 << 8, 1<<16 - 1, 1 << 16, 1<<32 - 1, 1 << 32, math.MaxUint64} {
		var w Writer
		w.Uint(Context(7), n)
		e, err := Parse(w.Bytes())
		if got, err2 := e.Uint(64); err != nil || err2 != nil || got != n {
			t.Errorf("%d came back as %d: %v, %v", n, got, err, err2)
		}
		if n > math.MaxUint16 {
			if _, err := e.Uint(16); !errors.Is(err, ErrBad) {
				t.Errorf("%d passed for 16 bits", n)
			}
		}
	}
	for _, n := range []int64{0, 127, 128, -128, -129, math.MaxInt16, math.MinInt16, math.MaxInt32 + 1, math.MinInt32 - 1, math.MaxInt64, math.MinInt64} {
		var w Writer
		w.Int(Anonymous, n)
		e, err := Parse(w.Bytes())
		if got, err2 := e.Int(64); err != nil || err2 != nil || got != n {
			t.Errorf("%d came back as %d: %v, %v", n, got, err, err2)
		}
	}
	for _, n := range []int{0, 255, 256, 65535, 65536} {
		var w Writer
		w.Octets(Anonymous, make([]byte, n))
		e, err := Parse(w.Bytes())
		if b, err2 := e.Octets(n, n); err != nil || err2 != nil || len(b) != n {
			t.Errorf("%d octets came back as %d: %v, %v", n, len(b), err, err2)
		}
	}
}

func TestBad(t *testing.T) {
	deep := strings.Repeat("16", MaxDepth+1) + strings.Repeat("18", MaxDepth+1)
	for name, in := range map[string]string{
		"nothing":                     "",
		"reserved type":               "19",
		"no number":                   "04",
		"half a number":               "0701020304",
		"half a tag":                  "c4f1ff",
		"length beyond the end":       "10050001",
		"length of 2^64-1":            "13ffffffffffffffff00",
		"text not UTF-8":              "0c01ff",
		"no end":                      "15240101",
		"end alone":                   "18",
		"end with a tag":              "153801",
		"after the element":           "0808",
		"structure without tags":      "150818",
		"structure with a tag twice":  "1524010124010218",
		"array with a tag":            "1624010118",
		"too deep":                    deep,
		"an end more than containers": "151818",
	} {
		b, err := hex.DecodeString(in)
		if err != nil {
			t.Fatal(err)
		}
		if e, err := Parse(b); !errors.Is(err, ErrBad) || e.Type != None {
			t.Errorf("%s: %+v, %v", name, e, err)
		}
	}
	ok, _ := hex.DecodeString(deep[2 : len(deep)-2])
	if _, err := Parse(ok); err != nil {
		t.Errorf("%d containers in each other: %v", MaxDepth, err)
	}
}

func TestFields(t *testing.T) {
	var w Writer
	w.Struct(Anonymous)
	w.Uint(Context(1), 300)
	w.Octets(Context(2), []byte("abc"))
	w.Text(Context(3), "déjà")
	w.Null(Context(4))
	w.Bool(Context(5), true)
	w.Array(Context(6))
	w.Uint(Anonymous, 1)
	w.Uint(Anonymous, 2)
	w.End()
	w.End()
	e, err := Parse(w.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	f := e.Fields()
	var sum uint64
	for m := range f.Element(6, Array).Members() {
		n, _ := m.Uint(8)
		sum += n
	}
	if f.Uint(1, 16) != 300 || string(f.Octets(2, 3, 3)) != "abc" || f.Text(3, 6) != "déjà" || !f.Bool(5) || sum != 3 || f.Err() != nil {
		t.Errorf("read otherwise: sum %d, %v", sum, f.Err())
	}
	if f.Has(4) || f.Has(9) || !f.Has(1) {
		t.Error("null counts as there, or what is there does not")
	}
	for name, ask := range map[string]func(*Fields){
		"too wide":  func(f *Fields) { f.Uint(1, 8) },
		"too long":  func(f *Fields) { f.Text(3, 5) },
		"too short": func(f *Fields) { f.Octets(2, 4, 8) },
		"other":     func(f *Fields) { f.Bool(2) },
		"missing":   func(f *Fields) { f.Uint(9, 8) },
		"null":      func(f *Fields) { f.Uint(4, 8) },
		"no array":  func(f *Fields) { f.Element(1, Array) },
	} {
		f := e.Fields()
		ask(f)
		first := f.Err()
		f.Uint(8, 8)
		if !errors.Is(first, ErrBad) || f.Err() != first {
			t.Errorf("%s: %v, then %v", name, first, f.Err())
		}
	}
	number, _ := Parse([]byte{4, 1})
	if err := number.Fields().Err(); !errors.Is(err, ErrBad) {
		t.Errorf("members of a number: %v", err)
	}
}

// FuzzParse: no input makes Parse panic, and what it takes is told again by
// its members, octet for octet.
func FuzzParse(f *testing.F) {
	for _, s := range []string{"1520002a2001ef18", "17000120002a000200032000ef18", "13ffffffffffffffff00", "e4f1ffeddeedfe55aa2a", "16151816181718 18"} {
		b, _ := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		e, rest, err := ParseFirst(b)
		if err != nil {
			return
		}
		if !bytes.Equal(append(bytes.Clone(e.Raw()), rest...), b) {
			t.Fatal("element and rest are not the input")
		}
		var w Writer
		retell(&w, e)
		if !bytes.Equal(w.Bytes(), e.Raw()) {
			t.Fatalf("%x was told as %x", e.Raw(), w.Bytes())
		}
	})
}

func retell(w *Writer, e Element) {
	begin := map[Type]func(Tag){Struct: w.Struct, Array: w.Array, List: w.List}[e.Type]
	if begin == nil {
		w.Copy(e.Tag, e)
		return
	}
	begin(e.Tag)
	for m := range e.Members() {
		retell(w, m)
	}
	w.End()
}
