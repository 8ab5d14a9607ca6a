// Package mp4test makes footage for tests with ffmpeg and asks ffprobe about
// files. Both programs must be installed: a test without them fails.
package mp4test

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"sort"
	"strconv"
	"strings"
	"testing"
	"time"

	"gatehouse/rtsp"
)

// Shot describes footage to make.
type Shot struct {
	Video   rtsp.Codec // empty for none
	Audio   rtsp.Codec // empty for none
	Bits    int        // of LPCM; default 16
	Seconds int
	Rate    int // pictures a second; default 15
	GOP     int // pictures; default 30
	B       int // B-frames in a row
	Width   int // default 320; height is 9/16 of it
	Start   time.Time
	// Numbered pictures spell their number, and the sound is noise; see Numbers.
	Numbered bool
}

// Footage is one Session of Units in the order in which a camera sends them.
type Footage struct {
	Session *rtsp.Session
	Units   []*rtsp.Unit
}

// Make encodes a moving test picture and a tone. Units carry what the encoder
// made, with parameter sets repeated before key frames as cameras do.
func Make(t testing.TB, s Shot) Footage {
	t.Helper()
	if s.Rate == 0 {
		s.Rate = 15
	}
	if s.GOP == 0 {
		s.GOP = 30
	}
	if s.Width == 0 {
		s.Width = 320
	}
	if s.Start.IsZero() {
		s.Start = time.Date(2026, 11, 21, 21, 0, 3, 123456000, time.UTC)
	}
	f := Footage{Session: &rtsp.Session{Zero: s.Start}}
	switch s.Video {
	case rtsp.H264, rtsp.H265:
		f.addVideo(t, s)
	case rtsp.AV1, rtsp.MJPEG:
		f.addPlain(t, s)
	}
	switch s.Audio {
	case rtsp.Opus:
		f.addOpus(t, s)
	case rtsp.LPCM:
		f.addLPCM(t, s)
	case rtsp.AAC:
		f.addAAC(t, s)
	case rtsp.PCMU, rtsp.PCMA:
		f.addG711(t, s)
	}
	sort.SliceStable(f.Units, func(i, j int) bool { return seconds(f.Units[i]) < seconds(f.Units[j]) })
	return f
}

func seconds(u *rtsp.Unit) float64 { return float64(u.DTS) / float64(u.Format.ClockRate) }

func (f *Footage) add(format *rtsp.Format, pts, dts int64, random bool, data ...[]byte) {
	at := time.Duration(pts * int64(time.Second) / int64(format.ClockRate))
	utc := f.Session.Zero.Add(at).Truncate(time.Microsecond)
	f.Units = append(f.Units, &rtsp.Unit{
		Format: format, PTS: pts, DTS: dts, UTC: utc, Arrived: utc,
		Clock: rtsp.ClockReport, Random: random, Data: data,
	})
}

func (f *Footage) addVideo(t testing.TB, s Shot) {
	height := s.Width * 9 / 16 &^ 1
	lib, extra := "libx264", "scenecut=0:open-gop=0"
	if s.Video == rtsp.H265 {
		lib, extra = "libx265", "scenecut=0:open-gop=0:log-level=error"
	}
	file := filepath.Join(t.TempDir(), "v.mp4")
	Run(t, "ffmpeg", "-v", "error", "-f", "lavfi",
		"-i", s.picture(height), "-t", strconv.Itoa(s.Seconds),
		"-c:v", lib, "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-g", strconv.Itoa(s.GOP),
		"-bf", strconv.Itoa(s.B), "-"+strings.TrimPrefix(lib, "lib")+"-params", extra,
		"-threads", "1", "-video_track_timescale", "90000", file)
	raw, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	format := &rtsp.Format{Track: len(f.Session.Formats), Codec: s.Video, ClockRate: 90000, Width: s.Width, Height: height}
	var sets [][]byte
	if s.Video == rtsp.H264 {
		sets = avcSets(t, raw)
		format.SPS, format.PPS = sets[0], sets[1]
	} else {
		sets = hevcSets(t, raw)
		format.VPS, format.SPS, format.PPS = sets[0], sets[1], sets[2]
	}
	f.Session.Formats = append(f.Session.Formats, format)
	for _, p := range Packets(t, file) {
		nals := split(t, raw[p.Pos:p.Pos+p.Size])
		if p.Key() {
			nals = append(append([][]byte{}, sets...), nals...)
		}
		f.add(format, p.PTS, p.DTS, p.Key(), nals...)
	}
}

func (f *Footage) addAAC(t testing.TB, s Shot) {
	file := filepath.Join(t.TempDir(), "a.mp4")
	Run(t, "ffmpeg", "-v", "error", "-f", "lavfi", "-i", s.sound(16000),
		"-t", strconv.Itoa(s.Seconds), "-c:a", "aac", "-ac", "1", file)
	raw, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	format := &rtsp.Format{
		Track: len(f.Session.Formats), Codec: rtsp.AAC, ClockRate: 16000, SampleRate: 16000, Channels: 1,
		Config: []byte{0x14, 0x08}, // AAC-LC, 16 kHz, mono
	}
	f.Session.Formats = append(f.Session.Formats, format)
	for i, p := range Packets(t, file) {
		f.add(format, int64(i)*1024, int64(i)*1024, true, raw[p.Pos:p.Pos+p.Size])
	}
}

func (f *Footage) addG711(t testing.TB, s Shot) {
	kind := map[rtsp.Codec]string{rtsp.PCMU: "mulaw", rtsp.PCMA: "alaw"}[s.Audio]
	raw := Run(t, "ffmpeg", "-v", "error", "-f", "lavfi", "-i", s.sound(8000),
		"-t", strconv.Itoa(s.Seconds), "-ac", "1", "-f", kind, "-")
	format := &rtsp.Format{Track: len(f.Session.Formats), Codec: s.Audio, ClockRate: 8000, SampleRate: 8000, Channels: 1}
	f.Session.Formats = append(f.Session.Formats, format)
	const packet = 320
	for i := 0; i+packet <= len(raw); i += packet {
		f.add(format, int64(i), int64(i), true, raw[i:i+packet])
	}
}

func avcSets(t testing.TB, raw []byte) [][]byte {
	i := bytes.Index(raw, []byte("avcC"))
	if i < 0 {
		t.Fatal("ffmpeg wrote no avcC")
	}
	b := raw[i+4+6:]
	n := binary.BigEndian.Uint16(b)
	sps, b := b[2:2+n], b[2+n:]
	n = binary.BigEndian.Uint16(b[1:])
	return [][]byte{sps, b[3 : 3+n]}
}

func hevcSets(t testing.TB, raw []byte) [][]byte {
	i := bytes.Index(raw, []byte("hvcC"))
	if i < 0 {
		t.Fatal("ffmpeg wrote no hvcC")
	}
	b := raw[i+4+22:]
	sets := make([][]byte, 3)
	for n, b := b[0], b[1:]; n > 0; n-- {
		kind := b[0] & 0x3f
		size := binary.BigEndian.Uint16(b[3:])
		if kind >= 32 && kind <= 34 {
			sets[kind-32] = b[5 : 5+size]
		}
		b = b[5+size:]
	}
	return sets
}

func split(t testing.TB, b []byte) (nals [][]byte) {
	for len(b) > 4 {
		n := binary.BigEndian.Uint32(b)
		nals = append(nals, b[4:4+n])
		b = b[4+n:]
	}
	if len(b) != 0 || len(nals) == 0 {
		t.Fatal("ffmpeg wrote a sample that is no list of NAL units")
	}
	return nals
}

// Packet is what ffprobe says of a packet.
type Packet struct {
	Stream int    `json:"stream_index"`
	PTS    int64  `json:"pts"`
	DTS    int64  `json:"dts"`
	Pos    int64  `json:"pos,string"`
	Size   int64  `json:"size,string"`
	Flags  string `json:"flags"`
}

// Key reports whether the packet is a key frame.
func (p Packet) Key() bool { return strings.HasPrefix(p.Flags, "K") }

// Packets lists a file's packets.
func Packets(t testing.TB, file string) []Packet {
	t.Helper()
	var v struct{ Packets []Packet }
	out := Run(t, "ffprobe", "-v", "error", "-show_entries", "packet=stream_index,pts,dts,pos,size,flags", "-of", "json", file)
	if err := json.Unmarshal(out, &v); err != nil {
		t.Fatal(err)
	}
	return v.Packets
}

// Decode decodes a whole file and returns the number of pictures of it; any
// complaint of the decoder fails the test.
func Decode(t testing.TB, file string) int {
	t.Helper()
	cmd := exec.Command("ffmpeg", "-v", "error", "-xerror", "-i", file, "-map", "0:v?", "-map", "0:a?", "-f", "null", "-")
	if out, err := cmd.CombinedOutput(); err != nil || len(bytes.TrimSpace(out)) > 0 {
		t.Fatalf("decoding %s: %v\n%s", filepath.Base(file), err, out)
	}
	out := Run(t, "ffprobe", "-v", "error", "-count_frames", "-select_streams", "v",
		"-show_entries", "stream=nb_read_frames", "-of", "csv=p=0", file)
	s := strings.Trim(strings.TrimSpace(string(out)), ",")
	if s == "" {
		return 0
	}
	n, err := strconv.Atoi(s)
	if err != nil {
		t.Fatalf("ffprobe counted %q", s)
	}
	return n
}

// Run runs a program and returns what it printed.
func Run(t testing.TB, name string, args ...string) []byte {
	t.Helper()
	var out, complaint bytes.Buffer
	cmd := exec.Command(name, args...)
	cmd.Stdout, cmd.Stderr = &out, &complaint
	if err := cmd.Run(); err != nil {
		t.Fatalf("%s: %v\n%s", name, err, complaint.Bytes())
	}
	return out.Bytes()
}
