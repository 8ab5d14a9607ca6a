package config

import (
	"context"
	"fmt"
	"log/slog"
	"path/filepath"
	"slices"
	"time"

	"github.com/fsnotify/fsnotify"
)

// settle is how long a file must be left alone before it is read: editors
// write in several steps.
const settle = 200 * time.Millisecond

// Watch calls look once, and again after each change of the file, until ctx
// ends, from this goroutine.
func Watch(ctx context.Context, dataDir string, log *slog.Logger, look func()) error {
	w, err := fsnotify.NewWatcher()
	if err != nil {
		return fmt.Errorf("watching the configuration: %w", err)
	}
	defer w.Close()
	// Folders, not the file: editors replace files by renaming. The file may be a
	// link into another folder.
	names := []string{File}
	if err := w.Add(dataDir); err != nil {
		return fmt.Errorf("watching the configuration: %w", err)
	}
	if real, err := filepath.EvalSymlinks(filepath.Join(dataDir, File)); err == nil && w.Add(filepath.Dir(real)) == nil {
		names = append(names, filepath.Base(real))
	}
	timer := time.NewTimer(settle) // once at the start: the file may have changed since it was read
	for {
		select {
		case <-ctx.Done():
			return nil
		case e, ok := <-w.Events:
			if !ok {
				return nil
			}
			if slices.Contains(names, filepath.Base(e.Name)) && !e.Has(fsnotify.Chmod) {
				timer.Reset(settle)
			}
		case err := <-w.Errors:
			log.Warn("configuration watcher failed", "err", err)
			timer.Reset(settle)
		case <-timer.C:
			look()
		}
	}
}
