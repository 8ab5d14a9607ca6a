package uplink

import (
	"context"
	"errors"
	"testing"
)

func TestSwitch(t *testing.T) {
	var s Switch
	running, done, ok := s.While(t.Context())
	if !s.On() || !ok || running.Err() != nil {
		t.Fatal("a new switch is off")
	}
	_, over, _ := s.While(t.Context())
	over()
	if len(s.cut) != 1 {
		t.Errorf("%d contexts are remembered", len(s.cut))
	}
	if s.Set(true) || !s.Set(false) || s.On() {
		t.Error("it does not say whether it was switched")
	}
	if !errors.Is(context.Cause(running), ErrOff) {
		t.Errorf("what ran goes on: %v", context.Cause(running))
	}
	if ctx, _, ok := s.While(t.Context()); ok || ctx.Err() == nil {
		t.Error("something begins while it is off")
	}
	done()
	if !s.Set(true) || !s.On() {
		t.Error("it stays off")
	}
	if _, done, ok := s.While(t.Context()); !ok {
		t.Error("nothing begins while it is on again")
	} else {
		done()
	}
	var none *Switch
	if _, done, ok := none.While(t.Context()); !ok || !none.On() {
		t.Error("no switch is off")
	} else {
		done()
	}
}
