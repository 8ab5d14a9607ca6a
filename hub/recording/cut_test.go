package recording_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"gatehouse/hub/internal/mp4"
	"gatehouse/hub/internal/mp4/mp4test"
	"gatehouse/hub/recording"
)

// form is a recording as it lies on disk, and its row.
type form struct {
	row  recording.Segment
	file []byte
}

// forms are a recording while it is written, closed, and recovered after a crash.
func forms(t *testing.T) map[string]form {
	t.Helper()
	s := newStore(t, 1).start(t, recording.OSFiles{})
	files := map[string]form{}
	take := func(name string) {
		row := s.all(t)[0]
		files[name] = form{row, read(t, s.path(t, row))}
	}
	src := &script{items: items(tile(twoSeconds(t), 4, 2e9))}
	src.at = func(i int) {
		if i == len(src.items) {
			take("open")
			runtime.Goexit()
		}
	}
	s.until(t, src)
	s.start(t, recording.OSFiles{})
	take("recovered")

	s = newStore(t, 1).start(t, recording.OSFiles{})
	s.record(t, src.items...)
	take("closed")
	return files
}

// TestRecoveryOfCutFiles cuts a recording at each fragment's beginning, a byte
// before and after it, and at a thousand other bytes: everything before the cut
// is read, recovery finalises it, keeps every recorded byte, sets aside what is
// more, and its row and hashes agree.
func TestRecoveryOfCutFiles(t *testing.T) {
	for name, f := range forms(t) {
		t.Run(name, func(t *testing.T) { cutEverywhere(t, name, f.row, f.file) })
	}
}

func cutEverywhere(t *testing.T, name string, row recording.Segment, b []byte) {
	whole, err := mp4.Parse(bytes.NewReader(b), int64(len(b)))
	if err != nil || whole.Closed != (name != "open") || len(whole.Fragments) < 12 {
		t.Fatalf("%v, %d fragments", err, len(whole.Fragments))
	}
	// The first fragment is durable before a row speaks of the file.
	first := whole.Fragments[1].Offset
	cuts := []int64{first, first + 1}
	for _, f := range whole.Fragments[2:] {
		cuts = append(cuts, f.Offset-1, f.Offset, f.Offset+1)
	}
	cuts = append(cuts, whole.End-1, whole.End, int64(len(b)))
	r := rand.New(rand.NewPCG(1, 2))
	for range 1000 {
		cuts = append(cuts, first+r.Int64N(int64(len(b))-first))
	}
	s := newStore(t, 1).start(t, recording.OSFiles{})
	row.Disk, row.State, row.Root, row.Link = s.diskID(t, 0), recording.Open, recording.Hash{}, recording.Hash{}
	for i, cut := range cuts {
		row.Stream, row.Bytes, row.Duration = fmt.Sprintf("cut-%d", i), 0, 0
		row.Path = "recordings/" + row.Stream + ".mp4"
		if _, err := s.index.AddSegment(t.Context(), row); err != nil {
			t.Fatal(err)
		}
		if err := os.MkdirAll(filepath.Dir(s.path(t, row)), 0o750); err != nil {
			t.Fatal(err)
		}
		write(t, s.path(t, row), b[:cut])
		if i%149 == 0 && name == "open" { // as it is, before anything is mended
			if n, want := pictures(t, s.path(t, row)), wholePictures(whole, cut); n < want {
				t.Errorf("cut at %d: ffmpeg decodes %d pictures, %d are whole", cut, n, want)
			}
		}
	}
	s.start(t, recording.OSFiles{})
	for i, cut := range cuts {
		g, err := s.index.LastSegment(t.Context(), "porch", fmt.Sprintf("cut-%d", i))
		if err != nil {
			t.Fatal(err)
		}
		s.recovered(t, g, b[:cut], whole)
		if i%149 == 0 {
			if n, want := mp4test.Decode(t, s.path(t, g)), wholePictures(whole, cut); n != want {
				t.Errorf("cut at %d: ffmpeg decodes %d pictures, %d are whole", cut, n, want)
			}
		}
	}
	s.sound(t) // every leaf's hash, and every row
}

// recovered checks a file that was cut to b before.
func (s *store) recovered(t *testing.T, g recording.Segment, b []byte, whole *mp4.File) {
	t.Helper()
	n := 0
	for n < len(whole.Fragments) && whole.Fragments[n].Offset+whole.Fragments[n].Size <= int64(len(b)) {
		n++
	}
	end := whole.Fragments[n-1].Offset + whole.Fragments[n-1].Size
	name := s.path(t, g)
	now := read(t, name)
	got, err := mp4.Parse(bytes.NewReader(now), int64(len(now)))
	if err != nil || !got.Closed || got.End != end || len(got.Fragments) != n || g.State != recording.Recovered || g.Bytes != int64(len(now)) {
		t.Fatalf("cut at %d: recovered %d of %d fragments, end %d of %d, %+v, %v", len(b), len(got.Fragments), n, got.End, end, g, err)
	}
	if !bytes.Equal(now[mp4.InitOffset:end], b[mp4.InitOffset:end]) {
		t.Errorf("cut at %d: recovery changed recorded bytes", len(b))
	}
	want := b[end:]
	if len(bytes.Trim(want, "\x00")) == 0 || end == whole.End {
		want = nil // zeros and the beginning of the tables are not worth keeping
	}
	tail, err := os.ReadFile(name + ".tail")
	if !bytes.Equal(tail, want) {
		t.Errorf("cut at %d: %d bytes set aside of %d: %v", len(b), len(tail), len(want), err)
	}
}

// wholePictures is how many pictures lie in whole fragments before a cut.
func wholePictures(f *mp4.File, cut int64) (n int) {
	for _, fr := range f.Fragments {
		if fr.Track == 0 && fr.Offset+fr.Size <= cut {
			n += len(fr.Samples)
		}
	}
	return n
}

// pictures is how many ffmpeg decodes, whatever it says of the rest.
func pictures(t *testing.T, name string) (n int) {
	t.Helper()
	out, _ := exec.Command("ffprobe", "-v", "quiet", "-count_frames", "-select_streams", "v",
		"-show_entries", "stream=nb_read_frames", "-of", "csv=p=0", name).Output()
	_, _ = fmt.Sscan(strings.Trim(strings.TrimSpace(string(out)), ","), &n)
	return n
}
