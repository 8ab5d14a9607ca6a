package main

import (
	"context"
	"errors"

	"gatehouse/hub/delivery"
	"gatehouse/hub/request"
)

// Requests and deliveries know each other only here.

// mayDeliver asks, before a job's first byte, whether the agency's profile
// still stands for what was approved.
func (h *hub) mayDeliver(ctx context.Context, j delivery.Job) (why string, err error) {
	err = h.requests.Sendable(ctx, j.Request)
	switch {
	case errors.Is(err, request.ErrBlocked):
		return err.Error(), nil
	case errors.Is(err, request.ErrState):
		return "the request is no longer approved", nil
	}
	return "", err
}

// cancelDelivery stops a job of which no byte was sent.
func (h *hub) cancelDelivery(ctx context.Context, requestID string) error {
	err := h.outbox.CancelRequest(ctx, requestID)
	if errors.Is(err, delivery.ErrTooLate) {
		return nil
	}
	return err
}

// delivered notes a job's end on its request.
func (h *hub) delivered(ctx context.Context, j delivery.Job) {
	if err := h.requests.Delivered(ctx, j.Request, j.State == delivery.Done, j.Error); err != nil {
		h.log.Error("could not note a delivery", "request", j.Request, "err", err)
	}
}
