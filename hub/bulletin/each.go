package bulletin

import (
	"runtime"
	"sync"
	"sync/atomic"
)

// Each calls do for 0 to n-1, by as many goroutines as there are processors,
// and returns once all have returned. The calls begin in order and end in none: do keeps
// what it finds under its own index, so that the order of a bulletin's lines
// is kept. All checks of this package may run side by side.
func Each(n int, do func(i int)) {
	workers := min(n, runtime.GOMAXPROCS(0))
	if workers < 2 {
		for i := range n {
			do(i)
		}
		return
	}
	var next atomic.Int64
	var all sync.WaitGroup
	for range workers {
		all.Go(func() {
			for {
				i := int(next.Add(1)) - 1
				if i >= n {
					return
				}
				do(i)
			}
		})
	}
	all.Wait()
}
