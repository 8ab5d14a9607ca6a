package survey

import (
	"bytes"
	"context"
	"errors"
	"image/jpeg"
	"strings"
	"sync"
	"testing"
	"time"

	"gatehouse/hub/clip"
	"gatehouse/hub/internal/ffmpeg"
	"gatehouse/rtsp"
	"gatehouse/rtsp/rtsptest"
)

// pasted is a draft of a camera's stream, as a person pastes its address.
func pasted(t *testing.T, s *Survey, c rtsptest.Camera) Draft {
	t.Helper()
	d, err := s.Ask(t.Context(), Login{Address: stream(t, c).URL("main")})
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// TestTrialShowsWhatCame: pictures of a real decoder, spread over the trial, and
// the distance of key frames, before anything is saved.
func TestTrialShowsWhatCame(t *testing.T) {
	s := newSurvey()
	s.Picture = clip.New(clip.Config{FFmpeg: ffmpeg.Find()}).Picture
	d := pasted(t, s, rtsptest.ScriptNamed("plain").Camera)
	if err := s.Trial(t.Context(), d.ID, Choice{Name: "porch"}); err != nil {
		t.Fatal(err)
	}
	d, _ = s.Draft(d.ID)
	if !d.Trial.Of(Choice{Name: "other"}) || d.Trial.Of(Choice{Main: "2"}) {
		t.Error("a trial is of streams, not of names")
	}
	m := d.Trial.Measured
	if len(m.Stills) < 2 || m.Key == 0 || d.Trial.Small != nil {
		t.Fatalf("%d pictures, key frame every %v", len(m.Stills), m.Key)
	}
	for _, b := range m.Stills {
		if c, err := jpeg.DecodeConfig(bytes.NewReader(b)); err != nil || c.Width != m.Width {
			t.Errorf("a picture of %d pixels: %v", c.Width, err)
		}
	}
}

// TestTrialWithoutPictures: what cannot be decoded can be recorded all the same.
func TestTrialWithoutPictures(t *testing.T) {
	s := newSurvey()
	s.Picture = func(context.Context, *rtsp.Unit) ([]byte, error) { return nil, errors.New("no decoder") }
	d := pasted(t, s, rtsptest.ScriptNamed("plain").Camera)
	if err := s.Trial(t.Context(), d.ID, Choice{}); err != nil {
		t.Fatal(err)
	}
	if d, _ = s.Draft(d.ID); d.Trial == nil || len(d.Trial.Measured.Stills) != 0 {
		t.Errorf("%+v", d.Trial)
	}
}

// TestTrialTwiceIsOne: two presses open one connection, and the trial goes on
// though the one who pressed first has left.
func TestTrialTwiceIsOne(t *testing.T) {
	s := newSurvey()
	srv := stream(t, rtsptest.ScriptNamed("plain").Camera)
	d, err := s.Ask(t.Context(), Login{Address: srv.URL("main")})
	if err != nil {
		t.Fatal(err)
	}
	left, leave := context.WithCancel(t.Context())
	leave()
	var both sync.WaitGroup
	for _, ctx := range []context.Context{left, t.Context()} {
		both.Go(func() {
			if err := s.Trial(ctx, d.ID, Choice{}); err != nil {
				t.Error(err)
			}
		})
	}
	both.Wait()
	if d, _ = s.Draft(d.ID); d.Trial == nil {
		t.Error("no trial is kept")
	}
}

func TestSavedOnce(t *testing.T) {
	s := newSurvey()
	s.keep(Draft{ID: "1", at: time.Now(), paste: "rtsp://u:secret@h/x", Trial: &Trial{Measured: Measured{Key: time.Second, Stills: [][]byte{{1}}}}})
	wrong := errors.New("no such name")
	if _, err := s.Save("1", "porch", func() error { return wrong }); !errors.Is(err, wrong) {
		t.Errorf("a save that failed: %v", err)
	}
	var written int
	for _, name := range []string{"porch", "porch-again"} {
		saved, err := s.Save("1", name, func() error { written++; return nil })
		if err != nil || saved != "porch" {
			t.Errorf("saved as %q, %v", saved, err)
		}
	}
	d, ok := s.Draft("1")
	if written != 1 || !ok || d.paste != "" || d.Trial != nil {
		t.Errorf("written %d times, and left: %+v", written, d)
	}
	if m, ok := s.Noted("porch"); !ok || m.Key != time.Second || len(m.Stills) != 0 {
		t.Errorf("noted %+v", m)
	}
	if err := s.Trial(t.Context(), "2", Choice{}); !errors.Is(err, ErrDraft) {
		t.Errorf("a trial of no draft: %v", err)
	}
	if _, err := s.Save("2", "x", nil); !errors.Is(err, ErrDraft) {
		t.Errorf("a save of no draft: %v", err)
	}
	if f := (&Failure{StepLogin, rtsp.Cause{Code: "camera-stalled"}}); !strings.HasPrefix(f.Error(), "login") {
		t.Error(f)
	}
}
