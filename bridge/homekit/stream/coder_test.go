package stream

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"math"
	"net"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pion/rtp"
	"github.com/pion/srtp/v3"

	"gatehouse/rtsp"
)

// run runs ffmpeg as the hub does, and counts those that have not ended.
type run struct {
	mu    sync.Mutex
	alive int
	begun int
}

func (r *run) start(ctx context.Context, args ...string) (Child, error) {
	cmd := exec.CommandContext(ctx, "ffmpeg", append([]string{"-hide_banner", "-nostdin", "-loglevel", "error"}, args...)...)
	var said bytes.Buffer
	cmd.Stderr = &said
	in, err := cmd.StdinPipe()
	if err != nil {
		return Child{}, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return Child{}, err
	}
	if err := cmd.Start(); err != nil {
		return Child{}, err
	}
	r.count(1)
	return Child{In: in, Out: out, Wait: func() error {
		defer r.count(-1)
		in.Close()
		if err := cmd.Wait(); err != nil {
			return errors.New(said.String())
		}
		return nil
	}}, nil
}

func (r *run) count(n int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.alive += n
	r.begun += max(n, 0)
}

// tone is a camera whose sound is one of 440 Hz, with pictures beside it.
type tone struct {
	video   *rtsp.Format
	sound   *rtsp.Format
	frames  [][]byte
	ticks   int64
	begun   time.Time
	v, a    int64
	session bool
}

func (f *tone) Close() {}

func (f *tone) Next(ctx context.Context) (rtsp.Item, error) {
	if !f.session {
		f.session, f.begun = true, time.Now()
		return rtsp.Item{Session: &rtsp.Session{Formats: []*rtsp.Format{f.video, f.sound}}}, nil
	}
	at := duration(f.v*6000, 90000)
	heard := duration(f.a*f.ticks, f.sound.ClockRate)
	select {
	case <-ctx.Done():
		return rtsp.Item{}, ctx.Err()
	case <-time.After(time.Until(f.begun.Add(min(at, heard)))):
	}
	if at <= heard {
		u := &rtsp.Unit{Format: f.video, DTS: f.v * 6000, PTS: f.v * 6000, Arrived: time.Now(), Random: f.v%15 == 0, Data: [][]byte{{0x65, 1}}}
		f.v++
		return rtsp.Item{Unit: u}, nil
	}
	u := &rtsp.Unit{Format: f.sound, DTS: f.a * f.ticks, PTS: f.a * f.ticks, Arrived: time.Now(), Random: true, Data: [][]byte{f.frames[f.a%int64(len(f.frames))]}}
	f.a++
	return rtsp.Item{Unit: u}, nil
}

// made is four seconds of the tone as ffmpeg makes it.
func made(t *testing.T, args ...string) []byte {
	t.Helper()
	out, err := exec.Command("ffmpeg", append(append([]string{"-v", "error", "-f", "lavfi", "-i", "sine=440:d=4:r=16000"}, args...), "-")...).Output()
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func cut(b []byte, n int) (list [][]byte) {
	for ; len(b) >= n; b = b[n:] {
		list = append(list, b[:n])
	}
	return list
}

// ofADTS takes the frames out of a stream of AAC.
func ofADTS(b []byte) (list [][]byte) {
	for len(b) > 7 {
		n := int(b[3]&3)<<11 | int(b[4])<<3 | int(b[5])>>5
		list = append(list, b[7:n])
		b = b[n:]
	}
	return list
}

// TestSoundIsMadeOpus has cameras of AAC and G.711 heard at 16 and 24 kHz in
// packets of 20 and 60 ms: what arrives decodes to the tone, in its time.
func TestSoundIsMadeOpus(t *testing.T) {
	t.Parallel()
	aac := rtsp.Format{Codec: rtsp.AAC, ClockRate: 16000, SampleRate: 16000, Channels: 1, Config: []byte{0x14, 0x08}}
	for name, c := range map[string]struct {
		format rtsp.Format
		frames [][]byte
		ticks  int64
		rate   int
		packet time.Duration
	}{
		"aac":  {aac, ofADTS(made(t, "-c:a", "aac", "-f", "adts")), 1024, 24000, 20 * time.Millisecond},
		"far":  {aac, ofADTS(made(t, "-c:a", "aac", "-f", "adts")), 1024, 16000, 60 * time.Millisecond},
		"pcma": {rtsp.Format{Codec: rtsp.PCMA, ClockRate: 8000, SampleRate: 8000, Channels: 1}, cut(made(t, "-ar", "8000", "-f", "alaw"), 160), 160, 16000, 20 * time.Millisecond},
		"pcmu": {rtsp.Format{Codec: rtsp.PCMU, ClockRate: 8000, SampleRate: 8000, Channels: 1}, cut(made(t, "-ar", "8000", "-f", "mulaw"), 320), 320, 24000, 60 * time.Millisecond},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var r run
			feed := &tone{
				video: &rtsp.Format{Codec: rtsp.H264, ClockRate: 90000, SPS: []byte{0x67}, PPS: []byte{0x68}},
				sound: &c.format, frames: c.frames, ticks: c.ticks,
			}
			m := Medium{Key: make([]byte, KeySize), Salt: make([]byte, SaltSize), SSRC: 5, PayloadType: 110, ClockRate: c.rate, PacketTime: c.packet}
			heard, stop := listenTo(t, Config{Feed: func() Feed { return feed }, FFmpeg: r.start, Mute: func(err error) { t.Error(err) }}, m)
			packets := heard(int(2 * time.Second / c.packet))
			stop()
			if r.begun != 1 || r.alive != 0 {
				t.Errorf("%d ffmpegs, %d left", r.begun, r.alive)
			}
			want := uint32(c.packet.Seconds() * float64(c.rate))
			for i, p := range packets[1:] {
				if step := p.Timestamp - packets[i].Timestamp; step != want {
					t.Errorf("packet %d comes %d ticks after the one before, want %d", i+1, step, want)
				}
			}
			if f := pitch(t, packets); math.Abs(f-440) > 10 {
				t.Errorf("a tone of %.0f Hz", f)
			}
		})
	}
}

// listenTo serves a session; heard returns its next n packets of sound.
func listenTo(t *testing.T, cfg Config, m Medium) (heard func(n int) []*rtp.Packet, stop func()) {
	t.Helper()
	pair := func() (far, near *netConn) {
		far = listen(t)
		return far, far.dial(t)
	}
	_, v := pair()
	far, s := pair()
	m.Conn = s.UDPConn
	cfg.Sound = &m
	cfg.Video = Medium{Conn: v.UDPConn, Key: m.Key, Salt: m.Salt, SSRC: 4, PayloadType: 99, ClockRate: 90000}
	ctx, cancel := context.WithCancel(t.Context())
	var serving sync.WaitGroup
	serving.Go(func() { _ = Serve(ctx, cfg) })
	stop = func() { cancel(); serving.Wait() }
	t.Cleanup(stop)
	in, err := srtp.CreateContext(m.Key, m.Salt, srtp.ProtectionProfileAes128CmHmacSha1_80)
	if err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, 2048)
	return func(n int) (list []*rtp.Packet) {
		far.SetReadDeadline(time.Now().Add(time.Minute))
		for len(list) < n {
			size, err := far.Read(buf)
			if err != nil {
				t.Fatalf("%d of %d packets: %v", len(list), n, err)
			}
			if buf[1] >= 192 && buf[1] <= 223 {
				continue
			}
			plain, err := in.DecryptRTP(nil, buf[:size], nil)
			if err != nil {
				t.Fatal(err)
			}
			p := new(rtp.Packet)
			if err := p.Unmarshal(plain); err != nil || p.PayloadType != m.PayloadType {
				t.Fatal(p, err)
			}
			list = append(list, p)
		}
		return list
	}, stop
}

// pitch decodes packets and returns how high the sound in them is, in Hz.
func pitch(t *testing.T, packets []*rtp.Packet) float64 {
	t.Helper()
	head := append([]byte("OpusHead\x01\x01\x00\x00"), 0x80, 0xbb, 0, 0, 0, 0, 0)
	list := [][]byte{head, []byte("OpusTags\x00\x00\x00\x00\x00\x00\x00\x00")}
	for _, p := range packets {
		list = append(list, p.Payload)
	}
	cmd := exec.Command("ffmpeg", "-v", "error", "-f", "ogg", "-i", "-", "-ar", "48000", "-ac", "1", "-f", "s16le", "-")
	var said bytes.Buffer
	cmd.Stdin, cmd.Stderr = bytes.NewReader(oggStream(list)), &said
	pcm, err := cmd.Output()
	if err != nil || said.Len() > 0 {
		t.Fatalf("%v: %s", err, said.String())
	}
	pcm = pcm[len(pcm)/4&^1:]
	ups, last := 0, int16(0)
	for i := 0; i+1 < len(pcm); i += 2 {
		v := int16(binary.LittleEndian.Uint16(pcm[i:]))
		if last < 0 && v >= 0 {
			ups++
		}
		last = v
	}
	return float64(ups) / (float64(len(pcm)) / 2 / 48000)
}

// oggStream puts packets into pages, one in each.
func oggStream(packets [][]byte) (out []byte) {
	for i, p := range packets {
		page := append([]byte("OggS\x00\x00"), make([]byte, 20)...)
		if i == 0 {
			page[5] = 2
		}
		binary.LittleEndian.PutUint64(page[6:], uint64(max(i-1, 0)*960))
		binary.LittleEndian.PutUint32(page[14:], 1)
		binary.LittleEndian.PutUint32(page[18:], uint32(i))
		var laps []byte
		for n := len(p); ; n -= 255 {
			laps = append(laps, byte(min(n, 255)))
			if n < 255 {
				break
			}
		}
		page = append(append(append(page, byte(len(laps))), laps...), p...)
		binary.LittleEndian.PutUint32(page[22:], oggSum(page))
		out = append(out, page...)
	}
	return out
}

// oggSum is the checksum of a page (RFC 3533, 6).
func oggSum(b []byte) (sum uint32) {
	for _, v := range b {
		sum ^= uint32(v) << 24
		for range 8 {
			if sum&(1<<31) != 0 {
				sum = sum<<1 ^ 0x04c11db7
			} else {
				sum <<= 1
			}
		}
	}
	return sum
}

// TestSoundNeverStopsPictures has no ffmpeg, one that does not start, one that
// dies and one that takes nothing: pictures go on, and each is told of once.
func TestSoundNeverStopsPictures(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		run  Runner
		want string // in what is said; nothing is said of one that is slow
	}{
		"none":  {nil, "not installed"},
		"never": {func(context.Context, ...string) (Child, error) { return Child{}, errors.New("no memory") }, "no memory"},
		"dies": {func(ctx context.Context, _ ...string) (Child, error) {
			return (&run{}).start(ctx, "-f", "no-such-format", "-i", "-")
		}, "no-such-format"},
		"deaf": {func(ctx context.Context, _ ...string) (Child, error) {
			in, deaf := io.Pipe()
			context.AfterFunc(ctx, func() { in.Close() })
			return Child{In: deaf, Out: io.NopCloser(stuck{ctx}), Wait: func() error { return nil }}, nil
		}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			feed := &tone{
				video: &rtsp.Format{Codec: rtsp.H264, ClockRate: 90000, SPS: []byte{0x67}, PPS: []byte{0x68}},
				sound: &rtsp.Format{Codec: rtsp.PCMA, ClockRate: 8000, SampleRate: 8000, Channels: 1}, frames: [][]byte{make([]byte, 160)}, ticks: 160,
			}
			far := listen(t)
			m := Medium{Key: make([]byte, KeySize), Salt: make([]byte, SaltSize), SSRC: 5, PayloadType: 110, ClockRate: 24000}
			video := m
			video.Conn, m.Conn = far.dial(t).UDPConn, listen(t).dial(t).UDPConn
			said := make(chan error, 10)
			ctx, cancel := context.WithCancel(t.Context())
			done := make(chan struct{})
			go func() {
				defer close(done)
				_ = Serve(ctx, Config{Video: video, Sound: &m, Feed: func() Feed { return feed }, FFmpeg: c.run, Mute: func(err error) { said <- err }})
			}()
			far.SetReadDeadline(time.Now().Add(time.Minute))
			buf := make([]byte, 2048)
			for n := 0; n < 40; { // more than two seconds
				if _, err := far.Read(buf); err != nil {
					t.Fatalf("%d pictures: %v", n, err)
				}
				if buf[1]&0x80 != 0 && (buf[1] < 192 || buf[1] > 223) {
					n++
				}
			}
			cancel()
			<-done
			if len(said) != min(len(c.want), 1) {
				t.Fatalf("told %d times", len(said))
			}
			if c.want != "" {
				if err := <-said; !strings.Contains(err.Error(), c.want) {
					t.Errorf("told %v", err)
				}
			}
		})
	}
}

// stuck is read until its context ends.
type stuck struct{ ctx context.Context }

func (s stuck) Read([]byte) (int, error) { <-s.ctx.Done(); return 0, io.EOF }

// FuzzOgg reads any bytes, and packets in any pieces as they were.
func FuzzOgg(f *testing.F) {
	f.Add([]byte("OggS"), uint16(3))
	f.Add(oggStream([][]byte{{1}, make([]byte, 255), make([]byte, 600), nil}), uint16(510))
	f.Fuzz(func(t *testing.T, b []byte, n uint16) {
		read(b)
		want := [][]byte{b[:min(len(b), oggMax)], make([]byte, min(n, oggMax)), {}}
		for _, p := range want {
			if len(p) > 254*255 {
				return // does not fit into one page
			}
		}
		got := read(oggStream(want))
		if len(got) != len(want) {
			t.Fatalf("%d packets of %d", len(got), len(want))
		}
		for i := range want {
			if !bytes.Equal(got[i], want[i]) {
				t.Fatalf("packet %d differs", i)
			}
		}
	})
}

func read(b []byte) (list [][]byte) {
	r := oggReader{src: bufio.NewReader(bytes.NewReader(b))}
	for {
		p, err := r.next()
		if err != nil {
			return list
		}
		list = append(list, p)
	}
}

// netConn is one end of a medium.
type netConn struct{ *net.UDPConn }

func listen(t *testing.T) *netConn {
	t.Helper()
	c, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	c.SetReadBuffer(4 << 20)
	t.Cleanup(func() { c.Close() })
	return &netConn{c}
}

func (c *netConn) dial(t *testing.T) *netConn {
	t.Helper()
	d, err := net.DialUDP("udp", nil, c.LocalAddr().(*net.UDPAddr))
	if err != nil {
		t.Fatal(err)
	}
	return &netConn{d}
}
