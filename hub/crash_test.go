package main

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"gatehouse/hub/control"
	"gatehouse/hub/recording"
	"gatehouse/hub/sqlite"
	footage "gatehouse/images/demo"
	"gatehouse/rtsp"
	"gatehouse/rtsp/rtsptest"
)

// soaking asks for the long tests: make soak.
var soaking = os.Getenv("GATEHOUSE_SOAK") != ""

// victim is a hub that is killed again and again.
type victim struct {
	data  string
	rand  *rand.Rand
	most  time.Duration        // that a kill comes after the start
	known []recording.ChainRow // closed before the kill, which nothing may change
	kills []time.Time          // while it recorded
	cut   []time.Duration      // by a power cut at each kill: what was not durable
	lost  []time.Duration      // by each kill
}

// TestKilledAgainAndAgain ends a hub that records with SIGKILL at any moment,
// over and over. Each time no more is lost than it had told, fsck finds nothing
// wrong, what is missing is a gap of its crash, and the chain goes on with every
// hash before as it was.
func TestKilledAgainAndAgain(t *testing.T) {
	rounds, most := 5, 4*time.Second
	if soaking {
		rounds, most = 100, 8*time.Second
	}
	victims := make([]*victim, 2)
	cameras := map[string]rtsptest.Camera{}
	for i := range victims {
		victims[i] = &victim{data: t.TempDir(), most: most, rand: rand.New(rand.NewPCG(uint64(i), 3))}
		cameras[fmt.Sprint("porch", i)] = rtsptest.Camera{FS: footage.FS, File: "porch.mp4", Loop: true}
	}
	server := cameraServer(t, cameras)
	var all sync.WaitGroup
	for i, v := range victims {
		v.configure(t, server.URL(fmt.Sprint("porch", i)))
		all.Go(func() {
			for range rounds {
				v.round(t)
			}
			v.end(t)
		})
	}
	all.Wait()
	var cut, lost []time.Duration
	for _, v := range victims {
		cut, lost = append(cut, v.cut...), append(lost, v.lost...)
	}
	if len(lost) < rounds {
		t.Errorf("%d of %d kills while it recorded", len(lost), rounds*len(victims))
	}
	t.Logf("%d kills, %d of them while it recorded", rounds*len(victims), len(cut))
	t.Logf("lost by the kill: %s", spread(lost))
	t.Logf("would be lost by a power cut: %s", spread(cut))
}

func spread(d []time.Duration) string {
	if len(d) == 0 {
		return "nothing measured"
	}
	slices.Sort(d)
	return fmt.Sprintf("median %v, most %v", d[len(d)/2].Round(10*time.Millisecond), d[len(d)-1].Round(10*time.Millisecond))
}

func cameraServer(t *testing.T, cameras map[string]rtsptest.Camera) *rtsptest.Server {
	t.Helper()
	s, err := rtsptest.NewServer(rtsptest.Config{Log: slog.New(slog.DiscardHandler), Cameras: cameras})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); _ = s.Run(ctx) }()
	t.Cleanup(func() { cancel(); <-done })
	return s
}

func (v *victim) configure(t *testing.T, url string) {
	t.Helper()
	text := "listen: 127.0.0.1:0\nstorage: [{path: footage, keep: {free: 1MB}}]\ncameras: [{name: porch, url: '" + url + "'}]\n"
	if err := os.WriteFile(filepath.Join(v.data, "gatehouse.yml"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// serve starts the hub's own program.
func (v *victim) serve(t *testing.T) (*exec.Cmd, *bytes.Buffer) {
	t.Helper()
	cmd := exec.Command("gatehouse", "serve", "--data", v.data)
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &said, &said
	if err := cmd.Start(); err != nil {
		t.Error(err)
	}
	return cmd, &said
}

// live waits until the camera sends, at most until a time, and says since when.
func (v *victim) live(until time.Time) (since time.Time) {
	for time.Now().Before(until) {
		if s, err := control.Dial(v.data).Status(context.Background()); err == nil && len(s.Cameras) == 1 && s.Cameras[0].State == rtsp.PhaseLive {
			return s.Cameras[0].Since
		}
		time.Sleep(50 * time.Millisecond)
	}
	return time.Time{}
}

// round starts the hub, kills it and looks at what is left. One kill in five
// comes at once, into the recovery of the one before.
func (v *victim) round(t *testing.T) {
	cmd, said := v.serve(t)
	var live time.Time
	if v.rand.IntN(5) > 0 {
		if live = v.live(time.Now().Add(30 * time.Second)); live.IsZero() {
			t.Errorf("does not record:\n%s", said)
		}
		time.Sleep(time.Duration(v.rand.Int64N(int64(v.most))))
	} else {
		time.Sleep(time.Duration(v.rand.Int64N(int64(500 * time.Millisecond))))
	}
	told := 7 * time.Second // before it records, what it will tell
	if !live.IsZero() {
		s, err := control.Dial(v.data).Status(context.Background())
		if err != nil {
			t.Error(err)
		} else if n := s.Cameras[0].AtMost; n > 0 {
			told = time.Duration(n) * time.Second
		}
	}
	killed := time.Now()
	if err := cmd.Process.Kill(); err != nil {
		t.Error(err)
	}
	_ = cmd.Wait() // killed
	v.fsck(t)
	v.left(t, live, killed, told)
}

// left looks at the index before and after recovery.
func (v *victim) left(t *testing.T, live, killed time.Time, told time.Duration) {
	ctx := context.Background()
	index, err := sqlite.OpenIndex(ctx, filepath.Join(v.data, indexDB))
	if err != nil {
		t.Error(err)
		return
	}
	defer index.Close()
	durable := end(t, index)
	if !live.IsZero() {
		gone := killed.Sub(later(durable, live))
		v.cut = append(v.cut, gone)
		if gone > told {
			t.Errorf("%v were not durable, told were %v", gone, told)
		}
	}
	cfg := recording.ArchiveConfig{Index: index, Disks: []recording.DiskConfig{{Path: filepath.Join(v.data, "footage")}}}
	if _, err := recording.OpenArchive(ctx, cfg); err != nil {
		t.Error(err)
	}
	recovered := end(t, index)
	if recovered.Before(durable) {
		t.Errorf("durable up to %v, recovered up to %v", durable, recovered)
	}
	if !live.IsZero() {
		v.lost, v.kills = append(v.lost, killed.Sub(later(recovered, live))), append(v.kills, killed)
	}
	rows, err := index.Chain(ctx, "porch", recording.Main, 0, 1<<40)
	if err != nil {
		t.Error(err)
	}
	for i, k := range v.known {
		if len(rows) <= i || rows[i] != k {
			t.Errorf("segment %d was %+v and is another", i, k)
			break
		}
	}
	v.known = rows
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// end is where the stream's recording ends; zero if there is none.
func end(t *testing.T, index recording.Index) time.Time {
	last, err := index.LastSegment(context.Background(), "porch", recording.Main)
	if err != nil {
		return time.Time{}
	}
	return last.End()
}

func (v *victim) fsck(t *testing.T) {
	out, err := exec.Command("gatehouse", "fsck", "--data", v.data).CombinedOutput()
	if err != nil || !bytes.HasPrefix(out, []byte("clean")) && !bytes.Contains(out, []byte("\nclean")) {
		t.Errorf("fsck: %v\n%s", err, out)
	}
}

// end starts the hub once more, stops it in good order and looks for a gap of a
// crash at each kill.
func (v *victim) end(t *testing.T) {
	cmd, said := v.serve(t)
	if v.live(time.Now().Add(30 * time.Second)).IsZero() {
		t.Errorf("does not record:\n%s", said)
	}
	time.Sleep(3 * time.Second) // a group of pictures and more
	if err := cmd.Process.Signal(os.Interrupt); err != nil {
		t.Error(err)
	}
	if err := cmd.Wait(); err != nil {
		t.Errorf("stopping: %v\n%s", err, said)
	}
	v.fsck(t)
	index, err := sqlite.OpenIndex(context.Background(), filepath.Join(v.data, indexDB))
	if err != nil {
		t.Error(err)
		return
	}
	defer index.Close()
	gaps, err := index.Gaps(context.Background(), "porch", recording.Main, time.Unix(0, 0), time.Now().Add(time.Hour))
	if err != nil {
		t.Error(err)
	}
	for _, k := range v.kills {
		in := slices.IndexFunc(gaps, func(g recording.Gap) bool {
			return g.Reason == rtsp.ReasonCrash && !g.From.After(k) && !g.To.Before(k)
		})
		if in < 0 {
			t.Errorf("no gap of a crash at %v in %+v", k, gaps)
		}
	}
}
