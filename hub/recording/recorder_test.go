package recording_test

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"gatehouse/hub/internal/mp4"
	"gatehouse/hub/internal/mp4/mp4test"
	"gatehouse/hub/recording"
	"gatehouse/rtsp"
)

// twoSeconds is footage that can be tiled: a GOP of a second, and sound.
func twoSeconds(t testing.TB) mp4test.Footage {
	return mp4test.Make(t, mp4test.Shot{Video: rtsp.H264, Audio: rtsp.PCMU, Seconds: 2, GOP: 15})
}

func TestRecordingIsWhatTheCameraSent(t *testing.T) {
	f := tile(twoSeconds(t), 70, 2*time.Second)
	s := newStore(t, 1).start(t, recording.OSFiles{})
	s.record(t, items(f)...)
	all := s.all(t)
	if len(all) < 3 {
		t.Fatalf("%d segments of 140 s", len(all))
	}
	var got []byte
	var end time.Time
	units := map[int]int{}
	var bases [2]int64
	for i, g := range all {
		file := read(t, s.path(t, g))
		p, err := mp4.Parse(bytes.NewReader(file), int64(len(file)))
		if err != nil {
			t.Fatal(err)
		}
		if g.State != recording.Closed || !p.Closed || g.Bytes != int64(len(file)) || g.Run != all[0].Run || g.Seq != int64(i) {
			t.Errorf("segment %d: %+v", i, g)
		}
		if i > 0 && !g.Start.Equal(end) {
			t.Errorf("segment %d starts at %v, the one before ended at %v", i, g.Start, end)
		}
		if d := g.Duration; i > 0 && i < len(all)-1 && (d < 55*time.Second || d > 65*time.Second) {
			t.Errorf("segment %d lasts %v", i, d)
		}
		end = g.End()
		if !p.Fragments[0].Sync() || p.Fragments[0].Track != 0 {
			t.Errorf("segment %d does not start at a key frame", i)
		}
		for j, fr := range p.Fragments {
			d := recording.Ticks(fr.Duration(), int(p.Tracks[fr.Track].Timescale))
			if fr.Track == 0 && (d < 500*time.Millisecond || d > 4*time.Second) {
				t.Errorf("segment %d fragment %d lasts %v", i, j, d)
			}
			if fr.Base < bases[fr.Track] {
				t.Errorf("segment %d fragment %d begins at %d, before %d", i, j, fr.Base, bases[fr.Track])
			}
			bases[fr.Track] = fr.Base + fr.Duration()
			units[fr.Track] += len(fr.Samples)
			if fr.Track == 0 {
				got = append(got, file[fr.Offset+fr.Data:fr.Offset+fr.Size]...)
			}
		}
		if n := mp4test.Decode(t, s.path(t, g)); n != g.KeyFrames*15 {
			t.Errorf("segment %d: %d pictures, %d key frames", i, n, g.KeyFrames)
		}
	}
	var want []byte
	count := map[int]int{}
	for _, u := range f.Units {
		count[u.Format.Track]++
		if u.Format.Video() {
			for _, n := range u.Data {
				want = append(append(want, byte(len(n)>>24), byte(len(n)>>16), byte(len(n)>>8), byte(len(n))), n...)
			}
		}
	}
	if !bytes.Equal(got, want) {
		t.Error("the pictures on disk are not the bytes sent")
	}
	if diff := cmp.Diff(count, units); diff != "" {
		t.Error(diff)
	}
	if g := s.gaps(t); len(g) != 1 || g[0].Reason != rtsp.ReasonShutdown || !g[0].From.Equal(end) || !g[0].To.IsZero() {
		t.Errorf("gaps %+v", g)
	}
	s.sound(t)
}

func TestSegmentsOfARunPlayUnderOneInitialisation(t *testing.T) {
	f := tile(twoSeconds(t), 45, 2*time.Second)
	s := newStore(t, 1).start(t, recording.OSFiles{})
	s.record(t, items(f)...)
	var joined []byte
	for i, g := range s.all(t) {
		file := read(t, s.path(t, g))
		p, err := mp4.Parse(bytes.NewReader(file), int64(len(file)))
		if err != nil {
			t.Fatal(err)
		}
		if i == 0 {
			joined = append(mp4.AppendFileType(nil), p.Init...)
		}
		joined = append(joined, file[p.Fragments[0].Offset:p.End]...)
	}
	name := filepath.Join(t.TempDir(), "joined.mp4")
	write(t, name, joined)
	if n := mp4test.Decode(t, name); n != 45*30 {
		t.Errorf("%d pictures, want %d", n, 45*30)
	}
	last := int64(-1)
	for _, p := range mp4test.Packets(t, name) {
		if p.Stream != 0 {
			continue
		}
		if last >= 0 && p.DTS-last != 6000 {
			t.Fatalf("a picture at %d follows one at %d", p.DTS, last)
		}
		last = p.DTS
	}
}

func TestCodecsAndReordering(t *testing.T) {
	for name, shot := range map[string]mp4test.Shot{
		"B-frames, aac":      {Video: rtsp.H264, Audio: rtsp.AAC, Seconds: 5, B: 3},
		"h265, alaw":         {Video: rtsp.H265, Audio: rtsp.PCMA, Seconds: 3},
		"long GOP":           {Video: rtsp.H264, Seconds: 20, GOP: 1000},
		"all key frames":     {Video: rtsp.H264, Seconds: 3, GOP: 1},
		"sound without view": {Audio: rtsp.AAC, Seconds: 7},
		"av1, opus":          {Video: rtsp.AV1, Audio: rtsp.Opus, Seconds: 5},
		"mjpeg, lpcm":        {Video: rtsp.MJPEG, Audio: rtsp.LPCM, Seconds: 5},
		"opus alone":         {Audio: rtsp.Opus, Seconds: 5},
	} {
		t.Run(name, func(t *testing.T) {
			f := mp4test.Make(t, shot)
			s := newStore(t, 1).start(t, recording.OSFiles{})
			s.record(t, items(f)...)
			all := s.all(t)
			if len(all) != 1 {
				t.Fatalf("%d segments", len(all))
			}
			want := 0
			if shot.Video != "" {
				want = 15 * shot.Seconds
			}
			if n := mp4test.Decode(t, s.path(t, all[0])); n != want {
				t.Errorf("%d pictures, want %d", n, want)
			}
			if d := all[0].Duration - time.Duration(shot.Seconds)*time.Second; d < -time.Millisecond || d > 150*time.Millisecond {
				t.Errorf("lasts %v", all[0].Duration)
			}
			p, err := mp4.Parse(bytes.NewReader(read(t, s.path(t, all[0]))), all[0].Bytes)
			if err != nil {
				t.Fatal(err)
			}
			for i, fr := range p.Fragments {
				if d := recording.Ticks(fr.Duration(), int(p.Tracks[fr.Track].Timescale)); fr.Track == 0 && d > 4*time.Second {
					t.Errorf("fragment %d lasts %v", i, d)
				}
			}
			s.sound(t)
		})
	}
}

func TestBreaksBecomeGaps(t *testing.T) {
	f := twoSeconds(t)
	end := f.Session.Zero.Add(2 * time.Second)
	s := newStore(t, 1).start(t, recording.OSFiles{})
	at := func(d time.Duration) func() { return func() { s.clock = f.Session.Zero.Add(d) } }
	var list []rtsp.Item
	hooks := map[int]func(){}
	add := func(v ...rtsp.Item) { list = append(list, v...) }
	add(items(f)...)
	add(broken(rtsp.ReasonLost, end)) // nothing missing: the next begins where it ended
	add(items(later(f, 2*time.Second))...)
	add(broken(rtsp.ReasonCodec, end.Add(2*time.Second))) // time missing
	add(items(later(f, 7*time.Second))...)
	hooks[len(list)] = at(9 * time.Second)
	add(broken(rtsp.ReasonClosed, end.Add(7*time.Second)))
	hooks[len(list)] = at(12 * time.Second)
	add(broken(rtsp.ReasonRefused, end.Add(7*time.Second))) // the reason changes
	add(broken(rtsp.ReasonRefused, end.Add(7*time.Second))) // and does not
	add(items(later(f, 20*time.Second))...)
	add(broken(rtsp.ReasonShutdown, end.Add(20*time.Second)))
	src := &script{items: list, at: func(i int) {
		if h := hooks[i]; h != nil {
			h()
		}
	}}
	if err := s.Recorder("porch", recording.Main, src).Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	zero := f.Session.Zero
	want := []recording.Gap{
		{From: zero.Add(4 * time.Second), To: zero.Add(7 * time.Second), Reason: rtsp.ReasonCodec},
		{From: zero.Add(9 * time.Second), To: zero.Add(12 * time.Second), Reason: rtsp.ReasonClosed},
		{From: zero.Add(12 * time.Second), To: zero.Add(20 * time.Second), Reason: rtsp.ReasonRefused},
		{From: zero.Add(22 * time.Second), Reason: rtsp.ReasonShutdown},
	}
	got := s.gaps(t)
	for i := range got {
		got[i].ID, got[i].Camera, got[i].Stream, got[i].Detail = 0, "", "", ""
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("gaps (-want +got):\n%s", diff)
	}
	runs := map[int64]bool{}
	for _, g := range s.all(t) {
		runs[g.Run] = true
	}
	if len(runs) != 4 {
		t.Errorf("%d runs of 4 sessions", len(runs))
	}
	s.sound(t)

	// The next start closes the gap that the shutdown left.
	s.record(t, items(later(f, 60*time.Second))...)
	got = s.gaps(t)
	if g := got[3]; !g.To.Equal(zero.Add(60 * time.Second)) {
		t.Errorf("after the restart %+v", g)
	}
	s.sound(t)
	all := s.all(t)
	if all[len(all)-1].Gaps == (recording.Hash{}) {
		t.Error("the segment after a gap does not commit to it")
	}
}

func TestProofAndChain(t *testing.T) {
	s := newStore(t, 1).start(t, recording.OSFiles{})
	s.record(t, items(tile(twoSeconds(t), 40, 2*time.Second))...)
	previous := recording.Hash{}
	for _, g := range s.all(t) {
		p, err := s.Proof(t.Context(), g)
		if err != nil {
			t.Fatal(err)
		}
		if p.Previous != previous || recording.Root(p.Leaves) != g.Root || g.MakeLink() != g.Link {
			t.Errorf("segment %d does not fit its chain", g.Seq)
		}
		previous = g.Link
		file := read(t, s.path(t, g))
		parsed, err := mp4.Parse(bytes.NewReader(file), int64(len(file)))
		if err != nil {
			t.Fatal(err)
		}
		for i, fr := range parsed.Fragments {
			if p.Leaves[i+1] != sha256.Sum256(file[fr.Offset:fr.Offset+fr.Size]) {
				t.Fatalf("leaf %d is not the digest of its fragment", i+1)
			}
		}
		if bytes.Contains(file, []byte("porch")) || bytes.Contains(file, []byte("main")) {
			t.Error("the file names its camera")
		}
		file[parsed.Fragments[1].Offset+parsed.Fragments[1].Data] ^= 1
		write(t, s.path(t, g), file)
		if _, err := s.Proof(t.Context(), g); err == nil {
			t.Error("a changed file was proven")
		}
		if damage, _ := s.findings(t); len(damage) != 1 || damage[0].Kind != "bit" || damage[0].Path != g.Path {
			t.Errorf("check finds %+v", damage)
		}
		file[parsed.Fragments[1].Offset+parsed.Fragments[1].Data] ^= 1
		write(t, s.path(t, g), file)
	}
	s.sound(t)
}

func TestRecorderRefusesNamesAndTwins(t *testing.T) {
	s := newStore(t, 1).start(t, recording.OSFiles{})
	for _, name := range []string{"", "..", "a/b", "Porch", "-a", strings.Repeat("a", 33), "a\x00"} {
		if err := s.Recorder(name, recording.Main, &script{}).Run(t.Context()); err == nil {
			t.Errorf("recorded camera %q", name)
		}
	}
	var twin error
	src := &script{at: func(int) { twin = s.Recorder("porch", recording.Main, &script{}).Run(t.Context()) }}
	if err := s.Recorder("porch", recording.Main, src).Run(t.Context()); err != nil || twin == nil {
		t.Errorf("%v; a second recorder: %v", err, twin)
	}
}

func TestOpenSeesDurableBytesOnly(t *testing.T) {
	f := tile(twoSeconds(t), 5, 2*time.Second)
	s := newStore(t, 1).start(t, recording.OSFiles{})
	var early recording.Segment
	src := &script{items: items(f)}
	src.at = func(i int) {
		switch i {
		case len(src.items) / 2:
			if err := s.SyncAll(t.Context()); err != nil {
				t.Error(err)
			}
		case len(src.items) - 5:
			early = s.all(t)[0]
			file, err := s.Open(early)
			if err != nil {
				t.Error(err)
				return
			}
			on, err := os.Stat(s.path(t, early))
			if err != nil || file.Size() != early.Bytes || on.Size() <= early.Bytes {
				t.Errorf("sees %d, the index says %d of %v", file.Size(), early.Bytes, on)
			}
			p, err := mp4.Parse(file, file.Size())
			if err != nil || p.End != early.Bytes || early.State != recording.Open {
				t.Errorf("durable part ends at %d of %d: %v", p.End, early.Bytes, err)
			}
			if err := file.Close(); err != nil {
				t.Error(err)
			}
			status, err := s.Status(t.Context())
			if err != nil || len(status) != 1 || !status[0].LastDurable.Equal(early.End()) || !status[0].Problem.IsZero() {
				t.Errorf("status %+v %v", status, err)
			}
		}
	}
	if err := s.Recorder("porch", recording.Main, src).Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	if early.Duration < 3*time.Second {
		t.Errorf("only %v durable half-way", early.Duration)
	}
	if _, err := s.Open(recording.Segment{Disk: early.Disk, Path: "../../x"}); err == nil {
		t.Error("opened a file outside the disk")
	}
	if err := os.Remove(s.path(t, early)); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Open(s.all(t)[0]); !errors.Is(err, recording.ErrNotFound) {
		t.Errorf("opening a lost file: %v", err)
	}
}

// TestMainAndSubOfDifferentCodecs records both streams of a camera at once.
func TestMainAndSubOfDifferentCodecs(t *testing.T) {
	s := newStore(t, 1).start(t, recording.OSFiles{})
	shots := map[string]mp4test.Shot{
		recording.Main: {Video: rtsp.H265, Audio: rtsp.AAC, Seconds: 4, Rate: 15},
		recording.Sub:  {Video: rtsp.MJPEG, Audio: rtsp.Opus, Seconds: 4, Rate: 5},
	}
	var streams sync.WaitGroup
	for stream, shot := range shots {
		f := mp4test.Make(t, shot)
		streams.Go(func() {
			if err := s.Recorder("porch", stream, &script{items: items(f)}).Run(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
	streams.Wait()
	for stream, want := range map[string][]string{recording.Main: {"hvc1", "mp4a"}, recording.Sub: {"jpeg", "Opus"}} {
		all, err := s.Segments(t.Context(), "porch", stream, time.Unix(0, 0), recording.FarFuture)
		if err != nil || len(all) != 1 {
			t.Fatalf("%s: %d segments, %v", stream, len(all), err)
		}
		p, err := mp4.Parse(bytes.NewReader(read(t, s.path(t, all[0]))), all[0].Bytes)
		if err != nil || len(p.Tracks) != 2 {
			t.Fatalf("%s: %v", stream, err)
		}
		for i, w := range want {
			if got := p.Tracks[i].Codec(); !strings.HasPrefix(got, w) {
				t.Errorf("%s: track %d is %q, want %q", stream, i, got, w)
			}
		}
		rate := shots[stream].Rate
		if n := mp4test.Decode(t, s.path(t, all[0])); n != 4*rate {
			t.Errorf("%s: %d pictures", stream, n)
		}
		if d := all[0].Duration - 4*time.Second; d.Abs() > 150*time.Millisecond {
			t.Errorf("%s lasts %v", stream, all[0].Duration)
		}
	}
	s.sound(t)
}
