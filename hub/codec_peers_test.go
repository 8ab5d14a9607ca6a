package main

import (
	"bytes"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// codecSeconds is how long the films of these peers are.
const codecSeconds = 12

// codecPeer is a camera nobody here wrote that sends Motion JPEG and other sound
// than AAC. ffmpeg sends JPEG with its tables, GStreamer too; go2rtc passes on
// what ffmpeg sends.
type codecPeer struct {
	name  string
	sound string // ffmpeg's name
	start func(t *testing.T, dir, source string) string
}

var codecPeers = []codecPeer{
	{"go2rtc-opus", "libopus", startGo2rtc},
	{"go2rtc-l16", "pcm_s16be", startGo2rtc},
	{"gstreamer-opus", "libopus", func(t *testing.T, _, source string) string {
		return fmt.Sprintf("url: 'rtsp://127.0.0.1:%d/cam'", runGStreamer(t, source, "jpeg-opus"))
	}},
	{"gstreamer-l16", "pcm_s16be", func(t *testing.T, _, source string) string {
		return fmt.Sprintf("url: 'rtsp://127.0.0.1:%d/cam'", runGStreamer(t, source, "jpeg-l16"))
	}},
}

// TestRecordsPeersOfOtherCodecs records what peers send of a file and compares
// it: every scan, Opus packet and sample on disk is the file's, in order.
func TestRecordsPeersOfOtherCodecs(t *testing.T) {
	dir := t.TempDir()
	config := "listen: 127.0.0.1:0\ncameras:\n"
	sources := map[string]string{}
	for _, p := range codecPeers {
		source := sources[p.sound]
		if source == "" {
			source = filepath.Join(dir, p.sound+map[string]string{"libopus": ".mp4", "pcm_s16be": ".mov"}[p.sound])
			tool(t, "ffmpeg", "-v", "error", "-f", "lavfi", "-i", fmt.Sprintf("testsrc2=s=320x240:r=%d:d=%d", peerRate, codecSeconds),
				"-f", "lavfi", "-i", fmt.Sprintf("sine=440:r=48000:d=%d", codecSeconds), "-c:v", "mjpeg", "-huffman", "default",
				"-pix_fmt", "yuvj420p", "-q:v", "8", "-c:a", p.sound, "-ac", "2", source)
			sources[p.sound] = source
		}
		config += fmt.Sprintf("  - {name: %s, %s}\n", p.name, p.start(t, dir, source))
	}
	data := filepath.Join(dir, "data")
	writeConfig(t, data, config)
	h := startHub(t, data)
	for _, p := range codecPeers {
		t.Run(p.name, func(t *testing.T) {
			files := awaitRun(t, h, p.name, codecSeconds*3/5, time.Now().Add((codecSeconds+60)*time.Second))
			var pictures, sounds []string
			for _, f := range files {
				v, a := frames(t, f, "v"), frames(t, f, "a")
				probe(t, f, len(v), len(a))
				pictures, sounds = append(pictures, scans(t, v)...), append(sounds, texts(a)...)
			}
			source := sources[p.sound]
			compareFrames(t, "pictures", scans(t, frames(t, source, "v")), pictures)
			want := texts(frames(t, source, "a"))
			if p.sound == "libopus" {
				compareFrames(t, "sounds", want, sounds)
				return
			}
			got, all := strings.Join(sounds, ""), strings.Join(want, "")
			if at := strings.Index(all, got); at < 0 || len(got) < len(all)*3/5 {
				t.Errorf("%d bytes of sound are recorded, from %d on (-1: other bytes), of %d", len(got), at, len(all))
			} else {
				t.Logf("%d of %d bytes of sound are identical, from %d on", len(got), len(all), at)
			}
		})
	}
}

// compareFrames wants got to be want without a hole, and most of it: the film may
// be under way when the peer answers.
func compareFrames(t *testing.T, what string, want, got []string) {
	t.Helper()
	if len(got) == 0 || len(got) > len(want) {
		t.Fatalf("%d %s are recorded, %d were sent", len(got), what, len(want))
	}
	first := slices.Index(want, got[0])
	if first < 0 || first+len(got) > len(want) || !slices.Equal(want[first:first+len(got)], got) {
		t.Fatalf("%s: %d recorded are not those of the file from number %d on", what, len(got), first)
	}
	if len(got) < len(want)*3/5 {
		t.Errorf("%d of %d %s are recorded", len(got), len(want), what)
	}
	t.Logf("%d of %d %s are byte-identical, from number %d on", len(got), len(want), what, first)
}

func texts(frames [][]byte) (all []string) {
	for _, f := range frames {
		all = append(all, string(f))
	}
	return all
}

// scans are what stands between the scan header and EOI of each JPEG.
func scans(t *testing.T, frames [][]byte) (all []string) {
	t.Helper()
	for _, f := range frames {
		at := bytes.Index(f, []byte("\xff\xda"))
		if at < 0 || len(f) < at+16 {
			t.Fatalf("a picture of %d bytes is no JPEG", len(f))
		}
		scan := f[at+14:]
		if end := bytes.LastIndex(scan, []byte("\xff\xd9")); end >= 0 {
			scan = scan[:end]
		}
		all = append(all, string(scan))
	}
	return all
}
