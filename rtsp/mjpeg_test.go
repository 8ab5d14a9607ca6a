package rtsp

import (
	"bytes"
	"image"
	"image/color"
	"image/jpeg"
	"slices"
	"testing"

	"github.com/bluenviron/gortsplib/v4/pkg/format/rtpmjpeg"
)

// scene is a picture with an edge in each block.
func scene(width, height int) *image.YCbCr {
	m := image.NewYCbCr(image.Rect(0, 0, width, height), image.YCbCrSubsampleRatio420)
	for i := range m.Y {
		m.Y[i] = byte(i*i>>3 + i/width)
	}
	for i := range m.Cb {
		m.Cb[i], m.Cr[i] = byte(i/3), byte(200-i/5)
	}
	return m
}

// encoded is the scene as a JPEG with standard Huffman tables, split before and
// behind SOS.
func encoded(t testing.TB, width, height, quality int) (head, scan []byte) {
	t.Helper()
	var b bytes.Buffer
	if err := jpeg.Encode(&b, scene(width, height), &jpeg.Options{Quality: quality}); err != nil {
		t.Fatal(err)
	}
	at := bytes.Index(b.Bytes(), []byte{0xff, jpegSOS})
	return b.Bytes()[:at], b.Bytes()[at+2+12:]
}

// mjpegPacket is the payload that carries scan from offset on.
func mjpegPacket(offset int, kind, q uint8, width, height int, rest ...[]byte) []byte {
	b := []byte{0, byte(offset >> 16), byte(offset >> 8), byte(offset), kind, q, byte(width / 8), byte(height / 8)}
	return append(b, slices.Concat(rest...)...)
}

// unpackJPEG gives packets of one picture to a codec.
func unpackJPEG(c *mjpegCodec, packets ...packet) ([][]byte, error) {
	a := assembly{raw: true}
	for i := range packets {
		if err := c.unpack(&packets[i], &a); err != nil {
			return nil, err
		}
	}
	if len(a.ends) == 0 {
		return nil, nil
	}
	return a.take(true).Data, nil
}

// same holds a picture that was put together against the one that was sent.
func same(t *testing.T, parts [][]byte, head, scan []byte) {
	t.Helper()
	if len(parts) < 2 || !bytes.Equal(bytes.Join(parts[1:], nil), scan) {
		t.Fatalf("the scan is not what was sent")
	}
	got, err := jpeg.Decode(bytes.NewReader(bytes.Join(parts, nil)))
	if err != nil {
		t.Fatal(err)
	}
	sos := []byte{0xff, jpegSOS, 0, 12, 3, 1, 0, 2, 0x11, 3, 0x11, 0, 63, 0}
	want, err := jpeg.Decode(bytes.NewReader(slices.Concat(head, sos, scan)))
	if err != nil {
		t.Fatal(err)
	}
	b := want.Bounds()
	if got.Bounds() != b {
		t.Fatalf("%v, want %v", got.Bounds(), b)
	}
	for y := b.Min.Y; y < b.Max.Y; y++ {
		for x := b.Min.X; x < b.Max.X; x++ {
			if color.RGBAModel.Convert(got.At(x, y)) != color.RGBAModel.Convert(want.At(x, y)) {
				t.Fatalf("pixel %d %d is %v, want %v", x, y, got.At(x, y), want.At(x, y))
			}
		}
	}
}

// dqt are the quantization tables of a JPEG of image/jpeg: both in one segment.
func dqt(t *testing.T, head []byte) []byte {
	t.Helper()
	var data []byte
	segments(head[2:], func(_ int, marker byte, body []byte) {
		if marker == jpegDQT {
			data = slices.Concat(body[1:65], body[66:130])
		}
	})
	if len(data) != 128 {
		t.Fatal("no tables")
	}
	return data
}

func TestMJPEGTables(t *testing.T) {
	// image/jpeg scales the standard tables as RFC 2435 does.
	for _, q := range []int{1, 20, 49, 50, 75, 99} {
		head, scan := encoded(t, 48, 32, q)
		parts, err := unpackJPEG(&mjpegCodec{}, packet{payload: mjpegPacket(0, 1, uint8(q), 48, 32, scan)})
		if err != nil {
			t.Fatal(err)
		}
		same(t, parts, head, scan)
	}
	head, scan := encoded(t, 48, 32, 60)
	table := append([]byte{0, 0, 0, 128}, dqt(t, head)...)
	c := &mjpegCodec{}
	for i, v := range []struct {
		q     uint8
		table []byte
		ok    bool
	}{
		{200, []byte{0, 0, 0, 0}, false}, // never sent
		{200, table, true},
		{200, []byte{0, 0, 0, 0}, true}, // as before
		{201, []byte{0, 0, 0, 0}, false},
		{255, table, true},
		{255, []byte{0, 0, 0, 0}, false}, // must come each time
		{200, []byte{0, 0, 0, 100}, false},
		{200, []byte{0, 0, 0xff, 0xff}, false},
		{0, nil, false},
		{100, nil, false},
	} {
		parts, err := unpackJPEG(c, packet{ts: uint32(i), payload: mjpegPacket(0, 1, v.q, 48, 32, v.table, scan)})
		if (err == nil) != v.ok {
			t.Errorf("number %d: %v", i, err)
		} else if v.ok {
			same(t, parts, head, scan)
		}
	}
}

func TestMJPEGFragments(t *testing.T) {
	head, scan := encoded(t, 160, 96, 50)
	at := func(from, to int) packet {
		return packet{payload: mjpegPacket(from, 1, 50, 160, 96, scan[from:to])}
	}
	n := len(scan)
	parts, err := unpackJPEG(&mjpegCodec{}, at(0, 100), at(100, 101), at(101, n))
	if err != nil {
		t.Fatal(err)
	}
	same(t, parts, head, scan)
	bare, err := unpackJPEG(&mjpegCodec{}, at(0, 100), at(100, n-2)) // without EOI
	if err != nil || len(bare) != 3 {
		t.Fatalf("%d parts, %v", len(bare), err)
	}
	same(t, bare, head, scan)
	for name, packets := range map[string][]packet{
		"no start":    {at(100, n)},
		"hole":        {at(0, 100), at(101, n)},
		"overlap":     {at(0, 100), at(99, n)},
		"other size":  {at(0, 100), {payload: mjpegPacket(100, 1, 50, 168, 96, scan[100:])}},
		"other Q":     {at(0, 100), {payload: mjpegPacket(100, 1, 51, 160, 96, scan[100:])}},
		"no size":     {{payload: mjpegPacket(0, 1, 50, 0, 96, scan)}},
		"type 2":      {{payload: mjpegPacket(0, 2, 50, 160, 96, scan)}},
		"type 128":    {{payload: mjpegPacket(0, 128, 50, 160, 96, scan)}},
		"cut header":  {{payload: mjpegPacket(0, 1, 50, 160, 96)[:7]}},
		"cut restart": {{payload: mjpegPacket(0, 65, 50, 160, 96, []byte{0, 1})}},
	} {
		if _, err := unpackJPEG(&mjpegCodec{}, packets...); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func TestMJPEGRestart(t *testing.T) {
	_, scan := encoded(t, 48, 32, 50)
	parts, err := unpackJPEG(&mjpegCodec{}, packet{payload: mjpegPacket(0, 65, 50, 48, 32, []byte{0, 3, 0xff, 0xff}, scan)})
	if err != nil {
		t.Fatal(err)
	}
	interval := 0
	segments(parts[0][2:], func(_ int, marker byte, body []byte) {
		if marker == jpegDRI {
			interval = int(body[0])<<8 | int(body[1])
		}
	})
	if interval != 3 || !bytes.Equal(parts[1], scan) {
		t.Errorf("restart interval %d", interval)
	}
}

// TestMJPEGLarge is ONVIF's header extension: a picture larger than packets can say.
func TestMJPEGLarge(t *testing.T) {
	const width, height = 2592, 1944
	head, scan := encoded(t, width, height, 30)
	ext := head[2:]
	for len(ext)%4 != 0 {
		ext = append([]byte{0xff}, ext...) // fill
	}
	half := len(scan) / 2
	first, second := mjpegPacket(0, 1, 0, 0, 0, scan[:half]), mjpegPacket(half, 1, 0, 0, 0, scan[half:])
	for name, packets := range map[string][]packet{
		"one extension": {{profile: onvifFirst, extension: ext, payload: first}, {payload: second}},
		"two": {
			{profile: onvifFirst, extension: ext[:100], payload: mjpegPacket(0, 1, 0, 0, 0)},
			{profile: onvifNext, extension: ext[100:], payload: first},
			{profile: onvifNext, extension: []byte{}, payload: second},
		},
		"its own packet": {
			{profile: onvifFirst, extension: ext[:100], payload: mjpegPacket(0, 1, 0, 0, 0)},
			{profile: onvifNext, extension: ext[100:]},
			{payload: first},
			{payload: second},
		},
	} {
		parts, err := unpackJPEG(&mjpegCodec{}, packets...)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		same(t, parts, head, scan)
		if p, ok := parseJPEG(parts[0]); !ok || p.width != width || p.height != height {
			t.Errorf("%s: %+v", name, p)
		}
	}
	for name, packets := range map[string][]packet{
		"progressive":   {{profile: onvifFirst, extension: bytes.Replace(ext, []byte{0xff, 0xc0}, []byte{0xff, 0xc2}, 1), payload: first}},
		"a second scan": {{profile: onvifFirst, extension: ext, payload: first}, {profile: onvifNext, extension: ext, payload: second}},
		"cut":           {{profile: onvifFirst, extension: ext[:101], payload: first}},
		"another's":     {{profile: 0xabac, extension: ext, payload: first}},
	} {
		if _, err := unpackJPEG(&mjpegCodec{}, packets...); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func FuzzMJPEG(f *testing.F) {
	head, scan := encoded(f, 48, 32, 60)
	f.Add(mjpegPacket(0, 1, 60, 48, 32, scan), []byte{}, uint16(0), mjpegPacket(4, 1, 60, 48, 32, scan))
	f.Add(mjpegPacket(0, 65, 255, 48, 32, []byte{0, 1, 0, 0, 0, 0, 0, 64}, scan), []byte{}, uint16(0), []byte{})
	f.Add(mjpegPacket(0, 1, 0, 0, 0, scan), head[2:], uint16(onvifFirst), mjpegPacket(len(scan), 1, 0, 0, 0, scan))
	f.Fuzz(func(t *testing.T, a, ext []byte, profile uint16, b []byte) {
		c := &mjpegCodec{}
		for range 2 { // the tables of one picture reach the next
			parts, err := unpackJPEG(c, packet{payload: a, profile: profile, extension: ext}, packet{payload: b})
			if err != nil || parts == nil {
				continue
			}
			n := 0
			for _, p := range parts[1:] {
				n += len(p)
			}
			if n > len(a)+len(b)+2 || len(parts[0]) > len(ext)+1500 {
				t.Fatalf("%d bytes came out of %d", n, len(a)+len(b))
			}
			if !segments(parts[0][2:], func(int, byte, []byte) {}) {
				t.Fatalf("header %x", parts[0])
			}
			if p, ok := parseJPEG(parts[0]); ok && (p.width > 0xffff || p.height > 0xffff) {
				t.Fatal(p)
			}
		}
	})
}

// FuzzMJPEGScan holds what comes out against what the library's packetizer sent.
func FuzzMJPEGScan(f *testing.F) {
	f.Add(uint8(60), 40, []byte("\x00"))
	f.Fuzz(func(t *testing.T, quality uint8, size int, noise []byte) {
		head, scan := encoded(t, 48, 32, max(1, int(quality)%100))
		scan = slices.Concat(noise, scan)
		e := &rtpmjpeg.Encoder{PayloadMaxSize: 200 + size&0x3ff}
		if e.Init() != nil {
			t.Fatal("the library's packetizer")
		}
		sos := []byte{0xff, jpegSOS, 0, 12, 3, 1, 0, 2, 0x11, 3, 0x11, 0, 63, 0}
		pkts, err := e.Encode(slices.Concat(head, sos, scan))
		if err != nil {
			t.Fatal(err)
		}
		var ours []packet
		for _, p := range pkts {
			ours = append(ours, packet{payload: p.Payload})
		}
		parts, err := unpackJPEG(&mjpegCodec{}, ours...)
		if err != nil || !bytes.Equal(bytes.Join(parts[1:], nil), scan) {
			t.Fatalf("%v", err)
		}
	})
}
