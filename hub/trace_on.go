//go:build trace

package main

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"

	"gatehouse/hub/request"
)

// The environment of a traced hub, set by the trace test.
const (
	traceClock    = "GATEHOUSE_TRACE_CLOCK"    // Unix socket of the test that moves the clock
	traceNow      = "GATEHOUSE_TRACE_NOW"      // what the clock shows first, Unix nanoseconds
	traceDNS      = "GATEHOUSE_TRACE_DNS"      // address that all DNS queries go to
	traceMutation = "GATEHOUSE_TRACE_MUTATION" // a way to give something away; empty for none
)

// instrument puts the consent path of a traced hub on a clock that the test
// moves, and DNS on the test's server. All else is the program that people run.
func instrument(c request.Config) request.Config {
	clock, err := steppedClockOf(os.Getenv(traceClock), os.Getenv(traceNow))
	if err != nil {
		fmt.Fprintln(os.Stderr, "gatehouse: opening the trace test's clock:", err)
		os.Exit(exitFault)
	}
	net.DefaultResolver = &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, network, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, network, os.Getenv(traceDNS))
	}}
	c.Now, c.Sleep = clock.Now, clock.Sleep
	return mutated(c, os.Getenv(traceMutation))
}

// steppedClock stands still until the test moves it, which it does only while
// everybody who goes by it sleeps. So whatever happens, happens at a time that
// the test has set, however long the machine takes for it.
type steppedClock struct {
	mu       sync.Mutex
	changed  *sync.Cond // of sleepers
	now      time.Time
	sleepers map[*sleeper]bool
}

type sleeper struct {
	until time.Time
	woken chan struct{}
}

func steppedClockOf(socket, first string) (*steppedClock, error) {
	nanos, err := strconv.ParseInt(first, 10, 64)
	if err != nil {
		return nil, err
	}
	conn, err := net.Dial("unix", socket)
	if err != nil {
		return nil, err
	}
	c := &steppedClock{now: time.Unix(0, nanos).UTC(), sleepers: map[*sleeper]bool{}}
	c.changed = sync.NewCond(&c.mu)
	go c.obey(conn) // as long as the process lives
	return c, nil
}

// Now is the time that the test has set.
func (c *steppedClock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

// Sleep is request.Config.Sleep.
func (c *steppedClock) Sleep(ctx context.Context, until time.Time) bool {
	c.mu.Lock()
	if !until.After(c.now) {
		c.mu.Unlock()
		return ctx.Err() == nil
	}
	s := &sleeper{until, make(chan struct{})}
	c.sleepers[s] = true
	c.changed.Broadcast()
	c.mu.Unlock()
	select {
	case <-s.woken:
		return ctx.Err() == nil
	case <-ctx.Done():
		c.mu.Lock()
		delete(c.sleepers, s)
		c.mu.Unlock()
		return false
	}
}

// obey answers "next N" with the time at which the first of N sleepers wakes,
// once all of them sleep, and "go T" once the clock shows T.
func (c *steppedClock) obey(conn net.Conn) {
	for in := bufio.NewScanner(conn); in.Scan(); {
		word, arg, _ := strings.Cut(in.Text(), " ")
		n, err := strconv.ParseInt(arg, 10, 64)
		if err != nil {
			break
		}
		var answer int64
		if word == "next" {
			answer = c.next(int(n)).UnixNano()
		} else {
			c.set(time.Unix(0, n).UTC())
		}
		if _, err := fmt.Fprintln(conn, answer); err != nil {
			break
		}
	}
}

func (c *steppedClock) next(n int) (first time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for len(c.sleepers) < n {
		c.changed.Wait()
	}
	for s := range c.sleepers {
		if first.IsZero() || s.until.Before(first) {
			first = s.until
		}
	}
	return first
}

func (c *steppedClock) set(now time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = now
	for s := range c.sleepers {
		if !s.until.After(now) {
			delete(c.sleepers, s)
			close(s.woken)
		}
	}
}
