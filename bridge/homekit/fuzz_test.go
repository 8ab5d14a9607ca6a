package homekit

import (
	"bufio"
	"bytes"
	"io"
	"net"
	"net/textproto"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// tape is a connection whose other end has said all it will say.
type tape struct {
	net.Conn
	in  *bytes.Reader
	out bytes.Buffer
}

func (c *tape) Read(p []byte) (int, error)       { return c.in.Read(p) }
func (c *tape) Write(p []byte) (int, error)      { return c.out.Write(p) }
func (c *tape) Close() error                     { return nil }
func (c *tape) RemoteAddr() net.Addr             { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 9} }
func (c *tape) SetReadDeadline(time.Time) error  { return nil }
func (c *tape) SetWriteDeadline(time.Time) error { return nil }

// FuzzRequests gives the server any bytes, before pair-verify and after it: it
// ends, and all that it says is whole answers.
func FuzzRequests(f *testing.F) {
	for _, s := range []string{
		"GET /accessories HTTP/1.1\r\nHost: x\r\n\r\n",
		"GET /characteristics?id=1.2,1.3,2.9,x&meta=1&perms=1&type=1&ev=1 HTTP/1.1\r\nHost: x\r\n\r\n",
		"PUT /characteristics HTTP/1.1\r\nHost: x\r\nContent-Length: 53\r\n\r\n{\"characteristics\":[{\"aid\":1,\"iid\":8,\"ev\":true},{}]}\n",
		"PUT /prepare HTTP/1.1\r\nHost: x\r\nContent-Length: 18\r\n\r\n{\"ttl\":5,\"pid\":11}",
		"POST /resource HTTP/1.1\r\nHost: x\r\nContent-Length: 61\r\n\r\n{\"resource-type\":\"image\",\"image-width\":-1,\"image-height\":1e9}",
		"POST /pairings HTTP/1.1\r\nHost: x\r\nContent-Length: 6\r\n\r\n\x06\x01\x01\x00\x01\x05",
		"POST /pair-setup HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\n\x06\x01\x01\r\n0\r\n\r\n",
		"POST /pair-verify HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\n\x06\x01\x01HEAD / HTTP/1.0\r\n\r\n",
		"POST /identify HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 99999999999999999999\r\n\r\n",
	} {
		f.Add([]byte(s), true)
		f.Add([]byte(s+s), false)
	}
	b, err := New(f.Context(), Config{Store: &memory{}})
	if err != nil {
		f.Fatal(err)
	}
	b.bell.store.id.Controllers = []Controller{{ID: "me", Key: make([]byte, 32), Admin: true}}
	f.Fuzz(func(t *testing.T, in []byte, verified bool) {
		var answers io.Reader
		nc := &tape{in: bytes.NewReader(in)}
		c := newConn(b.bell, nc)
		answers = &nc.out
		if verified {
			toServer, sealer := newPair(t)
			fromServer, opener := newPair(t)
			nc.in = bytes.NewReader(sealer.seal(in))
			c.session = &session{controller: "me", in: toServer, out: fromServer}
			c.in.frames = toServer
			answers = reader(&nc.out, opener, 1<<30)
		}
		c.serve(t.Context())
		b.bell.store.mu.Lock()
		b.bell.store.id.Controllers = []Controller{{ID: "me", Key: make([]byte, 32), Admin: true}}
		b.bell.store.mu.Unlock()
		checkAnswers(t, bufio.NewReader(answers))
	})
}

// checkAnswers reads answers until their end.
func checkAnswers(t *testing.T, r *bufio.Reader) {
	for {
		if _, err := r.Peek(1); err == io.EOF {
			return
		}
		text := textproto.NewReader(r)
		first, err := text.ReadLine()
		if err != nil || !strings.HasPrefix(first, "HTTP/1.1 ") {
			t.Fatalf("answered %q: %v", first, err)
		}
		head, err := text.ReadMIMEHeader()
		if err != nil {
			t.Fatal(err)
		}
		if n := head.Get("Content-Length"); n != "" {
			size, err := strconv.Atoi(n)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := io.CopyN(io.Discard, r, int64(size)); err != nil {
				t.Fatalf("an answer of %d bytes: %v", size, err)
			}
		}
	}
}

// FuzzTampered changes, repeats, leaves out and cuts what was encrypted: what is
// read is what was sent, from its beginning, or less of it.
func FuzzTampered(f *testing.F) {
	f.Add(uint16(3000), uint16(0), byte(0), byte(0), uint16(0))
	f.Add(uint16(10), uint16(1), byte(1), byte(1), uint16(2))
	f.Add(uint16(1024), uint16(1024), byte(2), byte(0), uint16(1000))
	f.Add(uint16(2048), uint16(5), byte(3), byte(9), uint16(17))
	f.Fuzz(func(t *testing.T, first, second uint16, how, bit byte, where uint16) {
		in, out := newPair(t)
		plain := make([]byte, int(first)+int(second))
		for i := range plain {
			plain[i] = byte(i * 7)
		}
		a, b := out.seal(plain[:first]), out.seal(plain[first:])
		wire := slices.Concat(a, b)
		at := 0
		if len(wire) > 0 {
			at = int(where) % len(wire)
		}
		intact := false
		switch how % 6 {
		case 0:
			intact = true
		case 1:
			if len(wire) > 0 {
				wire[at] ^= 1 << (bit % 8)
			}
		case 2: // again
			wire = slices.Concat(a, a, b)
		case 3: // in another order
			wire = slices.Concat(b, a)
		case 4: // the end is missing
			wire = wire[:at]
		case 5: // some is missing
			wire = slices.Concat(wire[:at], wire[min(at+1+int(bit), len(wire)):])
		}
		got, err := io.ReadAll(reader(bytes.NewReader(wire), in, 1<<30))
		if !bytes.HasPrefix(plain, got) {
			t.Fatalf("read %d bytes that were not sent", len(got))
		}
		if intact && (err != nil || len(got) != len(plain)) {
			t.Fatalf("read %d of %d bytes: %v", len(got), len(plain), err)
		}
	})
}

// FuzzStreamWishes reads what a controller writes to begin a stream.
func FuzzStreamWishes(f *testing.F) {
	s := &screen{key: make([]byte, 16), salt: make([]byte, 14)}
	s.video, s.sound = hear(f), hear(f)
	f.Add(s.wish("127.0.0.1"))
	f.Add(s.wish("fe80::1%eth0"))
	f.Add(s.selection(commandStart, 1280, 720))
	f.Add(s.selection(commandEnd, 0, 0))
	f.Fuzz(func(t *testing.T, b []byte) {
		items, err := parseTLV(b)
		if err != nil {
			return
		}
		if w, known, ok := parseWish(items); ok && (!known || !w.addr.IsValid() || w.video.port == 0 || len(w.sound.key) != 16) {
			t.Fatalf("%x: %+v", b, w)
		}
		if sel, ok := parseSelection(items); ok && sel.packetTime > 120*time.Millisecond {
			t.Fatalf("%x: %+v", b, sel)
		}
	})
}
