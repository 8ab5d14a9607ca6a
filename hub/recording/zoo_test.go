package recording_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"gatehouse/hub/internal/mp4"
	"gatehouse/hub/internal/mp4/mp4test"
	"gatehouse/hub/recording"
	"gatehouse/rtsp"
	"gatehouse/rtsp/rtsptest"
)

// TestRecordTheZoo records every camera of the zoo at once, as a hub does, and
// holds each to what it sent: whatever arrived whole is on disk byte for byte
// and decodes, and what is not there is a gap.
func TestRecordTheZoo(t *testing.T) {
	cameras := map[string]rtsptest.Camera{}
	for _, s := range rtsptest.Scripts() {
		if len(s.Name) <= 32 {
			cameras[s.Name] = s.Camera
		}
	}
	server, err := rtsptest.NewServer(rtsptest.Config{Log: slog.New(slog.DiscardHandler), Cameras: cameras})
	if err != nil {
		t.Fatal(err)
	}
	s := newStore(t, 1)
	s.cfg.Now = time.Now
	s.start(t, recording.OSFiles{})
	serving, stop := context.WithCancel(context.Background())
	ctx, cancel := context.WithTimeout(t.Context(), 8*time.Second)
	defer cancel()
	var sinks, sources sync.WaitGroup
	sources.Go(func() { _ = server.Run(serving) })
	sinks.Go(func() {
		if err := s.Run(serving); err != nil {
			t.Error(err)
		}
	})
	var recorders sync.WaitGroup
	for name := range cameras {
		source := rtsp.NewSource(rtsp.Config{
			Camera: name, URL: server.URL(name), Log: slog.New(slog.DiscardHandler), Stall: time.Second, Retry: 100 * time.Millisecond,
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
	stop()
	sinks.Wait()
	sources.Wait()
	s.sound(t)
	for name := range cameras {
		t.Run(name, func(t *testing.T) { s.matches(t, name, server.Sent(name)) })
	}
}

// matches holds what was recorded of a camera to what it sent.
func (s *store) matches(t *testing.T, camera string, sent []rtsptest.Sent) {
	all, err := s.Segments(t.Context(), camera, recording.Main, time.Unix(0, 0), recording.FarFuture)
	if err != nil {
		t.Fatal(err)
	}
	pictures, whole := map[string]bool{}, 0
	for _, u := range sent {
		if u.Whole && u.Track == 0 {
			pictures[key(u.Data)] = true
			whole++
		}
	}
	found := 0
	for _, g := range all {
		b := read(t, s.path(t, g))
		p, err := mp4.Parse(bytes.NewReader(b), int64(len(b)))
		if err != nil || !p.Closed {
			t.Fatalf("not finalised: %v", err)
		}
		for _, fr := range p.Fragments {
			for i, v := range fr.Samples {
				if !p.Tracks[fr.Track].Video {
					continue
				}
				at := fr.SampleOffset(i)
				if pictures[string(b[at:at+int64(v.Size)])] {
					found++
				}
			}
		}
		if p.Tracks[0].Video {
			mp4test.Decode(t, s.path(t, g))
		}
	}
	gaps, err := s.Gaps(t.Context(), camera, recording.Main, time.Unix(0, 0), recording.FarFuture)
	if err != nil {
		t.Fatal(err)
	}
	if len(gaps) == 0 {
		t.Error("no gap row, not even for the shutdown")
	}
	var reasons []string
	for _, g := range gaps {
		reasons = append(reasons, string(g.Reason))
		if !g.To.IsZero() && g.To.Before(g.From) {
			t.Errorf("gap ends before it begins: %+v", g)
		}
	}
	t.Logf("%d segments, %d of %d pictures, gaps %s", len(all), found, whole, strings.Join(reasons, " "))
	if slices.Contains([]string{"plain", "h265", "b-frames", "g711", "slices", "duplicates"}, camera) {
		if len(all) != 1 || found < whole*8/10 || found == 0 {
			t.Errorf("%d segments hold %d of %d pictures", len(all), found, whole)
		}
	}
}

// key is a picture as it is stored.
func key(nals [][]byte) string {
	var b []byte
	for _, n := range nals {
		b = append(binary.BigEndian.AppendUint32(b, uint32(len(n))), n...)
	}
	return string(b)
}
