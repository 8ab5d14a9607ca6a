package main

import (
	"context"
	"errors"
	"fmt"
	"net"

	"gatehouse/hub/bulletin"
	"gatehouse/hub/intake"
)

// openIntake takes the intake's address, if there is to be one.
func (h *hub) openIntake(context.Context) (err error) {
	if h.cfg.Intake.Listen == "" {
		return nil
	}
	if h.door, err = net.Listen("tcp", h.cfg.Intake.Listen); err != nil {
		return fmt.Errorf("opening the intake: %w", err)
	}
	return nil
}

// runIntake takes in what is pushed, as the inbox folder does.
func (h *hub) runIntake(ctx context.Context) error {
	if h.door == nil {
		return nil
	}
	return intake.New(intake.Config{Log: h.log, Take: func(ctx context.Context, data []byte) error {
		err := h.requests.Take(ctx, "intake", data)
		var refused *bulletin.Refusal
		if errors.As(err, &refused) {
			h.log.Info("push refused", "reason", string(refused.Code))
			return nil
		}
		return err
	}}).Run(ctx, h.door)
}
