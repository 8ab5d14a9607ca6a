package homekit

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"image/jpeg"
	"math"
	"net"
	"net/http"
	"os/exec"
	"testing"
	"time"

	"github.com/pion/rtcp"
	"github.com/pion/rtp"
	"github.com/pion/rtp/codecs"
	"github.com/pion/srtp/v3"

	"gatehouse/bridge/homekit/stream"
)

// screen is a controller that watches.
type screen struct {
	*wire
	t            testing.TB
	setup, start string // characteristics of its slot, "aid.iid"
	id           [16]byte
	key, salt    []byte
	video, sound *net.UDPConn
	in, out      *srtp.Context
	reports      int // sender reports of the accessory
	answers      bool
	listens      bool // asks for sound too: 24 kHz, in packets of 20 ms
	began        time.Time
}

// watch verifies and finds a stream slot.
func watch(t testing.TB, w *wire, slot int) *screen {
	t.Helper()
	_, body := w.ask("GET", "/accessories", nil)
	var shape shapeOf
	if err := json.Unmarshal(body, &shape); err != nil {
		t.Fatal(err)
	}
	s := &screen{
		wire: w, t: t, setup: shape.ids(t, typeSetup)[slot], start: shape.ids(t, typeSelected)[slot],
		key: bytes.Repeat([]byte{7}, stream.KeySize), salt: bytes.Repeat([]byte{9}, stream.SaltSize), answers: true,
	}
	s.id[0] = byte(slot + 1)
	s.video, s.sound = hear(t), hear(t)
	return s
}

func hear(t testing.TB) *net.UDPConn {
	pc, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	pc.SetReadBuffer(4 << 20)
	t.Cleanup(func() { pc.Close() })
	return pc
}

func port(c *net.UDPConn) []byte {
	return binary.LittleEndian.AppendUint16(nil, uint16(c.LocalAddr().(*net.UDPAddr).Port))
}

// wish is the request for a session at an address.
func (s *screen) wish(addr string) []byte {
	at := appendTLV(nil, 1, []byte{0})
	at = appendTLV(at, 2, []byte(addr))
	at = appendTLV(at, 3, port(s.video))
	at = appendTLV(at, 4, port(s.sound))
	keys := appendTLV(appendTLV(appendTLV(nil, 1, []byte{0}), 2, s.key), 3, s.salt)
	b := appendTLV(appendTLV(nil, 1, s.id[:]), 3, at)
	return appendTLV(appendTLV(b, 4, keys), 5, keys)
}

// selection is the request to begin or end.
func (s *screen) selection(command byte, w, h uint16) []byte {
	b := appendTLV(nil, 1, appendTLV(appendTLV(nil, 1, s.id[:]), 2, []byte{command}))
	attrs := appendTLV(nil, 1, binary.LittleEndian.AppendUint16(nil, w))
	attrs = appendTLV(appendTLV(attrs, 2, binary.LittleEndian.AppendUint16(nil, h)), 3, []byte{30})
	link := appendTLV(nil, 1, []byte{99})
	link = appendTLV(link, 2, []byte{1, 2, 3, 4})
	link = appendTLV(link, 3, []byte{44, 1})
	link = appendTLV(link, 4, binary.LittleEndian.AppendUint32(nil, math.Float32bits(0.5)))
	link = appendTLV(link, 5, binary.LittleEndian.AppendUint16(nil, 1378))
	video := appendTLV(appendTLV(nil, 1, []byte{codecH264}), 3, attrs)
	b = appendTLV(b, 2, appendTLV(video, 4, link))
	if !s.listens {
		return b
	}
	params := appendTLV(appendTLV(appendTLV(nil, 1, []byte{1}), 2, []byte{0}), 3, []byte{2})
	sound := appendTLV(appendTLV(nil, 1, []byte{codecOpus}), 2, appendTLV(params, 4, []byte{20}))
	return appendTLV(b, 3, appendTLV(sound, 3, appendTLV(nil, 1, []byte{110})))
}

// write writes one characteristic and returns its status.
func (s *screen) write(id string, v []byte) int {
	s.t.Helper()
	var aid, iid int
	fmt.Sscanf(id, "%d.%d", &aid, &iid)
	body, _ := json.Marshal(m{"characteristics": []m{{"aid": aid, "iid": iid, "value": base64.StdEncoding.EncodeToString(v)}}})
	status, answer := s.ask("PUT", "/characteristics", body)
	if status == http.StatusNoContent {
		return codeDone
	}
	var a struct {
		Characteristics []struct{ Status int }
	}
	if err := json.Unmarshal(answer, &a); err != nil || len(a.Characteristics) != 1 {
		s.t.Fatalf("status %d: %s", status, answer)
	}
	return a.Characteristics[0].Status
}

// open sets up a session and begins it.
func (s *screen) open(w, h uint16) {
	s.t.Helper()
	if code := s.write(s.setup, s.wish("127.0.0.1")); code != codeDone {
		s.t.Fatalf("set-up: %d", code)
	}
	_, body := s.ask("GET", "/characteristics?id="+s.setup, nil)
	var a struct {
		Characteristics []struct{ Value string }
	}
	if err := json.Unmarshal(body, &a); err != nil {
		s.t.Fatal(err)
	}
	items, ok := decodeTLV(a.Characteristics[0].Value)
	if id, _ := find(items, 1); !ok || findByte(items, 2) != sessionReady || !bytes.Equal(id, s.id[:]) {
		s.t.Fatalf("answer %v", items)
	}
	var err error
	if s.in, err = srtp.CreateContext(s.key, s.salt, srtp.ProtectionProfileAes128CmHmacSha1_80); err != nil {
		s.t.Fatal(err)
	}
	if s.out, err = srtp.CreateContext(s.key, s.salt, srtp.ProtectionProfileAes128CmHmacSha1_80); err != nil {
		s.t.Fatal(err)
	}
	s.began = time.Now()
	if code := s.write(s.start, s.selection(commandStart, w, h)); code != codeDone {
		s.t.Fatalf("start: %d", code)
	}
}

// pictures receives n pictures and returns them as Annex B, answering reports as
// a controller does.
func (s *screen) pictures(n int) []byte {
	s.t.Helper()
	var out []byte
	var unit codecs.H264Packet
	buf := make([]byte, 2048)
	s.video.SetReadDeadline(time.Now().Add(20 * time.Second))
	next := -1
	for n > 0 {
		size, from, err := s.video.ReadFromUDPAddrPort(buf)
		if err != nil {
			s.t.Fatalf("%d pictures missing: %v", n, err)
		}
		if size > 1200 {
			s.t.Fatalf("a packet of %d bytes", size)
		}
		if buf[1] >= 192 && buf[1] <= 223 {
			if _, err := s.in.DecryptRTCP(nil, buf[:size], nil); err != nil {
				s.t.Fatal(err)
			}
			if s.reports++; s.answers {
				s.say(&rtcp.ReceiverReport{SSRC: 0x04030201}, from.Port())
			}
			continue
		}
		plain, err := s.in.DecryptRTP(nil, buf[:size], nil)
		if err != nil {
			s.t.Fatal(err)
		}
		var p rtp.Packet
		if err := p.Unmarshal(plain); err != nil || p.PayloadType != 99 {
			s.t.Fatalf("%v %v", p, err)
		}
		if next >= 0 && p.SequenceNumber != uint16(next) {
			s.t.Fatalf("packet %d, want %d", p.SequenceNumber, next)
		}
		next = int(p.SequenceNumber) + 1
		b, err := unit.Unmarshal(p.Payload)
		if err != nil {
			s.t.Fatal(err)
		}
		out = append(out, b...)
		if p.Marker {
			n--
		}
	}
	return out
}

// quiet waits until nothing more arrives and forgets it.
func (s *screen) quiet() {
	buf := make([]byte, 2048)
	for {
		s.video.SetReadDeadline(time.Now().Add(200 * time.Millisecond))
		if _, err := s.video.Read(buf); err != nil {
			return
		}
	}
}

func (s *screen) say(p rtcp.Packet, port uint16) {
	b, err := rtcp.Marshal([]rtcp.Packet{p})
	if err != nil {
		s.t.Fatal(err)
	}
	if b, err = s.out.EncryptRTCP(nil, b, nil); err != nil {
		s.t.Fatal(err)
	}
	s.video.WriteToUDP(b, &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1), Port: int(port)})
}

// decoded returns the last picture as ffmpeg decodes it, and how many there are.
func decoded(t testing.TB, h264 []byte, s size) (last []byte, n int) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "ffmpeg", "-v", "warning", "-f", "h264", "-i", "-", "-fps_mode", "passthrough", "-f", "rawvideo", "-pix_fmt", "yuv420p", "-")
	var out, complaints bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = bytes.NewReader(h264), &out, &complaints
	if err := cmd.Run(); err != nil || complaints.Len() > 0 {
		t.Fatalf("%v: %s", err, complaints.String())
	}
	size := s.w * s.h * 3 / 2
	if out.Len() == 0 || out.Len()%size != 0 {
		t.Fatalf("%d bytes decoded", out.Len())
	}
	return out.Bytes()[out.Len()-size:], out.Len() / size
}

// likeness is the mean difference of a decoded picture to the snapshot.
func likeness(t *testing.T, gray, snapshot []byte, s size) float64 {
	t.Helper()
	img, err := jpeg.Decode(bytes.NewReader(snapshot))
	if err != nil {
		t.Fatal(err)
	}
	sum := 0.0
	for y := range s.h {
		for x := range s.w {
			r, g, b, _ := img.At(x, y).RGBA()
			luma := (0.2126*float64(r) + 0.7152*float64(g) + 0.0722*float64(b)) / 257
			sum += math.Abs(luma - (float64(gray[y*s.w+x])-16)*255/219)
		}
	}
	return sum / float64(s.w*s.h)
}

// TestStreamShowsTheCard watches the doorbell with two controllers at once, as an
// Apple TV does: what plays is what the snapshot shows, and a new card within a
// second or two.
func TestStreamShowsTheCard(t *testing.T) {
	b := startBridge(t, Config{})
	b.Show([]Card{sample})
	key := paired(t, b, "me", true)
	var both []*screen
	var films [][]byte
	for i, s := range []size{{1280, 720}, {640, 360}} {
		w := dial(t, b.Addr())
		w.verify("me", key)
		v := watch(t, w, i)
		began := time.Now()
		v.open(uint16(s.w), uint16(s.h))
		films = append(films, v.pictures(5))
		gray, n := decoded(t, films[i], s)
		if n != 5 || v.reports == 0 {
			t.Errorf("%d pictures, %d reports", n, v.reports)
		}
		if d := likeness(t, gray, b.snapshot(t.Context(), s.w, s.h), s); d > 3 {
			t.Errorf("%v: the picture differs from the card by %.1f", s, d)
		}
		t.Log("five pictures after", time.Since(began))
		both = append(both, v)
	}
	b.Show(nil)
	for i, v := range both {
		s := []size{{1280, 720}, {640, 360}}[i]
		snapshot := b.snapshot(t.Context(), s.w, s.h)
		differs := math.Inf(1)
		for n := 0; n < 10 && differs > 3; n++ { // pictures of the old card may wait in the socket
			films[i] = append(films[i], v.pictures(reelRate)...)
			gray, _ := decoded(t, films[i], s)
			differs = likeness(t, gray, snapshot, s)
		}
		if differs > 3 {
			t.Errorf("%v: still the old card", s)
		}
	}
}

// TestStreamSlots holds the slots to their rules.
func TestStreamSlots(t *testing.T) {
	b := startBridge(t, Config{})
	key := paired(t, b, "me", true)
	one, two := dial(t, b.Addr()), dial(t, b.Addr())
	one.verify("me", key)
	two.verify("me", key)
	first, second := watch(t, one, 0), watch(t, two, 0)
	second.id[1] = 2

	first.open(320, 240)
	first.pictures(1)
	if got := second.asked("127.0.0.1"); got != sessionBusy {
		t.Errorf("a slot in use answers %d", got)
	}
	if code := second.write(second.start, second.selection(commandStart, 320, 240)); code != codeUnknown {
		t.Errorf("started another's session: %d", code)
	}
	if code := second.write(second.start, second.selection(commandEnd, 0, 0)); code != codeDone {
		t.Errorf("ending no session: %d", code)
	}
	first.pictures(1)
	for what, v := range map[string][]byte{"text": []byte("\x01"), "empty": {}, "other codec": appendTLV(first.selection(commandStart, 1, 1), 2, nil)[:20]} {
		if code := first.write(first.start, v); code == codeDone {
			t.Errorf("%s: taken", what)
		}
	}
	if code := first.write(first.start, first.selection(commandEnd, 0, 0)); code != codeDone {
		t.Errorf("end: %d", code)
	}
	second.open(320, 240) // free again
	second.pictures(1)
	two.nc.Close() // vanishes
	deadline := time.Now().Add(10 * time.Second)
	for first.asked("127.0.0.1") != sessionReady {
		if time.Now().After(deadline) {
			t.Fatal("the slot of a connection that ended is not free")
		}
		time.Sleep(20 * time.Millisecond)
	}
	for _, addr := range []string{"8.8.8.8", "0.0.0.0", "224.0.0.1", "2001:db8::1", "x", ""} {
		if got := first.asked(addr); got != sessionError {
			t.Errorf("%q: %d", addr, got)
		}
	}
}

// asked sets up a session and returns the answer's status.
func (s *screen) asked(addr string) byte {
	s.t.Helper()
	s.write(s.setup, s.wish(addr))
	_, body := s.ask("GET", "/characteristics?id="+s.setup, nil)
	var a struct {
		Characteristics []struct{ Value string }
	}
	if err := json.Unmarshal(body, &a); err != nil {
		s.t.Fatal(err)
	}
	items, _ := decodeTLV(a.Characteristics[0].Value)
	return findByte(items, 2)
}
