package homekit

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"
)

// Run serves HAP until ctx ends. It can be called once.
func (b *Bridge) Run(ctx context.Context) error {
	if b.started.Swap(true) {
		return errors.New("homekit bridge was run before")
	}
	bellAddr, eyeAddr, err := listenAddrs(b.cfg.Addr)
	if err != nil {
		return err
	}
	var lc net.ListenConfig
	bellLn, err := lc.Listen(ctx, "tcp", bellAddr)
	if err != nil {
		return fmt.Errorf("listening for homekit: %w", err)
	}
	defer bellLn.Close()
	eyeLn, err := lc.Listen(ctx, "tcp", eyeAddr)
	if err != nil {
		return fmt.Errorf("listening for homekit motion sensor: %w", err)
	}
	defer eyeLn.Close()

	eyes, err := b.listenCameras(ctx, &lc, eyeAddr)
	for _, ln := range eyes {
		defer ln.Close()
	}
	if err != nil {
		return err
	}

	b.mu.Lock()
	b.addr, b.eyeAt = bellLn.Addr().String(), eyeLn.Addr().String()
	b.mu.Unlock()
	close(b.ready)
	b.cfg.Log.Info("homekit listens", "peer", b.Addr())

	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var wg sync.WaitGroup
	part := func(f func() error) {
		wg.Go(func() { cancel(f()) })
	}
	part(func() error { return b.serve(ctx, b.bell, bellLn) })
	part(func() error { return b.serve(ctx, b.eye, eyeLn) })
	part(func() error { return b.loop(ctx) })
	for i, c := range b.cameras {
		part(func() error { return b.serve(ctx, c.server, eyes[i]) })
		part(func() error { c.follow(ctx); return nil })
		part(func() error { c.warm.run(ctx); return nil })
	}
	wg.Wait()
	if err := context.Cause(ctx); !errors.Is(err, context.Canceled) && !errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	return nil
}

// listenCameras opens the cameras' ports. What it returns is open, also beside an error.
func (b *Bridge) listenCameras(ctx context.Context, lc *net.ListenConfig, eye string) (list []net.Listener, err error) {
	for i, c := range b.cameras {
		addr, err := cameraAddr(eye, i)
		if err != nil {
			return list, err
		}
		ln, err := lc.Listen(ctx, "tcp", addr)
		if err != nil {
			return list, fmt.Errorf("listening for homekit camera: %w", err)
		}
		list = append(list, ln)
		b.mu.Lock()
		c.addr = ln.Addr().String()
		b.mu.Unlock()
	}
	return list, nil
}

// serve runs one accessory and its announcement.
func (b *Bridge) serve(ctx context.Context, s *server, ln net.Listener) error {
	at := ln.Addr().(*net.TCPAddr)
	var wg sync.WaitGroup
	defer wg.Wait()
	wg.Go(func() { s.mdns.run(ctx, s, at.Port, func() []string { return interfaces(b.cfg.Interfaces, at.IP) }) })
	return s.run(ctx, ln)
}

// loop rings, reports motion and locks again until ctx ends.
func (b *Bridge) loop(ctx context.Context) error {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-b.poke:
		case <-timer.C:
		}
		b.ring()
		left := b.reportMotion()
		if shut := b.relock(); shut > 0 && (left <= 0 || shut < left) {
			left = shut
		}
		if left > 0 {
			timer.Reset(left)
		}
	}
}

// ring rings for the card on display if its request has not rung before. The
// request is written down as rung first: after a crash a ring may be missing,
// and the console still shows the request, but none is ever heard twice.
func (b *Bridge) ring() {
	b.mu.Lock()
	id, due := b.deck.due(b.rung.has, b.cfg.Now())
	due = due && b.bell.store.paired()
	if due {
		if err := b.rung.add(id); err != nil {
			b.cfg.Log.Error("keeping rung request failed", "request", id, "err", err)
		}
		b.deck.freeze(b.cfg.Now())
	}
	b.mu.Unlock()
	if !due {
		return
	}
	if err := b.doorbell.press.SetValue(singlePress); err != nil {
		b.cfg.Log.Error("ringing failed", "request", id, "err", err)
		return
	}
	b.cfg.Log.Info("doorbell rang", "request", id)
}

// reportMotion sets the sensor and returns how long motion still lasts.
func (b *Bridge) reportMotion() time.Duration {
	b.mu.Lock()
	left := time.Until(b.motion)
	b.mu.Unlock()
	b.sensor.motion.SetValue(left > 0)
	return left
}
