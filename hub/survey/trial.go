package survey

import (
	"context"
	"errors"
	"sync"
)

// Choice is what an owner chose of a draft.
type Choice struct {
	Label     string // what people call it; may be empty
	Name      string
	Main, Sub string // tokens of profiles; an empty Sub is none
	Outside   *bool  // nil while nobody said
	Sound     bool
}

// Trial is what came of the chosen streams.
type Trial struct {
	Choice
	Measured Measured
	Small    *Measured // of the sub stream; nil if none was chosen
}

// Of reports whether the trial was of the streams of a choice.
func (t *Trial) Of(c Choice) bool { return t != nil && t.Main == c.Main && t.Sub == c.Sub }

// ErrDraft means that a draft is too old, or was never there.
var ErrDraft = errors.New("no such camera is being set up")

// Trial tries the chosen streams of a draft at the same time and keeps what came
// with the draft. Who asks for it twice at once gets one trial, which goes on
// when the first of them leaves. Its errors are those of [Survey.Try], ErrDraft
// and ErrAddress.
func (s *Survey) Trial(ctx context.Context, id string, c Choice) error {
	ctx = context.WithoutCancel(ctx) // Try has a limit of its own
	got, err, _ := s.trying.Do(id+" "+c.Main+" "+c.Sub, func() (any, error) {
		d, ok := s.Draft(id)
		if !ok {
			return Trial{}, ErrDraft
		}
		a, err := d.Addresses(c.Main, c.Sub)
		if err != nil {
			return Trial{}, err
		}
		var t Trial
		var small Measured
		var smallErr error
		var wg sync.WaitGroup
		if a.Sub != "" {
			t.Small = &small
			wg.Go(func() { small, smallErr = s.Try(ctx, a.Stream(a.Sub)) })
		}
		t.Measured, err = s.Try(ctx, a.Stream(a.Main))
		wg.Wait()
		return t, errors.Join(err, smallErr)
	})
	if err != nil {
		return err
	}
	t := got.(Trial)
	t.Choice = c
	s.mu.Lock()
	defer s.mu.Unlock()
	d, ok := s.drafts[id]
	if !ok {
		return ErrDraft
	}
	d.Trial = &t
	s.drafts[id] = d
	return nil
}

// Save writes a draft that was tried as a camera, once: a button pressed twice
// finds that it is saved. Then the login and the pictures of the draft are forgotten.
func (s *Survey) Save(id, name string, write func() error) (saved string, err error) {
	s.saving.Lock()
	defer s.saving.Unlock()
	d, ok := s.Draft(id)
	switch {
	case !ok:
		return "", ErrDraft
	case d.Saved != "":
		return d.Saved, nil
	}
	if err := write(); err != nil {
		return "", err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.drafts[id] = Draft{ID: id, Saved: name, at: d.at}
	if d.Trial != nil {
		if s.noted == nil {
			s.noted = map[string]Measured{}
		}
		m := d.Trial.Measured
		m.Stills = nil
		s.noted[name] = m
	}
	return name, nil
}
