package request

import (
	"context"
	"time"
)

// Unwatched makes Run leave folders alone: a test's clock does not move while
// a goroutine waits for the file system.
func Unwatched(s *Service) {
	s.watch = func(ctx context.Context, _ string, _ func(context.Context) (time.Duration, error)) error {
		<-ctx.Done()
		return nil
	}
}

// Names for tests outside of the package.
const (
	RefusedADay = refusedADay
	UserAgent   = userAgent
	MaxManual   = maxManual
)

var Get = get

// Reload reads the allowlist as the watcher does.
func Reload(ctx context.Context, s *Service) error {
	return s.reload(ctx, "a test")
}
