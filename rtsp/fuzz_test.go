package rtsp

import (
	"bytes"
	"encoding/binary"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/pion/rtcp"
	"github.com/pion/rtp"
)

// wire is a connection that gives out bytes in pieces of a size.
type wire struct {
	net.Conn
	b     []byte
	piece int
}

func (w *wire) SetReadDeadline(time.Time) error { return nil }

func (w *wire) Read(p []byte) (int, error) {
	if len(w.b) == 0 {
		return 0, io.EOF
	}
	n := copy(p, w.b[:min(w.piece, len(w.b))])
	w.b = w.b[n:]
	return n, nil
}

// catcher is a sink that keeps everything on channels 0 and 1.
type catcher struct{ frames [][]byte }

func (c *catcher) frame(ch byte, b []byte, _ time.Time) error {
	if ch <= 1 {
		c.frames = append(c.frames, bytes.Clone(b))
	}
	return nil
}
func (c *catcher) expects(ch, b1 byte) bool { return ch <= 1 && b1&0x7f == 96 }
func (c *catcher) deadline() time.Time      { return time.Now().Add(time.Hour) }

func interleave(channel byte, b []byte) []byte {
	return append([]byte{'$', channel, byte(len(b) >> 8), byte(len(b))}, b...)
}

func rtpPacket(seq uint16, ts uint32, marker bool, payload []byte) []byte {
	b, err := (&rtp.Packet{
		Header:  rtp.Header{Version: 2, PayloadType: 96, SequenceNumber: seq, Timestamp: ts, SSRC: 7, Marker: marker},
		Payload: payload,
	}).Marshal()
	if err != nil {
		panic(err)
	}
	return b
}

func TestDemux(t *testing.T) {
	small, big := rtpPacket(1, 2, true, []byte("hello")), rtpPacket(2, 3, true, bytes.Repeat([]byte{'$'}, 60000))
	const answer = "RTSP/1.0 200 OK\r\nCSeq: 4\r\ncontent-length: 5\r\n\r\n$\x00\x00\x01x"
	for _, piece := range []int{1, 2, 3, 7, 4096, 1 << 20} {
		for name, in := range map[string]string{
			"plain":    string(interleave(0, small)) + answer + string(interleave(0, big)) + answer + string(interleave(1, small)),
			"foreign":  string(interleave(9, big)) + string(interleave(0, small)) + answer + string(interleave(0, big)) + answer + string(interleave(1, small)),
			"empty":    string(interleave(0, nil)) + string(interleave(0, small)) + answer + string(interleave(0, big)) + answer + string(interleave(1, small)),
			"garbage":  "\r\n\r\n$$\x00RTS" + string(interleave(0, small)) + "xyz$\x00\xff\xff\x00" + answer + "\x00$\x00\x00\x09\x80\x33" + string(interleave(0, big)) + "R" + answer + "O" + string(interleave(1, small)),
			"trailing": string(interleave(0, small)) + answer + string(interleave(0, big)) + answer + string(interleave(1, small)) + "$\x00\x01",
		} {
			c := &catcher{}
			d := newDemux(&wire{b: []byte(in), piece: piece}, c)
			text, err := io.ReadAll(d)
			if err != nil || string(text) != answer+answer {
				t.Fatalf("%s in pieces of %d: %v, text %q", name, piece, err, text)
			}
			if len(c.frames) != 3 || !bytes.Equal(c.frames[0], small) || !bytes.Equal(c.frames[1], big) || !bytes.Equal(c.frames[2], small) {
				t.Errorf("%s in pieces of %d: %d frames", name, piece, len(c.frames))
			}
		}
	}
}

func TestDemuxLimits(t *testing.T) {
	for name, in := range map[string]string{
		"garbage": strings.Repeat("\x00", maxGarbage+1),
		"header":  "RTSP/1.0 200 OK\r\n" + strings.Repeat("X: y\r\n", maxHeader),
		"body":    "RTSP/1.0 200 OK\r\nContent-Length: 999999\r\n\r\n",
	} {
		d := newDemux(&wire{b: []byte(in), piece: 1000}, &catcher{})
		if _, err := io.ReadAll(d); err != errGarbage && err != errMessage {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func FuzzDemux(f *testing.F) {
	packet := rtpPacket(1, 2, true, []byte("hello"))
	f.Add(interleave(0, packet), 3)
	f.Add([]byte("RTSP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nab"), 1)
	f.Add([]byte("$\x00\x00\x00$\x00\xff\xffOPTIONS"), 2)
	f.Fuzz(func(t *testing.T, b []byte, piece int) {
		piece = max(1, piece&0xfff)
		c := &catcher{}
		text, _ := io.ReadAll(newDemux(&wire{b: b, piece: piece}, c))
		n := 0
		for _, fr := range c.frames {
			n += 4 + len(fr)
		}
		if n > len(b) || len(text) > 2*len(b) { // headers are mended
			t.Errorf("%d and %d bytes came out of %d", n, len(text), len(b))
		}
		// How bytes arrive must not matter.
		c1 := &catcher{}
		text1, _ := io.ReadAll(newDemux(&wire{b: b, piece: 1}, c1))
		if !bytes.Equal(text, text1) || !equal(c.frames, c1.frames) {
			t.Errorf("pieces of %d: %q %q, of 1: %q %q", piece, text, c.frames, text1, c1.frames)
		}
	})
}

// The library's parser is the judge of ours.
func FuzzPacket(f *testing.F) {
	f.Add(rtpPacket(1, 2, true, []byte("hello")))
	f.Add([]byte("\xb1\xe0\x00\x01\x00\x00\x00\x02\x00\x00\x00\x07\x00\x00\x00\x08\xbe\xde\x00\x01\x10\xff\x00\x00abc\x01"))
	f.Fuzz(func(t *testing.T, b []byte) {
		var p packet
		if p.parse(b) != nil {
			return
		}
		var want rtp.Packet
		if want.Unmarshal(b) != nil {
			return // it also reads what is inside the extension
		}
		if p.seq != want.SequenceNumber || p.ts != want.Timestamp || p.ssrc != want.SSRC ||
			p.pt != want.PayloadType || p.marker != want.Marker || !bytes.Equal(p.payload, want.Payload) {
			t.Errorf("got %+v, want %+v", p, want)
		}
	})
}

func FuzzReports(f *testing.F) {
	b, _ := rtcp.Marshal([]rtcp.Packet{
		&rtcp.ReceiverReport{SSRC: 1},
		&rtcp.SenderReport{SSRC: 2, NTPTime: 3 << 32, RTPTime: 4},
		&rtcp.SourceDescription{Chunks: []rtcp.SourceDescriptionChunk{{Source: 2}}},
	})
	f.Add(b)
	f.Add([]byte{0x80, 200, 0, 6})
	f.Fuzz(func(t *testing.T, b []byte) {
		var got []senderReport
		parseReports(b, func(r senderReport) { got = append(got, r) })
		pkts, err := rtcp.Unmarshal(b)
		if err != nil {
			return
		}
		var want []senderReport
		for _, p := range pkts {
			if r, ok := p.(*rtcp.SenderReport); ok {
				want = append(want, senderReport{r.SSRC, r.NTPTime, r.RTPTime})
			}
		}
		if len(got) != len(want) {
			t.Fatalf("got %v, want %v", got, want)
		}
		for i := range got {
			if got[i] != want[i] {
				t.Errorf("got %v, want %v", got, want)
			}
		}
	})
}

func FuzzAnnexB(f *testing.F) {
	f.Add([]byte("\x00\x00\x00\x01\x67abc\x00\x00\x01\x68d\x00\x00\x00\x01\x65e"))
	f.Add([]byte("\x67abc\x00\x00\x00\x01\x00\x00\x01"))
	f.Fuzz(func(t *testing.T, b []byte) {
		n := 0
		var again []byte
		splitAnnexB(b, func(nal []byte) {
			if len(nal) == 0 || bytes.Contains(nal, []byte{0, 0, 1}) {
				t.Errorf("NAL unit %q", nal)
			}
			n++
			again = append(append(again, 0, 0, 1), nal...)
		})
		m := 0
		splitAnnexB(again, func([]byte) { m++ })
		if n != m {
			t.Errorf("%d NAL units, then %d", n, m)
		}
	})
}

func FuzzAAC(f *testing.F) {
	f.Add([]byte("\x00\x10\x00\x28hello"), []byte("\x00\x10\x00\x08h"), true)
	f.Add([]byte("\x00\x10\x00\x50hello"), []byte("\x00\x10\x00\x50world"), false)
	f.Fuzz(func(t *testing.T, a, b []byte, marker bool) {
		r := aacReader{aacLayout: aacLayout{13, 3, 3}}
		n := 0
		for i, p := range [][]byte{a, b} {
			r.read(p, marker || i == 1, func(_ int, au []byte) { n += len(au) })
		}
		if n > len(a)+len(b) {
			t.Errorf("%d bytes came out of %d", n, len(a)+len(b))
		}
	})
}

// FuzzStream feeds packets to a whole stream and holds what comes out against
// the contract of Reader.
func FuzzStream(f *testing.F) {
	const sps = "\x67\x42\xc0\x0d\xda\x05\x07\xe8\x40\x00\x00\x03\x00\x40\x00\x00\x07\xa3\xc5\x0a\xa8"
	const pps = "\x68\xce\x0f\xc8"
	pkt := func(fields string, payload string) string {
		b := append([]byte(fields), byte(len(payload)))
		return string(append(b, payload...))
	}
	f.Add(false, []byte(pkt("\x00\x01\x00\x00", sps)+pkt("\x00\x02\x00\x00", pps)+pkt("\x01\x03\x00\x00", "\x65\x88\x80abc")+
		pkt("\x01\x04\x01\x00", "\x41\x9a\x80def")+pkt("\x01\x06\x02\x00", "\x41\x9a\x80ghi")+pkt("\x01\x05\x00\x01", "\x41\x9a\x80jkl")))
	f.Add(true, []byte(pkt("\x00\x01\x00\x00", "\x26\x01\x80abc")+pkt("\x01\x02\x00\x00", "\x62\x01\x93\x80")+pkt("\x01\x03\x01\x00", "\x02\x01\x80")))
	f.Fuzz(func(t *testing.T, hevc bool, in []byte) {
		out := newFeed()
		reader := out.Reader(1 << 30)
		st := newStream(out.Source, time.Second, time.Now())
		codec := H264
		if hevc {
			codec = H265
		}
		tr := newVideo(codec)
		tr.pt = 96
		tr.clock.rate = 90000
		st.addTrack(tr)
		sound := newSound(PCMU, 8000, 1, 0)
		sound.pt, sound.channel, sound.format.Track = 97, 2, 1
		sound.clock.rate = 8000
		st.addTrack(sound)
		st.ready.Store(true)
		at := time.Now()
		for len(in) >= 5 {
			n := min(int(in[4]), len(in)-5)
			marker := in[0]&1 != 0
			b := rtpPacket(uint16(in[1]), uint32(in[2])*6000+uint32(in[3])<<24, marker, in[5:5+n])
			channel := byte(0)
			if in[0]&2 != 0 {
				b[1], channel = b[1]|1, 2
			}
			binary.BigEndian.PutUint32(b[8:], uint32(in[0]>>4))
			at = at.Add(time.Duration(in[0]>>2&3) * 33 * time.Millisecond)
			if st.frame(channel, b, at) != nil {
				break
			}
			in = in[5+n:]
		}
		checkContract(t, drain(t, reader))
	})
}

// checkContract holds Items against what Item and Unit promise.
func checkContract(t *testing.T, items []Item) {
	t.Helper()
	var in *Session
	fresh := true
	last := map[int]*Unit{}
	for _, it := range items {
		switch {
		case it.Session != nil:
			if in != nil {
				t.Fatalf("Session in a Session: %s", describe(items))
			}
			in, fresh, last = it.Session, true, map[int]*Unit{}
		case it.Break != nil:
			in = nil
		default:
			u := it.Unit
			if in == nil || in.Formats[u.Format.Track] != u.Format {
				t.Fatalf("Unit outside its Session: %s", describe(items))
			}
			if u.Format.Video() && fresh && !u.Random {
				t.Fatalf("begins with a unit that is not Random: %s", describe(items))
			}
			fresh = fresh && !u.Format.Video()
			if l := last[u.Format.Track]; l != nil && (u.DTS <= l.DTS || u.UTC.Before(l.UTC)) {
				t.Fatalf("DTS %d UTC %v after DTS %d UTC %v", u.DTS, u.UTC, l.DTS, l.UTC)
			}
			last[u.Format.Track] = u
		}
	}
}
