package mp4test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"gatehouse/rtsp"
)

// addPlain adds video whose samples are stored as they are: AV1 and Motion JPEG.
func (f *Footage) addPlain(t testing.TB, s Shot) {
	height := s.Width * 9 / 16 &^ 1
	file := filepath.Join(t.TempDir(), "v.mp4")
	args := []string{
		"-v", "error", "-f", "lavfi",
		"-i", fmt.Sprintf("testsrc2=size=%dx%d:rate=%d", s.Width, height, s.Rate), "-t", strconv.Itoa(s.Seconds),
	}
	if s.Video == rtsp.AV1 {
		args = append(args, "-c:v", "libaom-av1", "-usage", "realtime", "-cpu-used", "8", "-pix_fmt", "yuv420p", "-crf", "50",
			"-g", strconv.Itoa(s.GOP), "-keyint_min", strconv.Itoa(s.GOP), "-lag-in-frames", "0")
	} else {
		args = append(args, "-c:v", "mjpeg", "-pix_fmt", "yuvj420p", "-q:v", "10", "-huffman", "default")
	}
	Run(t, "ffmpeg", append(args, "-video_track_timescale", "90000", file)...)
	raw, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	format := &rtsp.Format{Track: len(f.Session.Formats), Codec: s.Video, ClockRate: 90000, Width: s.Width, Height: height}
	if s.Video == rtsp.AV1 {
		i := bytes.Index(raw, []byte("av1C"))
		if i < 0 {
			t.Fatal("ffmpeg wrote no av1C")
		}
		format.Config = raw[i+4 : i-4+int(binary.BigEndian.Uint32(raw[i-4:]))]
	}
	f.Session.Formats = append(f.Session.Formats, format)
	for _, p := range Packets(t, file) {
		f.add(format, p.PTS, p.DTS, p.Key(), raw[p.Pos:p.Pos+p.Size])
	}
}

func (f *Footage) addOpus(t testing.TB, s Shot) {
	file := filepath.Join(t.TempDir(), "a.mp4")
	Run(t, "ffmpeg", "-v", "error", "-f", "lavfi", "-i", "sine=frequency=440:sample_rate=48000",
		"-t", strconv.Itoa(s.Seconds), "-c:a", "libopus", "-b:a", "24k", "-ac", "1", file)
	raw, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	format := &rtsp.Format{Track: len(f.Session.Formats), Codec: rtsp.Opus, ClockRate: 48000, SampleRate: 48000, Channels: 2}
	f.Session.Formats = append(f.Session.Formats, format)
	for i, p := range Packets(t, file) {
		f.add(format, int64(i)*960, int64(i)*960, true, raw[p.Pos:p.Pos+p.Size])
	}
}

// addLPCM adds sound of s.Bits bits, two channels of 16 kHz in packets of 10 ms.
func (f *Footage) addLPCM(t testing.TB, s Shot) {
	if s.Bits == 0 {
		s.Bits = 16
	}
	kind := map[int]string{8: "u8", 16: "s16be", 24: "s24be"}[s.Bits]
	raw := Run(t, "ffmpeg", "-v", "error", "-f", "lavfi", "-i", "sine=frequency=440:sample_rate=16000",
		"-t", strconv.Itoa(s.Seconds), "-ac", "2", "-f", kind, "-")
	format := &rtsp.Format{
		Track: len(f.Session.Formats), Codec: rtsp.LPCM, ClockRate: 16000, SampleRate: 16000, Channels: 2, BitDepth: s.Bits,
	}
	f.Session.Formats = append(f.Session.Formats, format)
	const samples = 160
	packet := samples * 2 * s.Bits / 8
	for i := 0; (i+1)*packet <= len(raw); i++ {
		f.add(format, int64(i)*samples, int64(i)*samples, true, raw[i*packet:(i+1)*packet])
	}
}
