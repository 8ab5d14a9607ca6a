package recording_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"io/fs"
	"log/slog"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"gatehouse/hub/internal/mp4"
	"gatehouse/hub/internal/mp4/mp4test"
	"gatehouse/hub/recording"
	"gatehouse/rtsp"
	"gatehouse/rtsp/rtsptest"
	"gatehouse/rtsp/rtsptest/bubble"
)

// visit is what is left of a camera after it was recorded until ended.
type visit struct {
	segments []recording.Segment
	gaps     []recording.Gap
	sent     []rtsptest.Sent
	ended    time.Time
}

// TestRecordTheZoo records every camera of the zoo at once, as a hub does, in
// virtual time, and holds each to what it sent: every picture is on disk byte for
// byte, in order, and decodes, and nothing else is; a picture that is not there
// lies in a gap.
func TestRecordTheZoo(t *testing.T) {
	dir := t.TempDir()
	visits := map[string]visit{}
	var s *store
	bubble.Test(t, func(t *testing.T) {
		time.Sleep(time.Until(time.Date(2026, 11, 21, 21, 0, 0, 0, time.UTC))) // the bubble's clock begins in 2000
		s = newStoreIn(t, dir, 1)
		s.visitZoo(t, visits)
	})
	var files []string
	for name, v := range visits {
		must, _ := rtsptest.MustOf(name)
		t.Run(name, func(t *testing.T) { s.matches(t, v, must) })
		for _, g := range v.segments {
			if !must.Undecodable {
				files = append(files, s.path(t, g))
			}
		}
	}
	decode(t, files)
}

// visitZoo records all cameras and fills visits.
func (s *store) visitZoo(t *testing.T, visits map[string]visit) {
	cameras := map[string]rtsptest.Camera{}
	for _, s := range rtsptest.Scripts() {
		cameras[s.Name] = s.Camera
	}
	network := rtsptest.ListenMemory("192.0.2.7:554")
	server, err := rtsptest.NewServer(rtsptest.Config{Listener: network, Log: slog.New(slog.DiscardHandler), Cameras: cameras})
	if err != nil {
		t.Fatal(err)
	}
	s.cfg.Now = time.Now
	s.start(t, recording.OSFiles{})
	serving, stop := context.WithCancel(context.Background())
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	var sinks, sources, recorders sync.WaitGroup
	sources.Go(func() { _ = server.Run(serving) })
	sinks.Go(func() {
		if err := s.Run(serving); err != nil {
			t.Error(err)
		}
	})
	for name := range cameras {
		source := rtsp.NewSource(rtsp.Config{
			Camera: name, URL: server.LoginURL(name), Log: slog.New(slog.DiscardHandler), Dial: network.Dial,
		})
		reader := source.Reader(64 << 20)
		recorders.Go(func() {
			if err := source.Run(ctx); err != nil {
				t.Error(err)
			}
		})
		recorders.Go(func() { // it ends with the source's shutdown Break
			if err := s.Recorder(name, recording.Main, reader).Run(context.Background()); err != nil {
				t.Error(err)
			}
		})
	}
	recorders.Wait()
	ended := time.Now()
	stop()
	sinks.Wait()
	sources.Wait()
	s.sound(t)
	for name := range cameras {
		v := visit{sent: server.Sent(name), ended: ended}
		if v.segments, err = s.Segments(t.Context(), name, recording.Main, time.Unix(0, 0), recording.FarFuture); err != nil {
			t.Fatal(err)
		}
		if v.gaps, err = s.Gaps(t.Context(), name, recording.Main, time.Unix(0, 0), recording.FarFuture); err != nil {
			t.Fatal(err)
		}
		visits[name] = v
	}
}

// tail is how long before the end of reading a picture may have been on its way.
const tail = time.Second

// matches holds what was recorded of a camera to what it sent and to its Must.
func (s *store) matches(t *testing.T, v visit, must rtsptest.Must) {
	var reasons []string
	for _, g := range v.gaps {
		reasons = append(reasons, string(g.Reason))
		if !g.To.IsZero() && g.To.Before(g.From) {
			t.Errorf("gap ends before it begins: %+v", g)
		}
	}
	if runs := runs(v.segments); runs != must.Runs || !slices.Equal(reasons, append(must.Gaps, string(rtsp.ReasonShutdown))) {
		t.Errorf("%d runs and gaps %v, want %d and %v before the shutdown", runs, reasons, must.Runs, must.Gaps)
	}
	var pictures, sounds []string
	for _, g := range v.segments {
		p, a := s.samples(t, g)
		pictures, sounds = append(pictures, p...), append(sounds, a...)
	}
	if must.Undecodable {
		decodeWithVPS(t, pictures)
	}
	sent := v.sent
	if must.Begin > 0 && len(v.segments) > 0 {
		start := v.segments[0].Start
		if wait := start.Sub(sent[0].Captured); wait > must.Begin {
			t.Errorf("recording began after %v, want %v", wait, must.Begin)
		}
		// A clip that loops sends the same again: what precedes is not looked at.
		sent = slices.DeleteFunc(slices.Clone(sent), func(u rtsptest.Sent) bool { return u.Captured.Before(start.Add(-30 * time.Millisecond)) })
	}
	of := func(track int) []rtsptest.Sent {
		return slices.DeleteFunc(slices.Clone(sent), func(u rtsptest.Sent) bool { return !u.Whole || u.Track != track })
	}
	for _, u := range unmatched(t, of(0), pictures) {
		if u.Captured.Before(v.ended.Add(-tail)) && !covered(v.gaps, u.Captured) {
			t.Errorf("the picture of %v was sent, is not stored and lies in no gap %v", u.Captured, v.gaps)
		}
	}
	missing := unmatched(t, of(1), sounds)
	if len(must.Breaks) == 0 && len(pictures) > 0 && !must.Mute { // all sound from the first picture on
		for _, u := range missing {
			if u.Captured.Before(v.ended.Add(-tail)) && u.Captured.After(sent[0].Captured) {
				t.Errorf("the sound of %v was sent and is not stored", u.Captured)
			}
		}
	}
	t.Logf("%d segments, %d of %d pictures, %d of %d sounds, gaps %v",
		len(v.segments), len(pictures), len(of(0)), len(sounds), len(of(1)), reasons)
}

// runs counts the runs of segments. How many segments a run has depends on when
// the camera's turn is.
func runs(segments []recording.Segment) int {
	all := map[int64]bool{}
	for _, g := range segments {
		all[g.Run] = true
	}
	return len(all)
}

// decode has ffmpeg decode files, which must be without a fault. One process
// decodes many: on a small machine starting it is most of the work.
func decode(t *testing.T, files []string) {
	t.Helper()
	for some := range slices.Chunk(files, 16) {
		args := []string{"-v", "error", "-xerror"}
		for _, f := range some {
			args = append(args, "-i", f)
		}
		for i := range some {
			n := strconv.Itoa(i)
			// The file's own ticks: pictures that a camera gave one time are one apart.
			args = append(args, "-map", n+":v?", "-map", n+":a?", "-enc_time_base", "-1", "-f", "null", "-")
		}
		if out, err := exec.Command("ffmpeg", args...).CombinedOutput(); err != nil || len(bytes.TrimSpace(out)) > 0 {
			t.Errorf("decoding %q: %v\n%s", some, err, out)
		}
	}
}

// decodeWithVPS decodes H.265 that was recorded without a VPS, which no decoder
// here takes, with that of the clip before it: nothing else is missing.
func decodeWithVPS(t *testing.T, pictures []string) {
	t.Helper()
	clip := filepath.Join(t.TempDir(), "clip.mp4")
	b, err := fs.ReadFile(rtsptest.Clips(), "h265.mp4")
	if err != nil {
		t.Fatal(err)
	}
	write(t, clip, b)
	stream := mp4test.Run(t, "ffmpeg", "-v", "error", "-i", clip, "-c", "copy", "-frames:v", "1", "-bsf:v",
		"hevc_mp4toannexb,filter_units=pass_types=32-34", "-f", "hevc", "-")
	for _, p := range pictures {
		for p := []byte(p); len(p) > 4; {
			n := binary.BigEndian.Uint32(p)
			stream = append(append(stream, 0, 0, 0, 1), p[4:4+n]...)
			p = p[4+n:]
		}
	}
	name := filepath.Join(t.TempDir(), "with-vps.265")
	write(t, name, stream)
	if n := mp4test.Decode(t, name); n != len(pictures) {
		t.Errorf("%d of %d pictures decode", n, len(pictures))
	}
}

// samples are the stored pictures and sounds of a segment, which must be whole.
func (s *store) samples(t *testing.T, g recording.Segment) (pictures, sounds []string) {
	t.Helper()
	b := read(t, s.path(t, g))
	p, err := mp4.Parse(bytes.NewReader(b), int64(len(b)))
	if err != nil || !p.Closed {
		t.Fatalf("not finalised: %v", err)
	}
	for _, fr := range p.Fragments {
		for i, v := range fr.Samples {
			at := fr.SampleOffset(i)
			d := string(b[at : at+int64(v.Size)])
			switch t := p.Tracks[fr.Track]; {
			case !t.Video:
				sounds = append(sounds, d)
			case t.Codec() == "jpeg":
				pictures = append(pictures, scan(d))
			default:
				pictures = append(pictures, d)
			}
		}
	}
	return pictures, sounds
}

// scan is what follows the header of a JPEG, which is the receiver's.
func scan(jpeg string) string {
	const sos = "\xff\xda\x00\x0c"
	return jpeg[strings.Index(jpeg, sos)+len(sos)+10:]
}

// unmatched returns what of sent is not stored. It wants all that is stored to
// have been sent, in that order.
func unmatched(t *testing.T, sent []rtsptest.Sent, stored []string) []rtsptest.Sent {
	t.Helper()
	var missing []rtsptest.Sent
	i := 0
	for n, have := range stored {
		for i < len(sent) && !is(sent[i], have) {
			missing = append(missing, sent[i])
			i++
		}
		if i == len(sent) {
			t.Fatalf("number %d of %d on disk was not sent, or not then", n, len(stored))
		}
		i++
	}
	return append(missing, sent[i:]...)
}

// covered reports whether a gap explains why nothing of time at is stored; the
// shutdown explains nothing. The camera's time is known to a quarter of a second
// where it sends no good reports.
func covered(gaps []recording.Gap, at time.Time) bool {
	const slack = 250 * time.Millisecond
	return slices.ContainsFunc(gaps, func(g recording.Gap) bool {
		return g.Reason != rtsp.ReasonShutdown && g.From.Before(at.Add(slack)) && (g.To.IsZero() || g.To.After(at.Add(-slack)))
	})
}

// is reports whether have is how u is stored: NAL units with their length, OBUs
// and sound as they are, of a JPEG the scan.
func is(u rtsptest.Sent, have string) bool {
	switch {
	case strings.HasPrefix(string(u.Data[0]), "\xff\xd8"):
		return string(u.Data[1]) == have
	case string(bytes.Join(u.Data, nil)) == have:
		return true
	}
	var b []byte
	for _, n := range u.Data {
		b = append(binary.BigEndian.AppendUint32(b, uint32(len(n))), n...)
	}
	return string(b) == have
}
