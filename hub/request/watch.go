package request

import (
	"context"
	"time"

	"github.com/fsnotify/fsnotify"
)

const (
	settle = 250 * time.Millisecond // an editor's or copier's burst of events
	glance = time.Minute            // folders on network shares send no events
)

// watchFolder calls look at once, after every change in a folder and every
// minute, until ctx ends or look fails. Look may ask to be called again sooner.
// A folder that cannot be watched, or is gone for a while, is looked at every minute.
func watchFolder(ctx context.Context, dir string, look func(context.Context) (again time.Duration, err error)) error {
	var events <-chan fsnotify.Event
	var lost <-chan error
	w, err := fsnotify.NewWatcher()
	if err == nil {
		defer w.Close() //nolint:errcheck // nothing is written
		events, lost = w.Events, w.Errors
	}
	timer := time.NewTimer(0)
	defer timer.Stop()
	soon := true // an event was seen since the last look; the ones after it do not put the next look off
	changed := func() {
		if !soon {
			soon = true
			timer.Reset(settle)
		}
	}
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-events:
			changed()
		case <-lost: // events may have been lost
			changed()
		case <-timer.C:
			soon = false
			if w != nil {
				_ = w.Add(dir) // again, for the folder may be another of the same name; without it, a minute is soon enough
			}
			again, err := look(ctx)
			if err != nil {
				return err
			}
			if again <= 0 {
				again = glance
			}
			timer.Reset(again)
		}
	}
}
