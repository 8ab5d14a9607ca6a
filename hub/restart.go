package main

import (
	"context"
	"fmt"
	"net"
	"os"

	"golang.org/x/sys/unix"

	"gatehouse/hub/config"
	"gatehouse/hub/survey"
)

// serve opens, runs and closes a hub, and does so again whenever its owner asks
// for it, in this process: so it needs nobody who would start the program again.
// It returns nil when ctx ended.
func serve(ctx context.Context, o serveOptions) error {
	unix.Umask(0o077) // whatever the hub makes is the owner's alone: footage, databases, keys
	cfg, err := config.LoadOrMake(o.data)
	if err != nil {
		return err
	}
	held, err := lock(o.data)
	if err != nil {
		return err
	}
	defer held.Close()
	l := &relay{survey: &survey.Survey{Log: o.log}}
	defer l.door.close()
	for {
		h, err := l.open(ctx, o, cfg)
		if err != nil {
			return err
		}
		err = h.run(ctx, o.ready)
		h.close()
		if err != nil || ctx.Err() != nil {
			return err
		}
		o.log.Info("starting again, as the owner asked")
		l.worked, l.cutOff = h.boot, h.cutOff
		if cfg, err = config.Load(o.data); err != nil {
			cfg = l.worked // what is wrong with the file is told once it is watched again
		}
	}
}

// relay is what one run of a hub leaves to the next.
type relay struct {
	survey *survey.Survey // cameras that were found, and one that is being added
	door   frontDoor
	worked *config.Config // what the last run started with; nil before the first
	cutOff bool           // the network is off, though the file could not be told
}

// open opens a hub. One that starts again and cannot with what the file says by
// now, such as an address that is taken, starts with what it had and says so: who
// pressed a button in the console must not be left without it.
func (l *relay) open(ctx context.Context, o serveOptions, cfg *config.Config) (*hub, error) {
	h, err := l.openWith(ctx, o, cfg)
	if err == nil || l.worked == nil {
		return h, err
	}
	o.log.Error("starting with the changed settings failed", "err", err)
	h, again := l.openWith(ctx, o, l.worked)
	if again != nil {
		return nil, again
	}
	h.unfit = unfit{cfg, err}
	return h, nil
}

func (l *relay) openWith(ctx context.Context, o serveOptions, cfg *config.Config) (*hub, error) {
	h := newHub(o, cfg, l)
	if err := h.open(ctx); err != nil {
		h.close()
		return nil, err
	}
	return h, nil
}

// unfit are settings that the hub could not start with, and why.
type unfit struct {
	cfg *config.Config
	err error
}

// startAgain ends this run of the hub; serve begins the next.
func (h *hub) startAgain() {
	select {
	case h.again <- struct{}{}:
	default: // asked for twice
	}
}

// frontDoor keeps the console's address open from one run to the next: a browser that
// asks in between waits for an answer, and is not refused.
type frontDoor struct {
	addr string
	file *os.File
}

func (d *frontDoor) listen(addr string) (net.Listener, error) {
	if d.file != nil && d.addr == addr {
		return net.FileListener(d.file)
	}
	d.close()
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("opening the console: %w", err)
	}
	if t, ok := l.(*net.TCPListener); ok {
		if d.file, err = t.File(); err != nil {
			l.Close()
			return nil, fmt.Errorf("opening the console: %w", err)
		}
		d.addr = addr
	}
	return l, nil
}

func (d *frontDoor) close() {
	if d.file != nil {
		d.file.Close()
	}
	*d = frontDoor{}
}
