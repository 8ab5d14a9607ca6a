package request

import (
	"context"
	"fmt"
	"time"

	"github.com/fsnotify/fsnotify"
)

const (
	settle = 250 * time.Millisecond // an editor's or copier's burst of events
	glance = time.Minute            // folders on network shares send no events
)

// watchFolder calls look at once, after every change in a folder and every
// minute, until ctx ends or look fails. Look may ask to be called again sooner.
func watchFolder(ctx context.Context, dir string, look func(context.Context) (again time.Duration, err error)) error {
	w, err := fsnotify.NewWatcher()
	if err != nil {
		return fmt.Errorf("watching %s: %w", dir, err)
	}
	defer w.Close() //nolint:errcheck // nothing is written
	if err := w.Add(dir); err != nil {
		return fmt.Errorf("watching %s: %w", dir, err)
	}
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-w.Events:
			timer.Reset(settle)
		case <-w.Errors: // events may have been lost
			timer.Reset(settle)
		case <-timer.C:
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
