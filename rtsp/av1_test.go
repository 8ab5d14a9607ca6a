package rtsp

import (
	"bytes"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bluenviron/gortsplib/v4/pkg/format/rtpav1"
	"github.com/bluenviron/mediacommon/v2/pkg/codecs/av1"
)

// obus unpacks payloads as the packets of one temporal unit.
func obus(payloads ...string) ([]string, error) {
	a := assembly{raw: true}
	for _, p := range payloads {
		if err := (av1Codec{}).unpack(&packet{payload: []byte(p)}, &a); err != nil {
			return nil, err
		}
	}
	var out []string
	for _, b := range a.take(true).Data {
		out = append(out, string(b))
	}
	return out, nil
}

func TestAV1Packets(t *testing.T) {
	for name, v := range map[string]struct {
		packets []string
		want    []string // nil for an error
	}{
		"one OBU":                      {[]string{"\x10\x30abc"}, []string{"\x32\x03abc"}},
		"two, the last without length": {[]string{"\x20\x02\x08x\x30abc"}, []string{"\x0a\x01x", "\x32\x03abc"}},
		"all with length":              {[]string{"\x00\x02\x08x\x04\x30abc"}, []string{"\x0a\x01x", "\x32\x03abc"}},
		"fragments":                    {[]string{"\x50\x30ab", "\xd0cd", "\x90ef"}, []string{"\x32\x06abcdef"}},
		"fragment behind a whole":      {[]string{"\x60\x02\x08x\x30ab", "\xa0\x02cd\x30e"}, []string{"\x0a\x01x", "\x32\x04abcd", "\x32\x01e"}},
		"extension":                    {[]string{"\x10\x34\x08abc"}, []string{"\x36\x08\x03abc"}},
		"temporal delimiter":           {[]string{"\x20\x01\x10\x30abc"}, []string{"\x32\x03abc"}},
		"with its size":                {[]string{"\x10\x32\x03abc"}, []string{"\x32\x03abc"}},
		"several in one":               {[]string{"\x10\x12\x00\x0a\x01x\x32\x03abc"}, []string{"\x0a\x01x", "\x32\x03abc"}},
		"padded size is as received":   {[]string{"\x10\x32\x83\x00abc"}, []string{"\x32\x83\x00abc"}},
		"empty element":                {[]string{"\x20\x00\x30abc"}, []string{"\x32\x03abc"}},
		"a long one":                   {[]string{"\x10\x30" + string(bytes.Repeat([]byte{7}, 300))}, []string{"\x32\xac\x02" + string(bytes.Repeat([]byte{7}, 300))}},
		"no start":                     {[]string{"\x90abc"}, nil},
		"no end":                       {[]string{"\x50\x30ab", "\x10\x30cd"}, nil},
		"count and elements disagree":  {[]string{"\x30\x02\x08x"}, nil},
		"length beyond the packet":     {[]string{"\x00\x09\x30abc"}, nil},
		"size beyond the OBU":          {[]string{"\x10\x32\x09abc"}, nil},
		"endless length":               {[]string{"\x00\x80\x80\x80\x80\x80\x80\x80\x80\x80"}, nil},
		"forbidden bit":                {[]string{"\x10\xb0abc"}, nil},
	} {
		got, err := obus(v.packets...)
		if (err != nil) != (v.want == nil) || err == nil && !cmp.Equal(got, v.want) {
			t.Errorf("%s: %q, %v, want %q", name, got, err, v.want)
		}
	}
}

// TestAV1Sequence reads a sequence header with all that may stand in one; the zoo
// has those of encoders.
func TestAV1Sequence(t *testing.T) {
	w := &bitWriter{}
	w.put(0, 3, 0, 1, 0, 1)                      // main profile, video
	w.put(1, 1, 1001, 32, 30000, 32, 1, 1, 1, 1) // timing info: one tick a picture
	w.put(1, 1, 9, 5, 1001, 32, 19, 5, 19, 5)    // decoder model of 10-bit delays
	w.put(1, 1, 1, 5)                            // display delays, two operating points
	w.put(0x103, 12, 13, 5, 1, 1, 1, 1, 500, 10, 500, 10, 0, 1, 1, 1, 4, 4)
	w.put(0x101, 12, 5, 5, 0, 1, 0, 1)
	w.put(11, 4, 10, 4, 3839, 12, 1599, 11)                             // size
	w.put(1, 1, 13, 4, 1, 3)                                            // frame ids
	w.put(0, 3, 0xf, 4, 1, 1, 3, 2, 0, 1, 1, 1, 0, 1, 1, 1, 6, 3, 0, 3) // tools
	w.put(1, 1, 0, 1, 1, 1, 9, 8, 16, 8, 9, 8, 0, 1, 2, 2, 0, 1)        // ten bits, colour, position 2
	w.put(0, 1, 1, 1)                                                   // no film grain, trailing bit
	obu := append([]byte{0x0a, byte(len(w.b))}, w.b...)
	got, err := parseAV1Sequence(obu)
	want := av1Sequence{level: 13, tier: 1, width: 3840, height: 1600, highDepth: true, subX: true, subY: true, position: 2}
	if err != nil || got != want {
		t.Errorf("%+v, %v, want %+v", got, err, want)
	}
	if c := got.record(obu); !bytes.Equal(c[:4], []byte{0x81, 13, 0x80 | 0x40 | 0x0c | 2, 0}) || !bytes.Equal(c[4:], obu) {
		t.Errorf("record %x", c)
	}
	for n := 2; n < len(obu)-1; n++ {
		if _, err := parseAV1Sequence(obu[:n:n]); err == nil {
			t.Errorf("the first %d bytes are a sequence header too", n)
		}
	}
}

// bitWriter puts values of so many bits.
type bitWriter struct {
	b []byte
	n int
}

func (w *bitWriter) put(pairs ...int) {
	for i := 0; i < len(pairs); i += 2 {
		for bit := pairs[i+1] - 1; bit >= 0; bit-- {
			if w.n%8 == 0 {
				w.b = append(w.b, 0)
			}
			w.b[w.n/8] |= byte(pairs[i]>>bit&1) << (7 - w.n%8)
			w.n++
		}
	}
}

// FuzzAV1 holds the OBUs that come out against what went in, and ours against
// the library's packets.
func FuzzAV1(f *testing.F) {
	f.Add([]byte("\x20\x02\x08x\x30abc"), []byte("\x10\x30abc"), 5)
	f.Add([]byte("\x50\x30ab"), []byte("\x90ef"), 9)
	f.Add([]byte("\x10\x12\x00\x0a\x01x\x32\x03abc"), []byte("\x00\x80\x01"), 100)
	f.Fuzz(func(t *testing.T, a, b []byte, size int) {
		as := assembly{raw: true}
		for _, p := range [][]byte{a, b} {
			if (av1Codec{}).unpack(&packet{payload: p}, &as) != nil {
				break
			}
		}
		for i := range as.ends {
			obu := as.at(i)
			cut, sized, err := cutOBU(obu)
			if err != nil || !sized || len(cut) != len(obu) || (av1Codec{}).kind(obu) == nalSPS && obu[0]>>3 != av1SequenceHeader {
				t.Fatalf("OBU %x: %v", obu, err)
			}
			_, _ = parseAV1Sequence(obu)
		}
		// What the library sends must come out as it went in.
		e := &rtpav1.Encoder{PayloadMaxSize: 20 + size&0xff}
		if e.Init() != nil {
			t.Fatal("the library's packetizer")
		}
		sent := [][]byte{append([]byte{0x08}, a...), append([]byte{0x30}, b...)}
		pkts, err := e.Encode(sent)
		if err != nil {
			return
		}
		as = assembly{raw: true}
		var d rtpav1.Decoder
		var read [][]byte
		for _, p := range pkts {
			if obus, err := d.Decode(p); err == nil {
				read = obus
			}
		}
		if !equal(read, sent) {
			return // its packetizer marks a fragment where a packet is just full
		}
		for _, p := range pkts {
			if err := (av1Codec{}).unpack(&packet{payload: p.Payload}, &as); err != nil {
				t.Fatal(err)
			}
		}
		stored, err := av1.Bitstream(sent).Marshal()
		if err != nil || !bytes.Equal(as.buf, stored) {
			t.Fatalf("%x came out, %x went in: %v", as.buf, stored, err)
		}
	})
}
