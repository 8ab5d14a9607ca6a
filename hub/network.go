package main

import (
	"errors"
	"fmt"
	"io"
	"os"

	"gatehouse/hub/config"
	"gatehouse/hub/control"
)

// followNetwork switches as the file says, unless the owner switched off and
// the file could not be told.
func (h *hub) followNetwork(c *config.Config) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.cutOff = h.cutOff && c.NetworkOn()
	h.setNetwork(c.NetworkOn() && !h.cutOff)
}

// setNetwork is under h.mu.
func (h *hub) setNetwork(on bool) {
	if h.network.Set(on) {
		h.log.Info("network switched", "state", onOff(on))
		h.outbox.Kick() // what was approved meanwhile
	}
}

// switchNetwork writes the switch into gatehouse.yml, which the editor follows
// at once. Off is obeyed before that, and if nothing can be written it is
// config.ErrUnwritten: off it stays until the owner switches on, or a restart.
func (h *hub) switchNetwork(on bool) error {
	if !on {
		h.mu.Lock()
		h.cutOff = true
		h.setNetwork(false)
		h.mu.Unlock()
	}
	c, err := h.editor.Edit("", config.Set("network", onOff(on)))
	switch {
	case err != nil && !on:
		h.log.Error("switching the network off could not be written", "err", err)
		return config.ErrUnwritten
	case err != nil:
		return editError(err)
	}
	h.mu.Lock()
	h.cutOff = false
	h.mu.Unlock()
	h.followNetwork(c)
	return nil
}

func onOff(on bool) string {
	if on {
		return config.On
	}
	return config.Off
}

type networkCmd struct {
	client
	State string `arg:"" optional:"" enum:"on,off," default:"" help:"on or off. Without it, tell which it is."`
}

// Run has a running hub switch, and writes the switch into gatehouse.yml by
// itself, or reads it there, only if there is none: off must not wait for a file.
func (c *networkCmd) Run(e *env) error {
	state, err := c.dial().Network(e.ctx, c.State)
	if errors.Is(err, control.ErrNotRunning) {
		return c.inFile(e)
	}
	if err != nil {
		return err
	}
	return c.tell(e, state == config.On)
}

func (c *networkCmd) inFile(e *env) error {
	cfg, err := config.Load(c.Data)
	if err == nil && c.State != "" {
		cfg, err = config.NewEditor(c.Data, nil).Edit("", config.Set("network", c.State))
	}
	if errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("%wno %s in %s: this is not a hub's data folder", errInput, config.File, c.Data)
	}
	if err != nil {
		return err
	}
	return c.tell(e, cfg.NetworkOn())
}

func (c *networkCmd) tell(e *env, on bool) error {
	return c.print(e, map[string]string{"network": onOff(on)}, func(w io.Writer) { printNetwork(w, on) })
}

func printNetwork(w io.Writer, on bool) {
	if on {
		fmt.Fprintf(w, "network\ton\n")
		return
	}
	fmt.Fprintf(w, "network\toff\tno bulletin is fetched and nothing is sent; approved packages wait\n")
}
