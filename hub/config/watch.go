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

// Watch calls apply with every valid new version of the file, and bad with the
// error of an invalid one, which is then not applied, until ctx ends. Both are
// called from this goroutine; bad(nil) follows when a bad file was mended.
func Watch(ctx context.Context, dataDir string, log *slog.Logger, apply func(*Config), bad func(error)) error {
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
			c, err := Load(dataDir)
			bad(err)
			if err == nil {
				apply(c)
			}
		}
	}
}
