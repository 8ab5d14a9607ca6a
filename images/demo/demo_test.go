package demo

import (
	"bytes"
	"encoding/json"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"testing"
	"time"

	"gatehouse/images/demo/script"
)

const maxBytes = 3 << 20 // of all films together; they are part of the program

var cameras = []string{Driveway, Porch}

func TestFilmsAreAllThereAndSmall(t *testing.T) {
	names, err := fs.Glob(FS, "*.mp4")
	if err != nil {
		t.Fatal(err)
	}
	if want := []string{Driveway + ".mp4", Porch + ".mp4"}; !slices.Equal(names, want) {
		t.Fatalf("films %q, want %q", names, want)
	}
	total := 0
	for _, name := range names {
		total += len(film(t, name))
	}
	if total > maxBytes {
		t.Errorf("films take %d bytes, want at most %d", total, maxBytes)
	}
}

func film(t *testing.T, name string) []byte {
	t.Helper()
	b, err := FS.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// The beginning of the file must tell a player all it needs, and hold neither
// edit list nor tags.
func TestFilmsStartFast(t *testing.T) {
	for _, camera := range cameras {
		b := film(t, camera+".mp4")
		moov, mdat := bytes.Index(b, []byte("moov")), bytes.Index(b, []byte("mdat"))
		if moov < 0 || mdat < moov {
			t.Errorf("%s: moov at %d, mdat at %d; want moov first", camera, moov, mdat)
			continue
		}
		for _, box := range []string{"elst", "ctts", "Lavf", "Lavc"} {
			if bytes.Contains(b[:mdat], []byte(box)) {
				t.Errorf("%s: holds %q", camera, box)
			}
		}
	}
}

type probed struct {
	Streams []struct {
		Type       string `json:"codec_type"`
		Codec      string `json:"codec_name"`
		Profile    string
		Width      int
		Height     int
		Pixels     string `json:"pix_fmt"`
		Rate       string `json:"avg_frame_rate"`
		B          int    `json:"has_b_frames"`
		SampleRate string `json:"sample_rate"`
		Channels   int
		Start      string `json:"start_time"`
		Duration   string
		Frames     string `json:"nb_frames"`
	}
	Frames []struct {
		Key  int    `json:"key_frame"`
		Kind string `json:"pict_type"`
	}
}

func probe(t *testing.T, camera string) probed {
	t.Helper()
	tool, err := exec.LookPath("ffprobe")
	if err != nil {
		t.Fatalf("ffprobe is needed to check the films: %v", err)
	}
	path := filepath.Join(t.TempDir(), camera+".mp4")
	if err := os.WriteFile(path, film(t, camera+".mp4"), 0o600); err != nil {
		t.Fatal(err)
	}
	var stderr bytes.Buffer
	cmd := exec.CommandContext(t.Context(), tool, "-v", "error", "-of", "json", "-show_streams",
		"-select_streams", "v", "-show_frames", path)
	both := exec.CommandContext(t.Context(), tool, "-v", "error", "-of", "json", "-show_streams", path)
	var p, all probed
	for _, run := range []struct {
		cmd *exec.Cmd
		to  *probed
	}{{cmd, &p}, {both, &all}} {
		run.cmd.Stderr = &stderr
		out, err := run.cmd.Output()
		if err != nil || stderr.Len() > 0 {
			t.Fatalf("%s: ffprobe: %v: %s", camera, err, &stderr)
		}
		if err := json.Unmarshal(out, run.to); err != nil {
			t.Fatal(err)
		}
	}
	p.Streams = all.Streams
	return p
}

func TestFilmsAreWhatEveryViewerTakes(t *testing.T) {
	for _, camera := range cameras {
		t.Run(camera, func(t *testing.T) {
			p := probe(t, camera)
			if len(p.Streams) != 2 {
				t.Fatalf("%d streams, want 2", len(p.Streams))
			}
			v, a := p.Streams[0], p.Streams[1]
			if v.Codec != "h264" || v.Profile != "Main" || v.Pixels != "yuv420p" || v.B != 0 ||
				v.Width != script.Width || v.Height != script.Height || v.Rate != "15/1" || v.Frames != "600" {
				t.Errorf("picture %+v", v)
			}
			if a.Codec != "aac" || a.Profile != "LC" || a.Channels != 1 ||
				a.SampleRate != strconv.Itoa(script.SampleRate) || a.Frames != "1250" {
				t.Errorf("sound %+v", a)
			}
			for _, s := range p.Streams {
				if d := seconds(t, s.Duration); d != Loop || seconds(t, s.Start) != 0 {
					t.Errorf("%s runs from %s for %v, want from 0 for %v", s.Type, s.Start, d, Loop)
				}
			}
			for i, f := range p.Frames {
				key := i%script.GOP == 0
				if (f.Key == 1) != key || (f.Kind == "I") != key || f.Kind == "B" {
					t.Fatalf("frame %d: key %d, kind %s", i, f.Key, f.Kind)
				}
			}
			if len(p.Frames) != 600 {
				t.Errorf("%d frames decoded, want 600", len(p.Frames))
			}
		})
	}
}

func seconds(t *testing.T, s string) time.Duration {
	t.Helper()
	f, err := strconv.ParseFloat(s, 64)
	if err != nil {
		t.Fatal(err)
	}
	return time.Duration(f * float64(time.Second))
}

func TestEventsLieInTheLoop(t *testing.T) {
	seen := map[string]int{}
	for i, e := range Events {
		if !slices.Contains(cameras, e.Camera) || e.What == "" {
			t.Errorf("event %+v: unknown camera or nothing to see", e)
		}
		if e.From < 0 || e.From >= e.To || e.To > Loop {
			t.Errorf("event %+v lies outside the loop of %v", e, Loop)
		}
		if i > 0 && e.From < Events[i-1].From {
			t.Errorf("event %+v comes after a later one", e)
		}
		seen[e.Camera]++
	}
	for _, camera := range cameras {
		if seen[camera] == 0 {
			t.Errorf("nothing happens at %s", camera)
		}
	}
}
