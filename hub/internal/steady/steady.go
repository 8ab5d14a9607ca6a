// Package steady is the time by which things are deleted for good. A computer's
// clock can leap: one without a battery, a time server that lies, a wrong click.
// A leap must not make footage old that is not.
package steady

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"sync"
	"time"

	"gatehouse/hub/internal/durable"
)

// Leap is the step of a clock that is not followed at once, and for how long
// the clock has to go on from there, while the program runs, to be believed.
const Leap = 24 * time.Hour

const saveEvery = 10 * time.Minute

// Clock follows the machine's clock, but for leaps of more than a day, which it
// follows after a day. Its state outlives the program in a file.
type Clock struct {
	path string
	wall func() time.Time
	gone func() time.Duration // that passed since some moment, whatever the wall's clock does

	mu   sync.Mutex
	last time.Duration // of gone
	state
}

// state is what the file has.
type state struct {
	Time  time.Time     `json:"time"`
	Leapt time.Duration `json:"leapt,omitempty"` // for how long the machine's clock has been a leap away
}

// Open reads what a clock knew when it was last saved. Without a file, or with a
// damaged one, it begins with the machine's time.
func Open(path string) (*Clock, error) {
	began := time.Now()
	return open(path, time.Now, func() time.Duration { return time.Since(began) })
}

func open(path string, wall func() time.Time, gone func() time.Duration) (*Clock, error) {
	c := &Clock{path: path, wall: wall, gone: gone, last: gone()}
	text, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("reading what time it was: %w", err)
	}
	if err != nil || json.Unmarshal(text, &c.state) != nil || c.Time.IsZero() || c.Leapt < 0 || c.Leapt > Leap {
		c.state = state{Time: wall()}
	}
	c.Time = c.Time.Round(0)
	return c, nil
}

// Now is never later than the machine's time. While that is a leap ahead it is
// the time before the leap, and what has passed since.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	wall := c.look()
	if wall.Before(c.Time) {
		return wall
	}
	return c.Time
}

// Ahead is how far the machine's clock is ahead of what is believed; 0 if it is not.
func (c *Clock) Ahead() time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	return max(c.look().Sub(c.Time), 0)
}

// look is under mu. It returns the machine's time.
func (c *Clock) look() time.Time {
	wall, now := c.wall().Round(0), c.gone()
	passed := max(now-c.last, 0)
	c.last, c.Time = now, c.Time.Add(passed)
	if wall.Sub(c.Time).Abs() <= Leap {
		c.Time, c.Leapt = wall, 0
		return wall
	}
	if c.Leapt += passed; c.Leapt >= Leap {
		c.Time, c.Leapt = wall, 0
	}
	return wall
}

// Run saves the clock until ctx ends, and at the end. What cannot be saved now
// is saved later.
func (c *Clock) Run(ctx context.Context) error {
	tick := time.NewTicker(saveEvery)
	defer tick.Stop()
	for {
		_ = c.save() // a full disk: the next is ten minutes away, and an older time keeps more
		select {
		case <-ctx.Done():
			_ = c.save() // as above
			return nil
		case <-tick.C:
		}
	}
}

func (c *Clock) save() error {
	c.mu.Lock()
	c.look()
	text, err := json.Marshal(c.state)
	c.mu.Unlock()
	if err != nil {
		return err
	}
	return durable.WriteFile(c.path, append(text, '\n'), 0o600)
}
