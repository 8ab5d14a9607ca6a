package rtsp

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bluenviron/gortsplib/v4/pkg/base"
	"github.com/bluenviron/mediacommon/v2/pkg/bits"

	"gatehouse/rtsp/rtsptest"
)

// FuzzMend wants the library to read what mend writes of a header that the
// library reads, with the same meaning, and mend to leave its own work alone.
func FuzzMend(f *testing.F) {
	f.Add([]byte("RTSP/1.0 200 OK\r\nCSeq: 4\r\ncontent-length: 5\r\n\r\n"))
	f.Add([]byte("RTSP/2.0 200\nCSeq : \t4\nnothing\nContent-Length:1\nContent-Length:2\n\n"))
	f.Add([]byte("OPTIONS * RTSP/1.0\r\n: x\r\n\r\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		n := headerEnd(b)
		if n < 0 {
			return
		}
		if n > len(b) || !bytes.HasSuffix(b[:n], []byte("\n")) || headerEnd(b[:n]) != n || headerEnd(b[:n-1]) >= 0 {
			t.Fatalf("the header of %q ends at %d", b, n)
		}
		head := mend(nil, b[:n])
		if again := mend(nil, head); !bytes.Equal(head, again) {
			t.Errorf("%q is mended to %q", head, again)
		}
		if headerEnd(head) != len(head) {
			t.Errorf("%q does not end as one header", head)
		}
		var before, after base.Response
		if strings.Contains(string(b[:n]), "\n\n") || before.Unmarshal(bufio.NewReader(bytes.NewReader(b[:n]))) != nil {
			return
		}
		switch err := after.Unmarshal(bufio.NewReader(bytes.NewReader(head))); {
		case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
			return // a length that the library did not see before, and no body here
		case err != nil:
			t.Fatalf("%q cannot be read: %v", head, err)
		}
		if before.StatusCode != after.StatusCode {
			t.Errorf("status %d became %d", before.StatusCode, after.StatusCode)
		}
	})
}

// FuzzDescription reads descriptions as the client does when the library cannot.
func FuzzDescription(f *testing.F) {
	seedScripts(f, func(cam rtsptest.Camera, _ bool) {
		if sdp, err := cam.Description(); err != nil {
			f.Fatal(err)
		} else if len(sdp) < 64<<10 {
			f.Add(sdp)
		}
	})
	f.Add("m=video 0 RTP/AVP 96 97\nm=audio 0 RTP/AVP 0\nm=")
	f.Fuzz(func(t *testing.T, body string) {
		medias := splitDescription(body)
		if len(medias) > strings.Count(body, "m=") {
			t.Fatalf("%d media", len(medias))
		}
		wanted := choose(medias, true)
		if len(wanted) > 2 {
			t.Fatalf("%d tracks", len(wanted))
		}
		u, err := parseAddress("rtsp://cam/x?y=z")
		if err != nil {
			t.Fatal(err)
		}
		for i, w := range wanted {
			tr := w.track
			if tr.clock.rate <= 0 || w.media.IsBackChannel || (tr.video == nil) != (tr.format != nil) {
				t.Errorf("track %+v", tr)
			}
			if tr.format != nil && tr.format.Track != i {
				t.Errorf("track %d is called %d", i, tr.format.Track)
			}
			if at, err := w.media.URL(u); err == nil && at != nil && at.Host != u.Host {
				t.Errorf("the track is set up at %s", at.Host)
			}
		}
	})
}

// FuzzSequencer gives numbers in any order and wants each packet at most once,
// in order, and a gap told wherever one is missing.
func FuzzSequencer(f *testing.F) {
	f.Add(uint16(0), []byte{0, 1, 2, 3, 5, 4, 6, 6, 9})
	f.Add(uint16(65530), []byte{0, 1, 2, 3, 5, 4, 6, 6, 9, 200, 201, 202, 0, 1})
	f.Fuzz(func(t *testing.T, first uint16, steps []byte) {
		var last *uint16
		given := map[int]int{}
		q := &sequencer{deliver: func(p *packet, _ time.Time, gap bool) error {
			if last != nil && p.seq != *last+1 && !gap {
				t.Errorf("%d after %d without a gap", p.seq, *last)
			}
			seq := p.seq
			last = &seq
			given[int(p.ts)]++
			if string(p.payload) != fmt.Sprint(p.ts) {
				t.Errorf("packet %d carries %q", p.ts, p.payload)
			}
			return nil
		}}
		at := time.Now()
		buf := make([]byte, 0, 16) // as the read buffer, it is used again
		for i, step := range steps {
			buf = fmt.Append(buf[:0], i)
			seq := first + uint16(step)
			if step >= 200 {
				seq += uint16(step) << 8
			}
			if err := q.offer(&packet{seq: seq, ts: uint32(i), payload: buf}, at); err != nil {
				t.Fatal(err)
			}
			at = at.Add(time.Duration(step) * time.Millisecond)
			if len(q.held) > holdPackets {
				t.Fatalf("%d packets are held", len(q.held))
			}
		}
		for i, n := range given {
			if n != 1 {
				t.Errorf("packet %d was given %d times", i, n)
			}
		}
	})
}

// FuzzClock gives units and reports in any order. UTC never runs backwards by
// more than what a jump of the position asks, and never ahead of it by more than
// half.
func FuzzClock(f *testing.F) {
	f.Add(uint32(90000), []byte{1, 0, 0, 23, 112, 2, 9, 9, 9, 9, 1, 0, 0, 23, 112})
	f.Add(uint32(8000), []byte{2, 255, 255, 255, 255, 1, 255, 255, 255, 255, 3, 1, 2, 3, 4})
	f.Fuzz(func(t *testing.T, rate uint32, in []byte) {
		c := trackClock{rate: int64(max(rate, 1))}
		u := utcClock{}
		at := time.Date(2026, 11, 21, 21, 0, 0, 0, time.UTC).UnixNano()
		last, lastUTC, any := int64(0), int64(0), false
		for ; len(in) >= 5; in = in[5:] {
			v := uint32(in[1])<<24 | uint32(in[2])<<16 | uint32(in[3])<<8 | uint32(in[4])
			at += int64(in[0]>>2) * int64(time.Millisecond)
			if in[0]&3 == 2 {
				c.takeReport(senderReport{ntp: uint64(v)<<32 | uint64(v), rtp: v})
				continue
			}
			pos := c.unwrap(v)
			c.observe(pos, at)
			ns := c.nanos(pos)
			if back := c.ticks(ns); abs(back-pos) > 1 {
				t.Fatalf("%d ticks at %d Hz are %d ns and then %d ticks", pos, c.rate, ns, back)
			}
			q := u.follow(&c, ns)
			if q < ClockReport || q > ClockArrival {
				t.Fatalf("quality %d", q)
			}
			utc := ns + u.off
			if any && ns >= last && (utc < lastUTC || utc-lastUTC > (ns-last)*3/2+1) {
				t.Fatalf("UTC moved by %d ns while the camera's clock moved by %d", utc-lastUTC, ns-last)
			}
			if last, lastUTC, any = ns, utc, true; ns < u.pos {
				any = false // a jump back is judged from the furthest position on
			}
		}
	})
}

// FuzzParams gives parameter sets. What is taken makes a Format that holds them
// byte for byte; the library is the judge of the picture parameter set's id.
func FuzzParams(f *testing.F) {
	seedScripts(f, func(cam rtsptest.Camera, hevc bool) {
		b, err := cam.Wire(1)
		if err != nil {
			f.Fatal(err)
		}
		if len(b) > 80 && len(b) < 8<<10 {
			f.Add(hevc, b[16:80], b[16:48], b[48:80])
		}
	})
	f.Add(false, []byte{0x67, 0x42, 0xc0, 0x0d, 0xda, 0x05, 0x07, 0xe8, 0x40, 0, 0, 3, 0, 0x40, 0, 0, 7, 0xa3, 0xc5, 0x0a, 0xa8}, []byte{0x68, 0xce, 0x0f, 0xc8}, []byte{0x67, 0x42})
	f.Fuzz(func(t *testing.T, hevc bool, a, b, c []byte) {
		p := params{codec: H264}
		var codec videoCodec = h264Codec{}
		if hevc {
			codec, p.codec = h265Codec{}, H265
		}
		for _, nal := range [][]byte{a, b, c} {
			if len(nal) == 0 {
				continue
			}
			before := p
			kind := codec.kind(nal)
			changed := p.offer(kind, nal)
			if changed && !slices.ContainsFunc([][]byte{p.vps, p.sps, p.pps}, func(s []byte) bool { return bytes.Equal(s, nal) }) {
				t.Errorf("%x was taken and is not there", nal)
			}
			if !changed && (!bytes.Equal(before.sps, p.sps) || !bytes.Equal(before.pps, p.pps)) {
				t.Errorf("%x was not taken and changed something", nal)
			}
			if id, ok := ppsID(nal, hevc); ok {
				at := 8
				if hevc {
					at = 16
				}
				if want, err := bits.ReadGolombUnsigned(nal, &at); err != nil || uint64(want) != id {
					t.Errorf("id %d, want %d, %v", id, want, err)
				}
			}
		}
		if !p.complete() {
			return
		}
		fm := p.make(90000)
		if !bytes.Equal(fm.SPS, p.sps) || !bytes.Equal(fm.PPS, p.pps) || fm.Width <= 0 || fm.Height <= 0 || p.make(90000) != fm {
			t.Errorf("format %+v", fm)
		}
		var d decodeTimes
		d.start(fm)
		last := int64(-1 << 62)
		for i, nal := range [][]byte{a, b, c} {
			if len(nal) > 0 {
				if dts := d.next(nal, int64(i)*3000); dts <= last {
					t.Errorf("decode time %d after %d", dts, last)
				} else {
					last = dts
				}
			}
		}
	})
}

// FuzzUnpack puts payloads together. What is open stays within its bounds and
// every NAL unit that comes out is of what went in.
func FuzzUnpack(f *testing.F) {
	f.Add(false, []byte("\x7c\x85abc"), []byte("\x7c\x05def"), []byte("\x7c\x45ghi"))
	f.Add(false, []byte("\x18\x00\x02\x67\x42\x00\x02\x68\xce"), []byte("\x65\x88"), []byte("\x41\x9a"))
	f.Add(true, []byte("\x62\x01\x93abc"), []byte("\x62\x01\x13def"), []byte("\x62\x01\x53ghi"))
	f.Add(true, []byte("\x60\x01\x00\x03\x40\x01\x0c\x00\x03\x42\x01\x01"), []byte("\x26\x01\x80"), []byte("\x00\x00\x01\x26\x01"))
	f.Fuzz(func(t *testing.T, hevc bool, a, b, c []byte) {
		var codec videoCodec = h264Codec{}
		if hevc {
			codec = h265Codec{}
		}
		asm := assembly{hevc: hevc}
		in := 0
		for _, p := range [][]byte{a, b, c} {
			in += len(p)
			if codec.unpack(&packet{payload: p}, &asm) != nil {
				asm.drop()
			}
		}
		if len(asm.buf) > in {
			t.Errorf("%d bytes of %d", len(asm.buf), in)
		}
		at := 0
		for i, end := range asm.ends {
			nal := asm.at(i)
			if end <= at || len(nal) != end-at || len(nal) == 0 {
				t.Fatalf("NAL unit %d ends at %d after %d", i, end, at)
			}
			at = end
			k := codec.kind(nal)
			if k >= nalSlice {
				codec.continues(nal)
				codec.skipped(nal)
			}
		}
		if !asm.open && at != len(asm.buf) {
			t.Errorf("%d bytes belong to no NAL unit", len(asm.buf)-at)
		}
	})
}
