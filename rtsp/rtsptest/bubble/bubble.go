// Package bubble runs tests in virtual time on one processor.
//
// Goroutines of a [testing/synctest] bubble that look at expired timers at the same
// moment share one state of the race detector and corrupt it, after which the process
// ends somewhere else (golang/go#78156, in Go 1.25 and 1.26). On one processor no two
// of them can.
package bubble

import (
	"runtime"
	"sync"
	"testing"
	"testing/synctest"
)

var processors struct {
	mu      sync.Mutex
	bubbles int // running now
	before  int // processors, before the first of them
}

// Test is [synctest.Test] while the process has one processor. Parallel tests may
// call it at the same time.
func Test(t *testing.T, f func(t *testing.T)) {
	t.Helper()
	count(+1)
	defer count(-1)
	synctest.Test(t, f)
}

func count(change int) {
	p := &processors
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.bubbles == 0 {
		p.before = runtime.GOMAXPROCS(1)
	}
	if p.bubbles += change; p.bubbles == 0 {
		runtime.GOMAXPROCS(p.before)
	}
}
