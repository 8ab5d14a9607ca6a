package recording_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"time"

	"gatehouse/hub/internal/mp4"
	"gatehouse/hub/internal/mp4/mp4test"
	"gatehouse/hub/recording"
	"gatehouse/rtsp"
	"gatehouse/rtsp/rtsptest"
)

// outcome is what must be on disk of a script.
type outcome struct {
	segments int
	gaps     []rtsp.Reason // before that of the shutdown
}

// outcomes are the scripts that leave more than one whole segment. A camera
// whose connection ends or whose pictures are missing leaves a gap; one that
// begins anew without missing a picture leaves a second segment only.
var outcomes = map[string]outcome{
	"params-change":       {2, nil},
	"loss":                {2, []rtsp.Reason{rtsp.ReasonLost}},
	"audio-loss":          {2, nil},
	"renumbered":          {2, []rtsp.Reason{rtsp.ReasonLost}},
	"new-ssrc":            {2, nil},
	"new-ssrc-bare":       {2, []rtsp.Reason{rtsp.ReasonSSRC}},
	"endless-garbage":     {2, []rtsp.Reason{rtsp.ReasonGarbage}},
	"stall":               {2, []rtsp.Reason{rtsp.ReasonStalled}},
	"half-close":          {2, []rtsp.Reason{rtsp.ReasonClosed}},
	"close":               {2, []rtsp.Reason{rtsp.ReasonClosed}},
	"jump-forward":        {2, nil},
	"jump-back":           {2, nil},
	"clock-set":           {2, nil},
	"digest":              {0, []rtsp.Reason{rtsp.ReasonAuth}}, // no login is given here
	"digest-sha256":       {0, []rtsp.Reason{rtsp.ReasonAuth}},
	"basic":               {0, []rtsp.Reason{rtsp.ReasonAuth}},
	"odd-password":        {0, []rtsp.Reason{rtsp.ReasonAuth}},
	"not-found":           {0, []rtsp.Reason{rtsp.ReasonRefused}},
	"forbidden":           {0, []rtsp.Reason{rtsp.ReasonAuth}},
	"setup-refused":       {0, []rtsp.Reason{rtsp.ReasonRefused}},
	"no-codec":            {0, []rtsp.Reason{rtsp.ReasonNoCodec}},
	"endless-description": {0, []rtsp.Reason{rtsp.ReasonGarbage}},
}

// TestRecordTheZoo records every camera of the zoo at once, as a hub does, and
// holds each to what it sent: every picture is on disk byte for byte, in order,
// and decodes, and nothing else is; a picture that is not there lies in a gap.
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
	ended, _ := ctx.Deadline()
	stop()
	sinks.Wait()
	sources.Wait()
	s.sound(t)
	for name := range cameras {
		t.Run(name, func(t *testing.T) { s.matches(t, name, server.Sent(name), ended) })
	}
}

// tail is how long before the end of reading a picture may have been on its way.
const tail = time.Second

// matches holds what was recorded of a camera to what it sent until ended.
func (s *store) matches(t *testing.T, camera string, sent []rtsptest.Sent, ended time.Time) {
	all, err := s.Segments(t.Context(), camera, recording.Main, time.Unix(0, 0), recording.FarFuture)
	if err != nil {
		t.Fatal(err)
	}
	gaps, err := s.Gaps(t.Context(), camera, recording.Main, time.Unix(0, 0), recording.FarFuture)
	if err != nil {
		t.Fatal(err)
	}
	want, ok := outcomes[camera]
	if !ok {
		want.segments = 1
	}
	var reasons []rtsp.Reason
	for _, g := range gaps {
		reasons = append(reasons, g.Reason)
		if !g.To.IsZero() && g.To.Before(g.From) {
			t.Errorf("gap ends before it begins: %+v", g)
		}
	}
	if len(all) != want.segments || !slices.Equal(reasons, append(want.gaps, rtsp.ReasonShutdown)) {
		t.Errorf("%d segments and gaps %v, want %d and %v before the shutdown", len(all), reasons, want.segments, want.gaps)
	}
	var stored []string
	for _, g := range all {
		stored = append(stored, s.pictures(t, g)...)
	}
	sent = slices.DeleteFunc(sent, func(u rtsptest.Sent) bool { return !u.Whole || u.Track != 0 })
	missing := unmatched(t, sent, stored)
	for _, u := range missing {
		if u.Captured.Before(ended.Add(-tail)) && !covered(gaps, u.Captured) {
			t.Errorf("the picture of %v was sent, is not stored and lies in no gap %v", u.Captured, gaps)
		}
	}
	t.Logf("%d segments, %d of %d pictures, gaps %v", len(all), len(stored), len(sent), reasons)
}

// pictures are the stored pictures of a segment, which must be whole and decode.
func (s *store) pictures(t *testing.T, g recording.Segment) []string {
	t.Helper()
	b := read(t, s.path(t, g))
	p, err := mp4.Parse(bytes.NewReader(b), int64(len(b)))
	if err != nil || !p.Closed {
		t.Fatalf("not finalised: %v", err)
	}
	var stored []string
	for _, fr := range p.Fragments {
		for i, v := range fr.Samples {
			if p.Tracks[fr.Track].Video {
				at := fr.SampleOffset(i)
				stored = append(stored, string(b[at:at+int64(v.Size)]))
			}
		}
	}
	if p.Tracks[0].Video {
		mp4test.Decode(t, s.path(t, g))
	}
	return stored
}

// unmatched returns what of sent is not stored. It wants all that is stored to
// have been sent, in that order.
func unmatched(t *testing.T, sent []rtsptest.Sent, stored []string) []rtsptest.Sent {
	t.Helper()
	var missing []rtsptest.Sent
	i := 0
	for n, have := range stored {
		for i < len(sent) && key(sent[i].Data) != have {
			missing = append(missing, sent[i])
			i++
		}
		if i == len(sent) {
			t.Fatalf("picture %d of %d on disk was not sent, or not then", n, len(stored))
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

// key is a picture as it is stored.
func key(nals [][]byte) string {
	var b []byte
	for _, n := range nals {
		b = append(binary.BigEndian.AppendUint32(b, uint32(len(n))), n...)
	}
	return string(b)
}
